/* The links of eight pixels for any processor. */
#ifndef GRABCUT_SIMD_PORTABLE_LINKS_H
#define GRABCUT_SIMD_PORTABLE_LINKS_H

#include "flow.h"
#include "kernels.h"

/* Opens the arcs of eight pixels and those that come back to them. */
static void open_eight(uint8_t *own, uint8_t *below, const int32_t (*room)[8],
                       const int32_t (*back)[8]) {
    uint64_t out = 0, in[4] = {0};
    for (int slot = 0; slot < 4; slot++)
        for (int i = 0; i < 8; i++) {
            out |= (uint64_t)(room[slot][i] > 0) << (8 * i + 4 + slot);
            in[slot] |= (uint64_t)(back[slot][i] > 0) << (8 * i + 3 - slot);
        }
    gc_or_bytes(own, out | in[0] << 8);
    own[64] |= (uint8_t)(in[0] >> 56); /* the first pixel of the next tile */
    gc_or_bytes(below, in[1] >> 8 | in[2] | in[3] << 8);
    below[-57] |= (uint8_t)in[1]; /* the last one of the tile before */
    below[64] |= (uint8_t)(in[3] >> 56);
}

/* What the flow of the last iteration has changed: it is kept, so the excess is another one. */
static void move_eight(int32_t *own, int32_t *below, const int32_t (*flow)[8]) {
    for (int i = 0; i < 8; i++) {
        own[i] -= flow[0][i] + flow[1][i] + flow[2][i] + flow[3][i];
        below[i] += flow[2][i];
    }
    for (int i = 0; i < 7; i++) {
        own[i + 1] += flow[0][i];
        below[i] += flow[1][i + 1];
        below[i + 1] += flow[3][i];
    }
    own[64] += flow[0][7];
    below[-57] += flow[1][0];
    below[64] += flow[3][7];
}

/* The links of the eight pixels from number p on, which lie in one tile's row; those below begin at
 * q. */
static void join_eight(gc_flow *f, size_t p, size_t q, const int32_t (*cap)[8], int fresh) {
    int32_t room[4][8], back[4][8];
    if (fresh) {
        uint16_t *low = f->room_low + p * 4;
        uint8_t *high = f->room_high + p * 4;
        int32_t by_pixel[32];
        for (int i = 0; i < 8; i++)
            for (int slot = 0; slot < 4; slot++)
                by_pixel[i * 4 + slot] = cap[slot][i];
        for (int i = 0; i < 32; i++) {
            low[i] = (uint16_t)by_pixel[i];
            high[i] = (uint8_t)(by_pixel[i] >> 16);
        }
        open_eight(f->open + p, f->open + q, cap, cap);
        return;
    }
    int32_t flow[4][8];
    for (int i = 0; i < 8; i++)
        for (int slot = 0; slot < 4; slot++) {
            room[slot][i] = gc_room(f, (p + (size_t)i) * 4 + (size_t)slot);
            back[slot][i] = 2 * cap[slot][i] - room[slot][i];
            flow[slot][i] = cap[slot][i] - room[slot][i];
        }
    open_eight(f->open + p, f->open + q, (const int32_t(*)[8])room, (const int32_t(*)[8])back);
    move_eight(f->excess + p, f->excess + q, (const int32_t(*)[8])flow);
}

static void link_eights(gc_flow *f, size_t p, size_t q, const uint32_t *px, const uint32_t *below,
                        int n, int fresh) {
    for (int i = 0; i < n; i += 8, p += 64, q += 64) {
        const uint32_t *other[4] = {px + i + 1, below + i - 1, below + i, below + i + 1};
        int32_t cap[4][8];
        for (int slot = 0; slot < 4; slot++)
            for (int k = 0; k < 8; k++)
                cap[slot][k] =
                    gc_nlinks_between(f->links, px[i + k], other[slot][k], slot % 2 == 0);
        join_eight(f, p, q, (const int32_t(*)[8])cap, fresh);
    }
}

#endif
