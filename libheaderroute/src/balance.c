/* Load balancers: which endpoint of a cluster takes a request. Weights, warm-up and what the caller knows
 * of each endpoint make an effective weight; endpoints of a later priority serve only while none of an
 * earlier one is usable. */
#include <string.h>

#include "headerroute/headerroute.h"

/* Effective weights are in hundredths, so that warm-up has its percents. */
static uint64_t weight_of(const hr_cluster *cluster, const hr_endpoint_state *states, size_t i, uint32_t priority) {
    const hr_endpoint *endpoint = &cluster->endpoints[i];
    uint64_t weight = endpoint->weight > 0 ? endpoint->weight : 1;
    if (endpoint->priority != priority)
        return 0;
    if (states == NULL)
        return weight * 100;
    if (states[i].unusable)
        return 0;
    return weight * (states[i].warm_percent > 0 && states[i].warm_percent < 100 ? states[i].warm_percent : 100);
}

typedef struct field {
    const hr_cluster *cluster;
    const hr_endpoint_state *states;
    uint32_t priority;
    uint64_t total;
} field;

/* The first priority with a usable endpoint. 0: there is none. */
static int survey(field *out, const hr_cluster *cluster, const hr_endpoint_state *states) {
    uint32_t best = UINT32_MAX;
    *out = (field){.cluster = cluster, .states = states};
    for (size_t i = 0; i < cluster->n_endpoints; i++) {
        uint32_t priority = cluster->endpoints[i].priority;
        if (priority > best && out->total > 0)
            continue;
        uint64_t weight = weight_of(cluster, states, i, priority);
        if (weight == 0)
            continue;
        if (priority < best) {
            best = priority;
            out->total = 0;
        }
        out->total += weight;
    }
    out->priority = best;
    return out->total > 0;
}

/* The endpoint in whose interval of the sum of weights `point` lies. */
static size_t at(const field *f, uint64_t point) {
    size_t last = 0;
    for (size_t i = 0; i < f->cluster->n_endpoints; i++) {
        uint64_t weight = weight_of(f->cluster, f->states, i, f->priority);
        if (weight == 0)
            continue;
        last = i;
        if (point < weight)
            return i;
        point -= weight;
    }
    return last;
}

static uint64_t gcd(uint64_t a, uint64_t b) {
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Steps of the golden ratio through the sum of weights visit every point once a round and spread each
 * endpoint's share over it, instead of one burst an endpoint. */
static size_t rotate(const field *f, hr_cursor *cursor) {
    uint64_t unit = f->total, weight;
    for (size_t i = 0; i < f->cluster->n_endpoints; i++)
        if ((weight = weight_of(f->cluster, f->states, i, f->priority)) > 0)
            unit = gcd(unit, weight);
    uint64_t slots = f->total / unit;
    uint64_t slot = cursor->rotation++ % slots;
    /* Weights that leave more slots than can be multiplied take them in turn. */
    if (slots > 2 && slots <= UINT32_MAX) {
        uint64_t step = (uint64_t)((double)slots * 0.6180339887);
        while (gcd(step, slots) != 1)
            step++;
        slot = slot * step % slots;
    }
    return at(f, slot * unit);
}

/* Two at random, and of these the less busy one for its weight ("the power of two choices"). */
static size_t less_busy(const field *f, uint64_t random) {
    size_t a = at(f, (uint32_t)random % f->total), b = at(f, (random >> 32) % f->total);
    if (f->states == NULL || f->states[a].active <= f->states[b].active)
        return a;
    return b;
}

int hr_balance(size_t *out, const hr_cluster *cluster, hr_cursor *cursor, const hr_pick *pick) {
    field f;
    if (out != NULL)
        *out = 0;
    if (out == NULL || cluster == NULL || cursor == NULL || pick == NULL)
        return HR_EINVAL;
    if (!survey(&f, cluster, pick->states))
        return HR_ENOENT;
    switch (cluster->policy.lb) {
    case HR_LB_ROUND_ROBIN:
        *out = rotate(&f, cursor);
        return HR_OK;
    case HR_LB_LEAST_REQUEST:
        *out = less_busy(&f, pick->random);
        return HR_OK;
    default:
        *out = at(&f, (pick->has_hash ? pick->hash : pick->random) % f.total);
        return HR_OK;
    }
}
