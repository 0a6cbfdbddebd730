/* The request as rules see it. */
#ifndef SV_GATEWAY_INCOMING_H
#define SV_GATEWAY_INCOMING_H

#include "request.h"

/* Fills r->in. 0, or -1 without memory. */
int gw_build_request(gw_request *r);

#endif
