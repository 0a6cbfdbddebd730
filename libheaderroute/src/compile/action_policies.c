/* Compiles the policies of a route: retries, faults, CORS, mirrors and hash keys. */
#include "action_policies.h"

#include <stdlib.h>

#include "cluster.h"
#include "destination.h"
#include "http_policies.h"
#include "http_route.h"
#include "load_balancer.h"
#include "text.h"

/* ---- retries ---- */

typedef HR_LIST(hr_str) str_list;
typedef HR_LIST(uint16_t) code_list;

/* Go's http.StatusText knows these; other numbers in retryOn are taken for conditions. */
static bool is_http_status(unsigned code) {
    static const struct {
        unsigned from, to;
    } known[] = {{100, 103}, {200, 208}, {226, 226}, {300, 305}, {307, 308}, {400, 418},
                 {421, 426}, {428, 429}, {431, 431}, {451, 451}, {500, 508}, {510, 511}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (code >= known[i].from && code <= known[i].to)
            return true;
    return false;
}

static unsigned retry_number(hr_str s) {
    unsigned n = 0;
    if (s.len == 0 || s.len > 5)
        return 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return 0;
        n = n * 10 + (unsigned)(s.p[i] - '0');
    }
    return n;
}

static hr_str trim(hr_str s) {
    while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = hr_str_tail(s, 1);
    while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
        s.len--;
    return s;
}

static void parse_retry_on(hr_view_build *vb, hr_retry_policy *out, hr_str text) {
    str_list conditions = {0};
    code_list codes = {0};
    bool has_codes_condition = false;
    while (text.p != NULL && text.len > 0) {
        size_t comma = hr_str_find(text, ',', 0);
        hr_str item = trim(hr_str_of(text.p, comma));
        text = hr_str_tail(text, comma < text.len ? comma + 1 : comma);
        unsigned code = retry_number(item);
        if (item.len == 0)
            continue;
        if (is_http_status(code)) {
            HR_PUSH(vb->arena, &codes, (uint16_t)code);
        } else {
            has_codes_condition |= hr_str_eq_c(item, "retriable-status-codes");
            HR_PUSH(vb->arena, &conditions, item);
        }
    }
    if (codes.n > 0 && !has_codes_condition)
        HR_PUSH(vb->arena, &conditions, HR_STR("retriable-status-codes"));
    out->retry_on = conditions.v;
    out->n_retry_on = conditions.n;
    out->status_codes = codes.v;
    out->n_status_codes = codes.n;
}

static const hr_str default_retry_on[] = {
    {"connect-failure", 15}, {"refused-stream", 14},         {"unavailable", 11},
    {"cancelled", 9},        {"retriable-status-codes", 22},
};

const hr_retry_policy *hr_retries_compile(hr_view_build *vb, const hr_spec_retries *in,
                                          bool consistent) {
    if (in != NULL && in->attempts <= 0)
        return NULL;
    hr_retry_policy *out = HR_NEW(vb->arena, hr_retry_policy);
    *out = (hr_retry_policy){
        .attempts = 2,
        .retry_on = default_retry_on,
        .n_retry_on = sizeof(default_retry_on) / sizeof(default_retry_on[0]),
        .per_try_timeout_ms = -1,
        .backoff_ms = 25,
        .ignore_previous_hosts = !consistent,
    };
    if (in == NULL)
        return out;
    out->attempts = (int32_t)in->attempts;
    if (in->retry_on.len > 0)
        parse_retry_on(vb, out, in->retry_on);
    if (in->per_try_timeout_ns >= 0)
        out->per_try_timeout_ms = in->per_try_timeout_ns / 1000000;
    if (in->backoff_ns >= 0)
        out->backoff_ms = in->backoff_ns / 1000000;
    out->remote_localities = in->retry_remote_localities == 1;
    if (in->retry_ignore_previous_hosts >= 0)
        out->ignore_previous_hosts = in->retry_ignore_previous_hosts;
    return out;
}

/* ---- fault ---- */

static uint32_t parts_per_million(double percentage) {
    double parts = percentage * 10000;
    if (!(parts > 0))
        return 0;
    return parts >= 1000000 ? 1000000 : (uint32_t)parts;
}

void hr_fault_compile(hr_view_action *plan, const hr_spec_fault *in) {
    if (in == NULL)
        return;
    hr_decision *first = &plan->targets[0].decision;
    if (in->has_delay && in->fixed_delay_ns >= 0) {
        first->delay_ms = in->fixed_delay_ns / 1000000;
        plan->delay_parts = in->delay_percentage >= 0 ? parts_per_million(in->delay_percentage)
                                                      : parts_per_million(in->delay_percent);
    }
    if (in->has_abort) {
        first->abort_status = in->abort_http_status;
        first->abort_grpc_status =
            in->abort_grpc_status.len > 0 ? in->abort_grpc_status : (hr_str){0};
        plan->abort_parts = in->abort_percentage >= 0 ? parts_per_million(in->abort_percentage) : 0;
    }
    for (size_t i = 1; i < plan->n_targets; i++) {
        plan->targets[i].decision.delay_ms = first->delay_ms;
        plan->targets[i].decision.abort_status = first->abort_status;
        plan->targets[i].decision.abort_grpc_status = first->abort_grpc_status;
    }
    plan->needs_request |= plan->delay_parts > 0 || plan->abort_parts > 0;
}

