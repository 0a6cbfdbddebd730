/* Rules of HTTPRoutes and GRPCRoutes as entries of a VirtualService's spec.http: one a match, in
 * the order of the Gateway API's precedence. */
#include "gwapi_rules.h"

#include <stdlib.h>

#include "gwapi_backends.h"
#include "gwapi_route.h"
#include "http_route.h"
#include "regex.h"
#include "resources.h"
#include "text.h"

/* ---- destinations ---- */

static void note_bad_backend(hr_gwapi_build_state *b, const hr_spec_gwapi_route *route, size_t rule,
                             const hr_spec_gwapi_reference *ref, hr_backend_state state,
                             bool mirror) {
    hr_mesh_bad_backend bad = {route, rule, ref, state, mirror};
    if (state == HR_BACKEND_OK)
        return;
    for (size_t i = 0; i < b->gwapi->bad_backends.n; i++)
        if (b->gwapi->bad_backends.v[i].ref == ref && b->gwapi->bad_backends.v[i].mirror == mirror)
            return;
    HR_PUSH(b->arena, &b->gwapi->bad_backends, bad);
}

static int64_t sum_of_weights(const hr_spec_gwapi_rule *rule) {
    int64_t sum = 0;
    for (size_t i = 0; i < rule->n_backends; i++)
        sum += rule->backends[i].weight;
    return sum;
}

/* The destinations with a weight. false: Istio drops the whole route. */
static bool set_destinations(hr_gwapi_build_state *b, hr_spec_http_route *out,
                             const hr_spec_gwapi_route *route, size_t index, bool mesh) {
    const hr_spec_gwapi_rule *rule = &route->rules[index];
    out->route = HR_ARRAY(b->arena, hr_spec_route_destination, rule->n_backends);
    for (size_t i = 0; out->route != NULL && i < rule->n_backends; i++) {
        const hr_spec_gwapi_backend *backend = &rule->backends[i];
        if (backend->weight == 0)
            continue;
        hr_spec_route_destination *to = &out->route[out->n_route++];
        *to = (hr_spec_route_destination){.weight = backend->weight,
                                          .has_weight = true,
                                          .headers = backend->filters.headers,
                                          .pos = backend->ref.pos};
        hr_backend_state state = hr_gwapi_backend(&to->destination, b, route, &backend->ref, !mesh);
        note_bad_backend(b, route, index, &backend->ref, state, false);
        if (state == HR_BACKEND_BROKEN || backend->filters.unsupported.p != NULL)
            return false;
    }
    return true;
}

/* Mirrors whose backend is there; the others of an HTTPRoute are left out. false: Istio drops the
 * whole route, as it does with a GRPCRoute. */
static bool put_mirrors(hr_gwapi_build_state *b, hr_spec_http_route *out,
                        const hr_spec_gwapi_route *route, size_t index, bool mesh) {
    const hr_spec_gwapi_filters *filters = &route->rules[index].filters;
    out->mirrors = HR_ARRAY(b->arena, hr_spec_mirror, filters->n_mirrors);
    for (size_t i = 0; out->mirrors != NULL && i < filters->n_mirrors; i++) {
        const hr_spec_gwapi_mirror *in = &filters->mirrors[i];
        hr_spec_mirror *mirror = &out->mirrors[out->n_mirrors];
        *mirror = (hr_spec_mirror){.percentage = in->percentage, .pos = in->pos};
        hr_backend_state state =
            hr_gwapi_mirror(&mirror->destination, b, route, &in->backend, !mesh);
        note_bad_backend(b, route, index, &in->backend, state, true);
        if (state == HR_BACKEND_OK)
            out->n_mirrors++;
        else if (hr_gwapi_is_grpc(route))
            return false;
    }
    return true;
}

/* ---- rewrites ---- */

/* A pattern that the resources do not contain. */
static void keep_regex(hr_gwapi_build_state *b, hr_str pattern, hr_str rewrite) {
    hr_resources *r = b->table->resources;
    hr_regex *regex = hr_map_get(&r->regexes, pattern);
    if (pattern.p == NULL)
        return;
    if (regex == NULL && hr_regex_new(&regex, r->regex_tails, pattern, NULL, 0) == HR_OK &&
        !hr_map_add(b->arena, &r->regexes, pattern, regex)) {
        hr_regex_free(regex);
        regex = NULL;
    }
    if (regex == NULL || hr_regex_prepare_rewrite(regex, pattern, rewrite, NULL, 0) == HR_ENOMEM)
        hr_arena_fail(b->arena);
}

