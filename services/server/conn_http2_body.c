/* HTTP/2 on a downstream connection: the content of requests. */
#include "conn_http2_body.h"

#include <stdlib.h>
#include <string.h>

#include "body_in.h"
#include "dispatch.h"
#include "exchange_internal.h"

/* A body that is announced to be as small as this is waited for, also where bodies are streamed: a
 * whole body can be sent again. */
#define SMALL_BODY ((uint64_t)32 << 10)

/* ---- waiting for the client ---- */

static void http2_body_wait_for_more(struct sv_h2_stream *s) {
    if (s->begun_ns == 0 && !s->all_came)
        s->begun_ns = sv_now_ns() - s->waited_ns;
}

/* The time until there is room again does not count as waiting for the client. */
static void http2_body_stop_waiting(struct sv_h2_stream *s) {
    if (s->begun_ns != 0)
        s->waited_ns = sv_now_ns() - s->begun_ns;
    s->begun_ns = 0;
}

static void http2_body_send_continue(struct sv_h2_stream *s) {
    sv_exchange *ex = s->ex;
    bool waits = ex->request.expect_continue && sv_body_received(ex) == 0 && s->n_held == 0;
    ex->request.expect_continue = false;
    if (!waits || ex->head_sent || s->all_came || s->stream == NULL)
        return;
    sv_http2_respond(s->stream, 100, NULL, 0, false);
    sv_http2_mark(s->c);
}

/* ---- content ---- */

/* The rest of the request does not matter any more. */
static bool is_unwanted(const sv_exchange *ex) {
    return ex->over || ex->final || ex->body_done || ex->refusal.status != 0;
}

static void consume(struct sv_h2_stream *s, size_t n) {
    if (s->stream != NULL)
        sv_http2_consume(s->stream, n);
    sv_http2_mark(s->c);
}

static void report(struct sv_h2_stream *s) {
    size_t n = s->arrived;
    s->arrived = 0;
    if (n > 0 && !is_unwanted(s->ex))
        sv_body_arrived(s->ex, n, false);
}

static void report_later(struct sv_h2_stream *s) {
    if (s->is_fresh)
        return;
    s->is_fresh = true;
    s->next_fresh = s->c->fresh;
    s->c->fresh = s;
}

/* Puts content where the exchange has room, and reports it when there is none left. Returns the
 * number of bytes. */
static size_t deliver(struct sv_h2_stream *s, const char *bytes, size_t n) {
    sv_exchange *ex = s->ex;
    size_t done = 0, size;
    while (done < n && !is_unwanted(ex)) {
        char *room = sv_body_room(ex, &size);
        if (room == NULL)
            break;
        size -= s->arrived;
        size_t step = n - done < size ? n - done : size;
        memcpy(room + s->arrived, bytes + done, step);
        s->arrived += step;
        done += step;
        if (s->stream != NULL)
            sv_http2_consume_connection(s->stream, step);
        sv_http2_mark(s->c);
        if (step == size)
            report(s);
    }
    return done;
}

/* The first window of a request that is served is free of charge: until the exchange has a store,
 * it is all that is held. */
static bool pay_for_held(struct sv_h2_stream *s, size_t needed) {
    size_t cost = s->served && needed <= SV_HTTP2_FIRST_WINDOW ? 0 : needed;
    if (cost <= s->held_paid)
        return true;
    if (!sv_exchange_reserve(s->ex, cost - s->held_paid))
        return false;
    s->ex->in.reserved += cost - s->held_paid; /* for the body, not for the head */
    s->held_paid = cost;
    return true;
}

/* Content without room is held: the window bounds it. */
static bool hold(struct sv_h2_stream *s, const char *bytes, size_t n) {
    if (s->held_at > 0) {
        memmove(s->held, s->held + s->held_at, s->n_held);
        s->held_at = 0;
    }
    size_t needed = s->n_held + n;
    if (!pay_for_held(s, needed))
        return false;
    if (needed > s->held_size) {
        s->held = sv_realloc(s->held, needed);
        s->held_size = needed;
    }
    memcpy(s->held + s->n_held, bytes, n);
    s->n_held = needed;
    return true;
}

static void free_held(struct sv_h2_stream *s) {
    sv_exchange_give_back(s->ex, s->held_paid);
    s->ex->in.reserved -= s->held_paid;
    free(s->held);
    s->held = NULL;
    s->held_at = s->held_size = s->held_paid = 0;
}

static void drop_held(struct sv_h2_stream *s) {
    consume(s, s->n_held);
    s->n_held = 0;
}

static void deliver_held(struct sv_h2_stream *s) {
    size_t n = deliver(s, s->held + s->held_at, s->n_held);
    s->held_at += n;
    s->n_held -= n;
    if (is_unwanted(s->ex))
        drop_held(s);
    if (s->n_held == 0 && s->held != NULL)
        free_held(s);
}

static size_t window_of(const sv_exchange *ex) {
    return ex->in.size < SV_HTTP2_STREAM_WINDOW ? SV_HTTP2_FIRST_WINDOW : SV_HTTP2_STREAM_WINDOW;
}

/* The client may send what there is room for, so that its window slows it down and nothing has to
 * be refused in the middle. `starved` lets each piece that is taken come back here. */
