/* What the kernels for pixels do on any processor: vectors of 16 bytes, which the compiler maps to
 * what there is. */
#ifndef GRABCUT_SIMD_PORTABLE_PIXELS_H
#define GRABCUT_SIMD_PORTABLE_PIXELS_H

#include "kernels.h"

#define GC_VB 16
#include "vectors.inc"

static inline vd max_d(vd a, vd b) {
    return select_d(a > b, a, b);
}

static inline vd min_d(vd a, vd b) {
    return select_d(a < b, a, b);
}

static inline vf max_f(vf a, vf b) {
    return select_f(a > b, a, b);
}

/* Not fused: the last bit may differ from the other levels'. */
static inline vd fma_d(vd a, vd b, vd c) {
    return a * b + c;
}

static inline vf fma_f(vf a, vf b, vf c) {
    return a * b + c;
}

#if defined(__SSE2__)
#include <emmintrin.h>

static inline vi dot(vu a, vu b) {
    return (vi)_mm_madd_epi16((__m128i)a, (__m128i)b);
}
#else
static inline vi dot(vu a, vu b) {
    vi low = ((vi)a << 16 >> 16) * ((vi)b << 16 >> 16);
    return low + ((vi)a >> 16) * ((vi)b >> 16);
}
#endif

static inline vi max_i(vi a, vi b) {
    vi more = (vi)(a > b);
    return (more & a) | (~more & b);
}

static inline int any_set(vl mask) {
    int64_t any = 0;
    for (int l = 0; l < VD; l++)
        any |= mask[l];
    return any != 0;
}

static inline vf narrow(vd low, vd high) {
    vfh half[2] = {__builtin_convertvector(low, vfh), __builtin_convertvector(high, vfh)};
    vf v;
    memcpy(&v, half, sizeof v);
    return v;
}

static inline vd to_doubles(vih v) {
    return __builtin_convertvector(v, vd);
}

static inline void store_labels(uint8_t *to, vi label) {
    vb bytes = __builtin_convertvector(label, vb);
    memcpy(to, &bytes, sizeof bytes);
}

static inline vi distance_terms(vu a, vu b) {
    vf db = channel_f(a, 0) - channel_f(b, 0);
    vf dg = channel_f(a, 1) - channel_f(b, 1);
    vf dr = channel_f(a, 2) - channel_f(b, 2);
    return __builtin_convertvector(db * db + dg * dg + dr * dr, vi);
}

static void unpack(uint32_t *px, const uint8_t *bgr, int n) {
    for (int i = 0; i < n; i++)
        px[i] = gc_pixel(bgr + (size_t)i * 3);
}

static void accumulate(float (*acc)[3], const uint32_t *px, const uint8_t *labels, int n) {
    for (int i = 0; i < n; i++) {
        float *a = acc[labels[i]];
        a[0] += (float)(px[i] & 255);
        a[1] += (float)(px[i] >> 8 & 255);
        a[2] += (float)(px[i] >> 16 & 255);
    }
}

static void accumulate_both(float (*one)[3], float (*other)[3], const uint32_t *px,
                            const uint8_t *labels, int n) {
    accumulate(one, px, labels, n);
    accumulate(other, px, labels, n);
}

#endif
