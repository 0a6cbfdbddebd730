/* The second of the two cuts that bound the exact one (refine.h says why there are two). */
#ifndef GRABCUT_ENGINE_DOUBT_H
#define GRABCUT_ENGINE_DOUBT_H

#include "flow.h"
#include "kernels.h"
#include "pool.h"

/* After gc_flow_solve, with the pixels of the foreground that are undecided in `unreached`: takes
 * `amount`, at most 16, from the excess of each of them and finds those that are then background:
 * the doubtful ones, which are left in `unreached`. *count: how many they are. `memory` for `room`
 * pixel numbers is used. Returns GRABCUT_ECANCELED if the pool stops. */
int gc_flow_lower(gc_flow *flow, const gc_kernels *kernels, gc_pool *pool, int32_t amount,
                  uint32_t *memory, size_t room, size_t *count);

#endif
