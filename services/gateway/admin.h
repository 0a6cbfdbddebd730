/* The listeners of --admin and --status. */
#ifndef HR_SERVICES_GATEWAY_ADMIN_H
#define HR_SERVICES_GATEWAY_ADMIN_H

#include "gateway.h"

void gw_on_admin_request(hr_exchange *ex);
/* /ready and /metrics, nothing else. */
void gw_on_status_request(hr_exchange *ex);

#endif
