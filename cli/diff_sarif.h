/* The report of `headerroute diff` as SARIF. */
#ifndef HR_CLI_DIFF_SARIF_H
#define HR_CLI_DIFF_SARIF_H

#include "diff_report.h"

void cli_report_sarif(words_report *r);

#endif
