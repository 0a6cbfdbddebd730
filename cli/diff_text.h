/* The report of `headerroute diff` as text and as Markdown. */
#ifndef HR_CLI_DIFF_TEXT_H
#define HR_CLI_DIFF_TEXT_H

#include "diff_report.h"

void cli_report_text(cli_report *r);
void cli_report_markdown(cli_report *r);

#endif
