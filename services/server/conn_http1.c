/* HTTP/1.1 on a downstream connection: reading requests, and going on from one to the next. */
#include "conn_http1.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "body_in.h"
#include "conn_buffer.h"
#include "conn_http1_write.h"
#include "conn_http2.h"
#include "conn_life.h"
#include "dispatch.h"
#include "exchange_internal.h"
#include "exchange_life.h"
#include "http2.h"

/* Header fields of a request; beyond it: 431. */
#define MAX_FIELDS 100

/* Behind the head, for chunks that are decoded there. */
#define CHUNKED_ROOM ((size_t)8 << 10)

/* ---- the buffer ---- */

/* Makes the buffer at least so large. The request's strings follow it: not once a handler has it.
 */
static void grow_buffer(sv_conn *conn, size_t size) {
    if (size <= conn->in_size)
        return;
    char *larger = sv_alloc(size);
    memcpy(larger, conn->in, conn->in_len);
    if (conn->ex != NULL)
        sv_http1_request_moved(&conn->ex->request, (uintptr_t)conn->in, conn->head_len, larger);
    size_t len = conn->in_len;
    sv_conn_give_buffer(conn);
    conn->in = larger;
    conn->in_size = size;
    conn->in_len = len;
}

/* More of the request has to come, in time. */
static void http1_wait_for_more(sv_conn *conn) {
    if (conn->begun)
        return;
    conn->begun = true;
    conn->since_ns = sv_now_ns() - conn->waited_ns;
}

/* ---- the exchange's carrier ---- */

/* The client waits for it before it sends the body (RFC 9110 section 10.1.1). */
static bool http1_send_continue(sv_conn *conn) {
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const struct iovec piece = {(void *)(uintptr_t)text, sizeof(text) - 1};
    conn->continues = false;
    return sv_sock_write(conn->sock, &piece, 1, NULL) == 1;
}

static void resume_body(sv_exchange *ex) {
    sv_conn *conn = ex->conn;
    if (conn->continues && !http1_send_continue(conn)) {
        sv_conn_drop(conn);
        return;
    }
    http1_wait_for_more(conn);
    sv_sock_reading(conn->sock, true);
}

/* The time until there is room again does not count as waiting for the client. */
static void pause_body(sv_conn *conn) {
    sv_sock_reading(conn->sock, false);
    if (conn->begun)
        conn->waited_ns = sv_now_ns() - conn->since_ns;
    conn->begun = false;
}

static void http1_abort_exchange(sv_exchange *ex) {
    sv_conn_drop(ex->conn);
}

/* Not MSG_PEEK: a pipelined request would hide the FIN behind it. As with Envoy, a client that
 * closes its half does not wait for the answer. */
