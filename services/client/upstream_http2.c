/* HTTP/2 connections to endpoints: opening, choosing, reading, sending and closing them. */
#include "upstream_http2.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "upstream_exchange.h"
#include "upstream_http2_stream.h"
#include "upstream_pool.h"
#include "upstream_tls.h"

/* Reads in one go, before other sockets get their turn. */
#define READ_BURST 4
#define READ_SIZE ((size_t)32 << 10)
#define OUT_SIZE ((size_t)32 << 10)
/* An unfinished head costs nothing up to this, as on a client's connection. */
#define SMALL_UNFINISHED_HEAD ((size_t)8 << 10)
/* Of all streams together; it is opened again at once. */
#define CONNECTION_WINDOW ((uint32_t)1 << 20)
/* Until the peer's first SETTINGS come; libnghttp2 and others assume as many. */
#define FIRST_STREAMS 100

static void http2_on_task(sv_task *task);
static void http2_on_timer(sv_timer *timer);
static void http2_settle(sv_up_http2 *c);

/* ---- choosing ---------------------------------------------------------------------------- */

static size_t max_streams(const sv_up_http2 *c) {
    bool known = c->h2 != NULL && sv_http2_has_settings(c->h2);
    size_t of_peer = known                            ? sv_http2_max_streams(c->h2)
                     : c->endpoint->http2_streams > 0 ? c->endpoint->http2_streams
                                                      : FIRST_STREAMS;
    size_t ours = c->endpoint->settings.max_streams;
    if (of_peer == 0)
        of_peer = 1; /* which waits until the peer allows it */
    return ours > 0 && ours < of_peer ? ours : of_peer;
}

static bool takes_more(const sv_up_http2 *c) {
    const sv_up_settings *s = &c->endpoint->settings;
    if (c->broken || c->draining || c->write_failed)
        return false;
    if (s->max_requests > 0 && c->n_requests >= s->max_requests)
        return false;
    if (s->max_connection_ms > 0 && sv_timers_now() - c->opened_at >= s->max_connection_ms)
        return false;
    return c->h2 == NULL || sv_http2_takes_streams(c->h2);
}

static bool http2_has_room(const sv_up_http2 *c) {
    return takes_more(c) && c->n_members < max_streams(c);
}

bool sv_up_http2_has_room(const sv_up_endpoint *endpoint) {
    for (const sv_up_http2 *c = endpoint->http2; c != NULL; c = c->next)
        if (http2_has_room(c))
            return true;
    return false;
}

/* A connection without streams may have been closed by the peer although no event came yet. */
static bool may_be_stale(const sv_up_http2 *c, const sv_up_exchange *ex, bool fresh) {
    if (c->n_members > 0 || c->h2 == NULL)
        return false;
    return fresh || (!sv_up_is_idempotent(ex->request->method) && !sv_sock_is_silent(c->sock));
}

bool sv_up_http2_join(sv_up_exchange *ex, bool fresh) {
    sv_up_http2 *c = ex->endpoint->http2;
    while (c != NULL && (!http2_has_room(c) || may_be_stale(c, ex, fresh)))
        c = c->next;
    if (c == NULL)
        return false;
    sv_up_count(&ex->endpoint->up->stats->reused, 1);
    sv_up_stream_join(c, ex);
    if (c->h2 != NULL)
        sv_up_stream_open(ex);
    else
        sv_up_enter_phase(ex, SV_UP_CONNECT_TIMEOUT, ex->endpoint->settings.connect_timeout_ms);
    return true;
}

/* ---- closing ----------------------------------------------------------------------------- */

/* Says goodbye if there is room for it. */
static void say_goodbye(sv_up_http2 *c) {
    char bytes[SV_HTTP2_MIN_OUTPUT];
    if (c->h2 == NULL || c->broken || c->write_failed || sv_sock_is_writing(c->sock))
        return;
    sv_http2_shutdown(c->h2, true);
    size_t n = sv_http2_send(c->h2, bytes, sizeof(bytes));
    const struct iovec piece = {bytes, n};
    if (n > 0)
        (void)sv_sock_write(c->sock, &piece, 1, NULL);
}

