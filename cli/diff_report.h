/* What `headerroute diff` prints, by format. */
#ifndef HR_CLI_DIFF_REPORT_H
#define HR_CLI_DIFF_REPORT_H

#include <jansson.h>

#include <headerroute/headerroute.h>

#include "document_json.h"
#include "request.h"

typedef struct cli_report {
    const hr_diff *diff;
    const cli_view
        *view; /* its outbound policy, path normalisation and the like are those of every view */
    hr_scratch *scratch;
    FILE *out;
    void *memory; /* of cli_report_route */
} cli_report;

#endif
