/* One pass over a subject for the texts that its regexes require. */
#include "literal_filter.h"
#include "match.h"

static inline void look_up(const hr_literal_filter *f, uint64_t *found, uint64_t key,
                           uint32_t size) {
    uint64_t eighth = hr_literal_eighth(f, key);
    if ((f->taken[eighth / 64] >> (eighth % 64) & 1) == 0)
        return;
    for (uint64_t i = hr_literal_hash(key) >> f->shift; f->places[i].size != 0;
         i = (i + 1) & f->mask)
        if (f->places[i].key == key && f->places[i].size == size)
            found[f->places[i].number / 64] |= UINT64_C(1) << (f->places[i].number % 64);
}

/* For texts of that size. */
static void look_for_texts(const hr_literal_filter *f, uint64_t *found, hr_str subject,
                           uint32_t size) {
    size_t at = 0, words = subject.len >= 8 ? subject.len - 7 : 0;
    for (; at < words; at++)
        look_up(f, found, hr_literal_key(hr_literal_word(subject.p + at, 8), size), size);
    for (; at + size <= subject.len; at++)
        look_up(f, found, hr_literal_key(hr_literal_word(subject.p + at, subject.len - at), size),
                size);
}

bool hr_literals_begin(const hr_literal_filter *f, hr_scratch *scratch) {
    hr_verdict *used = &scratch->verdicts[f->verdict];
    if (used->round != scratch->round)
        *used = (hr_verdict){.round = scratch->round};
    if (used->matches || used->runs++ < HR_LITERAL_FILTER_AFTER)
        return false;
    memset(scratch->literals + f->first, 0, (f->end - f->first) * sizeof(*scratch->literals));
    used->matches = true;
    return true;
}

void hr_literals_note(const hr_literal_filter *f, hr_scratch *scratch, hr_str value) {
    for (size_t i = 0; i < HR_LITERAL_SIZES && f->sizes[i] != 0; i++)
        look_for_texts(f, scratch->literals, value, f->sizes[i]);
}

bool hr_literal_is_missing(const hr_matcher *matcher, const hr_scratch *scratch) {
    uint64_t word = scratch->literals[matcher->literal / 64];
    return scratch->verdicts[matcher->filter->verdict].matches &&
           (word >> (matcher->literal % 64) & 1) == 0;
}
