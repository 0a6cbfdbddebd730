/* What a route does, worked out once: destinations, weights, timeouts, retries, rewrites, and the
 * rest of the decision that does not depend on the request. */
#include <stdio.h>
#include <stdlib.h>

#include "action.h"
#include "action_policies.h"
#include "cluster.h"
#include "destination.h"
#include "header_operations.h"
#include "header_ops.h"
#include "host_names.h"
#include "http_route.h"
#include "load_balancer.h"
#include "text.h"

static hr_decision blank(hr_action kind) {
    return (hr_decision){
        .version = HR_DECISION_VERSION,
        .action = kind,
        .route_index = -1,
        .root_route_index = -1,
        .match_index = -1,
        .timeout_ms = -1,
        .delay_ms = -1,
    };
}

/* NULL if the arena has failed. */
static hr_view_action *plan_new(hr_view_build *vb, hr_action kind, size_t n_targets) {
    hr_view_action *plan = HR_ARRAY(vb->arena, hr_view_action, 1);
    hr_target *targets = HR_ARRAY(vb->arena, hr_target, n_targets);
    if (plan == NULL || targets == NULL)
        return NULL;
    plan->kind = kind;
    plan->timeout_ms = -1;
    plan->targets = targets;
    plan->n_targets = n_targets;
    for (size_t i = 0; i < n_targets; i++)
        plan->targets[i].decision = blank(kind);
    return plan;
}

/* ---- destinations ---- */

/* Envoy's answers if the cluster does not exist or is empty. */
static hr_local_reply reply_of(const hr_cluster *cluster) {
    if (cluster == NULL)
        return (hr_local_reply){503, HR_STR("NC"), HR_STR("")};
    if (cluster->kind != HR_CLUSTER_ORIGINAL_DST && cluster->n_endpoints == 0 &&
        cluster->endpoints_known)
        return (hr_local_reply){503, HR_STR("UH"), HR_STR("no healthy upstream")};
    return (hr_local_reply){0};
}

static void set_cluster(hr_decision *d, const hr_cluster *cluster, hr_str name, hr_str host,
                        hr_str subset, uint32_t port) {
    d->cluster_name = name;
    d->cluster = cluster;
    d->destination_host = host;
    d->destination_subset = subset.len > 0 ? subset : (hr_str){0};
    d->destination_port = (uint16_t)port;
    d->local_reply = reply_of(cluster);
    d->has_lb = cluster != NULL;
    if (cluster != NULL)
        d->lb = cluster->policy->lb;
}

static void set_destination(hr_view_build *vb, hr_decision *d, const hr_spec_destination *in,
                            const hr_compile_scope *scope) {
    hr_view_destination r = hr_destination_resolve(vb, in, scope);
    if (scope->gateway_api && in->host.len == 0) /* a backend that a rule must not refer to */
        set_cluster(d, NULL, HR_STR("UnknownService"), (hr_str){0}, (hr_str){0}, 0);
    else
        set_cluster(d, hr_cluster_get(vb, r.host, r.port, r.subset),
                    hr_cluster_name(vb->arena, r.host, r.port, r.subset), r.host, r.subset, r.port);
    if (scope->gateway_api && d->cluster == NULL)
        d->local_reply.status = 500;
}

/* ---- routes ---- */

typedef HR_LIST(const hr_header_ops *) level_list;

static void push_level(hr_view_build *vb, level_list *levels, const hr_header_ops *ops) {
    if (ops != NULL)
        HR_PUSH(vb->arena, levels, ops);
}

/* One destination: both levels are one. Several: the destination's is applied first, so the route's
 * wins. */
