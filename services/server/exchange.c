/* Exchanges: their life, and what the client sent. */
#include "exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "access_log.h"
#include "answer.h"
#include "answer_grpc.h"
#include "body_in.h"
#include "conn.h"
#include "exchange_internal.h"
#include "server.h"

/* The client may have closed the connection while it read an answer that took longer than this.
 * Only then is checking for it worth a system call. */
#define SLOW_ANSWER_NS (100 * 1000000ull)

/* Heads and the beginnings of pipelined requests are not counted in the upload budget up to this.
 */
#define SMALL_INPUT ((size_t)32 << 10)

/* A large head counts several times: its fields are copied to be routed, changed by rules, sent on
 * and logged. */
#define HEAD_COPIES 4

uint64_t sv_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t wall_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
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

bool sv_exchange_peer_gone(const sv_exchange *ex) {
    return ex->carrier->peer_gone(ex);
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

hr_str sv_exchange_protocol(const sv_exchange *ex) {
    if (ex->http2)
        return HR_STR("HTTP/2");
    return ex->request.minor_version == 0 ? HR_STR("HTTP/1.0") : HR_STR("HTTP/1.1");
}

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

int sv_exchange_status(const sv_exchange *ex) {
    return ex->answered && !ex->gone ? ex->answer.status : 0;
}

/* ---- life ---- */

sv_exchange *sv_exchange_begin(sv_conn *conn, const sv_carrier *carrier, void *stream,
                               const sv_http1_request *request) {
    sv_server_loop *loop = conn->loop;
    sv_pool *pool = sv_pool_new(&loop->pools);
    sv_exchange *ex = sv_pool_alloc(pool, sizeof(*ex));
    memset(ex, 0, sizeof(*ex));
    ex->pool = pool;
    ex->conn = conn;
    ex->carrier = carrier;
    ex->stream = stream;
    ex->loop = loop;
    ex->listener = conn->listener;
    ex->secure = sv_sock_ssl(conn->sock) != NULL;
    ex->start_ns = sv_now_ns();
    ex->start_wall_us = wall_us();
    ex->request = *request;
    ex->request.fields = sv_pool_alloc(pool, request->n_fields * sizeof(hr_pair));
    if (request->n_fields > 0)
        memcpy(ex->request.fields, request->fields, request->n_fields * sizeof(hr_pair));
    ex->keep_alive = request->keep_alive;
    ++loop->active;
    sv_server_note_load(loop);
    sv_metric_add(loop->cells,
                  sv_metrics_of_server(sv_server_metrics_of(loop->server))->requests_active, 1);
    return ex;
}

static void count(const sv_exchange *ex) {
    const sv_server_metrics *m = sv_metrics_of_server(sv_server_metrics_of(ex->loop->server));
    sv_metric_cells *cells = ex->loop->cells;
    hr_str method = ex->request.method;
    sv_metric_request(cells, sv_exchange_status(ex), method.p != NULL ? method.p : "-",
                      method.p != NULL ? method.len : 1);
    sv_metric_observe(cells, m->request_seconds, (double)(sv_now_ns() - ex->start_ns) / 1e9);
    sv_metric_add(cells, m->received_bytes, (int64_t)(sv_body_received(ex) + ex->tunnelled));
    sv_metric_add(cells, m->sent_bytes, (int64_t)ex->bytes_sent);
    sv_metric_add(cells, m->requests_active, -1);
}

/* The client left before it had its answer. */
static bool is_cut(const sv_exchange *ex) {
    bool slow = ex->answer_ns != 0 && sv_now_ns() - ex->answer_ns > SLOW_ANSWER_NS;
    return !ex->answered || ex->broken || (slow && sv_exchange_peer_gone(ex));
}

void sv_exchange_end(sv_exchange *ex) {
    if (ex->on_end != NULL)
        ex->on_end(ex);
    if (ex->response_flags == NULL && ex->answer.status != 101 && is_cut(ex))
        ex->response_flags = "DC";
    count(ex);
    sv_log_access(ex);
    sv_budget_give(sv_server_uploads(ex->loop->server), ex->reserved);
    --ex->loop->active;
    free(ex->in.store);
    sv_pool_free(ex->pool);
}

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

bool sv_exchange_end_turn(sv_server_loop *loop) {
    sv_exchange *over = loop->over;
    loop->over = NULL;
    for (sv_exchange *ex = over, *next; ex != NULL; ex = next) {
        next = ex->next_over;
        ex->kept = ex->may_end != NULL && !ex->may_end(ex);
        if (!ex->kept)
            ex->carrier->end(ex);
    }
    return loop->over != NULL;
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

/* ---- the handler ---- */

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

static hr_str refusal_body(sv_exchange *ex, const char **content_type) {
    const sv_service *service = sv_server_service(ex->loop->server);
    *content_type = "application/json";
    if (service->refusal_body == NULL)
        return sv_error_json(ex, ex->refusal.detail);
    return service->refusal_body(ex, ex->refusal.status, ex->refusal.detail, content_type);
}

static void answer_refusal(sv_exchange *ex) {
    const char *content_type;
    ex->keep_alive = false;
    if (ex->refusal.retry_after_s > 0)
        sv_answer_retry_after(ex, ex->refusal.retry_after_s);
    if (sv_exchange_is_grpc(ex)) {
        sv_answer_grpc_error(ex, ex->refusal.status, ex->refusal.detail);
        return;
    }
    hr_str body = refusal_body(ex, &content_type);
    sv_answer(ex, ex->refusal.status, content_type, body);
}

static void name_request(sv_exchange *ex) {
    ex->request_id = sv_request_header(ex, "x-request-id");
    if (ex->request_id.len == 0)
        ex->request_id = sv_make_request_id(ex->pool);
}

void sv_exchange_dispatch(sv_exchange *ex, size_t beside) {
    size_t held = beside + (ex->head_len > SV_LARGE_HEAD ? HEAD_COPIES * ex->head_len : 0);
    size_t reserved = ex->reserved - ex->in.reserved; /* besides the body */
    if (ex->request_id.p == NULL)
        name_request(ex);
    if (ex->refusal.status == 0 && held > reserved + SMALL_INPUT &&
        !sv_exchange_reserve(ex, held - reserved))
        sv_exchange_refuse_busy(ex);
    ex->dispatched = true;
    if (ex->refusal.status != 0)
        answer_refusal(ex);
    else
        ex->listener->on_request(ex);
}
