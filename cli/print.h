/* Decisions and traces for people. */
#ifndef HR_CLI_PRINT_H
#define HR_CLI_PRINT_H

#include "request.h"

/* HR_OK, or why the final forms could not be made. */
int cli_print_decision(FILE *to, const hr_decision *d, const hr_request *request,
                       hr_scratch *scratch);
/* One event of hr_explain; ctx is the FILE. */
void cli_print_event(void *ctx, const hr_trace_event *event);

/* Prints the linter's findings about the rule that decided, under "reason" if they explain the
 * proxy's 503, else under "warning". */
void cli_print_findings(FILE *to, const hr_decision *d, const hr_diagnostics *findings);

#endif
