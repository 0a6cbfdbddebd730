/* Finds the first matching route of a request through the index of a route list. */
#include "index_find.h"

#include "query.h"

typedef struct finder {
    const hr_index *index;
    const hr_view_route *routes;
    hr_subject *subject;
    uint32_t best; /* the first match so far */
} finder;

static void try_in_order(finder *f, const uint32_t *numbers, size_t n) {
    for (size_t i = 0; i < n && numbers[i] < f->best; i++)
        if (hr_route_matches(&f->routes[numbers[i]], f->subject))
            f->best = numbers[i];
}

static void try_slot(finder *f, const hr_index_slot *slot) {
    const hr_index *index = f->index;
    uint32_t value = slot->value;
    if (value & HR_INDEX_LIST)
        try_in_order(f, index->lists + (value & ~HR_INDEX_LIST) + 1,
                     index->lists[value & ~HR_INDEX_LIST]);
    else
        try_in_order(f, &value, 1);
}

static void try_key(finder *f, uint64_t hash) {
    const hr_index *index = f->index;
    for (uint64_t i = hash & index->mask; index->slots[i].tag != 0; i = (i + 1) & index->mask)
        if (index->slots[i].tag == hr_key_tag(hash))
            try_slot(f, &index->slots[i]);
}

/* The same for a value that the request has as it stands. */
static void try_value_of(finder *f, hr_key_kind kind, uint32_t name, hr_str value) {
    const hr_index *index = f->index;
    uint64_t hash = hr_key_hash(hr_key_seed(kind, name), value);
    for (uint64_t i = hash & index->mask; index->slots[i].tag != 0; i = (i + 1) & index->mask) {
        const hr_index_slot *slot = &index->slots[i];
        if (slot->tag != hr_key_tag(hash))
            continue;
        if (slot->whole != kind || slot->name != name || slot->len != value.len)
            try_slot(f, slot);
        else if (slot->value < f->best && hr_octets_equal(slot->key, value.p, value.len))
            f->best = slot->value;
    }
}

static void try_prefixes(finder *f, const hr_length_list *lengths, hr_key_kind kind, hr_str path) {
    for (size_t i = 0; i < lengths->n && lengths->v[i] <= path.len; i++)
        try_value_of(f, kind, 0, hr_str_of(path.p, lengths->v[i]));
}

/* Those that the path has whole segments of. */
static void try_path_prefixes(finder *f, const hr_length_list *lengths, hr_str path) {
    for (size_t i = 0; i < lengths->n && lengths->v[i] <= path.len; i++)
        if (lengths->v[i] == path.len || path.p[lengths->v[i]] == '/')
            try_value_of(f, HR_KEY_PATH_PREFIX, 0, hr_str_of(path.p, lengths->v[i]));
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
    if (f->index->has[HR_KEY_PATH_NOCASE])
        try_key(f, hr_key_hash(hr_key_seed(HR_KEY_PATH_NOCASE, 0), path));
    try_prefixes(f, &f->index->nocase_prefixes, HR_KEY_PREFIX_NOCASE, path);
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
    const hr_value_prefix *p = index->value_prefixes, *end = p + index->n_value_prefixes;
    for (p += first_value_prefix(index, slot); p < end && p->slot == slot && p->length <= value.len;
         p++)
        try_key(
            f, hr_key_hash(hr_key_seed(HR_KEY_HEADER_PREFIX, slot), hr_str_of(value.p, p->length)));
}

static bool asked_by_value(const hr_index *index, uint32_t slot) {
    return index->header_slots[slot / 8] >> (slot % 8) & 1;
}

static void try_value(finder *f, uint32_t slot, hr_str value) {
    if (asked_by_value(f->index, slot))
        try_value_of(f, HR_KEY_HEADER, slot, value);
    if (f->index->has[HR_KEY_HEADER_PREFIX])
        try_value_prefixes(f, slot, value);
}

/* The keys that were tried in one request: values that are matched one by one may share many, and
 * the routes filed under a key are looked at once. */
typedef struct key_set {
    uint64_t *v; /* 0: free */
    size_t n, capacity;
} key_set;

static void put_key(key_set *set, uint64_t hash) {
    size_t i = (size_t)hash & (set->capacity - 1);
    while (set->v[i] != 0 && set->v[i] != hash)
        i = (i + 1) & (set->capacity - 1);
    set->n += set->v[i] == 0;
    set->v[i] = hash;
}

