/* One endpoint out of a cluster. */
#ifndef SV_GATEWAY_PICK_H
#define SV_GATEWAY_PICK_H

#include "gateway.h"

/* What a pick goes by besides the balancer. */
typedef struct gw_avoid {
    const uint32_t *tried;
    size_t n_tried;
    int has_hash;
    uint64_t hash;
} gw_avoid;

/* An endpoint of the cluster, counted as active; NULL: none is usable. The tried ones are avoided,
 * as long as there are others. */
gw_endpoint *gw_pick(gw_loop *loop, gw_loop_config *lc, size_t cluster, const gw_avoid *how,
                     size_t *index);

#endif
