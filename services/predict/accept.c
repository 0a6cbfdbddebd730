/* Chooses the form of an answer by the Accept header. */
#include "accept.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "str.h"

const char *const hr_form_types[HR_FORMS] = {"application/json", "image/png", "image/webp",
                                             "image/jpeg"};

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

static void consider(accepted *best, const char *item, size_t len, const char *type) {
    size_t name = 0, major = (size_t)(strchr(type, '/') - type);
    while (name < len && item[name] != ';' && item[name] != ' ' && item[name] != '\t')
        ++name;
    int precision = -1;
    if (hr_str_is_nocase((hr_str){item, name}, type))
        precision = 2;
    else if (name == major + 2 && strncasecmp(item, type, major + 1) == 0 && item[major + 1] == '*')
        precision = 1;
    else if (name == 3 && memcmp(item, "*/*", 3) == 0)
        precision = 0;
    if (precision > best->precision) {
        best->precision = precision;
        best->weight = parse_weight(item, len);
    }
}

hr_answer_form hr_accept_form(const char *accept, size_t len) {
    accepted found[HR_FORMS];
    hr_answer_form best = HR_FORM_JSON;
    for (int i = 0; i < HR_FORMS; ++i)
        found[i] = (accepted){-1, 0};
    while (len > 0) {
        const char *comma = memchr(accept, ',', len);
        size_t item = comma != NULL ? (size_t)(comma - accept) : len,
               step = comma != NULL ? item + 1 : item;
        size_t blanks = 0;
        while (blanks < item && (accept[blanks] == ' ' || accept[blanks] == '\t'))
            ++blanks;
        for (int i = 0; i < HR_FORMS; ++i)
            consider(&found[i], accept + blanks, item - blanks, hr_form_types[i]);
        accept += step;
        len -= step;
    }
    for (int i = 0; i < HR_FORMS; ++i) {
        bool better = found[i].weight > found[best].weight ||
                      (found[i].weight == found[best].weight && found[i].weight > 0 &&
                       found[i].precision > found[best].precision);
        best = better ? (hr_answer_form)i : best;
    }
    return best;
}
