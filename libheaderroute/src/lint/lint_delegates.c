/*
 * Finds rules of delegates that an earlier rule of the same delegate leaves nothing to. Rules are
 * compared as they are merged with the rules that delegate to them, because merging drops some and
 * changes others; a rule is reported if it is covered wherever it is used.
 */
#include "lint_delegates.h"

#include "diag.h"
#include "http_route.h"
#include "lint_cover.h"
#include "resources.h"
#include "text.h"
#include "virtual_service.h"

/* One match of a delegate's rule, or the rule itself if it has none. */
typedef struct leaf {
    const hr_spec_http_route *rule; /* as the delegate wrote it */
    int32_t route, match;           /* match -1: the rule has none */
    bool reached;
    const struct leaf *cover;
} leaf;

typedef struct leaves {
    hr_linter *l;
    hr_map by_name; /* "DELEGATE route match" -> leaf */
    HR_LIST(leaf *) list;
    hr_map delegates; /* "namespace/name" -> hr_spec_virtual_service */
} leaves;

static leaf *leaf_of(leaves *all, const hr_mesh_http_route *entry, size_t match) {
    hr_arena *arena = all->l->arena;
    int32_t index = entry->match_index != NULL ? entry->match_index[match] : (int32_t)match;
    if (entry->http->n_match == 0 || entry->has_root_matches)
        index = -1;
    hr_str name = hr_arena_printf(arena, "%.*s %d %d", HR_LINT_STR(entry->delegate),
                                  (int)entry->index, (int)index);
    const hr_spec_virtual_service *delegate = hr_map_get(&all->delegates, entry->delegate);
    void **place = hr_map_at(arena, &all->by_name, name);
    if (*place == NULL && delegate != NULL) {
        leaf *made = HR_NEW(arena, leaf);
        *made =
            (leaf){.rule = &delegate->http[entry->index], .route = entry->index, .match = index};
        *place = made;
        HR_PUSH(arena, &all->list, made);
    }
    return *place;
}

static void look_at_match(leaves *all, hr_cover_rules *before, size_t *order,
                          const hr_mesh_http_route *entry, size_t match) {
    leaf *own = leaf_of(all, entry, match);
    const hr_match_request *m = entry->http->n_match == 0 ? NULL : &entry->http->match[match];
    const leaf *cover = hr_cover_rules_find(before, m);
    if (own == NULL)
        return;
    if (cover == NULL || cover == own)
        own->reached = true;
    else if (own->cover == NULL)
        own->cover = cover;
    if (cover == NULL)
        hr_cover_rules_add(before, m, (*order)++, own);
}

/* The rules that one rule of a VirtualService delegates to follow each other. */
static void look_at_delegates(leaves *all, const hr_mesh_virtual_service *vs) {
    hr_cover_rules *before = NULL;
    int32_t root = -1;
    size_t order = 0;
    for (size_t i = 0; i < vs->n_http && !hr_arena_failed(all->l->arena); i++) {
        const hr_mesh_http_route *entry = &vs->http[i];
        if (entry->delegate.p == NULL)
            continue;
        if (before == NULL || entry->root_index != root)
            before = hr_cover_rules_new(all->l);
        root = entry->root_index;
        for (size_t m = 0; m == 0 || m < entry->http->n_match; m++)
            look_at_match(all, before, &order, entry, m);
    }
}

static hr_pos place_of_leaf(const leaf *of) {
    return of->match < 0 ? of->rule->pos : of->rule->match[of->match].pos;
}

static const char *leaf_text(hr_linter *l, const leaf *of) {
    if (of->match < 0)
        return HR_LINT_FIELD(l, "http[%d]", (int)of->route);
    return HR_LINT_FIELD(l, "http[%d].match[%d]", (int)of->route, (int)of->match);
}

static void report_leaf(hr_linter *l, const leaf *of) {
    bool whole = of->match < 0 || of->rule->n_match == 1;
    hr_diag_note(l->d, place_of_leaf(of), "never-matches",
                 HR_LINT_FIELD(l, "spec.%s", leaf_text(l, of)),
                 "%s: %s (line %d) matches every request that would reach it",
                 whole ? "this rule can never match" : "this match is never reached",
                 leaf_text(l, of->cover), place_of_leaf(of->cover).line);
}

void hr_lint_delegates(hr_linter *l) {
    leaves all = {.l = l};
    const hr_resources *r = l->resources;
    for (size_t i = 0; i < r->n_virtual_services; i++) {
        const hr_spec_virtual_service *vs = &r->virtual_services[i];
        hr_str name = hr_arena_printf(l->arena, "%.*s/%.*s", HR_LINT_STR(vs->meta.namespace_),
                                      HR_LINT_STR(vs->meta.name));
        if (vs->hosts.n == 0)
            hr_map_add(l->arena, &all.delegates, name, vs);
    }
    for (size_t i = 0; i < l->table->n_virtual_services && !hr_arena_failed(l->arena); i++)
        look_at_delegates(&all, &l->table->virtual_services[i]);
    for (size_t i = 0; i < all.list.n && !hr_arena_failed(l->arena); i++)
        if (!all.list.v[i]->reached && all.list.v[i]->cover != NULL)
            report_leaf(l, all.list.v[i]);
}
