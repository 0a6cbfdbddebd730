/* Small functions on hr_str that every module of the library uses. */
#ifndef HR_TEXT_H
#define HR_TEXT_H

#include <stdbool.h>
#include <string.h>

#include <headerroute/headerroute.h>

static inline hr_str hr_str_of(const char *p, size_t len) {
    return (hr_str){p, len};
}

/* An absent string equals an absent and an empty one: use this only if the difference does not
 * matter. */
static inline bool hr_str_eq(hr_str a, hr_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* Usually called with one literal after the other, few of which begin alike. */
static inline bool hr_str_eq_c(hr_str a, const char *literal) {
    if (a.len > 0 && a.p[0] != literal[0])
        return false;
    return hr_str_eq(a, hr_str_of(literal, strlen(literal)));
}

/* ASCII only: host names, header names and schemes have no other letter case. */
static inline char hr_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline bool hr_str_eq_nocase(hr_str a, hr_str b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (hr_lower(a.p[i]) != hr_lower(b.p[i]))
            return false;
    return true;
}

static inline bool hr_str_starts(hr_str s, hr_str prefix) {
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.p, prefix.p, prefix.len) == 0);
}

static inline bool hr_str_starts_nocase(hr_str s, hr_str prefix) {
    return s.len >= prefix.len && hr_str_eq_nocase(hr_str_of(s.p, prefix.len), prefix);
}

static inline bool hr_str_ends(hr_str s, hr_str suffix) {
    return s.len >= suffix.len &&
           (suffix.len == 0 || memcmp(s.p + s.len - suffix.len, suffix.p, suffix.len) == 0);
}

/* The index of `c` from `from` on, or s.len. */
static inline size_t hr_str_find(hr_str s, char c, size_t from) {
    if (from >= s.len)
        return s.len;
    const char *at = memchr(s.p + from, c, s.len - from);
    return at == NULL ? s.len : (size_t)(at - s.p);
}

static inline bool hr_str_has(hr_str s, char c) {
    return hr_str_find(s, c, 0) < s.len;
}

static inline hr_str hr_str_from_to(hr_str s, size_t from, size_t to) {
    return (hr_str){from == 0 ? s.p : s.p + from, to - from}; /* absent plus 0 stays absent */
}

static inline hr_str hr_str_tail(hr_str s, size_t from) {
    return (hr_str){from == 0 ? s.p : s.p + from, s.len - from};
}

static inline int hr_str_cmp(hr_str a, hr_str b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n == 0 ? 0 : memcmp(a.p, b.p, n);
    if (c != 0)
        return c;
    return a.len < b.len ? -1 : a.len > b.len;
}

/* Whether every pair of `want` is in `have`, as for label selectors. */
static inline bool hr_pairs_subset(const hr_pair *want, size_t n_want, const hr_pair *have,
                                   size_t n_have) {
    for (size_t i = 0; i < n_want; i++) {
        bool found = false;
        for (size_t j = 0; j < n_have && !found; j++)
            found =
                hr_str_eq(want[i].name, have[j].name) && hr_str_eq(want[i].value, have[j].value);
        if (!found)
            return false;
    }
    return true;
}

#endif
