/* What `headerroute diff` prints, by format. */
#ifndef HR_CLI_DIFF_REPORT_H
#define HR_CLI_DIFF_REPORT_H

#include <stdio.h>

#include <headerroute/headerroute.h>

struct cli_view; /* view_options.h */

typedef struct cli_report {
    const hr_diff *diff;
    const struct cli_view
        *view; /* its outbound policy, path normalisation and the like are those of every view */
    hr_scratch *scratch;
    FILE *out;
    void *memory; /* of cli_report_route */
} cli_report;

#endif
