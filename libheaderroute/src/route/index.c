#include "index.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "match.h"
#include "regex.h"

/* Fewer routes than this are walked. */
#define WORTH_AN_INDEX 6

typedef enum key_kind {
    KEY_NONE = 0,
    KEY_PATH,
    KEY_PATH_NOCASE,
    KEY_PREFIX,
    KEY_PREFIX_NOCASE,
    KEY_HEADER,
    KEY_HEADER_PREFIX, /* of no length: the header is there */
    KEY_QUERY,
    KEY_METHOD,
    KEY_SCHEME,
    KEY_AUTHORITY,
    KEY_FULL_PATH,
    KEY_KINDS
} key_kind;

/* The longest key that is kept in the table itself. */
#define SHORT_KEY 21

/* A place in the table. tag 0: free. Where `whole`, a request that has the key fulfils all that the route asks,
 * so that a look at this half of a cache line settles it. */
typedef struct index_slot {
    uint32_t tag;
    uint32_t value; /* a route's number, or LIST | where in `lists` */
    uint8_t whole;  /* the key's kind; KEY_NONE: the route's conditions must be asked */
    uint8_t len;
    uint8_t name;   /* the number of the header's */
    char key[SHORT_KEY];
} index_slot;

#define LIST UINT32_C(0x80000000)

typedef struct length_list {
    size_t *v;
    size_t n;
} length_list;

/* A prefix of that length is asked of the value of the header with that number. */
typedef struct value_prefix {
    uint32_t slot, length;
} value_prefix;

struct hr_index {
    index_slot *slots;
    uint64_t mask;
    uint32_t *lists; /* each: how many, then route numbers in order */
    uint32_t *others; /* routes that are filed under nothing */
    size_t n_others;
    bool has[KEY_KINDS];
    length_list prefixes, nocase_prefixes; /* lengths that occur */
    uint8_t *header_slots;                 /* a bit for each name: filed under a value */
    value_prefix *value_prefixes;          /* that occur, in order */
    size_t n_value_prefixes;
};

/* Length and content of a key; `seed` tells kinds and names apart. Tags never compare whole keys: a
 * route's own conditions have the last word. */
static inline uint64_t key_hash(uint64_t seed, hr_str value) {
    return XXH3_64bits_withSeed(value.len == 0 ? "" : value.p, value.len, seed);
}

static inline uint64_t seed_of(key_kind kind, uint64_t name) {
    return (name + 1) * UINT64_C(0x9E3779B97F4A7C15) + (uint64_t)kind;
}

static inline uint32_t tag_of(uint64_t hash) {
    return (uint32_t)(hash >> 32) | 1;
}

/* ---- looking up ---- */

typedef struct finder {
    const hr_index *index;
    const hr_croute *routes;
    hr_subject *subject;
    uint32_t best; /* the first match so far */
} finder;

static void try_in_order(finder *f, const uint32_t *numbers, size_t n) {
    for (size_t i = 0; i < n && numbers[i] < f->best; i++)
        if (hr_route_matches(&f->routes[numbers[i]], f->subject))
            f->best = numbers[i];
}

static void try_slot(finder *f, const index_slot *slot) {
    const hr_index *index = f->index;
    uint32_t value = slot->value;
    if (value & LIST)
        try_in_order(f, index->lists + (value & ~LIST) + 1, index->lists[value & ~LIST]);
    else
        try_in_order(f, &value, 1);
}

static void try_key(finder *f, uint64_t hash) {
    const hr_index *index = f->index;
    for (uint64_t i = hash & index->mask; index->slots[i].tag != 0; i = (i + 1) & index->mask)
        if (index->slots[i].tag == tag_of(hash))
            try_slot(f, &index->slots[i]);
}

