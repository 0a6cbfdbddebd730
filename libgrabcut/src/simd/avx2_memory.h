/* Loads and stores of 32 bytes at any address. */
#ifndef GRABCUT_SIMD_AVX2_MEMORY_H
#define GRABCUT_SIMD_AVX2_MEMORY_H

#include <immintrin.h>

static inline __m256i load_256(const void *p) {
    return _mm256_loadu_si256(p);
}

static inline void store_256(void *p, __m256i v) {
    _mm256_storeu_si256(p, v);
}

#endif
