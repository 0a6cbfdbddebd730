/* Writes the gateway's own answers and applies the route's operations on response headers. */
#include "reply.h"

#include <stdio.h>
#include <string.h>

#include "decimal.h"
#include "grpc.h"

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
    const sv_exchange *ex = r->ex;
    uint64_t elapsed = sv_now_ns() - ex->start_ns;
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
    facts[0] = (hr_pair){HR_STR("UPSTREAM_PROTOCOL"),
                         r->out.http2 ? HR_STR("HTTP/2") : HR_STR("HTTP/1.1")};
    facts[1] = (hr_pair){HR_STR("RESPONSE_DURATION"),
                         {duration, (size_t)(sv_put_uint(duration, head_ns / 1000000) - duration)}};
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

/* Sends what is complete already. `fields` are copied. */
static void reply_answer(gw_request *r, int status, const hr_pair *fields, size_t n, hr_str body) {
    sv_exchange *ex = r->ex;
    gw_response_ops(r, status, &fields, &n);
    hr_str copy = sv_pool_copy(ex->pool, body);
    int head = sv_str_is(ex->request.method, "HEAD");
    bool bare = sv_exchange_is_grpc(ex); /* without content-length, as gRPC has it */
    sv_relay_begin(&r->relay, status, fields, n, bare ? SV_UNKNOWN_LENGTH : body.len);
    sv_relay_send(&r->relay, copy.p, head ? 0 : copy.len, 1);
}

/* Of the gRPC status that corresponds to an HTTP status. */
static hr_str status_digits(int http_status) {
    return sv_grpc_status_digits(sv_grpc_status_of_http(http_status));
}

/* Trailers-Only: status and message are in the head, and no content follows. */
static void answer_grpc(gw_request *r, hr_str status, const hr_pair *extra, size_t n_extra,
                        hr_str body) {
    hr_pair fields[5];
    size_t n = 0;
    for (; n < n_extra; n++)
        fields[n] = extra[n];
    fields[n++] = (hr_pair){HR_STR("content-type"), HR_STR("application/grpc")};
    fields[n++] = (hr_pair){HR_STR("grpc-status"), status};
    char *message = sv_pool_alloc(r->ex->pool, SV_GRPC_MESSAGE_SIZE(body.len) + 1);
    if (body.len > 0)
        fields[n++] = (hr_pair){HR_STR("grpc-message"), sv_grpc_encode_message(message, body)};
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
    if (sv_is_grpc_request(r->ex)) {
        answer_grpc(r,
                    ending->grpc_status != 0 ? sv_grpc_status_digits(ending->grpc_status)
                                             : status_digits(status),
                    fields, n, body);
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
    note_outcome(r, outcome);
    hr_str body = hr_str_from(gw_ending_of(outcome)->body);
    if (sv_is_grpc_request(r->ex))
        answer_grpc(r, sv_grpc_status_digits(grpc_status), NULL, 0, body);
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
    if (sv_is_grpc_request(r->ex))
        answer_grpc(r, status_digits(r->decision.redirect_code), &location, 1, HR_STR(""));
    else
        reply_answer(r, r->decision.redirect_code, &location, 1, HR_STR(""));
}

void gw_direct_response(gw_request *r) {
    const hr_decision *d = &r->decision;
    hr_pair fields[2];
    size_t n = 0;
    if (d->redirect_location.p != NULL)
        fields[n++] = (hr_pair){HR_STR("location"), d->redirect_location};
    note_outcome(r, GW_DIRECT);
    if (sv_is_grpc_request(r->ex)) {
        answer_grpc(r, status_digits(d->direct_response_status), fields, n,
                    d->direct_response_body);
        return;
    }
    if (d->direct_response_body.len > 0)
        fields[n++] = (hr_pair){HR_STR("content-type"), HR_STR("text/plain")};
    reply_answer(r, d->direct_response_status, fields, n, d->direct_response_body);
}