/* The same for a value that the request has as it stands. */
static void try_value_of(finder *f, key_kind kind, uint32_t name, hr_str value) {
    const hr_index *index = f->index;
    uint64_t hash = key_hash(seed_of(kind, name), value);
    for (uint64_t i = hash & index->mask; index->slots[i].tag != 0; i = (i + 1) & index->mask) {
        const index_slot *slot = &index->slots[i];
        if (slot->tag != tag_of(hash))
            continue;
        if (slot->whole != kind || slot->name != name || slot->len != value.len)
            try_slot(f, slot);
        else if (slot->value < f->best && hr_octets_equal(slot->key, value.p, value.len))
            f->best = slot->value;
    }
}

static void try_prefixes(finder *f, const length_list *lengths, key_kind kind, hr_str path) {
    for (size_t i = 0; i < lengths->n && lengths->v[i] <= path.len; i++)
        try_value_of(f, kind, 0, hr_str_of(path.p, lengths->v[i]));
}

static void try_nocase(finder *f) {
    hr_str path = f->subject->path;
    char *lower = hr_scratch_alloc(f->subject->scratch, path.len + 1);
    if (lower == NULL) {
        f->subject->no_memory = true;
        return;
    }
    for (size_t i = 0; i < path.len; i++)
        lower[i] = hr_lower(path.p[i]);
    path.p = lower;
    if (f->index->has[KEY_PATH_NOCASE])
        try_key(f, key_hash(seed_of(KEY_PATH_NOCASE, 0), path));
    try_prefixes(f, &f->index->nocase_prefixes, KEY_PREFIX_NOCASE, path);
}

/* The first of the prefixes asked of header number `slot`. */
static size_t first_value_prefix(const hr_index *index, uint32_t slot) {
    size_t low = 0, high = index->n_value_prefixes;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index->value_prefixes[middle].slot < slot)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void try_value_prefixes(finder *f, uint32_t slot, hr_str value) {
    const hr_index *index = f->index;
    const value_prefix *p = index->value_prefixes, *end = p + index->n_value_prefixes;
    for (p += first_value_prefix(index, slot); p < end && p->slot == slot && p->length <= value.len; p++)
        try_key(f, key_hash(seed_of(KEY_HEADER_PREFIX, slot), hr_str_of(value.p, p->length)));
}

static void try_value(finder *f, uint32_t slot, hr_str value, bool repeated) {
    if (f->index->header_slots[slot / 8] >> (slot % 8) & 1) {
        if (repeated)
            try_key(f, key_hash(seed_of(KEY_HEADER, slot), value));
        else
            try_value_of(f, KEY_HEADER, slot, value);
    }
    if (f->index->has[KEY_HEADER_PREFIX])
        try_value_prefixes(f, slot, value);
}

static void try_headers(finder *f) {
    hr_subject *s = f->subject;
    for (size_t t = 0; t < s->scratch->n_touched; t++) {
        uint32_t slot = s->scratch->touched[t];
        const hr_seen *seen = &s->scratch->seen[slot];
        if (!seen->repeated) {
            try_value(f, slot, s->request->headers[seen->first].value, false);
            continue;
        }
        hr_str name = s->names->v[slot];
        try_value(f, slot, hr_header_value(s, name), true);
        for (size_t i = seen->first; i < s->request->n_headers; i++) /* for conditions that want one of them */
            if (hr_str_eq_nocase(s->request->headers[i].name, name))
                try_value(f, slot, s->request->headers[i].value, true);
    }
}

static void try_query(finder *f) {
    const hr_subject *s = f->subject;
    size_t at = s->path.len + 1;
    while (at <= s->full_path.len && s->path.len < s->full_path.len) {
        size_t end = hr_str_find(s->full_path, '&', at);
        hr_str item = hr_str_from_to(s->full_path, at, end);
        size_t equals = hr_str_find(item, '=', 0);
        uint64_t name = key_hash(0, hr_str_of(item.p, equals));
        hr_str value = equals < item.len ? hr_str_tail(item, equals + 1) : HR_STR("");
        try_key(f, key_hash(seed_of(KEY_QUERY, name), value));
        at = end + 1;
    }
}

