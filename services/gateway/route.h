/* The decision on a request. */
#ifndef SV_GATEWAY_ROUTE_H
#define SV_GATEWAY_ROUTE_H

#include "request.h"

/* Makes the request as rules see it, and acts on the decision. */
void gw_route(gw_request *r);

#endif
