/*
 * Builds the index of a route list: files each route under the rarest key that a request must
 * have for it.
 */
#include "index.h"

#include <stdlib.h>

#include "regex.h"
#include "regex_prefix.h"
#include "text.h"

/* Fewer routes than this are walked. */
#define WORTH_AN_INDEX 6

typedef struct route_key {
    hr_key_kind kind;
    uint64_t hash;
    size_t length; /* of a prefix */
    uint32_t slot; /* of a header's name */
} route_key;

static route_key make_index_key(hr_key_kind kind, uint64_t name, hr_str value) {
    return (route_key){.kind = kind,
                       .hash = hr_key_hash(hr_key_seed(kind, name), value),
                       .length = value.len,
                       .slot = (uint32_t)name};
}

static route_key path_key(hr_arena *temp, const hr_view_route *route) {
    hr_str path = hr_view_route_path(route);
    char *buf = HR_ARRAY(temp, char, path.len + 1);
    if (buf == NULL)
        return (route_key){.kind = HR_KEY_NONE};
    if (route->path_kind == HR_SM_REGEX) {
        path = hr_regex_literal_prefix(path, buf, NULL);
    } else if (route->ignore_case) {
        for (size_t i = 0; i < path.len; i++)
            buf[i] = hr_lower(path.p[i]);
        path.p = buf;
    }
    if (route->path_kind == HR_SM_EXACT)
        return make_index_key(route->ignore_case ? HR_KEY_PATH_NOCASE : HR_KEY_PATH, 0, path);
    if (route->path_kind == HR_SM_PATH_PREFIX)
        return make_index_key(HR_KEY_PATH_PREFIX, 0, path);
    bool prefix = route->path_kind == HR_SM_PREFIX || route->path_kind == HR_SM_REGEX;
    if (!prefix || path.len <= 1)
        return (route_key){.kind = HR_KEY_NONE};
    bool nocase = route->ignore_case && route->path_kind == HR_SM_PREFIX;
    return make_index_key(nocase ? HR_KEY_PREFIX_NOCASE : HR_KEY_PREFIX, 0, path);
}

/* The prefix of the value of a header, if it is not an exact value. */
static route_key value_prefix_key(hr_arena *temp, const hr_cond *cond) {
    hr_str prefix = cond->match == HR_SM_PREFIX ? cond->value : HR_STR("");
    char *buf = cond->match == HR_SM_REGEX ? HR_ARRAY(temp, char, cond->value.len + 1) : NULL;
    if (buf != NULL)
        prefix = hr_regex_literal_prefix(cond->value, buf, NULL);
    return make_index_key(HR_KEY_HEADER_PREFIX, cond->slot, prefix);
}