static void try_pseudo(finder *f) {
    const bool *has = f->index->has;
    const hr_subject *s = f->subject;
    if (has[KEY_METHOD])
        try_key(f, key_hash(seed_of(KEY_METHOD, 0), s->method));
    if (has[KEY_SCHEME])
        try_key(f, key_hash(seed_of(KEY_SCHEME, 0), s->scheme));
    if (has[KEY_AUTHORITY])
        try_key(f, key_hash(seed_of(KEY_AUTHORITY, 0), s->authority));
    if (has[KEY_FULL_PATH])
        try_key(f, key_hash(seed_of(KEY_FULL_PATH, 0), s->full_path));
}

const hr_croute *hr_index_find(const hr_index *index, const hr_route_list *routes, hr_subject *subject) {
    finder f = {index, routes->v, subject, UINT32_MAX};
    if (index->has[KEY_HEADER] || index->has[KEY_HEADER_PREFIX])
        try_headers(&f);
    if (index->has[KEY_PATH])
        try_value_of(&f, KEY_PATH, 0, subject->path);
    if (index->has[KEY_PREFIX])
        try_prefixes(&f, &index->prefixes, KEY_PREFIX, subject->path);
    if (index->has[KEY_PATH_NOCASE] || index->has[KEY_PREFIX_NOCASE])
        try_nocase(&f);
    if (index->has[KEY_QUERY])
        try_query(&f);
    try_pseudo(&f);
    try_in_order(&f, index->others, index->n_others);
    return f.best == UINT32_MAX ? NULL : &routes->v[f.best];
}

/* ---- making ---- */

typedef struct route_key {
    key_kind kind;
    uint64_t hash;
    size_t length;    /* of a prefix */
    uint32_t slot;    /* of a header's name */
} route_key;

static route_key make_key(key_kind kind, uint64_t name, hr_str value) {
    return (route_key){.kind = kind, .hash = key_hash(seed_of(kind, name), value), .length = value.len,
                       .slot = (uint32_t)name};
}

static route_key path_key(hr_arena *temp, const hr_croute *route) {
    char *buf = HR_ARRAY(temp, char, route->path.len + 1);
    if (buf == NULL)
        return (route_key){.kind = KEY_NONE};
    hr_str path = route->path;
    if (route->path_kind == HR_SM_REGEX) {
        path = hr_regex_literal_prefix(path, buf, NULL);
    } else if (route->ignore_case) {
        for (size_t i = 0; i < path.len; i++)
            buf[i] = hr_lower(path.p[i]);
        path.p = buf;
    }
    if (route->path_kind == HR_SM_EXACT)
        return make_key(route->ignore_case ? KEY_PATH_NOCASE : KEY_PATH, 0, path);
    bool prefix = route->path_kind == HR_SM_PREFIX || route->path_kind == HR_SM_REGEX;
    if (!prefix || path.len <= 1)
        return (route_key){.kind = KEY_NONE};
    bool nocase = route->ignore_case && route->path_kind == HR_SM_PREFIX;
    return make_key(nocase ? KEY_PREFIX_NOCASE : KEY_PREFIX, 0, path);
}

/* What the value of a header begins with, if it is no exact one. */
static route_key value_prefix_key(hr_arena *temp, const hr_cond *cond) {
    hr_str prefix = cond->match == HR_SM_PREFIX ? cond->value : HR_STR("");
    char *buf = cond->match == HR_SM_REGEX ? HR_ARRAY(temp, char, cond->value.len + 1) : NULL;
    if (buf != NULL)
        prefix = hr_regex_literal_prefix(cond->value, buf, NULL);
    return make_key(KEY_HEADER_PREFIX, cond->slot, prefix);
}

