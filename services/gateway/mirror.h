/* Copies of requests that routes mirror. */
#ifndef SV_GATEWAY_MIRROR_H
#define SV_GATEWAY_MIRROR_H

#include "request.h"

/* Starts the copies that the decision asks for. The whole request must have come. */
void gw_mirror_all(gw_request *r);
/* Ends all copies of the loop. */
void gw_mirrors_stop(gw_loop *loop);

#endif