static void close_connection(sv_up_http2 *c) {
    sv_up_loop *up = c->endpoint->up;
    say_goodbye(c);
    sv_task_unset(&c->task);
    sv_timer_unset(up->timers, &c->timer);
    *c->link = c->next;
    if (c->next != NULL)
        c->next->link = c->link;
    sv_up_conn_count(c->endpoint, -1);
    sv_http2_free(c->h2);
    sv_budget_give(up->held, c->reserved);
    sv_sock_close(c->sock);
    free(c->out);
    free(c);
}

void sv_up_http2_close_all(sv_up_endpoint *endpoint) {
    while (endpoint->http2 != NULL)
        close_connection(endpoint->http2);
}

/* Between these two, whatever callbacks do, the connection stays. */
static sv_up_endpoint *begin_work(sv_up_http2 *c) {
    c->working++;
    return sv_up_endpoint_ref(c->endpoint);
}

static void end_work(sv_up_http2 *c, sv_up_endpoint *endpoint) {
    c->working--;
    http2_settle(c);
    sv_up_endpoint_unref(endpoint);
}

/* The connection cannot be used any more. */
static void http2_lose(sv_up_http2 *c, sv_up_error error, const char *why) {
    c->broken = true;
    sv_sock_reading(c->sock, false);
    sv_up_stream_report(c); /* what has come before */
    sv_up_stream_fail_all(c, error, why);
}

static void http2_set_timer(sv_up_http2 *c) {
    const sv_up_settings *s = &c->endpoint->settings;
    uint64_t at = c->n_members == 0 ? c->idle_since + s->http2_idle_ms : 0;
    uint64_t ping = c->h2 == NULL || s->ping_interval_ms == 0 ? 0
                    : c->pinged_at != 0                       ? c->pinged_at + s->ping_timeout_ms
                                                              : c->ping_at;
    if (ping != 0 && (at == 0 || ping < at))
        at = ping;
    if (at != 0 && (!sv_timer_is_set(&c->timer) || c->timer.at > at))
        sv_timer_set(c->endpoint->up->timers, &c->timer, at, http2_on_timer);
}

static void http2_settle(sv_up_http2 *c) {
    if (c->working > 0)
        return;
    /* A large head that has not ended is of a request that has left: it would hold its bytes. */
    bool useless = c->broken || c->h2 == NULL || !takes_more(c) || c->reserved > 0;
    bool over = c->n_members == 0 && useless;
    if (over)
        close_connection(c);
    else
        http2_set_timer(c);
}

/* ---- sending ----------------------------------------------------------------------------- */

void sv_up_http2_mark(sv_up_http2 *c) {
    sv_task_set(c->endpoint->up->net, &c->task, http2_on_task);
}

/* The loop has one buffer for all connections; one whose socket is full keeps it. */
static char *take_out(sv_up_http2 *c) {
    sv_up_loop *up = c->endpoint->up;
    if (c->out != NULL)
        return c->out;
    c->out = up->http2_out != NULL ? up->http2_out : sv_alloc(OUT_SIZE);
    up->http2_out = NULL;
    return c->out;
}

static void give_out(sv_up_http2 *c) {
    sv_up_loop *up = c->endpoint->up;
    if (up->http2_out == NULL)
        up->http2_out = c->out;
    else
        free(c->out);
    c->out = NULL;
}

static void http2_send_output(sv_up_http2 *c) {
    while (c->h2 != NULL && !c->broken && !c->write_failed && !sv_sock_is_writing(c->sock)) {
        char *out = take_out(c);
        size_t n = sv_http2_send(c->h2, out, OUT_SIZE);
        const struct iovec piece = {out, n};
        if (n == 0)
            break;
        c->write_failed = sv_sock_write(c->sock, &piece, 1, NULL) < 0;
    }
    if (c->out != NULL && !sv_sock_is_writing(c->sock))
        give_out(c);
}

static void http2_on_task(sv_task *task) {
    sv_up_http2 *c = SV_CONTAINER(sv_up_http2, task, task);
    sv_up_endpoint *endpoint = begin_work(c);
    http2_send_output(c);
    sv_up_stream_report(c);
    /* libnghttp2 ends a session whose peer breaks a rule without an error of its own. */
    if (c->h2 != NULL && !c->broken && sv_http2_is_finished(c->h2))
        http2_lose(c, SV_UP_PROTOCOL, "the peer breaks a rule of HTTP/2");
    end_work(c, endpoint);
}