static route_key cond_key(hr_arena *temp, const hr_cond *cond) {
    if (cond->kind == HR_COND_HEADER && cond->match != HR_SM_EXACT && !cond->invert)
        return value_prefix_key(temp, cond);
    if (cond->match != HR_SM_EXACT || cond->invert)
        return (route_key){.kind = KEY_NONE};
    switch ((hr_cond_kind)cond->kind) {
    case HR_COND_HEADER:
        return make_key(KEY_HEADER, cond->slot, cond->value);
    case HR_COND_QUERY:
        return make_key(KEY_QUERY, key_hash(0, cond->name), cond->value);
    case HR_COND_METHOD:
        return make_key(KEY_METHOD, 0, cond->value);
    case HR_COND_SCHEME:
        return make_key(KEY_SCHEME, 0, cond->value);
    case HR_COND_AUTHORITY:
        return make_key(KEY_AUTHORITY, 0, cond->value);
    case HR_COND_FULL_PATH:
        return make_key(KEY_FULL_PATH, 0, cond->value);
    default:
        return (route_key){.kind = KEY_NONE};
    }
}

/* How many routes could be filed under a key. */
typedef struct tally {
    struct {
        uint64_t hash;
        uint32_t n;
    } *v;
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
    value_prefix *prefixes; /* one a route at most, until they are sorted */
    size_t n_prefixes;
} maker;

static uint64_t power_of_two(uint64_t least) {
    uint64_t n = 16;
    while (n < least)
        n *= 2;
    return n;
}

static void add_length(hr_arena *arena, length_list *list, size_t length) {
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

static void note(maker *m, const route_key *key) {
    hr_index *index = m->index;
    index->has[key->kind] = true;
    if (key->kind == KEY_PREFIX)
        add_length(m->arena, &index->prefixes, key->length);
    else if (key->kind == KEY_PREFIX_NOCASE)
        add_length(m->arena, &index->nocase_prefixes, key->length);
    else if (key->kind == KEY_HEADER)
        index->header_slots[key->slot / 8] |= (uint8_t)(1U << (key->slot % 8));
    else if (key->kind == KEY_HEADER_PREFIX)
        m->prefixes[m->n_prefixes++] = (value_prefix){key->slot, (uint32_t)key->length};
}

static int by_slot_and_length(const void *a, const void *b) {
    const value_prefix *x = a, *y = b;
    if (x->slot != y->slot)
        return x->slot < y->slot ? -1 : 1;
    return x->length < y->length ? -1 : x->length > y->length;
}

static void keep_value_prefixes(maker *m) {
    value_prefix *v = m->prefixes;
    size_t n = 0;
    if (m->n_prefixes > 1)
        qsort(v, m->n_prefixes, sizeof(*v), by_slot_and_length);
    for (size_t i = 0; i < m->n_prefixes; i++)
        if (i == 0 || by_slot_and_length(&v[i], &v[n - 1]) != 0)
            v[n++] = v[i];
    m->index->value_prefixes = HR_ARRAY(m->arena, value_prefix, n);
    if (m->index->value_prefixes == NULL)
        return;
    m->index->n_value_prefixes = n;
    if (n > 0)
        memcpy(m->index->value_prefixes, v, n * sizeof(*v));
}

static route_key nth_key(hr_arena *temp, const hr_croute *route, size_t n) {
    return n == 0 ? path_key(temp, route) : cond_key(temp, &route->conds[n - 1]);
}

/* The rarest key of a route; the path's before the others among equals. */
static route_key choose(hr_arena *temp, tally *counts, const hr_croute *route) {
    route_key best = {.kind = KEY_NONE};
    uint32_t fewest = UINT32_MAX;
    for (size_t k = 0; k <= route->n_conds; k++) {
        route_key key = nth_key(temp, route, k);
        if (key.kind == KEY_NONE || *tally_at(counts, key.hash) >= fewest)
            continue;
        fewest = *tally_at(counts, key.hash);
        best = key;
    }
    return best;
}

static index_slot *insert(hr_index *index, uint64_t hash, uint32_t value) {
    uint64_t i = hash & index->mask;
    while (index->slots[i].tag != 0)
        i = (i + 1) & index->mask;
    index->slots[i] = (index_slot){.tag = tag_of(hash), .value = value};
    return &index->slots[i];
}

/* Keeps the one thing that a route asks in its slot. */
static void keep_key(index_slot *slot, const hr_croute *route) {
    hr_str key = route->path;
    key_kind kind = route->path_kind == HR_SM_EXACT ? KEY_PATH : KEY_PREFIX;
    const hr_cond *cond = route->conds;
    if (route->n_conds + (route->path_kind != HR_SM_NONE) != 1 || route->path_kind == HR_SM_REGEX ||
        (route->path_kind != HR_SM_NONE && route->ignore_case))
        return;
    if (route->n_conds == 1) {
        if (cond->kind != HR_COND_HEADER || cond->match != HR_SM_EXACT || cond->invert || cond->slot > UINT8_MAX)
            return;
        slot->name = (uint8_t)cond->slot;
        key = cond->value;
        kind = KEY_HEADER;
    }
    if (key.len == 0 || key.len > SHORT_KEY)
        return;
    memcpy(slot->key, key.p, key.len);
    slot->len = (uint8_t)key.len;
    slot->whole = (uint8_t)kind;
}

/* Filings in the order of their keys become table entries; several of one key become a list. */
static void fill(maker *m, filing *filings, size_t n) {
    hr_index *index = m->index;
    qsort(filings, n, sizeof(*filings), by_hash_and_number);
    index->mask = power_of_two(n * 2) - 1;
    index->slots = HR_LINES(m->arena, index_slot, index->mask + 1);
    index->lists = HR_ARRAY(m->arena, uint32_t, n + n / 2 + 1);
    if (index->slots == NULL || index->lists == NULL)
        return;
    uint32_t used = 0;
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && filings[end].hash == filings[i].hash;)
            end++;
        if (end - i == 1) {
            keep_key(insert(index, filings[i].hash, filings[i].number), &m->routes->v[filings[i].number]);
            continue;
        }
        insert(index, filings[i].hash, LIST | used);
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
            if (key.kind != KEY_NONE)
                ++*tally_at(counts, key.hash);
        }
    return !hr_arena_failed(m->temp);
}

