/*
 * The graph of a cut as tiles of 8x8 pixels: its arrays, and what the kernels for tiles work on
 * (engine/maxflow.c explains the algorithm).
 */
#ifndef GRABCUT_SIMD_FLOW_H
#define GRABCUT_SIMD_FLOW_H

#include "link_table.h"

#include <stddef.h>
#include <string.h>

/* Directions d: 0 NW, 1 N, 2 NE, 3 W, 4 E, 5 SW, 6 S, 7 SE; 7 - d is the opposite of d. The link in
 * direction d >= 4 is kept with the pixel that it starts from, in slot d - 4. */

/* 8x8 pixels, a bit each (byte: row, bit: column). */
typedef struct gc_tile {
    uint64_t
        open[8];    /* by direction: the arc can take more; a copy of gc_flow.open for the search */
    uint64_t alive; /* may still be background: neither fixed nor disconnected from the sink */
    uint64_t active;  /* alive with excess > 0, except for those in gc_flow.frontier */
    uint64_t deficit; /* excess < 0, except for those in gc_flow.frontier */
    uint64_t
        unreached; /* alive and not reached by the search; after the cuts, the pixels that are on
                      different sides of the two that bound the exact one (engine/refine.h) */
    uint64_t next; /* of the search */
} gc_tile;

typedef struct gc_flow {
    int width, height;
    const uint8_t *bgr; /* colour of pixel (0, 0) */
    size_t bgr_stride;
    const gc_nlinks *links;

    /* All arrays go tile by tile: pixel k of tile t is number 64 t + k. There is a border of one
     * tile around. */
    int tiles_x, tiles_y;
    gc_tile *tile;
    /* A tile. Used by the search; between searches, the active pixels that the sweeps discharge. */
    uint64_t *frontier;
    int32_t *excess; /* a pixel: > 0: flow that waits here; < 0: room towards the sink */
    /* By pixel and slot: what the link can still take eastwards and down, in 24 bits. Against it,
     * twice the capacity less that; the capacity is a function of two colours. */
    uint16_t *room_low;
    uint8_t *room_high;
    uint8_t *
        open; /* a pixel; bit d: the arc in direction d can take more, and the neighbour is alive */
    uint8_t *label;    /* a pixel; distance to the sink, modulo 256 */
    uint8_t *stale;    /* a tile; its `open` is no longer that of the pixels */
    uint32_t *list[2]; /* tiles at the front of the search */

    int rounds;     /* of push-relabel, before the cut is finished by augmenting paths */
    int band_tiles; /* that have enough work for a thread */
    int window;     /* levels beyond the nearest active pixel that the first search goes */
} gc_flow;

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

/* Distances to neighbours, worked out beforehand. */
typedef struct gc_course {
    int32_t pixel[64][8]; /* by pixel of a tile and direction: to the neighbour's number */
    int32_t link[64][8];  /* from four times the pixel's number to the link's */
    ptrdiff_t color[8];   /* by direction: to the neighbour's colour */
    ptrdiff_t place[64];  /* by pixel: to its colour from that of the first */
} gc_course;

/* Squared distance of two colours. */
static inline uint32_t gc_color_distance(const uint8_t *a, const uint8_t *b) {
    int db = a[0] - b[0], dg = a[1] - b[1], dr = a[2] - b[2];
    return (uint32_t)(db * db + dg * dg + dr * dr);
}

/* Sends up to `excess` over the link of pixel p in direction d; returns the amount, and in *full
 * whether the link can take no more. */
static inline int32_t gc_use_link(const gc_flow *f, const gc_course *c, size_t p,
                                  const uint8_t *color, unsigned d, int32_t excess,
                                  unsigned *full) {
    const size_t link = (size_t)((ptrdiff_t)p * 4 + c->link[p % 64][d]);
    int32_t kept = gc_room(f, link), room = kept;
    if (d < 4)
        room =
            2 * gc_nlinks_capacity(f->links, gc_color_distance(color, color + c->color[d]), d & 1) -
            kept;
    int32_t amount = excess < room ? excess : room;
    gc_set_room(f, link, d < 4 ? kept + amount : kept - amount);
    *full = amount == room;
    return amount;
}

/* One visit of a tile by a sweep. */
typedef struct gc_visit {
    size_t tile;
    const uint8_t *up,
        *down; /* labels of the tiles above and below; those beside them are 64 bytes away */
    const uint8_t *color; /* of the first pixel */
    uint8_t level; /* labels from here on are only lower bounds, unless the search was complete */
    int complete;
} gc_visit;

/* Sets, of eight bytes, the bits that are set in the bytes of the word. */
static inline void gc_or_bytes(uint8_t *at, uint64_t bytes) {
    uint64_t old;
    memcpy(&old, at, sizeof old);
    old |= bytes;
    memcpy(at, &old, sizeof old);
}

#endif
