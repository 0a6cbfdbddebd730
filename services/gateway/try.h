/* A request sent to an endpoint, and tried again. */
#ifndef SV_GATEWAY_TRY_H
#define SV_GATEWAY_TRY_H

#include "request.h"

/* Picks an endpoint and sends r->out there. */
void gw_try(gw_request *r);
/* Cancels the upstream request. */
void gw_cancel(gw_request *r);
/* The whole request has come: its timeouts begin. */
void gw_start_clock(gw_request *r);

#endif