static void make(maker *m) {
    const hr_route_list *routes = m->routes;
    tally counts = {0};
    filing *filings = HR_ARRAY(m->temp, filing, routes->n);
    size_t n_filed = 0;
    m->prefixes = HR_ARRAY(m->temp, value_prefix, routes->n);
    m->index->others = HR_ARRAY(m->arena, uint32_t, routes->n);
    if (filings == NULL || m->prefixes == NULL || m->index->others == NULL || !count_keys(m, &counts))
        return;
    for (size_t i = 0; i < routes->n; i++) {
        route_key key = choose(m->temp, &counts, &routes->v[i]);
        if (key.kind == KEY_NONE) {
            m->index->others[m->index->n_others++] = (uint32_t)i;
            continue;
        }
        note(m, &key);
        filings[n_filed++] = (filing){key.hash, (uint32_t)i};
    }
    keep_value_prefixes(m);
    fill(m, filings, n_filed);
}

const hr_index *hr_index_build(hr_arena *arena, const hr_route_list *routes, size_t n_names) {
    if (routes->n < WORTH_AN_INDEX || routes->n >= LIST)
        return NULL;
    maker m = {.arena = arena, .temp = hr_arena_new(), .routes = routes, .n_names = n_names,
               .index = HR_ARRAY(arena, hr_index, 1)};
    if (m.temp != NULL && m.index != NULL)
        m.index->header_slots = HR_ARRAY(arena, uint8_t, n_names / 8 + 1);
    if (m.temp != NULL && !hr_arena_failed(arena))
        make(&m);
    if (m.temp == NULL || hr_arena_failed(m.temp))
        hr_arena_fail(arena);
    hr_arena_free(m.temp);
    return m.index;
}
