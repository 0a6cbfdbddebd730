/* Writes JSON values into a scratch and replaces bytes that are not UTF-8. */
#include "json_writer.h"

#include <math.h>
#include <stdio.h>

/* Length of the UTF-8 character at p; 0: these bytes are none. */
static size_t utf8_len(const unsigned char *p, size_t left) {
    static const struct {
        unsigned char from, to, second_from, second_to;
        size_t len;
    } forms[] = {{0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
                 {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3},
                 {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
                 {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4}};
    if (p[0] < 0x80)
        return 1;
    for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
        if (p[0] < forms[f].from || p[0] > forms[f].to)
            continue;
        if (left < forms[f].len || p[1] < forms[f].second_from || p[1] > forms[f].second_to)
            return 0;
        for (size_t i = 2; i < forms[f].len; i++)
            if ((p[i] & 0xC0) != 0x80)
                return 0;
        return forms[f].len;
    }
    return 0;
}

static void put_escape(hr_json_writer *w, unsigned char c) {
    char text[8];
    int n = snprintf(text, sizeof(text), "\\u%04x", c);
    hr_sbuf_put(&w->s, hr_str_of(text, (size_t)n));
}

static void put_char(hr_json_writer *w, hr_str s, size_t *i) {
    unsigned char c = (unsigned char)s.p[*i];
    size_t len = utf8_len((const unsigned char *)s.p + *i, s.len - *i);
    if (c == '"' || c == '\\') {
        hr_sbuf_put_c(&w->s, '\\');
        hr_sbuf_put_c(&w->s, (char)c);
    } else if (c < 0x20 || c == 0x7F ||
               len == 0) { /* a byte that is not UTF-8 is read as Latin-1 */
        put_escape(w, c);
        len = 1;
    } else {
        hr_sbuf_put(&w->s, hr_str_of(s.p + *i, len));
    }
    *i += len;
}

void hr_json_text(hr_json_writer *w, hr_str s) {
    hr_sbuf_put_c(&w->s, '"');
    for (size_t i = 0; i < s.len;) {
        size_t plain = i;
        while (plain < s.len && (unsigned char)s.p[plain] >= 0x20 &&
               (unsigned char)s.p[plain] < 0x7F && s.p[plain] != '"' && s.p[plain] != '\\')
            plain++;
        hr_sbuf_put(&w->s, hr_str_from_to(s, i, plain));
        i = plain;
        if (i < s.len)
            put_char(w, s, &i);
    }
    hr_sbuf_put_c(&w->s, '"');
}

void hr_json_raw(hr_json_writer *w, const char *text) {
    hr_sbuf_put(&w->s, hr_str_from(text));
}

void hr_json_comma(hr_json_writer *w) {
    if (!w->first)
        hr_sbuf_put_c(&w->s, ',');
    w->first = false;
}

void hr_json_open(hr_json_writer *w, char c) {
    hr_sbuf_put_c(&w->s, c);
    w->first = true;
}

void hr_json_close(hr_json_writer *w, char c) {
    hr_sbuf_put_c(&w->s, c);
    w->first = false;
}

void hr_json_key(hr_json_writer *w, const char *name) {
    hr_json_comma(w);
    hr_sbuf_put_c(&w->s, '"');
    hr_json_raw(w, name);
    hr_json_raw(w, "\":");
}

void hr_json_value_str(hr_json_writer *w, hr_str s) {
    if (s.p == NULL)
        hr_json_raw(w, "null");
    else
        hr_json_text(w, s);
}

void hr_json_str(hr_json_writer *w, const char *name, hr_str s) {
    hr_json_key(w, name);
    hr_json_value_str(w, s);
}

void hr_json_int(hr_json_writer *w, const char *name, int64_t value) {
    hr_json_key(w, name);
    hr_sbuf_put_int(&w->s, value);
}

void hr_json_int_or_null(hr_json_writer *w, const char *name, int64_t value, bool has) {
    if (has) {
        hr_json_int(w, name, value);
        return;
    }
    hr_json_key(w, name);
    hr_json_raw(w, "null");
}

void hr_json_bool(hr_json_writer *w, const char *name, bool value) {
    hr_json_key(w, name);
    hr_json_raw(w, value ? "true" : "false");
}

void hr_json_bool_or_null(hr_json_writer *w, const char *name, int value) {
    if (value < 0)
        hr_json_null(w, name);
    else
        hr_json_bool(w, name, value != 0);
}

void hr_json_null(hr_json_writer *w, const char *name) {
    hr_json_key(w, name);
    hr_json_raw(w, "null");
}

void hr_json_number(hr_json_writer *w, const char *name, double value) {
    hr_json_key(w, name);
    hr_json_value_number(w, value);
}

void hr_json_value_number(hr_json_writer *w, double value) {
    char text[40];
    int n = snprintf(text, sizeof(text), "%.17g", value);
    for (int digits = 1; digits < 17;
         digits++) { /* the shortest text that reads back as the number */
        char shorter[40];
        int len = snprintf(shorter, sizeof(shorter), "%.*g", digits, value);
        double back;
        if (sscanf(shorter, "%lf", &back) == 1 && fabs(back - value) <= 0) {
            hr_sbuf_put(&w->s, hr_str_of(shorter, (size_t)len));
            return;
        }
    }
    hr_sbuf_put(&w->s, hr_str_of(text, (size_t)n));
}

void hr_json_strings(hr_json_writer *w, const char *name, const hr_str *v, size_t n) {
    hr_json_key(w, name);
    hr_json_open(w, '[');
    for (size_t i = 0; i < n; i++) {
        hr_json_comma(w);
        hr_json_value_str(w, v[i]);
    }
    hr_json_close(w, ']');
}

void hr_json_codes(hr_json_writer *w, const char *name, const uint16_t *v, size_t n) {
    hr_json_key(w, name);
    hr_json_open(w, '[');
    for (size_t i = 0; i < n; i++) {
        hr_json_comma(w);
        hr_sbuf_put_int(&w->s, v[i]);
    }
    hr_json_close(w, ']');
}

static void put_pair(hr_json_writer *w, hr_str name, hr_str value) {
    hr_json_comma(w);
    hr_json_open(w, '[');
    hr_json_comma(w);
    hr_json_value_str(w, name);
    hr_json_comma(w);
    hr_json_text(w, value);
    hr_json_close(w, ']');
}

void hr_json_pairs(hr_json_writer *w, const char *name, const hr_pair *v, size_t n) {
    hr_json_key(w, name);
    hr_json_open(w, '[');
    for (size_t i = 0; i < n; i++)
        put_pair(w, v[i].name, v[i].value);
    hr_json_close(w, ']');
}

static void put_map_item(hr_json_writer *w, hr_str name, hr_str value) {
    hr_json_comma(w);
    hr_json_text(w, name);
    hr_sbuf_put_c(&w->s, ':');
    hr_json_text(w, value);
}

void hr_json_map(hr_json_writer *w, const char *name, const hr_pair *v, size_t n) {
    hr_json_key(w, name);
    hr_json_open(w, '{');
    for (size_t i = 0; i < n; i++)
        put_map_item(w, v[i].name, v[i].value);
    hr_json_close(w, '}');
}

void hr_json_matchers(hr_json_writer *w, const char *name, const hr_origin_match *v, size_t n) {
    hr_json_key(w, name);
    hr_json_open(w, '[');
    for (size_t i = 0; i < n; i++) {
        hr_json_comma(w);
        hr_json_open(w, '{');
        hr_json_str(w, hr_string_match_kind_name(v[i].kind), v[i].value);
        hr_json_close(w, '}');
    }
    hr_json_close(w, ']');
}

void hr_json_place(hr_json_writer *w, const char *name, hr_str file, int line) {
    char number[16];
    hr_json_key(w, name);
    if (file.p == NULL) {
        hr_json_raw(w, "null");
        return;
    }
    int n = snprintf(number, sizeof(number), ":%d", line);
    hr_json_text(w, file);
    if (w->s.failed)
        return;
    w->s.len--; /* the closing quote comes after the line */
    hr_sbuf_put(&w->s, hr_str_of(number, (size_t)n));
    hr_sbuf_put_c(&w->s, '"');
}
