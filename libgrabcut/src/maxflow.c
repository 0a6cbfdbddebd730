/* The memory of the minimum cut. */
#include "maxflow.h"

#include <string.h>

static size_t cells(int width, int height) {
    /* A border row above and below, and room for reading eight cells at the last one. */
    return (size_t)(height + 2) * (size_t)(width + 1) + 10;
}

static size_t tiles(int width, int height) {
    return (size_t)((width + 7) / 8 + 2) * (size_t)((height + 7) / 8 + 2);
}

static size_t round_up(size_t n) {
    return (n + 63) / 64 * 64;
}

size_t gc_flow_bytes(int width, int height) {
    size_t n = cells(width, height), t = tiles(width, height);
    return round_up(n * sizeof(gc_cell)) + 2 * round_up(n) + round_up(t * sizeof(gc_tile)) + round_up(t) +
           round_up((t + 1) * 2 * sizeof(uint32_t));
}

void gc_flow_init(gc_flow *f, int width, int height, void *memory) {
    memset(f, 0, sizeof *f);
    f->width = width;
    f->height = height;
    f->stride = (size_t)width + 1;
    f->rounds = GC_ROUNDS;
    f->tiles_x = (width + 7) / 8 + 2;
    f->tiles_y = (height + 7) / 8 + 2;
    size_t n = cells(width, height), t = tiles(width, height);
    uint8_t *p = memory;
    f->cells = n;
    f->cell = (gc_cell *)p;
    p += round_up(n * sizeof(gc_cell));
    f->open = p;
    p += round_up(n);
    f->label = p;
    p += round_up(n);
    f->tile = (gc_tile *)p;
    p += round_up(t * sizeof(gc_tile));
    f->stale = p;
    p += round_up(t);
    f->list[0] = (uint32_t *)p;
    f->list[1] = f->list[0] + t + 1;
    memset(f->label, 0, n);
}

void gc_flow_clear(gc_flow *f) {
    size_t n = cells(f->width, f->height), t = tiles(f->width, f->height);
    for (size_t i = 0; i < n; i++)
        f->cell[i].excess = 0;
    memset(f->open, 0, n);
    memset(f->tile, 0, t * sizeof *f->tile);
    memset(f->stale, 1, t);
}
