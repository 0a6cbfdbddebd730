/* The request as it is sent upstream. */
#ifndef SV_GATEWAY_OUTGOING_H
#define SV_GATEWAY_OUTGOING_H

#include "request.h"

/* Makes the request as it is sent, with its body, and begins to try. */
void gw_forward(gw_request *r);

#endif
