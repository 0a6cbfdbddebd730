/*
 * Which parts of the rules test cases reach: rules (entries of spec.http), their matches, the
 * conditions of those, and the default of a VirtualService (that none of its rules matches).
 *
 * A rule or match is reached if it decides a request. A condition is reached if one request meets
 * it and another one that its rule is tried with does not.
 */
#ifndef HR_CLI_COVERAGE_H
#define HR_CLI_COVERAGE_H

#include <stdbool.h>
#include <stdio.h>

#include "input.h"

typedef struct cli_coverage cli_coverage;

cli_coverage *cli_coverage_new(void);
void cli_coverage_free(cli_coverage *coverage);

/* Adds the rules of an input; those that it has already keep what reached them. Returns false if
 * a source could not be read, which the load has reported already. */
bool cli_coverage_add(cli_coverage *coverage, const cli_input *input);

/* Notes what one request reaches. The request is as rules see it. NULL is ignored. */
void cli_coverage_note(cli_coverage *coverage, const hr_view *view, const hr_request *request);

/* Notes only which rule and match decided, which costs less than the above. */
void cli_coverage_mark(cli_coverage *coverage, const hr_decision *decision);

/* Calls `fn` with each match that decides no request, and each rule without matches: the
 * VirtualService, and "http[1].match[0]". */
typedef void (*cli_gap_fn)(void *ctx, const char *owner, const char *rule);
void cli_coverage_each_gap(const cli_coverage *coverage, cli_gap_fn fn, void *ctx);

/* The share of all parts that were reached, from 0 to 100; 100 if there are none. */
double cli_coverage_percent(const cli_coverage *coverage);

/* How many parts of each kind there are and were reached. */
enum { CLI_COVERAGE_KINDS = 4 };
extern const char *const cli_coverage_kinds[CLI_COVERAGE_KINDS]; /* "rules", "matches", ... */
typedef struct cli_coverage_counts {
    size_t all[CLI_COVERAGE_KINDS], reached[CLI_COVERAGE_KINDS];
} cli_coverage_counts;
void cli_coverage_count(cli_coverage_counts *out, const cli_coverage *coverage);

/* Calls `fn` with each part that was not reached, except those within one: its place, and
 * "default/reviews http[0]: decides no request". */
typedef void (*cli_unreached_fn)(void *ctx, const char *file, int line, const char *what);
void cli_coverage_each_unreached(const cli_coverage *coverage, cli_unreached_fn fn, void *ctx);

/* The counts, and each part that was not reached, as lines that begin with "# ". */
void cli_coverage_print(FILE *out, const cli_coverage *coverage);
/* As LCOV's tracefile: lines of rules, matches and defaults; branches of conditions. */
void cli_coverage_lcov(FILE *out, const cli_coverage *coverage);

#endif
