/* Between a downstream exchange and an upstream one. */
#include "forward.h"

#include <string.h>

#include "answer.h"
#include "grpc.h"

static int pair_is(const hr_pair *pair, hr_str name) {
    return pair->name.len == name.len && memcmp(pair->name.p, name.p, name.len) == 0;
}

/* ---- requests ---------------------------------------------------------------------------- */

/* The authority and the expectation are the next connection's, too. */
static size_t strip(hr_pair *fields, size_t n) {
    size_t kept = 0;
    n = sv_http_strip_hop_by_hop(fields, n);
    for (size_t i = 0; i < n; i++) {
        if (!pair_is(&fields[i], HR_STR("host")) && !pair_is(&fields[i], HR_STR("expect")))
            fields[kept++] = fields[i];
    }
    return kept;
}

hr_pair *sv_forward_fields(sv_exchange *ex, size_t *n, size_t spare) {
    const sv_http1_request *request = &ex->request;
    hr_pair *fields = sv_pool_alloc(ex->pool, (request->n_fields + spare + 1) * sizeof(*fields));
    if (request->n_fields > 0)
        memcpy(fields, request->fields, request->n_fields * sizeof(*fields));
    *n = strip(fields, request->n_fields);
    return fields;
}

size_t sv_forward_add(sv_exchange *ex, hr_pair *fields, size_t n) {
    int has_id = 0;
    for (size_t i = 0; i < n && !has_id; i++)
        has_id = pair_is(&fields[i], HR_STR("x-request-id")) && fields[i].value.len > 0;
    if (!has_id)
        fields[n++] = (hr_pair){HR_STR("x-request-id"), ex->request_id};
    /* A list field may come in many lines: a line of our own after the others says the same. */
    fields[n++] = (hr_pair){HR_STR("via"), sv_server_via(ex->loop->server)};
    return n;
}

bool sv_is_grpc_request(const sv_exchange *ex) {
    return sv_grpc_is_content_type(sv_request_header(ex, "content-type"));
}

bool sv_forward_te_trailers(const sv_exchange *ex) {
    const sv_http1_request *request = &ex->request;
    for (size_t i = 0; i < request->n_fields; i++)
        if (pair_is(&request->fields[i], HR_STR("te")) &&
            sv_http_list_has_token(request->fields[i].value, HR_STR("trailers")))
            return true;
    return sv_is_grpc_request(ex);
}

hr_str sv_forward_body(const sv_exchange *ex) {
    hr_str method = ex->request.method;
    if (ex->has_body)
        return (hr_str){ex->body.p, ex->body.len};
    /* RFC 9110 section 8.6: these say Content-Length: 0 where there is nothing. */
    if (sv_str_is(method, "POST") || sv_str_is(method, "PUT") || sv_str_is(method, "PATCH"))
        return HR_STR("");
    return (hr_str){NULL, 0};
}

/* ---- answers ----------------------------------------------------------------------------- */

/* One copy of all names and values: the upstream's buffer is gone before the log line is written.
 */
void sv_forward_answer_fields(sv_exchange *ex, const hr_pair *fields, size_t n) {
    size_t size = 0;
    for (size_t i = 0; i < n; i++)
        size += fields[i].name.len + fields[i].value.len;
    char *at = sv_pool_alloc(ex->pool, size + 1);
    sv_answer_reserve(ex, n + 6);
    for (size_t i = 0; i < n; i++) {
        if (pair_is(&fields[i], HR_STR("date")))
            continue;
        hr_str name = {at, fields[i].name.len};
        memcpy(at, fields[i].name.p, name.len);
        at += name.len;
        hr_str value = {at, fields[i].value.len};
        if (value.len > 0)
            memcpy(at, fields[i].value.p, value.len);
        at += value.len;
        sv_answer_field(ex, name, value);
    }
}

const hr_pair *sv_forward_trailers(sv_exchange *ex, const hr_pair *fields, size_t n) {
    hr_pair *copy = sv_pool_alloc(ex->pool, n * sizeof(*copy));
    for (size_t i = 0; i < n; i++)
        copy[i] = (hr_pair){sv_pool_copy(ex->pool, fields[i].name),
                            sv_pool_copy(ex->pool, fields[i].value)};
    return copy;
}

/* Of an answer's head: as fields, with Via joined, and as it is sent. */
#define ANSWER_HEAD_COPIES 3
#define LARGE_ANSWER_HEAD ((size_t)8 << 10)
/* A connection either sends a request or reads an answer. One that does both fills the buffers of
 * the other direction, too: the kernel's of the client's and the upstream's connection (128 and 64
 * KiB where there are many), and the window of what is sent. Streams of HTTP/2 share the client's
 * connection. */
#define BOTH_DIRECTIONS ((size_t)224 << 10)
#define BOTH_DIRECTIONS_HTTP2 ((size_t)96 << 10)

bool sv_relay_charge(sv_exchange *ex, const hr_pair *fields, size_t n, bool client_sends) {
    size_t size = 0, cost = 0;
    for (size_t i = 0; i < n; i++)
        size += fields[i].name.len + fields[i].value.len;
    if (size > LARGE_ANSWER_HEAD)
        cost = ANSWER_HEAD_COPIES * size;
    if (client_sends)
        cost += ex->http2 ? BOTH_DIRECTIONS_HTTP2 : BOTH_DIRECTIONS;
    return cost == 0 || sv_exchange_reserve(ex, cost);
}

static void on_relayed(sv_exchange *ex) {
    sv_relay *relay = ex->relay;
    /* The client was found gone while this piece was being written, and the upstream was let go. */
    if (relay->up == NULL)
        sv_relay_abort(relay);
    else
        sv_up_continue(relay->up);
}

void sv_relay_begin(sv_relay *relay, int status, const hr_pair *fields, size_t n,
                    uint64_t content_length) {
    sv_exchange *ex = relay->ex;
    relay->started = 1;
    ex->relay = relay;
    ex->answer.status = status;
    sv_forward_answer_fields(ex, fields, n);
    sv_answer_finish_headers(ex);
    sv_answer_start(ex, status, content_length, on_relayed);
}

void sv_relay_send(sv_relay *relay, const char *bytes, size_t n, int final) {
    hr_str part = {bytes, n};
    sv_answer_write(relay->ex, &part, 1, final);
}

void sv_relay_abort(sv_relay *relay) {
    /* Neither the announced length nor the last chunk arrives: the client sees that it was cut
     * short. */
    sv_answer_abort(relay->ex);
}
