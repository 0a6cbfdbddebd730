/* Writes YAML: plain scalars only of letters, digits and a few marks that have no meaning there. */
#include "yaml_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "text.h"

void hr_yaml_put_str(hr_yaml_text *t, hr_str s) {
    if (t->n + s.len > t->capacity) {
        size_t capacity = (t->n + s.len) * 2 + 256;
        char *p = hr_arena_alloc(t->arena, capacity);
        if (p == NULL)
            return;
        if (t->n > 0)
            memcpy(p, t->p, t->n);
        t->p = p;
        t->capacity = capacity;
    }
    if (s.len > 0)
        memcpy(t->p + t->n, s.p, s.len);
    t->n += s.len;
}

void hr_yaml_put(hr_yaml_text *t, const char *format, ...) {
    char line[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(line)) /* only fixed texts and numbers pass here */
        hr_arena_fail(t->arena);
    else
        hr_yaml_put_str(t, hr_str_of(line, (size_t)n));
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Words that YAML 1.1 reads as booleans or null. */
static bool is_word_of_yaml(hr_str s) {
    static const char *const words[] = {"true", "false", "yes", "no",  "on",
                                        "off",  "y",     "n",   "null"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strlen(words[i]) == s.len && strncasecmp(words[i], s.p, s.len) == 0)
            return true;
    return false;
}

static bool is_plain_scalar(hr_str s) {
    if (s.len == 0 || (!is_letter(s.p[0]) && s.p[0] != '/') || is_word_of_yaml(s))
        return false;
    for (size_t i = 1; i < s.len; i++)
        if (!is_letter(s.p[i]) && !(s.p[i] >= '0' && s.p[i] <= '9') &&
            strchr("._/-", s.p[i]) == NULL)
            return false;
    return true;
}

void hr_yaml_put_scalar(hr_yaml_text *t, hr_str s) {
    if (is_plain_scalar(s)) {
        hr_yaml_put_str(t, s);
        return;
    }
    hr_yaml_put(t, "\"");
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            hr_yaml_put(t, "\\%c", c);
        else if (c < 0x20 || c == 0x7F)
            hr_yaml_put(t, "\\x%02X", c);
        else
            hr_yaml_put_str(t, hr_str_of(s.p + i, 1));
    }
    hr_yaml_put(t, "\"");
}

void hr_yaml_put_comma(hr_yaml_text *t) {
    if (t->n > 0 && t->p[t->n - 1] != '{' && t->p[t->n - 1] != '[')
        hr_yaml_put(t, ", ");
}

void hr_yaml_put_list(hr_yaml_text *t, const char *name, const hr_str *strings, size_t n) {
    if (n == 0)
        return;
    hr_yaml_put_comma(t);
    hr_yaml_put(t, "%s: [", name);
    for (size_t i = 0; i < n; i++) {
        hr_yaml_put_comma(t);
        hr_yaml_put_scalar(t, strings[i]);
    }
    hr_yaml_put(t, "]");
}
