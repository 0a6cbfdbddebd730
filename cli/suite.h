/*
 * Test cases in the format of istio-config-validator, with additions (+). docs/testing-rules.md has
 * every key.
 *
 *     view: {gateway: mesh}           # + for all cases of the file; the view of a case adds to it
 *     testCases:
 *     - description: users go to the users service
 *       wantMatch: true               # false inverts every comparison; default: true
 *       request:                      # every combination of the lists is tried
 *         authority: [www.example.com]
 *         method: [GET, OPTIONS]      # default: GET
 *         uri: [/users, /users/1?x=y] # default: /
 *         headers: {x-user: abc}      # a list of values sends the header once for each
 *         scheme: [http]              # + default: http
 *         connectTo: 10.0.0.1         # + where the client connects to; default: the authority
 *         random: 0.5                 # + settles weights, faults and mirrors
 *         draws: {weight: 0.5}        # + one draw each; also delay, abort and mirror
 *       view: {port: 80}              # + default: the mesh, else the Gateway that has a rule
 *       route: [...]                  # what the rule that matches says, compared whole; also
 *                                     # redirect, rewrite, fault, headers, delegate, and
 *                                     # + directResponse, timeout, retries, mirror, mirrors,
 *                                     # corsPolicy, name. `delegate` is what the rule of the
 *                                     # VirtualService with the host names
 *       decision: {action: route}     # + members of the decision, as route --json prints it
 *     - forAll: {...}                 # + a statement over all requests: statement.h
 *       expect: {...}
 */
#ifndef HR_CLI_SUITE_H
#define HR_CLI_SUITE_H

#include "case_file.h"
#include "coverage.h"
#include "request.h"
#include "rules.h"

typedef struct cli_case_result {
    char *description;
    const char *file; /* of the cli_case_file, which must outlive the results */
    int line;
    char *failure; /* NULL if the case passed */
} cli_case_result;

typedef struct cli_case_results {
    cli_case_result *v;
    size_t n, capacity, failed;
} cli_case_results;

typedef struct cli_suite {
    hr_table *table;
    const cli_rules *rules;
    cli_views views;
    const hr_connection *connection; /* of all requests; NULL: unknown */
    cli_view defaults; /* of the command line; gateway NULL: look for the view that has a rule */
    hr_scratch *scratch;
    cli_coverage *coverage; /* NULL: not asked for */
    const cli_input *input; /* of the table, and where findings go: never NULL */
    hr_table *roots;        /* what cli_roots_load makes of them; NULL until it is needed */
    cli_views root_views;
} cli_suite;

/* Frees what the suite has made, its views and its scratch. */
void cli_suite_close(cli_suite *suite);

/* Runs the cases of one file, appending to `out`. CLI_OK, or CLI_FAILED after lines on stderr where
 * the file itself is wrong. */
int cli_cases_run(cli_case_results *out, cli_suite *suite, const cli_case_file *file);
void cli_case_results_free(cli_case_results *results);

#endif
