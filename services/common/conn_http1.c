/* HTTP/1.1 on a downstream connection: reading requests into one buffer, writing answers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conn_internal.h"
#include "exchange_internal.h"

#define MAX_KEPT_BUFFERS 32

/* Header fields of a request; beyond it: 431. */
#define MAX_FIELDS 100

/* Room for the next read of a body whose length is not known. */
#define CHUNKED_ROOM ((size_t)16 << 10)
/* Taken from the upload budget in steps of this, as the length is not known before. */
#define CHUNKED_STEP ((size_t)64 << 10)

static const char too_large[] = "the body is larger than this server takes";

/* ---- the buffer ---- */

typedef struct kept_buffer {
    struct kept_buffer *next;
} kept_buffer;

static void take_buffer(hr_conn *conn) {
    hr_loop *loop = conn->loop;
    kept_buffer *kept = loop->buffers;
    if (kept != NULL) {
        loop->buffers = kept->next;
        loop->n_buffers--;
    }
    conn->in = kept != NULL ? (char *)kept : sv_alloc(HR_FIRST_READ);
    conn->in_size = HR_FIRST_READ;
    conn->in_len = 0;
}

void hr_conn_give_buffer(hr_conn *conn) {
    hr_loop *loop = conn->loop;
    if (conn->in != NULL && conn->in_size == HR_FIRST_READ && loop->n_buffers < MAX_KEPT_BUFFERS) {
        kept_buffer *kept = (kept_buffer *)conn->in;
        kept->next = loop->buffers;
        loop->buffers = kept;
        loop->n_buffers++;
    } else {
        free(conn->in);
    }
    conn->in = NULL;
    conn->in_size = conn->in_len = 0;
}

void hr_conn_free_buffers(hr_loop *loop) {
    for (kept_buffer *kept; (kept = loop->buffers) != NULL;) {
        loop->buffers = kept->next;
        free(kept);
    }
    loop->n_buffers = 0;
}

/* Makes the buffer at least so large. The request's strings follow it. */
static void grow_buffer(hr_conn *conn, size_t size) {
    if (size <= conn->in_size)
        return;
    char *larger = sv_alloc(size);
    memcpy(larger, conn->in, conn->in_len);
    if (conn->ex != NULL)
        sv_http1_request_moved(&conn->ex->request, (uintptr_t)conn->in, conn->head_len, larger);
    size_t len = conn->in_len;
    hr_conn_give_buffer(conn);
    conn->in = larger;
    conn->in_size = size;
    conn->in_len = len;
}

/* More of the request has to come, in time. */
static void wait_for_more(hr_conn *conn) {
    if (conn->begun)
        return;
    conn->begun = true;
    conn->since_ns = conn->ex != NULL ? conn->ex->start_ns : hr_now_ns();
}

/* ---- heads ---- */

static const hr_server_options *options_of(const hr_conn *conn) {
    return hr_server_options_of(conn->loop->server);
}

static void refuse_busy(hr_exchange *ex) {
    hr_exchange_refuse(ex, 503, "too much is being uploaded at the moment", 1);
    ex->response_flags = "UO";
}

static void refuse_head(hr_exchange *ex, sv_http1_result result, const char *why) {
    int status = result == SV_HTTP1_TOO_LARGE ? 431 : result == SV_HTTP1_CONNECT ? 405 : 400;
    hr_exchange_refuse(ex, status, why, 0);
    ex->response_flags = "DPE";
}

static void check_limits(hr_exchange *ex, const hr_conn *conn) {
    const sv_http1_request *request = &ex->request;
    if (request->minor_version == 0 && options_of(conn)->http10 == HR_HTTP10_REFUSE)
        hr_exchange_refuse(ex, 426, "HTTP/1.0 is not served here", 0);
    else if (request->expect_other)
        hr_exchange_refuse(ex, 417, "the only Expect understood is 100-continue", 0);
    else if (request->content_length > (uint64_t)options_of(conn)->max_body_bytes)
        hr_exchange_refuse(ex, 413, too_large, 0);
    else if (!hr_exchange_reserve(ex, (size_t)request->content_length))
        refuse_busy(ex);
}

