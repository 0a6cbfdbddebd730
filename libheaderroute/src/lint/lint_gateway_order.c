/*
 * Finds rules behind a Gateway that a rule of another VirtualService leaves nothing to. A Gateway
 * merges the rules of all VirtualServices of one host, the older VirtualService first; rules for
 * every request go to the end.
 */
#include "lint_gateway_order.h"

#include "diag.h"
#include "gateway.h"
#include "gateway_server.h"
#include "http_match.h"
#include "http_route.h"
#include "lint_cover.h"
#include "text.h"
#include "virtual_service.h"

/* VirtualServices of one host that are compared, and hosts of one Gateway. */
#define MOST_MERGED 200

/* The VirtualServices that share a virtual host of one server, in order. */
typedef struct merged_host {
    hr_str name;
    HR_LIST(const hr_mesh_virtual_service *) list;
} merged_host;

typedef struct order {
    hr_linter *l;
    const hr_mesh_gateway *gateway;
    hr_map hosts; /* -> merged_host */
    HR_LIST(merged_host *) shared;
    hr_map *groups;   /* lists of VirtualServices that were compared */
    hr_map *reported; /* rules */
} order;

/* A rule and the VirtualService whose list it is in. */
typedef struct merged_rule {
    const hr_mesh_virtual_service *vs;
    const hr_mesh_http_route *route;
    const hr_match_request *match; /* NULL: none */
    size_t index;
} merged_rule;

static bool asks_nothing(const hr_string_match *m) {
    return m->kind == HR_SM_NONE;
}

/* A request can fail it: else the rule is a catch-all where the proxy keeps it. */
static bool has_condition(const hr_match_request *m) {
    const hr_string_match *uri = &m->uri;
    bool any_path = asks_nothing(uri) || uri->kind == HR_SM_PRESENCE ||
                    (uri->kind == HR_SM_PREFIX && hr_str_eq_c(uri->value, "/")) ||
                    (uri->kind == HR_SM_REGEX && hr_str_eq_c(uri->value, ".*"));
    if (!any_path)
        return true;
    for (size_t i = 0; i < HR_MATCH_FIELD_COUNT; i++) {
        const hr_match_field *field = &hr_match_fields[i];
        if (field->type == HR_MATCH_TYPE_MAP && hr_match_map(m, field).n > 0)
            return true;
        if (field->type == HR_MATCH_TYPE_STRING && !asks_nothing(hr_match_string(m, field)))
            return true;
    }
    return false;
}

static bool kept_by_every_proxy(const hr_match_request *m) {
    return m->port == 0 && m->gateways.n == 0 && m->n_source_labels == 0 &&
           m->source_namespace.len == 0;
}

typedef void rule_fn(void *ctx, const merged_rule *rule, bool catch_all);

/* Calls `fn` with the rules that the Gateway has of a VirtualService: those up to the first for
 * every request. One that only some proxies keep ends the list, too, as what follows is unsure. */
static void each_rule(const hr_mesh_virtual_service *vs, rule_fn *fn, void *ctx) {
    for (size_t i = 0; i < vs->n_http; i++) {
        const hr_spec_http_route *http = vs->http[i].http;
        merged_rule rule = {vs, &vs->http[i], NULL, 0};
        if (http->n_match == 0) {
            fn(ctx, &rule, true);
            return;
        }
        for (size_t m = 0; m < http->n_match; m++) {
            rule.match = &http->match[m];
            rule.index = m;
            bool conditions = has_condition(rule.match);
            if (conditions || kept_by_every_proxy(rule.match))
                fn(ctx, &rule, !conditions);
            if (!conditions)
                return;
        }
    }
}

/* ---- one virtual host ---- */

typedef struct comparison {
    order *o;
    const merged_host *host;
    hr_cover_rules *rules;
    const merged_rule *catch_all; /* the first one */
    size_t n_rules;
} comparison;

static merged_rule *kept_rule(comparison *c, const merged_rule *rule) {
    merged_rule *kept = HR_NEW(c->o->l->arena, merged_rule);
    *kept = *rule;
    return kept;
}

static void add_merged(void *ctx, const merged_rule *rule, bool catch_all) {
    comparison *c = ctx;
    merged_rule *kept = kept_rule(c, rule);
    if (!catch_all)
        hr_cover_rules_add(c->rules, rule->match, c->n_rules++, kept);
    else if (c->catch_all == NULL)
        c->catch_all = kept;
}

static hr_pos place_of(const merged_rule *rule) {
    return rule->match == NULL ? rule->route->http->pos : rule->match->pos;
}