static bool http1_peer_gone(const sv_exchange *ex) {
    struct tcp_info info;
    socklen_t len = sizeof(info);
    if (getsockopt(sv_sock_fd(ex->conn->sock), IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return true;
    return info.tcpi_state != TCP_ESTABLISHED;
}

static void http1_end_exchange(sv_exchange *ex);

/* ---- heads ---- */

static const sv_server_options *http1_options_of(const sv_conn *conn) {
    return sv_server_options_of(conn->loop->server);
}

static void http1_refuse_head(sv_exchange *ex, sv_http1_result result, const char *why) {
    int status = result == SV_HTTP1_TOO_LARGE ? 431 : result == SV_HTTP1_CONNECT ? 405 : 400;
    sv_exchange_refuse(ex, status, why, 0);
    ex->response_flags = "DPE";
}

static void dispatch(sv_conn *conn) {
    sv_exchange *ex = conn->ex;
    bool complete = ex->body_done || ex->refusal.status != 0;
    conn->stage = complete ? SV_STAGE_HANDLED : SV_STAGE_STREAMED;
    conn->begun = false;
    sv_exchange_dispatch(ex, conn->in_len);
}

static void begin_body(sv_conn *conn);

static sv_exchange *http1_begin_exchange(sv_conn *conn, const sv_http1_request *request) {
    static const sv_carrier carrier = {sv_http1_write, sv_http1_inform, http1_abort_exchange,
                                       resume_body,    http1_peer_gone, http1_end_exchange};
    sv_exchange *ex = sv_exchange_begin(conn, &carrier, conn, request);
    ex->head_len = conn->head_len;
    ex->reserved = conn->reserved;
    conn->reserved = 0;
    conn->ex = ex;
    return ex;
}

static void begin_request(sv_conn *conn, sv_http1_result result, const char *why) {
    hr_pair fields[MAX_FIELDS];
    sv_http1_request request = {.fields = fields, .max_fields = MAX_FIELDS, .minor_version = 1};
    conn->scan = (sv_http1_scan){0};
    conn->http1 = true;
    if (result == SV_HTTP1_DONE)
        result = sv_http1_parse_request(&request, conn->in, conn->head_len,
                                        sv_sock_ssl(conn->sock) != NULL, &why);
    sv_exchange *ex = http1_begin_exchange(conn, &request);
    if (result != SV_HTTP1_DONE)
        http1_refuse_head(ex, result, why);
    else
        sv_exchange_check_limits(ex);
    if (ex->refusal.status != 0)
        dispatch(conn);
    else
        begin_body(conn);
}

/* A head that outgrows the first buffer is taken from the upload budget. */
static void grow_head(sv_conn *conn) {
    static const sv_http1_request unread = {.minor_version = 1};
    size_t size = conn->in_size * 2;
    if (!sv_budget_take(sv_server_uploads(conn->loop->server), size - conn->reserved)) {
        sv_exchange_refuse_busy(http1_begin_exchange(conn, &unread));
        dispatch(conn);
        return;
    }
    conn->reserved = size;
    grow_buffer(conn, size);
}

/* A client that begins a connection with these bytes speaks HTTP/2 without TLS or in spite of ALPN
 * (RFC 9113 section 3.3). */
static bool is_http2(const sv_conn *conn) {
    size_t n = conn->in_len < SV_HTTP2_PREFACE_LEN ? conn->in_len : SV_HTTP2_PREFACE_LEN;
    return !conn->http1 && memcmp(conn->in, SV_HTTP2_PREFACE, n) == 0;
}

static void read_head(sv_conn *conn) {
    size_t max_head = (size_t)http1_options_of(conn)->max_head_bytes;
    const char *why = NULL;
    if (is_http2(conn) && conn->in_len >= SV_HTTP2_PREFACE_LEN) {
        sv_http2_begin(conn, conn->in, conn->in_len);
        return;
    }
    if (is_http2(conn)) {
        http1_wait_for_more(conn);
        return;
    }
    sv_http1_result result =
        sv_http1_find_request(&conn->head_len, &conn->scan, conn->in, conn->in_len, max_head, &why);
    if (result != SV_HTTP1_MORE) {
        begin_request(conn, result, why);
        return;
    }
    http1_wait_for_more(conn);
    if (conn->in_len == conn->in_size)
        grow_head(conn);
}

/* ---- bodies ----
 *
 * What fits the buffer of the head stays there. Of a longer body the beginning lies there until the
 * exchange has room of its own (body_in.c). Chunks are decoded behind the head. */

static void refuse_body(sv_exchange *ex, const char *why) {
    hr_str detail = SV_JOIN(ex->pool, HR_STR("the chunked body is malformed: "), sv_str(why));
    sv_body_fail(ex, 400, detail.p);
}

/* Where bodies are streamed, trailers are sent on. They are dropped where they cannot be charged.
 */
static void add_trailers(sv_conn *conn, const sv_http1_piece *piece) {
    sv_exchange *ex = conn->ex;
    if (piece->n_trailers == 0)
        return;
    if (!ex->listener->streams || !sv_exchange_reserve(ex, piece->n_trailers))
        sv_trailers_drop(&conn->trailers);
    sv_trailers_add(&conn->trailers, piece);
}

static void http1_take_trailers(sv_conn *conn) {
    sv_exchange *ex = conn->ex;
    sv_trailers_parse(&conn->trailers);
    ex->trailers = conn->trailers.fields;
    ex->n_trailers = conn->trailers.n;
}

/* Decodes what came at conn->end. The content is moved up to there, and what follows the message up
 * to the content. */
static sv_http1_result http1_decode(sv_conn *conn) {
    char *from = conn->in + conn->end;
    size_t n = conn->in_len - conn->end;
    sv_http1_piece piece;
    const char *why;
    sv_http1_result result = sv_http1_body_decode(&conn->body, from, n, &piece, &why);
    if (result < 0) {
        refuse_body(conn->ex, why);
        return result;
    }
    add_trailers(conn, &piece);
    if (result == SV_HTTP1_DONE)
        http1_take_trailers(conn);
    if (piece.content != from)
        memmove(from, piece.content, piece.n);
    if (piece.used != piece.n)
        memmove(from + piece.n, from + piece.used, n - piece.used);
    conn->end += piece.n;
    conn->in_len = conn->end + (n - piece.used);
    return result;
}

static uint64_t left_of_body(const sv_exchange *ex) {
    return ex->in.length - sv_body_received(ex);
}

/* As sv_sock_read, but that the end of the connection is an error. */
static ssize_t read_some(sv_conn *conn, char *at, size_t size) {
    ssize_t n = sv_sock_read(conn->sock, at, size);
    if (n == 0)
        errno = ECONNRESET;
    return n > 0 ? n : -1;
}

/* Bytes of a known length are read to where they belong. */
static ssize_t read_length(sv_conn *conn, char *room, size_t size, bool *done) {
    uint64_t left = left_of_body(conn->ex);
    ssize_t n = read_some(conn, room, size < left ? size : (size_t)left);
    *done = n > 0 && (uint64_t)n == left;
    return n;
}

/* Chunks are decoded behind the head, so that what follows them stays in the connection's buffer.
 * EPROTO: they are malformed. */
static ssize_t read_chunks(sv_conn *conn, char *room, size_t size, bool *done) {
    conn->in_len = conn->end = conn->head_len;
    size_t space = conn->in_size - conn->in_len;
    ssize_t n = read_some(conn, conn->in + conn->in_len, size < space ? size : space);
    if (n < 0)
        return n;
    conn->in_len += (size_t)n;
    sv_http1_result result = http1_decode(conn);
    if (result < 0) {
        errno = EPROTO;
        return -1;
    }
    size_t content = conn->end - conn->head_len;
    memcpy(room, conn->in + conn->head_len, content);
    memmove(conn->in + conn->head_len, conn->in + conn->end, conn->in_len - conn->end);
    conn->in_len -= content;
    conn->end = conn->head_len;
    *done = result == SV_HTTP1_DONE;
    return (ssize_t)content;
}

/* Nothing more of the body is read: it is complete, or refused. */
static void end_body(sv_conn *conn) {
    conn->begun = false;
    if (conn->stage == SV_STAGE_STREAMED)
        conn->stage = SV_STAGE_HANDLED;
}

static void read_into_store(sv_conn *conn) {
    sv_exchange *ex = conn->ex;
    size_t size;
    bool done = false;
    char *room = sv_body_room(ex, &size);
    if (room == NULL) {
        pause_body(conn);
        if (ex->refusal.status != 0 && !ex->dispatched)
            dispatch(conn);
        return;
    }
    ssize_t n = conn->body.framing == SV_HTTP1_CHUNKED ? read_chunks(conn, room, size, &done)
                                                       : read_length(conn, room, size, &done);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n < 0 && errno != EPROTO) {
        sv_conn_drop(conn);
        return;
    }
    if (done || n < 0)
        end_body(conn);
    if (n < 0 || !sv_body_arrived(ex, (size_t)n, done))
        end_body(conn);
    if (!ex->dispatched && (done || ex->refusal.status != 0))
        dispatch(conn);
}

static void take_in_place(sv_conn *conn, sv_http1_result result) {
    sv_exchange *ex = conn->ex;
    ex->body = (sv_bytes){conn->in + conn->head_len, conn->end - conn->head_len};
    ex->body_done = result == SV_HTTP1_DONE;
}

static void http1_read_body(sv_conn *conn) {
    if (conn->stage == SV_STAGE_STREAMED || conn->ex->in.store != NULL) {
        read_into_store(conn);
        return;
    }
    ssize_t n = read_some(conn, conn->in + conn->in_len, conn->in_size - conn->in_len);
    if (n < 0 && errno != EAGAIN)
        sv_conn_drop(conn);
    if (n < 0)
        return;
    conn->in_len += (size_t)n;
    take_in_place(conn, http1_decode(conn));
    if (conn->ex->body_done)
        dispatch(conn);
}

/* A body that fits behind its head is waited for, also where bodies are streamed. */
static bool fits(const sv_conn *conn) {
    return conn->body.framing == SV_HTTP1_LENGTH &&
           left_of_body(conn->ex) <= conn->in_size - conn->in_len;
}

static void http1_begin_store(sv_conn *conn) {
    sv_exchange *ex = conn->ex;
    if (conn->in_size - conn->head_len < CHUNKED_ROOM) {
        grow_buffer(conn, conn->in_size + CHUNKED_ROOM);
        ex->body.p = conn->in + conn->head_len;
    }
    if (ex->listener->streams || !sv_body_hold_all(ex))
        dispatch(conn);
    else
        resume_body(ex);
}

static void begin_body(sv_conn *conn) {
    sv_exchange *ex = conn->ex;
    const sv_http1_request *request = &ex->request;
    conn->stage = SV_STAGE_BODY;
    conn->end = conn->head_len;
    sv_http1_body_init(&conn->body, request->framing, request->content_length);
    if (request->framing != SV_HTTP1_NO_BODY)
        sv_body_expect(ex, request->framing == SV_HTTP1_LENGTH ? request->content_length
                                                               : SV_UNKNOWN_LENGTH);
    sv_http1_result result = http1_decode(conn);
    take_in_place(conn, result);
    conn->continues = request->expect_continue && ex->body.len == 0;
    if (result != SV_HTTP1_MORE)
        dispatch(conn);
    else if (!fits(conn))
        http1_begin_store(conn);
    else
        resume_body(ex);
}

/* ---- reading ---- */

static void read_first(sv_conn *conn) {
    sv_conn_take_buffer(conn);
    ssize_t n = sv_sock_read(conn->sock, conn->in + conn->in_len, conn->in_size - conn->in_len);
    if (n > 0) {
        conn->in_len += (size_t)n;
        read_head(conn);
    } else if (n == 0 || errno != EAGAIN) {
        sv_conn_drop(conn);
    } else if (conn->in_len == 0) {
        sv_conn_give_buffer(conn);
    }
}

void sv_conn_read(sv_conn *conn) {
    if (conn->stage == SV_STAGE_HEAD)
        read_first(conn);
    else
        http1_read_body(conn);
}

/* ---- from one request to the next ---- */

/* The next request, which may be here already. */
static void begin_next(sv_conn *conn) {
    size_t left = conn->in_len - conn->end;
    conn->stage = SV_STAGE_HEAD;
    conn->begun = false;
    conn->waited_ns = 0;
    conn->since_ns = sv_now_ns();
    if (left == 0) {
        sv_conn_give_buffer(conn);
    } else {
        memmove(conn->in, conn->in + conn->end, left);
        conn->in_len = left;
    }
    conn->end = 0;
    sv_sock_reading(conn->sock, true);
    if (left > 0)
        read_head(conn);
}

static void http1_end_exchange(sv_exchange *ex) {
    sv_conn *conn = ex->conn;
    bool broken = ex->broken, stays = ex->keep_alive && ex->body_done && !broken;
    bool more_comes = ex->refusal.status != 0 || !ex->body_done;
    sv_exchange_end(ex);
    sv_trailers_free(&conn->trailers);
    conn->ex = NULL;
    if (stays)
        begin_next(conn);
    else if (more_comes && !broken)
        sv_conn_linger(conn);
    else
        sv_conn_close(conn);
}
