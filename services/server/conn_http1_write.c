/* HTTP/1.1 on a downstream connection: writing answers. */
#include "conn_http1_write.h"

#include <string.h>

#include "answer.h"
#include "exchange_internal.h"

/* The fields that belong to this connection. */
static void write_own_fields(sv_exchange *ex, sv_http1_writer *w) {
    int status = ex->answer.status;
    /* The next request lies behind the rest of the body, which nothing reads any more. */
    bool stays = ex->keep_alive && ex->body_done && !ex->conn->leaving &&
                 !sv_server_draining(ex->loop->server);
    ex->keep_alive = stays;
    sv_http1_write_field(w, HR_STR("date"), sv_server_date(ex->loop));
    sv_http1_write_field(w, HR_STR("connection"), stays ? HR_STR("keep-alive") : HR_STR("close"));
    if (ex->conn->chunked)
        sv_http1_write_field(w, HR_STR("transfer-encoding"), HR_STR("chunked"));
    else if (ex->answer.content_length != SV_UNKNOWN_LENGTH && status >= 200 && status != 204)
        sv_http1_write_content_length(w, ex->answer.content_length);
}

static void choose_framing(sv_exchange *ex) {
    bool unknown = ex->answer.content_length == SV_UNKNOWN_LENGTH && sv_answer_has_content(ex);
    ex->conn->chunked = unknown && ex->request.minor_version > 0;
    if (unknown && !ex->conn->chunked) /* a client of HTTP/1.0 learns the end from the close */
        ex->keep_alive = false;
}

static struct iovec http1_write_head_of(sv_exchange *ex) {
    const sv_answer_head *head = &ex->answer;
    const char *phrase = sv_status_reason(head->status);
    hr_str reason = {phrase, strlen(phrase)};
    size_t size = SV_HTTP1_LINE_SIZE + reason.len + sizeof("date: \r\n") + SV_DATE_SIZE +
                  sizeof("connection: keep-alive\r\n") + SV_HTTP1_LENGTH_SIZE +
                  sv_http1_fields_size(head->fields, head->n_fields);
    char *text = sv_pool_alloc(ex->pool, size);
    sv_http1_writer w = {.at = text, .end = text + size};
    choose_framing(ex);
    sv_http1_write_status_line(&w, ex->request.minor_version > 0, head->status, reason);
    write_own_fields(ex, &w);
    sv_http1_write_fields(&w, head->fields, head->n_fields);
    sv_http1_write_end(&w);
    return (struct iovec){text, (size_t)(w.at - text)};
}

static struct iovec piece_of(hr_str s) {
    return (struct iovec){(void *)(uintptr_t)s.p, s.len};
}

/* What ends a chunked answer (RFC 9112 section 7.1.2). */
static hr_str end_of_chunks(sv_exchange *ex, bool after_chunk) {
    const sv_answer_head *head = &ex->answer;
    if (head->n_trailers == 0)
        return after_chunk ? sv_http1_chunk_end(true) : sv_http1_last_chunk();
    size_t size = sizeof("\r\n0\r\n\r\n") + sv_http1_fields_size(head->trailers, head->n_trailers);
    char *text = sv_pool_alloc(ex->pool, size);
    sv_http1_writer w = {.at = text, .end = text + size};
    if (after_chunk)
        sv_http1_write_end(&w);
    sv_http1_write_last_chunk(&w);
    sv_http1_write_fields(&w, head->trailers, head->n_trailers);
    sv_http1_write_end(&w);
    return (hr_str){text, (size_t)(w.at - text)};
}

/* The content with its framing. Returns the number of pieces. */
static size_t frame(sv_exchange *ex, struct iovec *pieces, const hr_str *parts, size_t n,
                    bool final) {
    sv_conn *conn = ex->conn;
    size_t used = 0, len = 0;
    for (size_t i = 0; i < n; i++)
        len += parts[i].len;
    ex->bytes_sent += len;
    if (conn->chunked && len > 0)
        pieces[used++] =
            (struct iovec){conn->chunk_line, sv_http1_chunk_line(conn->chunk_line, len)};
    for (size_t i = 0; i < n; i++) {
        if (parts[i].len > 0)
            pieces[used++] = piece_of(parts[i]);
    }
    if (conn->chunked && final)
        pieces[used++] = piece_of(end_of_chunks(ex, len > 0));
    else if (conn->chunked && len > 0)
        pieces[used++] = piece_of(sv_http1_chunk_end(false));
    return used;
}

void sv_http1_write(sv_exchange *ex, const hr_str *parts, size_t n, bool final) {
    struct iovec pieces[SV_ANSWER_PIECES + 3];
    size_t used = 0;
    if (!ex->head_sent)
        pieces[used++] = http1_write_head_of(ex);
    ex->head_sent = true;
    used += frame(ex, pieces + used, parts, n, final);
    int result = used > 0 ? sv_sock_write(ex->conn->sock, pieces, used, NULL) : 1;
    if (result != 0)
        sv_exchange_sent(ex, result > 0);
}

/* RFC 9110 section 15.2: a client of HTTP/1.0 must not get one. */
void sv_http1_inform(sv_exchange *ex, int status, const hr_pair *fields, size_t n) {
    const char *phrase = sv_status_reason(status);
    hr_str reason = {phrase, strlen(phrase)};
    if (ex->request.minor_version == 0)
        return;
    size_t size = SV_HTTP1_LINE_SIZE + reason.len + sv_http1_fields_size(fields, n);
    char *text = sv_pool_alloc(ex->pool, size);
    sv_http1_writer w = {.at = text, .end = text + size};
    sv_http1_write_status_line(&w, 1, status, reason);
    sv_http1_write_fields(&w, fields, n);
    sv_http1_write_end(&w);
    struct iovec piece = {text, (size_t)(w.at - text)};
    /* The answer must not follow half of it: the connection of a client that does not even read
     * this is closed. */
    if (sv_sock_write(ex->conn->sock, &piece, 1, NULL) != 1)
        sv_exchange_break(ex);
}
