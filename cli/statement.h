/*
 * Statements over all requests: cases with `forAll` instead of `request`.
 *
 *     - description: condition1 always goes to v1
 *       forAll:                         # requests that meet all of these
 *         authority: shop.example.com   # a text, or {exact}, {suffix} or {regex}
 *         path: {prefix: /api/}         # a text, or {exact}, {prefix} or {regex}
 *         method: POST                  # the same for scheme
 *         headers: {target: condition1, x: {}}     # {} is any value
 *         withoutHeaders: {y: {}, z: {exact: a}}
 *         queryParams: {q: {exact: "1"}}
 *       expect:                         # of each of their decisions
 *         host: checkout                # of the destination; also subset and port
 *         action: route                 # as in a decision
 *         status: 403                   # of the proxy's own answer or of a redirect
 *         timeout: 10s                  # 0s: none
 *         redirect: {...}               # what the rule says, compared whole
 *         never: {destination: {host: checkout, subset: v2}}
 *         always: {header: {x-model: a}}           # what the upstream receives
 */
#ifndef HR_CLI_STATEMENT_H
#define HR_CLI_STATEMENT_H

#include <jansson.h>

#include "coverage.h"
#include "request.h"
#include "rules.h"

typedef struct cli_statement {
    hr_table *table;
    const cli_rules *rules;
    const cli_view *view; /* whose proxy decides; the mesh's if it names no gateway */
    hr_scratch *scratch;
    cli_coverage *coverage; /* notes the witness of each rule; NULL: not asked for */
    const json_t *for_all, *expect;
} cli_statement;

/* Returns NULL if the statement is proven; else what is wrong with it, a counterexample, or what
 * could not be decided. The caller frees it. */
char *cli_statement_check(const cli_statement *statement);

#endif
