/* Exchanges: what the client sent and from where, and how one is refused and comes to its end. */
#include "exchange.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conn.h"
#include "exchange_internal.h"
#include "grpc.h"

uint64_t sv_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

double sv_exchange_elapsed_ms(const sv_exchange *ex) {
    return (double)(sv_now_ns() - ex->start_ns) / 1e6;
}

void sv_exchange_timing(sv_exchange *ex, const char *name, double ms) {
    if (ex->n_timings == SV_MAX_TIMINGS)
        return;
    ex->timings[ex->n_timings].name = name;
    ex->timings[ex->n_timings++].ms = ms;
}

int sv_exchange_status(const sv_exchange *ex) {
    return ex->answered && !ex->gone ? ex->answer.status : 0;
}

/* ---- the connection ---- */

bool sv_exchange_peer_gone(const sv_exchange *ex) {
    return ex->carrier->peer_gone(ex);
}

void sv_exchange_leave(sv_exchange *ex) {
    sv_conn_leave(ex->conn, sv_now_ns());
}

hr_str sv_exchange_peer_address(const sv_exchange *ex) {
    const sv_peer *peer = sv_conn_peer(ex->conn);
    return (hr_str){peer->len > 0 ? peer->text : NULL, peer->address_len};
}

/* The digits behind the last ':'. */
static uint16_t port_of_end(const sv_peer *peer) {
    unsigned port = 0;
    for (size_t i = peer->address_len; i < peer->len; i++)
        if (peer->text[i] >= '0' && peer->text[i] <= '9')
            port = port * 10 + (unsigned)(peer->text[i] - '0');
    return (uint16_t)port;
}

uint16_t sv_exchange_peer_port(const sv_exchange *ex) {
    return port_of_end(sv_conn_peer(ex->conn));
}

hr_str sv_exchange_local_address(const sv_exchange *ex, uint16_t *port) {
    const sv_peer *local = sv_conn_local(ex->conn);
    *port = port_of_end(local);
    return (hr_str){local->len > 0 ? local->text : NULL, local->address_len};
}

const char *sv_exchange_tls_version(const sv_exchange *ex) {
    const SSL *ssl = sv_sock_ssl(ex->conn->sock);
    return ssl == NULL ? NULL : SSL_get_version(ssl);
}

const char *sv_exchange_tls_cipher(const sv_exchange *ex) {
    const SSL *ssl = sv_sock_ssl(ex->conn->sock);
    return ssl == NULL ? NULL : SSL_get_cipher_name(ssl);
}

hr_str sv_exchange_server_name(const sv_exchange *ex) {
    const SSL *ssl = sv_sock_ssl(ex->conn->sock);
    const char *name = ssl == NULL ? NULL : SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (ssl == NULL)
        return (hr_str){NULL, 0};
    return name == NULL ? HR_STR("") : (hr_str){name, strlen(name)};
}

hr_str sv_exchange_protocol(const sv_exchange *ex) {
    if (ex->http2)
        return HR_STR("HTTP/2");
    return ex->request.minor_version == 0 ? HR_STR("HTTP/1.0") : HR_STR("HTTP/1.1");
}

/* ---- refusals ---- */

void sv_exchange_refuse(sv_exchange *ex, int status, const char *detail, int retry_after_s) {
    if (ex->refusal.status != 0)
        return;
    ex->refusal = (sv_refusal){status, detail, retry_after_s};
    sv_metric_add(ex->loop->cells,
                  sv_metrics_of_server(sv_server_metrics_of(ex->loop->server))->refused, 1);
}

void sv_exchange_refuse_busy(sv_exchange *ex) {
    sv_exchange_refuse(ex, 503, "too much is being uploaded at the moment", 1);
    ex->response_flags = "UO";
}

void sv_exchange_check_limits(sv_exchange *ex) {
    const sv_server_options *options = sv_server_options_of(ex->loop->server);
    const sv_http1_request *request = &ex->request;
    if (request->minor_version == 0 && options->http10 == SV_HTTP10_REFUSE)
        sv_exchange_refuse(ex, 426, "HTTP/1.0 is not served here", 0);
    else if (request->expect_other)
        sv_exchange_refuse(ex, 417, "the only Expect understood is 100-continue", 0);
    else if (request->content_length > (uint64_t)options->max_body_bytes)
        sv_exchange_refuse(ex, 413, "the body is larger than this server takes", 0);
}

bool sv_exchange_reserve(sv_exchange *ex, size_t bytes) {
    if (!sv_budget_take(sv_server_uploads(ex->loop->server), bytes))
        return false;
    ex->reserved += bytes;
    return true;
}

