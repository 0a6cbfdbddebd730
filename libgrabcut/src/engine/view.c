/* Reads rows of the image and of the labels. */
#include "view.h"

#include "flow.h"

#include <string.h>

void gc_view_mask_bits(uint64_t *bits, const uint8_t *mask, int n, int bit) {
    for (int x = 0; x < n; x += 64) {
        uint64_t word = 0;
        int end = n - x < 64 ? n - x : 64;
        int i = 0;
        for (; i + 8 <= end; i += 8) {
            uint64_t eight;
            memcpy(&eight, mask + x + i, 8);
            eight = eight >> bit & 0x0101010101010101u;
            /* The multiplication brings the eight low bits together in the top byte. */
            word |= (eight * 0x0102040810204080u >> 56) << i;
        }
        for (; i < end; i++)
            word |= (uint64_t)(mask[x + i] >> bit & 1) << i;
        bits[x / 64] = word;
    }
}

void gc_view_background(const gc_view *view, int y, uint64_t *bits) {
    const grabcut_rect *r = &view->region;
    const gc_tile *tile = view->tiles + (size_t)(y / 8 + 1) * (size_t)view->tiles_x + 1;
    int shift = y % 8 * 8;
    memset(bits, 0, gc_words(r->width) * sizeof *bits);
    for (int i = 0; i < (r->width + 7) / 8; i++)
        bits[i / 8] |= (tile[i].alive >> shift & 255) << (i % 8 * 8);
}

void gc_view_undecided(const gc_view *view, int y, uint64_t *bits) {
    const grabcut_rect *r = &view->region;
    if (view->mask) {
        gc_view_mask_bits(bits, view->mask + (size_t)(y + r->y) * view->mask_stride + r->x,
                          r->width, 1);
        return;
    }
    for (int x = 0; x < r->width; x += 64)
        bits[x / 64] = r->width - x >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << (r->width - x)) - 1;
}

/* Inverts, from bit `at` of `bits` on, the n bits that are set in `flip`. */
static void flip_bits(uint64_t *bits, int at, const uint64_t *flip, int n) {
    int shift = at % 64;
    uint64_t *to = bits + at / 64;
    for (int i = 0; i < n; i += 64) {
        uint64_t value = flip[i / 64];
        if (n - i < 64)
            value &= (UINT64_C(1) << (n - i)) - 1;
        to[i / 64] ^= value << shift;
        if (shift)
            to[i / 64 + 1] ^= value >> (64 - shift);
    }
}

/* One bit a pixel of image row y: 1 is foreground. */
static void foreground_bits(const gc_view *view, int y, gc_row *row) {
    const grabcut_rect *r = &view->region;
    int inside = y >= r->y && y < r->y + r->height;
    if (view->mask)
        gc_view_mask_bits(row->bits, view->mask + (size_t)y * view->mask_stride, view->width, 0);
    else
        memset(row->bits, 0, gc_words(view->width) * sizeof *row->bits);
    if (!inside)
        return;
    /* Undecided pixels count as foreground but for those that the cut found to be background. */
    gc_view_background(view, y - r->y, row->more);
    if (view->mask) {
        const uint8_t *mask = view->mask + (size_t)y * view->mask_stride;
        for (int x = 0; x < r->width; x++) {
            uint8_t m = mask[r->x + x];
            uint64_t bit = UINT64_C(1) << ((r->x + x) % 64), *word = &row->bits[(r->x + x) / 64];
            if (!(m & 2))
                continue;
            *word = row->more[x / 64] >> (x % 64) & 1 ? *word & ~bit : *word | bit;
        }
        return;
    }
    for (size_t i = 0; i < gc_words(r->width); i++)
        row->more[i] = ~row->more[i];
    flip_bits(row->bits, r->x, row->more, r->width);
}

int gc_view_samples(const gc_view *view, int y, int foreground, gc_row *row) {
    foreground_bits(view, y, row);
    const uint8_t *line = view->bgr + (size_t)y * view->stride;
    uint32_t *out = row->px;
    for (int x = 0; x < view->width; x += 64) {
        int end = view->width - x < 64 ? view->width - x : 64;
        uint64_t all = end == 64 ? ~UINT64_C(0) : (UINT64_C(1) << end) - 1;
        uint64_t word = row->bits[x / 64];
        word = (foreground ? word : ~word) & all;
        const uint8_t *p = line + (size_t)x * 3;
        if (word == all) {
            view->kernels->unpack(out, p, end);
            out += end;
            continue;
        }
        for (; word; word &= word - 1)
            *out++ = gc_pixel(p + __builtin_ctzll(word) * 3);
    }
    return (int)(out - row->px);
}

int gc_view_foreground(const gc_view *view, int y, gc_row *row) {
    int n = 0;
    foreground_bits(view, y, row);
    for (int x = 0; x < view->width; x += 64) {
        int end = view->width - x;
        n += __builtin_popcountll(end >= 64 ? row->bits[x / 64]
                                            : row->bits[x / 64] & ((UINT64_C(1) << end) - 1));
    }
    return n;
}

void gc_view_pixels(const gc_view *view, int x, int y, int n, uint32_t *px) {
    view->kernels->unpack(px, view->bgr + (size_t)y * view->stride + (size_t)x * 3, n);
}
