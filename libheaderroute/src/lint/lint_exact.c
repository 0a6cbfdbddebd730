/*
 * Finds rules that no request reaches because several earlier rules together take all requests, or
 * because their own conditions exclude each other. lint_cover.c finds those that one earlier rule
 * covers; here the search for a request decides, in every view in which a rule takes part.
 *
 * In the mesh the rules of a VirtualService depend on the port that is called, on the caller's
 * labels and on its namespace as far as rules name it. More labels only add rules in front, so that
 * a rule is easiest to reach for a caller with its own labels and no others.
 */
#include "lint_exact.h"

#include "diag.h"
#include "gateway.h"
#include "host_names.h"
#include "http_match.h"
#include "http_route.h"
#include "lint_callers.h"
#include "text.h"
#include "unreached.h"
#include "virtual_service.h"

#define MOST_RULES 2000 /* of one VirtualService */
#define MOST_ALL_RULES 30000
#define MOST_VIEWS 400 /* of a load */
#define MOST_EARLIER 6 /* earlier rules that a finding lists */
#define MOST_WORK UINT64_C(100000000)

/* A rule's place, also after the view is gone that it was compiled for. */
typedef struct earlier_rule {
    const hr_mesh_virtual_service *vs;
    hr_str delegate, file;
    int32_t route, match;
    int line;
} earlier_rule;

/* One match of a rule, or the rule itself if it has none. */
typedef struct exact_rule {
    const hr_mesh_virtual_service *vs;
    const hr_spec_http_route *http;
    int32_t route, match; /* match -1: the rule has none */
    bool seen, reached;
    HR_LIST(earlier_rule) earlier;
} exact_rule;

typedef struct exact {
    hr_linter *l;
    hr_map by_name; /* -> exact_rule */
    HR_LIST(exact_rule *) rules;
    HR_LIST(hr_view_options) views;
    hr_map view_names;
    size_t open; /* rules that nothing has reached yet */
    uint64_t work;
    bool incomplete; /* there are more views than are looked at */
} exact;

static hr_str exact_name(hr_linter *l, const hr_mesh_virtual_service *vs, int32_t route,
                         int32_t match) {
    return hr_arena_printf(l->arena, "%.*s %d %d", HR_LINT_STR(vs->id), (int)route, (int)match);
}

/* ---- rules ---- */

/* Where a Gateway's pods run, and with which labels, need not be loaded; and a Gateway that is not
 * loaded may have servers on any port. */
static bool has_unsure_rules(hr_linter *l, const hr_mesh_virtual_service *vs) {
    bool gateway = false, sources = false;
    for (size_t i = 0; i < vs->n_gateways; i++) {
        if (hr_str_eq_c(vs->gateways[i], "mesh"))
            continue;
        gateway = true;
        if (hr_map_get(&l->gateways_by_id, vs->gateways[i]) == NULL)
            return true;
    }
    for (size_t i = 0; i < vs->n_http; i++)
        for (size_t m = 0; m < vs->http[i].http->n_match; m++)
            sources |= vs->http[i].http->match[m].n_source_labels > 0 ||
                       vs->http[i].http->match[m].source_namespace.len > 0;
    return gateway && sources;
}

static void add_exact_rule(exact *e, const hr_mesh_virtual_service *vs, size_t index,
                           int32_t match) {
    hr_arena *arena = e->l->arena;
    int32_t route = vs->http[index].index;
    if (hr_lint_is_unreached(e->l, &vs->resource->meta, route, match))
        return;
    exact_rule *rule = HR_NEW(arena, exact_rule);
    *rule = (exact_rule){.vs = vs, .http = vs->http[index].http, .route = route, .match = match};
    hr_map_add(arena, &e->by_name, exact_name(e->l, vs, route, match), rule);
    HR_PUSH(arena, &e->rules, rule);
}

