/* One request, one decision. */
#include "decision.h"

#include "action.h"
#include "forward.h"
#include "headers.h"
#include "host_index.h"
#include "index_find.h"
#include "octets.h"
#include "table.h"
#include "walk.h"

/* ---- where it goes ---- */

/* A TLS server is chosen by the server name of the handshake. */
static bool serves(const hr_route_table *table, hr_str host, size_t *specific) {
    bool found = false;
    for (size_t i = 0; i < table->n_sni_hosts; i++) {
        hr_str pattern = table->sni_hosts[i];
        bool wild = pattern.len > 0 && pattern.p[0] == '*';
        hr_str suffix = wild ? hr_str_tail(pattern, 1) : pattern;
        bool ok = wild ? suffix.len == 0 ||
                             (host.len > suffix.len &&
                              hr_str_eq_nocase(hr_str_tail(host, host.len - suffix.len), suffix))
                       : hr_str_eq_nocase(host, pattern);
        size_t score = wild ? suffix.len + 1 : SIZE_MAX;
        if (ok && score > *specific) {
            *specific = score;
            found = true;
        }
    }
    return found;
}

/* The connection's, if it is known; else the authority's host. */
static hr_str server_name_of(const hr_subject *s) {
    const hr_connection *connection = s->request->connection;
    return connection != NULL && connection->server_name.p != NULL
               ? connection->server_name
               : hr_authority_host(s->authority);
}

/* Kept apart, since nearly all views have one table for every server name. */
__attribute__((noinline)) static const hr_route_table *table_of_server(const hr_view *view,
                                                                       const hr_subject *s) {
    hr_str host = server_name_of(s);
    const hr_route_table *best = NULL;
    size_t specific = 0;
    for (size_t i = 0; i < view->n_tables; i++)
        if (serves(&view->tables[i], host, &specific))
            best = &view->tables[i];
    return best;
}

static inline const hr_route_table *table_for(const hr_view *view, const hr_subject *s) {
    if (view->n_tables == 1 && view->tables[0].sni_hosts == NULL)
        return &view->tables[0];
    return table_of_server(view, s);
}

/* *out is NULL where no virtual host of the table has the authority among its domains. */
static inline int find_in_table(const hr_view_virtual_host **out, const hr_route_table *table,
                                hr_str authority, hr_scratch *scratch) {
    *out = table->only;
    if (table->only != NULL)
        return HR_OK;
    bool lowers = table->hosts.few == NULL || table->hosts.n_suffix_lengths > 0;
    char *buf = lowers ? hr_scratch_alloc(scratch, authority.len + 1) : NULL;
    if (lowers && buf == NULL)
        return HR_ENOMEM;
    *out = hr_host_find(&table->hosts, authority, buf);
    return HR_OK;
}

static inline int find_by_authority(const hr_view_virtual_host **out, const hr_view *view,
                                    const hr_subject *s) {
    *out = NULL;
    const hr_route_table *table = table_for(view, s);
    return table == NULL ? HR_OK : find_in_table(out, table, s->authority, s->scratch);
}

/* The listener at the destination's address, where Host does not count. */
static int find_listener(const hr_view_virtual_host **out, const hr_view *view,
                         const hr_subject *s) {
    hr_str connect_to = s->request->connect_to;
    hr_str called = connect_to.p != NULL ? connect_to : s->authority;
    int error = find_in_table(out, view->listeners, called, s->scratch);
    if (error != HR_OK || *out != NULL || connect_to.p == NULL || view->unplaced == NULL)
        return error;
    return find_in_table(out, view->unplaced, s->authority, s->scratch);
}

/* Envoy looks for a listener at the address first. */
__attribute__((noinline)) static int find_by_address(const hr_view_virtual_host **out,
                                                     const hr_view *view, const hr_subject *s) {
    int error = find_listener(out, view, s);
    return error != HR_OK || *out != NULL ? error : find_by_authority(out, view, s);
}

/* *out is NULL where no virtual host takes the request. */
static inline int find_vhost(const hr_view_virtual_host **out, const hr_view *view,
                             const hr_subject *s) {
    return view->listeners != NULL ? find_by_address(out, view, s)
                                   : find_by_authority(out, view, s);
}

