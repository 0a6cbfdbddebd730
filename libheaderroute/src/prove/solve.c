/*
 * Whether one attribute can meet several conditions at once, with a value that does. Likely values
 * are tried first; else the conditions' automata run side by side, breadth first, so that a value
 * found is a shortest one and an exhausted search is a proof that there is none.
 */
#include "solve.h"

#include <stdlib.h>

#define MOST_PRODUCT_STATES 40000
#define MOST_SIDE_BY_SIDE 64

typedef struct solution {
    hr_truth truth;
    hr_values values;
    const char *why;
} solution;

typedef HR_LIST(hr_literal) literal_list;

typedef struct solver {
    hr_universe *u;
    const hr_attr *attr;
    literal_list positive, negative; /* without presence */
    const char *why;
} solver;

static bool is_member(const solver *s, hr_str value, hr_literal only) {
    hr_values one = {&value, 1};
    if (!hr_domain_has(s->attr->domain, value))
        return false;
    for (size_t i = 0; i < s->positive.n; i++)
        if ((only == UINT32_MAX || s->positive.v[i] == only) &&
            !hr_literal_holds(s->u, s->positive.v[i], one))
            return false;
    for (size_t i = 0; i < s->negative.n; i++)
        if (!hr_literal_holds(s->u, s->negative.v[i], one))
            return false;
    return true;
}

/* ---- likely values ---- */

static hr_str joined_text(hr_arena *b, hr_str a, const char *tail) {
    return hr_arena_printf(b, "%.*s%s", (int)a.len, a.p == NULL ? "" : a.p, tail);
}

static bool accept_value(solver *s, hr_str value, hr_literal only, hr_str *out) {
    if (!is_member(s, value, only))
        return false;
    *out = value;
    return true;
}

static bool try_common(solver *s, hr_literal only, hr_str *out) {
    static const char *const paths[] = {"/", "/a", "/x/y", NULL};
    static const char *const values[] = {"1", "x", "a", "", NULL};
    if (s->attr->kind == HR_ATTR_AUTHORITY)
        return s->u->authority_example.p != NULL &&
               accept_value(s, s->u->authority_example, only, out);
    for (const char *const *v = s->attr->kind == HR_ATTR_PATH ? paths : values; *v != NULL; v++)
        if (accept_value(s, hr_str_from(*v), only, out))
            return true;
    return false;
}

/* The text of an exact or prefix condition, and what is near to it. */
static bool try_near(solver *s, hr_literal l, hr_literal only, hr_str *out) {
    static const char *const tails[] = {"", "1", "/", "/a", "a", "x/", "2", NULL};
    const hr_language *language = &hr_atom_of(s->u, l)->language;
    if (language->kind != HR_LANG_EXACT && language->kind != HR_LANG_PREFIX &&
        language->kind != HR_LANG_HOST)
        return false;
    for (const char *const *tail = tails; *tail != NULL; tail++)
        if (accept_value(s, joined_text(s->u->b, language->text, *tail), only, out))
            return true;
    return false;
}

/* ---- automata side by side ---- */

typedef struct runner {
    hr_language *language; /* NULL: the domain */
    bool negated;
} runner;

typedef struct product_node {
    uint32_t parent;
    uint8_t byte;
} product_node;

/* Kept from one run to the next, so that memory does not grow with their number. */
struct hr_product_room {
    HR_LIST(uint32_t) states; /* as many as runners for each node */
    HR_LIST(product_node) nodes;
    uint32_t *table;
    size_t table_size;
};

typedef struct product {
    solver *s;
    runner runners[MOST_SIDE_BY_SIDE + 1];
    size_t n;
    uint8_t bytes[256]; /* one of each class, the nicest first */
    size_t n_bytes;
    struct hr_product_room *room;
} product;

/* Bytes that read well in an example come first. */
static int niceness(uint8_t c) {
    if (c >= 'a' && c <= 'z')
        return c == 'a' ? 0 : 1;
    if (c >= '0' && c <= '9')
        return c == '1' ? 2 : 3;
    if (c == '/' || c == '-' || c == '.')
        return 4;
    if (c >= 'A' && c <= 'Z')
        return 5;
    return c > 0x20 && c < 0x7F ? 6 : c == ' ' ? 7 : 8;
}

