/* Which neighbouring rules can be swapped: each pair is compared with itself the other way round,
 * in every view that has rules of the VirtualService. */
#include <headerroute/order.h>

#include "http_route.h"
#include "resources.h"
#include "swapped_rules.h"
#include "view.h"
#include "views.h"
#include "virtual_service.h"

typedef struct order_view {
    hr_view_options options;
    hr_map authors; /* "namespace/name" of each VirtualService that wrote a rule of the view; the
                     * texts are the table's */
} order_view;

typedef struct order_search {
    hr_table *table;
    hr_arena *arena;
    hr_order_options options;
    HR_LIST(order_view) views;
    bool labels_left_out;
    bool found; /* the VirtualService of the options */
    hr_order_fn fn;
    void *ctx;
} order_search;

const char *hr_order_state_name(hr_order_state state) {
    static const char *const names[] = {[HR_ORDER_FREE] = "free",
                                        [HR_ORDER_MATTERS] = "matters",
                                        [HR_ORDER_UNDECIDED] = "undecided"};
    return (int)state < 0 || (size_t)state >= sizeof(names) / sizeof(names[0]) ? NULL
                                                                               : names[state];
}

/* ---- views ---- */

static void note_author(order_search *s, order_view *view, const hr_origin *origin) {
    if (origin->vs == NULL || origin->author != NULL)
        return;
    hr_map_add(s->arena, &view->authors, origin->vs->id, origin->vs);
    if (origin->delegate.p != NULL)
        hr_map_add(s->arena, &view->authors, origin->delegate, origin->vs);
}

static void note_authors_of_tables(order_search *s, order_view *view, const hr_route_table *tables,
                                   size_t n) {
    for (size_t t = 0; tables != NULL && t < n; t++)
        for (size_t h = 0; h < tables[t].n_vhosts; h++) {
            const hr_route_list *routes = tables[t].vhosts[h].routes;
            for (size_t i = 0; i < routes->n; i++)
                note_author(s, view, routes->v[i].origin);
        }
}

static int add_order_view(order_search *s, const hr_view_options *options) {
    hr_view *view = NULL;
    order_view kept = {.options = *options};
    int error = hr_view_new(&view, s->table, options);
    if (error != HR_OK)
        return error;
    note_authors_of_tables(s, &kept, view->tables, view->n_tables);
    note_authors_of_tables(s, &kept, view->listeners, 1);
    note_authors_of_tables(s, &kept, view->unplaced, 1);
    hr_view_unref(view);
    HR_PUSH(s->arena, &s->views, kept);
    return hr_arena_failed(s->arena) ? HR_ENOMEM : HR_OK;
}

static int collect_order_views(order_search *s) {
    const hr_table *tables[2] = {s->table, s->table};
    hr_view_options base = HR_VIEW_OPTIONS_INIT;
    hr_view_list list = {0};
    if (s->options.view != NULL)
        return add_order_view(s, s->options.view);
    hr_views_collect(s->arena, &list, tables, s->options.base != NULL ? s->options.base : &base);
    s->labels_left_out = list.labels_left_out;
    for (size_t i = 0; i < list.v.n; i++) {
        int error = add_order_view(s, &list.v.v[i]);
        if (error != HR_OK && error != HR_ENOENT)
            return error;
    }
    return hr_arena_failed(s->arena) ? HR_ENOMEM : HR_OK;
}

/* ---- a pair ---- */

/* Compares in one view. `*diff` is NULL if nothing changes there. */
static int swap_in_view(hr_diff **diff, order_search *s, hr_table *swapped,
                        const hr_view_options *view) {
    hr_diff_options options = HR_DIFF_OPTIONS_INIT;
    options.only = s->options.only;
    options.view = view;
    options.max_work = s->options.max_work;
    options.max_steps = s->options.max_steps;
    int error = hr_diff_new(diff, s->table, swapped, &options);
    if (error == HR_OK && hr_diff_region_count(*diff) == 0 && hr_diff_complete(*diff)) {
        hr_diff_free(*diff);
        *diff = NULL;
    }
    return error;
}