int hr_find_vhost(const hr_view_virtual_host **out, const hr_view *view, hr_str authority,
                  hr_scratch *scratch) {
    const hr_request request = HR_REQUEST_INIT;
    hr_subject s = {.request = &request, .authority = authority, .scratch = scratch};
    return find_vhost(out, view, &s);
}

/* ---- what is decided ---- */

static const hr_decision no_route = {
    .version = HR_DECISION_VERSION,
    .action = HR_ACTION_NO_ROUTE,
    .route_index = -1,
    .match_index = -1,
    .root_route_index = -1,
    .timeout_ms = -1,
    .delay_ms = -1,
    .local_reply = {404, {"NR", 2}, {"", 0}},
};

static const hr_target *pick_target(const hr_view_action *plan, double draw) {
    if (plan->n_targets <= 1)
        return plan->targets;
    double sum = (double)plan->total_weight;
    double scaled = draw > 0 ? draw * sum : 0;
    uint64_t point = scaled >= sum ? plan->total_weight - 1 : (uint64_t)scaled;
    size_t i = 0;
    while (i + 1 < plan->n_targets && point >= plan->targets[i].weight_end)
        i++;
    return &plan->targets[i];
}

static bool fires(double draw, uint32_t parts_per_million) {
    double scaled = draw > 0 ? draw * 1000000 : 0;
    return scaled < 4294967295.0 && (uint32_t)scaled < parts_per_million;
}

static int set_mirrors(hr_decision *out, const hr_subject *s) {
    if (out->n_mirrors == 0)
        return HR_OK;
    hr_mirror *mirrors = hr_scratch_alloc(s->scratch, out->n_mirrors * sizeof(*mirrors));
    if (mirrors == NULL)
        return HR_ENOMEM;
    for (size_t i = 0; i < out->n_mirrors; i++) {
        mirrors[i] = out->mirrors[i];
        double parts = mirrors[i].percentage * 10000;
        mirrors[i].fires =
            fires(s->request->draws.mirror, parts >= 1000000 ? 1000000 : (uint32_t)parts);
    }
    out->mirrors = mirrors;
    return HR_OK;
}

static bool origin_matches(const hr_origin_match *m, const hr_regex *regex, hr_scratch *scratch,
                           hr_str origin) {
    static const uint8_t kinds[] = {
        [HR_MATCH_EXACT] = HR_SM_EXACT, [HR_MATCH_PREFIX] = HR_SM_PREFIX};
    size_t half = HR_REGEX_HALF;
    /* A matcher that takes the string "*" takes every origin. */
    if (m->kind == HR_MATCH_REGEX)
        return hr_regex_matches(regex, scratch, HR_STR("*"), &half) ||
               hr_regex_matches(regex, scratch, origin, &half);
    return hr_text_matches(kinds[m->kind], m->value, HR_STR("*")) ||
           hr_text_matches(kinds[m->kind], m->value, origin);
}

static bool origin_admitted(const hr_view_action *plan, const hr_cors_policy *cors,
                            hr_scratch *scratch, hr_str origin) {
    for (size_t i = 0; i < cors->n_allow_origins; i++)
        if (origin_matches(&cors->allow_origins[i], plan->cors_regexes[i], scratch, origin))
            return true;
    return false;
}

static void set_cors(hr_decision *out, const hr_view_action *plan, hr_subject *s) {
    if (out->cors == NULL || plan->kind != HR_ACTION_ROUTE)
        return;
    hr_str origin = hr_header_value(s, HR_STR("origin"));
    if (origin.len == 0)
        return;
    out->cors_origin_allowed = origin_admitted(plan, out->cors, s->scratch, origin);
    bool preflight = hr_str_eq_c(s->method, "OPTIONS") &&
                     hr_header_value(s, HR_STR("access-control-request-method")).len > 0;
    out->cors_preflight =
        preflight && (out->cors_origin_allowed || !out->cors->forward_unmatched_preflights);
}

