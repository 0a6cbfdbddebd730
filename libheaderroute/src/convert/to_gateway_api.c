/* VirtualServices as HTTPRoutes, in their order, and Gateways of Istio as Gateways of the Gateway
 * API. */
#include "to_gateway_api.h"

#include "gateway.h"
#include "gateway_listeners.h"
#include "host_names.h"
#include "resources.h"
#include "route_backends.h"
#include "route_filters.h"
#include "route_match.h"
#include "service.h"
#include "text.h"
#include "virtual_service.h"

enum { MOST_RULES = 16, MOST_HOSTNAMES = 16 };

typedef HR_LIST(hr_str) text_list;

/* ---- rules ---- */

static void put_destinations(hr_route_writer *w, hr_yaml_text *t) {
    const hr_spec_http_route *http = w->entry->http;
    if (http->n_route > 0)
        hr_yaml_put(t, "    backendRefs:\n");
    for (size_t i = 0; i < http->n_route; i++) {
        const hr_spec_route_destination *to = &http->route[i];
        hr_yaml_put(t, "    - {");
        hr_route_put_backend(w, t, &to->destination, "route");
        if (http->n_route > 1)
            hr_yaml_put(t, ", weight: %lld", (long long)to->weight);
        if (to->headers.present) {
            hr_yaml_put(t, ", filters: [");
            hr_route_put_headers(w, t, &to->headers, NULL);
            hr_yaml_put(t, "]");
        }
        hr_yaml_put(t, "}\n");
    }
}

/* The statuses among the conditions of retryOn; others than those that Istio always retries on are
 * lost. */
static void put_codes(hr_route_writer *w, hr_yaml_text *t, const hr_spec_retries *r) {
    hr_str rest = r->retry_on;
    bool begun = false;
    while (rest.len > 0) {
        size_t n = hr_str_find(rest, ',', 0);
        hr_str one = hr_str_of(rest.p, n);
        rest = hr_str_tail(rest, n < rest.len ? n + 1 : n);
        bool code = one.len == 3 && one.p[0] >= '4' && one.p[0] <= '5';
        if (code) {
            hr_yaml_put(t, "%s%.*s", begun ? ", " : "codes: [", HR_S(one));
            begun = true;
        } else if (!hr_str_eq_c(one, "connect-failure") && !hr_str_eq_c(one, "refused-stream") &&
                   !hr_str_eq_c(one, "unavailable") && !hr_str_eq_c(one, "cancelled")) {
            hr_route_lost(w, r->pos, "retries.retryOn",
                          "HTTPRoute has statuses only: %.*s is not a reason to retry", HR_S(one));
        }
    }
    hr_yaml_put(t, begun ? "], " : "");
}

/* Which endpoint a retry goes to. */
static void lose_retry_hosts(hr_route_writer *w, const hr_spec_retries *r) {
    if (r->retry_remote_localities == 1)
        hr_route_lost(w, r->pos, "retries.retryRemoteLocalities",
                      "an HTTPRoute does not choose the locality of a retry");
    if (r->retry_ignore_previous_hosts == 0)
        hr_route_lost(w, r->pos, "retries.retryIgnorePreviousHosts",
                      "retries of an HTTPRoute always prefer endpoints that were not tried");
}

static void put_times(hr_route_writer *w, hr_yaml_text *t) {
    const hr_spec_http_route *http = w->entry->http;
    const hr_spec_retries *r = http->retries;
    bool per_try = r != NULL && r->per_try_timeout_ns > 0;
    if (http->timeout_ns > 0 || per_try) {
        hr_yaml_put(t, "    timeouts: {");
        if (http->timeout_ns > 0) {
            hr_yaml_put(t, "request: ");
            hr_conversion_put_duration(t, http->timeout_ns);
        }
        if (per_try) {
            hr_yaml_put_comma(t);
            hr_yaml_put(t, "backendRequest: ");
            hr_conversion_put_duration(t, r->per_try_timeout_ns);
        }
        hr_yaml_put(t, "}\n");
    }
    if (r != NULL && r->attempts == 0)
        hr_route_lost(w, r->pos, "retries.attempts",
                      "an HTTPRoute cannot turn retries off: Istio retries twice by default");
    if (r == NULL || r->attempts == 0)
        return;
    lose_retry_hosts(w, r);
    hr_yaml_put(t, "    retry: {");
    put_codes(w, t, r);
    hr_yaml_put(t, "attempts: %lld", (long long)r->attempts);
    if (r->backoff_ns > 0) {
        hr_yaml_put(t, ", backoff: ");
        hr_conversion_put_duration(t, r->backoff_ns);
    }
    hr_yaml_put(t, "}\n");
}