static void add_exact_rules(exact *e, const hr_mesh_virtual_service *vs) {
    if (vs->n_http > MOST_RULES || has_unsure_rules(e->l, vs))
        return;
    for (size_t i = 0; i < vs->n_http && !hr_arena_failed(e->l->arena); i++) {
        const hr_mesh_http_route *entry = &vs->http[i];
        if (entry->delegate.p != NULL) /* lint_delegates.c */
            continue;
        if (entry->http->n_match == 0)
            add_exact_rule(e, vs, i, -1);
        for (size_t m = 0; m < entry->http->n_match; m++)
            add_exact_rule(e, vs, i,
                           entry->match_index != NULL ? entry->match_index[m] : (int32_t)m);
    }
}

/* ---- views ---- */

static void add_exact_view(exact *e, hr_str gateway, hr_str namespace_, uint16_t port,
                           const hr_match_request *labels) {
    hr_arena *arena = e->l->arena;
    hr_view_options view = HR_VIEW_OPTIONS_INIT;
    hr_unreached_options(&view);
    view.gateway = gateway;
    view.namespace_ = namespace_;
    view.port = port;
    if (labels != NULL) {
        view.source_labels = labels->source_labels;
        view.n_source_labels = labels->n_source_labels;
    }
    hr_str name = hr_arena_printf(arena, "%.*s %.*s %u", HR_LINT_STR(gateway),
                                  HR_LINT_STR(namespace_), (unsigned)port);
    for (size_t i = 0; i < view.n_source_labels; i++)
        name = hr_arena_printf(arena, "%.*s %.*s=%.*s", HR_LINT_STR(name),
                               HR_LINT_STR(view.source_labels[i].name),
                               HR_LINT_STR(view.source_labels[i].value));
    if (hr_map_get(&e->view_names, name) != NULL)
        return;
    if (e->views.n == MOST_VIEWS) {
        e->incomplete = true;
        return;
    }
    hr_map_add(arena, &e->view_names, name, e);
    HR_PUSH(arena, &e->views, view);
}

static void add_gateway_views(exact *e, const hr_mesh_virtual_service *vs) {
    for (size_t i = 0; i < vs->n_gateways; i++) {
        const hr_mesh_gateway *gateway = hr_table_find_gateway(e->l->table, vs->gateways[i]);
        for (size_t s = 0; gateway != NULL && s < gateway->resource->n_servers; s++)
            add_exact_view(e, gateway->id, (hr_str){0}, gateway->ports[s], NULL);
    }
}

/* The caller has no label that a rule names, or those of one match. */
static void add_views_of_callers(exact *e, const hr_mesh_virtual_service *vs, hr_str namespace_,
                                 uint16_t port) {
    add_exact_view(e, HR_STR("mesh"), namespace_, port, NULL);
    for (size_t i = 0; i < vs->n_http; i++)
        for (size_t m = 0; m < vs->http[i].http->n_match; m++)
            if (vs->http[i].http->match[m].n_source_labels > 0)
                add_exact_view(e, HR_STR("mesh"), namespace_, port, &vs->http[i].http->match[m]);
}

/* Namespaces that rules name, and one that they do not. */
static void add_views_of_port(exact *e, const hr_mesh_virtual_service *vs, uint16_t port) {
    if (vs->public_)
        add_views_of_callers(e, vs, HR_STR("any-other-namespace"), port);
    for (size_t i = 0; i < vs->n_export_to; i++)
        add_views_of_callers(e, vs, vs->export_to[i], port);
    for (size_t i = 0; i < vs->n_http; i++)
        for (size_t m = 0; m < vs->http[i].http->n_match; m++)
            if (vs->http[i].http->match[m].source_namespace.len > 0)
                add_views_of_callers(e, vs, vs->http[i].http->match[m].source_namespace, port);
}

static bool has_host(const hr_mesh_virtual_service *vs, const hr_mesh_service *svc) {
    for (size_t h = 0; h < vs->n_hosts; h++)
        if (hr_host_overlaps(vs->hosts[h], svc->host))
            return true;
    return false;
}

