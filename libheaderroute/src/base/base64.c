/* Base64 of RFC 4648. */
#include "base64.h"

static int base64_digit(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool hr_base64_decode(char *out, size_t *n, hr_str text) {
    unsigned bits = 0, digits = 0, pads = 0;
    *n = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        if (c == '\n' || c == '\r')
            continue;
        int digit = base64_digit(c);
        if (c == '=' ? digits % 4 < 2 : digit < 0 || pads > 0)
            return false;
        pads += c == '=';
        bits = bits << 6 | (unsigned)(c == '=' ? 0 : digit);
        if (++digits % 4 != 0)
            continue;
        for (unsigned b = 0; b < 3 - pads; b++)
            out[(*n)++] = (char)(bits >> (16 - 8 * b));
        if (pads > 0 && i + 1 < text.len && text.p[i + 1] != '\n' && text.p[i + 1] != '\r')
            return false;
        bits = 0;
    }
    return digits % 4 == 0;
}
