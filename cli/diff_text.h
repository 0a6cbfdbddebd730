/* The report of `headerroute diff` as text and as Markdown. */
#ifndef HR_CLI_DIFF_TEXT_H
#define HR_CLI_DIFF_TEXT_H

#include "diff_report.h"

void cli_report_text(words_report *r);
/* One region behind a text of two columns; `sides` are the words for its two decisions. */
void cli_region_text(words_report *r, const hr_diff_region *region, const char *head,
                     const char *const sides[2]);
void cli_report_markdown(words_report *r);

#endif
