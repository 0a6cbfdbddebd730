/*
 * Consistent hashing as Envoy does it, so that a key lands on the same endpoint here and there:
 * Ketama-style rings (Envoy's ring_hash) and the tables of "Maglev: A Fast and Reliable Software
 * Network Load Balancer" (Eisenbud et al., NSDI 2016), both over XXH64.
 */
#include "rings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "text.h"

/* Envoy's maximum_ring_size. */
#define LARGEST_RING (8.0 * 1024 * 1024)

uint64_t hr_xxh64(hr_str s, uint64_t seed) {
    return XXH64(s.len == 0 ? "" : s.p, s.len, seed);
}

hr_str hr_endpoint_key(hr_arena *arena, const hr_endpoint *e) {
    const char *format = hr_str_has(e->address, ':') ? "[%.*s]:%u" : "%.*s:%u";
    int n = snprintf(NULL, 0, format, (int)e->address.len, e->address.p, (unsigned)e->port);
    char *p = HR_ARRAY(arena, char, (size_t)n + 1);
    if (p == NULL)
        return (hr_str){0};
    snprintf(p, (size_t)n + 1, format, (int)e->address.len, e->address.p, (unsigned)e->port);
    return hr_str_of(p, (size_t)n);
}

/* ---- rings ---- */

static int entries_by_hash(const void *a, const void *b) {
    const hr_ring_entry *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->endpoint < y->endpoint ? -1 : x->endpoint > y->endpoint;
}

static double smallest(const double *v, size_t n) {
    double least = v[0];
    for (size_t i = 1; i < n; i++)
        least = v[i] < least ? v[i] : least;
    return least;
}

/* Of "KEY_I". */
static uint64_t entry_hash(hr_str key, uint64_t i) {
    char text[24];
    int n = snprintf(text, sizeof(text), "_%llu", (unsigned long long)i);
    XXH64_state_t state;
    XXH64_reset(&state, 0);
    XXH64_update(&state, key.p, key.len);
    XXH64_update(&state, text, (size_t)n);
    return XXH64_digest(&state);
}

void hr_ring_build(hr_arena *arena, hr_balance_level *level, const hr_cluster *cluster) {
    double least = smallest(level->all.weights, level->all.n_members);
    double scale = ceil(least * (double)cluster->policy->ring_min_size) / least;
    if (scale > LARGEST_RING)
        scale = LARGEST_RING;
    size_t room = (size_t)ceil(scale) + level->all.n_members;
    level->ring = HR_ARRAY(arena, hr_ring_entry, room);
    if (level->ring == NULL)
        return;
    double current = 0, target = 0;
    for (size_t m = 0; m < level->all.n_members; m++) {
        hr_str key = hr_endpoint_key(arena, cluster->endpoints[level->all.members[m]]);
        target += scale * level->all.weights[m];
        /* Running sums, so that shares that are no whole numbers even out over all members. */
        for (uint64_t i = 0; current < target && level->n_ring < room; i++, current++)
            level->ring[level->n_ring++] =
                (hr_ring_entry){entry_hash(key, i), level->all.members[m]};
    }
    qsort(level->ring, level->n_ring, sizeof(*level->ring), entries_by_hash);
}

/* The first entry at or after the hash; the ring goes round. */
size_t hr_ring_find(const hr_ring_entry *ring, size_t n, uint64_t hash) {
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ring[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low == n ? 0 : low;
}

/* ---- Maglev ---- */

typedef struct maglev_entry {
    hr_str key;
    uint32_t endpoint;
    double weight, target;
    uint64_t offset, skip, next;
} maglev_entry;

static int by_key(const void *a, const void *b) {
    return hr_str_cmp(((const maglev_entry *)a)->key, ((const maglev_entry *)b)->key);
}

static maglev_entry *maglev_entries(hr_arena *arena, const hr_balance_level *level,
                                    const hr_cluster *cluster, uint64_t size, double *largest) {
    maglev_entry *entries = HR_ARRAY(arena, maglev_entry, level->all.n_members);
    *largest = 0;
    if (entries == NULL)
        return NULL;
    for (size_t m = 0; m < level->all.n_members; m++) {
        hr_str key = hr_endpoint_key(arena, cluster->endpoints[level->all.members[m]]);
        entries[m] = (maglev_entry){
            .key = key,
            .endpoint = level->all.members[m],
            .weight = level->all.weights[m],
            .offset = hr_xxh64(key, 0) % size,
            .skip = hr_xxh64(key, 1) % (size - 1) + 1,
        };
        *largest = entries[m].weight > *largest ? entries[m].weight : *largest;
    }
    qsort(entries, level->all.n_members, sizeof(*entries), by_key);
    return entries;
}

void hr_maglev_build(hr_arena *arena, hr_balance_level *level, const hr_cluster *cluster) {
    static const uint32_t vacant = UINT32_MAX;
    uint64_t size = cluster->policy->maglev_table_size;
    double largest;
    if (size < 2)
        return;
    maglev_entry *entries = maglev_entries(arena, level, cluster, size, &largest);
    level->maglev = HR_ARRAY(arena, uint32_t, size);
    if (entries == NULL || level->maglev == NULL)
        return;
    level->n_maglev = size;
    memset(level->maglev, 0xFF, size * sizeof(*level->maglev));
    uint64_t filled = 0;
    for (uint32_t iteration = 1; filled < size; iteration++)
        for (size_t i = 0; i < level->all.n_members && filled < size; i++) {
            maglev_entry *e = &entries[i];
            if (iteration * e->weight < e->target) /* lighter members have fewer turns */
                continue;
            e->target += largest;
            uint64_t at = (e->offset + e->skip * e->next) % size;
            while (level->maglev[at] != vacant) {
                e->next++;
                at = (e->offset + e->skip * e->next) % size;
            }
            level->maglev[at] = e->endpoint;
            e->next++;
            filled++;
        }
}
