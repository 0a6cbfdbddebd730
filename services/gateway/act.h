/* What the decision asks for. */
#ifndef SV_GATEWAY_ACT_H
#define SV_GATEWAY_ACT_H

#include "request.h"

void gw_act(gw_request *r);

#endif