/* Removing a prefix leaves one slash, which only a regular expression can say. */
static hr_spec_rewrite *remove_prefix(hr_gwapi_build_state *b, const hr_spec_rewrite *in,
                                      const hr_match_request *match) {
    hr_spec_rewrite *out = HR_NEW(b->arena, hr_spec_rewrite);
    hr_str prefix =
        match != NULL && match->uri.kind == HR_SM_PATH_PREFIX ? match->uri.value : HR_STR("");
    char *p = HR_ARRAY(b->arena, char, prefix.len * 2 + 16);
    size_t n = 0;
    if (p == NULL)
        return out;
    p[n++] = '^';
    for (size_t i = 0; i < prefix.len; i++) {
        if (strchr("\\.+*?()|[]{}^$", prefix.p[i]) != NULL)
            p[n++] = '\\';
        p[n++] = prefix.p[i];
    }
    memcpy(p + n, "(/?)(.*)", 8);
    *out = *in;
    out->uri = (hr_str){0};
    out->regex_match = hr_str_of(p, n + 8);
    out->regex_rewrite = HR_STR("/\\2");
    keep_regex(b, out->regex_match, out->regex_rewrite);
    return out;
}

/* ---- a rule ---- */

static hr_str rule_name(hr_gwapi_build_state *b, const hr_spec_gwapi_route *route, size_t index) {
    if (route->rules[index].name.p != NULL)
        return route->rules[index].name;
    return hr_arena_printf(b->arena, "%.*s.%.*s.%zu", (int)route->meta.namespace_.len,
                           route->meta.namespace_.p, (int)route->meta.name.len, route->meta.name.p,
                           index);
}

/* A timeout for each try, if the rule retries; else the shorter of the two is that of the request.
 */
static void set_times(hr_gwapi_build_state *b, hr_spec_http_route *out,
                      const hr_spec_gwapi_rule *rule) {
    out->timeout_ns = rule->request_timeout_ns > 0 ? rule->request_timeout_ns : -1;
    if (rule->retry != NULL) {
        out->retries = HR_NEW(b->arena, hr_spec_retries);
        *out->retries = *rule->retry;
        if (rule->backend_timeout_ns > 0)
            out->retries->per_try_timeout_ns = rule->backend_timeout_ns;
    } else if (rule->backend_timeout_ns > 0) {
        out->timeout_ns = rule->backend_timeout_ns;
    }
}

/* Everything but the match. NULL: Istio drops the whole route. */
static hr_spec_http_route *convert_rule(hr_gwapi_build_state *b, const hr_spec_gwapi_route *route,
                                        size_t index, bool mesh) {
    const hr_spec_gwapi_rule *rule = &route->rules[index];
    const hr_spec_gwapi_filters *filters = &rule->filters;
    hr_spec_http_route *out = HR_NEW(b->arena, hr_spec_http_route);
    *out = (hr_spec_http_route){.name = rule_name(b, route, index),
                                .mirror_percentage = -1,
                                .mirror_percent = -1,
                                .headers = filters->headers,
                                .redirect = filters->redirect,
                                .rewrite = filters->rewrite,
                                .cors_policy = filters->cors,
                                .pos = rule->pos};
    set_times(b, out, rule);
    if (!put_mirrors(b, out, route, index, mesh) || filters->unsupported.p != NULL)
        return NULL;
    if (sum_of_weights(rule) > 0 || filters->redirect != NULL)
        return set_destinations(b, out, route, index, mesh) ? out : NULL;
    out->direct_response = HR_NEW(b->arena, hr_spec_direct_response);
    *out->direct_response = (hr_spec_direct_response){.status = 500, .pos = rule->pos};
    return out;
}

static const hr_spec_gwapi_match whole_path = {
    .match = {.uri = {.kind = HR_SM_PREFIX, .value = {"/", 1}}}, .path_length = 1};

/* A copy of the rule with one match; NULL: without. */
static void add_entry(hr_gwapi_build_state *b, hr_gwapi_rule *out, const hr_spec_http_route *rule,
                      const hr_spec_gwapi_match *match, uint32_t port) {
    hr_spec_http_route *http = HR_NEW(b->arena, hr_spec_http_route);
    *http = *rule;
    if (match != NULL || port != 0) {
        http->match = HR_NEW(b->arena, hr_match_request);
        http->n_match = 1;
        if (match != NULL)
            *http->match = match->match;
        if (http->match->pos.line == 0) /* a default's */
            http->match->pos = rule->pos;
        http->match->port = port;
        out->path_length = match == NULL ? 0 : match->path_length;
    }
    if (http->rewrite != NULL && hr_str_eq_c(http->rewrite->uri, "/"))
        http->rewrite = remove_prefix(b, http->rewrite, http->match);
    out->entry.http = http;
}

static size_t matches_of(const hr_spec_gwapi_rule *rule) {
    return rule->n_matches == 0 ? 1 : rule->n_matches;
}

