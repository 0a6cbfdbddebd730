/* Writes JSON into a text buffer that grows. */
#include "json_out.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"

void sv_text_free(sv_text *text) {
    free(text->p);
    *text = (sv_text){0};
}

static bool reserve(sv_text *text, size_t more) {
    if (text->failed)
        return false;
    if (text->capacity - text->len > more)
        return true;
    size_t capacity = text->capacity == 0 ? 256 : text->capacity;
    while (capacity - text->len <= more)
        capacity *= 2;
    char *grown = realloc(text->p, capacity);
    if (grown == NULL) {
        text->failed = true;
        return false;
    }
    text->p = grown;
    text->capacity = capacity;
    return true;
}

void sv_text_fit(sv_text *text) {
    char *fitted = text->p != NULL ? realloc(text->p, text->len + 1) : NULL;
    if (fitted == NULL)
        return;
    text->p = fitted;
    text->capacity = text->len + 1;
}

void sv_text_bytes(sv_text *text, const char *bytes, size_t len) {
    if (!reserve(text, len))
        return;
    memcpy(text->p + text->len, bytes, len);
    text->len += len;
    text->p[text->len] = '\0';
}

void sv_text_str(sv_text *text, const char *zero_terminated) {
    sv_text_bytes(text, zero_terminated, strlen(zero_terminated));
}

void sv_text_printf(sv_text *text, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int need = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (need < 0 || !reserve(text, (size_t)need))
        return;
    va_start(args, fmt);
    vsnprintf(text->p + text->len, (size_t)need + 1, fmt, args);
    va_end(args);
    text->len += (size_t)need;
}

size_t sv_utf8_sequence(const unsigned char *p, size_t len) {
    size_t need;
    unsigned char low = 0x80, high = 0xBF;
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF) {
        need = 2;
    } else if (p[0] >= 0xE0 && p[0] <= 0xEF) {
        need = 3;
        low = p[0] == 0xE0 ? 0xA0 : 0x80;
        high = p[0] == 0xED ? 0x9F : 0xBF;
    } else if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        need = 4;
        low = p[0] == 0xF0 ? 0x90 : 0x80;
        high = p[0] == 0xF4 ? 0x8F : 0xBF;
    } else {
        return 0;
    }
    if (len < need || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < need; ++i)
        if (p[i] < 0x80 || p[i] > 0xBF)
            return 0;
    return need;
}

static void escape(sv_text *text, unsigned char c) {
    switch (c) {
    case '"':
        sv_text_bytes(text, "\\\"", 2);
        break;
    case '\\':
        sv_text_bytes(text, "\\\\", 2);
        break;
    case '\n':
        sv_text_bytes(text, "\\n", 2);
        break;
    case '\r':
        sv_text_bytes(text, "\\r", 2);
        break;
    case '\t':
        sv_text_bytes(text, "\\t", 2);
        break;
    default: {
        static const char digits[] = "0123456789abcdef";
        const char code[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
        sv_text_bytes(text, code, sizeof(code));
    }
    }
}

/* Clients choose how often this is called. */
static void put_three(sv_text *text, const char *bytes) {
    if (text->failed || text->capacity - text->len <= 3) {
        sv_text_bytes(text, bytes, 3);
        return;
    }
    memcpy(text->p + text->len, bytes, 3);
    text->len += 3;
    text->p[text->len] = '\0';
}

/* Bytes of ASCII that stand for themselves within a string. */
static bool is_plain(unsigned char c) {
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

void sv_json_string(sv_text *text, const char *bytes, size_t len) {
    const unsigned char *p = (const unsigned char *)bytes;
    size_t plain = 0, i = 0;
    sv_text_bytes(text, "\"", 1);
    while (i < len) {
        if (is_plain(p[i])) {
            ++i;
            continue;
        }
        size_t step = sv_utf8_sequence(p + i, len - i);
        if (step != 0 && p[i] >= 0x20 && p[i] != '"' && p[i] != '\\' && p[i] != 0x7F) {
            i += step;
            continue;
        }
        if (i > plain)
            sv_text_bytes(text, bytes + plain, i - plain);
        if (step == 0)
            put_three(text, "\xEF\xBF\xBD");
        else
            escape(text, p[i]);
        plain = ++i;
    }
    sv_text_bytes(text, bytes + plain, len - plain);
    sv_text_bytes(text, "\"", 1);
}

void sv_json_name(sv_text *text, const char *name) {
    if (text->len > 0 && text->p[text->len - 1] != '{' && text->p[text->len - 1] != '[')
        sv_text_bytes(text, ",", 1);
    sv_json_string(text, name, strlen(name));
    sv_text_bytes(text, ":", 1);
}

void sv_json_member(sv_text *text, const char *name, const char *value, size_t len) {
    sv_json_name(text, name);
    if (value == NULL)
        sv_text_str(text, "null");
    else
        sv_json_string(text, value, len);
}

void sv_json_member_str(sv_text *text, const char *name, const char *zero_terminated) {
    sv_json_member(text, name, zero_terminated,
                   zero_terminated != NULL ? strlen(zero_terminated) : 0);
}

void sv_json_member_int(sv_text *text, const char *name, int64_t value) {
    char digits[SV_DECIMAL_MAX + 1], *at = digits;
    if (value < 0)
        *at++ = '-';
    at = sv_put_uint(at, value < 0 ? -(uint64_t)value : (uint64_t)value);
    sv_json_name(text, name);
    sv_text_bytes(text, digits, (size_t)(at - digits));
}