/* ---- receiving --------------------------------------------------------------------------- */

static void http2_refill(sv_up_http2 *c) {
    uint64_t now = sv_timers_now();
    if (now - c->refilled_at < 1000)
        return;
    c->refilled_at = now;
    sv_http2_refill(c->h2);
}

/* An endpoint may begin a head on each of many connections and end none. */
static bool charge_unfinished_head(sv_up_http2 *c) {
    sv_budget *budget = c->endpoint->up->held;
    size_t held = sv_http2_head_held(c->h2);
    held = held > SMALL_UNFINISHED_HEAD ? held : 0;
    if (held > c->reserved && !sv_budget_take(budget, held - c->reserved))
        return false;
    if (held < c->reserved)
        sv_budget_give(budget, c->reserved - held);
    c->reserved = held;
    return true;
}

/* Says why to the peer. */
static void fail_session(sv_up_http2 *c, sv_up_error error) {
    const char *why = sv_http2_failure(c->h2);
    http2_send_output(c);
    http2_lose(c, error, why);
}

/* False: nothing more is read. */
static bool http2_receive(sv_up_http2 *c, const char *bytes, size_t n) {
    http2_refill(c);
    bool ok = sv_http2_receive(c->h2, bytes, n);
    sv_up_http2_mark(c);
    if (ok && !charge_unfinished_head(c)) {
        sv_http2_fail(c->h2, SV_HTTP2_ENHANCE_YOUR_CALM, "too much is being held at the moment");
        fail_session(c, SV_UP_OVERLOAD);
        return false;
    }
    if (ok) {
        if (sv_http2_has_settings(c->h2))
            c->endpoint->http2_streams = sv_http2_max_streams(c->h2);
        c->draining |= !sv_http2_takes_streams(c->h2);
        sv_up_stream_report(c);
        return !c->broken;
    }
    fail_session(c, SV_UP_PROTOCOL);
    return false;
}

static void http2_read_input(sv_up_http2 *c) {
    char bytes[READ_SIZE];
    for (int i = 0; i < READ_BURST; i++) {
        ssize_t n = sv_sock_read(c->sock, bytes, sizeof(bytes));
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (n == 0)
            http2_lose(c, SV_UP_CLOSED, "the peer closed the connection before it answered");
        else if (n < 0)
            http2_lose(c, SV_UP_RESET, "the peer reset the connection");
        if (n <= 0 || !http2_receive(c, bytes, (size_t)n))
            return;
        if (n < (ssize_t)sizeof(bytes))
            return;
    }
    /* OpenSSL may hold more, of which the loop does not know. */
    sv_sock_reading(c->sock, false);
    sv_sock_reading(c->sock, true);
}

static void http2_on_readable(void *ctx) {
    sv_up_http2 *c = ctx;
    sv_up_endpoint *endpoint = begin_work(c);
    http2_read_input(c);
    end_work(c, endpoint);
}

static void http2_on_written(void *ctx, bool ok) {
    sv_up_http2 *c = ctx;
    c->write_failed |= !ok;
    sv_up_http2_mark(c);
}

/* ---- opening ----------------------------------------------------------------------------- */

static void http2_establish(sv_up_http2 *c) {
    static const sv_http2_options options = {.client = true,
                                             .max_head = SV_UP_MAX_HEAD,
                                             .max_fields = SV_UP_MAX_FIELDS,
                                             .stream_window = SV_UP_BLOCK,
                                             .connection_window = CONNECTION_WINDOW,
                                             .windows_apart = true};
    c->h2 = sv_http2_new(&options, &sv_up_http2_events, c);
    if (c->h2 == NULL) {
        http2_lose(c, SV_UP_CONNECT, "out of memory");
        return;
    }
    uint64_t now = sv_timers_now();
    c->refilled_at = now;
    c->ping_at = now + c->endpoint->settings.ping_interval_ms;
    sv_sock_reading(c->sock, true);
    sv_up_http2_mark(c);
    for (sv_up_exchange *ex = c->members; ex != NULL; ex = ex->stream.next)
        sv_up_stream_open(ex);
}

static void http2_fail_tls(sv_up_http2 *c, const char *why) {
    c->broken = true;
    while (c->members != NULL) {
        sv_up_exchange *ex = c->members;
        sv_up_http2_leave(ex);
        sv_up_exchange_tls_failed(ex, why);
    }
}

