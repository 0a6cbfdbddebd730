/* The second of the two cuts that bound the exact one (refine.h says why there are two). */
#ifndef GRABCUT_ENGINE_DOUBT_H
#define GRABCUT_ENGINE_DOUBT_H

#include "flow.h"
#include "kernels.h"
#include "pool.h"

/* After gc_flow_solve: adds `amount`, which is small, to the excess of every pixel that is alive
 * and goes on to the minimum cut of those terminal links. The pixels that it turns to foreground
 * are no longer alive, but doubtful; *count: how many they are. `memory` for `room` pixel numbers
 * is used. Returns GRABCUT_ECANCELED if the pool stops. */
int gc_flow_raise(gc_flow *flow, const gc_kernels *kernels, gc_pool *pool, int32_t amount,
                  uint32_t *memory, size_t room, size_t *count);

#endif
