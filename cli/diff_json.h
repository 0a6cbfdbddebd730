/* The report of `headerroute diff` as JSON. */
#ifndef HR_CLI_DIFF_JSON_H
#define HR_CLI_DIFF_JSON_H

#include <jansson.h>

#include "diff_report.h"

void cli_report_json(words_report *r);
/* One region, as a new reference. */
json_t *cli_region_json(words_report *r, const hr_diff_region *region);

#endif
