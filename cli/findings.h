/* What a command finds in files, for reports that programs read. */
#ifndef HR_CLI_FINDINGS_H
#define HR_CLI_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include <headerroute/headerroute.h>

typedef enum cli_level { CLI_LEVEL_NOTE, CLI_LEVEL_WARNING, CLI_LEVEL_ERROR } cli_level;

/* The stable names of findings other than the linter's: docs/testing-rules.md. */
#define CLI_RULE_INVALID HR_STR("invalid")
#define CLI_RULE_NOT_EVALUATED HR_STR("not-evaluated")
#define CLI_RULE_QUESTIONABLE HR_STR("questionable")
#define CLI_RULE_TEST_FAILED HR_STR("test-failed")
#define CLI_RULE_TEST_INVALID HR_STR("test-invalid")
#define CLI_RULE_NOT_REACHED HR_STR("not-reached")
#define CLI_RULE_COVERAGE_LOW HR_STR("coverage-low")

typedef struct cli_finding {
    cli_level level;
    hr_str rule;      /* its stable name */
    hr_str file;      /* empty: the finding has no place */
    int line, column; /* from 1; 0: unknown */
    hr_str field;     /* may be empty */
    hr_str message;
} cli_finding;

typedef struct cli_findings {
    cli_finding *v; /* own their strings */
    size_t n, capacity;
} cli_findings;

/* Copies a finding, unless an equal one is there: files of cases load the same rules again. NULL
 * is ignored. */
void cli_findings_add(cli_findings *findings, const cli_finding *finding);
/* Copies a finding of a load. */
void cli_findings_add_diagnostic(cli_findings *findings, const hr_diagnostic *diagnostic);
void cli_findings_add_diagnostics(cli_findings *findings, const hr_diagnostics *diagnostics);
size_t cli_findings_count(const cli_findings *findings, cli_level level);
void cli_findings_free(cli_findings *findings);

#endif
