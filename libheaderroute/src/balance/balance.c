/* The pick of an endpoint. Nothing is kept here: what moves is the caller's. */
#include "balancer.h"
#include "rings.h"
#include "text.h"

/* Envoy's overprovisioning factor in percent: a priority keeps all its traffic until less than
 * 1/1.4 of it is left. */
#define OVERPROVISIONING 140

static uint64_t mix(uint64_t x) { /* splitmix64: several draws out of one */
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

static double unit(uint64_t x) {
    return (double)(x >> 11) * 0x1.0p-53;
}

static size_t below(uint64_t x, size_t n) {
    return (size_t)(unit(x) * (double)n);
}

static bool usable(const hr_pick *pick, uint32_t endpoint) {
    return pick->states == NULL || !pick->states[endpoint].unusable;
}

/* 1 for an endpoint that is fully warm. */
static double warmth(const hr_cluster *cluster, const hr_pick *pick, uint32_t endpoint) {
    if (pick->states == NULL || cluster->policy->warmup_ms <= 0)
        return 1;
    uint8_t percent = pick->states[endpoint].warm_percent;
    return percent == 0 || percent >= 100 ? 1 : percent / 100.0;
}

static size_t count_usable(const hr_balance_group *group, const hr_pick *pick) {
    if (pick->states == NULL)
        return group->n_members;
    size_t n = 0;
    for (size_t m = 0; m < group->n_members; m++)
        n += usable(pick, group->members[m]);
    return n;
}

/* ---- which priority ---- */

/* Envoy's percentages: how much of a priority is there, in whole percents of 100 / 1.4. */
static uint32_t availability(const hr_balance_level *level, const hr_pick *pick) {
    size_t n = level->all.n_known == 0 ? 0 : count_usable(&level->all, pick);
    uint64_t percent = n == 0 ? 0 : OVERPROVISIONING * n / level->all.n_known;
    return percent > 100 ? 100 : (uint32_t)percent;
}

/* Traffic stays with the first priority for as long as enough of it is there; what it cannot take
 * goes on to the next. What is lost by rounding goes to the first that has a member. Returns NULL
 * if there is none. */
static const hr_balance_level *pick_level(const hr_balancer *balancer, const hr_pick *pick,
                                          uint64_t draw) {
    if (balancer->n_levels == 1)
        return count_usable(&balancer->levels[0].all, pick) > 0 ? &balancer->levels[0] : NULL;
    uint32_t sum = 0, left = 100, spent = 0, point = (uint32_t)(draw % 100) + 1;
    for (size_t p = 0; p < balancer->n_levels && sum < 100; p++)
        sum += availability(&balancer->levels[p], pick);
    sum = sum > 100 ? 100 : sum;
    for (size_t p = 0; p < balancer->n_levels && sum > 0;
         p++) /* what the priorities take together */
        spent += availability(&balancer->levels[p], pick) * 100 / sum;
    uint32_t lost = spent < 100 ? 100 - spent : 0, upto = 0;
    for (size_t p = 0; p < balancer->n_levels && sum > 0; p++) {
        uint32_t percent = availability(&balancer->levels[p], pick);
        uint32_t load = percent * 100 / sum < left ? percent * 100 / sum : left;
        left -= load;
        if (percent > 0) {
            load += lost;
            lost = 0;
        }
        upto += load;
        if (load > 0 && point <= upto)
            return &balancer->levels[p];
    }
    return NULL;
}

/* ---- which locality ---- */

/* By weight; a locality that is partly down keeps its weight for as long as a priority would. */
static const hr_balance_group *pick_group(const hr_balance_level *level, const hr_pick *pick,
                                          uint64_t draw) {
    if (level->n_groups == 0)
        return &level->all;
    double sum = 0, shares[2] = {0, 0};
    const hr_balance_group *last = NULL;
    for (int pass = 0; pass < 2; pass++) { /* first the sum, then who holds the point */
        double point = unit(draw) * sum;
        for (size_t g = 0; g < level->n_groups; g++) {
            const hr_balance_group *group = &level->groups[g];
            size_t n = count_usable(group, pick);
            if (n == 0)
                continue;
            double there = (double)OVERPROVISIONING / 100 * (double)n / (double)group->n_known;
            double share = group->weight * (there < 1 ? there : 1);
            shares[pass] += share;
            last = group;
            if (pass == 1 && point < shares[1])
                return group;
        }
        sum = shares[0];
    }
    return last;
}

/* ---- which endpoint ---- */

/* The first usable one of `order` from `at` on, round about. A cold endpoint gives some turns away.
 */
static int in_turn(size_t *out, const hr_cluster *cluster, const uint32_t *order, size_t n,
                   uint64_t at, const hr_pick *pick) {
    bool found = false;
    for (size_t i = 0; i < n; i++) {
        uint32_t endpoint = order[(at + i) % n];
        if (!usable(pick, endpoint))
            continue;
        if (!found)
            *out = endpoint;
        found = true;
        double warm = warmth(cluster, pick, endpoint);
        if (warm >= 1 || unit(mix(pick->random + i)) < warm) {
            *out = endpoint;
            return HR_OK;
        }
    }
    return found ? HR_OK : HR_ENOENT;
}

static uint32_t nth_usable(const hr_balance_group *group, const hr_pick *pick, size_t n) {
    for (size_t m = 0; m < group->n_members; m++)
        if (usable(pick, group->members[m]) && n-- == 0)
            return group->members[m];
    return group->members[0];
}

static uint32_t uniform(const hr_balance_group *group, const hr_pick *pick, size_t n_usable,
                        uint64_t draw) {
    size_t n = below(draw, n_usable);
    return n_usable == group->n_members ? group->members[n] : nth_usable(group, pick, n);
}

/* By weight and warmth, and with `least` by load: of two that weigh alike, one with a request under
 * way counts half, as Envoy has it. */
static double pull(const hr_cluster *cluster, const hr_balance_group *group, const hr_pick *pick,
                   size_t m, bool least) {
    uint32_t endpoint = group->members[m];
    double load = least && pick->states != NULL ? pick->states[endpoint].active + 1.0 : 1.0;
    return group->weights[m] * warmth(cluster, pick, endpoint) / load;
}

static uint32_t by_weight(const hr_cluster *cluster, const hr_balance_group *group,
                          const hr_pick *pick, uint64_t draw, bool least) {
    double sum = 0;
    for (size_t m = 0; m < group->n_members; m++)
        if (usable(pick, group->members[m]))
            sum += pull(cluster, group, pick, m, least);
    double point = unit(draw) * sum;
    uint32_t last = group->members[0];
    for (size_t m = 0; m < group->n_members; m++) {
        if (!usable(pick, group->members[m]))
            continue;
        last = group->members[m];
        point -= pull(cluster, group, pick, m, least);
        if (point < 0)
            break;
    }
    return last;
}

/* Power of two choices: of two endpoints drawn, the one with fewer requests under way. Envoy weighs
 * instead where weights differ. */
static uint32_t least_request(const hr_cluster *cluster, const hr_balance_group *group,
                              const hr_pick *pick, size_t n_usable) {
    if (group->weighted || (pick->states != NULL && cluster->policy->warmup_ms > 0))
        return by_weight(cluster, group, pick, mix(pick->random), true);
    uint32_t a = uniform(group, pick, n_usable, mix(pick->random));
    uint32_t b = uniform(group, pick, n_usable, mix(pick->random + 1));
    if (pick->states == NULL)
        return a;
    return pick->states[b].active < pick->states[a].active ? b : a;
}

/* The level's rings of the usable alone, where the caller has them. */
static const hr_balance_level *rings_of(const hr_balance_level *level, const hr_cluster *cluster,
                                        const hr_pick *pick) {
    const hr_balancer *balancer = cluster->internal;
    if (pick->rings == NULL || pick->rings->cluster != cluster)
        return level;
    const hr_balance_level *rebuilt = &pick->rings->levels[level - balancer->levels];
    return rebuilt->all.n_members > 0 ? rebuilt : level;
}

/* An unusable endpoint is passed over as if it had no entry. */
static int on_ring(size_t *out, const hr_balance_level *level, const hr_pick *pick, uint64_t hash) {
    size_t at = hr_ring_find(level->ring, level->n_ring, hash);
    for (size_t i = 0; i < level->n_ring; i++) {
        uint32_t endpoint = level->ring[(at + i) % level->n_ring].endpoint;
        if (usable(pick, endpoint)) {
            *out = endpoint;
            return HR_OK;
        }
    }
    return HR_ENOENT;
}

/* Envoy varies the hash for each further attempt by ~0 - attempt + 1. */
static int in_maglev(size_t *out, const hr_cluster *cluster, const hr_balance_level *level,
                     const hr_pick *pick, uint64_t hash) {
    for (uint64_t attempt = 0; attempt < 8 && level->n_maglev > 0; attempt++) {
        uint64_t varied = attempt == 0 ? hash : hash ^ (~UINT64_C(0) - attempt + 1);
        uint32_t endpoint = level->maglev[varied % level->n_maglev];
        if (usable(pick, endpoint)) {
            *out = endpoint;
            return HR_OK;
        }
    }
    return in_turn(out, cluster, level->all.members, level->all.n_members, hash, pick);
}

static int pick_by_hash(size_t *out, const hr_cluster *cluster, const hr_balance_level *level,
                        const hr_pick *pick, uint64_t hash) {
    return cluster->policy->lb == HR_LB_MAGLEV ? in_maglev(out, cluster, level, pick, hash)
                                               : on_ring(out, level, pick, hash);
}

static int round_robin(size_t *out, const hr_cluster *cluster, const hr_balance_group *group,
                       hr_cursor *cursor, const hr_pick *pick) {
    uint64_t turn = cursor->rotation++;
    if (group->rotation != NULL)
        return in_turn(out, cluster, group->rotation, group->n_rotation, turn, pick);
    if (!group->weighted)
        return in_turn(out, cluster, group->members, group->n_members, turn, pick);
    *out = by_weight(cluster, group, pick, mix(pick->random), false);
    return HR_OK;
}

int hr_balance(size_t *out, const hr_cluster *cluster, hr_cursor *cursor, const hr_pick *pick) {
    if (out != NULL)
        *out = 0;
    if (out == NULL || cluster == NULL || cursor == NULL || pick == NULL ||
        pick->version != HR_PICK_VERSION)
        return HR_EINVAL;
    const hr_balancer *balancer = cluster->internal;
    if (balancer == NULL || balancer->n_levels == 0 || cluster->policy->lb == HR_LB_PASSTHROUGH)
        return HR_ENOENT;
    bool hashed = cluster->policy->lb == HR_LB_RING_HASH || cluster->policy->lb == HR_LB_MAGLEV;
    uint64_t hash = pick->has_hash ? pick->hash : pick->random;
    const hr_balance_level *level =
        pick_level(balancer, pick, hashed ? hash : mix(pick->random + 2));
    if (level == NULL)
        return HR_ENOENT;
    if (hashed) {
        const hr_balance_level *rebuilt = rings_of(level, cluster, pick);
        int error = pick_by_hash(out, cluster, rebuilt, pick, hash);
        /* Who came back since then is on the old one. */
        return error == HR_ENOENT && rebuilt != level
                   ? pick_by_hash(out, cluster, level, pick, hash)
                   : error;
    }
    const hr_balance_group *group = pick_group(level, pick, mix(pick->random + 3));
    size_t n_usable = group == NULL ? 0 : count_usable(group, pick);
    if (n_usable == 0)
        return HR_ENOENT;
    if (cluster->policy->lb == HR_LB_ROUND_ROBIN)
        return round_robin(out, cluster, group, cursor, pick);
    *out = cluster->policy->lb == HR_LB_RANDOM ? uniform(group, pick, n_usable, mix(pick->random))
                                               : least_request(cluster, group, pick, n_usable);
    return HR_OK;
}
