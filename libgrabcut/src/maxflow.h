/*
 * Minimum cut on a grid of pixels with eight neighbours, capacities in scaled integers:
 * push-relabel (Goldberg, Tarjan 1988) made for pictures. maxflow.inc tells how.
 */
#ifndef GRABCUT_MAXFLOW_H
#define GRABCUT_MAXFLOW_H

#include "nlinks.h"

/* Directions d: 0 NW, 1 N, 2 NE, 3 W, 4 E, 5 SW, 6 S, 7 SE; 7 - d is the opposite of d. The link in
 * direction d >= 4 is kept with the pixel that it starts from, in slot d - 4. */

/* 8x8 pixels, a bit each (byte: row, bit: column). */
typedef struct gc_tile {
    uint64_t open[8];   /* by direction: the arc can take more; a copy of gc_flow.open for the search */
    uint64_t alive;     /* may still be background: neither fixed nor cut off from the sink */
    uint64_t active;    /* alive, with excess > 0, but for those in gc_flow.frontier */
    uint64_t deficit;   /* excess < 0; those in gc_flow.frontier have none any more */
    uint64_t unreached; /* alive, and the search has not come here */
    uint64_t next;      /* of the search */
} gc_tile;

typedef struct gc_flow {
    int width, height;
    const uint8_t *bgr; /* colour of pixel (0, 0) */
    size_t bgr_stride;
    const gc_nlinks *links;

    /* All arrays go tile by tile: pixel k of tile t is number 64 t + k. There is a border of one tile around. */
    int tiles_x, tiles_y;
    gc_tile *tile;
    /* A tile. Of the search; between searches active pixels that the sweeps shall discharge. */
    uint64_t *frontier;
    int32_t *excess; /* a pixel: > 0: flow that waits here; < 0: room towards the sink */
    /* By pixel and slot: what the link can still take eastwards and down, in 24 bits. Against it, twice the
     * capacity less that; the capacity is a function of two colours. */
    uint16_t *room_low;
    uint8_t *room_high;
    uint8_t *open;     /* a pixel; bit d: the arc in direction d can take more, and that is of use */
    uint8_t *label;    /* a pixel; distance to the sink, modulo 256 */
    uint8_t *stale;    /* a tile; its `open` is no longer that of the pixels */
    uint32_t *list[2]; /* tiles at the front of the search */

    int rounds;     /* of push-relabel, before the cut is finished by augmenting paths */
    int band_tiles; /* that are worth a thread of their own */
    int window;     /* levels beyond the nearest active pixel that the first search goes */
} gc_flow;

enum {
    GC_ROUNDS = 2000,    /* no picture is known to take a tenth of it */
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

/* After the caller has set residual, excess, open and alive: finds a minimum cut. Afterwards the
 * pixels that are still alive are those that can reach the sink, that is background; of several
 * minimum cuts it is the one with the fewest background pixels. GRABCUT_ECANCELED if the pool
 * stops. */
typedef int gc_flow_solver(gc_flow *flow, gc_pool *pool);
gc_flow_solver gc_flow_solve_portable, gc_flow_solve_avx2, gc_flow_solve_avx512;

static inline size_t gc_flow_tile(const gc_flow *flow, int x, int y) {
    return (size_t)((y + 8) / 8) * (size_t)flow->tiles_x + (size_t)((x + 8) / 8);
}

/* Number of a pixel, which may lie one beyond the border. */
static inline size_t gc_flow_pixel(const gc_flow *flow, int x, int y) {
    return gc_flow_tile(flow, x, y) * 64 + (size_t)((y & 7) * 8 + (x & 7));
}

static inline uint64_t gc_flow_bit(int x, int y) {
    return UINT64_C(1) << ((y & 7) * 8 + (x & 7));
}

/* i: four times a pixel's number, and the slot. */
static inline int32_t gc_room(const gc_flow *flow, size_t i) {
    return flow->room_low[i] | flow->room_high[i] << 16;
}

static inline void gc_set_room(const gc_flow *flow, size_t i, int32_t room) {
    flow->room_low[i] = (uint16_t)room;
    flow->room_high[i] = (uint8_t)(room >> 16);
}

#endif
