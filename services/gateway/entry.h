/* Where requests enter the gateway. */
#ifndef SV_GATEWAY_ENTRY_H
#define SV_GATEWAY_ENTRY_H

#include "gateway.h"

/* For sv_listener. */
void gw_on_request(sv_exchange *ex);
/* The body of an answer that the server gives before any routing (a malformed request). */
hr_str gw_refusal_body(sv_exchange *ex, int status, const char *detail, const char **content_type);

#endif
