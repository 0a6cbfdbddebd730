/* The regions in which the requests of a file lie. */
#ifndef HR_CLI_DIFF_LOCATE_H
#define HR_CLI_DIFF_LOCATE_H

#include "diff_report.h"

/* Prints for each request of a file the region it lies in. An exit code. */
int cli_report_locate(words_report *r, hr_table *const tables[2], const char *path);

#endif
