/* Compares octets by words, in C and in C++. */
#ifndef HR_OCTETS_EQUAL_H
#define HR_OCTETS_EQUAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

/* memcmp without a function call: a and b have len octets. */
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
