/* The memory of the minimum cut. */
#include "maxflow.h"

#include <string.h>

static size_t tiles_across(int width) {
    return (size_t)(width + 7) / 8 + 2;
}

static size_t tiles(int width, int height) {
    return tiles_across(width) * ((size_t)(height + 7) / 8 + 2);
}

/* Pixels with the border; their excess and room are never touched in the lower one. */
static size_t pixels(int width, int height) {
    return tiles_across(width) * ((size_t)(height + 7) / 8 + 1) * 64;
}

static size_t round_up(size_t n) {
    return (n + 63) / 64 * 64;
}

size_t gc_flow_spare(int width, int height) {
    return pixels(width, height) * 16;
}

size_t gc_flow_bytes(int width, int height) {
    size_t n = tiles(width, height);
    return gc_flow_spare(width, height) + 2 * n * 64 + round_up(n * sizeof(gc_tile)) +
           round_up(n * sizeof(uint64_t)) + round_up(n) + round_up((n + 2) * 2 * sizeof(uint32_t));
}

void gc_flow_init(gc_flow *f, int width, int height, void *memory) {
    memset(f, 0, sizeof *f);
    f->width = width;
    f->height = height;
    f->rounds = GC_ROUNDS;
    f->band_tiles = GC_BAND_TILES;
    f->tiles_x = (int)tiles_across(width);
    f->tiles_y = (height + 7) / 8 + 2;
    size_t n = tiles(width, height), cells = pixels(width, height);
    uint8_t *p = memory;
    f->excess = (int32_t *)p;
    p += cells * sizeof *f->excess;
    f->room_low = (uint16_t *)p;
    p += cells * 4 * sizeof *f->room_low;
    f->room_high = p;
    p += cells * 4;
    f->open = p;
    p += n * 64;
    f->label = p;
    p += n * 64;
    f->tile = (gc_tile *)p;
    p += round_up(n * sizeof(gc_tile));
    f->frontier = (uint64_t *)p;
    p += round_up(n * sizeof(uint64_t));
    f->stale = p;
    p += round_up(n);
    f->list[0] = (uint32_t *)p;
    f->list[1] = f->list[0] + n + 2;
    memset(f->label, 0, n * 64);
}

void gc_flow_clear(gc_flow *f) {
    size_t n = tiles(f->width, f->height);
    memset(f->excess, 0, pixels(f->width, f->height) * sizeof *f->excess);
    memset(f->open, 0, n * 64);
    memset(f->tile, 0, n * sizeof *f->tile);
    memset(f->frontier, 0, n * sizeof *f->frontier);
    memset(f->stale, 1, n);
}
