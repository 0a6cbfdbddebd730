/* The access log: one JSON object a line, with Envoy's names of fields. */
#ifndef SV_ACCESS_LOG_H
#define SV_ACCESS_LOG_H

#include "exchange.h"

/* The line of a finished request. On its loop's thread; does nothing unless lines are written
 * (sv_log_takes_lines). */
void sv_log_access(const sv_exchange *ex);

/* NULL, or why lines cannot have this request header besides; its name is in lower case. */
const char *sv_log_check_header(const char *name);

#endif
