/* The memory of the minimum cut. */
#ifndef GRABCUT_ENGINE_FLOW_MEMORY_H
#define GRABCUT_ENGINE_FLOW_MEMORY_H

#include "flow.h"
#include "pool.h"

enum {
    GC_ROUNDS = 2000,    /* no known image takes a tenth of it */
    GC_BAND_TILES = 128, /* below, starting a thread takes longer than what it saves */
    GC_FIRST_WINDOW = 8, /* from no flow at all */
    GC_LATER_WINDOW = 1  /* from the flow of the cut before: most new flow goes to a neighbour */
};

size_t gc_flow_bytes(int width, int height);

/* This many bytes, from excess on, may be used for something else between gc_flow_init and
 * gc_flow_clear. */
size_t gc_flow_spare(int width, int height);

/* Lays the arrays out in `memory` of gc_flow_bytes, aligned to 64. */
void gc_flow_init(gc_flow *flow, int width, int height, void *memory);

/* Removes all excess, open arcs and alive bits. The residuals stay. */
void gc_flow_clear(gc_flow *flow, gc_pool *pool);

/* Marks nothing as alive. The other arrays are undefined before gc_flow_clear. */
void gc_flow_clear_labels(gc_flow *flow);

#endif
