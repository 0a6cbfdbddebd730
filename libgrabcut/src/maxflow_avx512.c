/* The minimum cut with AVX-512: the labels of a tile are one register, and a comparison of them gives its 64
 * bits. */
#include "maxflow.h"
#include "maxflow_halo.h"

#include <immintrin.h>
#include <limits.h>
#include <string.h>

static inline __m512i load(const void *p) {
    return _mm512_loadu_si512(p);
}

struct halo {
    __m512i own;
    __m512i left, right;    /* the columns beside the tile, where neighbours() wants them */
    __m512i up[3], down[3]; /* the rows above and below, as seen by west, own and east, in row 7 and in row 0 */
};

static inline uint64_t row_of(const uint8_t *label, int y) {
    uint64_t row;
    memcpy(&row, label + y * 8, sizeof row);
    return row;
}

static inline __m512i rows(uint64_t row) {
    return _mm512_set1_epi64((int64_t)row);
}

static inline void look_around(halo *h, const uint8_t *label, const uint8_t *up, const uint8_t *down) {
    uint64_t above = row_of(up, 7), below = row_of(down, 0);
    h->own = load(label);
    h->left = _mm512_srli_epi64(load(label - 64), 56);
    h->right = _mm512_slli_epi64(load(label + 64), 56);
    h->up[0] = rows(above << 8 | row_of(up - 64, 7) >> 56);
    h->up[1] = rows(above);
    h->up[2] = rows(above >> 8 | row_of(up + 64, 7) << 56);
    h->down[0] = rows(below << 8 | row_of(down - 64, 0) >> 56);
    h->down[1] = rows(below);
    h->down[2] = rows(below >> 8 | row_of(down + 64, 0) << 56);
}

static inline void keep_labels(const halo *h, uint8_t *label) {
    _mm512_storeu_si512(label, h->own);
}

/* The labels of the neighbours of all pixels, by direction. */
static inline void neighbours(__m512i to[8], const halo *h) {
    const __m512i middle[3] = {_mm512_or_si512(_mm512_slli_epi64(h->own, 8), h->left), h->own,
                               _mm512_or_si512(_mm512_srli_epi64(h->own, 8), h->right)};
    for (int i = 0; i < 3; i++) {
        to[i] = _mm512_alignr_epi64(middle[i], h->up[i], 7);
        to[5 + i] = _mm512_alignr_epi64(h->down[i], middle[i], 1);
    }
    to[3] = middle[0];
    to[4] = middle[2];
}

static inline __m512i bit(int d) {
    return _mm512_set1_epi8((char)(1 << d));
}

static inline uint64_t admissible(uint8_t *arcs, const halo *h, const uint8_t *open) {
    __m512i below = _mm512_sub_epi8(h->own, _mm512_set1_epi8(1)), found = _mm512_setzero_si512(), to[8];
    neighbours(to, h);
    for (int d = 0; d < 8; d++)
        found = _mm512_mask_add_epi8(found, _mm512_cmpeq_epi8_mask(to[d], below), found, bit(d));
    found = _mm512_and_si512(found, load(open));
    _mm512_storeu_si512(arcs, found);
    return _mm512_test_epi8_mask(found, found);
}

static inline uint64_t relabel(halo *h, const uint8_t *open, uint64_t bits, uint8_t level, uint64_t *beyond) {
    const __m512i arcs = load(open), below = _mm512_sub_epi8(h->own, _mm512_set1_epi8(1));
    __m512i gap = _mm512_set1_epi8(-1), to[8];
    neighbours(to, h);
    for (int d = 0; d < 8; d++)
        gap = _mm512_mask_min_epu8(gap, _mm512_test_epi8_mask(arcs, bit(d)), gap, _mm512_sub_epi8(to[d], below));
    __m512i room = _mm512_sub_epi8(_mm512_set1_epi8((char)level), h->own);
    *beyond = _mm512_cmpge_epu8_mask(gap, room);
    bits &= _mm512_test_epi8_mask(arcs, arcs);
    h->own = _mm512_mask_add_epi8(h->own, bits, h->own, gap);
    return bits;
}

static inline void split_planes(uint64_t *planes, const uint8_t *open) {
    const __m512i arcs = load(open);
    for (int d = 0; d < 8; d++)
        planes[d] = _mm512_test_epi8_mask(arcs, bit(d));
}

static inline void signs(uint64_t *negative, uint64_t *positive, const int32_t *excess) {
    const __m512i zero = _mm512_setzero_si512();
    *negative = *positive = 0;
    for (int i = 0; i < 64; i += 16) {
        __m512i v = load(excess + i);
        *negative |= (uint64_t)_mm512_cmplt_epi32_mask(v, zero) << i;
        *positive |= (uint64_t)_mm512_cmpgt_epi32_mask(v, zero) << i;
    }
}

static inline void set_bytes(uint8_t *bytes, uint64_t bits, uint8_t value) {
    _mm512_mask_storeu_epi8(bytes, bits, _mm512_set1_epi8((char)value));
}

#define GC_SOLVE gc_flow_solve_avx512
#include "maxflow.inc"
