/*
 * The image with its current labels, row by row. Outside of the region (the smallest rect that
 * holds everything that is known to be undecided) the start settles the labels; inside, the minimum
 * cut does, one bit a pixel in its own tiles. Nothing is written to the caller's mask before the
 * run has succeeded.
 */
#ifndef GRABCUT_ENGINE_VIEW_H
#define GRABCUT_ENGINE_VIEW_H

#include "kernels.h"

typedef struct gc_view {
    const gc_kernels *kernels;
    const uint8_t *bgr;
    size_t stride;
    int width, height;
    const uint8_t *mask; /* NULL: a rect's start, all outside of the region is background */
    size_t mask_stride;
    grabcut_rect region;
    const struct gc_tile
        *tiles; /* 8x8 pixels of the region each; alive: undecided and background */
    int tiles_x;
} gc_view;

/* What a pixel is at the start, besides GRABCUT_BGD and GRABCUT_FGD. */
enum { GC_UNDECIDED = 2, GC_OUTSIDE = 4 };

/* State of the pixel at (x, y) of the region, which may lie one beyond its border. */
static inline int gc_view_state(const gc_view *v, int x, int y) {
    const grabcut_rect *r = &v->region;
    int px = r->x + x, py = r->y + y;
    if (px < 0 || py < 0 || px >= v->width || py >= v->height)
        return GC_OUTSIDE;
    if (v->mask) {
        int m = v->mask[(size_t)py * v->mask_stride + (size_t)px];
        return m & 2 ? GC_UNDECIDED : m;
    }
    return x >= 0 && y >= 0 && x < r->width && y < r->height ? GC_UNDECIDED : GRABCUT_BGD;
}

/* Row buffers of one thread. */
typedef struct gc_row {
    uint64_t *bits, *more; /* gc_words(width) */
    uint32_t *px, *below;  /* width + GC_PAD */
    int32_t *number;       /* width + GC_PAD */
    uint8_t *labels;       /* width + GC_PAD */
} gc_row;

static inline size_t gc_words(int n) {
    return ((size_t)n + 63) / 64 + 1; /* one more, so that words may be read and written in pairs */
}

/* One bit a pixel of region row y: 1 is undecided. */
void gc_view_undecided(const gc_view *view, int y, uint64_t *bits);

/* The pixels of image row y whose label is `foreground`, in order, go to row->px; returns how many.
 */
int gc_view_samples(const gc_view *view, int y, int foreground, gc_row *row);

/* How many pixels of image row y are foreground. */
int gc_view_foreground(const gc_view *view, int y, gc_row *row);

/* n pixels from x on, in order. */
void gc_view_pixels(const gc_view *view, int x, int y, int n, uint32_t *px);

/* Bit `bit` of each of n mask bytes. */
void gc_view_mask_bits(uint64_t *bits, const uint8_t *mask, int n, int bit);

/* Row y of the background bits, n of them. */
void gc_view_background(const gc_view *view, int y, uint64_t *bits);

#endif
