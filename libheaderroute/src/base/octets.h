/*
 * Checks of the octets of a request. Every request pays for these checks, so they look at sixteen
 * octets at a time and keep a running minimum and maximum instead of deciding for each string. Only
 * if these look wrong is the string found in a second pass. (Octets beyond ASCII look wrong, too:
 * they are rare enough for the second pass.)
 */
#ifndef HR_OCTETS_H
#define HR_OCTETS_H

#include <headerroute/headerroute.h>

#include "octets_equal.h"

#if defined(__SSE2__)
#include <emmintrin.h>

typedef __m128i hr_octets;

static inline hr_octets hr_octets_all(uint8_t c) {
    return _mm_set1_epi8((char)c);
}

static inline hr_octets hr_octets_load(const char *p) {
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline hr_octets hr_octets_words(uint64_t a, uint64_t b) {
    return _mm_unpacklo_epi64(_mm_cvtsi64_si128((long long)a), _mm_cvtsi64_si128((long long)b));
}

static inline hr_octets hr_octets_min(hr_octets a, hr_octets b) {
    return _mm_min_epu8(a, b);
}

static inline hr_octets hr_octets_max(hr_octets a, hr_octets b) {
    return _mm_max_epu8(a, b);
}

/* memcpy for structs of some hundred octets: compilers use `rep movs` for that, which is slow to
 * start. */
static inline void hr_octets_copy(void *to, const void *from, size_t size) {
    char *t = to;
    const char *f = from;
    size_t i = 0;
#pragma GCC unroll 8
    for (; i + 64 <= size; i += 64) {
        __m128i a = hr_octets_load(f + i), b = hr_octets_load(f + i + 16);
        __m128i c = hr_octets_load(f + i + 32), d = hr_octets_load(f + i + 48);
        _mm_storeu_si128((__m128i *)(void *)(t + i), a);
        _mm_storeu_si128((__m128i *)(void *)(t + i + 16), b);
        _mm_storeu_si128((__m128i *)(void *)(t + i + 32), c);
        _mm_storeu_si128((__m128i *)(void *)(t + i + 48), d);
    }
    for (; i + 16 <= size; i += 16)
        _mm_storeu_si128((__m128i *)(void *)(t + i), hr_octets_load(f + i));
    if (i < size)
        _mm_storeu_si128((__m128i *)(void *)(t + size - 16), hr_octets_load(f + size - 16));
}

/* Four octets, four times. */
static inline hr_octets hr_octets_four(uint32_t x) {
    return _mm_set1_epi32((int)x);
}

/* Whether any octet is below `least`. */
static inline bool hr_octets_below(hr_octets v, uint8_t least) {
    return _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(v, hr_octets_all(least)),
                                            hr_octets_all(least))) != 0xFFFF;
}

/* Whether any octet is `most` or above. */
static inline bool hr_octets_reach(hr_octets v, uint8_t most) {
    return _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_max_epu8(v, hr_octets_all(most)), v)) != 0;
}

#else

/* The compiler's own vectors: NEON on arm64. */
typedef uint8_t hr_octets __attribute__((vector_size(16)));

static inline hr_octets hr_octets_all(uint8_t c) {
    return (hr_octets){0} + c;
}

static inline hr_octets hr_octets_load(const char *p) {
    hr_octets out;
    memcpy(&out, p, sizeof(out));
    return out;
}

static inline void hr_octets_copy(void *to, const void *from, size_t size) {
    memcpy(to, from, size);
}

static inline hr_octets hr_octets_words(uint64_t a, uint64_t b) {
    uint64_t both[2] = {a, b};
    hr_octets out;
    memcpy(&out, both, sizeof(out));
    return out;
}

/* a where the mask is all ones, else b. */
static inline hr_octets hr_octets_choose(hr_octets mask, hr_octets a, hr_octets b) {
    return (a & mask) | (b & ~mask);
}

static inline hr_octets hr_octets_min(hr_octets a, hr_octets b) {
    return hr_octets_choose((hr_octets)(a < b), a, b);
}

static inline hr_octets hr_octets_max(hr_octets a, hr_octets b) {
    return hr_octets_choose((hr_octets)(a > b), a, b);
}

static inline bool hr_octets_any(hr_octets mask) {
    uint64_t both[2];
    memcpy(both, &mask, sizeof(both));
    return (both[0] | both[1]) != 0;
}

static inline hr_octets hr_octets_four(uint32_t x) {
    return hr_octets_words((uint64_t)x << 32 | x, (uint64_t)x << 32 | x);
}

static inline bool hr_octets_below(hr_octets v, uint8_t least) {
    return hr_octets_any((hr_octets)(v < hr_octets_all(least)));
}

static inline bool hr_octets_reach(hr_octets v, uint8_t most) {
    return hr_octets_any((hr_octets)(v >= hr_octets_all(most)));
}

#endif

/* All octets of a string of one to seven, some of them repeated. */
static inline hr_octets hr_octets_short(const char *p, size_t len) {
    if (len >= 4) {
        uint64_t x = (uint64_t)hr_load4(p) << 32 | hr_load4(p + len - 4);
        return hr_octets_words(x, x);
    }
    return hr_octets_four((uint32_t)(uint8_t)p[0] << 16 | (uint32_t)(uint8_t)p[len / 2] << 8 |
                          (uint8_t)p[len - 1] | (uint32_t)(uint8_t)p[0] << 24);
}

/* The least and the greatest octet seen so far, in each of sixteen lanes. */
typedef struct hr_extent {
    hr_octets least, most;
} hr_extent;

static inline hr_extent hr_extent_start(void) {
    return (hr_extent){hr_octets_all(0xFF), hr_octets_all(0)};
}

static inline void hr_extent_take(hr_extent *e, hr_octets v) {
    e->least = hr_octets_min(e->least, v);
    e->most = hr_octets_max(e->most, v);
}

static inline void hr_extent_add(hr_extent *e, const char *p, size_t len) {
    if (len - 8 <= 8) {
        hr_extent_take(e, hr_octets_words(hr_load8(p), hr_load8(p + len - 8)));
        return;
    }
    if (len < 8) {
        if (len > 0)
            hr_extent_take(e, hr_octets_short(p, len));
        return;
    }
    const char *last = p + len - 16;
    do {
        hr_extent_take(e, hr_octets_load(p));
        p += 16;
    } while (p < last);
    hr_extent_take(e, hr_octets_load(last));
}

/* Whether all octets seen so far are ASCII from `least` on, without DEL. */
static inline bool hr_extent_within(const hr_extent *e, uint8_t least) {
    return !hr_octets_below(e->least, least) && !hr_octets_reach(e->most, 0x7F);
}

#endif