static void dispatch(hr_conn *conn) {
    conn->stage = HR_STAGE_HANDLED;
    hr_exchange_dispatch(conn->ex);
}

/* The client waits for it before it sends the body (RFC 9110 section 10.1.1). */
static bool send_continue(hr_conn *conn) {
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const struct iovec piece = {(void *)(uintptr_t)text, sizeof(text) - 1};
    return sv_sock_write(conn->sock, &piece, 1, NULL) == 1;
}

static void read_body(hr_conn *conn);

static void begin_body(hr_conn *conn) {
    hr_exchange *ex = conn->ex;
    const sv_http1_request *request = &ex->request;
    ex->has_body = request->framing != SV_HTTP1_NO_BODY;
    conn->stage = HR_STAGE_BODY;
    conn->end = conn->head_len;
    sv_http1_body_init(&conn->body, request->framing, request->content_length);
    if (request->framing == SV_HTTP1_LENGTH)
        grow_buffer(conn, conn->head_len + (size_t)request->content_length);
    bool waits = request->expect_continue && conn->in_len == conn->head_len &&
                 (request->framing == SV_HTTP1_CHUNKED || request->content_length > 0);
    if (waits && !send_continue(conn))
        hr_conn_drop(conn);
    else
        read_body(conn);
}

static void begin_request(hr_conn *conn, sv_http1_result result, const char *why) {
    hr_pair fields[MAX_FIELDS];
    sv_http1_request request = {.fields = fields, .max_fields = MAX_FIELDS, .minor_version = 1};
    conn->scan = (sv_http1_scan){0};
    if (result == SV_HTTP1_DONE)
        result = sv_http1_parse_request(&request, conn->in, conn->head_len,
                                        sv_sock_ssl(conn->sock) != NULL, &why);
    hr_exchange *ex = hr_exchange_begin(conn, &request);
    if (result != SV_HTTP1_DONE)
        refuse_head(ex, result, why);
    else
        check_limits(ex, conn);
    if (ex->refusal.status != 0)
        dispatch(conn);
    else
        begin_body(conn);
}

/* A head that outgrows the first buffer is taken from the upload budget. */
static void grow_head(hr_conn *conn) {
    static const sv_http1_request unread = {.minor_version = 1};
    size_t size = conn->in_size * 2;
    if (!hr_budget_take(hr_server_uploads(conn->loop->server), size - conn->reserved)) {
        refuse_busy(hr_exchange_begin(conn, &unread));
        dispatch(conn);
        return;
    }
    conn->reserved = size;
    grow_buffer(conn, size);
}

static void read_head(hr_conn *conn) {
    size_t max_head = (size_t)options_of(conn)->max_head_bytes;
    const char *why = NULL;
    sv_http1_result result =
        sv_http1_find_request(&conn->head_len, &conn->scan, conn->in, conn->in_len, max_head, &why);
    if (result != SV_HTTP1_MORE) {
        begin_request(conn, result, why);
        return;
    }
    wait_for_more(conn);
    if (conn->in_len == conn->in_size)
        grow_head(conn);
}

/* ---- bodies ---- */

static void refuse_body(hr_exchange *ex, const char *why) {
    hr_str detail = SV_JOIN(ex->pool, HR_STR("the chunked body is malformed: "), sv_str(why));
    hr_exchange_refuse(ex, 400, detail.p, 0);
    ex->response_flags = "DPE";
}

/* `arrived` is what the buffer held before decoding: chunks of one byte are mostly framing. */
static bool admit_chunked(hr_exchange *ex, size_t len, size_t arrived) {
    size_t held = arrived > HR_FIRST_READ && arrived > len ? arrived : len;
    if (len > (size_t)options_of(ex->conn)->max_body_bytes) {
        hr_exchange_refuse(ex, 413, too_large, 0);
        return false;
    }
    while (ex->reserved < held) {
        if (!hr_exchange_reserve(ex, CHUNKED_STEP)) {
            refuse_busy(ex);
            return false;
        }
    }
    return true;
}

/* True if the body goes on. The content is moved up to what came before, and what follows the
 * message up to the content. */
