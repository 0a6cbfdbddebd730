/* Numbers as text, where printf would cost more than all the rest of a line. */
#ifndef SV_DECIMAL_H
#define SV_DECIMAL_H

#include <stdint.h>

#define SV_DECIMAL_MAX 21 /* bytes that one number takes at most */

/* Writes `value` at `at`, not zero-terminated; the end of it. */
static inline char *sv_put_uint(char *at, uint64_t value) {
    char digits[20], *p = digits + sizeof(digits);
    do
        *--p = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    while (p < digits + sizeof(digits))
        *at++ = *p++;
    return at;
}

/* Nanoseconds as milliseconds with three decimals: "12.345". */
static inline char *sv_put_ms(char *at, uint64_t ns) {
    uint64_t us = (ns + 500) / 1000;
    at = sv_put_uint(at, us / 1000);
    *at++ = '.';
    for (unsigned unit = 100; unit > 0; unit /= 10)
        *at++ = (char)('0' + us / unit % 10);
    return at;
}

#endif
