/* Comparisons and decodings of strings that are pointer and length. */
#include "str.h"

#include <string.h>
#include <strings.h>

#include "hex.h"

bool sv_str_is(hr_str s, const char *text) {
    return s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

size_t sv_str_to_size(hr_str s) {
    size_t n = 0;
    if (s.len == 0 || s.len > 18)
        return SIZE_MAX;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return SIZE_MAX;
        n = n * 10 + (size_t)(s.p[i] - '0');
    }
    return n;
}

bool sv_str_is_nocase(hr_str s, const char *text) {
    return s.len == strlen(text) && strncasecmp(s.p, text, s.len) == 0;
}

bool sv_percent_decode(hr_str *out, char *buf, const char *p, size_t len) {
    char *at = buf;
    *out = (hr_str){buf, 0};
    for (size_t i = 0; i < len; ++i) {
        if (p[i] != '%') {
            *at++ = p[i];
            continue;
        }
        if (len - i < 3 || sv_hex_digit(p[i + 1]) < 0 || sv_hex_digit(p[i + 2]) < 0)
            return false;
        *at++ = (char)(sv_hex_digit(p[i + 1]) * 16 + sv_hex_digit(p[i + 2]));
        i += 2;
    }
    *at = '\0';
    out->len = (size_t)(at - buf);
    return true;
}