static void http2_begin_tls(sv_up_http2 *c) {
    SSL *ssl = sv_up_tls_connect(c->endpoint, true);
    if (ssl == NULL) {
        http2_fail_tls(c, "out of memory");
        return;
    }
    c->encrypting = true;
    sv_sock_encrypt(c->sock, ssl);
}

static void http2_on_connected(void *ctx) {
    sv_up_http2 *c = ctx;
    sv_up_endpoint *endpoint = begin_work(c);
    const char *why = c->encrypting ? sv_up_tls_check(endpoint, sv_sock_ssl(c->sock)) : NULL;
    if (endpoint->settings.tls != NULL && !c->encrypting)
        http2_begin_tls(c);
    else if (why != NULL)
        http2_fail_tls(c, why);
    else
        http2_establish(c);
    end_work(c, endpoint);
}

static bool connect_socket(sv_up_http2 *c);

static void http2_on_failed(void *ctx, bool tls, const char *why) {
    sv_up_http2 *c = ctx;
    sv_up_endpoint *endpoint = begin_work(c);
    bool again = !tls && c->addresses_left > 1;
    if (tls)
        http2_fail_tls(c, why);
    if (again) {
        c->addresses_left--;
        endpoint->current = (endpoint->current + 1) % endpoint->n_addresses;
        sv_sock_close(c->sock);
        again = connect_socket(c);
    }
    if (!tls && !again)
        http2_lose(c, SV_UP_CONNECT, "the connection was refused or the host is unreachable");
    end_work(c, endpoint);
}

/* Returns false, without a socket, if the system cannot open a connection. */
static bool connect_socket(sv_up_http2 *c) {
    static const sv_sock_events events = {http2_on_connected, http2_on_failed, http2_on_readable,
                                          http2_on_written};
    sv_up_endpoint *endpoint = c->endpoint;
    struct sv_up_address *address = &endpoint->addresses[endpoint->current];
    sv_up_count(&endpoint->up->stats->connects, 1);
    c->sock = sv_connect(endpoint->up->net, (struct sockaddr *)&address->sa, address->len,
                         sv_up_buffer_size(endpoint->up), &events, c);
    if (c->sock != NULL)
        sv_up_conn_keep_alive(endpoint, sv_sock_fd(c->sock));
    return c->sock != NULL;
}

bool sv_up_http2_open(sv_up_exchange *ex) {
    sv_up_endpoint *endpoint = ex->endpoint;
    sv_up_http2 *c = sv_alloc_zeroed(sizeof(*c));
    c->endpoint = endpoint;
    c->addresses_left = endpoint->n_addresses;
    c->opened_at = sv_timers_now();
    if (!connect_socket(c)) {
        free(c);
        return false;
    }
    c->next = endpoint->http2;
    c->link = &endpoint->http2;
    if (c->next != NULL)
        c->next->link = &c->next;
    endpoint->http2 = c;
    sv_up_conn_count(endpoint, 1);
    sv_up_stream_join(c, ex);
    return true;
}

/* ---- time -------------------------------------------------------------------------------- */

static void ping_if_due(sv_up_http2 *c, uint64_t now) {
    const sv_up_settings *s = &c->endpoint->settings;
    if (c->h2 == NULL || s->ping_interval_ms == 0)
        return;
    if (c->pinged_at != 0 && now - c->pinged_at >= s->ping_timeout_ms) {
        http2_lose(c, SV_UP_RESET, "the peer did not answer a PING in time");
        return;
    }
    if (c->pinged_at != 0 || now < c->ping_at)
        return;
    sv_http2_ping(c->h2);
    c->pinged_at = now;
    c->ping_at = now + s->ping_interval_ms;
    sv_up_http2_mark(c);
}

static void http2_on_timer(sv_timer *timer) {
    sv_up_http2 *c = SV_CONTAINER(sv_up_http2, timer, timer);
    sv_up_endpoint *endpoint = begin_work(c);
    uint64_t now = sv_timers_now();
    ping_if_due(c, now);
    if (c->n_members == 0 && now - c->idle_since >= endpoint->settings.http2_idle_ms)
        c->draining = true;
    end_work(c, endpoint);
}
