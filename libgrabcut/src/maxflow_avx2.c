/* The minimum cut with AVX2 (and the bit instructions that come with it). */
#include "maxflow.h"

#include <immintrin.h>
#include <limits.h>
#include <string.h>

/* As in maxflow_portable.c. _mm_minpos_epu16 gives value and place of the minimum at once. */
static inline int lowest_neighbour(const uint8_t *label, size_t stride, unsigned own, unsigned open,
                                   unsigned *gap) {
    uint32_t up, down;
    memcpy(&up, label - stride - 1, 4);
    memcpy(&down, label + stride - 1, 4);
    uint64_t around = (up & 0xffffff) | (uint64_t)label[-1] << 24 | (uint64_t)label[1] << 32 |
                      (uint64_t)down << 40;
    __m128i below = _mm_set1_epi8((char)(own - 1));
    __m128i gaps = _mm_cvtepu8_epi16(_mm_sub_epi8(_mm_cvtsi64_si128((int64_t)around), below));
    const __m128i bits = _mm_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128);
    __m128i closed = _mm_cmpeq_epi16(_mm_and_si128(_mm_set1_epi16((short)open), bits), _mm_setzero_si128());
    uint32_t found = (uint32_t)_mm_cvtsi128_si32(_mm_minpos_epu16(_mm_or_si128(gaps, closed)));
    *gap = found & 0xffff;
    return (int)(found >> 16);
}

static inline __m256i four_rows(const uint8_t *p, size_t stride, int rows) {
    int64_t v[4] = {0};
    for (int j = 0; j < 4 && j < rows; j++)
        memcpy(&v[j], p + (size_t)j * stride, 8);
    return _mm256_setr_epi64x(v[0], v[1], v[2], v[3]);
}

static inline void split_planes(uint64_t *planes, const uint8_t *open, size_t stride, int rows) {
    __m256i low = four_rows(open, stride, rows), high = four_rows(open + 4 * stride, stride, rows - 4);
    for (int d = 7; d >= 0; d--) {
        planes[d] = (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
        low = _mm256_add_epi8(low, low);
        high = _mm256_add_epi8(high, high);
    }
}

static inline uint64_t spread(uint64_t bits) {
    return _pdep_u64(bits, 0x0101010101010101u) * 255;
}

/* Squared distance of two colours. */
static inline uint32_t color_distance(const uint8_t *a, const uint8_t *b) {
    int db = a[0] - b[0], dg = a[1] - b[1], dr = a[2] - b[2];
    return (uint32_t)(db * db + dg * dg + dr * dr);
}

#define GC_SOLVE gc_flow_solve_avx2
#include "maxflow.inc"