static void put_rule(hr_gwapi_build_state *b, hr_gwapi_rule *out, const hr_spec_gwapi_route *route,
                     size_t index, const hr_spec_http_route *http, uint32_t port,
                     const hr_mesh_author *author) {
    const hr_spec_gwapi_rule *rule = &route->rules[index];
    for (size_t m = 0; m < matches_of(rule) && !hr_arena_failed(b->arena); m++) {
        bool http_route = hr_str_eq_c(author->kind, "HTTPRoute");
        const hr_spec_gwapi_match *match = rule->n_matches > 0                 ? &rule->matches[m]
                                           : rule->default_match && http_route ? &whole_path
                                                                               : NULL;
        int32_t *number = HR_NEW(b->arena, int32_t);
        *number = rule->n_matches > 0 ? (int32_t)m : -1;
        out[m].entry = (hr_mesh_http_route){.index = (int32_t)index,
                                            .root_index = (int32_t)index,
                                            .match_index = number,
                                            .author = author};
        add_entry(b, &out[m], http, match, port);
    }
}

hr_gwapi_rule *hr_gwapi_rules(size_t *n, hr_gwapi_build_state *b, const hr_spec_gwapi_route *route,
                              bool mesh, uint32_t port) {
    size_t most = 0;
    for (size_t i = 0; i < route->n_rules; i++)
        most += matches_of(&route->rules[i]);
    hr_gwapi_rule *out = HR_ARRAY(b->arena, hr_gwapi_rule, most);
    hr_mesh_author *author = HR_NEW(b->arena, hr_mesh_author);
    bool dropped = out == NULL;
    *n = 0;
    *author = (hr_mesh_author){
        hr_str_from(route->meta.kind),
        hr_arena_printf(b->arena, "%.*s/%.*s", (int)route->meta.namespace_.len,
                        route->meta.namespace_.p, (int)route->meta.name.len, route->meta.name.p),
        (hr_str){0}};
    author->words =
        hr_arena_printf(b->arena, "%s %.*s", route->meta.kind, (int)author->id.len, author->id.p);
    for (size_t i = 0; i < route->n_rules && !dropped; i++) {
        const hr_spec_http_route *http = convert_rule(b, route, i, mesh);
        dropped = http == NULL || hr_arena_failed(b->arena);
        if (!dropped)
            put_rule(b, out + *n, route, i, http, port, author);
        *n += matches_of(&route->rules[i]);
    }
    if (dropped) {
        *n = 0;
        return NULL;
    }
    hr_gwapi_sort(b->arena, out, *n);
    return out;
}

/* ---- order ---- */

/* Exact, then prefixes, then patterns, then none. */
static int path_rank(const hr_match_request *match) {
    switch (match->uri.kind) {
    case HR_SM_EXACT:
        return 3;
    case HR_SM_PREFIX:
    case HR_SM_PATH_PREFIX:
        return 2;
    case HR_SM_REGEX:
        return 1;
    default:
        return -1;
    }
}

static int compare_sizes(size_t a, size_t b) {
    return a > b ? -1 : a < b;
}

/* Negative: `a` comes first. A match of the path that is longer, one of the method, and more of
 * headers, then of query parameters come first. */
static int by_precedence(const hr_gwapi_rule *a, const hr_gwapi_rule *b) {
    const hr_spec_http_route *x = a->entry.http, *y = b->entry.http;
    if (x->n_match == 0 || y->n_match == 0)
        return (x->n_match == 0) - (y->n_match == 0);
    const hr_match_request *m = &x->match[0], *o = &y->match[0];
    if (path_rank(m) != path_rank(o))
        return path_rank(m) > path_rank(o) ? -1 : 1;
    if (a->path_length != b->path_length)
        return compare_sizes(a->path_length, b->path_length);
    if ((m->method.kind == HR_SM_NONE) != (o->method.kind == HR_SM_NONE))
        return m->method.kind != HR_SM_NONE ? -1 : 1;
    if (m->n_headers != o->n_headers)
        return compare_sizes(m->n_headers, o->n_headers);
    return compare_sizes(m->n_query_params, o->n_query_params);
}

typedef struct placed_rule {
    const hr_gwapi_rule *rule;
    size_t place;
} placed_rule;

static int placed_by_precedence(const void *a, const void *b) {
    const placed_rule *x = a, *y = b;
    int c = by_precedence(x->rule, y->rule);
    return c != 0 ? c : compare_sizes(y->place, x->place);
}

void hr_gwapi_sort(hr_arena *arena, hr_gwapi_rule *rules, size_t n) {
    placed_rule *placed = HR_ARRAY(arena, placed_rule, n);
    hr_gwapi_rule *before = HR_ARRAY(arena, hr_gwapi_rule, n);
    if (n < 2 || placed == NULL || before == NULL)
        return;
    memcpy(before, rules, n * sizeof(*rules));
    for (size_t i = 0; i < n; i++)
        placed[i] = (placed_rule){&before[i], i};
    qsort(placed, n, sizeof(*placed), placed_by_precedence);
    for (size_t i = 0; i < n; i++)
        rules[i] = *placed[i].rule;
}