/* Cases for the rows of HR_MATCH_STRINGS. */
#define STRING_KEY(type, member, name, kind, ...)                                                  \
    case HR_COND_##kind:                                                                           \
        return make_index_key(HR_KEY_##kind, 0, cond->value);

static route_key cond_key(hr_arena *temp, const hr_cond *cond) {
    if (cond->kind == HR_COND_HEADER && cond->match != HR_SM_EXACT && !cond->invert)
        return value_prefix_key(temp, cond);
    if (cond->match != HR_SM_EXACT || cond->invert)
        return (route_key){.kind = HR_KEY_NONE};
    switch ((hr_cond_kind)cond->kind) {
    case HR_COND_HEADER:
        return make_index_key(HR_KEY_HEADER, cond->slot, cond->value);
    case HR_COND_QUERY:
        return make_index_key(HR_KEY_QUERY, cond->slot, cond->value);
        HR_MATCH_STRINGS(STRING_KEY)
    case HR_COND_FULL_PATH:
        return make_index_key(HR_KEY_FULL_PATH, 0, cond->value);
    default:
        return (route_key){.kind = HR_KEY_NONE};
    }
}

/* How many routes could be filed under a key. */
typedef struct tally {
    struct {
        uint64_t hash;
        uint32_t n;
    } * v;
    uint64_t mask;
} tally;

static uint32_t *tally_at(tally *t, uint64_t hash) {
    uint64_t i = hash & t->mask;
    while (t->v[i].n != 0 && t->v[i].hash != hash)
        i = (i + 1) & t->mask;
    t->v[i].hash = hash;
    return &t->v[i].n;
}

typedef struct filing {
    uint64_t hash;
    uint32_t number;
} filing;

static int by_hash_and_number(const void *a, const void *b) {
    const filing *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

typedef struct maker {
    hr_arena *arena; /* the view's */
    hr_arena *temp;  /* what counts and filings take; freed when the index is made */
    const hr_route_list *routes;
    size_t n_names;
    hr_index *index;
    hr_value_prefix *prefixes; /* one a route at most, until they are sorted */
    size_t n_prefixes;
} maker;

static uint64_t power_of_two(uint64_t least) {
    uint64_t n = 16;
    while (n < least)
        n *= 2;
    return n;
}

static void add_length(hr_arena *arena, hr_length_list *list, size_t length) {
    size_t at = 0;
    while (at < list->n && list->v[at] < length)
        at++;
    if (at < list->n && list->v[at] == length)
        return;
    size_t *grown = HR_ARRAY(arena, size_t, list->n + 1);
    if (grown == NULL)
        return;
    for (size_t i = 0; i < list->n; i++)
        grown[i < at ? i : i + 1] = list->v[i];
    grown[at] = length;
    list->v = grown;
    list->n++;
}

static void note_name(maker *m, const route_key *key) {
    hr_index *index = m->index;
    index->has[key->kind] = true;
    if (key->kind == HR_KEY_PREFIX)
        add_length(m->arena, &index->prefixes, key->length);
    else if (key->kind == HR_KEY_PREFIX_NOCASE)
        add_length(m->arena, &index->nocase_prefixes, key->length);
    else if (key->kind == HR_KEY_PATH_PREFIX)
        add_length(m->arena, &index->path_prefixes, key->length);
    else if (key->kind == HR_KEY_HEADER)
        index->header_slots[key->slot / 8] |= (uint8_t)(1U << (key->slot % 8));
    else if (key->kind == HR_KEY_HEADER_PREFIX)
        m->prefixes[m->n_prefixes++] = (hr_value_prefix){key->slot, (uint32_t)key->length};
}

static int by_slot_and_length(const void *a, const void *b) {
    const hr_value_prefix *x = a, *y = b;
    if (x->slot != y->slot)
        return x->slot < y->slot ? -1 : 1;
    return x->length < y->length ? -1 : x->length > y->length;
}

static void keep_value_prefixes(maker *m) {
    hr_value_prefix *v = m->prefixes;
    size_t n = 0;
    if (m->n_prefixes > 1)
        qsort(v, m->n_prefixes, sizeof(*v), by_slot_and_length);
    for (size_t i = 0; i < m->n_prefixes; i++)
        if (i == 0 || by_slot_and_length(&v[i], &v[n - 1]) != 0)
            v[n++] = v[i];
    m->index->value_prefixes = HR_ARRAY(m->arena, hr_value_prefix, n);
    if (m->index->value_prefixes == NULL)
        return;
    m->index->n_value_prefixes = n;
    if (n > 0)
        memcpy(m->index->value_prefixes, v, n * sizeof(*v));
}

static route_key nth_key(hr_arena *temp, const hr_view_route *route, size_t n) {
    return n == 0 ? path_key(temp, route) : cond_key(temp, &route->conds[n - 1]);
}

/* The rarest key of a route; the path's before the others among equals. */
static route_key choose(hr_arena *temp, tally *counts, const hr_view_route *route) {
    route_key best = {.kind = HR_KEY_NONE};
    uint32_t fewest = UINT32_MAX;
    for (size_t k = 0; k <= route->n_conds; k++) {
        route_key key = nth_key(temp, route, k);
        if (key.kind == HR_KEY_NONE || *tally_at(counts, key.hash) >= fewest)
            continue;
        fewest = *tally_at(counts, key.hash);
        best = key;
    }
    return best;
}

static hr_index_slot *insert(hr_index *index, uint64_t hash, uint32_t value) {
    uint64_t i = hash & index->mask;
    while (index->slots[i].tag != 0)
        i = (i + 1) & index->mask;
    index->slots[i] = (hr_index_slot){.tag = hr_key_tag(hash), .value = value};
    return &index->slots[i];
}

/* Keeps the one thing that a route asks in its slot. */
static void keep_key(hr_index_slot *slot, const hr_view_route *route) {
    hr_str key = hr_view_route_path(route);
    hr_key_kind kind = route->path_kind == HR_SM_EXACT         ? HR_KEY_PATH
                       : route->path_kind == HR_SM_PATH_PREFIX ? HR_KEY_PATH_PREFIX
                                                               : HR_KEY_PREFIX;
    const hr_cond *cond = route->conds;
    if (route->n_conds + (route->path_kind != HR_SM_NONE) != 1 || route->path_kind == HR_SM_REGEX ||
        (route->path_kind != HR_SM_NONE && route->ignore_case))
        return;
    if (route->n_conds == 1) {
        if (cond->kind != HR_COND_HEADER || cond->match != HR_SM_EXACT || cond->invert ||
            cond->slot > UINT8_MAX)
            return;
        slot->name = (uint8_t)cond->slot;
        key = cond->value;
        kind = HR_KEY_HEADER;
    }
    if (key.len == 0 || key.len > HR_SHORT_KEY)
        return;
    memcpy(slot->key, key.p, key.len);
    slot->len = (uint8_t)key.len;
    slot->whole = (uint8_t)kind;
}

/* Filings in the order of their keys become table entries; several of one key become a list. */
static void fill_slots(maker *m, filing *filings, size_t n) {
    hr_index *index = m->index;
    qsort(filings, n, sizeof(*filings), by_hash_and_number);
    index->mask = power_of_two(n * 2) - 1;
    index->slots = HR_LINES(m->arena, hr_index_slot, index->mask + 1);
    index->lists = HR_ARRAY(m->arena, uint32_t, n + n / 2 + 1);
    if (index->slots == NULL || index->lists == NULL)
        return;
    uint32_t used = 0;
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && filings[end].hash == filings[i].hash;)
            end++;
        if (end - i == 1) {
            keep_key(insert(index, filings[i].hash, filings[i].number),
                     &m->routes->v[filings[i].number]);
            continue;
        }
        insert(index, filings[i].hash, HR_INDEX_LIST | used);
        index->lists[used++] = (uint32_t)(end - i);
        for (size_t k = i; k < end; k++)
            index->lists[used++] = filings[k].number;
    }
}

