/* What a sweep does with a tile of 8x8 pixels with AVX2; tiles.inc lists what each function does.
 */
#ifndef GRABCUT_SIMD_AVX2_TILES_H
#define GRABCUT_SIMD_AVX2_TILES_H

#include "avx2_memory.h"

#include <stdint.h>
#include <string.h>

/* Four rows, eight labels each. */
typedef struct four {
    __m256i first, second; /* rows 0 to 3, rows 4 to 7 of a tile */
} four;

typedef struct halo {
    four own;
    four left,
        right; /* the columns beside the tile, in the place where neighbour_labels reads them */
    __m256i up[3], down[3]; /* the rows above and below, as seen by west, own and east, in the place
                               of theirs */
} halo;

static inline uint64_t label_row(const uint8_t *label, int y) {
    uint64_t row;
    memcpy(&row, label + y * 8, sizeof row);
    return row;
}

static inline void look_around(halo *h, const uint8_t *label, const uint8_t *up,
                               const uint8_t *down) {
    uint64_t above = label_row(up, 7), below = label_row(down, 0);
    h->own = (four){load_256(label), load_256(label + 32)};
    h->left = (four){_mm256_srli_epi64(load_256(label - 64), 56),
                     _mm256_srli_epi64(load_256(label - 32), 56)};
    h->right = (four){_mm256_slli_epi64(load_256(label + 64), 56),
                      _mm256_slli_epi64(load_256(label + 96), 56)};
    h->up[0] = _mm256_set1_epi64x((int64_t)(above << 8 | label_row(up - 64, 7) >> 56));
    h->up[1] = _mm256_set1_epi64x((int64_t)above);
    h->up[2] = _mm256_set1_epi64x((int64_t)(above >> 8 | label_row(up + 64, 7) << 56));
    h->down[0] = _mm256_set1_epi64x((int64_t)(below << 8 | label_row(down - 64, 0) >> 56));
    h->down[1] = _mm256_set1_epi64x((int64_t)below);
    h->down[2] = _mm256_set1_epi64x((int64_t)(below >> 8 | label_row(down + 64, 0) << 56));
}

static inline void keep_labels(const halo *h, uint8_t *label) {
    store_256(label, h->own.first);
    store_256(label + 32, h->own.second);
}

/* The labels of the neighbours of all pixels, by direction. */
static inline void neighbour_labels(four to[8], const halo *h) {
    const four middle[3] = {
        {_mm256_or_si256(_mm256_slli_epi64(h->own.first, 8), h->left.first),
         _mm256_or_si256(_mm256_slli_epi64(h->own.second, 8), h->left.second)},
        h->own,
        {_mm256_or_si256(_mm256_srli_epi64(h->own.first, 8), h->right.first),
         _mm256_or_si256(_mm256_srli_epi64(h->own.second, 8), h->right.second)},
    };
    for (int i = 0; i < 3; i++) {
        __m256i first = _mm256_permute4x64_epi64(middle[i].first, _MM_SHUFFLE(2, 1, 0, 3));
        __m256i second = _mm256_permute4x64_epi64(middle[i].second, _MM_SHUFFLE(2, 1, 0, 3));
        to[i] = (four){_mm256_blend_epi32(first, h->up[i], 0x03),
                       _mm256_blend_epi32(second, first, 0x03)};
        first = _mm256_permute4x64_epi64(middle[i].first, _MM_SHUFFLE(0, 3, 2, 1));
        second = _mm256_permute4x64_epi64(middle[i].second, _MM_SHUFFLE(0, 3, 2, 1));
        to[5 + i] = (four){_mm256_blend_epi32(first, second, 0xc0),
                           _mm256_blend_epi32(second, h->down[i], 0xc0)};
    }
    to[3] = middle[0];
    to[4] = middle[2];
}

/* Bytes of 255 where a bit is set. */
static inline __m256i bytes_of_bits(uint32_t bits) {
    const __m256i pick =
        _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i each = _mm256_set1_epi64x((int64_t)0x8040201008040201);
    __m256i v = _mm256_shuffle_epi8(_mm256_set1_epi32((int)bits), pick);
    return _mm256_cmpeq_epi8(_mm256_and_si256(v, each), each);
}

static inline uint32_t bits_of_bytes(__m256i v) {
    return (uint32_t)_mm256_movemask_epi8(v);
}

static inline __m256i direction_bit(int d) {
    return _mm256_set1_epi8((char)(1 << d));
}

static inline uint64_t admissible(uint8_t *arcs, const halo *h, const uint8_t *open) {
    const __m256i zero = _mm256_setzero_si256(), ones = _mm256_set1_epi8(-1);
    __m256i below = _mm256_add_epi8(h->own.first, ones),
            below2 = _mm256_add_epi8(h->own.second, ones);
    __m256i first = zero, second = zero;
    four to[8];
    neighbour_labels(to, h);
    for (int d = 0; d < 8; d++) {
        first = _mm256_or_si256(
            first, _mm256_and_si256(_mm256_cmpeq_epi8(to[d].first, below), direction_bit(d)));
        second = _mm256_or_si256(
            second, _mm256_and_si256(_mm256_cmpeq_epi8(to[d].second, below2), direction_bit(d)));
    }
    first = _mm256_and_si256(first, load_256(open));
    second = _mm256_and_si256(second, load_256(open + 32));
    store_256(arcs, first);
    store_256(arcs + 32, second);
    return ~(bits_of_bytes(_mm256_cmpeq_epi8(first, zero)) |
             (uint64_t)bits_of_bytes(_mm256_cmpeq_epi8(second, zero)) << 32);
}

