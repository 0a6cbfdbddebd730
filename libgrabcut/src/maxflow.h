/*
 * Minimum cut on a grid of pixels with eight neighbours, capacities in scaled integers: push-relabel
 * (Goldberg, Tarjan 1988) made for pictures. maxflow.inc tells how.
 */
#ifndef GRABCUT_MAXFLOW_H
#define GRABCUT_MAXFLOW_H

#include "nlinks.h"

/* Directions d: 0 NW, 1 N, 2 NE, 3 W, 4 E, 5 SW, 6 S, 7 SE; 7 - d is the opposite of d. The link in
 * direction d >= 4 is kept with the pixel that it starts from, in slot d - 4. */
typedef struct gc_cell {
    uint8_t residual[4][3]; /* 24 bits, little endian: what the link can still take eastwards and down.
                               Against it: 2 * capacity - that; the capacity is a function of two colours. */
    int32_t excess;         /* > 0: flow that waits here; < 0: room towards the sink */
} gc_cell;

typedef struct gc_flow {
    int width, height;
    size_t stride;      /* cells a row: width + 1, as the right border is the next row's left one */
    const uint8_t *bgr; /* colour of pixel (0, 0) */
    size_t bgr_stride;
    const gc_nlinks *links;

    gc_cell *cell;
    uint8_t *open;  /* bit d: the arc in direction d can take more, and that is of use */
    uint8_t *label; /* distance to the sink, modulo 256 */

    /* One bit a pixel in tiles of 8x8 (byte: row, bit: column), with a border of one tile around. */
    int tiles_x, tiles_y;
    uint64_t *alive;   /* may still be background: neither fixed nor cut off from the sink */
    uint64_t *active;  /* alive, with excess > 0 */
    uint64_t *deficit; /* excess < 0 */
    uint64_t *unreached, *frontier, *next; /* of the search */
    uint64_t *planes;                      /* `open` by direction, 8 words a tile */
    uint32_t *list[2];                     /* tiles at the front of the search */

    uint64_t relabels; /* label rises so far */
} gc_flow;

size_t gc_flow_bytes(int width, int height);

/* Lays the arrays out in `memory` of gc_flow_bytes, aligned to 64. */
void gc_flow_init(gc_flow *flow, int width, int height, void *memory);

/* No excess, no open arcs, nothing alive. The residuals stay. */
void gc_flow_clear(gc_flow *flow);

/* After the caller has set residual, excess, open and alive: finds a minimum cut. Afterwards the pixels
 * that are still alive are those that can reach the sink, that is background; of several minimum cuts it is
 * the one with the fewest background pixels. GRABCUT_ECANCELED if `stop` says so. */
typedef int gc_flow_solver(gc_flow *flow, int (*stop)(void *), void *stop_ctx);
gc_flow_solver gc_flow_solve_portable, gc_flow_solve_avx2;

static inline size_t gc_flow_cell(const gc_flow *flow, int x, int y) {
    return (size_t)(y + 1) * flow->stride + (size_t)x + 1;
}

static inline size_t gc_flow_tile(const gc_flow *flow, int x, int y) {
    return (size_t)(y / 8 + 1) * (size_t)flow->tiles_x + (size_t)(x / 8 + 1);
}

static inline uint64_t gc_flow_bit(int x, int y) {
    return UINT64_C(1) << ((y & 7) * 8 + (x & 7));
}

static inline int32_t gc_load24(const uint8_t *p) {
    return p[0] | p[1] << 8 | p[2] << 16;
}

static inline void gc_store24(uint8_t *p, int32_t v) {
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)(v >> 16);
}

#endif
