#include "balancer.h"

#include "text.h"

/* Longer rotations than this are not worth their memory: weights then settle each pick at random. */
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
static void build_rotation(hr_build *b, hr_balance_level *level, const hr_cluster *cluster) {
    uint64_t divisor = 0, sum = 0;
    for (size_t m = 0; m < level->n_members; m++)
        divisor = gcd(divisor, cluster->endpoints[level->members[m]].weight);
    for (size_t m = 0; m < level->n_members && divisor > 0; m++)
        sum += cluster->endpoints[level->members[m]].weight / divisor;
    if (divisor == 0 || sum > LONGEST_ROTATION)
        return;
    int64_t *credit = HR_B_ARRAY(b, int64_t, level->n_members);
    level->rotation = HR_B_ARRAY(b, uint32_t, sum);
    for (level->n_rotation = 0; level->n_rotation < sum; level->n_rotation++) {
        size_t most = 0;
        for (size_t m = 0; m < level->n_members; m++) {
            credit[m] += (int64_t)(cluster->endpoints[level->members[m]].weight / divisor);
            if (credit[m] > credit[most])
                most = m;
        }
        credit[most] -= (int64_t)sum;
        level->rotation[level->n_rotation] = level->members[most];
    }
}

/* An endpoint's share: its weight within its locality, times the locality's weight where there is one. */
static void set_weights(hr_build *b, hr_balance_level *level, const hr_cluster *cluster,
                        const uint32_t *locality_weights) {
    level->weights = HR_B_ARRAY(b, double, level->n_members);
    double sum = 0;
    for (size_t m = 0; m < level->n_members; m++) {
        const hr_endpoint *e = &cluster->endpoints[level->members[m]];
        double share = e->weight;
        if (locality_weights != NULL) {
            double together = 0;
            for (size_t o = 0; o < level->n_members; o++) {
                const hr_endpoint *other = &cluster->endpoints[level->members[o]];
                if (hr_str_eq(other->locality, e->locality))
                    together += other->weight;
            }
            share = share / together * locality_weights[level->members[m]];
        }
        level->weights[m] = share;
        sum += share;
    }
    for (size_t m = 0; m < level->n_members; m++) {
        level->weighted |= level->weights[m] > level->weights[0] || level->weights[m] < level->weights[0];
        level->weights[m] = sum > 0 ? level->weights[m] / sum : 1.0 / (double)level->n_members;
    }
}

void hr_balancer_build(hr_build *b, hr_cluster *cluster, const uint32_t *locality_weights) {
    hr_balancer *balancer = HR_B_NEW(b, hr_balancer);
    cluster->internal = balancer;
    for (size_t i = 0; i < cluster->n_endpoints; i++)
        if (cluster->endpoints[i].priority >= balancer->n_levels)
            balancer->n_levels = cluster->endpoints[i].priority + 1;
    balancer->levels = HR_B_ARRAY(b, hr_balance_level, balancer->n_levels);
    for (size_t p = 0; p < balancer->n_levels; p++) {
        hr_balance_level *level = &balancer->levels[p];
        level->members = HR_B_ARRAY(b, uint32_t, cluster->n_endpoints);
        for (size_t i = 0; i < cluster->n_endpoints; i++)
            if (cluster->endpoints[i].priority == p && (locality_weights == NULL || locality_weights[i] > 0))
                level->members[level->n_members++] = (uint32_t)i;
        if (level->n_members == 0)
            continue;
        set_weights(b, level, cluster, locality_weights);
        if (cluster->policy.lb == HR_LB_RING_HASH)
            hr_ring_build(b, level, cluster);
        else if (cluster->policy.lb == HR_LB_MAGLEV)
            hr_maglev_build(b, level, cluster);
        else if (cluster->policy.lb == HR_LB_ROUND_ROBIN && level->weighted && locality_weights == NULL)
            build_rotation(b, level, cluster);
    }
}
