/*
 * Minimum cut on a grid of pixels with eight neighbours, capacities in scaled integers: push-relabel
 * (Goldberg, Tarjan 1988) made for pictures. maxflow.inc tells how.
 */
#ifndef GRABCUT_MAXFLOW_H
#define GRABCUT_MAXFLOW_H

#include <string.h>

#include "nlinks.h"

/* Directions d: 0 NW, 1 N, 2 NE, 3 W, 4 E, 5 SW, 6 S, 7 SE; 7 - d is the opposite of d. The link in
 * direction d >= 4 is kept with the pixel that it starts from, in slot d - 4. */
typedef struct gc_cell {
    int32_t excess;         /* > 0: flow that waits here; < 0: room towards the sink */
    uint8_t residual[4][3]; /* 24 bits, low byte first: what the link can still take eastwards and down.
                               Against it: 2 * capacity - that; the capacity is a function of two colours. */
} gc_cell;

/* 8x8 pixels, a bit each (byte: row, bit: column). */
typedef struct gc_tile {
    uint64_t open[8];   /* by direction: the arc can take more; a copy of gc_flow.open for the search */
    uint64_t alive;     /* may still be background: neither fixed nor cut off from the sink */
    uint64_t active;    /* alive, with excess > 0 */
    uint64_t deficit;   /* excess < 0 */
    uint64_t unreached; /* alive, and the search has not come here */
    uint64_t frontier;  /* of the search; between searches: active pixels that the sweeps shall discharge */
    uint64_t next;      /* of the search */
} gc_tile;

typedef struct gc_flow {
    int width, height;
    size_t stride;      /* cells a row: width + 1, as the right border is the next row's left one */
    const uint8_t *bgr; /* colour of pixel (0, 0) */
    size_t bgr_stride;
    const gc_nlinks *links;

    gc_cell *cell;
    size_t cells;
    uint8_t *open;  /* bit d: the arc in direction d can take more, and that is of use */
    uint8_t *label; /* distance to the sink, modulo 256 */

    int tiles_x, tiles_y; /* with a border of one tile around */
    gc_tile *tile;
    uint8_t *stale;    /* a tile: its `open` is no longer that of the cells */
    uint32_t *list[2]; /* tiles at the front of the search */

    int level;       /* labels from here on are only lower bounds */
    int complete;    /* the last search went to the end: there are no such labels */
    int rounds;      /* of push-relabel, before the cut is finished by augmenting paths */

    /* While it is solved: */
    int (*stop)(void *);
    void *stop_ctx;
    int stopped;
    size_t work; /* since `stop` was asked */
} gc_flow;

/* No picture is known to take a tenth of it. */
enum { GC_ROUNDS = 2000 };

size_t gc_flow_bytes(int width, int height);

/* Lays the arrays out in `memory` of gc_flow_bytes, aligned to 64. */
void gc_flow_init(gc_flow *flow, int width, int height, void *memory);

/* No excess, no open arcs, nothing alive. The residuals stay. */
void gc_flow_clear(gc_flow *flow);

/* After the caller has set residual, excess, open and alive: finds a minimum cut. Afterwards the pixels
 * that are still alive are those that can reach the sink, that is background; of several minimum cuts it is
 * the one with the fewest background pixels. GRABCUT_ECANCELED if `stop` says so, which is asked every
 * millisecond or so. */
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

/* Both stay within the cell; what stands before a residual belongs to the cell, too. */
static inline int32_t gc_load24(const uint8_t *p) {
    uint32_t word;
    memcpy(&word, p - 1, sizeof word);
    return (int32_t)(word >> 8);
}

static inline void gc_store24(uint8_t *p, int32_t v) {
    uint16_t low = (uint16_t)v;
    memcpy(p, &low, sizeof low);
    p[2] = (uint8_t)(v >> 16);
}

#endif