static void add_mesh_views(exact *e, const hr_mesh_virtual_service *vs) {
    const hr_registry *registry = &e->l->table->registry;
    add_views_of_port(e, vs, 80);
    for (size_t i = 0; i < registry->n_services; i++)
        if (has_host(vs, registry->services[i]))
            for (size_t p = 0; p < registry->services[i]->n_ports; p++)
                add_views_of_port(e, vs, registry->services[i]->ports[p].number);
}

static void add_exact_views(exact *e, const hr_mesh_virtual_service *vs) {
    add_gateway_views(e, vs);
    if (hr_lint_bound_to(vs, HR_STR("mesh")))
        add_mesh_views(e, vs);
}

/* ---- answers ---- */

static exact_rule *exact_rule_of(exact *e, const hr_view_route *route) {
    const hr_origin *origin = route->origin;
    if (origin == NULL || origin->vs == NULL || origin->delegate.p != NULL)
        return NULL;
    return hr_map_get(&e->by_name,
                      exact_name(e->l, origin->vs, route->route_index, route->match_index));
}

static bool asks_for(void *ctx, const hr_view_route *route) {
    const exact_rule *rule = exact_rule_of(ctx, route);
    return rule != NULL && !rule->reached;
}

static void set_reached(exact *e, exact_rule *rule) {
    e->open -= !rule->reached;
    rule->reached = true;
}

static void note_earlier(exact *e, exact_rule *rule, const hr_view_route *route) {
    hr_arena *arena = e->l->arena;
    for (size_t i = 0; i < rule->earlier.n; i++) {
        const earlier_rule *known = &rule->earlier.v[i];
        if (known->vs == route->origin->vs && known->route == route->route_index &&
            known->match == route->match_index &&
            hr_str_eq(known->delegate, route->origin->delegate))
            return;
    }
    const earlier_rule earlier = {.vs = route->origin->vs,
                                  .delegate = hr_arena_copy(arena, route->origin->delegate),
                                  .file = hr_arena_copy(arena, route->origin->file),
                                  .route = route->route_index,
                                  .match = route->match_index,
                                  .line = route->line};
    HR_PUSH(arena, &rule->earlier, earlier);
}

/* Rules of other VirtualServices are there only for pods that these are exported to; those of the
 * Gateway API are none of a VirtualService. */
static bool is_sure(const exact_rule *rule, const hr_view_route *earlier) {
    const hr_mesh_virtual_service *other = earlier->origin->vs;
    if (other == NULL || other->gateway_api)
        return false;
    return other == rule->vs || (other->public_ && rule->vs->public_);
}

static void take_answer(void *ctx, const hr_view_route *route, bool never,
                        const hr_view_route *const *earlier, size_t n) {
    exact *e = ctx;
    exact_rule *rule = exact_rule_of(e, route);
    bool sure = true;
    for (size_t i = 0; i < n; i++)
        sure = sure && is_sure(rule, earlier[i]);
    if (!never || !sure) {
        set_reached(e, rule);
        return;
    }
    rule->seen = true;
    for (size_t i = 0; i < n; i++)
        note_earlier(e, rule, earlier[i]);
}

static int look_through_views(exact *e) {
    const hr_unreached_question question = {asks_for, take_answer, e};
    int error = HR_OK;
    for (size_t i = 0; i < e->views.n && e->open > 0 && error == HR_OK; i++) {
        hr_view *view = NULL;
        error = hr_view_new(&view, e->l->table, &e->views.v[i]);
        if (error == HR_OK && e->work > 0)
            error = hr_unreached_find(view, &question, &e->work);
        else if (error == HR_ENOENT) /* a server that does not read HTTP */
            error = HR_OK;
        hr_view_unref(view);
    }
    return error;
}

/* ---- findings ---- */

