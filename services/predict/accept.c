/* Chooses the form of an answer by the Accept header. */
#include "accept.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "str.h"

const char *const sv_form_types[SV_FORMS] = {"application/json", "image/png", "image/webp",
                                             "image/jpeg"};

/* Any type. A client may send ten thousands of items, most of them empty. */
#define SHORTEST_RANGE 3

/* One item of Accept: how well it fits a type, and its weight in thousandths. */
typedef struct accepted {
    int precision, weight; /* -1: does not fit */
} accepted;

static int parse_weight(const char *item, size_t len) {
    const char *end = item + len;
    for (const char *p = item; p < end && (p = memchr(p, ';', (size_t)(end - p))) != NULL;) {
        do
            ++p;
        while (p < end && (*p == ' ' || *p == '\t'));
        if (end - p < 3 || (p[0] != 'q' && p[0] != 'Q') || p[1] != '=')
            continue;
        int weight = p[2] == '1' ? 1000 : 0, unit = 100;
        for (p += 3; p < end && (*p == '.' || (*p >= '0' && *p <= '9')); ++p) {
            if (*p == '.' || weight == 1000)
                continue;
            weight += (*p - '0') * unit;
            unit /= 10;
        }
        return weight;
    }
    return 1000;
}

/* -1: the media range does not fit. */
static int precision_of(const char *range, size_t len, const char *type) {
    size_t major = (size_t)(strchr(type, '/') - type);
    if (sv_str_is_nocase((hr_str){range, len}, type))
        return 2;
    if (len == major + 2 && strncasecmp(range, type, major + 1) == 0 && range[major + 1] == '*')
        return 1;
    return len == 3 && memcmp(range, "*/*", 3) == 0 ? 0 : -1;
}

/* `range` is the length of the item without its parameters. */
static void consider(accepted *best, const char *item, size_t len, size_t range, const char *type) {
    int precision = precision_of(item, range, type);
    if (precision > best->precision) {
        best->precision = precision;
        best->weight = parse_weight(item, len);
    }
}

static size_t range_length(const char *item, size_t len) {
    size_t range = 0;
    while (range < len && item[range] != ';' && item[range] != ' ' && item[range] != '\t')
        ++range;
    return range;
}

sv_answer_form sv_accept_form(const char *accept, size_t len) {
    accepted found[SV_FORMS];
    sv_answer_form best = SV_FORM_JSON;
    for (int i = 0; i < SV_FORMS; ++i)
        found[i] = (accepted){-1, 0};
    while (len > 0) {
        const char *comma = memchr(accept, ',', len);
        size_t item = comma != NULL ? (size_t)(comma - accept) : len,
               step = comma != NULL ? item + 1 : item;
        size_t blanks = 0;
        while (blanks < item && (accept[blanks] == ' ' || accept[blanks] == '\t'))
            ++blanks;
        size_t range = range_length(accept + blanks, item - blanks);
        for (int i = 0; i < SV_FORMS && range >= SHORTEST_RANGE; ++i)
            consider(&found[i], accept + blanks, item - blanks, range, sv_form_types[i]);
        accept += step;
        len -= step;
    }
    for (int i = 0; i < SV_FORMS; ++i) {
        bool better = found[i].weight > found[best].weight ||
                      (found[i].weight == found[best].weight && found[i].weight > 0 &&
                       found[i].precision > found[best].precision);
        best = better ? (sv_answer_form)i : best;
    }
    return best;
}
