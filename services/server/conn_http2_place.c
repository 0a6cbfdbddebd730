/* HTTP/2 on a downstream connection: which streams are served at a time.
 *
 * Relaying an answer takes as much memory for a stream as for a connection of HTTP/1.1. So each
 * stream beyond the first of its connection counts as a connection (--max-connections). Where no
 * place is free, connections wait in the kernel's queue, and streams in a list. */
#include "conn_http2_place.h"

#include "conn_http2_body.h"
#include "conn_life.h"
#include "dispatch.h"
#include "exchange_internal.h"

static void take_served_place(struct sv_h2_stream *s) {
    sv_conn_http2 *c = s->c;
    sv_server_loop *loop = c->conn->loop;
    s->served = true;
    s->more = c->n_served++ > 0;
    if (!s->more)
        return;
    loop->n_more_streams++;
    sv_conn_update_accepting(loop);
}

static void serve(struct sv_h2_stream *s) {
    sv_exchange *ex = s->ex;
    take_served_place(s);
    sv_exchange_check_limits(ex);
    if (ex->refusal.status != 0)
        sv_exchange_dispatch(ex, 0);
    else
        sv_http2_begin_body(ex);
}

static void append(struct sv_h2_stream *s) {
    sv_server_loop *loop = s->c->conn->loop;
    s->waiting_link = loop->http2_waiting != NULL ? loop->http2_last : &loop->http2_waiting;
    *s->waiting_link = s;
    loop->http2_last = &s->next_waiting;
}

static void forget(struct sv_h2_stream *s) {
    sv_server_loop *loop = s->c->conn->loop;
    if (s->waiting_link == NULL)
        return;
    *s->waiting_link = s->next_waiting;
    if (s->next_waiting != NULL)
        s->next_waiting->waiting_link = s->waiting_link;
    else
        loop->http2_last = s->waiting_link;
    s->waiting_link = NULL;
    s->next_waiting = NULL;
}

bool sv_http2_must_wait(const sv_conn_http2 *c) {
    return c->n_served > 0 && !sv_conn_may_serve_stream(c->conn->loop);
}

void sv_http2_place(sv_exchange *ex, bool waits) {
    if (waits)
        append(ex->stream);
    else
        serve(ex->stream);
}

/* A connection without a stream has a place of its own. */
static struct sv_h2_stream *next_to_serve(const sv_server_loop *loop) {
    struct sv_h2_stream *s = loop->http2_waiting;
    bool full = !sv_conn_may_serve_stream(loop);
    while (s != NULL && (s->ex->over || (full && s->c->n_served > 0)))
        s = s->next_waiting;
    return s;
}

void sv_http2_leave(struct sv_h2_stream *s) {
    sv_server_loop *loop = s->c->conn->loop;
    forget(s);
    if (!s->served)
        return;
    s->c->n_served--;
    if (s->more)
        loop->n_more_streams--;
    sv_conn_update_accepting(loop);
    struct sv_h2_stream *next = next_to_serve(loop);
    if (next == NULL)
        return;
    forget(next);
    serve(next);
}
