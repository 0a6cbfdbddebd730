/* A request sent to an endpoint, and tried again. */
#ifndef SV_GATEWAY_TRY_H
#define SV_GATEWAY_TRY_H

#include "request.h"

/* What a pick goes by besides the balancer. */
typedef struct gw_avoid {
    const uint32_t *tried;
    size_t n_tried;
    int has_hash;
    uint64_t hash;
} gw_avoid;

/* Picks an endpoint and sends the request there. */
void gw_forward(gw_request *r);
void gw_try(gw_request *r);
/* Cancels the upstream request. */
void gw_cancel(gw_request *r);
/* An endpoint of the cluster, counted as active; NULL: none is usable. The tried ones are avoided,
 * as long as there are others. */
gw_endpoint *gw_pick(gw_loop *loop, gw_loop_config *lc, size_t cluster, const gw_avoid *how,
                     size_t *index);
/* The whole request has come: its timeouts begin. */
void gw_start_clock(gw_request *r);

/* True if the request goes to this cluster over HTTP/2. */
bool gw_speaks_http2(const gw_request *r, const hr_cluster *cluster);

#endif
