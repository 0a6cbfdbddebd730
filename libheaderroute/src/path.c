/*
 * Canonical paths: RFC 3986 section 6.2.2 as browsers apply it, which is what Envoy uses. Dot segments
 * are resolved, '\' is '/', escaped unreserved characters are unescaped, characters that have no place
 * in a path are escaped, all other escapes are kept as they are written.
 */
#include "path.h"

enum {
    SPECIAL = 1,  /* must be looked at */
    ESCAPE = 2,   /* is written as %XX */
    UNESCAPE = 4, /* is written plainly even if it came as %XX */
};

static unsigned flags_of(unsigned char c) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        return UNESCAPE;
    switch (c) {
    case '-':
    case '_':
    case '~':
        return UNESCAPE;
    case '.':
        return SPECIAL | UNESCAPE;
    case '!':
    case '$':
    case '&':
    case '\'':
    case '(':
    case ')':
    case '*':
    case '+':
    case ',':
    case '/':
    case ':':
    case ';':
    case '=':
    case '@':
    case '[':
    case ']':
        return 0;
    default:
        return SPECIAL | ESCAPE;
    }
}

static int hex(unsigned char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte that the escape at s.p[at] stands for; -1 where there is no whole escape. */
static int escaped(hr_str s, size_t at) {
    if (at + 2 >= s.len || s.p[at] != '%')
        return -1;
    int high = hex((unsigned char)s.p[at + 1]), low = hex((unsigned char)s.p[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* Length of the dot at s.p[at], plain or escaped; 0: no dot. */
static size_t dot_at(hr_str s, size_t at) {
    if (at < s.len && s.p[at] == '.')
        return 1;
    return escaped(s, at) == '.' ? 3 : 0;
}

static bool slash_or_end(hr_str s, size_t at) {
    return at == s.len || s.p[at] == '/' || s.p[at] == '\\';
}

typedef struct writer {
    char *p;
    size_t len;
    size_t bad_percent; /* where a '%' was written that began no escape; SIZE_MAX: nowhere near */
    bool invalid;
} writer;

static void put(writer *w, char c) {
    w->p[w->len++] = c;
}

static void put_escaped(writer *w, unsigned char c) {
    static const char digits[] = "0123456789ABCDEF";
    put(w, '%');
    put(w, digits[c >> 4]);
    put(w, digits[c & 15]);
}

static void up_one_segment(writer *w) {
    if (w->len == 1)
        return;
    for (w->len--; w->p[w->len - 1] != '/' && w->len > 1;)
        w->len--;
}

/* A segment that begins with a dot: "." and ".." vanish. Returns where to go on. */
static size_t dots(writer *w, hr_str s, size_t at, size_t dot) {
    bool begins_segment = w->p[w->len - 1] == '/';
    size_t after = at + dot;
    if (begins_segment && slash_or_end(s, after))
        return after == s.len ? after : after + 1;
    size_t second = begins_segment ? dot_at(s, after) : 0;
    if (second > 0 && slash_or_end(s, after + second)) {
        up_one_segment(w);
        after += second;
        return after == s.len ? after : after + 1;
    }
    put(w, '.');
    return after;
}

/* After unescaping, a stray '%' before it may seem to begin an escape ("%%300" -> "%00"): such a '%' is
 * written as %25, or a second normalisation would read something else than the first. */
static void guard_stray_percent(writer *w, hr_str s, size_t next) {
    if (w->bad_percent == SIZE_MAX || w->bad_percent + 3 < w->len)
        return;
    char last = w->p[w->len - 1];
    bool one_more = w->bad_percent == w->len - 2;
    size_t len = w->len;
    if (one_more) {
        if (next == s.len || (unsigned char)s.p[next] >= 0x80)
            return;
        put(w, s.p[next]);
    }
    if (escaped(hr_str_of(w->p, w->len), w->bad_percent) < 0) {
        w->len = len;
        return;
    }
    if (!one_more)
        put(w, w->p[w->bad_percent + 1]);
    w->p[w->bad_percent + 1] = '2';
    w->p[w->bad_percent + 2] = '5';
    put(w, last);
}

static size_t percent(writer *w, hr_str s, size_t at) {
    int value = escaped(s, at);
    if (value < 0) {
        w->bad_percent = w->len;
        put(w, '%');
        return at + 1;
    }
    if (flags_of((unsigned char)value) & UNESCAPE) {
        put(w, (char)value);
        guard_stray_percent(w, s, at + 3);
        return at + 3;
    }
    w->invalid |= value == 0;
    for (size_t i = 0; i < 3; i++)
        put(w, s.p[at + i]);
    return at + 3;
}

static void normalize(writer *w, hr_str s) {
    if (s.len == 0 || (s.p[0] != '/' && s.p[0] != '\\'))
        put(w, '/');
    for (size_t i = 0; i < s.len;) {
        unsigned char c = (unsigned char)s.p[i];
        unsigned flags = flags_of(c);
        size_t dot = flags & SPECIAL ? dot_at(s, i) : 0;
        if (!(flags & SPECIAL)) {
            put(w, (char)c);
            i++;
        } else if (dot > 0) {
            i = dots(w, s, i, dot);
        } else if (c == '%') {
            i = percent(w, s, i);
        } else if (c == '\\') {
            put(w, '/');
            i++;
        } else {
            put_escaped(w, c);
            i++;
        }
    }
}

/* Whether normalisation may change the path: anything but unreserved and plain delimiters, and a dot
 * that begins a segment. */
static bool is_plain(hr_str s) {
    if (s.len == 0 || s.p[0] != '/')
        return false;
    for (size_t i = 1; i < s.len; i++) {
        unsigned flags = flags_of((unsigned char)s.p[i]);
        if (flags & SPECIAL && (s.p[i] != '.' || s.p[i - 1] == '/'))
            return false;
    }
    return true;
}

hr_path_result hr_path_normalize(hr_str *out, size_t *path_len, hr_scratch *scratch, hr_str raw) {
    raw.len = hr_str_find(raw, '#', 0);
    hr_str path = hr_str_of(raw.p, hr_str_find(raw, '?', 0));
    if (is_plain(path)) {
        *out = raw;
        *path_len = path.len;
        return HR_PATH_OK;
    }
    hr_str query = hr_str_tail(raw, path.len);
    writer w = {.bad_percent = SIZE_MAX};
    w.p = hr_scratch_alloc(scratch, path.len * 3 + query.len + 2);
    if (w.p == NULL)
        return HR_PATH_NO_MEMORY;
    normalize(&w, path);
    if (w.invalid)
        return HR_PATH_INVALID;
    *path_len = w.len;
    if (query.len > 0)
        memcpy(w.p + w.len, query.p, query.len);
    w.len += query.len;
    hr_scratch_trim(scratch, w.p, w.len);
    *out = hr_str_of(w.p, w.len);
    return HR_PATH_OK;
}