/* Of half a tile. */
static inline __m256i raise_labels(__m256i *label, __m256i gap, __m256i open, uint64_t *bits,
                                   uint8_t level, uint64_t *beyond) {
    __m256i closed = _mm256_cmpeq_epi8(open, _mm256_setzero_si256());
    __m256i which = _mm256_andnot_si256(closed, bytes_of_bits((uint32_t)*bits));
    __m256i room = _mm256_sub_epi8(_mm256_set1_epi8((char)level), *label);
    *bits = bits_of_bytes(which);
    *beyond = bits_of_bytes(_mm256_cmpeq_epi8(_mm256_max_epu8(gap, room), gap));
    return _mm256_add_epi8(*label, _mm256_and_si256(gap, which));
}

static inline uint64_t relabel(halo *h, const uint8_t *open, uint64_t bits, uint8_t level,
                               uint64_t *beyond) {
    const __m256i zero = _mm256_setzero_si256(), ones = _mm256_set1_epi8(-1);
    const __m256i arcs = load_256(open), arcs2 = load_256(open + 32);
    __m256i below = _mm256_add_epi8(h->own.first, ones),
            below2 = _mm256_add_epi8(h->own.second, ones);
    __m256i gap = ones, gap2 = ones;
    four to[8];
    neighbour_labels(to, h);
    for (int d = 0; d < 8; d++) {
        __m256i closed = _mm256_cmpeq_epi8(_mm256_and_si256(arcs, direction_bit(d)), zero);
        __m256i closed2 = _mm256_cmpeq_epi8(_mm256_and_si256(arcs2, direction_bit(d)), zero);
        gap = _mm256_min_epu8(gap, _mm256_or_si256(closed, _mm256_sub_epi8(to[d].first, below)));
        gap2 =
            _mm256_min_epu8(gap2, _mm256_or_si256(closed2, _mm256_sub_epi8(to[d].second, below2)));
    }
    uint64_t low = bits, high = bits >> 32, far, far2;
    h->own.first = raise_labels(&h->own.first, gap, arcs, &low, level, &far);
    h->own.second = raise_labels(&h->own.second, gap2, arcs2, &high, level, &far2);
    *beyond = far | far2 << 32;
    return low | high << 32;
}

static inline void split_planes(uint64_t *planes, const uint8_t *open) {
    __m256i low = load_256(open), high = load_256(open + 32);
    for (int d = 7; d >= 0; d--) {
        planes[d] = bits_of_bytes(low) | (uint64_t)bits_of_bytes(high) << 32;
        low = _mm256_add_epi8(low, low);
        high = _mm256_add_epi8(high, high);
    }
}

static inline void signs(uint64_t *negative, uint64_t *positive, const int32_t *excess) {
    *negative = *positive = 0;
    for (int y = 0; y < 8; y++) {
        __m256i row = load_256(excess + 8 * y),
                more = _mm256_cmpgt_epi32(row, _mm256_setzero_si256());
        *negative |= (uint64_t)(unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(row)) << (8 * y);
        *positive |= (uint64_t)(unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(more)) << (8 * y);
    }
}

static inline uint64_t below(const int32_t *excess, int32_t limit) {
    const __m256i end = _mm256_set1_epi32(limit);
    uint64_t bits = 0;
    for (int y = 0; y < 8; y++) {
        __m256i less = _mm256_cmpgt_epi32(end, load_256(excess + 8 * y));
        bits |= (uint64_t)(unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(less)) << (8 * y);
    }
    return bits;
}

/* A row at a time, four bytes a pixel: each slot's goes where the sign of the four is. */
static inline void ample(uint64_t planes[4], const uint8_t *room_high, unsigned least) {
    const __m256i most = _mm256_set1_epi8((char)(least - 1));
    memset(planes, 0, 4 * sizeof *planes);
    for (int y = 0; y < 8; y++) {
        __m256i none = _mm256_cmpeq_epi8(_mm256_max_epu8(load_256(room_high + 32 * y), most), most);
        for (int s = 3; s >= 0; s--, none = _mm256_slli_epi32(none, 8))
            planes[s] |= (uint64_t)(unsigned)(_mm256_movemask_ps(_mm256_castsi256_ps(none)) ^ 255)
                         << (8 * y);
    }
}

static inline void set_bytes(uint8_t *bytes, uint64_t bits, uint8_t value) {
    const __m256i v = _mm256_set1_epi8((char)value);
    __m256i *p = (__m256i *)(void *)bytes;
    _mm256_storeu_si256(p, _mm256_blendv_epi8(load_256(p), v, bytes_of_bits((uint32_t)bits)));
    _mm256_storeu_si256(
        p + 1, _mm256_blendv_epi8(load_256(p + 1), v, bytes_of_bits((uint32_t)(bits >> 32))));
}

#endif