void sv_exchange_give_back(sv_exchange *ex, size_t bytes) {
    sv_budget_give(sv_server_uploads(ex->loop->server), bytes);
    ex->reserved -= bytes;
}

/* ---- the end ---- */

static void end_later(sv_exchange *ex) {
    ex->next_over = ex->loop->over;
    ex->loop->over = ex;
}

void sv_exchange_over(sv_exchange *ex) {
    if (ex->over)
        return;
    ex->over = true;
    end_later(ex);
}

void sv_exchange_let_end(sv_exchange *ex) {
    ex->may_end = NULL;
    if (ex->kept)
        end_later(ex);
    ex->kept = false;
}

void sv_exchange_break(sv_exchange *ex) {
    ex->broken = true;
    sv_exchange_over(ex);
}

void sv_exchange_sent(sv_exchange *ex, bool ok) {
    if (!ok)
        sv_exchange_break(ex);
    else if (ex->final)
        sv_exchange_over(ex);
    else if (ex->on_sent != NULL)
        ex->on_sent(ex);
}

void sv_exchange_abandon(sv_exchange *ex) {
    ex->response_flags = "DC";
    ex->gone = true;
    ex->carrier->abort(ex);
}

/* ---- what the client sent ---- */

hr_str sv_request_header(const sv_exchange *ex, const char *name) {
    size_t len = strlen(name);
    for (size_t i = 0; i < ex->request.n_fields; ++i) {
        const hr_pair *field = &ex->request.fields[i];
        if (field->name.len == len && memcmp(field->name.p, name, len) == 0)
            return field->value;
    }
    return (hr_str){NULL, 0};
}

bool sv_request_is_head(const sv_exchange *ex) {
    return sv_str_is(ex->request.method, "HEAD");
}

bool sv_request_is_get(const sv_exchange *ex) {
    return sv_str_is(ex->request.method, "GET") || sv_request_is_head(ex);
}

hr_str sv_request_path(const sv_exchange *ex) {
    hr_str path = ex->request.path;
    const char *mark = memchr(path.p, '?', path.len);
    return (hr_str){path.p, mark != NULL ? (size_t)(mark - path.p) : path.len};
}

hr_str sv_request_query(const sv_exchange *ex) {
    hr_str path = ex->request.path;
    const char *mark = memchr(path.p, '?', path.len);
    if (mark == NULL)
        return (hr_str){NULL, 0};
    return (hr_str){mark + 1, (size_t)(path.p + path.len - mark - 1)};
}

int sv_query_parameter(hr_str *out, const sv_exchange *ex, const char *name) {
    hr_str query = sv_request_query(ex);
    size_t name_len = strlen(name);
    int found = 0;
    *out = (hr_str){NULL, 0};
    while (query.len > 0) {
        const char *amp = memchr(query.p, '&', query.len);
        size_t len = amp != NULL ? (size_t)(amp - query.p) : query.len;
        const char *equals = memchr(query.p, '=', len);
        size_t key = equals != NULL ? (size_t)(equals - query.p) : len;
        if (key == name_len && memcmp(query.p, name, name_len) == 0) {
            size_t skip = equals != NULL ? key + 1 : len;
            char *buf = sv_pool_alloc(ex->pool, len - skip + 1);
            if (found || !sv_percent_decode(out, buf, query.p + skip, len - skip))
                return -1;
            found = 1;
        }
        size_t step = amp != NULL ? len + 1 : len;
        query.p += step;
        query.len -= step;
    }
    return found;
}

bool sv_exchange_is_grpc(const sv_exchange *ex) {
    return ex->http2 && sv_grpc_is_content_type(sv_request_header(ex, "content-type"));
}

/* 8-4-4-4-12 hex digits of a random UUID (RFC 9562, version 4), as Envoy makes them. */
hr_str sv_make_request_id(sv_pool *pool) {
    /* Random bytes come from the system: fetched for many at once. */
    static _Thread_local unsigned char pool_of_bytes[1024];
    static _Thread_local size_t left;
    static const char digits[] = "0123456789abcdef";
    if (left < 16) {
        arc4random_buf(pool_of_bytes, sizeof(pool_of_bytes));
        left = sizeof(pool_of_bytes);
    }
    unsigned char *r = pool_of_bytes + (left -= 16);
    r[6] = (unsigned char)((r[6] & 0x0F) | 0x40);
    r[8] = (unsigned char)((r[8] & 0x3F) | 0x80);
    char *text = sv_pool_alloc(pool, 37), *at = text;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = digits[r[i] >> 4];
        *at++ = digits[r[i] & 15];
    }
    *at = '\0';
    return (hr_str){text, 36};
}