/* ---- CORS ---- */

static void add_origin(hr_view_build *vb, hr_origin_match *out, const hr_regex **regex,
                       const hr_string_match *in) {
    static const hr_string_match_kind kinds[] = {[HR_SM_EXACT] = HR_MATCH_EXACT,
                                                 [HR_SM_PREFIX] = HR_MATCH_PREFIX,
                                                 [HR_SM_REGEX] = HR_MATCH_REGEX};
    out->kind = kinds[in->kind];
    out->value = in->value;
    if (in->kind == HR_SM_REGEX)
        *regex = hr_table_regex(vb->table, in->value);
}

void hr_cors_compile(hr_view_build *vb, hr_view_action *plan, const hr_spec_cors_policy *in) {
    if (in == NULL)
        return;
    size_t n = in->n_allow_origins > 0 ? in->n_allow_origins : in->allow_origin.n;
    hr_origin_match *origins = HR_ARRAY(vb->arena, hr_origin_match, n);
    const hr_regex **regexes = HR_ARRAY(vb->arena, const hr_regex *, n);
    if (origins == NULL || regexes == NULL)
        return;
    size_t count = 0;
    for (size_t i = 0; i < in->n_allow_origins; i++) {
        const hr_string_match *m = &in->allow_origins[i];
        if (m->kind == HR_SM_EXACT || m->kind == HR_SM_PREFIX || m->kind == HR_SM_REGEX) {
            add_origin(vb, &origins[count], &regexes[count], m);
            count++;
        }
    }
    for (size_t i = 0; in->n_allow_origins == 0 && i < in->allow_origin.n; i++)
        origins[count++] = (hr_origin_match){HR_MATCH_EXACT, in->allow_origin.v[i]};
    hr_cors_policy *out = HR_NEW(vb->arena, hr_cors_policy);
    *out = (hr_cors_policy){
        .allow_origins = origins,
        .n_allow_origins = count,
        .allow_methods = in->allow_methods.v,
        .n_allow_methods = in->allow_methods.n,
        .allow_headers = in->allow_headers.v,
        .n_allow_headers = in->allow_headers.n,
        .expose_headers = in->expose_headers.v,
        .n_expose_headers = in->expose_headers.n,
        .max_age_s = in->max_age_ns < 0 ? -1 : in->max_age_ns / 1000000000,
        .allow_credentials = in->allow_credentials,
        .forward_unmatched_preflights = in->unmatched_preflights != 2,
    };
    plan->cors_origins = origins;
    plan->cors_regexes = regexes;
    for (size_t i = 0; i < plan->n_targets; i++)
        plan->targets[i].decision.cors = out;
    plan->needs_request = true;
}

/* ---- mirrors ---- */

/* mirrorPercentage has precedence over the deprecated integer; unset means all requests, 0 means
 * none. */
static double single_percentage(const hr_spec_http_route *http) {
    if (http->mirror_percentage >= 0)
        return http->mirror_percentage;
    return http->mirror_percent >= 0 ? (double)http->mirror_percent : 100;
}

static void set_mirror_cluster(hr_view_build *vb, hr_mirror *out, const hr_spec_destination *in,
                               const hr_compile_scope *scope) {
    hr_view_destination r = hr_destination_resolve(vb, in, scope);
    out->cluster_name = hr_cluster_name(vb->arena, r.host, r.port, r.subset);
    out->cluster = hr_cluster_get(vb, r.host, r.port, r.subset);
}

void hr_mirrors_compile(hr_view_build *vb, hr_view_action *plan, const hr_spec_http_route *http,
                        const hr_compile_scope *scope) {
    hr_mirror *mirrors = HR_ARRAY(vb->arena, hr_mirror, http->n_mirrors + 1);
    if (mirrors == NULL)
        return;
    size_t n = 0;
    if (http->mirror != NULL && single_percentage(http) > 0) {
        mirrors[n].percentage = single_percentage(http);
        set_mirror_cluster(vb, &mirrors[n++], &http->mirror->destination, scope);
    }
    for (size_t i = 0; i < http->n_mirrors; i++) {
        double percentage = http->mirrors[i].percentage < 0 ? 100 : http->mirrors[i].percentage;
        if (percentage <= 0)
            continue;
        mirrors[n].percentage = percentage;
        set_mirror_cluster(vb, &mirrors[n++], &http->mirrors[i].destination, scope);
    }
    if (n == 0)
        return;
    for (size_t i = 0; i < plan->n_targets; i++) {
        plan->targets[i].decision.mirrors = mirrors;
        plan->targets[i].decision.n_mirrors = n;
    }
    plan->needs_request = true;
}

/* ---- hash policy ---- */

hr_hash_policy hr_hash_policy_of(const hr_spec_load_balancer *in) {
    hr_hash_policy out = {.kind = in->hash_kind, .ttl_ms = -1};
    if (in->hash_kind != HR_HASH_SOURCE_IP)
        out.name = in->hash_name;
    if (in->hash_kind == HR_HASH_COOKIE) {
        out.path = in->cookie_path.len > 0 ? in->cookie_path : (hr_str){0};
        out.ttl_ms = in->cookie_ttl_ns < 0 ? -1 : in->cookie_ttl_ns / 1000000;
    }
    return out;
}
