/* What `headerroute replay` prints. */
#ifndef HR_CLI_REPLAY_REPORT_H
#define HR_CLI_REPLAY_REPORT_H

#include "replay_state.h"

void replay_print_text(FILE *out, const replay *r);
void replay_print_json(FILE *out, const replay *r);

#endif
