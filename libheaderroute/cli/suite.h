/*
 * Test cases in the format of istio-config-validator and a superset of it:
 *
 *     testCases:
 *     - description: users go to the users service
 *       wantMatch: true                      # false turns every comparison round; default true
 *       request:                             # every combination of the lists is tried
 *         authority: [www.example.com]
 *         method: [GET, OPTIONS]             # default GET
 *         uri: [/users, /users/1?x=y]        # default /
 *         headers: {x-user: abc}             # a list of values: the header comes that often
 *         scheme: [http]                     # superset, default http
 *         random: 0.5                        # superset: settles weights, faults and mirrors
 *         draws: {weight: 0.5, abort: 0}     # superset: one draw each; also delay and mirror
 *       view: {gateway: ns/name, port: 80, namespace: ns, sourceLabels: {}, locality: eu/a,
 *              outboundPolicy: allow-any, repeatedHeaders: joined, pathNormalization: base}
 *                                            # superset; default: the mesh, else the Gateway that
 * has a rule route: [...]                         # and redirect, rewrite, fault, headers,
 * delegate, directResponse, # timeout, retries, mirror, mirrors, corsPolicy, name: what the # rule
 * that was selected says, to the letter decision: {action: route, ...}       # superset: what the
 * decision (of route --json) has view: {gateway: mesh}                  # superset: for all cases
 * of the file; a case's own adds to it
 */
#ifndef HR_CLI_SUITE_H
#define HR_CLI_SUITE_H

#include "case_file.h"
#include "request.h"
#include "rules.h"

typedef struct cli_case_result {
    char *description;
    const char *file; /* of the cli_case_file, which must outlive the results */
    int line;
    char *failure; /* NULL: it passed */
} cli_case_result;

typedef struct cli_case_results {
    cli_case_result *v;
    size_t n, capacity, failed;
} cli_case_results;

typedef struct cli_suite {
    hr_table *table;
    const cli_rules *rules;
    cli_views views;
    cli_view defaults; /* of the command line; gateway NULL: look for the view that has a rule */
    hr_scratch *scratch;
} cli_suite;

/* Runs the cases of one file, appending to `out`. CLI_OK, or CLI_FAILED after lines on stderr where the file
 * itself is wrong. */
int cli_cases_run(cli_case_results *out, cli_suite *suite, const cli_case_file *file);
void cli_case_results_free(cli_case_results *results);

#endif
