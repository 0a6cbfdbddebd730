/* What the kernels for pixels do with AVX2: vectors of 32 bytes. */
#ifndef GRABCUT_SIMD_AVX2_PIXELS_H
#define GRABCUT_SIMD_AVX2_PIXELS_H

#include "kernels.h"

#include <immintrin.h>

#define GC_VB 32
#include "vectors.inc"

static inline vd max_d(vd a, vd b) {
    return (vd)_mm256_max_pd((__m256d)a, (__m256d)b);
}

static inline vd min_d(vd a, vd b) {
    return (vd)_mm256_min_pd((__m256d)a, (__m256d)b);
}

static inline vf max_f(vf a, vf b) {
    return (vf)_mm256_max_ps((__m256)a, (__m256)b);
}

static inline vd fma_d(vd a, vd b, vd c) {
    return (vd)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
}

static inline vf fma_f(vf a, vf b, vf c) {
    return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}

static inline vi dot(vu a, vu b) {
    return (vi)_mm256_madd_epi16((__m256i)a, (__m256i)b);
}

static inline vi max_i(vi a, vi b) {
    return (vi)_mm256_max_epi32((__m256i)a, (__m256i)b);
}

static inline int any_set(vl mask) {
    return !_mm256_testz_si256((__m256i)mask, (__m256i)mask);
}

static inline vf narrow(vd low, vd high) {
    vfh half[2] = {__builtin_convertvector(low, vfh), __builtin_convertvector(high, vfh)};
    return (vf)_mm256_set_m128((__m128)half[1], (__m128)half[0]);
}

static inline vd to_doubles(vih v) {
    return (vd)_mm256_cvtepi32_pd((__m128i)v);
}

static inline void store_labels(uint8_t *to, vi label) {
    __m256i four = _mm256_shuffle_epi8((__m256i)label, _mm256_set1_epi32(0x0c080400));
    _mm_storel_epi64((__m128i *)to, _mm_unpacklo_epi32(_mm256_castsi256_si128(four),
                                                       _mm256_extracti128_si256(four, 1)));
}

static inline vi distance_terms(vu a, vu b) {
    const __m256i zero = _mm256_setzero_si256(), p = (__m256i)a, q = (__m256i)b;
    __m256i d = _mm256_or_si256(_mm256_subs_epu8(p, q), _mm256_subs_epu8(q, p));
    __m256i first = _mm256_unpacklo_epi8(d, zero), last = _mm256_unpackhi_epi8(d, zero);
    return (vi)_mm256_add_epi32(_mm256_madd_epi16(first, first), _mm256_madd_epi16(last, last));
}

static void unpack(uint32_t *px, const uint8_t *bgr, int n) {
    const __m256i spread = _mm256_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1, 0,
                                            1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
    int i = 0;
    for (; i + 10 <= n; i += 8) { /* 28 bytes are read, 24 count */
        const uint8_t *p = bgr + (size_t)i * 3;
        __m256i v = _mm256_loadu2_m128i((const __m128i *)(const void *)(p + 12),
                                        (const __m128i *)(const void *)p);
        _mm256_storeu_si256((__m256i *)(void *)(px + i), _mm256_shuffle_epi8(v, spread));
    }
    for (; i < n; i++)
        px[i] = gc_pixel(bgr + (size_t)i * 3);
}

/* All fifteen sums are in the lanes of two registers; a pixel is added to the lanes of its
 * label and 0 to the others, which changes nothing. So one pixel costs the latency of one addition.
 */
enum { ACC_VECTORS = 64 / GC_VB };
static inline __attribute__((always_inline)) void accumulate_sets(float (*const acc[2])[3],
                                                                  const int sets,
                                                                  const uint32_t *px,
                                                                  const uint8_t *labels, int n) {
    float lanes[2][16] = {{0}};
    int32_t member[GC_COMPONENTS][16];
    uint32_t shift[16];
    for (int l = 0; l < 16; l++) {
        shift[l] = (uint32_t)(l % 3) * 8;
        for (int c = 0; c < GC_COMPONENTS; c++)
            member[c][l] = l / 3 == c ? -1 : 0;
        for (int s = 0; s < sets && l < 15; s++)
            lanes[s][l] = acc[s][l / 3][l % 3];
    }
    vf sum[2][ACC_VECTORS];
    vu amount[ACC_VECTORS];
    memcpy(sum, lanes, sizeof sum);
    memcpy(amount, shift, sizeof amount);
    for (int i = 0; i < n; i++) {
        vu p = (vu){0} + px[i];
        for (int v = 0; v < ACC_VECTORS; v++) {
            vi in;
            memcpy(&in, &member[labels[i]][v * VW], sizeof in);
            vf x = __builtin_convertvector((vi)((p >> amount[v]) & 255u), vf);
            x = (vf)((vi)x & in);
            for (int s = 0; s < sets; s++)
                sum[s][v] += x;
        }
    }
    memcpy(lanes, sum, sizeof lanes);
    for (int s = 0; s < sets; s++)
        for (int l = 0; l < 15; l++)
            acc[s][l / 3][l % 3] = lanes[s][l];
}

static void accumulate(float (*acc)[3], const uint32_t *px, const uint8_t *labels, int n) {
    accumulate_sets((float(*const[2])[3]){acc, acc}, 1, px, labels, n);
}

static void accumulate_both(float (*one)[3], float (*other)[3], const uint32_t *px,
                            const uint8_t *labels, int n) {
    accumulate_sets((float(*const[2])[3]){one, other}, 2, px, labels, n);
}

#endif