/* Sets the state of a pair. `*kept` is freed by the caller. */
static int swap_in_views(hr_neighbours *pair, hr_diff **kept, order_search *s, hr_table *swapped) {
    int error = HR_OK;
    for (size_t i = 0; i < s->views.n && error == HR_OK && pair->state != HR_ORDER_MATTERS; i++) {
        hr_diff *diff = NULL;
        if (hr_map_get(&s->views.v[i].authors, pair->first.virtual_service) == NULL)
            continue;
        error = swap_in_view(&diff, s, swapped, &s->views.v[i].options);
        if (diff == NULL)
            continue;
        bool matters = hr_diff_region_count(diff) > 0;
        if (matters || pair->state == HR_ORDER_FREE) {
            hr_diff_free(*kept);
            *kept = diff;
            pair->state = matters ? HR_ORDER_MATTERS : HR_ORDER_UNDECIDED;
        } else {
            hr_diff_free(diff);
        }
    }
    return error;
}

static void set_reason(hr_neighbours *pair, const order_search *s) {
    hr_diff_undecided u = HR_DIFF_UNDECIDED_INIT;
    if (pair->state == HR_ORDER_FREE && s->labels_left_out) {
        pair->state = HR_ORDER_UNDECIDED;
        pair->reason = HR_STR("more than 32 combinations of source labels");
    } else if (pair->state == HR_ORDER_UNDECIDED &&
               hr_diff_undecided_get(&u, pair->diff, 0) == HR_OK) {
        pair->reason = u.reason;
    }
}

static hr_diff_rule rule_place(hr_str id, const hr_spec_virtual_service *vs, size_t index) {
    return (hr_diff_rule){.virtual_service = id,
                          .route_index = (int32_t)index,
                          .match_index = -1,
                          .file = vs->http[index].pos.file,
                          .line = vs->http[index].pos.line};
}

static int look_at_pair(order_search *s, hr_str id, const hr_spec_virtual_service *vs,
                        size_t index) {
    hr_neighbours pair = {.first = rule_place(id, vs, index),
                          .second = rule_place(id, vs, index + 1)};
    hr_table *swapped = NULL;
    hr_diff *kept = NULL;
    int error = hr_table_swap_rules(&swapped, s->table, id, (int32_t)index);
    if (error == HR_OK && swapped != NULL)
        error = swap_in_views(&pair, &kept, s, swapped);
    pair.diff = kept;
    if (error == HR_OK) {
        set_reason(&pair, s);
        error = s->fn(s->ctx, &pair);
    }
    hr_diff_free(kept);
    hr_table_unref(swapped);
    return error;
}

/* ---- all pairs ---- */

static int look_at_virtual_service(order_search *s, const hr_spec_virtual_service *vs,
                                   hr_map *seen) {
    int error = HR_OK;
    const hr_meta *meta = &vs->meta;
    hr_str id = hr_arena_printf(s->arena, "%.*s/%.*s", (int)meta->namespace_.len,
                                meta->namespace_.p, (int)meta->name.len, meta->name.p);
    /* A name that comes twice is an error of its own. */
    if (hr_arena_failed(s->arena) || hr_map_get(seen, id) != NULL)
        return hr_arena_failed(s->arena) ? HR_ENOMEM : HR_OK;
    hr_map_add(s->arena, seen, id, vs);
    if (s->options.virtual_service.p != NULL && !hr_str_eq(s->options.virtual_service, id))
        return HR_OK;
    s->found = true;
    for (size_t i = 0; i + 1 < vs->n_http && error == HR_OK; i++)
        error = look_at_pair(s, id, vs, i);
    return error;
}

static int run_order(order_search *s) {
    const hr_resources *r = s->table->resources;
    hr_map seen = {0};
    int error = collect_order_views(s);
    for (size_t i = 0; i < r->n_virtual_services && error == HR_OK; i++)
        error = look_at_virtual_service(s, &r->virtual_services[i], &seen);
    if (error != HR_OK)
        return error;
    return s->options.virtual_service.p != NULL && !s->found ? HR_ENOENT : HR_OK;
}

int hr_order_find(hr_table *table, const hr_order_options *options, hr_order_fn fn, void *ctx) {
    static const hr_order_options defaults = HR_ORDER_OPTIONS_INIT;
    order_search s = {
        .table = table, .options = options != NULL ? *options : defaults, .fn = fn, .ctx = ctx};
    if (table == NULL || fn == NULL || s.options.version != HR_ORDER_OPTIONS_VERSION ||
        s.options.only >= 1u << HR_CHANGE_COUNT)
        return HR_EINVAL;
    s.arena = hr_arena_new();
    int error = s.arena == NULL ? HR_ENOMEM : run_order(&s);
    hr_arena_free(s.arena);
    return error;
}
