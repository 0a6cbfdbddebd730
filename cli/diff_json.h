/* The report of `headerroute diff` as JSON. */
#ifndef HR_CLI_DIFF_JSON_H
#define HR_CLI_DIFF_JSON_H

#include "diff_report.h"

void cli_report_json(cli_report *r);

#endif
