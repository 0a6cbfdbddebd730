/* HTTPRetry: which failures and answers are tried again, and how long is waited before. */
#include "retry.h"

#include <string.h>

#include "loop.h"
#include "reply.h"

/* Envoy's retry policies. */
enum {
    ON_5XX = 1,
    ON_GATEWAY_ERROR = 2,
    ON_RESET = 4,
    ON_RESET_BEFORE_REQUEST = 8,
    ON_CONNECT_FAILURE = 16,
    ON_RETRIABLE_4XX = 32,
    ON_STATUS_CODES = 64,
    ON_RATELIMITED = 128,
    ON_GRPC_CANCELLED = 256,
    ON_GRPC_DEADLINE = 512,
    ON_GRPC_INTERNAL = 1024,
    ON_GRPC_EXHAUSTED = 2048,
    ON_GRPC_UNAVAILABLE = 4096,
    ON_REFUSED_STREAM = 8192
};

static const struct condition {
    const char *name;
    unsigned bit;
    const char *grpc_status; /* of an answer that it is about */
} conditions[] = {
    {"5xx", ON_5XX, NULL},
    {"gateway-error", ON_GATEWAY_ERROR, NULL},
    {"reset", ON_RESET, NULL},
    {"reset-before-request", ON_RESET_BEFORE_REQUEST, NULL},
    {"connect-failure", ON_CONNECT_FAILURE, NULL},
    {"retriable-4xx", ON_RETRIABLE_4XX, NULL},
    {"retriable-status-codes", ON_STATUS_CODES, NULL},
    {"envoy-ratelimited", ON_RATELIMITED, NULL},
    {"refused-stream", ON_REFUSED_STREAM, NULL},
    {"cancelled", ON_GRPC_CANCELLED, "1"},
    {"deadline-exceeded", ON_GRPC_DEADLINE, "4"},
    {"internal", ON_GRPC_INTERNAL, "13"},
    {"resource-exhausted", ON_GRPC_EXHAUSTED, "8"},
    {"unavailable", ON_GRPC_UNAVAILABLE, "14"},
};

