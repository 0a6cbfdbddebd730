/* The listeners of --admin and --status. */
#ifndef SV_GATEWAY_ADMIN_H
#define SV_GATEWAY_ADMIN_H

#include "gateway.h"

void gw_on_admin_request(sv_exchange *ex);
/* /ready and /metrics, nothing else. */
void gw_on_status_request(sv_exchange *ex);

#endif
