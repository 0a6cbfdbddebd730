/*
 * Canonical paths: RFC 3986 section 6.2.2 as browsers apply it, which is what Envoy uses. Dot
 * segments are resolved, '\' is '/', escaped unreserved characters are unescaped, characters that
 * have no place in a path are escaped, all other escapes are kept as they are written.
 */
#include "path.h"

#include "hex.h"
#include "octets.h"

enum {
    SPECIAL = 1,  /* must be looked at */
    ESCAPE = 2,   /* is written as %XX */
    UNESCAPE = 4, /* is written plainly even if it came as %XX */
};

#define U UNESCAPE
#define D (SPECIAL | UNESCAPE) /* the dot */
#define E (SPECIAL | ESCAPE)

/* clang-format off */
static const uint8_t path_flags[256] = {
    E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E,
    /* !  "  #  $  %  &  '  (  )  *  +  ,  -  .  /  0  1  2  3  4  5  6  7  8  9  :  ;  <  =  >  ? */
    E, 0, E, E, 0, E, 0, 0, 0, 0, 0, 0, 0, U, D, 0, U, U, U, U, U, U, U, U, U, U, 0, 0, E, 0, E, E,
    /* @ A ... Z [ \ ] ^ _ */
    0, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, 0, E, 0, E, U,
    /* ` a ... z { | } ~ DEL */
    E, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, E, E, E, U, E,
    E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E,
    E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E,
    E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E,
    E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E, E,
};
/* clang-format on */

#undef U
#undef D
#undef E

static unsigned flags_of(unsigned char c) {
    return path_flags[c];
}