static void set_headers(hr_view_build *vb, hr_target *target, const hr_spec_http_route *http,
                        const hr_spec_headers *own, bool weighted) {
    level_list request = {0}, response = {0};
    const hr_spec_headers *route = http->headers.present ? &http->headers : NULL;
    if (weighted) {
        push_level(vb, &request,
                   hr_header_ops_compile(vb, own == NULL ? NULL : &own->request, NULL));
        push_level(vb, &response,
                   hr_header_ops_compile(vb, own == NULL ? NULL : &own->response, NULL));
        own = NULL;
    }
    push_level(vb, &request,
               hr_header_ops_compile(vb, route == NULL ? NULL : &route->request,
                                     own == NULL ? NULL : &own->request));
    push_level(vb, &response,
               hr_header_ops_compile(vb, route == NULL ? NULL : &route->response,
                                     own == NULL ? NULL : &own->response));
    target->decision.request_headers = request.v;
    target->decision.n_request_headers = request.n;
    target->decision.response_headers = response.v;
    target->decision.n_response_headers = response.n;
}

static void set_hash_policy(hr_view_build *vb, hr_view_action *plan,
                            const hr_spec_load_balancer **hashes, size_t n) {
    hr_hash_policy *policies = HR_ARRAY(vb->arena, hr_hash_policy, n);
    if (policies == NULL)
        return;
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (hashes[i] != NULL && hashes[i]->has_hash_key)
            policies[count++] = hr_hash_policy_of(hashes[i]);
    for (size_t t = 0; t < plan->n_targets; t++) {
        plan->targets[t].decision.hash_policy = count > 0 ? policies : NULL;
        plan->targets[t].decision.n_hash_policy = count;
    }
}

/* Weight 0, which is the default, drops out as soon as there are several. */
static size_t count_destinations(const hr_spec_http_route *http) {
    if (http->n_route <= 1)
        return http->n_route;
    size_t n = 0;
    for (size_t i = 0; i < http->n_route; i++)
        n += http->route[i].weight > 0;
    return n;
}

static void fill_target(hr_view_build *vb, hr_target *target, const hr_spec_http_route *http,
                        const hr_spec_route_destination *in, hr_str route_authority,
                        const hr_compile_scope *scope, bool weighted) {
    const hr_spec_headers *own = in->headers.present ? &in->headers : NULL;
    set_destination(vb, &target->decision, &in->destination, scope);
    set_headers(vb, target, http, own, weighted);
    target->authority = route_authority;
    if (route_authority.p == NULL && own != NULL)
        target->authority = hr_header_ops_authority(&own->request);
}

static hr_str route_authority(const hr_spec_http_route *http) {
    if (http->rewrite != NULL && http->rewrite->authority.len > 0)
        return http->rewrite->authority;
    return http->headers.present ? hr_header_ops_authority(&http->headers.request) : (hr_str){0};
}

static void fill_rewrite(hr_view_build *vb, hr_view_action *plan, const hr_spec_rewrite *rewrite) {
    if (rewrite == NULL)
        return;
    if (rewrite->regex_match.p != NULL) {
        plan->regex = hr_table_regex(vb->table, rewrite->regex_match);
        plan->pattern = rewrite->regex_match;
        plan->substitution = rewrite->regex_rewrite.p == NULL ? HR_STR("") : rewrite->regex_rewrite;
    } else if (rewrite->uri.len > 0) {
        plan->prefix_rewrite = rewrite->uri;
    }
}

