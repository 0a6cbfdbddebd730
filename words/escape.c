/* Escapes what a terminal would obey, hide or misread. */
#include "escape.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "memory_or_exit.h"

/* The code point at `p` (RFC 3629, section 4), *len its bytes. -1: these bytes are none. */
static int32_t code_point(size_t *len, const unsigned char *p, size_t left) {
    static const int32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    *len = 1;
    if (p[0] < 0x80)
        return p[0];
    size_t n = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || n > left)
        return -1;
    int32_t point = p[0] & (0xFF >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return -1;
        point = point << 6 | (p[i] & 0x3F);
    }
    if (point < least[n] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
        return -1;
    *len = n;
    return point;
}

/* Controls, and the Unicode characters of format (general category Cf), line and paragraph. */
static bool is_unsafe(int32_t point) {
    static const int32_t ranges[][2] = {
        {-1, 0x1F},       {0x7F, 0x9F},     {0xAD, 0xAD},      {0x600, 0x605},   {0x61C, 0x61C},
        {0x180E, 0x180E}, {0x200B, 0x200F}, {0x2028, 0x202E},  {0x2060, 0x206F}, {0xFEFF, 0xFEFF},
        {0xFFF9, 0xFFFB}, {0xFFFE, 0xFFFF}, {0xE0000, 0xE0FFF}};
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (point >= ranges[i][0] && point <= ranges[i][1])
            return true;
    return false;
}

size_t words_character(bool *safe, const char *p, size_t left) {
    size_t len;
    *safe = !is_unsafe(code_point(&len, (const unsigned char *)p, left));
    return len;
}

char *words_escape(const char *p, size_t len) {
    enum { LONGEST = sizeof("\\u{10ffff}") };
    char *out = words_realloc(NULL, len * LONGEST + 1);
    size_t n = 0;
    for (size_t i = 0, bytes; i < len; i += bytes) {
        int32_t point = code_point(&bytes, (const unsigned char *)p + i, len - i);
        if (!is_unsafe(point)) {
            memcpy(out + n, p + i, bytes);
            n += bytes;
        } else if (point < 0x80) {
            n += (size_t)snprintf(out + n, LONGEST, "\\x%02x", (unsigned char)p[i]);
        } else {
            n += (size_t)snprintf(out + n, LONGEST, "\\u{%x}", (unsigned)point);
        }
    }
    out[n] = '\0';
    return words_realloc(out, n + 1);
}
