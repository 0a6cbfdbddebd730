/* One view on two sides: what is known while it is compared, and what was found. */
#ifndef HR_COMPARISON_H
#define HR_COMPARISON_H

#include "hosts.h"

/* Literals of one attribute that hold together, and values for which they do. */
typedef struct hr_box_attr {
    HR_LIST(hr_literal) literals;
    hr_values values;
} hr_box_attr;

/* What a search narrows down. */
typedef struct hr_box {
    hr_box_attr *v; /* by attribute */
    HR_LIST(uint32_t) touched;
} hr_box;

/* A pair of rules that decide a region, one on each side. */
typedef struct hr_pair_of_rules {
    const hr_rule_list *lists[2];
    size_t index[2];
    unsigned changed;  /* hr_change bits */
    bool only_outside; /* the region is what `window` does not hold for */
    hr_literal window;
    /* Where the difference is one of texts that are made of the request's: conditions that make it
     * likely to show. With `only_there`, there is no difference where none of them holds. */
    hr_literal shows[3];
    size_t n_shows;
    bool only_there;
} hr_pair_of_rules;

typedef struct hr_found_region {
    hr_pair_of_rules pair;
    uint32_t cluster;
    hr_diff_region region;
} hr_found_region;

typedef struct hr_comparison {
    hr_arena *b;
    hr_universe u;
    hr_rule_reader reader;
    const hr_view *views[2];
    hr_scratch *scratch;
    unsigned max_steps;
    hr_hosts hosts;
    hr_box box;
    uint32_t *seen; /* region.c's, by conjunction: the last region that met it */
    uint32_t mark;
    size_t *places; /* compare.c's, by conjunction; zero between its uses */
    /* The request that a box is tried with. */
    hr_request request; /* as a client sends it */
    hr_request edge;    /* as rules see it */
    char *edge_room;
    size_t edge_size;
    char *written; /* a path as it is sent */
    size_t written_size;
    HR_LIST(hr_pair) headers, claims;
    HR_LIST(char) path;
    HR_LIST(size_t) blockers; /* of the last search: earlier rules that it had to step around */
    HR_LIST(hr_found_region) regions;
    HR_LIST(hr_diff_undecided) undecided;
    hr_map by_pair;   /* of regions, for locate */
    size_t n_regions; /* all that were compared, changed or not */
} hr_comparison;

/* Marks the arena as failed if an allocation elsewhere has; returns the code. */
static inline int hr_note_no_memory(hr_comparison *c, int error) {
    if (error == HR_ENOMEM)
        hr_arena_fail(c->b);
    return error;
}

/* comparison.c: a comparison of which only the universe is missing. */
void hr_comparison_init(hr_comparison *c, hr_arena *b, const hr_view *before, const hr_view *after,
                        hr_scratch *scratch);
/* Reads the rules of both views. */
void hr_comparison_build(hr_comparison *c);

/* What regions are found by. */
typedef struct hr_region_name {
    uintptr_t v[5];
} hr_region_name;

static inline hr_region_name hr_region_name_of(const hr_rule_list *const lists[2],
                                               const size_t index[2], uint32_t cluster) {
    return (hr_region_name){
        {(uintptr_t)lists[0], (uintptr_t)lists[1], index[0], index[1], cluster}};
}

#endif
