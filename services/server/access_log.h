/* The access log: one JSON object a line, with Envoy's names of fields. */
#ifndef HR_SERVICES_ACCESS_LOG_H
#define HR_SERVICES_ACCESS_LOG_H

#include "exchange.h"

/* The line of a finished request. On its loop's thread; does nothing unless lines are written
 * (hr_log_takes_lines). */
void hr_log_access(const hr_exchange *ex);

#endif
