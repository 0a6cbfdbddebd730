/* The pick of an endpoint. Nothing is kept here: what moves is the caller's. */
#include "balancer.h"
#include "text.h"

/* Envoy's overprovisioning factor: a priority keeps all its traffic until less than 1/1.4 of it is left. */
#define OVERPROVISIONING 1.4

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
    if (pick->states == NULL || cluster->policy.warmup_ms <= 0)
        return 1;
    uint8_t percent = pick->states[endpoint].warm_percent;
    return percent == 0 || percent >= 100 ? 1 : percent / 100.0;
}

static size_t count_usable(const hr_balance_level *level, const hr_pick *pick) {
    if (pick->states == NULL)
        return level->n_members;
    size_t n = 0;
    for (size_t m = 0; m < level->n_members; m++)
        n += usable(pick, level->members[m]);
    return n;
}

/* ---- which priority ---- */

static const hr_balance_level *pick_level(const hr_balancer *balancer, const hr_pick *pick, uint64_t draw) {
    if (balancer->n_levels == 1)
        return count_usable(&balancer->levels[0], pick) > 0 ? &balancer->levels[0] : NULL;
    double left = 1, point = unit(draw);
    const hr_balance_level *last = NULL;
    for (size_t p = 0; p < balancer->n_levels && left > 0; p++) {
        const hr_balance_level *level = &balancer->levels[p];
        size_t n = level->n_members == 0 ? 0 : count_usable(level, pick);
        if (n == 0)
            continue;
        double health = OVERPROVISIONING * (double)n / (double)level->n_members;
        double share = health < left ? health : left;
        last = level;
        if (point < share)
            return level;
        point -= share;
        left -= share;
    }
    return last; /* what nobody has room for stays with the last that has anyone */
}

/* ---- which endpoint ---- */

/* The first usable one of `order` from `at` on, round about. A cold endpoint gives some turns away. */
static int in_turn(size_t *out, const hr_cluster *cluster, const uint32_t *order, size_t n, uint64_t at,
                   const hr_pick *pick) {
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

static uint32_t nth_usable(const hr_balance_level *level, const hr_pick *pick, size_t n) {
    for (size_t m = 0; m < level->n_members; m++)
        if (usable(pick, level->members[m]) && n-- == 0)
            return level->members[m];
    return level->members[0];
}

static uint32_t uniform(const hr_balance_level *level, const hr_pick *pick, size_t n_usable, uint64_t draw) {
    size_t n = below(draw, n_usable);
    return n_usable == level->n_members ? level->members[n] : nth_usable(level, pick, n);
}

/* By weight and warmth. */
static uint32_t by_weight(const hr_cluster *cluster, const hr_balance_level *level, const hr_pick *pick,
                          uint64_t draw) {
    double sum = 0;
    for (size_t m = 0; m < level->n_members; m++)
        if (usable(pick, level->members[m]))
            sum += level->weights[m] * warmth(cluster, pick, level->members[m]);
    double point = unit(draw) * sum;
    uint32_t last = level->members[0];
    for (size_t m = 0; m < level->n_members; m++) {
        if (!usable(pick, level->members[m]))
            continue;
        last = level->members[m];
        point -= level->weights[m] * warmth(cluster, pick, last);
        if (point < 0)
            break;
    }
    return last;
}

static bool uneven(const hr_cluster *cluster, const hr_balance_level *level, const hr_pick *pick) {
    return level->weighted || (pick->states != NULL && cluster->policy.warmup_ms > 0);
}

static uint32_t one(const hr_cluster *cluster, const hr_balance_level *level, const hr_pick *pick, size_t n_usable,
                    uint64_t draw) {
    return uneven(cluster, level, pick) ? by_weight(cluster, level, pick, draw)
                                        : uniform(level, pick, n_usable, draw);
}

/* Power of two choices: of two endpoints drawn, the one with fewer requests under way. */
static uint32_t least_request(const hr_cluster *cluster, const hr_balance_level *level, const hr_pick *pick,
                              size_t n_usable) {
    uint32_t a = one(cluster, level, pick, n_usable, mix(pick->random));
    uint32_t b = one(cluster, level, pick, n_usable, mix(pick->random + 1));
    if (pick->states == NULL)
        return a;
    return pick->states[b].active < pick->states[a].active ? b : a;
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
static int in_maglev(size_t *out, const hr_cluster *cluster, const hr_balance_level *level, const hr_pick *pick,
                     uint64_t hash) {
    for (uint64_t attempt = 0; attempt < 8 && level->n_maglev > 0; attempt++) {
        uint64_t varied = attempt == 0 ? hash : hash ^ (~UINT64_C(0) - attempt + 1);
        uint32_t endpoint = level->maglev[varied % level->n_maglev];
        if (usable(pick, endpoint)) {
            *out = endpoint;
            return HR_OK;
        }
    }
    return in_turn(out, cluster, level->members, level->n_members, hash, pick);
}

static int round_robin(size_t *out, const hr_cluster *cluster, const hr_balance_level *level, hr_cursor *cursor,
                       const hr_pick *pick) {
    uint64_t turn = cursor->rotation++;
    if (level->rotation != NULL)
        return in_turn(out, cluster, level->rotation, level->n_rotation, turn, pick);
    if (!level->weighted)
        return in_turn(out, cluster, level->members, level->n_members, turn, pick);
    *out = by_weight(cluster, level, pick, mix(pick->random));
    return HR_OK;
}

int hr_balance(size_t *out, const hr_cluster *cluster, hr_cursor *cursor, const hr_pick *pick) {
    if (out != NULL)
        *out = 0;
    if (out == NULL || cluster == NULL || cursor == NULL || pick == NULL)
        return HR_EINVAL;
    const hr_balancer *balancer = cluster->internal;
    if (balancer == NULL || balancer->n_levels == 0 || cluster->policy.lb == HR_LB_PASSTHROUGH)
        return HR_ENOENT;
    bool hashed = cluster->policy.lb == HR_LB_RING_HASH || cluster->policy.lb == HR_LB_MAGLEV;
    uint64_t hash = pick->has_hash ? pick->hash : pick->random;
    const hr_balance_level *level = pick_level(balancer, pick, mix(hashed ? hash : pick->random + 2));
    size_t n_usable = level == NULL ? 0 : count_usable(level, pick);
    if (n_usable == 0)
        return HR_ENOENT;
    switch (cluster->policy.lb) {
    case HR_LB_ROUND_ROBIN:
        return round_robin(out, cluster, level, cursor, pick);
    case HR_LB_RANDOM:
        *out = uniform(level, pick, n_usable, mix(pick->random));
        return HR_OK;
    case HR_LB_RING_HASH:
        return on_ring(out, level, pick, hash);
    case HR_LB_MAGLEV:
        return in_maglev(out, cluster, level, pick, hash);
    default:
        *out = least_request(cluster, level, pick, n_usable);
        return HR_OK;
    }
}