static void follow_room(struct sv_h2_stream *s) {
    sv_exchange *ex = s->ex;
    if (s->stream == NULL || s->all_came || !s->served)
        return;
    sv_http2_mark(s->c);
    if (is_unwanted(ex)) {
        sv_http2_consume(s->stream, SIZE_MAX);
        return;
    }
    if (ex->in.store == NULL)
        return;
    size_t room = sv_body_make_room(ex);
    room = room > s->n_held ? room - s->n_held : 0;
    ex->in.starved = true;
    if (s->stream == NULL) /* the exchange has heard that no more is held */
        return;
    if (sv_http2_open_window(s->stream, room, window_of(ex)) == 0)
        http2_body_stop_waiting(s);
    else
        http2_body_wait_for_more(s);
}

static void take_end(struct sv_h2_stream *s) {
    size_t n = s->arrived;
    s->arrived = 0;
    sv_body_arrived(s->ex, n, true);
}

/* The handler is called with the whole body, or if the server refuses it. */
static void http2_body_settle(struct sv_h2_stream *s) {
    sv_exchange *ex = s->ex;
    if (!s->served)
        return;
    if (!ex->over && s->all_came && s->n_held == 0 && !is_unwanted(ex))
        take_end(s);
    if (ex->body_done)
        s->begun_ns = 0;
    if (!ex->over && !ex->dispatched && (ex->body_done || ex->refusal.status != 0))
        sv_exchange_dispatch(ex, 0);
}

void sv_conn_http2_data(void *ctx, sv_http2_stream *stream, const char *bytes, size_t n) {
    struct sv_h2_stream *s = sv_http2_data(stream);
    (void)ctx;
    if (s == NULL || is_unwanted(s->ex)) {
        sv_http2_consume(stream, n);
        return;
    }
    s->delivering = true;
    size_t done = s->served && s->n_held == 0 ? deliver(s, bytes, n) : 0;
    if (is_unwanted(s->ex)) {
        consume(s, n - done);
    } else if (done < n) {
        http2_body_stop_waiting(s);
        if (!hold(s, bytes + done, n - done))
            sv_body_fail(s->ex, 503, "too much is being uploaded at the moment");
    }
    s->delivering = false;
    report_later(s);
    http2_body_settle(s);
}

void sv_http2_report(sv_conn_http2 *c) {
    struct sv_h2_stream *s;
    while ((s = c->fresh) != NULL) {
        c->fresh = s->next_fresh;
        s->is_fresh = false;
        s->delivering = true;
        report(s);
        follow_room(s);
        s->delivering = false;
        http2_body_settle(s);
    }
}

/* A few bytes on the wire may stand for many here: they are charged. */
static bool may_keep(sv_exchange *ex, const hr_pair *trailers, size_t n) {
    size_t size = n * sizeof(*trailers);
    for (size_t i = 0; i < n; i++)
        size += trailers[i].name.len + trailers[i].value.len;
    return n > 0 && n <= SV_MAX_TRAILERS && size <= SV_HTTP1_MAX_TRAILERS && !is_unwanted(ex) &&
           ex->listener->streams && sv_exchange_reserve(ex, size);
}

static void keep_trailers(sv_exchange *ex, const hr_pair *trailers, size_t n) {
    if (!may_keep(ex, trailers, n))
        return;
    hr_pair *kept = sv_pool_alloc(ex->pool, n * sizeof(*kept));
    size_t n_kept = 0;
    for (size_t i = 0; i < n; i++)
        if (sv_trailer_is_allowed(trailers[i].name))
            kept[n_kept++] = (hr_pair){sv_pool_copy(ex->pool, trailers[i].name),
                                       sv_pool_copy(ex->pool, trailers[i].value)};
    ex->trailers = kept;
    ex->n_trailers = sv_http_strip_hop_by_hop(kept, n_kept);
}

void sv_http2_end(void *ctx, sv_http2_stream *stream, const hr_pair *trailers, size_t n) {
    struct sv_h2_stream *s = sv_http2_data(stream);
    (void)ctx;
    if (s == NULL)
        return;
    keep_trailers(s->ex, trailers, n);
    s->all_came = true;
    s->begun_ns = 0;
    if (!s->ex->body_done)
        http2_body_settle(s);
}

/* Calls of the exchange from within deliver come back here. */
void sv_http2_resume_body(sv_exchange *ex) {
    struct sv_h2_stream *s = ex->stream;
    http2_body_send_continue(s);
    if (s->delivering)
        return;
    s->delivering = true;
    deliver_held(s);
    report(s);
    if (s->n_held == 0)
        http2_body_wait_for_more(s);
    follow_room(s);
    s->delivering = false;
    http2_body_settle(s);
}

static bool streams(const sv_exchange *ex) {
    const struct sv_listener *listener = ex->listener;
    return listener->streams ||
           (listener->streams_request != NULL && listener->streams_request(ex));
}

void sv_http2_begin_body(sv_exchange *ex) {
    struct sv_h2_stream *s = ex->stream;
    const sv_http1_request *request = &ex->request;
    bool known = request->framing == SV_HTTP1_LENGTH;
    if (request->upgrade.p != NULL) {
        sv_body_expect_tunnel(ex);
        sv_exchange_dispatch(ex, 0);
        return;
    }
    if (request->framing != SV_HTTP1_NO_BODY)
        sv_body_expect(ex, known ? request->content_length : SV_UNKNOWN_LENGTH);
    ex->body_done = request->framing == SV_HTTP1_NO_BODY || (known && ex->in.length == 0);
    bool whole = !streams(ex) || (known && request->content_length <= SMALL_BODY);
    if (ex->body_done || !whole || !sv_body_hold_all(ex)) {
        sv_exchange_dispatch(ex, 0);
        return;
    }
    s->begun_ns = ex->start_ns;
    sv_http2_resume_body(ex);
}
