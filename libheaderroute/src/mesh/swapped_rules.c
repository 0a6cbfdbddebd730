/* A table in which two neighbouring rules of a VirtualService stand in the other order. */
#include "swapped_rules.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

typedef struct rule_swap {
    hr_arena *arena;
    hr_str id;
    int32_t index;
    bool moved; /* some list has both rules */
} rule_swap;

/* The number of the rule of `swap->id` that an entry belongs to: for the VirtualService with the
 * hosts all entries of one delegate are one rule. -1: it belongs to another one. */
static int32_t rule_of_entry(const rule_swap *swap, const hr_mesh_virtual_service *vs,
                             const hr_mesh_http_route *entry) {
    if (entry->author != NULL)
        return -1;
    if (hr_str_eq(vs->id, swap->id))
        return entry->root_index;
    return entry->delegate.p != NULL && hr_str_eq(entry->delegate, swap->id) ? entry->index : -1;
}

/* The end of the entries from `at` on that belong to rule `index` and to the same rule of the
 * VirtualService with the hosts as entry `at`. */
static size_t end_of_rule(const rule_swap *swap, const hr_mesh_virtual_service *vs, size_t at,
                          size_t from, int32_t index) {
    bool is_root = hr_str_eq(vs->id, swap->id);
    while (from < vs->n_http && rule_of_entry(swap, vs, &vs->http[from]) == index &&
           (is_root || vs->http[from].root_index == vs->http[at].root_index))
        from++;
    return from;
}

static void swap_in_list(rule_swap *swap, const hr_mesh_virtual_service *vs,
                         hr_mesh_http_route *out) {
    size_t i = 0;
    while (i < vs->n_http) {
        size_t middle = end_of_rule(swap, vs, i, i, swap->index);
        size_t end = middle == i ? i : end_of_rule(swap, vs, i, middle, swap->index + 1);
        if (middle == i || end == middle) {
            out[i] = vs->http[i];
            i++;
            continue;
        }
        memcpy(out + i, vs->http + middle, (end - middle) * sizeof(*out));
        memcpy(out + i + (end - middle), vs->http + i, (middle - i) * sizeof(*out));
        swap->moved = true;
        i = end;
    }
}

static const hr_mesh_virtual_service *swapped_virtual_service(rule_swap *swap,
                                                              const hr_mesh_virtual_service *vs) {
    bool concerned = false;
    for (size_t i = 0; i < vs->n_http && !concerned; i++)
        concerned = rule_of_entry(swap, vs, &vs->http[i]) == swap->index;
    if (!concerned)
        return vs;
    hr_mesh_virtual_service *copy = HR_NEW(swap->arena, hr_mesh_virtual_service);
    hr_mesh_http_route *http = HR_ARRAY(swap->arena, hr_mesh_http_route, vs->n_http);
    if (http == NULL)
        return vs;
    *copy = *vs;
    copy->http = http;
    swap_in_list(swap, vs, http);
    return copy;
}

static void swap_all(rule_swap *swap, hr_table *out, const hr_table *table) {
    out->all_rules = HR_ARRAY(swap->arena, const hr_mesh_virtual_service *, table->n_all_rules);
    for (size_t i = 0; out->all_rules != NULL && i < table->n_all_rules; i++)
        out->all_rules[i] = swapped_virtual_service(swap, table->all_rules[i]);
}

int hr_table_swap_rules(hr_table **out, hr_table *table, hr_str id, int32_t index) {
    *out = NULL;
    hr_arena *arena = hr_arena_new();
    hr_table *copy = arena == NULL ? NULL : malloc(sizeof(*copy));
    if (copy == NULL) {
        hr_arena_free(arena);
        return HR_ENOMEM;
    }
    rule_swap swap = {.arena = arena, .id = id, .index = index};
    /* Without the count, which other threads change. */
    size_t kept = offsetof(hr_table, origin);
    memcpy((char *)copy + kept, (const char *)table + kept, sizeof(*copy) - kept);
    atomic_init(&copy->references, 1);
    copy->arena = arena;
    copy->origin = hr_table_ref(table);
    swap_all(&swap, copy, table);
    if (hr_arena_failed(arena) || !swap.moved) {
        int error = hr_arena_failed(arena) ? HR_ENOMEM : HR_OK;
        hr_table_unref(copy);
        return error;
    }
    *out = copy;
    return HR_OK;
}
