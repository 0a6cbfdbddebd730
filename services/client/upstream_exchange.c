/* Runs one exchange with an upstream endpoint, including retries and timeouts. */
#include "upstream_exchange.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "upstream_http2.h"
#include "upstream_http2_stream.h"
#include "upstream_pool.h"
#include "upstream_write.h"

/* Trailers are held as text, as fields, and as they are sent on. A few bytes, such as gRPC's
 * status, belong to what every exchange takes. */
#define TRAILER_COPIES 4
#define SMALL_TRAILERS ((size_t)1 << 10)

static void start_try(sv_up_exchange *ex, int fresh);
static void on_timer(sv_timer *timer);

const char *sv_up_error_name(sv_up_error error) {
    switch (error) {
    case SV_UP_RESOLVE:
        return "resolve";
    case SV_UP_CONNECT:
        return "connect";
    case SV_UP_CONNECT_TIMEOUT:
        return "connect_timeout";
    case SV_UP_TLS:
        return "tls";
    case SV_UP_RESET:
        return "reset";
    case SV_UP_CLOSED:
        return "closed";
    case SV_UP_PROTOCOL:
        return "protocol";
    case SV_UP_REFUSED:
        return "refused";
    case SV_UP_STREAM_RESET:
        return "stream_reset";
    case SV_UP_FIRST_BYTE_TIMEOUT:
        return "first_byte_timeout";
    case SV_UP_OVERLOAD:
        return "overload";
    case SV_UP_IDLE_TIMEOUT:
        return "idle_timeout";
    case SV_UP_DEADLINE:
        return "deadline";
    }
    return "unknown";
}

const sv_http1_response *sv_up_head(const sv_up_exchange *ex) {
    return &ex->head;
}

const hr_pair *sv_up_trailers(const sv_up_exchange *ex, size_t *n) {
    *n = ex->trailers.n;
    return ex->trailers.fields;
}

int sv_up_sent(const sv_up_exchange *ex) {
    return ex->sent;
}

int sv_up_received(const sv_up_exchange *ex) {
    return ex->received;
}

/* ---- time -------------------------------------------------------------------------------- */

/* Moves the timer only if it would come too late: one that comes early looks again. */
static void arm(sv_up_exchange *ex) {
    uint64_t at = ex->phase_until;
    if (ex->request->deadline_at != 0 && (at == 0 || ex->request->deadline_at < at))
        at = ex->request->deadline_at;
    if (at != 0 && (!sv_timer_is_set(&ex->timer) || ex->timer.at > at))
        sv_timer_set(ex->endpoint->up->timers, &ex->timer, at, on_timer);
}

void sv_up_enter_phase(sv_up_exchange *ex, sv_up_error error, uint32_t ms) {
    ex->phase_error = error;
    ex->phase_until = ms > 0 ? sv_timers_now() + ms : 0;
    arm(ex);
}

void sv_up_set_deadline(sv_up_exchange *ex, uint64_t at) {
    if (ex->over || ex->tunnel)
        return;
    ex->request_copy.deadline_at = at;
    arm(ex);
}

/* ---- ends -------------------------------------------------------------------------------- */

static void drop_conn(sv_up_exchange *ex) {
    if (ex->conn != NULL)
        sv_up_conn_close(ex->conn);
    ex->conn = NULL;
    sv_up_http2_leave(ex);
}

static void stop_waiting(sv_up_exchange *ex) {
    if (!ex->waiting)
        return;
    sv_up_exchange **slot = &ex->endpoint->waiting;
    while (*slot != ex)
        slot = &(*slot)->next_waiting;
    *slot = ex->next_waiting;
    ex->waiting = 0;
}

static void end(sv_up_exchange *ex) {
    ex->over = 1;
    sv_timer_unset(ex->endpoint->up->timers, &ex->timer);
    stop_waiting(ex);
    sv_up_count(&ex->endpoint->up->stats->active, -1);
}

static void count_error(sv_up_stats *stats, sv_up_error error) {
    if (error == SV_UP_PROTOCOL)
        sv_up_count(&stats->protocol_errors, 1);
    else if (error == SV_UP_RESET || error == SV_UP_CLOSED || error == SV_UP_REFUSED ||
             error == SV_UP_STREAM_RESET)
        sv_up_count(&stats->resets, 1);
    else if (error == SV_UP_CONNECT || error == SV_UP_TLS || error == SV_UP_RESOLVE)
        sv_up_count(&stats->connect_failures, 1);
    else
        sv_up_count(&stats->timeouts, 1);
}

