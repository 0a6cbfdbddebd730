/* HTTP/2 on a downstream connection: streams as exchanges, flow control, and what is sent. */
#include "conn_http2.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "conn_buffer.h"
#include "conn_http2_body.h"
#include "conn_http2_place.h"
#include "conn_http2_state.h"
#include "conn_life.h"
#include "dispatch.h"
#include "exchange_internal.h"
#include "exchange_life.h"

/* Reads in one go, before other sockets get their turn. */
#define READ_BURST 4

static const sv_server_options *http2_options_of(const sv_conn *conn) {
    return sv_server_options_of(conn->loop->server);
}

/* ---- output ---- */

/* Streams are closed at once, the connection when their exchanges have ended. */
static void break_connection(sv_conn_http2 *c) {
    sv_conn *conn = c->conn;
    if (c->h2 == NULL)
        return;
    sv_http2 *h2 = c->h2;
    sv_sock_reading(conn->sock, false);
    c->h2 = NULL;
    sv_http2_free(h2);
    sv_http2_mark(c);
}

static void lose_connection(sv_conn_http2 *c) {
    c->lost = true;
    break_connection(c);
}

/* Nothing is left to be said on it. What the peer still sends must not turn the close into a reset,
 * which could destroy the last frames. */
static void end_connection(sv_conn_http2 *c) {
    sv_conn *conn = c->conn;
    bool lost = c->lost;
    sv_conn_http2_free(conn);
    if (lost)
        sv_conn_close(conn);
    else
        sv_conn_linger(conn);
}

/* True if all was written. */
static bool http2_write_output(sv_conn_http2 *c) {
    sv_conn *conn = c->conn;
    size_t n;
    while (c->h2 != NULL && !sv_sock_is_writing(conn->sock)) {
        sv_conn_take_buffer(conn);
        if ((n = sv_http2_send(c->h2, conn->in, conn->in_size)) == 0)
            break;
        const struct iovec piece = {conn->in, n};
        if (sv_sock_write(conn->sock, &piece, 1, NULL) < 0)
            lose_connection(c);
    }
    if (sv_sock_is_writing(conn->sock))
        return false;
    sv_conn_give_buffer(conn);
    return true;
}

static void flush_connection(sv_conn_http2 *c) {
    bool written = http2_write_output(c);
    bool finished = c->h2 == NULL || (written && sv_http2_is_finished(c->h2));
    if (finished) /* after an error streams may be open */
        break_connection(c);
    if (finished && c->n_exchanges == 0)
        end_connection(c);
    else if (c->marked) /* by events of this very output, which has taken what they wrote */
        sv_http2_unmark(c);
}

void sv_http2_flush(sv_server_loop *loop) {
    sv_conn_http2 *marked = loop->http2_marked;
    loop->http2_marked = NULL;
    for (sv_conn_http2 *c = marked, *next; c != NULL; c = next) {
        next = c->next_marked;
        c->marked = false;
        flush_connection(c);
    }
}

void sv_http2_written(sv_conn *conn, bool ok) {
    if (!ok)
        lose_connection(conn->http2);
    sv_http2_mark(conn->http2);
}

/* ---- the exchange's carrier ---- */

static struct sv_h2_stream *http2_stream_of(const sv_exchange *ex) {
    return ex->stream;
}

/* The head with the fields that belong to this connection. */
static void send_head(sv_exchange *ex, bool has_content) {
    sv_answer_head *head = &ex->answer;
    size_t n = head->n_fields;
    char *length = sv_pool_alloc(ex->pool, SV_DECIMAL_MAX);
    hr_pair *fields = sv_pool_alloc(ex->pool, (n + 2) * sizeof(*fields));
    if (n > 0)
        memcpy(fields, head->fields, n * sizeof(*fields));
    fields[n++] = (hr_pair){HR_STR("date"), sv_server_date(ex->loop)};
    if (head->content_length != SV_UNKNOWN_LENGTH && head->status != 204) {
        size_t digits = (size_t)(sv_put_uint(length, head->content_length) - length);
        fields[n++] = (hr_pair){HR_STR("content-length"), {length, digits}};
    }
    ex->head_sent = true;
    sv_http2_respond(http2_stream_of(ex)->stream, head->status, fields, n, has_content);
}

