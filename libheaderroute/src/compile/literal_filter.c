/* Texts that regexes on one subject require, found in one pass over the subject: a regex whose text
 * is missing cannot match and is not run. */
#include "literal_filter.h"

#include "regex.h"
#include "regex_literals.h"
#include "text.h"

/* Fewer regexes on one subject are run without more ado. */
#define WORTH_A_FILTER 8
#define SHORTEST 3

/* The regexes on one subject that require a text. */
typedef struct subject_literals {
    HR_LIST(hr_matcher *) matchers;
    HR_LIST(uint64_t) keys;
    HR_LIST(uint32_t) sizes;
    struct subject_literals *next;
} subject_literals;

static uint32_t cut(size_t len) {
    return len >= 8 ? 8 : len >= 5 ? 5 : SHORTEST;
}

static subject_literals *literals_of(hr_view_build *vb, uint32_t kind, uint32_t slot) {
    uint32_t key[2] = {kind, slot};
    hr_str octets = hr_str_of((const char *)key, sizeof(key));
    subject_literals *known = hr_map_get(&vb->literals_by_subject, octets);
    if (known != NULL)
        return known;
    subject_literals *made = HR_NEW(vb->temp, subject_literals);
    made->next = vb->literals;
    vb->literals = made;
    hr_map_add(vb->temp, &vb->literals_by_subject, hr_arena_copy(vb->temp, octets), made);
    return made;
}

void hr_literals_add(hr_view_build *vb, hr_matcher *matcher, uint32_t kind, uint32_t slot,
                     hr_str pattern) {
    char buf[3 * HR_REGEX_MAX_PATTERN];
    hr_str inside, suffix;
    if (matcher->regex == NULL || pattern.len > HR_REGEX_MAX_PATTERN || hr_arena_failed(vb->temp))
        return;
    hr_regex_literals(pattern, buf, &inside, &suffix);
    if (inside.len < SHORTEST)
        return;
    uint32_t size = cut(inside.len);
    subject_literals *s = literals_of(vb, kind, slot);
    HR_PUSH(vb->temp, &s->matchers, matcher);
    HR_PUSH(vb->temp, &s->keys, hr_literal_word(inside.p + inside.len - size, size));
    HR_PUSH(vb->temp, &s->sizes, size);
}

/* At most half of the places are taken. */
static bool make_places(hr_arena *arena, hr_literal_filter *f, size_t n) {
    uint32_t bits = 4;
    while ((size_t)1 << bits < 2 * n)
        bits++;
    f->shift = 64 - bits;
    f->mask = (UINT64_C(1) << bits) - 1;
    f->places = HR_ARRAY(arena, hr_literal, (size_t)1 << bits);
    f->taken = HR_ARRAY(arena, uint64_t, ((size_t)8 << bits) / 64);
    return f->places != NULL && f->taken != NULL;
}

static void note_size(hr_literal_filter *f, uint32_t size) {
    for (size_t i = 0; i < HR_LITERAL_SIZES; i++) {
        if (f->sizes[i] == 0)
            f->sizes[i] = size;
        if (f->sizes[i] == size)
            return;
    }
}

/* Regexes that require one text share its number. */
static uint32_t literal_number(hr_literal_filter *f, uint32_t *numbers, uint64_t key,
                               uint32_t size) {
    uint64_t i = hr_literal_hash(key) >> f->shift;
    while (f->places[i].size != 0 && (f->places[i].key != key || f->places[i].size != size))
        i = (i + 1) & f->mask;
    if (f->places[i].size == 0)
        f->places[i] = (hr_literal){key, (*numbers)++, size};
    uint64_t eighth = hr_literal_eighth(f, key);
    f->taken[eighth / 64] |= UINT64_C(1) << (eighth % 64);
    return f->places[i].number;
}

static void build_filter(hr_view_build *vb, const subject_literals *s) {
    hr_view *view = vb->view;
    hr_literal_filter *f = HR_NEW(vb->arena, hr_literal_filter);
    if (!make_places(vb->arena, f, s->matchers.n))
        return;
    f->verdict = (uint32_t)view->n_verdicts++;
    f->first = (uint32_t)view->n_literal_words;
    uint32_t numbers = f->first * 64;
    for (size_t i = 0; i < s->matchers.n; i++) {
        note_size(f, s->sizes.v[i]);
        s->matchers.v[i]->literal = literal_number(f, &numbers, s->keys.v[i], s->sizes.v[i]);
        s->matchers.v[i]->filter = f;
    }
    f->end = (numbers + 63) / 64;
    view->n_literal_words = f->end;
}

void hr_literals_build(hr_view_build *vb) {
    if (hr_arena_failed(vb->arena) || hr_arena_failed(vb->temp))
        return;
    for (const subject_literals *s = vb->literals; s != NULL; s = s->next)
        if (s->matchers.n >= WORTH_A_FILTER)
            build_filter(vb, s);
}
