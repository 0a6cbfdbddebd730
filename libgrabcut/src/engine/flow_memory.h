/* The memory of the minimum cut. */
#ifndef GRABCUT_ENGINE_FLOW_MEMORY_H
#define GRABCUT_ENGINE_FLOW_MEMORY_H

#include "flow.h"
#include "pool.h"

enum {
    GC_ROUNDS = 2000,    /* no known image takes a tenth of it */
    GC_BAND_TILES = 128, /* below, starting a thread takes longer than what it saves */
    GC_FIRST_WINDOW = 8, /* from no flow at all */
    GC_LATER_WINDOW = 1  /* from the flow of the cut before: most of what is new goes next door */
};

size_t gc_flow_bytes(int width, int height);

/* As much of it may serve for something else between gc_flow_init and gc_flow_clear: it begins at
 * excess. */
size_t gc_flow_spare(int width, int height);

/* Lays the arrays out in `memory` of gc_flow_bytes, aligned to 64. */
void gc_flow_init(gc_flow *flow, int width, int height, void *memory);

/* No excess, no open arcs, nothing alive. The residuals stay. */
void gc_flow_clear(gc_flow *flow, gc_pool *pool);

/* Nothing alive; all the rest may be anything before gc_flow_clear. */
void gc_flow_clear_labels(gc_flow *flow);

#endif
