/* What the body of a request says, read before the request is routed. */
#ifndef SV_GATEWAY_LOOK_AHEAD_H
#define SV_GATEWAY_LOOK_AHEAD_H

#include "request.h"

/* Fills r->body_values, which may take until more of the body has come, and then
 * calls gw_route. */
void gw_look_ahead(gw_request *r);

#endif