static void choose_bytes(product *p) {
    bool cut[257] = {0};
    hr_domain_cuts(p->s->attr->domain, cut);
    for (size_t i = 0; i < p->n; i++)
        if (p->runners[i].language != NULL)
            hr_language_cuts(p->runners[i].language, cut);
    for (int rank = 0; rank <= 8; rank++)
        for (size_t begin = 0, end; begin < 256; begin = end) {
            size_t best = begin;
            for (end = begin + 1; end < 256 && !cut[end]; end++)
                if (niceness((uint8_t)end) < niceness((uint8_t)best))
                    best = end;
            if (niceness((uint8_t)best) == rank)
                p->bytes[p->n_bytes++] = (uint8_t)best;
        }
}

static size_t product_slot(const product *p, const uint32_t *states) {
    uint64_t h = UINT64_C(0x9E3779B97F4A7C15);
    for (size_t i = 0; i < p->n; i++)
        h = (h ^ states[i]) * UINT64_C(0xFF51AFD7ED558CCD) + (h >> 31);
    size_t slot = (h ^ h >> 29) & (p->room->table_size - 1);
    while (p->room->table[slot] != 0 &&
           memcmp(&p->room->states.v[(p->room->table[slot] - 1) * p->n], states,
                  p->n * sizeof(*states)) != 0)
        slot = (slot + 1) & (p->room->table_size - 1);
    return slot;
}

static bool product_grow(product *p) {
    struct hr_product_room *room = p->room;
    if (room->nodes.n * 2 < room->table_size)
        return true;
    size_t size = room->table_size == 0 ? 256 : room->table_size * 2;
    uint32_t *table = HR_ARRAY(p->s->u->b, uint32_t, size);
    if (table == NULL)
        return false;
    room->table = table;
    room->table_size = size;
    for (uint32_t i = 0; i < room->nodes.n; i++)
        room->table[product_slot(p, &room->states.v[i * p->n])] = i + 1;
    return true;
}

/* false: a limit was reached. */
static bool product_add(product *p, const uint32_t *states, uint32_t parent, uint8_t byte) {
    hr_arena *b = p->s->u->b;
    size_t slot = product_slot(p, states);
    if (p->room->table[slot] != 0)
        return true;
    if (p->room->nodes.n >= MOST_PRODUCT_STATES)
        return false;
    product_node node = {parent, byte};
    HR_PUSH(b, &p->room->nodes, node);
    for (size_t i = 0; i < p->n; i++)
        HR_PUSH(b, &p->room->states, states[i]);
    if (hr_arena_failed(b))
        return false;
    p->room->table[slot] = (uint32_t)p->room->nodes.n;
    return product_grow(p);
}

static bool product_accepts(const product *p, const uint32_t *states) {
    for (size_t i = 0; i < p->n; i++) {
        const runner *r = &p->runners[i];
        bool accepts = r->language == NULL ? hr_domain_accepts(p->s->attr->domain, states[i])
                                           : hr_language_accepts(r->language, states[i]);
        if (accepts == r->negated)
            return false;
    }
    return true;
}

/* HR_NO: nothing is accepted behind this byte. */
static hr_truth product_step(product *p, uint32_t *to, const uint32_t *from, uint8_t byte) {
    hr_universe *u = p->s->u;
    u->work.spent += p->n;
    for (size_t i = 0; i < p->n; i++) {
        runner *r = &p->runners[i];
        to[i] = r->language == NULL ? hr_domain_step(p->s->attr->domain, from[i], byte)
                                    : hr_language_step(u->b, r->language, from[i], byte, &u->work);
        if (to[i] == HR_STATE_LIMIT)
            return HR_MAYBE;
        if (to[i] == HR_STATE_DEAD && !r->negated)
            return HR_NO;
    }
    return u->work.spent > u->work.limit ? HR_MAYBE : HR_YES;
}

static hr_str product_text(const product *p, uint32_t node) {
    size_t n = 0;
    for (uint32_t at = node; at != 0; at = p->room->nodes.v[at].parent)
        n++;
    char *text = HR_ARRAY(p->s->u->b, char, n + 1);
    if (text == NULL)
        return HR_STR("");
    for (uint32_t at = node, i = (uint32_t)n; at != 0; at = p->room->nodes.v[at].parent)
        text[--i] = (char)p->room->nodes.v[at].byte;
    return hr_str_of(text, n);
}