static int retry_field_is(hr_str s, const char *text) {
    if (s.len > 0 && s.p[0] != text[0])
        return 0;
    return s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

static unsigned conditions_of(const hr_retry_policy *policy) {
    unsigned bits = 0;
    for (size_t i = 0; i < policy->n_retry_on; i++)
        for (size_t c = 0; c < sizeof(conditions) / sizeof(conditions[0]); c++)
            if (retry_field_is(policy->retry_on[i], conditions[c].name))
                bits |= conditions[c].bit;
    return bits;
}

static hr_str retry_field(const sv_http1_response *head, const char *name) {
    for (size_t i = 0; i < head->n_fields; i++)
        if (retry_field_is(head->fields[i].name, name))
            return head->fields[i].value;
    return (hr_str){NULL, 0};
}

/* The endpoint went away before it said anything. Envoy lets such a request fail unless the policy
 * names resets; here what may be sent twice goes to another endpoint where connect failures do, as
 * by Istio's default, so that a replica that dies loses no idempotent request. */
static int went_away(const gw_request *r, sv_up_error error) {
    const sv_up_exchange *up = r->relay.up;
    return (error == SV_UP_RESET || error == SV_UP_CLOSED) && !sv_up_received(up) &&
           (!sv_up_sent(up) || sv_up_is_idempotent(r->in.method)) &&
           r->lc->config->clusters[r->cluster].cluster->n_endpoints > 1;
}

static int wants_error(const gw_request *r, unsigned on, sv_up_error error) {
    int sent = r->relay.up != NULL && sv_up_sent(r->relay.up);
    int connect = error == SV_UP_CONNECT || error == SV_UP_CONNECT_TIMEOUT ||
                  error == SV_UP_RESOLVE || error == SV_UP_TLS;
    /* Envoy counts a reset as the 5xx that it would become. */
    if (on & (ON_5XX | ON_GATEWAY_ERROR | ON_RESET))
        return 1;
    if ((on & ON_CONNECT_FAILURE) && (connect || went_away(r, error)))
        return 1;
    if ((on & ON_REFUSED_STREAM) && error == SV_UP_REFUSED)
        return 1;
    return !sent && (on & ON_RESET_BEFORE_REQUEST);
}

static int wants_answer(unsigned on, const hr_retry_policy *policy, const sv_http1_response *head) {
    int status = head->status;
    if ((on & ON_5XX) && status >= 500)
        return 1;
    if ((on & ON_GATEWAY_ERROR) && status >= 502 && status <= 504)
        return 1;
    if ((on & ON_RETRIABLE_4XX) && status == 409)
        return 1;
    if ((on & ON_RATELIMITED) && retry_field(head, "x-envoy-ratelimited").p != NULL)
        return 1;
    for (size_t i = 0; i < policy->n_status_codes && (on & ON_STATUS_CODES); i++)
        if (policy->status_codes[i] == status)
            return 1;
    hr_str grpc = retry_field(head, "grpc-status");
    for (size_t c = 0; c < sizeof(conditions) / sizeof(conditions[0]) && grpc.p != NULL; c++)
        if ((on & conditions[c].bit) && conditions[c].grpc_status != NULL &&
            retry_field_is(grpc, conditions[c].grpc_status))
            return 1;
    return 0;
}

/* Full jitter over a doubling interval of at most ten times the base, as Envoy waits. */
static uint64_t back_off_ms(gw_request *r, const hr_retry_policy *policy) {
    uint64_t base = policy->backoff_ms > 0 ? (uint64_t)policy->backoff_ms : 25, interval = base;
    for (uint32_t i = 1; i < r->tries && interval < base * 10; i++)
        interval *= 2;
    if (interval > base * 10)
        interval = base * 10;
    return gw_random(r->loop) % interval;
}

/* What no condition is about: a success without the gRPC status of a failure. */
static int is_plain_success(const hr_retry_policy *policy, const sv_http1_response *head) {
    return head->status < 400 && policy->n_status_codes == 0 &&
           retry_field(head, "grpc-status").p == NULL &&
           retry_field(head, "x-envoy-ratelimited").p == NULL;
}

/* How many requests of the cluster may be retried at a time, -1 for any number. A retry budget is a
 * share of the requests that are active or pending, among them this one, unless it found no
 * connection: Envoy has then removed it from the pending ones already. */
static int64_t retries_allowed(const gw_request *r, const gw_cluster *cluster, sv_up_error error) {
    const hr_traffic_policy *p = cluster->cluster->policy;
    if (!p->retry_budget)
        return p->max_retries;
    int64_t active =
        (int64_t)atomic_load_explicit(&cluster->shared->requests, memory_order_relaxed) +
        atomic_load_explicit(&cluster->shared->pending, memory_order_relaxed);
    if (error == SV_UP_CONNECT || error == SV_UP_CONNECT_TIMEOUT || error == SV_UP_RESOLVE ||
        error == SV_UP_TLS)
        active -= r->counted;
    int64_t share = (int64_t)(p->retry_budget_percent / 100 * (double)active);
    int64_t least = p->retry_budget_min_concurrency;
    return share > least ? share : least;
}

int gw_retry(gw_request *r, sv_up_error error, const sv_http1_response *head) {
    const hr_retry_policy *policy = r->decision.retries;
    if (policy == NULL || policy->attempts <= 0 || r->relay.started)
        return 0;
    if (error == 0 && is_plain_success(policy, head))
        return 0;
    /* The deadline of the whole request leaves nothing to try for. */
    if (error == SV_UP_DEADLINE && r->deadline_at != 0 && sv_timers_now() >= r->deadline_at)
        return 0;
    unsigned on = conditions_of(policy);
    if (!(error != 0 ? wants_error(r, on, error) : wants_answer(on, policy, head)))
        return 0;
    if (r->tries > (uint32_t)policy->attempts) {
        gw_flag(r, "URX");
        return 0;
    }
    const gw_cluster *cluster = &r->lc->config->clusters[r->cluster];
    int64_t most = retries_allowed(r, cluster, error);
    /* A retry that is over, as this request's own is, counts no more. */
    if (most >= 0 &&
        (int64_t)atomic_load_explicit(&cluster->shared->retries, memory_order_relaxed) -
                r->retrying >=
            most) {
        gw_flag(r, "UO");
        return 0;
    }
    if (!gw_can_send_again(r))
        return 0;
    if (r->tries <= GW_MAX_TRIED)
        r->tried[r->tries - 1] = (uint32_t)r->index;
    return 1;
}

void gw_retry_count(gw_request *r) {
    r->retrying = 1;
    atomic_fetch_add_explicit(&r->lc->config->clusters[r->cluster].shared->retries, 1,
                              memory_order_relaxed);
}

uint64_t gw_retry_at(gw_request *r) {
    uint64_t at = sv_timers_now() + back_off_ms(r, r->decision.retries);
    return r->deadline_at != 0 && r->deadline_at < at ? r->deadline_at : at;
}
