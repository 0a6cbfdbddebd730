/* Finds policies of a rule that do not go together, or not with the rule's own conditions. */
#include "lint_policies.h"

#include "destination_rule.h"
#include "diag.h"
#include "http_policies.h"
#include "http_route.h"
#include "lint_cover.h"
#include "resources.h"
#include "text.h"
#include "virtual_service.h"

/* ---- timeouts and retries ---- */

/* Nanoseconds as a duration: "1500ms". */
static const char *duration_text(hr_linter *l, int64_t ns) {
    const int64_t ms = 1000000, second = 1000 * ms;
    if (ns % second == 0)
        return hr_lint_text(hr_arena_printf(l->arena, "%llds", (long long)(ns / second)));
    return hr_lint_text(hr_arena_printf(l->arena, "%lldms", (long long)(ns / ms)));
}

static void lint_timeouts(hr_linter *l, const hr_spec_http_route *route, size_t index) {
    const hr_spec_retries *retries = route->retries;
    if (retries == NULL || retries->attempts <= 0 || retries->per_try_timeout_ns <= 0 ||
        route->timeout_ns <= 0)
        return;
    int64_t each = retries->per_try_timeout_ns, all = route->timeout_ns;
    int64_t tries = retries->attempts + 1, fit = (all + each - 1) / each;
    if (each >= all)
        hr_diag_note(l->d, retries->pos, "per-try-timeout",
                     HR_LINT_FIELD(l, "spec.http[%zu].retries.perTryTimeout", index),
                     "%s is not below the timeout of %s, which ends the request before an attempt "
                     "times out, so that it is never retried; choose a shorter perTryTimeout",
                     duration_text(l, each), duration_text(l, all));
    else if (fit < tries)
        hr_diag_note(l->d, retries->pos, "attempts-do-not-fit",
                     HR_LINT_FIELD(l, "spec.http[%zu].retries.attempts", index),
                     "where attempts time out, only %lld of the %lld (the first one and %lld "
                     "retries, %s each) begin within the timeout of %s; raise the timeout or lower "
                     "attempts",
                     (long long)fit, (long long)tries, (long long)retries->attempts,
                     duration_text(l, each), duration_text(l, all));
}

static void lint_abort(hr_linter *l, const hr_spec_http_route *route, size_t index) {
    const hr_spec_fault *fault = route->fault;
    if (fault == NULL || !fault->has_abort || fault->abort_percentage <= 0 ||
        route->retries == NULL || route->retries->attempts <= 0)
        return;
    hr_diag_note(l->d, route->retries->pos, "retries-beside-abort",
                 HR_LINT_FIELD(l, "spec.http[%zu].retries", index),
                 "requests that fault.abort (line %d) aborts are not retried, because the proxy "
                 "aborts them before it routes; inject the fault at the upstream to test retries",
                 fault->abort_pos.line);
}

/* ---- rewrites ---- */

static bool ends_with_slash(hr_str s) {
    return s.len > 0 && s.p[s.len - 1] == '/';
}

/* The prefix /api with the rewrite /: /api/x becomes //x. */
static bool doubles_slash(const hr_spec_http_route *route, const hr_match_request *m) {
    return route->rewrite != NULL && ends_with_slash(route->rewrite->uri) &&
           m->uri.kind == HR_SM_PREFIX && m->uri.value.len > 1 && !ends_with_slash(m->uri.value);
}

static bool any_doubles_slash(const hr_spec_virtual_service *vs) {
    for (size_t i = 0; i < vs->n_http; i++)
        for (size_t m = 0; m < vs->http[i].n_match; m++)
            if (doubles_slash(&vs->http[i], &vs->http[i].match[m]))
                return true;
    return false;
}

static void report_double_slash(hr_linter *l, const hr_spec_http_route *route, size_t index,
                                size_t match) {
    const hr_match_request *m = &route->match[match];
    hr_diag_note(l->d, m->uri.pos.line > 0 ? m->uri.pos : m->pos, "double-slash",
                 HR_LINT_FIELD(l, "spec.http[%zu].match[%zu].uri", index, match),
                 "the rewrite to %.*s (line %d) replaces this prefix alone, so that %.*s/x becomes "
                 "%.*s/x; put a match with the prefix %.*s/ before this one",
                 HR_LINT_STR(route->rewrite->uri), route->rewrite->pos.line,
                 HR_LINT_STR(m->uri.value), HR_LINT_STR(route->rewrite->uri),
                 HR_LINT_STR(m->uri.value));
}

/* A match before this one may take what lies below the prefix, which is how to avoid the slashes.
 */
static void lint_rewrites(hr_linter *l, const hr_spec_virtual_service *vs) {
    if (!any_doubles_slash(vs))
        return;
    hr_cover_rules *before = hr_cover_rules_new(l);
    size_t order = 0;
    for (size_t i = 0; i < vs->n_http && !hr_arena_failed(l->arena); i++) {
        const hr_spec_http_route *route = &vs->http[i];
        if (route->n_match == 0)
            hr_cover_rules_add(before, NULL, order++, route);
        for (size_t m = 0; m < route->n_match; m++) {
            if (doubles_slash(route, &route->match[m])) {
                hr_match_request *below = HR_NEW(l->arena, hr_match_request);
                *below = route->match[m];
                below->uri.value =
                    hr_arena_printf(l->arena, "%.*s/", HR_LINT_STR(below->uri.value));
                if (hr_cover_rules_find(before, below) == NULL)
                    report_double_slash(l, route, i, m);
            }
            hr_cover_rules_add(before, &route->match[m], order++, route);
        }
    }
}