static void put_action(hr_route_writer *w, hr_yaml_text *t, hr_path_form form) {
    const hr_spec_http_route *http = w->entry->http;
    const hr_spec_direct_response *direct = http->direct_response;
    hr_route_put_filters(w, t, form);
    if (http->fault != NULL)
        hr_route_lost(w, http->fault->pos, "fault",
                      "HTTPRoute injects no faults: requests are neither delayed nor aborted");
    if (direct != NULL && (direct->status != 500 || direct->body.len > 0))
        hr_route_lost(w, direct->pos, "directResponse",
                      "HTTPRoute has no direct responses: the rule answers 500 without a body");
    put_destinations(w, t);
    if (http->redirect == NULL && direct == NULL)
        put_times(w, t);
}

/* One rule with the given matches; absent: it takes all requests. */
static void push_rule(hr_route_writer *w, text_list *rules, hr_str matches, hr_path_form form) {
    hr_yaml_text t = {.arena = w->s->arena};
    const hr_spec_http_route *http = w->entry->http;
    hr_yaml_put(&t, "  # http[%d]", (int)w->entry->index);
    if (w->entry->delegate.p != NULL)
        hr_yaml_put(&t, " of the delegate %.*s", HR_S(w->entry->delegate));
    if (http->name.len > 0) {
        hr_yaml_put(&t, " ");
        hr_yaml_put_scalar(&t, http->name);
    }
    hr_yaml_put(&t, "\n  - matches:\n");
    hr_yaml_put_str(&t, matches.len == 0 ? HR_STR("    - path: {type: PathPrefix, value: /}\n")
                                         : matches);
    put_action(w, &t, matches.len == 0 ? HR_PATH_PREFIX : form);
    HR_PUSH(w->s->arena, rules, hr_yaml_text_of(&t));
}

/* Whether requests of `gateway` come to the match. */
static bool is_for_gateway(const hr_match_request *match, hr_str gateway) {
    for (size_t i = 0; i < match->gateways.n; i++)
        if (hr_str_eq(match->gateways.v[i], gateway))
            return true;
    return match->gateways.n == 0;
}

/* The rules of one entry of spec.http: one for each path form, since a rewrite depends on it. */
static void add_rules(hr_route_writer *w, text_list *rules, hr_str gateway) {
    const hr_spec_http_route *http = w->entry->http;
    bool rewrites = http->rewrite != NULL && http->rewrite->uri.len > 0;
    hr_yaml_text all = {.arena = w->s->arena};
    hr_path_form form = HR_PATH_ANY;
    if (http->n_match == 0)
        push_rule(w, rules, (hr_str){0}, HR_PATH_PREFIX);
    for (size_t i = 0; i < http->n_match && !hr_arena_failed(w->s->arena); i++) {
        hr_yaml_text one = {.arena = w->s->arena};
        if (!is_for_gateway(&http->match[i], gateway) ||
            !hr_route_put_match(w, &one, &http->match[i], i, &form))
            continue;
        if (rewrites && form == HR_PATH_ANY)
            form = HR_PATH_PREFIX; /* the API server adds the path "/" */
        if (rewrites)
            push_rule(w, rules, hr_yaml_text_of(&one), form);
        else
            hr_yaml_put_str(&all, hr_yaml_text_of(&one));
    }
    if (all.n > 0)
        push_rule(w, rules, hr_yaml_text_of(&all), form);
}

/* ---- routes ---- */

static void put_parent(hr_yaml_text *t, const char *kind, hr_str name, hr_str ns, hr_str own) {
    hr_yaml_put(t, "  - {%sname: ", kind);
    hr_yaml_put_scalar(t, name);
    if (!hr_str_eq(ns, own)) {
        hr_yaml_put(t, ", namespace: ");
        hr_yaml_put_scalar(t, ns);
    }
    hr_yaml_put(t, "}\n");
}