/* Shows what there is, if the consumer is ready for it: content, the bare head, the end, or the
 * error after the content before it. The callback may free the exchange: nothing may follow a call
 * of this. */
void sv_up_show(sv_up_exchange *ex) {
    sv_up_block *block = ex->in;
    size_t n = ex->head_done && block != NULL ? block->end - block->start : 0;
    if (ex->over || ex->busy)
        return;
    if (n > 0 || ex->complete || (ex->head_done && !ex->first_shown)) {
        ex->shown = block;
        ex->in = NULL;
        ex->first_shown = 1;
        ex->busy = 1;
        if (ex->complete)
            end(ex);
        ex->on_data(ex->ctx, ex, block != NULL ? block->bytes + block->start : "", n, ex->complete);
    } else if (ex->error != 0) {
        end(ex);
        ex->on_error(ex->ctx, ex, ex->error, ex->why);
    }
}

void sv_up_fail(sv_up_exchange *ex, sv_up_error error, const char *why) {
    drop_conn(ex);
    count_error(ex->endpoint->up->stats, error);
    ex->error = error;
    ex->why = why;
    ex->phase_until = 0;
    sv_up_show(ex);
}

/* RFC 9110 section 9.2.2. */
int sv_up_is_idempotent(hr_str method) {
    static const hr_str methods[] = {{"GET", 3},    {"HEAD", 4},    {"PUT", 3},
                                     {"DELETE", 6}, {"OPTIONS", 7}, {"TRACE", 5}};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (method.len == methods[i].len && memcmp(method.p, methods[i].p, method.len) == 0)
            return 1;
    }
    return 0;
}

/* A body that comes in pieces can only be sent again while all of it is held. */
static int rewind_source(const sv_up_exchange *ex) {
    const sv_up_source *source = ex->request->source;
    return source == NULL || source->rewind(source->ctx);
}

bool sv_up_try_again(sv_up_exchange *ex) {
    if (ex->retried || !rewind_source(ex))
        return false;
    drop_conn(ex);
    ex->retried = 1;
    sv_up_count(&ex->endpoint->up->stats->stale_retries, 1);
    start_try(ex, 1);
    return true;
}

/* The connection has ended before the answer. One that was idle before may have been closed by the
 * peer just as it was taken: then a fresh one may serve. */
void sv_up_broken(sv_up_exchange *ex, sv_up_error error, const char *why) {
    bool may =
        ex->reused && !ex->received && (!ex->sent || sv_up_is_idempotent(ex->request->method));
    if (may && sv_up_try_again(ex))
        return;
    sv_up_fail(ex, error, why);
}

static void on_timer(sv_timer *timer) {
    sv_up_exchange *ex = SV_CONTAINER(sv_up_exchange, timer, timer);
    uint64_t now = sv_timers_now();
    if (ex->tell_error)
        sv_up_show(ex);
    else if (ex->error != 0 || ex->complete)
        return; /* only the consumer is waited for */
    else if (ex->request->deadline_at != 0 && ex->request->deadline_at <= now)
        sv_up_fail(ex, SV_UP_DEADLINE, "the deadline has passed");
    else if (ex->phase_until != 0 && ex->phase_until <= now)
        sv_up_fail(ex, ex->phase_error,
                   ex->phase_error == SV_UP_CONNECT_TIMEOUT      ? "no connection in time"
                   : ex->phase_error == SV_UP_FIRST_BYTE_TIMEOUT ? "no answer in time"
                                                                 : "the answer stopped coming");
    else
        arm(ex);
}

/* ---- reading ----------------------------------------------------------------------------- */

/* The answer is whole. What the peer sent beyond it makes the connection useless, as does an answer
 * that came before the request was written. */
static void complete(sv_up_exchange *ex, size_t surplus) {
    sv_up_conn *conn = ex->conn;
    ex->conn = NULL;
    ex->complete = 1;
    ex->phase_until = 0;
    if (conn == NULL)
        return;
    if (ex->tunnel) { /* the other direction goes on */
        ex->conn = conn;
        sv_sock_reading(conn->sock, false);
        return;
    }
    conn->peer_idle_s = ex->head.keep_alive_timeout_s;
    sv_up_conn_release(conn, ex->head.keep_alive && surplus == 0 && ex->written);
}

