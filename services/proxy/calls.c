/* gRPC: calls are passed on to predict over HTTP/2, with streams and trailers both ways. */
#include "calls.h"

#include <string.h>

#include "body_in.h"
#include "grpc.h"
#include "proxy.h"

/* In the request's pool. */
typedef struct grpc_call {
    sv_exchange *ex;
    proxy_loop *loop;
    sv_relay relay;
    sv_up_source source;
    uint64_t start_ns;
} grpc_call;

/* ---- answers ----------------------------------------------------------------------------- */

static void call_let_go(grpc_call *c) {
    sv_up_free(c->relay.up);
    c->relay.up = NULL;
}

static void call_on_end(sv_exchange *ex) {
    call_let_go(ex->data);
}

/* Trailers-Only: the status is in the head, and nothing follows. */
static void call_answer_status(sv_exchange *ex, sv_grpc_status status, hr_str message) {
    char *text = sv_pool_alloc(ex->pool, SV_GRPC_MESSAGE_SIZE(message.len));
    sv_answer_field(ex, HR_STR("content-type"), HR_STR("application/grpc"));
    sv_answer_field(ex, HR_STR("grpc-status"), sv_grpc_status_digits((int)status));
    sv_answer_field(ex, HR_STR("grpc-message"), sv_grpc_encode_message(text, message));
    ex->answer.status = 200;
    sv_answer_finish_headers(ex);
    sv_answer_start(ex, 200, SV_UNKNOWN_LENGTH, NULL);
    sv_answer_write(ex, NULL, 0, true);
}

static const struct ending {
    const char *flag;
    sv_grpc_status status;
    const char *what;
} timed_out = {"UT", SV_GRPC_DEADLINE_EXCEEDED, "did not answer in time"},
  malformed = {"UPE", SV_GRPC_INTERNAL, "gave a malformed answer"},
  reset = {"UR", SV_GRPC_UNAVAILABLE, "reset the call"},
  disconnected = {"UC", SV_GRPC_UNAVAILABLE, "closed the connection"},
  overloaded = {"UO", SV_GRPC_RESOURCE_EXHAUSTED, "gave an answer that finds no room"},
  unreachable = {"UF", SV_GRPC_UNAVAILABLE, "is unreachable"};

static const struct ending *call_ending_of(sv_up_error error) {
    switch (error) {
    case SV_UP_FIRST_BYTE_TIMEOUT:
    case SV_UP_IDLE_TIMEOUT:
    case SV_UP_DEADLINE:
        return &timed_out;
    case SV_UP_PROTOCOL:
        return &malformed;
    case SV_UP_STREAM_RESET:
    case SV_UP_REFUSED:
        return &reset;
    case SV_UP_OVERLOAD:
        return &overloaded;
    case SV_UP_RESET:
    case SV_UP_CLOSED:
        return &disconnected;
    default:
        return &unreachable;
    }
}

static void call_on_error(void *ctx, sv_up_exchange *up, sv_up_error error, const char *why) {
    grpc_call *c = ctx;
    sv_exchange *ex = c->ex;
    const struct ending *ending = call_ending_of(error);
    (void)up;
    ex->details = sv_up_error_name(error);
    ex->response_flags = ending->flag;
    if (c->relay.started) {
        sv_relay_abort(&c->relay);
        return;
    }
    hr_str message = SV_JOIN(ex->pool, HR_STR("the predict server "),
                             sv_str(sv_up_endpoint_name(c->loop->predict)), HR_STR(" "),
                             sv_str(ending->what), HR_STR(": "), sv_str(why));
    call_let_go(c);
    call_answer_status(ex, ending->status, message);
}

static bool call_charge(void *ctx, size_t bytes) {
    return sv_exchange_reserve(((grpc_call *)ctx)->ex, bytes);
}

static void call_refuse(grpc_call *c) {
    c->ex->response_flags = "UO";
    call_let_go(c);
    call_answer_status(c->ex, SV_GRPC_RESOURCE_EXHAUSTED,
                       HR_STR("too much is being held at the moment"));
}

static void call_begin_answer(grpc_call *c, const sv_http1_response *head) {
    sv_exchange *ex = c->ex;
    ex->upstream_ns = sv_now_ns() - c->start_ns;
    ex->details = "via_upstream";
    sv_metric_observe(ex->loop->cells, c->loop->proxy->upstream_seconds,
                      (double)ex->upstream_ns / 1e9);
    sv_relay_begin(&c->relay, head->status, head->fields, head->n_fields,
                   head->has_content_length ? head->content_length : SV_UNKNOWN_LENGTH);
}

