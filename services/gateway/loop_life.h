/* Starts and stops what each event loop of the gateway keeps. */
#ifndef SV_GATEWAY_LOOP_LIFE_H
#define SV_GATEWAY_LOOP_LIFE_H

#include "gateway.h"

/* For sv_service. */
int gw_loop_start(sv_server_loop *loop, void *ctx);
void gw_loop_stop(sv_server_loop *loop, void *ctx);

#endif
