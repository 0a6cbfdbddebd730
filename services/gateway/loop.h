/* What each event loop of the gateway keeps. */
#ifndef SV_GATEWAY_LOOP_H
#define SV_GATEWAY_LOOP_H

#include "gateway.h"

/* Makes `config` the one that new requests see. Takes a reference. */
void gw_loop_use(gw_loop *loop, gw_config *config);
gw_loop_config *gw_loop_config_ref(gw_loop_config *lc);
/* The last one retires it: the log line of the request that held it is still to be written. */
void gw_loop_config_unref(gw_loop_config *lc);
void gw_loop_free_retired(gw_loop *loop);
gw_scratch *gw_scratch_take(gw_loop *loop);               /* NULL: no memory */
void gw_scratch_give(gw_loop *loop, gw_scratch *scratch); /* NULL is fine */
void gw_scratches_free(gw_loop *loop);                    /* those that are kept for reuse */
uint64_t gw_random(gw_loop *loop);
double gw_draw(gw_loop *loop); /* [0, 1) */
/* The connections of this loop to endpoint `index` of a cluster. */
sv_up_endpoint *gw_loop_endpoint(gw_loop *loop, gw_loop_config *lc, size_t cluster, size_t index);

#endif
