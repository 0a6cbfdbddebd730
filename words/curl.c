/* Writes requests as command lines of curl. */
#include "curl.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "memory_or_exit.h"

typedef struct line {
    char *p;
    size_t n;
} line;

static void put_span(line *l, const char *p, size_t n) {
    l->p = words_realloc(l->p, l->n + n + 1);
    if (n > 0)
        memcpy(l->p + l->n, p, n);
    l->n += n;
    l->p[l->n] = '\0';
}

static void put_text(line *l, const char *text) {
    put_span(l, text, strlen(text));
}

static bool is_shell_plain(hr_str s) {
    for (size_t i = 0; i < s.len; i++)
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/:._-=,%+@",
                   s.p[i]) == NULL ||
            s.p[i] == '\0')
            return false;
    return s.len > 0;
}

/* $'...', in which bash, zsh and POSIX.1-2024 shells read \xNN as a byte. */
static void put_ansi_quoted(line *l, hr_str s) {
    bool safe;
    put_text(l, "$'");
    for (size_t i = 0, len; i < s.len; i += len) {
        len = words_character(&safe, s.p + i, s.len - i);
        for (size_t k = 0; k < len && !safe; k++) {
            char escape[8];
            snprintf(escape, sizeof(escape), "\\x%02x", (unsigned char)s.p[i + k]);
            put_text(l, escape);
        }
        if (safe && (s.p[i] == '\'' || s.p[i] == '\\'))
            put_text(l, "\\");
        if (safe)
            put_span(l, s.p + i, len);
    }
    put_text(l, "'");
}

static bool is_safe(hr_str s) {
    bool safe = true;
    for (size_t i = 0; i < s.len && safe;)
        i += words_character(&safe, s.p + i, s.len - i);
    return safe;
}

static void put_quoted(line *l, hr_str s) {
    if (is_shell_plain(s)) {
        put_span(l, s.p, s.len);
        return;
    }
    if (!is_safe(s)) {
        put_ansi_quoted(l, s);
        return;
    }
    put_text(l, "'");
    for (size_t i = 0; i < s.len; i++)
        s.p[i] == '\'' ? put_text(l, "'\\''") : put_span(l, s.p + i, 1);
    put_text(l, "'");
}

static void put_curl_header(line *l, const hr_pair *header) {
    line text = {0};
    put_span(&text, header->name.p, header->name.len);
    put_text(&text, header->value.len == 0 ? ";" : ": ");
    put_span(&text, header->value.p, header->value.len);
    put_text(l, " -H ");
    put_quoted(l, (hr_str){text.p, text.n});
    free(text.p);
}

static bool has_any(hr_str s, const char *bytes) {
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] != '\0' && strchr(bytes, s.p[i]) != NULL)
            return true;
    return false;
}

/* A segment "." or "..": curl resolves these by itself. */
static bool has_dots(hr_str path) {
    for (size_t i = 0; i + 1 < path.len; i++) {
        size_t end = i + 2 + (i + 2 < path.len && path.p[i + 2] == '.');
        if (path.p[i] == '/' && path.p[i + 1] == '.' &&
            (end >= path.len || path.p[end] == '/' || path.p[end] == '?'))
            return true;
        if (path.p[i] == '?')
            return false;
    }
    return false;
}

static void put_method(line *l, hr_str method) {
    if (method.len == 4 && memcmp(method.p, "HEAD", 4) == 0) {
        put_text(l, " -I"); /* with -X HEAD curl waits for content */
    } else if (!(method.len == 3 && memcmp(method.p, "GET", 3) == 0)) {
        put_text(l, " -X ");
        put_quoted(l, method);
    }
}

static void put_claims(line *l, const hr_request *request) {
    for (size_t i = 0; i < request->n_claims; i++) {
        const hr_pair *claim = &request->claims[i];
        char *name = words_escape(claim->name.p, claim->name.len);
        char *value = words_escape(claim->value.p, claim->value.len);
        put_text(l, i == 0 ? "  # with a token of " : ", ");
        put_text(l, name);
        put_text(l, "=");
        put_text(l, value);
        free(name);
        free(value);
    }
}

char *words_of_request(const hr_request *request) {
    line l = {0}, url = {0};
    put_text(&l, "curl");
    put_method(&l, request->method);
    if (has_any(request->path, "[]{}"))
        put_text(&l, " -g"); /* curl takes these for lists and ranges */
    if (has_dots(request->path))
        put_text(&l, " --path-as-is");
    for (size_t i = 0; i < request->n_headers; i++)
        put_curl_header(&l, &request->headers[i]);
    put_span(&url, request->scheme.p, request->scheme.len);
    put_text(&url, "://");
    put_span(&url, request->authority.p, request->authority.len);
    put_span(&url, request->path.p, request->path.len);
    put_text(&l, " ");
    put_quoted(&l, (hr_str){url.p, url.n});
    free(url.p);
    put_claims(&l, request);
    return l.p;
}