/* gRPC's own deadline stands for the route's timeout, which caps it. -1: none, or not readable. */
static int64_t grpc_timeout_ms(hr_str text) {
    static const struct {
        char unit;
        double ms;
    } units[] = {{'H', 3600e3}, {'M', 60e3}, {'S', 1e3}, {'m', 1}, {'u', 1e-3}, {'n', 1e-6}};
    if (text.len < 2 || text.len > 9)
        return -1;
    int64_t value = 0;
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return -1;
        value = value * 10 + (text.p[i] - '0');
    }
    for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++)
        if (units[u].unit == text.p[text.len - 1]) {
            double ms = (double)value * units[u].ms;
            int64_t whole = (int64_t)ms;
            return whole + ((double)whole < ms); /* never shorter than asked for */
        }
    return -1;
}

static void set_grpc_timeout(hr_decision *out, hr_subject *s) {
    hr_str asked = hr_header_value(s, HR_STR("grpc-timeout"));
    if (asked.p == NULL || !hr_is_grpc(hr_header_value(s, HR_STR("content-type"))))
        return;
    int64_t ms = grpc_timeout_ms(asked);
    if (ms > 0 && (out->timeout_ms < 0 || ms < out->timeout_ms))
        out->timeout_ms = ms;
}

/* A direct response that creates or redirects has the URL of the request as its location. */
static bool has_location(const hr_decision *d) {
    int status = d->direct_response_status;
    return status == 201 || (status >= 300 && status < 400);
}

/* The rule that decided. */
static inline void set_rule(hr_decision *out, const hr_view_route *route) {
    const hr_origin *origin = route->origin;
    out->rule_kind = origin->kind;
    out->rule_name = origin->id;
    out->route_index = route->route_index;
    out->match_index = route->match_index;
    out->source_file = origin->file;
    out->source_line = route->line;
    if (origin->author == NULL) {
        out->virtual_service = origin->id;
        out->root_route_index = route->route_index;
    }
    if (origin->delegated) {
        out->delegate = origin->delegate;
        out->root_route_index = origin->root_index;
        out->root_source_file = origin->root_pos.file;
        out->root_source_line = origin->root_pos.line;
    }
}

static int decide(hr_decision *out, const hr_view *view, const hr_view_route *route,
                  const hr_view_action *plan, hr_subject *s) {
    const hr_target *target = pick_target(plan, s->request->draws.weight);
    hr_chosen *chosen = &s->scratch->chosen;
    if (route != NULL) /* among many rules it is in no cache; the copy below hides the wait */
        __builtin_prefetch(route->origin);
    *chosen = (hr_chosen){view, route, plan, target, s->full_path, s->path.len};
    hr_octets_copy(out, &target->decision, sizeof(*out));
    out->internal = chosen;
    out->view = view;
    if (route != NULL) {
        out->route_name = hr_view_route_name(route);
        if (route->origin->written)
            set_rule(out, route);
    }
    if (plan->kind == HR_ACTION_ROUTE && s->scratch->seen[0].round == s->scratch->round)
        set_grpc_timeout(out, s);
    if (plan->kind == HR_ACTION_REDIRECT || has_location(out)) {
        out->redirect_location = hr_redirect_location(chosen, s->request, s->scratch);
        if (out->redirect_location.p == NULL)
            return HR_ENOMEM;
    }
    if (!plan->needs_request)
        return HR_OK;
    out->delay_fires = plan->delay_parts > 0 && fires(s->request->draws.delay, plan->delay_parts);
    out->abort_fires = plan->abort_parts > 0 && fires(s->request->draws.abort, plan->abort_parts);
    if (out->abort_fires) /* before the cluster is even looked up; a gRPC status rides on HTTP 200
                           */
        out->local_reply = (hr_local_reply){out->abort_status != 0 ? out->abort_status : 200,
                                            HR_STR("FI"), HR_STR("fault filter abort")};
    set_cors(out, plan, s);
    return hr_scratch_over_limit(s->scratch) ? HR_ELIMIT : set_mirrors(out, s);
}

static const hr_view_route *find_route(const hr_route_list *routes, hr_subject *s,
                                       const hr_route_mode *mode) {
    if (mode->trace != NULL)
        return hr_walk_traced(routes, s, mode->trace, mode->ctx);
    if (routes->index == NULL || mode->plain_walk)
        return hr_walk(routes, s);
    return hr_index_find(routes->index, routes, s);
}