static void put_hostnames(hr_yaml_text *t, const hr_str *hosts, size_t n) {
    if (n == 0)
        return;
    hr_yaml_put(t, "  hostnames: [");
    for (size_t i = 0; i < n; i++) {
        hr_yaml_put_comma(t);
        hr_yaml_put_scalar(t, hosts[i]);
    }
    hr_yaml_put(t, "]\n");
}

/* An HTTPRoute has at most 16 rules and 16 hostnames: more become several HTTPRoutes, whose names
 * keep the order. */
static void write_routes(hr_conversion_state *s, const hr_mesh_virtual_service *vs,
                         const char *suffix, hr_str parents, const hr_str *hosts, size_t n_hosts,
                         const text_list *rules) {
    hr_str ns = vs->resource->meta.namespace_;
    bool several = rules->n > MOST_RULES || n_hosts > MOST_HOSTNAMES;
    for (size_t h = 0, part = 0; (h == 0 || h < n_hosts) && !hr_arena_failed(s->arena);
         h += MOST_HOSTNAMES)
        for (size_t i = 0; i < rules->n && !hr_arena_failed(s->arena); i += MOST_RULES) {
            hr_str name =
                hr_arena_printf(s->arena, "%.*s%s", HR_S(vs->resource->meta.name), suffix);
            if (several)
                name = hr_arena_printf(s->arena, "%.*s-%03zu", HR_S(name), ++part);
            name = hr_conversion_name(s, "HTTPRoute", ns, name);
            hr_yaml_text t =
                hr_conversion_begin(s, "gateway.networking.k8s.io/v1", "HTTPRoute", ns, name);
            hr_yaml_put(&t, "spec:\n  parentRefs:\n");
            hr_yaml_put_str(&t, parents);
            size_t left = n_hosts - h;
            put_hostnames(&t, left > 0 ? &hosts[h] : NULL,
                          left < MOST_HOSTNAMES ? left : MOST_HOSTNAMES);
            hr_yaml_put(&t, "  rules:\n");
            for (size_t r = i; r < rules->n && r < i + MOST_RULES; r++)
                hr_yaml_put_str(&t, rules->v[r]);
            hr_conversion_add(s, "HTTPRoute", ns, name, &t);
        }
}

static void collect_rules(hr_conversion_state *s, const hr_mesh_virtual_service *vs, bool mesh,
                          hr_str gateway, text_list *rules) {
    for (size_t i = 0; i < vs->n_http && !hr_arena_failed(s->arena); i++) {
        hr_route_writer w = {s, &vs->http[i], vs->resource->meta.namespace_, mesh};
        add_rules(&w, rules, gateway);
    }
}

static bool names_gateways(const hr_mesh_virtual_service *vs) {
    for (size_t i = 0; i < vs->n_http; i++)
        for (size_t m = 0; m < vs->http[i].http->n_match; m++)
            if (vs->http[i].http->match[m].gateways.n > 0)
                return true;
    return false;
}

/* Hostnames of an HTTPRoute; none: any. */
static hr_str *hostnames_of(hr_conversion_state *s, const hr_mesh_virtual_service *vs, size_t *n) {
    hr_str *out = HR_ARRAY(s->arena, hr_str, vs->n_hosts);
    *n = 0;
    for (size_t i = 0; out != NULL && i < vs->n_hosts; i++) {
        hr_str host = hr_arena_lower(s->arena, vs->hosts[i]);
        if (hr_str_eq_c(host, "*")) {
            *n = 0;
            return out;
        }
        if ((hr_host_is_wild(host) && !hr_str_starts(host, HR_STR("*."))) || hr_is_ip(host))
            hr_diag_warn(s->found, vs->resource->pos, "spec.hosts",
                         "an HTTPRoute has no hostname such as %.*s: Gateways lose the rules for "
                         "it",
                         HR_S(host));
        else
            out[(*n)++] = host;
    }
    return *n == 0 && vs->n_hosts > 0 ? NULL : out;
}

