/*
 * Distinguishes rules without trying them: each route is filed under one thing that a request must
 * have for it (an exact path, a path prefix, a header's value or how it begins, a query value, a
 * method), the rarest it has. A regex is filed under the literal that its matches begin with. A
 * request looks up what it has, and the first route in order among what it finds wins. Routes that
 * have nothing of the kind are tried as a walk would.
 */
#ifndef HR_INDEX_H
#define HR_INDEX_H

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "http_match.h"
#include "view.h"

/* NULL where a walk is as good. */
const hr_index *hr_index_build(hr_arena *arena, const hr_route_list *routes, size_t n_names);

/* ---- the structure, for route/index_find.c ---- */

/* A kind for each row of HR_MATCH_STRINGS. */
#define HR_KEY_OF(type, member, name, cond, ...) HR_KEY_##cond,
typedef enum hr_key_kind {
    HR_KEY_NONE = 0,
    HR_KEY_PATH,
    HR_KEY_PATH_NOCASE,
    HR_KEY_PREFIX,
    HR_KEY_PREFIX_NOCASE,
    HR_KEY_PATH_PREFIX, /* whose next octet in the path, if any, is a slash */
    HR_KEY_HEADER,
    HR_KEY_HEADER_PREFIX, /* of no length: the header is there */
    HR_KEY_QUERY,
    HR_MATCH_STRINGS(HR_KEY_OF) HR_KEY_FULL_PATH,
    HR_KEY_KINDS
} hr_key_kind;

/* The longest key that is kept in the table itself. */
#define HR_SHORT_KEY 21

/* A place in the table. tag 0: free. Where `whole`, a request that has the key fulfils all that the
 * route asks, so that a look at this half of a cache line settles it. */
typedef struct hr_index_slot {
    uint32_t tag;
    uint32_t value; /* a route's number, or HR_INDEX_LIST | where in `lists` */
    uint8_t whole;  /* the key's kind; HR_KEY_NONE: the route's conditions must be asked */
    uint8_t len;
    uint8_t name; /* the number of the header's */
    char key[HR_SHORT_KEY];
} hr_index_slot;

#define HR_INDEX_LIST UINT32_C(0x80000000)

typedef struct hr_length_list {
    size_t *v;
    size_t n;
} hr_length_list;

/* A prefix of that length is asked of the value of the header with that number. */
typedef struct hr_value_prefix {
    uint32_t slot, length;
} hr_value_prefix;

struct hr_index {
    hr_index_slot *slots;
    uint64_t mask;
    uint32_t *lists;  /* each: how many, then route numbers in order */
    uint32_t *others; /* routes that are filed under nothing */
    size_t n_others;
    bool has[HR_KEY_KINDS];
    hr_length_list prefixes, nocase_prefixes, path_prefixes; /* lengths that occur */
    uint8_t *header_slots;           /* a bit for each name: filed under a value */
    hr_value_prefix *value_prefixes; /* that occur, in order */
    size_t n_value_prefixes;
};

/* Length and content of a key; `seed` distinguishes kinds and names. Tags never compare whole keys:
 * a route's own conditions have the last word. */
static inline uint64_t hr_key_hash(uint64_t seed, hr_str value) {
    return XXH3_64bits_withSeed(value.len == 0 ? "" : value.p, value.len, seed);
}

static inline uint64_t hr_key_seed(hr_key_kind kind, uint64_t name) {
    return (name + 1) * UINT64_C(0x9E3779B97F4A7C15) + (uint64_t)kind;
}

static inline uint32_t hr_key_tag(uint64_t hash) {
    return (uint32_t)(hash >> 32) | 1;
}

#endif
