/* Requests as a comparison sees them: attributes (method, path, one header, ...), atoms (one
 * condition on one attribute) and literals (an atom or its negation). */
#include "universe.h"

#include <stdlib.h>

void hr_universe_init(hr_universe *u, hr_arena *b, hr_path_normalization normalization,
                      uint64_t work_limit) {
    *u = (hr_universe){.b = b, .work = {0, work_limit}};
    const hr_attr attrs[] = {
        {.kind = HR_ATTR_METHOD, .domain = HR_DOMAIN_METHOD},
        {.kind = HR_ATTR_SCHEME, .domain = HR_DOMAIN_SCHEME},
        {.kind = HR_ATTR_AUTHORITY, .domain = HR_DOMAIN_AUTHORITY},
        {.kind = HR_ATTR_PATH, .domain = hr_domain_of_path(normalization)},
    };
    for (size_t i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++)
        HR_PUSH(b, &u->attrs, attrs[i]);
    /* What a literal leads to if the arena fails. */
    hr_atom none = {.attr = HR_ATTR_METHOD, .presence = true};
    HR_PUSH(b, &u->atoms, none);
}

/* ---- keys ---- */

/* Keys are bytes: a letter for their kind, then numbers, then a text. */
static hr_str universe_key(hr_universe *u, char kind, const uint32_t *numbers, size_t n,
                           hr_str text) {
    char *p = HR_ARRAY(u->b, char, 1 + n * sizeof(*numbers) + text.len);
    if (p == NULL)
        return HR_STR("");
    p[0] = kind;
    if (n > 0)
        memcpy(p + 1, numbers, n * sizeof(*numbers));
    if (text.len > 0)
        memcpy(p + 1 + n * sizeof(*numbers), text.p, text.len);
    return hr_str_of(p, 1 + n * sizeof(*numbers) + text.len);
}

static void **number_place(hr_universe *u, char kind, const uint32_t *numbers, size_t n,
                           hr_str text) {
    return hr_map_at(u->b, &u->keys, universe_key(u, kind, numbers, n, text));
}

/* ---- attributes and atoms ---- */

/* A name that no request can have: rules that ask for it are still there. */
static bool name_is_possible(hr_attr_kind kind, hr_str name) {
    if (kind == HR_ATTR_QUERY)
        return hr_domain_has(HR_DOMAIN_QUERY, name) && !hr_str_has(name, '=') && name.len > 0;
    return hr_domain_has(HR_DOMAIN_TOKEN, name) && name.p[0] != ':';
}

uint32_t hr_universe_attr(hr_universe *u, hr_attr_kind kind, hr_str name, bool each) {
    if (kind < HR_ATTR_HEADER)
        return kind;
    uint32_t number = (uint32_t)kind;
    void **place = number_place(u, 'a', &number, 1, name);
    if (*place == NULL) {
        hr_attr attr = {.kind = kind, .name = name, .optional = true, .each = each};
        attr.domain = kind == HR_ATTR_QUERY ? HR_DOMAIN_QUERY : HR_DOMAIN_VALUE;
        if (!name_is_possible(kind, name))
            attr.domain = HR_DOMAIN_NOTHING;
        HR_PUSH(u->b, &u->attrs, attr);
        *place = (void *)(uintptr_t)u->attrs.n;
    }
    return (uint32_t)((uintptr_t)*place - 1);
}

static hr_literal atom_literal(hr_universe *u, void **place, const hr_atom *atom) {
    if (*place == NULL) {
        HR_PUSH(u->b, &u->atoms, *atom);
        *place = (void *)(uintptr_t)u->atoms.n;
    }
    if (hr_arena_failed(u->b))
        return 0;
    return (hr_literal)((uintptr_t)*place - 1) * 2;
}

hr_literal hr_universe_presence(hr_universe *u, uint32_t attr) {
    hr_atom atom = {.attr = attr, .presence = true};
    return atom_literal(u, number_place(u, 'p', &attr, 1, HR_STR("")), &atom);
}

hr_literal hr_universe_literal(hr_universe *u, uint32_t attr, const hr_language *language) {
    hr_atom atom = {.attr = attr, .language = *language};
    uint32_t numbers[] = {attr, language->kind, language->ignore_case, (uint32_t)language->skip};
    hr_language_finish(u->b, &atom.language);
    return atom_literal(u, number_place(u, 'l', numbers, 4, language->text), &atom);
}

static int literal_order(const void *x, const void *y) {
    hr_literal a = *(const hr_literal *)x, b = *(const hr_literal *)y;
    return a < b ? -1 : a > b;
}

uint32_t hr_universe_conjunction(hr_universe *u, hr_literal *literals, uint32_t *n) {
    uint32_t kept = 0;
    if (*n > 1)
        qsort(literals, *n, sizeof(*literals), literal_order);
    for (uint32_t i = 0; i < *n; i++)
        if (kept == 0 || literals[kept - 1] != literals[i])
            literals[kept++] = literals[i];
    *n = kept;
    void **place = number_place(u, 'c', literals, kept, HR_STR(""));
    if (*place == NULL)
        *place = (void *)(uintptr_t)++u->n_conjunctions;
    return (uint32_t)((uintptr_t)*place - 1);
}

uint32_t hr_universe_part(hr_universe *u, hr_str text) {
    void **place = number_place(u, 't', NULL, 0, text);
    if (*place == NULL)
        *place = (void *)(uintptr_t)++u->n_parts;
    return (uint32_t)((uintptr_t)*place - 1);
}

bool hr_literal_holds(const hr_universe *u, hr_literal l, hr_values values) {
    const hr_atom *atom = hr_atom_of(u, l);
    bool holds = atom->presence && values.n > 0;
    for (size_t i = 0; !atom->presence && !holds && i < values.n; i++)
        holds = hr_language_has(&atom->language, values.v[i]);
    return holds != hr_is_negated(l);
}
