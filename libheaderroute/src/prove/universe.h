/*
 * Requests as a comparison sees them: attributes (method, path, one header, ...), atoms (one
 * condition on one attribute) and literals (an atom or its negation). A rule is a conjunction of
 * literals. Both sides of a comparison share one universe, so that equal conditions have equal
 * numbers.
 */
#ifndef HR_UNIVERSE_H
#define HR_UNIVERSE_H

#include "domain.h"
#include "language.h"
#include "map.h"

typedef enum hr_attr_kind {
    HR_ATTR_METHOD = 0,
    HR_ATTR_SCHEME,
    HR_ATTR_AUTHORITY,
    HR_ATTR_PATH,
    HR_ATTR_HEADER,
    HR_ATTR_QUERY,
    HR_ATTR_FREE /* a condition that is not modelled: it may hold or not */
} hr_attr_kind;

typedef struct hr_attr {
    hr_attr_kind kind;
    hr_str name; /* of a header, in lower case, or a query parameter */
    hr_domain_kind domain;
    bool optional;      /* it may be absent */
    bool each;          /* a header of several values, of which each is matched for itself */
    bool of_connection; /* a proxy sets it to what the request does not say: `domain` is what it has
                         * in an example, and a real one may have any value */
} hr_attr;

typedef struct hr_atom {
    uint32_t attr;
    bool presence; /* the attribute is there; else one of its values is in the language */
    hr_language language;
} hr_atom;

/* Number of an atom times two; plus one: negated. */
typedef uint32_t hr_literal;

typedef struct hr_values {
    const hr_str *v;
    size_t n; /* 0: the attribute is absent */
} hr_values;

typedef enum hr_truth { HR_NO = 0, HR_YES, HR_MAYBE } hr_truth;

typedef struct hr_universe {
    hr_arena *b;
    HR_LIST(hr_attr) attrs;
    HR_LIST(hr_atom) atoms;
    hr_map keys; /* of attributes, atoms, conjunctions and parts of decisions -> number + 1 */
    uint32_t n_conjunctions, n_parts;
    hr_map solved;                /* literals of one attribute -> hr_solution */
    struct hr_product_room *room; /* solve.c's */
    hr_str authority_example;     /* an authority of those that are looked at; may be absent */
    hr_work work;
} hr_universe;

/* The first four attributes are those of hr_attr_kind, by its numbers. */
void hr_universe_init(hr_universe *u, hr_arena *b, hr_path_normalization normalization,
                      uint64_t work_limit);
uint32_t hr_universe_attr(hr_universe *u, hr_attr_kind kind, hr_str name, bool each);
/* The literal of an attribute being there. */
hr_literal hr_universe_presence(hr_universe *u, uint32_t attr);
/* The literal of a value of the attribute being in a language. */
hr_literal hr_universe_literal(hr_universe *u, uint32_t attr, const hr_language *language);
/* Sorts literals, drops those that repeat, and returns the number of the conjunction. */
uint32_t hr_universe_conjunction(hr_universe *u, hr_literal *literals, uint32_t *n);
/* The number of a text; equal texts have equal numbers. */
uint32_t hr_universe_part(hr_universe *u, hr_str text);

static inline hr_literal hr_not(hr_literal l) {
    return l ^ 1;
}

static inline bool hr_is_negated(hr_literal l) {
    return (l & 1) != 0;
}

static inline hr_atom *hr_atom_of(const hr_universe *u, hr_literal l) {
    return &u->atoms.v[l / 2];
}

/* Whether a literal holds for values of its attribute. */
bool hr_literal_holds(const hr_universe *u, hr_literal l, hr_values values);

#endif