static void convert_for_gateways(hr_conversion_state *s, const hr_mesh_virtual_service *vs) {
    bool one_each = names_gateways(vs);
    hr_str ns = vs->resource->meta.namespace_;
    hr_yaml_text parents = {.arena = s->arena};
    text_list rules = {0};
    size_t n_hosts, written = 0;
    hr_str *hosts = hostnames_of(s, vs, &n_hosts);
    for (size_t i = 0; hosts != NULL && i < vs->n_gateways && !hr_arena_failed(s->arena); i++) {
        hr_str id = vs->gateways[i];
        size_t slash = hr_str_find(id, '/', 0);
        if (slash == id.len)
            continue;
        put_parent(&parents, "", hr_str_tail(id, slash + 1), hr_str_of(id.p, slash), ns);
        if (written++ > 0 && !one_each)
            continue;
        collect_rules(s, vs, false, id, &rules);
        if (one_each) {
            write_routes(s, vs, "", hr_yaml_text_of(&parents), hosts, n_hosts, &rules);
            parents = (hr_yaml_text){.arena = s->arena};
            rules = (text_list){0};
        }
    }
    if (parents.n > 0)
        write_routes(s, vs, "", hr_yaml_text_of(&parents), hosts, n_hosts, &rules);
}

/* ---- routes of the mesh ---- */

/* The parent of rules for a host; false: none can be. */
static bool put_mesh_parent(hr_conversion_state *s, hr_yaml_text *t,
                            const hr_mesh_virtual_service *vs, hr_str host) {
    hr_str ns = vs->resource->meta.namespace_;
    const hr_mesh_service *svc = hr_registry_find(&s->table->registry, host, ns);
    if (svc == NULL || svc->meta == NULL) {
        hr_diag_warn(s->found, vs->resource->pos, "spec.hosts",
                     "a route in the mesh is attached to a Service or ServiceEntry, and none of "
                     "the host %.*s is loaded: sidecars lose the rules for it",
                     HR_S(host));
        return false;
    }
    put_parent(t,
               svc->kubernetes ? "group: \"\", kind: Service, "
                               : "group: networking.istio.io, kind: ServiceEntry, ",
               svc->meta->name, svc->meta->namespace_, ns);
    bool producer = hr_str_eq(svc->meta->namespace_, ns);
    if (producer != vs->public_)
        hr_diag_warn(s->found, vs->resource->pos, producer ? "spec.exportTo" : "spec.hosts",
                     producer ? "an HTTPRoute in the namespace of its Service applies to the "
                                "callers of every namespace"
                              : "an HTTPRoute in another namespace than its Service applies to "
                                "callers of its own namespace only");
    return true;
}

static void convert_for_mesh(hr_conversion_state *s, const hr_mesh_virtual_service *vs) {
    hr_yaml_text parents = {.arena = s->arena};
    text_list rules = {0};
    bool found = false;
    for (size_t i = 0; i < vs->n_hosts; i++)
        found |= put_mesh_parent(s, &parents, vs, vs->hosts[i]);
    if (!found)
        return;
    collect_rules(s, vs, true, HR_STR("mesh"), &rules);
    write_routes(s, vs, vs->n_gateways > 1 ? "-mesh" : "", hr_yaml_text_of(&parents), NULL, 0,
                 &rules);
}

/* ---- all ---- */

static void convert_virtual_service(hr_conversion_state *s, const hr_mesh_virtual_service *vs) {
    bool mesh = false, gateways = false;
    for (size_t i = 0; i < vs->n_gateways; i++) {
        mesh |= hr_str_eq_c(vs->gateways[i], "mesh");
        gateways |= !hr_str_eq_c(vs->gateways[i], "mesh");
    }
    if (vs->resource->n_tcp + vs->resource->n_tls > 0)
        hr_diag_warn(s->found, vs->resource->pos, "spec",
                     "routes of connections (tcp, tls) are not converted: write TCPRoutes and "
                     "TLSRoutes");
    if (vs->resource->n_http == 0)
        return;
    if (gateways)
        convert_for_gateways(s, vs);
    if (mesh)
        convert_for_mesh(s, vs);
}

void hr_convert_to_gateway_api(hr_conversion_state *s) {
    const hr_resources *r = s->table->resources;
    hr_convert_gateways(s);
    for (size_t i = 0; i < s->table->n_virtual_services && !hr_arena_failed(s->arena); i++)
        convert_virtual_service(s, &s->table->virtual_services[i]);
    for (size_t i = 0; i < r->n_virtual_services; i++)
        if (r->virtual_services[i].n_http > 0)
            hr_conversion_remove(s, "VirtualService", &r->virtual_services[i].meta);
}