static const char *earlier_text(hr_linter *l, const exact_rule *rule, const earlier_rule *of) {
    hr_str place = of->match < 0 ? hr_arena_printf(l->arena, "http[%d]", (int)of->route)
                                 : hr_arena_printf(l->arena, "http[%d].match[%d]", (int)of->route,
                                                   (int)of->match);
    if (of->delegate.p != NULL)
        return HR_LINT_FIELD(l, "%.*s of the delegate %.*s (%.*s:%d)", HR_LINT_STR(place),
                             HR_LINT_STR(of->delegate), HR_LINT_STR(of->file), of->line);
    if (of->vs != rule->vs)
        return HR_LINT_FIELD(l, "%.*s of the VirtualService %.*s (%.*s:%d)", HR_LINT_STR(place),
                             HR_LINT_STR(of->vs->id), HR_LINT_STR(of->file), of->line);
    return HR_LINT_FIELD(l, "%.*s (line %d)", HR_LINT_STR(place), of->line);
}

/* "A", "A and B", "A, B and C", "A, B and 7 more". */
static const char *earlier_list(hr_linter *l, const exact_rule *rule) {
    size_t n = rule->earlier.n, shown = n > MOST_EARLIER ? MOST_EARLIER : n;
    hr_str text = HR_STR("");
    for (size_t i = 0; i < shown; i++) {
        const char *between = i == 0 ? "" : i + 1 == n ? " and " : ", ";
        text = hr_arena_printf(l->arena, "%.*s%s%s", HR_LINT_STR(text), between,
                               earlier_text(l, rule, &rule->earlier.v[i]));
    }
    if (n > shown)
        text = hr_arena_printf(l->arena, "%.*s and %zu more", HR_LINT_STR(text), n - shown);
    return hr_lint_text(text);
}

static bool is_taken_by_others(const exact_rule *rule) {
    for (size_t i = 0; i < rule->earlier.n; i++)
        if (rule->earlier.v[i].vs != rule->vs)
            return true;
    return false;
}

static void report_exact(hr_linter *l, const exact_rule *rule) {
    bool whole = rule->http->n_match <= 1, others = is_taken_by_others(rule);
    const char *subject = whole ? "this rule can never match" : "this match is never reached";
    const char *field =
        rule->match < 0 || whole
            ? HR_LINT_FIELD(l, "spec.http[%d]", (int)rule->route)
            : HR_LINT_FIELD(l, "spec.http[%d].match[%d]", (int)rule->route, (int)rule->match);
    hr_pos pos = rule->match < 0 || whole ? rule->http->pos : rule->http->match[rule->match].pos;
    hr_lint_note_unreached(l, &rule->vs->resource->meta, rule->route, rule->match);
    if (rule->earlier.n == 0)
        hr_diag_note(l->d, pos, "never-matches", field, "%s: its conditions exclude each other",
                     subject);
    else
        hr_diag_note(l->d, pos, others ? "taken-by-other" : "never-matches", field,
                     "%s: %s %s every request that would reach it", subject, earlier_list(l, rule),
                     rule->earlier.n == 1 ? "matches" : "together match");
}

int hr_lint_exact(hr_linter *l) {
    exact e = {.l = l, .work = MOST_WORK};
    for (size_t i = 0; i < l->table->n_virtual_services && !hr_arena_failed(l->arena); i++) {
        size_t before = e.rules.n;
        add_exact_rules(&e, &l->table->virtual_services[i]);
        if (e.rules.n > before)
            add_exact_views(&e, &l->table->virtual_services[i]);
    }
    e.open = e.rules.n;
    if (e.incomplete || e.open > MOST_ALL_RULES || hr_arena_failed(l->arena))
        return HR_OK;
    int error = look_through_views(&e);
    for (size_t i = 0; i < e.rules.n && error == HR_OK && e.work > 0; i++)
        if (e.rules.v[i]->seen && !e.rules.v[i]->reached)
            report_exact(l, e.rules.v[i]);
    return error;
}