/* ---- CORS ---- */

/* Headers that browsers send with a preflight request, and those that proxies add. */
static bool preflight_may_have(hr_str name) {
    static const char *const known[] = {"host",
                                        "origin",
                                        "user-agent",
                                        "accept",
                                        "accept-language",
                                        "referer",
                                        "accept-encoding",
                                        "connection",
                                        "via",
                                        "cache-control",
                                        "pragma",
                                        "dnt",
                                        "content-length",
                                        "te",
                                        "x-request-id",
                                        "traceparent",
                                        "forwarded",
                                        "x-real-ip",
                                        "true-client-ip"};
    static const char *const families[] = {
        ":",    "access-control-request-", "sec-", "x-forwarded-", "x-envoy-", "cf-", "cloudfront-",
        "x-b3-"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (hr_str_eq_nocase(name, hr_str_from(known[i])))
            return true;
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        if (hr_str_starts_nocase(name, hr_str_from(families[i])))
            return true;
    return false;
}

/* The condition that no preflight request meets; absent: one may match. */
static hr_str preflight_lacks(const hr_match_request *m) {
    if (m->method.kind == HR_SM_EXACT && !hr_str_eq_c(m->method.value, "OPTIONS"))
        return HR_STR("method");
    for (size_t i = 0; i < m->n_headers; i++)
        if (!preflight_may_have(m->headers[i].name))
            return m->headers[i].name;
    return (hr_str){0};
}

static bool preflight_may_match(const hr_spec_http_route *route, hr_str *lacks) {
    for (size_t i = 0; i < route->n_match; i++) {
        *lacks = preflight_lacks(&route->match[i]);
        if (lacks->p == NULL)
            return true;
    }
    return route->n_match == 0;
}

/* Another rule may answer the preflight: then it is that rule's policy which counts. */
static void lint_preflights(hr_linter *l, const hr_spec_virtual_service *vs) {
    hr_str lacks;
    for (size_t i = 0; i < vs->n_http; i++)
        if (vs->http[i].cors_policy != NULL && preflight_may_match(&vs->http[i], &lacks))
            return;
    for (size_t i = 0; i < vs->n_http; i++) {
        const hr_spec_http_route *route = &vs->http[i];
        if (route->cors_policy == NULL || preflight_may_match(route, &lacks))
            continue;
        hr_diag_note(l->d, route->cors_policy->pos, "cors-preflight",
                     HR_LINT_FIELD(l, "spec.http[%zu].corsPolicy", i),
                     "no preflight request gets here: browsers send OPTIONS without the values of "
                     "this rule's matches (%.*s); put corsPolicy on a rule with the match "
                     "`method: {exact: OPTIONS}` as well",
                     HR_LINT_STR(lacks));
    }
}

/* ---- consistent hashing ---- */

/* The DestinationRule that gives a destination a hash key; NULL: none. */
static const hr_mesh_destination_rule *hash_rule(hr_linter *l, const hr_spec_destination *d,
                                                 hr_str namespace_) {
    const hr_mesh_service *svc =
        hr_registry_find(&l->table->registry, hr_arena_lower(l->arena, d->host), namespace_);
    const hr_mesh_destination_rule *rule =
        svc == NULL ? NULL : hr_rule_find(&l->table->rules, svc, namespace_, NULL, 0);
    return rule != NULL && hr_rule_route_hash(rule, d->subset, d->port) != NULL ? rule : NULL;
}

static void lint_hash(hr_linter *l, const hr_spec_virtual_service *vs, size_t index) {
    const hr_spec_http_route *route = &vs->http[index];
    size_t weighted = 0;
    for (size_t i = 0; i < route->n_route; i++)
        weighted += route->route[i].weight > 0;
    for (size_t i = 0; weighted > 1 && i < route->n_route; i++) {
        const hr_spec_route_destination *to = &route->route[i];
        const hr_mesh_destination_rule *rule =
            to->weight > 0 ? hash_rule(l, &to->destination, vs->meta.namespace_) : NULL;
        if (rule == NULL)
            continue;
        hr_diag_note(l->d, to->pos, "hash-behind-weights",
                     HR_LINT_FIELD(l, "spec.http[%zu].route[%zu]", index, i),
                     "consistentHash of the DestinationRule %s keeps a client on one pod of this "
                     "destination only: the weights choose the destination anew for each request; "
                     "split by a header or cookie instead of weights",
                     hr_lint_name(l, &rule->first->meta, rule->first->pos));
        return;
    }
}

void hr_lint_policies(hr_linter *l) {
    for (size_t i = 0; i < l->resources->n_virtual_services && !hr_arena_failed(l->arena); i++) {
        const hr_spec_virtual_service *vs = &l->resources->virtual_services[i];
        lint_rewrites(l, vs);
        lint_preflights(l, vs);
        for (size_t h = 0; h < vs->n_http; h++) {
            lint_timeouts(l, &vs->http[h], h);
            lint_abort(l, &vs->http[h], h);
            lint_hash(l, vs, h);
        }
    }
}
