/*
 * What octets a request may have. Every request pays for these checks, so they look at sixteen octets at a
 * time, keep running minima instead of deciding for each string, and only once one of them looks wrong does
 * anybody ask which.
 */
#ifndef HR_OCTETS_H
#define HR_OCTETS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <headerroute/headerroute.h>

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
    return _mm_set_epi64x((long long)b, (long long)a);
}

static inline hr_octets hr_octets_min(hr_octets a, hr_octets b) {
    return _mm_min_epu8(a, b);
}

/* memcpy of a struct of some hundred octets: compilers take `rep movs` for that, which is slow to start. */
static inline void hr_octets_copy(void *to, const void *from, size_t size) {
    char *t = to;
    const char *f = from;
    size_t i = 0;
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

static inline hr_octets hr_octets_xor(hr_octets a, hr_octets b) {
    return _mm_xor_si128(a, b);
}

/* Whether any octet is below `least`. */
static inline bool hr_octets_below(hr_octets v, uint8_t least) {
    return _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(v, hr_octets_all(least)), hr_octets_all(least))) != 0xFFFF;
}

#else

typedef struct hr_octets {
    uint8_t v[16];
} hr_octets;

static inline hr_octets hr_octets_all(uint8_t c) {
    hr_octets out;
    memset(out.v, c, sizeof(out.v));
    return out;
}

static inline hr_octets hr_octets_load(const char *p) {
    hr_octets out;
    memcpy(out.v, p, sizeof(out.v));
    return out;
}

static inline void hr_octets_copy(void *to, const void *from, size_t size) {
    memcpy(to, from, size);
}

static inline hr_octets hr_octets_words(uint64_t a, uint64_t b) {
    hr_octets out;
    memcpy(out.v, &a, sizeof(a));
    memcpy(out.v + 8, &b, sizeof(b));
    return out;
}

static inline hr_octets hr_octets_min(hr_octets a, hr_octets b) {
    for (int i = 0; i < 16; i++)
        a.v[i] = a.v[i] < b.v[i] ? a.v[i] : b.v[i];
    return a;
}

static inline hr_octets hr_octets_xor(hr_octets a, hr_octets b) {
    for (int i = 0; i < 16; i++)
        a.v[i] ^= b.v[i];
    return a;
}

static inline bool hr_octets_below(hr_octets v, uint8_t least) {
    bool below = false;
    for (int i = 0; i < 16; i++)
        below |= v.v[i] < least;
    return below;
}

#endif

static inline uint64_t hr_load8(const char *p) {
    uint64_t x;
    memcpy(&x, p, sizeof(x));
    return x;
}

static inline uint32_t hr_load4(const char *p) {
    uint32_t x;
    memcpy(&x, p, sizeof(x));
    return x;
}

/* All octets of a string of less than sixteen, some of them twice, the rest filled with 'a'. */
static inline hr_octets hr_octets_short(const char *p, size_t len) {
    const uint64_t filler = UINT64_C(0x6161616161616161);
    if (len >= 8)
        return hr_octets_words(hr_load8(p), hr_load8(p + len - 8));
    if (len >= 4)
        return hr_octets_words((uint64_t)hr_load4(p) << 32 | hr_load4(p + len - 4), filler);
    uint64_t x = filler;
    for (size_t i = 0; i < len; i++)
        x = x << 8 | (uint8_t)p[i];
    return hr_octets_words(x, filler);
}

/* The least octet seen so far in each of sixteen lanes, and how close one came to `foe`. */
typedef struct hr_minima {
    hr_octets least, foe, nearest;
} hr_minima;

static inline hr_minima hr_minima_start(uint8_t foe) {
    return (hr_minima){hr_octets_all(0xFF), hr_octets_all(foe), hr_octets_all(0xFF)};
}

static inline void hr_minima_take(hr_minima *m, hr_octets v) {
    m->least = hr_octets_min(m->least, v);
    m->nearest = hr_octets_min(m->nearest, hr_octets_xor(v, m->foe));
}

static inline void hr_minima_add(hr_minima *m, const char *p, size_t len) {
    if (len < 16) {
        hr_minima_take(m, hr_octets_short(p, len));
        return;
    }
    for (size_t i = 0; i + 16 < len; i += 16)
        hr_minima_take(m, hr_octets_load(p + i));
    hr_minima_take(m, hr_octets_load(p + len - 16));
}

/* Whether something below `least`, or the foe, was among it. */
static inline bool hr_minima_met(const hr_minima *m, uint8_t least) {
    return hr_octets_below(m->least, least) || hr_octets_below(m->nearest, 1);
}

/* memcmp without a call: a and b have len octets. */
static inline bool hr_octets_equal(const char *a, const char *b, size_t len) {
    if (len >= 8) {
        size_t i = 0;
        for (; i + 8 < len; i += 8)
            if (hr_load8(a + i) != hr_load8(b + i))
                return false;
        return hr_load8(a + len - 8) == hr_load8(b + len - 8);
    }
    if (len >= 4)
        return hr_load4(a) == hr_load4(b) && hr_load4(a + len - 4) == hr_load4(b + len - 4);
    for (size_t i = 0; i < len; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

#endif