static hr_view_action *compile_route(hr_view_build *vb, const hr_spec_http_route *http,
                                     const hr_compile_scope *scope) {
    size_t n = count_destinations(http);
    hr_view_action *plan = plan_new(vb, HR_ACTION_ROUTE, n == 0 ? 1 : n);
    const hr_spec_load_balancer **hashes = HR_ARRAY(vb->arena, const hr_spec_load_balancer *, n);
    if (plan == NULL || hashes == NULL)
        return NULL;
    hr_str authority = route_authority(http);
    size_t t = 0;
    for (size_t i = 0; i < http->n_route && t < n; i++) {
        const hr_spec_route_destination *in = &http->route[i];
        bool weighted = http->n_route > 1;
        if (weighted && in->weight <= 0)
            continue;
        plan->total_weight += weighted ? (uint64_t)in->weight : 1;
        plan->targets[t].weight_end = plan->total_weight;
        fill_target(vb, &plan->targets[t], http, in, authority, scope, weighted);
        const hr_mesh_service *svc = hr_view_service(vb, in->destination.host);
        hashes[t] = svc == NULL ? NULL
                                : hr_rule_route_hash(hr_view_rule(vb, svc), in->destination.subset,
                                                     in->destination.port);
        t++;
    }
    set_hash_policy(vb, plan, hashes, n);
    fill_rewrite(vb, plan, http->rewrite);
    bool consistent = http->n_route == 1 && hashes[0] != NULL;
    const hr_retry_policy *retries = hr_retries_compile(vb, http->retries, consistent);
    plan->timeout_ms = http->timeout_ns < 0 ? -1 : http->timeout_ns / 1000000;
    for (size_t i = 0; i < plan->n_targets; i++) {
        plan->targets[i].decision.timeout_ms = plan->timeout_ms;
        plan->targets[i].decision.retries = retries;
    }
    hr_mirrors_compile(vb, plan, http, scope);
    return plan;
}

/* ---- redirect and direct response ---- */

/* An explicit :80 of http or :443 of https is not written. */
static uint16_t redirect_port(const hr_spec_redirect *in, const hr_compile_scope *scope) {
    uint32_t port = in->derive_port == 2 ? scope->port : in->port;
    hr_str scheme = in->scheme.len > 0 ? in->scheme : scope->tls ? HR_STR("https") : HR_STR("http");
    if ((port == 80 && hr_str_eq_c(scheme, "http")) ||
        (port == 443 && hr_str_eq_c(scheme, "https")))
        return 0;
    return (uint16_t)port;
}

static hr_view_action *compile_redirect(hr_view_build *vb, const hr_spec_http_route *http,
                                        const hr_compile_scope *scope) {
    const hr_spec_redirect *in = http->redirect;
    hr_view_action *plan = plan_new(vb, HR_ACTION_REDIRECT, 1);
    if (plan == NULL)
        return NULL;
    hr_view_redirect *out = &plan->redirect;
    if (in->prefix_rewrite.len > 0)
        out->prefix_rewrite = in->prefix_rewrite;
    else if (in->uri.len > 0)
        out->path = in->uri;
    out->path_has_query = out->path.len > 0 && hr_str_has(out->path, '?');
    out->host = in->authority.len > 0 ? in->authority : (hr_str){0};
    out->scheme = in->scheme.len > 0 ? in->scheme : (hr_str){0};
    if (in->port != 0 || in->derive_port != 0)
        out->port = redirect_port(in, scope);
    plan->targets[0].decision.redirect_code = in->redirect_code == 0 ? 301 : (int)in->redirect_code;
    return plan;
}

static hr_view_action *compile_direct_response(hr_view_build *vb, const hr_spec_http_route *http) {
    hr_view_action *plan = plan_new(vb, HR_ACTION_DIRECT_RESPONSE, 1);
    if (plan == NULL)
        return NULL;
    plan->targets[0].decision.direct_response_status = (int)http->direct_response->status;
    plan->targets[0].decision.direct_response_body = http->direct_response->body;
    return plan;
}

/* ---- whole actions ---- */

static bool is_plain(const hr_spec_http_route *http) {
    return http->n_route == 1 && !http->route[0].headers.present && http->redirect == NULL &&
           http->direct_response == NULL && http->rewrite == NULL && http->retries == NULL &&
           http->fault == NULL && http->mirror == NULL && http->n_mirrors == 0 &&
           http->cors_policy == NULL && !http->headers.present;
}