bool sv_up_charge_trailers(const sv_up_exchange *ex, size_t n) {
    const sv_up_request *r = ex->request;
    if (r->charge == NULL)
        return false;
    return ex->trailers.len + n <= SMALL_TRAILERS || r->charge(ex->ctx, TRAILER_COPIES * n);
}

/* Takes the bytes that have arrived at [from, in->end). Returns 0 after an error. */
static int take_body(sv_up_exchange *ex, size_t from) {
    sv_up_block *in = ex->in;
    size_t n = in->end - from;
    sv_http1_piece piece;
    const char *why;
    sv_http1_result result = sv_http1_body_decode(&ex->body, in->bytes + from, n, &piece, &why);
    if (result < 0) {
        in->end = from;
        sv_up_fail(ex, SV_UP_PROTOCOL, why);
        return 0;
    }
    if (piece.n_trailers > 0 && !ex->trailers.dropped &&
        !sv_up_charge_trailers(ex, piece.n_trailers))
        sv_trailers_drop(&ex->trailers);
    sv_trailers_add(&ex->trailers, &piece);
    if (from == in->start) /* no content lies before it that it must follow */
        in->start = from = (size_t)(piece.content - in->bytes);
    else if (piece.content != in->bytes + from)
        memmove(in->bytes + from, piece.content, piece.n);
    in->end = from + piece.n;
    if (in->end == in->start && ex->first_shown)
        in->start = in->end = 0; /* framing alone takes no room */
    if (result == SV_HTTP1_DONE) {
        sv_trailers_parse(&ex->trailers);
        complete(ex, n - piece.used);
    }
    return 1;
}

/* Both sides speak another protocol from here on, and end it by closing. */
static void begin_tunnel(sv_up_exchange *ex) {
    ex->tunnel = 1;
    ex->head.framing = SV_HTTP1_UNTIL_CLOSE;
    ex->request_copy.deadline_at = 0;
    ex->phase_until = 0;
}

/* Looks for heads at in->start. Returns 0 after an error. */
static int take_head(sv_up_exchange *ex) {
    sv_http1_context context = {.request_is_head = ex->request->method.len == 4 &&
                                                   memcmp(ex->request->method.p, "HEAD", 4) == 0,
                                .upgrade_requested = ex->request->upgrade};
    for (;;) {
        sv_up_block *in = ex->in;
        size_t head_len;
        const char *why;
        sv_http1_result result = sv_http1_find_response(&head_len, &ex->scan, in->bytes + in->start,
                                                        in->end - in->start, SV_UP_MAX_HEAD, &why);
        if (result == SV_HTTP1_MORE)
            return 1;
        if (result == SV_HTTP1_DONE)
            result =
                sv_http1_parse_response(&ex->head, in->bytes + in->start, head_len, &context, &why);
        if (result == SV_HTTP1_DONE && ex->head.status < 200 &&
            ++ex->n_informational > SV_UP_MAX_INFORMATIONAL) {
            result = SV_HTTP1_MALFORMED;
            why = "there are too many informational answers";
        }
        if (result < 0) {
            sv_up_fail(ex, SV_UP_PROTOCOL, why);
            return 0;
        }
        in->start += head_len;
        ex->scan = (sv_http1_scan){0};
        if (ex->head.status == 101 && !ex->written) {
            sv_up_fail(ex, SV_UP_PROTOCOL, "a 101 before the request was sent");
            return 0;
        }
        if (ex->head.status == 101) {
            begin_tunnel(ex);
            break;
        }
        if (ex->head.status >= 200)
            break;
        if (ex->head.status != 100 && ex->request->on_informed != NULL)
            ex->request->on_informed(ex->ctx, &ex->head);
        /* The next head begins where the block does, so that it has all of the room. */
        memmove(in->bytes, in->bytes + in->start, in->end - in->start);
        in->end -= in->start;
        in->start = 0;
    }
    ex->head_done = 1;
    sv_http1_body_init(&ex->body, ex->head.framing, ex->head.content_length);
    return take_body(ex, ex->in->start);
}