/* Counts for each key the routes that have it. False if an allocation fails. */
static bool count_keys(maker *m, tally *counts) {
    const hr_route_list *routes = m->routes;
    size_t n_keys = 0;
    for (size_t i = 0; i < routes->n; i++)
        n_keys += (size_t)routes->v[i].n_conds + 1;
    counts->mask = power_of_two(n_keys * 2) - 1;
    counts->v = hr_arena_array(m->temp, counts->mask + 1, sizeof(*counts->v));
    for (size_t i = 0; counts->v != NULL && i < routes->n; i++)
        for (size_t k = 0; k <= routes->v[i].n_conds; k++) {
            route_key key = nth_key(m->temp, &routes->v[i], k);
            if (key.kind != HR_KEY_NONE)
                ++*tally_at(counts, key.hash);
        }
    return !hr_arena_failed(m->temp);
}

static void make_index(maker *m) {
    const hr_route_list *routes = m->routes;
    tally counts = {0};
    filing *filings = HR_ARRAY(m->temp, filing, routes->n);
    size_t n_filed = 0;
    m->prefixes = HR_ARRAY(m->temp, hr_value_prefix, routes->n);
    m->index->others = HR_ARRAY(m->arena, uint32_t, routes->n);
    if (filings == NULL || m->prefixes == NULL || m->index->others == NULL ||
        !count_keys(m, &counts))
        return;
    for (size_t i = 0; i < routes->n; i++) {
        route_key key = choose(m->temp, &counts, &routes->v[i]);
        if (key.kind == HR_KEY_NONE) {
            m->index->others[m->index->n_others++] = (uint32_t)i;
            continue;
        }
        note_name(m, &key);
        filings[n_filed++] = (filing){key.hash, (uint32_t)i};
    }
    keep_value_prefixes(m);
    fill_slots(m, filings, n_filed);
}

const hr_index *hr_index_build(hr_arena *arena, const hr_route_list *routes, size_t n_names) {
    if (routes->n < WORTH_AN_INDEX || routes->n >= HR_INDEX_LIST)
        return NULL;
    maker m = {.arena = arena,
               .temp = hr_arena_new(),
               .routes = routes,
               .n_names = n_names,
               .index = HR_ARRAY(arena, hr_index, 1)};
    if (m.temp != NULL && m.index != NULL)
        m.index->header_slots = HR_ARRAY(arena, uint8_t, n_names / 8 + 1);
    if (m.temp != NULL && !hr_arena_failed(arena))
        make_index(&m);
    if (m.temp == NULL || hr_arena_failed(m.temp))
        hr_arena_fail(arena);
    hr_arena_free(m.temp);
    return m.index;
}