static void call_on_data(void *ctx, sv_up_exchange *up, const char *bytes, size_t n, int final) {
    grpc_call *c = ctx;
    const sv_http1_response *head = sv_up_head(up);
    size_t n_trailers;
    if (!c->relay.started &&
        !sv_relay_charge(c->ex, head->fields, head->n_fields, !c->ex->body_done)) {
        call_refuse(c);
        return;
    }
    if (!c->relay.started)
        call_begin_answer(c, head);
    const hr_pair *trailers = sv_up_trailers(up, &n_trailers);
    if (final && n_trailers > 0)
        sv_answer_trailers(c->ex, sv_forward_trailers(c->ex, trailers, n_trailers), n_trailers);
    sv_relay_send(&c->relay, bytes, n, final);
}

/* ---- requests ---------------------------------------------------------------------------- */

static hr_str call_next_piece(void *ctx, bool *last) {
    sv_exchange *ex = ((grpc_call *)ctx)->ex;
    *last = ex->body_done;
    return sv_body_next(ex);
}

static void call_piece_taken(void *ctx) {
    sv_body_taken(((grpc_call *)ctx)->ex);
}

static bool call_rewind_body(void *ctx) {
    return sv_body_rewind(((grpc_call *)ctx)->ex);
}

static const hr_pair *call_request_trailers(void *ctx, size_t *n) {
    const sv_exchange *ex = ((grpc_call *)ctx)->ex;
    *n = ex->n_trailers;
    return ex->trailers;
}

static void call_on_body(sv_exchange *ex) {
    grpc_call *c = ex->data;
    if (c->relay.up != NULL)
        sv_up_more(c->relay.up);
}

static void call_on_cancel(sv_exchange *ex) {
    call_let_go(ex->data);
}

static void call_begin_body(grpc_call *c, sv_up_request *request) {
    sv_exchange *ex = c->ex;
    ex->on_body = call_on_body;
    ex->on_cancel = call_on_cancel;
    c->source = (sv_up_source){.length = ex->request.content_length,
                               .has_length = ex->request.framing == SV_HTTP1_LENGTH,
                               .ctx = c,
                               .next = call_next_piece,
                               .taken = call_piece_taken,
                               .rewind = call_rewind_body,
                               .trailers = call_request_trailers};
    request->source = &c->source;
    if (!ex->body_done)
        sv_body_stream(ex, 0);
}

/* 0: none. */
static uint64_t call_deadline_of(const sv_exchange *ex) {
    uint64_t ns;
    if (!sv_grpc_parse_timeout(&ns, sv_request_header(ex, "grpc-timeout")))
        return 0;
    return sv_timers_now() + ns / 1000000;
}

/* A call may last for as long as its client allows. Without a word of predict it ends as other
 * requests do. */
void proxy_on_grpc(sv_exchange *ex) {
    grpc_call *c = sv_pool_alloc(ex->pool, sizeof(*c));
    memset(c, 0, sizeof(*c));
    c->ex = c->relay.ex = ex;
    c->loop = ex->loop->data;
    c->start_ns = sv_now_ns();
    ex->data = c;
    ex->on_end = call_on_end;
    const proxy_options *options = &c->loop->proxy->options;
    size_t n;
    hr_pair *fields = sv_forward_fields(ex, &n, SV_FORWARD_ADDS);
    n = sv_forward_add(ex, fields, n);
    sv_up_request request = {
        .http2 = true,
        .te_trailers = true,
        .charge = call_charge,
        .method = ex->request.method,
        .authority = options->predict.authority,
        .path = SV_JOIN(ex->pool, options->predict.base, ex->request.path),
        .fields = fields,
        .n_fields = n,
        .deadline_at = call_deadline_of(ex),
        .first_byte_timeout_ms = (uint32_t)options->timeout_ms,
        .idle_timeout_ms = (uint32_t)sv_server_options_of(ex->loop->server)->idle_timeout_ms,
    };
    ex->upstream_host = sv_str(sv_up_endpoint_name(c->loop->predict));
    call_begin_body(c, &request);
    if (ex->refusal.status != 0) /* its body was malformed or too large, and it is answered */
        return;
    c->relay.up = sv_up_start(c->loop->predict, &request, call_on_data, call_on_error, c);
}