static void write_answer(sv_exchange *ex, const hr_str *parts, size_t n, bool final) {
    struct sv_h2_stream *s = http2_stream_of(ex);
    bool has_content =
        sv_answer_has_content(ex) &&
        (!final || ex->answer.n_trailers > 0 || sv_http2_length(parts, n) > 0 || ex->head_sent);
    ex->final = final;
    if (s->stream == NULL) { /* closed after a head without content, or by the client */
        sv_exchange_sent(ex, !s->was_reset);
        return;
    }
    if (!ex->head_sent)
        send_head(ex, has_content);
    sv_http2_mark(s->c);
    if (has_content) {
        ex->bytes_sent += sv_http2_length(parts, n);
        s->write_ns = sv_now_ns();
        sv_http2_write(s->stream, parts, n, final, ex->answer.trailers, ex->answer.n_trailers);
    } else if (!final) {
        sv_exchange_sent(ex, true);
    } /* else the exchange is over when the stream is closed */
}

static void inform(sv_exchange *ex, int status, const hr_pair *fields, size_t n) {
    struct sv_h2_stream *s = http2_stream_of(ex);
    if (s->stream == NULL || ex->head_sent)
        return;
    sv_http2_respond(s->stream, status, fields, n, false);
    sv_http2_mark(s->c);
}

static void http2_abort_exchange(sv_exchange *ex) {
    struct sv_h2_stream *s = http2_stream_of(ex);
    if (s->stream != NULL) /* RFC 8441 section 5: what is a RST of TCP otherwise is CANCEL */
        sv_http2_reset(s->stream, ex->in.tunnel ? SV_HTTP2_CANCEL : SV_HTTP2_INTERNAL_ERROR);
    sv_http2_mark(s->c);
    sv_exchange_break(ex);
}

