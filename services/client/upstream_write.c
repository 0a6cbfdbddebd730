/* Sends the requests of upstream exchanges: heads, bodies whole or in pieces, and tunnels. */
#include "upstream_write.h"

#include <stdlib.h>

#include "upstream_exchange.h"
#include "upstream_http2_stream.h"

/* ---- heads ------------------------------------------------------------------------------- */

/* An absent body is announced only where the method makes one expected (RFC 9110 section 8.6). */
static void write_framing(sv_http1_writer *w, const sv_up_request *r) {
    if (r->source != NULL && !r->source->has_length)
        sv_http1_write_field(w, HR_STR("transfer-encoding"), HR_STR("chunked"));
    else if (r->source != NULL)
        sv_http1_write_content_length(w, r->source->length);
    else if (r->body.p != NULL)
        sv_http1_write_content_length(w, r->body.len);
}

static size_t build_head(sv_up_exchange *ex) {
    const sv_up_request *r = ex->request;
    hr_pair host = {HR_STR("host"), r->authority};
    size_t size = SV_HTTP1_LINE_SIZE + r->method.len + r->path.len +
                  sv_http1_fields_size(&host, 1) + sv_http1_fields_size(r->fields, r->n_fields) +
                  SV_HTTP1_LENGTH_SIZE;
    ex->head_text = sv_alloc(size);
    sv_http1_writer w = {.at = ex->head_text, .end = ex->head_text + size};
    sv_http1_write_request_line(&w, r->method, r->path);
    sv_http1_write_fields(&w, &host, 1);
    sv_http1_write_fields(&w, r->fields, r->n_fields);
    write_framing(&w, r);
    sv_http1_write_end(&w);
    return (size_t)(w.at - ex->head_text);
}

static void request_written(sv_up_exchange *ex) {
    ex->written = 1;
    free(ex->head_text);
    ex->head_text = NULL;
}

/* ---- bodies in pieces -------------------------------------------------------------------- */

static struct iovec iovec_of(hr_str s) {
    return (struct iovec){(void *)(uintptr_t)s.p, s.len};
}

/* What ends a body in chunks (RFC 9112 section 7.1.2). */
static hr_str end_of_body(sv_up_exchange *ex, bool after_chunk) {
    const sv_up_source *source = ex->request->source;
    size_t n_trailers = 0;
    const hr_pair *trailers =
        source->trailers != NULL ? source->trailers(source->ctx, &n_trailers) : NULL;
    if (n_trailers == 0)
        return after_chunk ? sv_http1_chunk_end(true) : sv_http1_last_chunk();
    size_t size = sizeof("\r\n0\r\n\r\n") + sv_http1_fields_size(trailers, n_trailers);
    ex->end_text = sv_alloc(size);
    sv_http1_writer w = {.at = ex->end_text, .end = ex->end_text + size};
    if (after_chunk)
        sv_http1_write_end(&w);
    sv_http1_write_last_chunk(&w);
    sv_http1_write_fields(&w, trailers, n_trailers);
    sv_http1_write_end(&w);
    return (hr_str){ex->end_text, (size_t)(w.at - ex->end_text)};
}

/* The next piece with its framing, behind n pieces. Returns the new count. */
static size_t frame_piece(sv_up_exchange *ex, struct iovec *pieces, size_t n) {
    const sv_up_source *source = ex->request->source;
    bool last = false;
    hr_str piece = source->next(source->ctx, &last);
    ex->last_piece = last;
    if (piece.len > 0 && !source->has_length)
        pieces[n++] =
            (struct iovec){ex->chunk_line, sv_http1_chunk_line(ex->chunk_line, piece.len)};
    if (piece.len > 0)
        pieces[n++] = iovec_of(piece);
    if (source->has_length)
        return n;
    if (last)
        pieces[n++] = iovec_of(end_of_body(ex, piece.len > 0));
    else if (piece.len > 0)
        pieces[n++] = iovec_of(sv_http1_chunk_end(false));
    return n;
}

/* While the peer takes a piece it must go on; while the next one is waited for, time does not
 * count. */
