/* The body of a request on its way upstream: in pieces, and what has to wait for its end. */
#include "upload.h"

#include <string.h>

#include "body_in.h"
#include "mirror.h"
#include "try.h"

static hr_str next_piece(void *ctx, bool *last) {
    const gw_request *r = ctx;
    *last = r->ex->body_done;
    return sv_body_next(r->ex);
}

static void piece_taken(void *ctx) {
    sv_body_taken(((gw_request *)ctx)->ex);
}

static bool rewind_body(void *ctx) {
    return sv_body_rewind(((gw_request *)ctx)->ex);
}

/* Not those of a name that only the body itself may set. */
static const hr_pair *request_trailers(void *ctx, size_t *n) {
    const gw_request *r = ctx;
    const gateway *g = r->loop->gateway;
    hr_pair *kept = sv_pool_alloc(r->ex->pool, (r->ex->n_trailers + 1) * sizeof(*kept));
    *n = 0;
    for (size_t i = 0; i < r->ex->n_trailers; i++) {
        bool is_set = false;
        for (size_t rule = 0; rule < g->n_body_rules && !is_set; rule++)
            is_set = sv_body_rule_sets(&g->body_rules[rule], r->ex->trailers[i].name);
        if (!is_set)
            kept[(*n)++] = r->ex->trailers[i];
    }
    return kept;
}

/* Retries and mirrors may need the body again. A longer one is streamed, as with Envoy, and then
 * neither retried nor mirrored. */
static size_t to_hold(const gw_request *r) {
    const hr_retry_policy *retries = r->decision.retries;
    bool again = (retries != NULL && retries->attempts > 0) || r->decision.n_mirrors > 0;
    return again ? (size_t)r->loop->gateway->options.body_buffer_bytes : 0;
}

/* All of the request has come. Timeouts count from here on, as with Envoy. */
static void upload_complete(gw_request *r) {
    if (!r->relay.started)
        r->forward_ns = sv_now_ns();
    gw_start_clock(r);
    gw_mirror_all(r);
}

static void on_upload(sv_exchange *ex) {
    gw_request *r = ex->data;
    if (ex->body_done)
        upload_complete(r);
    if (r->relay.up != NULL)
        sv_up_more(r->relay.up);
}

static void cancel_upload(sv_exchange *ex) {
    gw_request *r = ex->data;
    gw_cancel(r);
    sv_timer_unset(r->loop->timers, &r->timer);
}

static void begin_upload(gw_request *r) {
    sv_exchange *ex = r->ex;
    const sv_http1_request *request = &ex->request;
    ex->on_body = on_upload;
    ex->on_cancel = cancel_upload;
    r->source = (sv_up_source){.length = request->content_length,
                               .has_length = request->framing == SV_HTTP1_LENGTH,
                               .ctx = r,
                               .next = next_piece,
                               .taken = piece_taken,
                               .rewind = rewind_body,
                               .trailers = request_trailers};
    r->out.source = &r->source;
    if (!ex->body_done)
        sv_body_stream(ex, to_hold(r));
}

/* The first piece, which may be here already, may be too large or malformed. */
static bool upload_is_over(const gw_request *r) {
    return r->ex->refusal.status != 0 || r->ex->over;
}

bool gw_upload(gw_request *r) {
    bool tunnel = r->upgrade && r->ex->http2;   /* what comes is the tunnel's */
    bool complete = tunnel || r->ex->body_done; /* else on_upload hears of the end */
    if (tunnel)
        r->ex->on_cancel = cancel_upload;
    else if (!r->ex->body_done || r->ex->n_trailers > 0)
        begin_upload(r);
    else
        r->out.body = sv_forward_body(r->ex);
    if (upload_is_over(r))
        return false;
    if (complete)
        upload_complete(r);
    return true;
}