static void on_eof(sv_up_exchange *ex) {
    const char *why;
    if (!ex->received)
        sv_up_broken(ex, SV_UP_CLOSED, "the peer closed the connection before it answered");
    else if (!ex->head_done && ex->in->end == ex->in->start)
        sv_up_fail(ex, SV_UP_CLOSED,
                   "the peer closed the connection after an informational answer");
    else if (!ex->head_done)
        sv_up_fail(ex, SV_UP_PROTOCOL, "the connection ended within the head of the answer");
    else if (sv_http1_body_eof(&ex->body, &why) == SV_HTTP1_DONE) {
        complete(ex, 0);
        sv_up_show(ex);
    } else {
        sv_up_fail(ex, SV_UP_RESET, why);
    }
}

/* One read a turn: a peer that never pauses must not starve the others of this loop. */
static ssize_t fill(sv_up_exchange *ex) {
    sv_up_block *in = ex->in;
    return sv_sock_read(ex->conn->sock, in->bytes + in->end, in->size - in->end);
}

/* The consumer is behind: nothing is read until it asks. Where many are, so that their blocks add
 * up, not even the next block is. */
static int must_wait(const sv_up_exchange *ex) {
    if (ex->in != NULL)
        return ex->in->end == ex->in->size;
    return ex->busy && ex->endpoint->up->n_blocks >= SV_UP_MANY_BLOCKS;
}

void sv_up_exchange_readable(sv_up_exchange *ex) {
    if (must_wait(ex)) {
        sv_sock_reading(ex->conn->sock, false);
        ex->reading_stopped = 1;
        ex->phase_until = 0;
        return;
    }
    if (ex->in == NULL)
        ex->in = sv_up_block_take(ex);
    ssize_t n = fill(ex);
    if (n == -1) {
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return;
        if (!ex->received)
            sv_up_broken(ex, SV_UP_RESET, "the peer reset the connection before it answered");
        else
            sv_up_fail(ex, SV_UP_RESET, "the peer reset the connection");
        return;
    }
    if (n == 0) {
        on_eof(ex);
        return;
    }
    size_t from = ex->in->end;
    ex->in->end += (size_t)n;
    ex->received = 1;
    if (!(ex->head_done ? take_body(ex, from) : take_head(ex)))
        return;
    if (ex->head_done && !ex->complete && !ex->tunnel)
        sv_up_enter_phase(ex, SV_UP_IDLE_TIMEOUT, sv_up_idle_timeout(ex));
    if (ex->head_done)
        sv_up_show(ex);
}

static void resume_reading(sv_up_exchange *ex) {
    if (!ex->reading_stopped || ex->conn == NULL)
        return;
    ex->reading_stopped = 0;
    if (!ex->tunnel)
        sv_up_enter_phase(ex, SV_UP_IDLE_TIMEOUT, sv_up_idle_timeout(ex));
    sv_sock_reading(ex->conn->sock, true);
}

/* ---- connecting -------------------------------------------------------------------------- */

static void begin_exchange(sv_up_exchange *ex) {
    sv_up_write_request(ex);
}

static void try_next_address(sv_up_exchange *ex) {
    sv_up_endpoint *endpoint = ex->endpoint;
    drop_conn(ex);
    if (ex->addresses_left > 1) {
        ex->addresses_left--;
        endpoint->current = (endpoint->current + 1) % endpoint->n_addresses;
        ex->conn = sv_up_conn_open(endpoint, ex);
        if (ex->conn != NULL)
            return;
    }
    sv_up_fail(ex, SV_UP_CONNECT, "the connection was refused or the host is unreachable");
}

void sv_up_exchange_connected(sv_up_exchange *ex, int connected) {
    ex->connecting = 0;
    if (!connected) {
        try_next_address(ex);
        return;
    }
    begin_exchange(ex);
}

void sv_up_exchange_tls_failed(sv_up_exchange *ex, const char *why) {
    ex->connecting = 0;
    snprintf(ex->error_text, sizeof(ex->error_text), "TLS handshake failed: %s", why);
    sv_up_fail(ex, SV_UP_TLS, ex->error_text);
}

void sv_up_fail_later(sv_up_exchange *ex, sv_up_error error, const char *why) {
    ex->error = error;
    ex->why = why;
    ex->tell_error = 1;
    count_error(ex->endpoint->up->stats, error);
    sv_timer_set(ex->endpoint->up->timers, &ex->timer, sv_timers_now(), on_timer);
}

