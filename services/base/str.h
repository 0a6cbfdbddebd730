/* Strings that are pointer and length: comparing, numbers, percent-decoding. */
#ifndef SV_STR_H
#define SV_STR_H

#include <stdbool.h>
#include <stdint.h>

#include <headerroute/headerroute.h>

/* The number of these decimal digits; SIZE_MAX if it is not one. */
size_t sv_str_to_size(hr_str s);

/* True if s is this zero-terminated text. */
bool sv_str_is(hr_str s, const char *text);
/* The same in any letter case. */
bool sv_str_is_nocase(hr_str s, const char *text);

/* RFC 3986 section 2.1, into `buf`, with a zero behind it ('+' stays '+'): buf has len + 1 bytes,
 * and may be p. False: a bad escape. */
bool sv_percent_decode(hr_str *out, char *buf, const char *p, size_t len);

#endif
