/* HTTP/2 on a downstream connection: what takes too long, and drain. */
#include "conn_http2_sweep.h"

#include "body_in.h"
#include "conn_http2.h"
#include "conn_http2_state.h"
#include "conn_life.h"
#include "exchange_internal.h"

#define SECOND_NS 1000000000ull

static const sv_server_options *sweep_options_of(const sv_conn_http2 *c) {
    return sv_server_options_of(c->conn->loop->server);
}

/* A client that streams messages may pause between two of them. */
static bool request_is_late(const struct sv_h2_stream *s, uint64_t now) {
    const sv_server_options *options = sweep_options_of(s->c);
    uint64_t allowed_ms = (uint64_t)options->request_timeout_ms +
                          sv_body_received(s->ex) * 1000 / SV_MIN_BYTES_PER_SECOND;
    if (s->begun_ns == 0 || s->ex->in.tunnel) /* which has a time of its own */
        return false;
    if (s->ex->dispatched && sv_exchange_is_grpc(s->ex))
        allowed_ms = (uint64_t)options->idle_timeout_ms;
    return now - s->begun_ns > allowed_ms * 1000000;
}

/* The client keeps its window closed. */
static bool takes_nothing(struct sv_h2_stream *s, uint64_t now) {
    size_t unsent = sv_http2_unsent(s->stream);
    if (unsent != s->unsent)
        s->write_ns = now;
    s->unsent = unsent;
    return now - s->write_ns > (uint64_t)sweep_options_of(s->c)->stall_timeout_ms * 1000000;
}

/* The client takes an answer of known length too slowly, as in HTTP/1.1. */
static bool takes_too_long(const struct sv_h2_stream *s, uint64_t now) {
    const sv_exchange *ex = s->ex;
    uint64_t allowed_ms = (uint64_t)sweep_options_of(s->c)->stall_timeout_ms +
                          ex->answer.content_length * 1000 / SV_MIN_BYTES_PER_SECOND;
    return ex->answer.content_length != SV_UNKNOWN_LENGTH &&
           now - ex->answer_ns > allowed_ms * 1000000;
}

/* An answer to HEAD is complete for the client before the handler has seen its end. The handler has
 * the stall time for it. */
static void sweep_closed(struct sv_h2_stream *s, uint64_t now) {
    if (now - s->closed_ns > (uint64_t)sweep_options_of(s->c)->stall_timeout_ms * 1000000)
        sv_exchange_break(s->ex);
}

static void sweep_stream(struct sv_h2_stream *s, uint64_t now) {
    if (s->ex->over)
        return;
    if (s->stream == NULL) {
        sweep_closed(s, now);
        return;
    }
    bool stalled = s->write_ns != 0 && (takes_nothing(s, now) || takes_too_long(s, now));
    if (!stalled && !request_is_late(s, now))
        return;
    sv_http2_reset(s->stream, SV_HTTP2_CANCEL);
    sv_http2_mark(s->c);
    sv_exchange_break(s->ex);
}

static void go_away(sv_conn_http2 *c) {
    c->last = true;
    sv_http2_shutdown(c->h2, true);
    sv_http2_mark(c);
}

/* GOAWAY comes twice, so that no request is lost that was on its way (RFC 9113 section 6.8). */
static void sweep_drain(sv_conn_http2 *c, uint64_t now) {
    if (!c->noticed)
        sv_http2_shutdown(c->h2, false);
    else if (!c->last && sv_conn_drain_grace_is_over(c->conn, UINT64_MAX, now))
        go_away(c);
    c->noticed = true;
    sv_http2_mark(c);
}

/* A frame, or a head, does not end. */
static bool hangs(const sv_conn_http2 *c, uint64_t now) {
    return c->n_exchanges == 0 && c->within_ns != 0 &&
           now - c->within_ns > (uint64_t)sweep_options_of(c)->request_timeout_ms * 1000000;
}

static bool sweep_is_idle(const sv_conn_http2 *c, uint64_t now) {
    return c->n_exchanges == 0 && now - c->conn->since_ns > sv_conn_idle_ms(c->conn) * 1000000;
}

void sv_http2_sweep(sv_conn *conn, uint64_t now) {
    sv_conn_http2 *c = conn->http2;
    for (struct sv_h2_stream *s = c->streams; s != NULL; s = s->next)
        sweep_stream(s, now);
    if (c->h2 == NULL)
        return;
    if (now - c->refill_ns >= SECOND_NS) {
        sv_http2_refill(c->h2);
        c->refill_ns = now;
    }
    if (hangs(c, now)) {
        sv_http2_cut(conn);
    } else if (conn->loop->draining || conn->leaving) {
        sweep_drain(c, now);
    } else if (sweep_is_idle(c, now) && !c->last) {
        go_away(c);
    }
}