static hr_truth product_run(product *p, hr_str *out) {
    uint32_t states[MOST_SIDE_BY_SIDE + 1], to[MOST_SIDE_BY_SIDE + 1];
    for (size_t i = 0; i < p->n; i++)
        states[i] = p->runners[i].language == NULL ? hr_domain_start(p->s->attr->domain)
                                                   : hr_language_start(p->runners[i].language);
    if (!product_grow(p) || !product_add(p, states, 0, 0))
        return HR_MAYBE;
    for (uint32_t at = 0; at < p->room->nodes.n; at++) {
        memcpy(states, &p->room->states.v[at * p->n], p->n * sizeof(*states));
        if (product_accepts(p, states)) {
            *out = product_text(p, at);
            return HR_YES;
        }
        for (size_t i = 0; i < p->n_bytes; i++) {
            hr_truth t = product_step(p, to, states, p->bytes[i]);
            if (t == HR_YES && !product_add(p, to, at, p->bytes[i]))
                t = HR_MAYBE;
            if (t == HR_MAYBE) {
                p->s->why = p->s->u->work.spent > p->s->u->work.limit
                                ? "the limit of work was reached"
                                : "a regex has too many states";
                return HR_MAYBE;
            }
        }
    }
    return HR_NO;
}

/* A negated condition that says nothing about texts which begin as the others ask. */
static bool is_irrelevant(const solver *s, const hr_language *negative, hr_str begins) {
    hr_str other = negative->begins;
    if (!hr_str_starts(other, begins) && !hr_str_starts(begins, other))
        return true;
    if (negative->kind != HR_LANG_EXACT || negative->ignore_case)
        return false;
    hr_values one = {&negative->text, 1};
    for (size_t i = 0; i < s->positive.n; i++)
        if (!hr_literal_holds(s->u, s->positive.v[i], one))
            return true;
    return !hr_domain_has(s->attr->domain, negative->text);
}

static hr_str longest_beginning(const solver *s, hr_literal only) {
    hr_str best = HR_STR("");
    for (size_t i = 0; i < s->positive.n; i++) {
        hr_str begins = hr_atom_of(s->u, s->positive.v[i])->language.begins;
        if ((only == UINT32_MAX || only == s->positive.v[i]) && begins.len > best.len)
            best = begins;
    }
    return best;
}

static bool add_runner(product *p, hr_literal l) {
    hr_language *language = &hr_atom_of(p->s->u, l)->language;
    if (!hr_language_prepare(p->s->u->b, language)) {
        p->s->why = language->uncovered;
        return false;
    }
    if (p->n == MOST_SIDE_BY_SIDE) {
        p->s->why = "more than 64 conditions on one attribute";
        return false;
    }
    p->runners[p->n++] = (runner){language, hr_is_negated(l)};
    return true;
}

static struct hr_product_room *empty_room(hr_universe *u) {
    if (u->room == NULL)
        u->room = HR_NEW(u->b, struct hr_product_room);
    u->room->states.n = u->room->nodes.n = 0;
    if (u->room->table != NULL)
        memset(u->room->table, 0, u->room->table_size * sizeof(*u->room->table));
    return u->room;
}

static hr_truth run_automata(solver *s, hr_literal only, hr_str *out) {
    product p = {.s = s, .n = 1, .room = empty_room(s->u)};
    hr_str begins = longest_beginning(s, only);
    for (size_t i = 0; i < s->positive.n; i++)
        if ((only == UINT32_MAX || only == s->positive.v[i]) && !add_runner(&p, s->positive.v[i]))
            return HR_MAYBE;
    for (size_t i = 0; i < s->negative.n; i++) {
        hr_literal l = s->negative.v[i];
        if (!is_irrelevant(s, &hr_atom_of(s->u, l)->language, begins) && !add_runner(&p, l))
            return HR_MAYBE;
    }
    choose_bytes(&p);
    return product_run(&p, out);
}

/* ---- one value ---- */

/* A condition that leaves one value only. */
static const hr_language *exact_one(const solver *s, hr_literal only) {
    for (size_t i = 0; i < s->positive.n; i++) {
        const hr_language *language = &hr_atom_of(s->u, s->positive.v[i])->language;
        if ((only == UINT32_MAX || only == s->positive.v[i]) && language->kind == HR_LANG_EXACT &&
            !language->ignore_case)
            return language;
    }
    return NULL;
}

static hr_truth try_all(solver *s, const char *const *values, hr_literal only, hr_str *out) {
    for (; *values != NULL; values++)
        if (accept_value(s, hr_str_from(*values), only, out))
            return HR_YES;
    return HR_NO;
}

/* only: the one positive literal that counts, or UINT32_MAX for all of them. */
static hr_truth find_value(solver *s, hr_literal only, hr_str *out) {
    const char *const *values = hr_domain_values(s->attr->domain);
    if (values != NULL)
        return try_all(s, values, only, out);
    const hr_language *exact = exact_one(s, only);
    if (exact != NULL)
        return accept_value(s, exact->text, only, out) ? HR_YES : HR_NO;
    for (size_t i = 0; i < s->positive.n; i++)
        if ((only == UINT32_MAX || only == s->positive.v[i]) &&
            try_near(s, s->positive.v[i], only, out))
            return HR_YES;
    if (try_common(s, only, out))
        return HR_YES;
    return run_automata(s, only, out);
}