static bool http2_peer_gone(const sv_exchange *ex) {
    struct tcp_info info;
    socklen_t len = sizeof(info);
    if (http2_stream_of(ex)->was_reset ||
        getsockopt(sv_sock_fd(ex->conn->sock), IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return true;
    return info.tcpi_state != TCP_ESTABLISHED;
}

static void http2_end_exchange(sv_exchange *ex) {
    struct sv_h2_stream *s = http2_stream_of(ex);
    sv_conn_http2 *c = s->c;
    if (s->stream != NULL) {
        sv_http2_set_data(s->stream, NULL);
        sv_http2_reset(s->stream, SV_HTTP2_CANCEL);
    }
    *s->link = s->next;
    if (s->next != NULL)
        s->next->link = s->link;
    c->conn->since_ns = sv_now_ns();
    c->n_exchanges--;
    sv_http2_leave(s);
    free(s->held);
    sv_exchange_end(ex); /* with it, s */
    sv_http2_mark(c);
}

/* ---- requests ---- */

static const sv_carrier carrier = {write_answer,         inform,          http2_abort_exchange,
                                   sv_http2_resume_body, http2_peer_gone, http2_end_exchange};

static hr_str http2_copy(char **at, hr_str s) {
    if (s.p == NULL)
        return s;
    char *to = *at;
    if (s.len > 0)
        memcpy(to, s.p, s.len);
    *at = to + s.len;
    return (hr_str){to, s.len};
}

/* The strings of a request are the codec's: they must live as long as the exchange. */
static void keep_strings(sv_exchange *ex, size_t size) {
    sv_http1_request *request = &ex->request;
    char *at = sv_pool_alloc(ex->pool, size);
    request->method = http2_copy(&at, request->method);
    request->target = request->path = http2_copy(&at, request->path);
    request->authority = http2_copy(&at, request->authority);
    request->upgrade = http2_copy(&at, request->upgrade);
    for (size_t i = 0; i < request->n_fields; i++) {
        request->fields[i].name = http2_copy(&at, request->fields[i].name);
        request->fields[i].value = http2_copy(&at, request->fields[i].value);
    }
}

static size_t head_size(const sv_http1_request *request) {
    size_t size =
        request->method.len + request->path.len + request->authority.len + request->upgrade.len;
    for (size_t i = 0; i < request->n_fields; i++)
        size += request->fields[i].name.len + request->fields[i].value.len;
    return size;
}

static sv_exchange *http2_begin_exchange(sv_conn_http2 *c, sv_http2_stream *stream,
                                         const sv_http1_request *request) {
    size_t size = head_size(request);
    sv_exchange *ex = sv_exchange_begin(c->conn, &carrier, NULL, request);
    struct sv_h2_stream *s = sv_pool_alloc(ex->pool, sizeof(*s));
    *s = (struct sv_h2_stream){.c = c, .stream = stream, .ex = ex, .next = c->streams};
    s->link = &c->streams;
    if (s->next != NULL)
        s->next->link = &s->next;
    c->streams = s;
    c->n_exchanges++;
    ex->stream = s;
    ex->http2 = true;
    ex->head_len = size;
    keep_strings(ex, size);
    sv_http2_set_data(stream, s);
    return ex;
}

static void http2_refuse_head(sv_exchange *ex, sv_http1_result result, const char *why) {
    int status = result == SV_HTTP1_TOO_LARGE ? 431 : result == SV_HTTP1_CONNECT ? 405 : 400;
    sv_exchange_refuse(ex, status, why, 0);
    ex->response_flags = "DPE";
}

/* Without an exchange: those of refused streams would live until the end of the loop's turn, and a
 * turn may bring a hundred streams of each connection. The client may repeat the request. */
static void refuse_stream(sv_conn_http2 *c, sv_http2_stream *stream) {
    const sv_server *server = c->conn->loop->server;
    sv_http2_reset(stream, SV_HTTP2_REFUSED_STREAM);
    sv_metric_add(c->conn->loop->cells, sv_metrics_of_server(sv_server_metrics_of(server))->refused,
                  1);
}

static void http2_on_request(void *ctx, sv_http2_stream *stream, const sv_http1_request *request,
                             sv_http1_result result, const char *why) {
    sv_conn_http2 *c = ctx;
    bool malformed = result != SV_HTTP1_DONE, waits = !malformed && sv_http2_must_wait(c);
    size_t size = head_size(request);
    size_t cost = malformed || waits     ? SV_HTTP2_STREAM_COST + size
                  : size > SV_LARGE_HEAD ? size
                                         : 0;
    if (cost > 0 && !sv_budget_take(sv_server_uploads(c->conn->loop->server), cost)) {
        refuse_stream(c, stream);
        return;
    }
    sv_exchange *ex = http2_begin_exchange(c, stream, request);
    ex->reserved += cost;
    if (malformed) {
        http2_refuse_head(ex, result, why);
        sv_exchange_dispatch(ex, 0);
    } else {
        sv_http2_place(ex, waits);
    }
}

static void on_closed(void *ctx, sv_http2_stream *stream, uint32_t code) {
    struct sv_h2_stream *s = sv_http2_data(stream);
    (void)ctx;
    if (s == NULL)
        return;
    s->stream = NULL;
    s->was_reset = code != SV_HTTP2_NO_ERROR;
    if (s->was_reset)
        sv_exchange_break(s->ex);
    else if (s->ex->final && !s->ex->over)
        sv_exchange_sent(s->ex, true);
    s->closed_ns = sv_now_ns();
}

static void on_drained(void *ctx, sv_http2_stream *stream) {
    struct sv_h2_stream *s = sv_http2_data(stream);
    (void)ctx;
    if (s == NULL || s->ex->over)
        return;
    s->write_ns = 0;
    sv_exchange_sent(s->ex, true);
}

/* ---- the connection ---- */

static const sv_http2_events http2_events = {.request = http2_on_request,
                                             .data = sv_conn_http2_data,
                                             .end = sv_http2_end,
                                             .drained = on_drained,
                                             .closed = on_closed};

static void note_progress(sv_conn_http2 *c) {
    if (!sv_http2_is_within_frame(c->h2))
        c->within_ns = 0;
    else if (c->within_ns == 0)
        c->within_ns = sv_now_ns();
}

/* A head that is not complete is taken from the upload budget, as in HTTP/1.1. */
static bool charge_head(sv_conn_http2 *c) {
    sv_conn *conn = c->conn;
    sv_budget *uploads = sv_server_uploads(conn->loop->server);
    size_t held = sv_http2_head_held(c->h2);
    held = held > SV_LARGE_HEAD ? held : 0;
    if (held <= conn->reserved) {
        sv_budget_give(uploads, conn->reserved - held);
        conn->reserved = held;
        return true;
    }
    if (!sv_budget_take(uploads, held - conn->reserved))
        return false;
    conn->reserved = held;
    return true;
}

/* False: nothing more is read. */
static bool receive(sv_conn_http2 *c, const char *bytes, size_t n) {
    bool ok = sv_http2_receive(c->h2, bytes, n);
    if (ok && !charge_head(c)) {
        sv_http2_fail(c->h2, SV_HTTP2_ENHANCE_YOUR_CALM, "too much is being uploaded");
        ok = false;
    }
    sv_http2_report(c);
    note_progress(c);
    sv_http2_mark(c);
    if (!ok || sv_http2_is_finished(c->h2))
        sv_sock_reading(c->conn->sock, false);
    return ok;
}

void sv_http2_begin(sv_conn *conn, const char *bytes, size_t n) {
    const sv_http2_options options = {.max_head = (size_t)http2_options_of(conn)->max_head_bytes,
                                      .max_fields = SV_HTTP2_MAX_FIELDS,
                                      .max_streams = SV_HTTP2_MAX_STREAMS,
                                      .stream_window = SV_HTTP2_FIRST_WINDOW,
                                      .connection_window = SV_HTTP2_CONNECTION_WINDOW,
                                      .extended_connect = conn->listener->tunnels};
    sv_conn_http2 *c = sv_alloc_zeroed(sizeof(*c));
    *c = (sv_conn_http2){.conn = conn, .refill_ns = sv_now_ns()};
    c->h2 = sv_http2_new(&options, &http2_events, c);
    conn->http2 = c;
    conn->stage = SV_STAGE_HTTP2;
    sv_http2_mark(c);
    if (c->h2 != NULL && n > 0)
        receive(c, bytes, n);
    sv_conn_give_buffer(conn);
}

void sv_http2_readable(sv_conn *conn) {
    sv_conn_http2 *c = conn->http2;
    char bytes[SV_FIRST_READ];
    for (int i = 0; i < READ_BURST && c->h2 != NULL; i++) {
        ssize_t n = sv_sock_read(conn->sock, bytes, sizeof(bytes));
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0)
            lose_connection(c);
        else if (!receive(c, bytes, (size_t)n))
            return;
        if (n < (ssize_t)sizeof(bytes))
            return;
    }
    if (c->h2 == NULL)
        return;
    /* OpenSSL may hold more, of which the loop does not know. */
    sv_sock_reading(conn->sock, false);
    sv_sock_reading(conn->sock, true);
}

void sv_http2_cut(sv_conn *conn) {
    lose_connection(conn->http2);
}

void sv_conn_http2_free(sv_conn *conn) {
    sv_conn_http2 *c = conn->http2;
    if (c->marked)
        sv_http2_unmark(c);
    sv_http2_free(c->h2);
    conn->http2 = NULL;
    free(c);
}
