/* Picks an endpoint of a cluster. */
#include "pick.h"

#include "loop.h"
#include "outlier.h"

/* Up to this many endpoints, the count of active requests is read anew for each pick; of larger
 * clusters a loop knows what it saw when it last touched an endpoint. */
#define MAX_REFRESHED 64

static int balance(gw_loop *loop, gw_loop_config *lc, size_t c, const gw_avoid *avoid,
                   size_t *index) {
    gw_loop_cluster *own = &lc->clusters[c];
    hr_pick how = {.version = HR_PICK_VERSION,
                   .states = own->states,
                   .random = gw_random(loop),
                   .has_hash = avoid->has_hash,
                   .hash = avoid->hash,
                   .rings = own->rings};
    return hr_balance(index, lc->config->clusters[c].cluster, &own->cursor, &how);
}

/* Rebuilds the rings, as Envoy does, once for each change of the ejected endpoints. If the
 * allocation fails, picks skip ejected endpoints on the cluster's complete rings. */
static void keep_rings(gw_loop_cluster *own, const hr_cluster *cluster) {
    size_t n_ejected = 0;
    int changed = 0;
    if (cluster->policy->lb != HR_LB_RING_HASH && cluster->policy->lb != HR_LB_MAGLEV)
        return;
    for (size_t i = 0; i < cluster->n_endpoints; i++) {
        n_ejected += own->states[i].unusable;
        changed |= own->ejected[i] != own->states[i].unusable;
        own->ejected[i] = own->states[i].unusable;
    }
    if (!changed)
        return;
    hr_rings_free(own->rings);
    own->rings = NULL;
    if (n_ejected > 0)
        (void)hr_rings_new(&own->rings, cluster, own->states);
}

gw_endpoint *gw_pick(gw_loop *loop, gw_loop_config *lc, size_t c, const gw_avoid *avoid,
                     size_t *index) {
    const gw_cluster *cluster = &lc->config->clusters[c];
    gw_loop_cluster *own = &lc->clusters[c];
    size_t n = cluster->cluster->n_endpoints;
    if (n == 0)
        return NULL;
    gw_loop_endpoint(loop, lc, c, 0); /* makes the states */
    for (size_t i = 0; i < n && n <= MAX_REFRESHED; i++)
        own->states[i].active =
            atomic_load_explicit(&cluster->endpoints[i]->active, memory_order_relaxed);
    if (cluster->cluster->policy->outlier || cluster->cluster->policy->warmup_ms > 0)
        gw_outlier_states(cluster, own->states);
    if (cluster->cluster->policy->outlier)
        keep_rings(own, cluster->cluster);
    for (size_t i = 0; i < avoid->n_tried; i++)
        own->states[avoid->tried[i]].unusable |= 2;
    int found = balance(loop, lc, c, avoid, index);
    for (size_t i = 0; i < avoid->n_tried; i++)
        own->states[avoid->tried[i]].unusable &= (uint8_t)~2;
    if (found != HR_OK && (avoid->n_tried == 0 || balance(loop, lc, c, avoid, index) != HR_OK))
        return NULL;
    gw_endpoint *e = cluster->endpoints[*index];
    own->states[*index].active = atomic_fetch_add_explicit(&e->active, 1, memory_order_relaxed) + 1;
    atomic_fetch_add_explicit(&e->requests, 1, memory_order_relaxed);
    return e;
}