static bool grow_keys(key_set *set, hr_scratch *scratch) {
    key_set grown = {.capacity = set->capacity == 0 ? 64 : set->capacity * 2};
    grown.v = hr_scratch_alloc(scratch, grown.capacity * sizeof(*grown.v));
    if (grown.v == NULL)
        return false;
    memset(grown.v, 0, grown.capacity * sizeof(*grown.v));
    for (size_t i = 0; i < set->capacity; i++)
        if (set->v[i] != 0)
            put_key(&grown, set->v[i]);
    *set = grown;
    return true;
}

static bool is_key(const hr_index *index, uint64_t hash) {
    uint64_t i = hash & index->mask;
    while (index->slots[i].tag != 0 && index->slots[i].tag != hr_key_tag(hash))
        i = (i + 1) & index->mask;
    return index->slots[i].tag != 0;
}

static void try_key_once(finder *f, key_set *tried, uint64_t hash) {
    if (!is_key(f->index, hash))
        return;
    if (hash == 0) { /* means "free" in the set */
        try_key(f, hash);
        return;
    }
    if (tried->n * 2 >= tried->capacity && !grow_keys(tried, f->subject->scratch)) {
        f->subject->no_memory = true;
        return;
    }
    size_t before = tried->n;
    put_key(tried, hash);
    if (tried->n > before)
        try_key(f, hash);
}

static void try_each_value(finder *f, uint32_t slot, uint32_t first) {
    const hr_index *index = f->index;
    const hr_subject *s = f->subject;
    const hr_value_prefix *from = index->value_prefixes + first_value_prefix(index, slot);
    const hr_value_prefix *end = index->value_prefixes + index->n_value_prefixes;
    key_set tried = {0};
    for (uint32_t i = first; i != UINT32_MAX; i = s->scratch->links[i]) {
        hr_str value = s->request->headers[i].value;
        if (asked_by_value(index, slot))
            try_key_once(f, &tried, hr_key_hash(hr_key_seed(HR_KEY_HEADER, slot), value));
        for (const hr_value_prefix *p = from; p < end && p->slot == slot && p->length <= value.len;
             p++)
            try_key_once(f, &tried,
                         hr_key_hash(hr_key_seed(HR_KEY_HEADER_PREFIX, slot),
                                     hr_str_of(value.p, p->length)));
    }
}

static void try_headers(finder *f) {
    hr_subject *s = f->subject;
    for (size_t t = 0; t < s->scratch->n_touched; t++) {
        uint32_t slot = s->scratch->touched[t];
        const hr_seen *seen = &s->scratch->seen[slot];
        if (seen->repeat == NULL) {
            try_value(f, slot, s->request->headers[seen->first].value);
            continue;
        }
        if (seen->repeat->each)
            try_each_value(f, slot, seen->first);
        else
            try_value(f, slot, hr_repeat_joined(s, slot));
    }
}

static void try_query(finder *f) {
    const hr_scratch *scratch = f->subject->scratch;
    hr_query_read(f->subject);
    for (size_t i = 0; i < scratch->n_touched_params; i++) {
        uint32_t number = scratch->touched_params[i];
        try_key(f, hr_key_hash(hr_key_seed(HR_KEY_QUERY, number), scratch->params[number].value));
    }
}

#define TRY_STRING(type, member, name, cond, keys, sense, value)                                   \
    if (has[HR_KEY_##cond])                                                                        \
        try_key(f, hr_key_hash(hr_key_seed(HR_KEY_##cond, 0), value));

static void try_strings(finder *f) {
    const bool *has = f->index->has;
    hr_subject *subject = f->subject;
    HR_MATCH_STRINGS(TRY_STRING)
    if (has[HR_KEY_FULL_PATH])
        try_key(f, hr_key_hash(hr_key_seed(HR_KEY_FULL_PATH, 0), subject->full_path));
}

const hr_view_route *hr_index_find(const hr_index *index, const hr_route_list *routes,
                                   hr_subject *subject) {
    finder f = {index, routes->v, subject, UINT32_MAX};
    if (index->has[HR_KEY_HEADER] || index->has[HR_KEY_HEADER_PREFIX])
        try_headers(&f);
    if (index->has[HR_KEY_PATH])
        try_value_of(&f, HR_KEY_PATH, 0, subject->path);
    if (index->has[HR_KEY_PREFIX])
        try_prefixes(&f, &index->prefixes, HR_KEY_PREFIX, subject->path);
    if (index->has[HR_KEY_PATH_PREFIX])
        try_path_prefixes(&f, &index->path_prefixes, subject->path);
    if (index->has[HR_KEY_PATH_NOCASE] || index->has[HR_KEY_PREFIX_NOCASE])
        try_nocase(&f);
    if (index->has[HR_KEY_QUERY])
        try_query(&f);
    try_strings(&f);
    try_in_order(&f, index->others, index->n_others);
    return f.best == UINT32_MAX ? NULL : &routes->v[f.best];
}