/* ---- all conditions of an attribute ---- */

/* NULL if the arena has failed. */
static hr_str *value_room(solver *s, size_t n, solution *result) {
    hr_str *v = HR_ARRAY(s->u->b, hr_str, n);
    result->truth = HR_MAYBE;
    result->values = (hr_values){v, n};
    return v;
}

/* Values that each meet one condition; those that must not be met are met by none. */
static void solve_each(solver *s, bool must_be_there, solution *result) {
    size_t n = s->positive.n > 0 ? s->positive.n : must_be_there;
    hr_str *v = value_room(s, n, result);
    result->truth = v == NULL ? HR_NO : HR_YES;
    for (size_t i = 0; i < n && result->truth != HR_NO; i++) {
        hr_truth t = find_value(s, s->positive.n > 0 ? s->positive.v[i] : UINT32_MAX, &v[i]);
        result->truth = t == HR_YES ? result->truth : t;
    }
}

static void solve_one(solver *s, solution *result) {
    hr_str *v = value_room(s, 1, result);
    if (v != NULL)
        result->truth = find_value(s, UINT32_MAX, v);
}

static void solve_all(solver *s, const hr_literal *literals, size_t n, solution *result) {
    hr_arena *b = s->u->b;
    bool present = !s->attr->optional, absent = false;
    for (size_t i = 0; i < n; i++) {
        bool negated = hr_is_negated(literals[i]),
             presence = hr_atom_of(s->u, literals[i])->presence;
        absent |= presence && negated;
        present |= !negated;
        if (!presence && negated)
            HR_PUSH(b, &s->negative, literals[i]);
        else if (!presence)
            HR_PUSH(b, &s->positive, literals[i]);
    }
    if (!present || s->attr->kind == HR_ATTR_FREE)
        result->truth = HR_YES;
    else if (absent || s->attr->domain == HR_DOMAIN_NOTHING)
        result->truth = HR_NO;
    else if (s->attr->each)
        solve_each(s, present, result);
    else
        solve_one(s, result);
    result->why = s->why;
    if (result->truth != HR_YES)
        result->values = (hr_values){0};
}

/* What no example shows may still be so for real connections. */
static void solve_for_connections(hr_universe *u, const hr_attr *attr, const hr_literal *literals,
                                  size_t n, solution *result) {
    hr_attr any = *attr;
    any.domain = HR_DOMAIN_VALUE;
    solver s = {.u = u, .attr = &any};
    solution real = {.truth = HR_NO};
    solve_all(&s, literals, n, &real);
    if (real.truth == HR_NO)
        return;
    result->truth = HR_MAYBE;
    result->why = real.truth == HR_MAYBE ? real.why
                  : hr_str_eq_c(attr->name, "x-request-id")
                      ? "a fresh x-request-id, which the Gateway's proxies draw"
                  : hr_str_eq_c(attr->name, "x-envoy-external-address")
                      ? "x-envoy-external-address, which the Gateway's proxies set to the "
                        "client's address"
                      : "x-forwarded-client-cert, which the Gateway's proxies set from the "
                        "client's certificate";
}

hr_truth hr_solve(hr_universe *u, uint32_t attr, const hr_literal *literals, size_t n,
                  hr_values *out, const char **why) {
    hr_arena *b = u->b;
    hr_literal few[32], *sorted = n <= 32 ? few : HR_ARRAY(b, hr_literal, n);
    if (sorted == NULL)
        return HR_MAYBE;
    if (n > 0)
        memcpy(sorted, literals, n * sizeof(*sorted));
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j > 0 && sorted[j - 1] > sorted[j]; j--) {
            hr_literal moved = sorted[j];
            sorted[j] = sorted[j - 1];
            sorted[j - 1] = moved;
        }
    hr_str key = hr_str_of((const char *)sorted, n * sizeof(*sorted));
    solution *found = hr_map_get(&u->solved, key);
    if (found == NULL) {
        found = HR_NEW(b, solution);
        solver s = {.u = u, .attr = &u->attrs.v[attr]};
        solve_all(&s, sorted, n, found);
        if (found->truth == HR_NO && s.attr->of_connection)
            solve_for_connections(u, s.attr, sorted, n, found);
        hr_map_add(b, &u->solved, hr_arena_copy(b, key), found);
    }
    *out = found->values;
    if (found->truth == HR_MAYBE)
        *why = found->why;
    return found->truth;
}