static void trace_vhost(const hr_route_mode *mode, const hr_view_virtual_host *vhost,
                        hr_subject *s) {
    hr_tracer tracer = {s, mode->trace, mode->ctx};
    hr_trace_event e = {
        .kind = HR_TRACE_VIRTUAL_HOST,
        .ok = vhost != NULL,
        .route_index = -1,
        .match_index = -1,
        .field = HR_STR("authority"),
        .actual = s->authority,
        .expected = vhost == NULL ? (hr_str){0} : vhost->name,
        .detail = vhost == NULL ? HR_STR("no virtual host matches this authority") : (hr_str){0},
    };
    hr_trace_report(&tracer, &e, hr_scratch_now(s->scratch));
}

static void trace_omitted(const hr_route_mode *mode, const hr_view *view) {
    for (size_t i = 0; i < view->omitted.n; i++) {
        const hr_omitted *o = &view->omitted.v[i];
        hr_trace_event e = {
            .kind = HR_TRACE_OMITTED,
            .virtual_service = o->virtual_service,
            .file = o->file,
            .line = o->line,
            .route_index = o->route_index,
            .match_index = o->match_index,
            .detail = o->reason,
        };
        mode->trace(mode->ctx, &e);
    }
}

/* Of x-forwarded-proto Envoy takes the value `https` alone as TLS, although :scheme follows other
 * spellings of it. */
static bool came_by_tls(hr_subject *s) {
    hr_str proto = hr_header_value(s, HR_STR("x-forwarded-proto"));
    return proto.p != NULL ? hr_str_eq_c(proto, "https")
                           : hr_str_eq_nocase(s->scheme, HR_STR("https"));
}

int hr_route_by(hr_decision *out, const hr_view *view, const hr_request *request,
                hr_scratch *scratch, const hr_route_mode *mode) {
    hr_subject s;
    const hr_view_virtual_host *vhost;
    int error = hr_scratch_reset(scratch);
    if (error == HR_OK)
        error = hr_subject_prepare(&s, view, request, scratch);
    if (error == HR_OK)
        error = find_vhost(&vhost, view, &s);
    if (error != HR_OK)
        return error;
    if (mode->trace != NULL) {
        trace_omitted(mode, view);
        trace_vhost(mode, vhost, &s);
    }
    if (vhost != NULL && vhost->require_tls && !came_by_tls(&s))
        return decide(out, view, NULL, &hr_action_https_redirect, &s);
    const hr_view_route *route = vhost == NULL ? NULL : find_route(vhost->routes, &s, mode);
    if (s.no_memory)
        return HR_ENOMEM;
    if (hr_scratch_over_limit(scratch))
        return HR_ELIMIT;
    if (route != NULL)
        return decide(out, view, route, route->action, &s);
    *out = no_route;
    out->view = view;
    return HR_OK;
}

static int checked(hr_decision *out, const hr_view *view, const hr_request *request,
                   hr_scratch *scratch, const hr_route_mode *mode) {
    int error = HR_EINVAL;
    if (out == NULL || out->version != HR_DECISION_VERSION)
        return error;
    if (view != NULL && request != NULL && scratch != NULL &&
        request->version == HR_REQUEST_VERSION &&
        (request->headers != NULL || request->n_headers == 0))
        error = hr_route_by(out, view, request, scratch, mode);
    if (error != HR_OK)
        *out = (hr_decision){.version = HR_DECISION_VERSION};
    return error;
}

int hr_route(hr_decision *out, const hr_view *view, const hr_request *request,
             hr_scratch *scratch) {
    static const hr_route_mode quiet = {0};
    return checked(out, view, request, scratch, &quiet);
}

int hr_explain(hr_decision *out, const hr_view *view, const hr_request *request,
               hr_scratch *scratch, hr_trace_fn trace, void *ctx) {
    hr_route_mode mode = {.trace = trace, .ctx = ctx};
    return checked(out, view, request, scratch, &mode);
}
