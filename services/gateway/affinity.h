/* Session affinity: the hash and the cookie by the hash policies of a route. */
#ifndef SV_GATEWAY_AFFINITY_H
#define SV_GATEWAY_AFFINITY_H

#include "request.h"

/* Fills hash and set_cookie by the route's hash policies. */
void gw_affinity(gw_request *r);

#endif
