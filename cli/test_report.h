/* What `headerroute test` prints and writes about the cases that ran. */
#ifndef HR_CLI_TEST_REPORT_H
#define HR_CLI_TEST_REPORT_H

#include "findings_report.h"
#include "suite.h"

/* TAP, with the coverage as comments unless it is NULL. */
void cli_test_text(FILE *out, const cli_case_results *results, const cli_coverage *coverage);
/* The same in another format; `findings` has what is wrong besides. Failures and what no case
 * reaches are added to it. */
void cli_test_report(FILE *out, cli_format format, const cli_case_results *results,
                     const cli_coverage *coverage, cli_findings *findings);
/* CLI_OK, or CLI_FAILED after a line on stderr. */
int cli_test_junit(const char *path, const cli_case_results *results);

#endif
