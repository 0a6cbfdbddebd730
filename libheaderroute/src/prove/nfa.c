/* From the tree of a pattern to nodes that read bytes: characters become their UTF-8 sequences. */
#include "nfa.h"

#include "rune_set.h"

#define MOST_NODES 20000

typedef struct nfa_maker {
    hr_arena *b;
    hr_nfa *nfa;
} nfa_maker;

static uint32_t nfa_node(nfa_maker *m, hr_nfa_node node) {
    size_t n = m->nfa->nodes.n;
    if (n < MOST_NODES)
        HR_PUSH(m->b, &m->nfa->nodes, node);
    if (m->nfa->nodes.n == n)
        m->nfa->too_large = true;
    return m->nfa->too_large ? 0 : (uint32_t)n;
}

static uint32_t nfa_bytes(nfa_maker *m, uint32_t lo, uint32_t hi, uint32_t next) {
    return nfa_node(m, (hr_nfa_node){HR_NFA_BYTES, (uint8_t)lo, (uint8_t)hi, next, 0});
}

static uint32_t nfa_split(nfa_maker *m, uint32_t a, uint32_t b) {
    return nfa_node(m, (hr_nfa_node){HR_NFA_SPLIT, 0, 0, a, b});
}

/* ---- characters ---- */

/* The alternatives for one set of characters. */
typedef struct nfa_choice {
    bool any;
    uint32_t at, next;
} nfa_choice;

static void nfa_offer(nfa_maker *m, nfa_choice *choice, uint32_t node) {
    choice->at = choice->any ? nfa_split(m, node, choice->at) : node;
    choice->any = true;
}

static uint32_t continuations(nfa_maker *m, int n, uint32_t next) {
    for (int i = 0; i < n; i++)
        next = nfa_bytes(m, 0x80, 0xBF, next);
    return next;
}

/* All that is beyond ASCII: RE2 then takes overlong forms, and F4 with any continuation, as well.
 */
static void nfa_beyond_ascii(nfa_maker *m, nfa_choice *choice) {
    nfa_offer(m, choice, nfa_bytes(m, 0xC2, 0xDF, continuations(m, 1, choice->next)));
    nfa_offer(m, choice, nfa_bytes(m, 0xE0, 0xEF, continuations(m, 2, choice->next)));
    nfa_offer(m, choice, nfa_bytes(m, 0xF0, 0xF4, continuations(m, 3, choice->next)));
}

static int utf8_encode(uint8_t *out, uint32_t rune) {
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    if (rune < 0x80) {
        out[0] = (uint8_t)rune;
        return 1;
    }
    int n = rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;
    for (int i = n - 1; i > 0; i--, rune >>= 6)
        out[i] = (uint8_t)(0x80 | (rune & 0x3F));
    out[0] = (uint8_t)(lead[n] | rune);
    return n;
}

/* A range of characters as sequences of byte ranges: it is cut where the number of bytes changes,
 * and where a byte before the last would not be free to take all its values. */
static void nfa_rune_range(nfa_maker *m, nfa_choice *choice, uint32_t lo, uint32_t hi) {
    static const uint32_t last[] = {0x7F, 0x7FF, 0xFFFF};
    if (lo == 0x80 && hi == HR_MAX_RUNE) {
        nfa_beyond_ascii(m, choice);
        return;
    }
    for (size_t i = 0; i < 3; i++)
        if (lo <= last[i] && last[i] < hi) {
            nfa_rune_range(m, choice, lo, last[i]);
            nfa_rune_range(m, choice, last[i] + 1, hi);
            return;
        }
    for (int i = 1; i < 4 && hi >= 0x80; i++) {
        uint32_t mask = (UINT32_C(1) << (6 * i)) - 1;
        if ((lo & ~mask) == (hi & ~mask))
            continue;
        uint32_t cut = (lo & mask) != 0 ? (lo | mask) + 1 : (hi & mask) != mask ? hi & ~mask : 0;
        if (cut == 0)
            continue;
        nfa_rune_range(m, choice, lo, cut - 1);
        nfa_rune_range(m, choice, cut, hi);
        return;
    }
    uint8_t from[4], to[4];
    int n = utf8_encode(from, lo);
    utf8_encode(to, hi);
    uint32_t at = choice->next;
    for (int i = n - 1; i >= 0; i--)
        at = nfa_bytes(m, from[i], to[i], at);
    nfa_offer(m, choice, at);
}

static uint32_t nfa_runes(nfa_maker *m, const hr_rune_set *set, uint32_t next) {
    nfa_choice choice = {.next = next};
    for (size_t i = 0; i < set->n; i++)
        nfa_rune_range(m, &choice, set->v[i].lo, set->v[i].hi);
    return choice.any ? choice.at
                      : nfa_bytes(m, 1, 0, next); /* [^\x00-\x{10FFFF}] matches nothing */
}

/* ---- structure ---- */

static uint32_t nfa_emit(nfa_maker *m, const hr_re *re, uint32_t next);

static uint32_t nfa_repeat(nfa_maker *m, const hr_re *re, uint32_t next) {
    const hr_re *item = re->items[0];
    uint32_t at = next;
    if (re->max < 0) {
        uint32_t loop = nfa_split(m, 0, next);
        uint32_t body = nfa_emit(m, item, loop);
        if (m->nfa->too_large)
            return 0;
        m->nfa->nodes.v[loop].next = body;
        at = loop;
    }
    for (int i = re->min; i < re->max && !m->nfa->too_large; i++)
        at = nfa_split(m, nfa_emit(m, item, at), next);
    for (int i = 0; i < re->min && !m->nfa->too_large; i++)
        at = nfa_emit(m, item, at);
    return at;
}

static uint32_t nfa_emit(nfa_maker *m, const hr_re *re, uint32_t next) {
    uint32_t at = next;
    if (m->nfa->too_large)
        return 0;
    switch (re->kind) {
    case HR_RE_EMPTY:
        return next;
    case HR_RE_RUNES:
        return nfa_runes(m, &re->runes, next);
    case HR_RE_BYTE:
        return nfa_bytes(m, 0, 0xFF, next);
    case HR_RE_BEGIN:
        return nfa_node(m, (hr_nfa_node){HR_NFA_BEGIN, 0, 0, next, 0});
    case HR_RE_END:
        return nfa_node(m, (hr_nfa_node){HR_NFA_END, 0, 0, next, 0});
    case HR_RE_REPEAT:
        return nfa_repeat(m, re, next);
    case HR_RE_CAT:
        for (size_t i = re->n_items; i > 0; i--)
            at = nfa_emit(m, re->items[i - 1], at);
        return at;
    case HR_RE_ALT:
        at = nfa_emit(m, re->items[re->n_items - 1], next);
        for (size_t i = re->n_items - 1; i > 0; i--)
            at = nfa_split(m, nfa_emit(m, re->items[i - 1], next), at);
        return at;
    }
    return next;
}

void hr_nfa_build(hr_arena *b, hr_nfa *out, const hr_re *re) {
    nfa_maker m = {b, out};
    uint32_t accept = nfa_node(&m, (hr_nfa_node){.kind = HR_NFA_ACCEPT});
    out->start = nfa_emit(&m, re, accept);
}
