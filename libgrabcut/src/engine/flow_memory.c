/* The memory of the minimum cut. */
#include "flow_memory.h"

#include <string.h>

static size_t tiles_across(int width) {
    return (size_t)(width + 7) / 8 + 2;
}

static size_t bordered_tiles(int width, int height) {
    return tiles_across(width) * ((size_t)(height + 7) / 8 + 2);
}

/* Pixels with the border; their excess and room are never touched in the lower one. */
static size_t bordered_pixels(int width, int height) {
    return tiles_across(width) * ((size_t)(height + 7) / 8 + 1) * 64;
}

static size_t round_up_to_line(size_t n) {
    return (n + 63) / 64 * 64;
}

size_t gc_flow_spare(int width, int height) {
    return bordered_pixels(width, height) * 16;
}

size_t gc_flow_bytes(int width, int height) {
    size_t n = bordered_tiles(width, height);
    return gc_flow_spare(width, height) + 2 * n * 64 + round_up_to_line(n * sizeof(gc_tile)) +
           round_up_to_line(n * sizeof(uint64_t)) + round_up_to_line(n) +
           round_up_to_line((n + 2) * 2 * sizeof(uint32_t));
}

void gc_flow_init(gc_flow *f, int width, int height, void *memory) {
    memset(f, 0, sizeof *f);
    f->width = width;
    f->height = height;
    f->rounds = GC_ROUNDS;
    f->band_tiles = GC_BAND_TILES;
    f->window = GC_FIRST_WINDOW;
    f->tiles_x = (int)tiles_across(width);
    f->tiles_y = (height + 7) / 8 + 2;
    size_t n = bordered_tiles(width, height), cells = bordered_pixels(width, height);
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
    p += round_up_to_line(n * sizeof(gc_tile));
    f->frontier = (uint64_t *)p;
    p += round_up_to_line(n * sizeof(uint64_t));
    f->stale = p;
    p += round_up_to_line(n);
    f->list[0] = (uint32_t *)p;
    f->list[1] = f->list[0] + n + 2;
    memset(f->label, 0, n * 64);
}

static void clear_rows(void *ctx, int index, int parts) {
    gc_flow *f = ctx;
    int y0 = gc_part_start(f->tiles_y, index, parts),
        y1 = gc_part_start(f->tiles_y, index + 1, parts);
    size_t across = (size_t)f->tiles_x, start = (size_t)y0 * across, n = (size_t)(y1 - y0) * across;
    size_t with_excess = y1 == f->tiles_y ? n - across : n;
    memset(f->excess + start * 64, 0, with_excess * 64 * sizeof *f->excess);
    memset(f->open + start * 64, 0, n * 64);
    memset(f->tile + start, 0, n * sizeof *f->tile);
    memset(f->frontier + start, 0, n * sizeof *f->frontier);
    memset(f->stale + start, 1, n);
}

void gc_flow_clear(gc_flow *f, gc_pool *pool) {
    gc_pool_run(pool, clear_rows, f);
}

void gc_flow_clear_labels(gc_flow *f) {
    memset(f->tile, 0, bordered_tiles(f->width, f->height) * sizeof *f->tile);
}