static bool decode(hr_conn *conn) {
    hr_exchange *ex = conn->ex;
    char *from = conn->in + conn->end;
    size_t arrived = conn->in_len, n = arrived - conn->end;
    sv_http1_piece piece;
    const char *why;
    sv_http1_result result = sv_http1_body_decode(&conn->body, from, n, &piece, &why);
    if (result < 0) {
        refuse_body(ex, why);
        return false;
    }
    if (piece.content != from)
        memmove(from, piece.content, piece.n);
    if (piece.used != piece.n)
        memmove(from + piece.n, from + piece.used, n - piece.used);
    conn->end += piece.n;
    conn->in_len = conn->end + (n - piece.used);
    if (conn->body.framing == SV_HTTP1_CHUNKED &&
        !admit_chunked(ex, conn->end - conn->head_len, arrived))
        return false;
    return result == SV_HTTP1_MORE;
}

static void read_body(hr_conn *conn) {
    hr_exchange *ex = conn->ex;
    if (decode(conn)) {
        wait_for_more(conn);
        if (conn->in_size - conn->in_len < CHUNKED_ROOM && conn->body.framing == SV_HTTP1_CHUNKED)
            grow_buffer(conn, conn->in_size * 2);
        return;
    }
    ex->body.p = conn->in + conn->head_len;
    ex->body.len = conn->end - conn->head_len;
    dispatch(conn);
}

/* ---- reading ---- */

static void advance(hr_conn *conn) {
    if (conn->stage == HR_STAGE_HEAD)
        read_head(conn);
    else
        read_body(conn);
}

void hr_conn_read(hr_conn *conn) {
    if (conn->in == NULL)
        take_buffer(conn);
    ssize_t n = sv_sock_read(conn->sock, conn->in + conn->in_len, conn->in_size - conn->in_len);
    if (n > 0) {
        conn->in_len += (size_t)n;
        advance(conn);
    } else if (n == 0 || errno != EAGAIN) {
        hr_conn_drop(conn);
    } else if (conn->in_len == 0) {
        hr_conn_give_buffer(conn);
    }
}

/* ---- writing ---- */

void hr_conn_over(hr_exchange *ex) {
    hr_loop *loop = ex->loop;
    if (ex->over)
        return;
    ex->over = true;
    ex->next_over = loop->over;
    loop->over = ex;
}

void hr_conn_write(hr_exchange *ex, const struct iovec *pieces, size_t n, bool final) {
    hr_conn *conn = ex->conn;
    ex->final = final;
    int result = n > 0 ? sv_sock_write(conn->sock, pieces, n, NULL) : 1;
    if (result != 0)
        hr_conn_sent(conn, result > 0);
}

void hr_conn_sent(hr_conn *conn, bool ok) {
    hr_exchange *ex = conn->ex;
    if (!ok)
        hr_conn_drop(conn);
    else if (ex->final)
        hr_conn_over(ex);
    else if (ex->on_sent != NULL)
        ex->on_sent(ex);
}

/* The next request, which may be here already. */
static void begin_next(hr_conn *conn) {
    size_t left = conn->in_len - conn->end;
    conn->stage = HR_STAGE_HEAD;
    conn->begun = false;
    conn->since_ns = hr_now_ns();
    if (left == 0) {
        hr_conn_give_buffer(conn);
    } else {
        memmove(conn->in, conn->in + conn->end, left);
        conn->in_len = left;
    }
    conn->end = 0;
    sv_sock_reading(conn->sock, true);
    if (left > 0)
        read_head(conn);
}

static void end_exchange(hr_exchange *ex) {
    hr_conn *conn = ex->conn;
    bool stays = ex->keep_alive && !conn->broken;
    hr_exchange_end(ex);
    if (stays)
        begin_next(conn);
    else if (conn->lingers && !conn->broken)
        hr_conn_begin_linger(conn);
    else
        hr_conn_close(conn);
}

bool hr_conn_end_turn(hr_loop *loop) {
    hr_exchange *over = loop->over;
    loop->over = NULL;
    for (hr_exchange *ex = over, *next; ex != NULL; ex = next) {
        next = ex->next_over;
        end_exchange(ex);
    }
    return loop->over != NULL;
}