static int32_t match_of(const merged_rule *rule) {
    return rule->route->match_index == NULL ? (int32_t)rule->index
                                            : rule->route->match_index[rule->index];
}

static const char *merged_field(hr_linter *l, const merged_rule *rule) {
    if (rule->match == NULL)
        return HR_LINT_FIELD(l, "spec.http[%d]", rule->route->index);
    return HR_LINT_FIELD(l, "spec.http[%d].match[%d]", rule->route->index, match_of(rule));
}

static void report_covered(comparison *c, const merged_rule *later, const merged_rule *first) {
    hr_linter *l = c->o->l;
    const void *what = later->match == NULL ? (const void *)later->route->http : later->match;
    hr_str key = hr_arena_copy(l->arena, hr_str_of((const char *)&what, sizeof(what)));
    if (!hr_map_add(l->arena, c->o->reported, key, later->vs))
        return;
    hr_lint_note_unreached(l, &later->vs->resource->meta, later->route->index,
                           later->match == NULL ? -1 : match_of(later));
    hr_diag_note(l->d, place_of(later), "taken-by-other", merged_field(l, later),
                 "behind the Gateway %.*s, requests for %.*s never reach this rule: %s of the "
                 "VirtualService %s matches them all and comes first (by age, then by name); put "
                 "the rules into one VirtualService, the narrower ones first",
                 HR_LINT_STR(c->o->gateway->id), HR_LINT_STR(c->host->name), merged_field(l, first),
                 hr_lint_name(l, &first->vs->resource->meta, place_of(first)));
}

static void look_up_merged(void *ctx, const merged_rule *rule, bool catch_all) {
    comparison *c = ctx;
    const merged_rule *first = hr_cover_rules_find(c->rules, rule->match);
    if (first == NULL && catch_all)
        first = c->catch_all;
    if (first != NULL)
        report_covered(c, rule, first);
}

static void compare_merged(order *o, const merged_host *host) {
    hr_str key = hr_str_of((const char *)host->list.v, host->list.n * sizeof(host->list.v[0]));
    if (!hr_map_add(o->l->arena, o->groups, key, host))
        return;
    comparison c = {.o = o, .host = host, .rules = hr_cover_rules_new(o->l)};
    for (size_t i = 0; i < host->list.n && !hr_arena_failed(o->l->arena); i++) {
        if (i > 0)
            each_rule(host->list.v[i], look_up_merged, &c);
        each_rule(host->list.v[i], add_merged, &c);
    }
}

/* ---- one server ---- */

static void merge_host(order *o, hr_str name, const hr_mesh_virtual_service *vs) {
    hr_str host = hr_arena_lower(o->l->arena, name);
    void **place = hr_map_at(o->l->arena, &o->hosts, host);
    if (*place == NULL) {
        merged_host *made = HR_NEW(o->l->arena, merged_host);
        made->name = host;
        *place = made;
    }
    merged_host *merged = *place;
    if (merged->list.n == MOST_MERGED)
        return;
    HR_PUSH(o->l->arena, &merged->list, vs);
    if (merged->list.n == 2)
        HR_PUSH(o->l->arena, &o->shared, merged);
}

static void lint_server_order(hr_linter *l, const hr_mesh_gateway *gateway,
                              const hr_mesh_virtual_service_list *bound, size_t server,
                              hr_map *groups, hr_map *reported) {
    order o = {.l = l, .gateway = gateway, .groups = groups, .reported = reported};
    for (size_t i = 0; i < bound->n && !hr_arena_failed(l->arena); i++) {
        hr_host_list hosts = {0};
        hr_server_hosts(l->arena, &hosts, gateway, &gateway->resource->servers[server],
                        bound->v[i]);
        for (size_t h = 0; h < hosts.n; h++)
            merge_host(&o, hosts.v[h], bound->v[i]);
    }
    for (size_t i = 0; i < o.shared.n && !hr_arena_failed(l->arena); i++)
        compare_merged(&o, o.shared.v[i]);
}

void hr_lint_gateway_order(hr_linter *l) {
    hr_map reported = {0};
    for (size_t g = 0; g < l->table->n_gateways && !hr_arena_failed(l->arena); g++) {
        const hr_mesh_gateway *gateway = &l->table->gateways[g];
        hr_map groups = {0};
        for (size_t s = 0; s < gateway->resource->n_servers; s++) {
            const hr_spec_server *server = &gateway->resource->servers[s];
            if (hr_server_is_http(server) || hr_server_terminates_tls(server))
                lint_server_order(l, gateway, &l->gateways[g].bound, s, &groups, &reported);
        }
    }
}
