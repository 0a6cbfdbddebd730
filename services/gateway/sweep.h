/* What a loop looks after from time to time. */
#ifndef SV_GATEWAY_SWEEP_H
#define SV_GATEWAY_SWEEP_H

#include "gateway.h"

void gw_sweep_start(gw_loop *loop);
void gw_sweep_stop(gw_loop *loop);

#endif
