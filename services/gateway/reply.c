/* Writes the gateway's own answers and applies the route's operations on response headers. */
#include "reply.h"

#include <stdio.h>
#include <string.h>

#include "decimal.h"

void gw_flag(gw_request *r, const char *flag) {
    size_t len = strlen(r->flags);
    if (flag == NULL || strstr(r->flags, flag) != NULL)
        return;
    snprintf(r->flags + len, sizeof(r->flags) - len, "%s%s", len > 0 ? "," : "", flag);
    r->ex->response_flags = r->flags;
}

/* What formatter commands in the operations may ask for. */
static void describe_answer(const gw_request *r, hr_response *out, hr_pair facts[2],
                            char duration[24]) {
    const hr_exchange *ex = r->ex;
    uint64_t elapsed = hr_now_ns() - ex->start_ns;
    out->local = r->outcome != GW_ANSWERED;
    out->flags = hr_str_from(ex->response_flags);
    out->details = hr_str_from(ex->details);
    out->attempts = r->tries;
    out->time_us = (int64_t)(ex->start_wall_us + elapsed / 1000);
    out->facts = facts;
    if (r->tries > 0)
        out->upstream_address = ex->upstream_host;
    if (out->local)
        return;
    uint64_t head_ns = r->forward_ns - ex->start_ns + ex->upstream_ns;
    facts[0] = (hr_pair){HR_STR("UPSTREAM_PROTOCOL"), HR_STR("HTTP/1.1")};
    facts[1] = (hr_pair){HR_STR("RESPONSE_DURATION"),
                         {duration, (size_t)(hr_put_uint(duration, head_ns / 1000000) - duration)}};
    out->n_facts = 2;
}

void gw_response_ops(gw_request *r, int status, const hr_pair **fields, size_t *n) {
    if (r->decision.n_response_headers == 0)
        return;
    const hr_pair *changed;
    size_t n_changed;
    char duration[24];
    hr_response response = HR_RESPONSE_INIT;
    hr_pair facts[2];
    response.status = status;
    response.headers = *fields;
    response.n_headers = *n;
    describe_answer(r, &response, facts, duration);
    if (hr_response_headers(&changed, &n_changed, &r->decision, &r->in, &response,
                            r->scratch->scratch) == HR_OK) {
        *fields = changed;
        *n = n_changed;
    }
}

static int reply_is_grpc(const gw_request *r) {
    hr_str type = hr_request_header(r->ex, "content-type");
    static const char grpc[] = "application/grpc";
    size_t n = sizeof(grpc) - 1;
    return type.len >= n && memcmp(type.p, grpc, n) == 0 &&
           (type.len == n || type.p[n] == '+' || type.p[n] == ';');
}

/* gRPC clients learn of errors by grpc-status; this is Envoy's (and gRPC's own) mapping. */
static const char *grpc_status(int http) {
    switch (http) {
    case 400:
        return "13";
    case 401:
        return "16";
    case 403:
        return "7";
    case 404:
        return "12";
    case 429:
    case 502:
    case 503:
    case 504:
        return "14";
    default:
        return "2";
    }
}

/* Sends what is complete already. `fields` are copied. */
static void reply_answer(gw_request *r, int status, const hr_pair *fields, size_t n, hr_str body) {
    hr_exchange *ex = r->ex;
    gw_response_ops(r, status, &fields, &n);
    hr_str copy = sv_pool_copy(ex->pool, body);
    int head = hr_str_is(ex->request.method, "HEAD");
    hr_relay_begin(&r->relay, status, fields, n, body.len);
    hr_relay_send(&r->relay, copy.p, head ? 0 : copy.len, 1);
}

static void answer_grpc(gw_request *r, const char *status, const hr_pair *extra, size_t n_extra,
                        hr_str body) {
    hr_pair fields[4];
    size_t n = 0;
    for (; n < n_extra; n++)
        fields[n] = extra[n];
    fields[n++] = (hr_pair){HR_STR("content-type"), HR_STR("application/grpc")};
    fields[n++] = (hr_pair){HR_STR("grpc-status"), hr_str_from(status)};
    if (body.len > 0)
        fields[n++] = (hr_pair){HR_STR("grpc-message"), body};
    reply_answer(r, 200, fields, n, HR_STR(""));
}

/* What the log line and the operations on headers show of it. */
static void note_outcome(gw_request *r, gw_outcome outcome) {
    const gw_ending *ending = gw_ending_of(outcome);
    r->outcome = outcome;
    gw_flag(r, ending->flag);
    r->ex->details = r->details != NULL ? r->details : ending->details;
}

void gw_end_with(gw_request *r, gw_outcome outcome, int status, hr_str body) {
    const gw_ending *ending = gw_ending_of(outcome);
    hr_pair fields[4];
    size_t n = 0;
    note_outcome(r, outcome);
    for (; n < ending->n_extra; n++)
        fields[n] = ending->extra[n];
    if (reply_is_grpc(r)) {
        answer_grpc(r, grpc_status(status), fields, n, body);
        return;
    }
    if (body.len > 0)
        fields[n++] = (hr_pair){HR_STR("content-type"), HR_STR("text/plain")};
    reply_answer(r, status, fields, n, body);
}

static hr_str reset_sentence(gw_request *r, const char *reason) {
    int len =
        snprintf(r->body, sizeof(r->body),
                 "upstream connect error or disconnect/reset before headers. %s: %s",
                 r->tries > 1 ? "retried and the latest reset reason" : "reset reason", reason);
    return (hr_str){r->body, (size_t)len};
}

void gw_end(gw_request *r, gw_outcome outcome) {
    const gw_ending *ending = gw_ending_of(outcome);
    hr_str body = ending->is_reset ? reset_sentence(r, ending->body) : hr_str_from(ending->body);
    gw_end_with(r, outcome, ending->status, body);
}

void gw_end_grpc(gw_request *r, gw_outcome outcome, int grpc_status) {
    static const hr_pair plain = {{"content-type", 12}, {"text/plain", 10}};
    char *status = sv_pool_alloc(r->ex->pool, 12);
    snprintf(status, 12, "%d", grpc_status);
    note_outcome(r, outcome);
    hr_str body = hr_str_from(gw_ending_of(outcome)->body);
    if (reply_is_grpc(r))
        answer_grpc(r, status, NULL, 0, body);
    else
        reply_answer(r, 200, &plain, 1, body);
}

void gw_cut(gw_request *r, gw_outcome outcome) {
    const gw_ending *ending = gw_ending_of(outcome);
    gw_flag(r, ending->flag);
    r->ex->details = ending->cut != NULL ? ending->cut : ending->details;
}

void gw_answer(gw_request *r, gw_outcome outcome, const hr_pair *fields, size_t n) {
    note_outcome(r, outcome);
    reply_answer(r, gw_ending_of(outcome)->status, fields, n, HR_STR(""));
}

void gw_redirect(gw_request *r) {
    hr_pair location = {HR_STR("location"), r->decision.redirect_location};
    note_outcome(r, GW_DIRECT);
    reply_answer(r, r->decision.redirect_code, &location, 1, HR_STR(""));
}

void gw_direct_response(gw_request *r) {
    const hr_decision *d = &r->decision;
    hr_pair fields[2];
    size_t n = 0;
    if (d->redirect_location.p != NULL)
        fields[n++] = (hr_pair){HR_STR("location"), d->redirect_location};
    if (d->direct_response_body.len > 0)
        fields[n++] = (hr_pair){HR_STR("content-type"), HR_STR("text/plain")};
    note_outcome(r, GW_DIRECT);
    reply_answer(r, d->direct_response_status, fields, n, d->direct_response_body);
}
