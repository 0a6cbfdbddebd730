/* Prepares what balancing needs of a cluster: rings, tables, rotations and priorities. */
#include "balancer.h"

#include <stdlib.h>

#include "locality.h"
#include "rings.h"
#include "text.h"

/* Longer rotations than this are not worth their memory: weights then settle each pick at random.
 */
#define LONGEST_ROTATION 16384

static uint64_t gcd(uint64_t a, uint64_t b) {
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Turns spread as evenly as weights allow: in each step everyone gains its weight, and who has most
 * goes, paying the sum (earliest deadline first, as Envoy's scheduler). */
static void build_rotation(hr_arena *arena, hr_balance_group *group, const hr_cluster *cluster) {
    uint64_t divisor = 0, sum = 0;
    for (size_t m = 0; m < group->n_members; m++)
        divisor = gcd(divisor, cluster->endpoints[group->members[m]]->weight);
    for (size_t m = 0; m < group->n_members && divisor > 0; m++)
        sum += cluster->endpoints[group->members[m]]->weight / divisor;
    if (divisor == 0 || sum > LONGEST_ROTATION)
        return;
    int64_t *credit = HR_ARRAY(arena, int64_t, group->n_members);
    group->rotation = HR_ARRAY(arena, uint32_t, sum);
    if (credit == NULL || group->rotation == NULL)
        return;
    for (group->n_rotation = 0; group->n_rotation < sum; group->n_rotation++) {
        size_t most = 0;
        for (size_t m = 0; m < group->n_members; m++) {
            credit[m] += (int64_t)(cluster->endpoints[group->members[m]]->weight / divisor);
            if (credit[m] > credit[most])
                most = m;
        }
        credit[most] -= (int64_t)sum;
        group->rotation[group->n_rotation] = group->members[most];
    }
}

/* ---- who belongs together ---- */

typedef struct placed {
    const hr_endpoint *endpoint;
    hr_locality at;
    bool own; /* of the caller's own locality */
    uint32_t member, turn;
} placed;

/* Envoy keeps localities by name, the proxy's own first. */
static int members_by_place(const void *a, const void *b) {
    const placed *x = a, *y = b;
    if (x->own != y->own)
        return x->own ? -1 : 1;
    int c = hr_str_cmp(x->at.region, y->at.region);
    if (c == 0)
        c = hr_str_cmp(x->at.zone, y->at.zone);
    if (c == 0)
        c = hr_str_cmp(x->at.subzone, y->at.subzone);
    return c != 0 ? c : x->turn < y->turn ? -1 : x->turn > y->turn;
}

static bool same_place(hr_locality a, hr_locality b) {
    return hr_str_eq(a.region, b.region) && hr_str_eq(a.zone, b.zone) &&
           hr_str_eq(a.subzone, b.subzone);
}

/* All members of a priority, ready or not, in Envoy's order. */
static size_t place_members(placed *out, const hr_members *in, uint32_t priority) {
    hr_locality own = hr_locality_split(in->own);
    size_t n = 0;
    for (size_t i = 0; i < in->n; i++) {
        const hr_endpoint *e = &in->v[in->order[i]];
        if (e->priority != priority)
            continue;
        out[n] = (placed){.endpoint = e,
                          .at = hr_locality_split(e->locality),
                          .member = in->order[i],
                          .turn = (uint32_t)n};
        out[n].own = same_place(out[n].at, own);
        n++;
    }
    if (in->weighted && n > 1)
        qsort(out, n, sizeof(*out), members_by_place);
    return n;
}

/* Ready, and not among those that the caller knows to be out. */
static bool is_usable(const hr_members *in, const hr_endpoint_state *states, uint32_t member) {
    return member < in->n_ready && (states == NULL || !states[member].unusable);
}

/* Takes the next locality (or all there is, where localities have no weight) from `from` on. */
static size_t take_group(hr_balance_group *out, uint32_t *members, const placed *all, size_t n,
                         size_t from, const hr_members *in, const hr_endpoint_state *states) {
    *out = (hr_balance_group){.members = members, .weight = all[from].endpoint->locality_weight};
    size_t i = from;
    for (; i < n && (!in->weighted || same_place(all[i].at, all[from].at)); i++) {
        out->n_known++;
        if (is_usable(in, states, all[i].member))
            members[out->n_members++] = all[i].member;
    }
    return i;
}

/* An endpoint's share within its group, in Envoy's arithmetic: rings hang on the last bit. */
static void weigh(hr_balance_group *group, double *weights, const hr_cluster *cluster,
                  double locality) {
    uint64_t sum = 0;
    for (size_t m = 0; m < group->n_members; m++)
        sum += cluster->endpoints[group->members[m]]->weight;
    for (size_t m = 0; m < group->n_members; m++) {
        weights[m] = cluster->endpoints[group->members[m]]->weight * locality / (double)sum;
        group->weighted |= weights[m] > weights[0] || weights[m] < weights[0];
    }
    group->weights = weights;
}

static void build_groups(hr_arena *arena, hr_balance_level *level, const hr_cluster *cluster,
                         const hr_members *in, const hr_endpoint_state *states, const placed *all,
                         size_t n) {
    uint32_t *members = HR_ARRAY(arena, uint32_t, n);
    double *weights = HR_ARRAY(arena, double, n);
    hr_balance_group *groups = HR_ARRAY(arena, hr_balance_group, n);
    if (members == NULL || weights == NULL || groups == NULL)
        return;
    size_t n_groups = 0, ready = 0;
    uint64_t together = 0;
    for (size_t from = 0; from < n; n_groups++) {
        from = take_group(&groups[n_groups], members + ready, all, n, from, in, states);
        ready += groups[n_groups].n_members;
        together +=
            groups[n_groups].weight; /* also of an empty one: Envoy divides by the same sum */
    }
    level->all = (hr_balance_group){
        .members = members, .weights = weights, .n_members = ready, .n_known = n};
    double *at = weights;
    for (size_t g = 0; g < n_groups; g++) {
        double locality = in->weighted && together > 0 ? groups[g].weight / (double)together : 1;
        weigh(&groups[g], at, cluster, locality);
        at += groups[g].n_members;
    }
    for (size_t m = 0; m < ready; m++)
        level->all.weighted |= weights[m] > weights[0] || weights[m] < weights[0];
    if (in->weighted) {
        level->groups = groups;
        level->n_groups = n_groups;
    }
}

static void build_level(hr_arena *arena, hr_balance_level *level, const hr_cluster *cluster,
                        const hr_members *in, const hr_endpoint_state *states, uint32_t priority) {
    placed *all = HR_ARRAY(arena, placed, in->n);
    if (all == NULL)
        return;
    size_t n = place_members(all, in, priority);
    build_groups(arena, level, cluster, in, states, all, n);
    if (level->all.n_members == 0)
        return;
    if (cluster->policy->lb == HR_LB_RING_HASH)
        hr_ring_build(arena, level, cluster);
    else if (cluster->policy->lb == HR_LB_MAGLEV)
        hr_maglev_build(arena, level, cluster);
    if (cluster->policy->lb != HR_LB_ROUND_ROBIN)
        return;
    for (size_t g = 0; g < level->n_groups; g++)
        if (level->groups[g].weighted)
            build_rotation(arena, &level->groups[g], cluster);
    if (level->n_groups == 0 && level->all.weighted)
        build_rotation(arena, &level->all, cluster);
}

void hr_balancer_build(hr_arena *arena, hr_cluster *cluster, const hr_members *in) {
    hr_balancer *balancer = HR_NEW(arena, hr_balancer);
    cluster->internal = balancer;
    balancer->members = *in;
    for (size_t i = 0; i < in->n; i++)
        if (in->v[i].priority >= balancer->n_levels)
            balancer->n_levels = in->v[i].priority + 1;
    balancer->levels = HR_ARRAY(arena, hr_balance_level, balancer->n_levels);
    for (size_t p = 0; balancer->levels != NULL && p < balancer->n_levels; p++)
        build_level(arena, &balancer->levels[p], cluster, in, NULL, (uint32_t)p);
}

/* ---- rings over a part of the endpoints ---- */

static void build_rings(hr_rings *rings, const hr_endpoint_state *states) {
    const hr_balancer *balancer = rings->cluster->internal;
    rings->levels = HR_ARRAY(rings->arena, hr_balance_level, balancer->n_levels);
    for (size_t p = 0; rings->levels != NULL && p < balancer->n_levels; p++)
        build_level(rings->arena, &rings->levels[p], rings->cluster, &balancer->members, states,
                    (uint32_t)p);
}

int hr_rings_new(hr_rings **out, const hr_cluster *cluster, const hr_endpoint_state *states) {
    if (out != NULL)
        *out = NULL;
    if (out == NULL || cluster == NULL || states == NULL || cluster->internal == NULL ||
        (cluster->policy->lb != HR_LB_RING_HASH && cluster->policy->lb != HR_LB_MAGLEV))
        return HR_EINVAL;
    hr_rings *rings = calloc(1, sizeof(*rings));
    if (rings == NULL)
        return HR_ENOMEM;
    rings->cluster = cluster;
    rings->arena = hr_arena_new();
    if (rings->arena != NULL)
        build_rings(rings, states);
    if (rings->arena == NULL || hr_arena_failed(rings->arena)) {
        hr_rings_free(rings);
        return HR_ENOMEM;
    }
    *out = rings;
    return HR_OK;
}

void hr_rings_free(hr_rings *rings) {
    if (rings == NULL)
        return;
    hr_arena_free(rings->arena);
    free(rings);
}