void sv_up_enter_upload_phase(sv_up_exchange *ex) {
    if (ex->head_done)
        return;
    if (ex->written)
        sv_up_enter_phase(ex, SV_UP_FIRST_BYTE_TIMEOUT, ex->request->first_byte_timeout_ms);
    else
        sv_up_enter_phase(ex, SV_UP_IDLE_TIMEOUT, ex->writing ? sv_up_idle_timeout(ex) : 0);
}

static void piece_written(sv_up_exchange *ex) {
    const sv_up_source *source = ex->request->source;
    ex->writing = 0;
    if (ex->last_piece)
        request_written(ex);
    source->taken(source->ctx);
}

static void on_written(sv_up_conn *conn, bool ok) {
    sv_up_exchange *ex = conn->exchange;
    /* A peer may answer (413, for example) and close before it has read the whole request. After a
     * write error, reading the connection shows whether it did. */
    if (!ok || ex == NULL)
        return;
    if (ex->request->source == NULL) {
        request_written(ex);
        return;
    }
    piece_written(ex);
    sv_up_more(ex);
}

/* Returns 0 if nothing more can be sent at the moment. */
static int send_pieces(sv_up_exchange *ex, const struct iovec *pieces, size_t n) {
    ex->writing = 1;
    ex->conn->on_written = on_written;
    int result = sv_sock_write(ex->conn->sock, pieces, n, NULL);
    if (result > 0)
        piece_written(ex);
    return result > 0;
}

void sv_up_more(sv_up_exchange *ex) {
    struct iovec pieces[3];
    if (ex->request->http2) {
        sv_up_http2_more(ex);
        return;
    }
    while (ex->sent && !ex->writing && !ex->written && ex->conn != NULL) {
        size_t n = frame_piece(ex, pieces, 0);
        if (n == 0 && !ex->last_piece)
            break;
        if (!send_pieces(ex, pieces, n))
            break;
    }
    if (ex->sent && ex->conn != NULL)
        sv_up_enter_upload_phase(ex);
}

/* ---- requests ---------------------------------------------------------------------------- */

void sv_up_write_request(sv_up_exchange *ex) {
    const sv_up_request *r = ex->request;
    size_t head_len = build_head(ex), n = 1;
    struct iovec pieces[4] = {{ex->head_text, head_len}};
    ex->writing = r->source != NULL;
    if (r->source != NULL)
        n = frame_piece(ex, pieces, n);
    else if (r->body.len > 0)
        pieces[n++] = iovec_of(r->body);
    ex->conn->on_written = on_written;
    int result = sv_sock_write(ex->conn->sock, pieces, n, NULL);
    if (result < 0) {
        sv_up_broken(ex, SV_UP_RESET, "the connection broke before the request was sent");
        return;
    }
    ex->sent = 1;
    if (r->source == NULL) {
        sv_up_enter_phase(ex, SV_UP_FIRST_BYTE_TIMEOUT, r->first_byte_timeout_ms);
        if (result > 0)
            request_written(ex);
        return;
    }
    if (result > 0)
        piece_written(ex);
    sv_up_more(ex);
}

/* ---- tunnels ----------------------------------------------------------------------------- */

int sv_up_is_tunnel(const sv_up_exchange *ex) {
    return ex->tunnel;
}

static void tunnel_sent(sv_up_conn *conn, bool ok) {
    sv_up_exchange *ex = conn->exchange;
    ex->on_sent(ex->sent_ctx, ok);
}

int sv_up_tunnel_send(sv_up_exchange *ex, const char *bytes, size_t n, sv_up_sent_fn done,
                      void *ctx) {
    struct iovec piece = {(void *)(uintptr_t)bytes, n};
    ex->on_sent = done;
    ex->sent_ctx = ctx;
    if (ex->conn == NULL)
        return 0;
    ex->conn->on_written = tunnel_sent;
    return sv_sock_write(ex->conn->sock, &piece, 1, NULL);
}

void sv_up_tunnel_finish(sv_up_exchange *ex) {
    if (ex->conn != NULL)
        sv_sock_finish(ex->conn->sock);
}