static void open_conn(sv_up_exchange *ex) {
    ex->addresses_left = ex->endpoint->n_addresses;
    ex->connecting = 1;
    sv_up_enter_phase(ex, SV_UP_CONNECT_TIMEOUT, ex->endpoint->settings.connect_timeout_ms);
    ex->conn = sv_up_conn_open(ex->endpoint, ex);
    if (ex->conn == NULL)
        sv_up_fail_later(ex, SV_UP_CONNECT, "the system refuses the connection");
}

static void open_http2(sv_up_exchange *ex) {
    sv_up_enter_phase(ex, SV_UP_CONNECT_TIMEOUT, ex->endpoint->settings.connect_timeout_ms);
    if (!sv_up_http2_open(ex))
        sv_up_fail_later(ex, SV_UP_CONNECT, "the system refuses the connection");
}

static void wait_for_address(sv_up_exchange *ex) {
    sv_up_endpoint *endpoint = ex->endpoint;
    ex->waiting = 1;
    ex->next_waiting = endpoint->waiting;
    endpoint->waiting = ex;
    sv_up_enter_phase(ex, SV_UP_CONNECT_TIMEOUT, endpoint->settings.connect_timeout_ms);
}

void sv_up_exchange_resolved(sv_up_exchange *ex, const char *why) {
    stop_waiting(ex);
    if (why == NULL) {
        if (!ex->request->http2)
            open_conn(ex);
        else if (!sv_up_http2_join(ex, 0)) /* another one may have opened a connection */
            open_http2(ex);
        return;
    }
    snprintf(ex->error_text, sizeof(ex->error_text), "%.*s: %s", (int)ex->endpoint->host_len,
             ex->endpoint->name, why);
    sv_up_fail(ex, SV_UP_RESOLVE, ex->error_text);
}

static void start_try(sv_up_exchange *ex, int fresh) {
    sv_up_endpoint *endpoint = ex->endpoint;
    free(ex->head_text);
    free(ex->end_text);
    ex->head_text = ex->end_text = NULL;
    ex->sent = ex->written = ex->received = ex->writing = ex->last_piece = 0;
    int have_address = sv_up_endpoint_resolve(endpoint);
    if (ex->request->http2) {
        ex->reused = sv_up_http2_join(ex, fresh);
        if (!ex->reused && have_address)
            open_http2(ex);
        else if (!ex->reused)
            wait_for_address(ex);
        return;
    }
    ex->conn = fresh ? NULL : sv_up_conn_reuse(endpoint, !sv_up_is_idempotent(ex->request->method));
    ex->reused = ex->conn != NULL;
    if (ex->reused) {
        ex->conn->exchange = ex;
        begin_exchange(ex);
    } else if (have_address) {
        open_conn(ex);
    } else {
        wait_for_address(ex);
    }
}

sv_up_exchange *sv_up_start(sv_up_endpoint *endpoint, const sv_up_request *request,
                            sv_up_data_fn on_data, sv_up_error_fn on_error, void *ctx) {
    sv_up_exchange *ex = sv_alloc(sizeof(*ex));
    memset(ex, 0, offsetof(sv_up_exchange, fields));
    ex->head.fields = ex->fields;
    ex->head.max_fields = SV_UP_MAX_FIELDS;
    ex->endpoint = sv_up_endpoint_ref(endpoint);
    ex->request_copy = *request;
    ex->request = &ex->request_copy;
    ex->on_data = on_data;
    ex->on_error = on_error;
    ex->ctx = ctx;
    sv_up_count(&endpoint->up->stats->requests, 1);
    sv_up_count(&endpoint->up->stats->active, 1);
    start_try(ex, 0);
    return ex;
}

void sv_up_continue(sv_up_exchange *ex) {
    sv_up_http2_consume(ex, ex->shown != NULL ? ex->shown->end - ex->shown->start : 0);
    sv_up_block_give(ex->endpoint->up, ex->shown);
    ex->shown = NULL;
    ex->busy = 0;
    resume_reading(ex);
    sv_up_show(ex);
}

void sv_up_free(sv_up_exchange *ex) {
    if (ex == NULL)
        return;
    drop_conn(ex);
    if (!ex->over)
        end(ex);
    sv_up_block_give(ex->endpoint->up, ex->in);
    sv_up_block_give(ex->endpoint->up, ex->shown);
    free(ex->head_text);
    free(ex->end_text);
    free(ex->stream.head_text);
    sv_trailers_free(&ex->trailers);
    sv_up_endpoint_unref(ex->endpoint);
    free(ex);
}
