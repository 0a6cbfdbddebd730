/*
 * Texts that regexes on one subject require, found in one pass over the subject: a regex whose text
 * is missing cannot match and is not run. Of a text its last octets count, up to eight, so that a
 * place is one comparison of a word.
 */
#ifndef HR_LITERAL_FILTER_H
#define HR_LITERAL_FILTER_H

#include <endian.h>

#include "view_build.h"

/* A text: its octets in a word, the first in the lowest bits. */
typedef struct hr_literal {
    uint64_t key;
    uint32_t number; /* in the view */
    uint32_t size;   /* 0: the place is free */
} hr_literal;

#define HR_LITERAL_SIZES 3 /* texts are cut to 8, 5 or 3 octets */

struct hr_literal_filter {
    uint32_t
        verdict; /* the number under which a scratch notes whether the subject was looked through */
    uint32_t first, end;              /* words of the scratch that have a bit for each text */
    uint32_t shift;                   /* of a hash, to a place */
    uint32_t sizes[HR_LITERAL_SIZES]; /* that occur; 0: no more */
    uint64_t mask;                    /* places - 1 */
    hr_literal *places;
    uint64_t *taken; /* a bit for each eighth of a place: most words of a subject end here, in the
                        nearest cache */
};

/* So many regexes on the subject are run one by one before it is looked through. */
#define HR_LITERAL_FILTER_AFTER 2

static inline uint64_t hr_literal_hash(uint64_t key) {
    return key * UINT64_C(0x9E3779B97F4A7C15);
}

static inline uint64_t hr_literal_eighth(const hr_literal_filter *f, uint64_t key) {
    return hr_literal_hash(key) >> (f->shift - 3);
}

static inline uint64_t hr_literal_key(uint64_t word, uint32_t size) {
    return size == 8 ? word : word & ((UINT64_C(1) << (size * 8)) - 1);
}

static inline uint64_t hr_literal_word(const char *p, size_t n) {
    uint64_t word = 0;
    if (n >= 8)
        memcpy(&word, p, 8);
    else
        memcpy(&word, p, n);
    return le64toh(word);
}

/* Notes a matcher and its pattern for the filter of its subject. */
void hr_literals_add(hr_view_build *vb, hr_matcher *matcher, uint32_t kind, uint32_t slot,
                     hr_str pattern);
/* Makes the filters of the view's subjects, where they are worth it. */
void hr_literals_build(hr_view_build *vb);

#endif
