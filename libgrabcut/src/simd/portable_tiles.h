/* What a sweep does with a tile of 8x8 pixels on any processor; tiles.inc lists what each function
 * does. */
#ifndef GRABCUT_SIMD_PORTABLE_TILES_H
#define GRABCUT_SIMD_PORTABLE_TILES_H

#include <stdint.h>
#include <string.h>

/* Labels of a tile, from [1][1] on, and of what is around it. */
typedef struct halo {
    uint8_t label[10][16];
} halo;

static inline void look_around(halo *h, const uint8_t *label, const uint8_t *up,
                               const uint8_t *down) {
    for (int y = 0; y < 10; y++) {
        const uint8_t *row = y == 0 ? up + 56 : y == 9 ? down : label + (y - 1) * 8;
        h->label[y][0] = row[-64 + 7];
        memcpy(&h->label[y][1], row, 8);
        h->label[y][9] = row[64];
    }
}

static inline void keep_labels(const halo *h, uint8_t *label) {
    for (int y = 0; y < 8; y++)
        memcpy(label + y * 8, &h->label[y + 1][1], 8);
}

/* How much the label of pixel k must rise to be one above that of its neighbour in direction d. */
static inline unsigned gap_to(const halo *h, unsigned k, unsigned d) {
    static const int to[8] = {-17, -16, -15, -1, 1, 15, 16, 17};
    const uint8_t *own = &h->label[k / 8 + 1][k % 8 + 1];
    return (uint8_t)(own[to[d]] - *own + 1);
}

static inline uint64_t admissible(uint8_t *arcs, const halo *h, const uint8_t *open) {
    uint64_t some = 0;
    for (unsigned k = 0; k < 64; k++) {
        unsigned found = 0;
        for (unsigned d = 0; d < 8; d++)
            found |= (unsigned)(gap_to(h, k, d) == 0) << d;
        arcs[k] = (uint8_t)(found & open[k]);
        some |= (uint64_t)(arcs[k] != 0) << k;
    }
    return some;
}

static inline uint64_t relabel(halo *h, const uint8_t *open, uint64_t bits, uint8_t level,
                               uint64_t *beyond) {
    halo before = *h;
    uint64_t risen = 0;
    *beyond = 0;
    for (; bits; bits &= bits - 1) {
        unsigned k = (unsigned)__builtin_ctzll(bits), least = 255;
        uint8_t *own = &h->label[k / 8 + 1][k % 8 + 1];
        if (!open[k])
            continue;
        for (unsigned arcs = open[k]; arcs; arcs &= arcs - 1) {
            unsigned gap = gap_to(&before, k, (unsigned)__builtin_ctz(arcs));
            least = gap < least ? gap : least;
        }
        *beyond |= (uint64_t)(least >= (uint8_t)(level - *own)) << k;
        *own = (uint8_t)(*own + least);
        risen |= UINT64_C(1) << k;
    }
    return risen;
}

/* 8x8 bits: rows become columns (Warren, Hacker's Delight, 7-3). */
static inline uint64_t transpose_bits(uint64_t x) {
    uint64_t t = (x ^ (x >> 7)) & 0x00aa00aa00aa00aau;
    x ^= t ^ (t << 7);
    t = (x ^ (x >> 14)) & 0x0000cccc0000ccccu;
    x ^= t ^ (t << 14);
    t = (x ^ (x >> 28)) & 0x00000000f0f0f0f0u;
    return x ^ t ^ (t << 28);
}

static inline void split_planes(uint64_t *planes, const uint8_t *open) {
    memset(planes, 0, 8 * sizeof *planes);
    for (int j = 0; j < 8; j++) {
        uint64_t v;
        memcpy(&v, open + j * 8, sizeof v);
        v = transpose_bits(v);
        for (int d = 0; d < 8; d++)
            planes[d] |= (v >> (8 * d) & 255) << (8 * j);
    }
}

/* Byte i is 255 where bit i is set. */
static inline uint64_t bytes_of_eight_bits(uint64_t bits) {
    uint64_t low = (bits & 0x7f) * 0x0002040810204081u & 0x0001010101010101u; /* bits 0 to 6 */
    return (low | bits >> 7 << 56) * 255;
}

static inline void signs(uint64_t *negative, uint64_t *positive, const int32_t *excess) {
    *negative = *positive = 0;
    for (int k = 0; k < 64; k++) {
        *negative |= (uint64_t)(excess[k] < 0) << k;
        *positive |= (uint64_t)(excess[k] > 0) << k;
    }
}

static inline uint64_t below(const int32_t *excess, int32_t limit) {
    uint64_t bits = 0;
    for (int k = 0; k < 64; k++)
        bits |= (uint64_t)(excess[k] < limit) << k;
    return bits;
}

static inline void ample(uint64_t planes[4], const uint8_t *room_high, unsigned least) {
    memset(planes, 0, 4 * sizeof *planes);
    for (int k = 0; k < 64; k++)
        for (int s = 0; s < 4; s++)
            planes[s] |= (uint64_t)(room_high[4 * k + s] >= least) << k;
}

static inline void set_bytes(uint8_t *bytes, uint64_t bits, uint8_t value) {
    for (int j = 0; j < 8; j++, bits >>= 8, bytes += 8) {
        uint64_t old;
        memcpy(&old, bytes, sizeof old);
        old ^= (old ^ value * UINT64_C(0x0101010101010101)) & bytes_of_eight_bits(bits & 255);
        memcpy(bytes, &old, sizeof old);
    }
}

#endif
