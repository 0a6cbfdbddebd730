/* Consistent hashing as Envoy does it: ring hash and Maglev. */
#ifndef HR_RINGS_H
#define HR_RINGS_H

#include "arena.h"
#include "balance_level.h"

void hr_ring_build(hr_arena *arena, hr_balance_level *level, const hr_cluster *cluster);
void hr_maglev_build(hr_arena *arena, hr_balance_level *level, const hr_cluster *cluster);
/* Envoy's key of an endpoint: "ADDRESS:PORT". */
hr_str hr_endpoint_key(hr_arena *arena, const hr_endpoint *endpoint);
/* XXH64 with seed, as Envoy's HashUtil::xxHash64. */
uint64_t hr_xxh64(hr_str s, uint64_t seed);
/* Where a hash falls on the ring. */
size_t hr_ring_find(const hr_ring_entry *ring, size_t n, uint64_t hash);

#endif