/* The byte that the escape at s.p[at] stands for; -1 where there is no whole escape. */
static int escaped(hr_str s, size_t at) {
    if (at + 2 >= s.len || s.p[at] != '%')
        return -1;
    int high = hr_hex_digit(s.p[at + 1]), low = hr_hex_digit(s.p[at + 2]);
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

/* Envoy 1.40 drops the parameters of a segment "." or "..", so that it is a dot segment:
 * "/a/..;x/b" is "/b". That looks at the path as it came: dots, ';' and the '/' around them count
 * unescaped, and '\\' separates nothing. Returns where the segment ends. */
static size_t skip_dot_parameters(hr_str s, size_t from, size_t to) {
    bool plain =
        (from == 0 || s.p[from - 1] == '/') && to < s.len && s.p[to] == ';' && to - from <= 2;
    return plain ? hr_str_find(s, '/', to) : to;
}

/* A segment that begins with a dot: "." and ".." vanish. Returns where to go on. */
static size_t dots(writer *w, hr_str s, size_t at, size_t dot) {
    bool begins_segment = w->p[w->len - 1] == '/';
    size_t after = at + dot, end = skip_dot_parameters(s, at, after);
    if (begins_segment && slash_or_end(s, end))
        return end == s.len ? end : end + 1;
    size_t second = begins_segment ? dot_at(s, after) : 0;
    end = skip_dot_parameters(s, at, after + second);
    if (second > 0 && slash_or_end(s, end)) {
        up_one_segment(w);
        return end == s.len ? end : end + 1;
    }
    put(w, '.');
    return after;
}

/* After unescaping, a stray '%' before it may seem to begin an escape ("%%300" -> "%00"): such a
 * '%' is written as %25, or a second normalisation would read something else than the first. */
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

/* The length of the part that normalisation does not change: unreserved characters and plain
 * delimiters, but no dot that begins a segment. */
static size_t plain_length(hr_str s) {
    const unsigned char *p = (const unsigned char *)s.p;
    size_t i = 0;
    for (;;) {
        while (i + 4 <= s.len && !((path_flags[p[i]] | path_flags[p[i + 1]] | path_flags[p[i + 2]] |
                                    path_flags[p[i + 3]]) &
                                   SPECIAL))
            i += 4;
        while (i < s.len && !(path_flags[p[i]] & SPECIAL))
            i++;
        if (i == s.len || p[i] != '.' || i == 0 || p[i - 1] == '/')
            return i;
        i++;
    }
}

/* Of a query: certainly no control character and no fragment behind it. */
static bool is_plain_query(hr_str s) {
    hr_extent seen = hr_extent_start();
    hr_extent_add(&seen, s.p, s.len);
    return hr_extent_within(&seen, '#' + 1);
}

static bool has_control(hr_str s) {
    bool has = false;
    for (size_t i = 0; i < s.len; i++)
        has |= (unsigned char)s.p[i] < 0x21 || s.p[i] == 0x7F;
    return has;
}

/* A path that normalisation may change, from `plain` on. */
__attribute__((noinline)) static hr_path_result
rewrite_path(hr_str *out, size_t *path_len, hr_scratch *scratch, hr_str raw, size_t plain) {
    if (has_control(raw))
        return HR_PATH_CONTROL;
    raw.len = hr_str_find(raw, '#', plain);
    if (plain == raw.len || raw.p[plain] == '?') {
        *out = raw;
        *path_len = plain;
        return HR_PATH_OK;
    }
    hr_str path = hr_str_of(raw.p, hr_str_find(raw, '?', plain));
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
    hr_scratch_shorten(scratch, w.p, w.len);
    *out = hr_str_of(w.p, w.len);
    return HR_PATH_OK;
}

static inline hr_path_result normalize_base(hr_str *out, size_t *path_len, hr_scratch *scratch,
                                            hr_str raw) {
    if (raw.len == 0 || raw.p[0] != '/')
        return HR_PATH_RELATIVE;
    size_t plain = plain_length(raw);
    if (plain != raw.len && (raw.p[plain] != '?' || !is_plain_query(hr_str_tail(raw, plain))))
        return rewrite_path(out, path_len, scratch, raw, plain);
    *out = raw;
    *path_len = plain;
    return HR_PATH_OK;
}

/* ---- the other options ---- */

static hr_path_result leave(hr_str *out, size_t *path_len, hr_str raw) {
    if (raw.len == 0 || raw.p[0] != '/')
        return HR_PATH_RELATIVE;
    if (has_control(raw))
        return HR_PATH_CONTROL;
    *out = hr_str_of(raw.p, hr_str_find(raw, '#', 0));
    *path_len = hr_str_find(*out, '?', 0);
    return HR_PATH_OK;
}

/* %2F and %5C of the path, the query left alone. Absent: no memory. */
static hr_str unescape_slashes(hr_scratch *scratch, hr_str raw) {
    size_t end = hr_str_find(raw, '?', 0), n = 0;
    size_t fragment = hr_str_find(raw, '#', 0);
    end = fragment < end ? fragment : end;
    char *p = hr_scratch_alloc(scratch, raw.len + 1);
    if (p == NULL)
        return (hr_str){0};
    for (size_t i = 0; i < raw.len;) {
        int value = i < end && raw.p[i] == '%' ? escaped(hr_str_of(raw.p, end), i) : -1;
        bool slash = value == '/' || value == '\\';
        p[n++] = slash ? (char)value : raw.p[i];
        i += slash ? 3 : 1;
    }
    return hr_str_of(p, n);
}

static hr_path_result merge_slashes(hr_str *out, size_t *path_len, hr_scratch *scratch) {
    hr_str path = hr_str_of(out->p, *path_len), query = hr_str_tail(*out, *path_len);
    bool twice = false;
    for (size_t i = 1; i < path.len && !twice; i++)
        twice = path.p[i] == '/' && path.p[i - 1] == '/';
    if (!twice)
        return HR_PATH_OK;
    char *p = hr_scratch_alloc(scratch, out->len + 1);
    if (p == NULL)
        return HR_PATH_NO_MEMORY;
    size_t n = 0;
    for (size_t i = 0; i < path.len; i++)
        if (path.p[i] != '/' || n == 0 || p[n - 1] != '/')
            p[n++] = path.p[i];
    if (n == 1) /* nothing but slashes: Envoy keeps the first and the last */
        p[n++] = '/';
    *path_len = n;
    if (query.len > 0)
        memcpy(p + n, query.p, query.len);
    *out = hr_str_of(p, n + query.len);
    return HR_PATH_OK;
}

__attribute__((noinline)) static hr_path_result normalize_more(hr_str *out, size_t *path_len,
                                                               hr_scratch *scratch, hr_str raw,
                                                               hr_path_normalization option) {
    if (option == HR_PATH_NORMALIZATION_DECODE_AND_MERGE_SLASHES && hr_str_has(raw, '%')) {
        raw = unescape_slashes(scratch, raw);
        if (raw.p == NULL)
            return HR_PATH_NO_MEMORY;
    }
    hr_path_result result = normalize_base(out, path_len, scratch, raw);
    return result == HR_PATH_OK ? merge_slashes(out, path_len, scratch) : result;
}

hr_path_result hr_path_normalize(hr_str *out, size_t *path_len, hr_scratch *scratch, hr_str raw,
                                 hr_path_normalization option) {
    if (option == HR_PATH_NORMALIZATION_BASE)
        return normalize_base(out, path_len, scratch, raw);
    if (option == HR_PATH_NORMALIZATION_NONE)
        return leave(out, path_len, raw);
    return normalize_more(out, path_len, scratch, raw, option);
}