/* Many rules share few destinations: plain actions are made once. */
static void **shared_place(hr_view_build *vb, const hr_spec_http_route *http,
                           const hr_compile_scope *scope) {
    const hr_spec_destination *d = &http->route[0].destination;
    hr_str key =
        hr_arena_printf(vb->arena, "%.*s|%.*s|%u|%lld|%u|%d|%.*s", (int)d->host.len, d->host.p,
                        (int)d->subset.len, d->subset.p == NULL ? "" : d->subset.p,
                        (unsigned)d->port, (long long)http->timeout_ns, (unsigned)scope->port,
                        scope->gateway_api, (int)scope->vs_namespace.len, scope->vs_namespace.p);
    return hr_map_at(vb->arena, &vb->plans, key);
}

const hr_view_action *hr_action_compile(hr_view_build *vb, const hr_mesh_http_route *entry,
                                        const hr_compile_scope *scope) {
    const hr_spec_http_route *http = entry->http;
    if (is_plain(http)) {
        void **place = shared_place(vb, http, scope);
        if (*place == NULL)
            *place = compile_route(vb, http, scope);
        return *place;
    }
    hr_view_action *plan;
    if (http->redirect != NULL)
        plan = compile_redirect(vb, http, scope);
    else if (http->direct_response != NULL)
        plan = compile_direct_response(vb, http);
    else
        plan = compile_route(vb, http, scope);
    if (plan == NULL)
        return NULL;
    if (plan->kind != HR_ACTION_ROUTE)
        set_headers(vb, &plan->targets[0], http, NULL, false);
    hr_fault_compile(plan, http->fault);
    hr_cors_compile(vb, plan, http->cors_policy);
    return plan;
}

const hr_view_action *hr_action_default_route(hr_view_build *vb, const hr_mesh_service *svc,
                                              uint32_t port, bool http) {
    hr_view_action *plan = plan_new(vb, HR_ACTION_ROUTE, 1);
    if (plan == NULL)
        return NULL;
    hr_decision *d = &plan->targets[0].decision;
    hr_str none = {0};
    set_cluster(d, hr_cluster_get(vb, svc->host, port, none),
                hr_cluster_name(vb->arena, svc->host, port, none), svc->host, none, port);
    if (!http) /* a port of plain TCP: no HTTP route, so no retries either */
        return plan;
    const hr_spec_load_balancer *hash = hr_rule_service_hash(hr_view_rule(vb, svc), port);
    set_hash_policy(vb, plan, &hash, 1);
    d->retries = hr_retries_compile(vb, NULL, false);
    return plan;
}

const hr_view_action *hr_action_passthrough(hr_view_build *vb) {
    hr_view_action *plan = plan_new(vb, HR_ACTION_PASSTHROUGH, 1);
    if (plan == NULL)
        return NULL;
    plan->targets[0].decision.cluster_name = HR_STR("PassthroughCluster");
    return plan;
}

const hr_view_action *hr_action_blackhole(hr_view_build *vb) {
    hr_view_action *plan = plan_new(vb, HR_ACTION_NO_ROUTE, 1);
    if (plan == NULL)
        return NULL;
    plan->targets[0].decision.local_reply = (hr_local_reply){502, {0}, HR_STR("")};
    return plan;
}

const hr_view_action *hr_action_close(hr_view_build *vb) {
    hr_view_action *plan = plan_new(vb, HR_ACTION_NO_ROUTE, 1);
    if (plan == NULL)
        return NULL;
    plan->targets[0].decision.closes_connection = 1;
    return plan;
}

static hr_target https_redirect_target = {
    .decision = {.version = HR_DECISION_VERSION,
                 .action = HR_ACTION_REDIRECT,
                 .route_index = -1,
                 .root_route_index = -1,
                 .match_index = -1,
                 .timeout_ms = -1,
                 .delay_ms = -1,
                 .redirect_code = 301},
};
const hr_view_action hr_action_https_redirect = {
    .kind = HR_ACTION_REDIRECT,
    .targets = &https_redirect_target,
    .n_targets = 1,
    .redirect = {.https = true},
    .timeout_ms = -1,
};
