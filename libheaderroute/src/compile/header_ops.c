/*
 * Compiles header operations of a route and of its destinations in the order in which Envoy
 * applies them.
 */
#include "header_ops.h"

#include <stdlib.h>

#include "header_operations.h"
#include "text.h"

static bool is_authority(hr_str name) {
    return hr_str_eq_nocase(name, HR_STR(":authority")) || hr_str_eq_nocase(name, HR_STR("host"));
}

/* Envoy changes neither pseudo headers nor Host by header operations. */
static bool is_internal(hr_str name) {
    return (name.len > 0 && name.p[0] == ':') || hr_str_eq_nocase(name, HR_STR("host"));
}

hr_str hr_header_ops_authority(const hr_spec_header_operations *in) {
    for (size_t i = in->n_set; i > 0; i--)
        if (is_authority(in->set[i - 1].name) && in->set[i - 1].value.len > 0)
            return in->set[i - 1].value;
    for (size_t i = in->n_add; i > 0; i--)
        if (is_authority(in->add[i - 1].name) && in->add[i - 1].value.len > 0)
            return in->add[i - 1].value;
    return (hr_str){0};
}

typedef HR_LIST(hr_str) str_list;
typedef HR_LIST(hr_pair) pair_list;

/* Istio reads a map, so it sorts by key. */
static int operations_by_name(const void *a, const void *b) {
    return hr_str_cmp(((const hr_pair *)a)->name, ((const hr_pair *)b)->name);
}

static void add_pairs(hr_arena *arena, pair_list *out, const hr_pair *pairs, size_t n) {
    size_t from = out->n;
    for (size_t i = 0; i < n; i++)
        if (!is_internal(pairs[i].name))
            HR_PUSH(arena, out, pairs[i]);
    if (out->n - from > 1)
        qsort(out->v + from, out->n - from, sizeof(*out->v), operations_by_name);
}

static void add_level(hr_arena *arena, str_list *remove, pair_list *set, pair_list *add,
                      const hr_spec_header_operations *in) {
    if (in == NULL)
        return;
    for (size_t i = 0; i < in->n_remove; i++)
        if (!is_internal(in->remove[i]))
            HR_PUSH(arena, remove, in->remove[i]);
    add_pairs(arena, set, in->set, in->n_set);
    add_pairs(arena, add, in->add, in->n_add);
}

const hr_header_ops *hr_header_ops_compile(hr_view_build *vb,
                                           const hr_spec_header_operations *route,
                                           const hr_spec_header_operations *destination) {
    str_list remove = {0};
    pair_list set = {0}, add = {0};
    add_level(vb->arena, &remove, &set, &add, route);
    add_level(vb->arena, &remove, &set, &add, destination);
    if (remove.n + set.n + add.n == 0)
        return NULL;
    hr_header_ops *out = HR_NEW(vb->arena, hr_header_ops);
    *out = (hr_header_ops){remove.v, remove.n, set.v, set.n, add.v, add.n};
    return out;
}
