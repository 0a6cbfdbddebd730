#include "exchange.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "answer.h"
#include "conn.h"
#include "exchange_internal.h"
#include "hex.h"
#include "server.h"

/* An answer that took longer than this may have been cut off by its reader: worth a system call. */
#define SLOW_ANSWER_NS (100 * 1000000ull)

/* Heads and the beginnings of pipelined requests are not counted in the upload budget up to this.
 */
#define SMALL_INPUT ((size_t)16 << 10)

/* A head beyond this size counts several times: its fields are copied to be routed, changed by
 * rules, sent on and logged. */
#define LARGE_HEAD ((size_t)8 << 10)
#define HEAD_COPIES 4

uint64_t hr_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t wall_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

hr_exchange *hr_exchange_of(h2o_req_t *req) {
    return hr_conn_of(req)->ex;
}

double hr_exchange_elapsed_ms(const hr_exchange *ex) {
    return (double)(hr_now_ns() - ex->start_ns) / 1e6;
}

void hr_exchange_timing(hr_exchange *ex, const char *name, double ms) {
    if (ex->n_timings == HR_MAX_TIMINGS)
        return;
    ex->timings[ex->n_timings].name = name;
    ex->timings[ex->n_timings++].ms = ms;
}

bool hr_exchange_peer_gone(const hr_exchange *ex) {
    struct tcp_info info;
    socklen_t len = sizeof(info);
    int fd = h2o_socket_get_fd(hr_conn_of(ex->req)->sock);
    /* Not MSG_PEEK: a pipelined request would hide the FIN behind it. As with Envoy, a client that
     * closes its half does not wait for the answer. */
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return true;
    return info.tcpi_state != TCP_ESTABLISHED;
}

h2o_iovec_t hr_exchange_peer_address(const hr_exchange *ex) {
    const hr_peer *peer = hr_conn_peer(hr_conn_of(ex->req));
    return h2o_iovec_init(peer->len > 0 ? peer->text : NULL, peer->address_len);
}

/* The digits behind the last ':'. */
static uint16_t port_of_end(const hr_peer *peer) {
    unsigned port = 0;
    for (size_t i = peer->address_len; i < peer->len; i++)
        if (peer->text[i] >= '0' && peer->text[i] <= '9')
            port = port * 10 + (unsigned)(peer->text[i] - '0');
    return (uint16_t)port;
}

uint16_t hr_exchange_peer_port(const hr_exchange *ex) {
    return port_of_end(hr_conn_peer(hr_conn_of(ex->req)));
}

h2o_iovec_t hr_exchange_local_address(const hr_exchange *ex, uint16_t *port) {
    const hr_peer *local = hr_conn_local(hr_conn_of(ex->req));
    *port = port_of_end(local);
    return h2o_iovec_init(local->len > 0 ? local->text : NULL, local->address_len);
}

const char *hr_exchange_tls_version(const hr_exchange *ex) {
    const hr_conn *conn = hr_conn_of(ex->req);
    return conn->ssl_ctx == NULL ? NULL : h2o_socket_get_ssl_protocol_version(conn->sock);
}

const char *hr_exchange_tls_cipher(const hr_exchange *ex) {
    const hr_conn *conn = hr_conn_of(ex->req);
    return conn->ssl_ctx == NULL ? NULL : h2o_socket_get_ssl_cipher(conn->sock);
}

void hr_exchange_refuse(hr_exchange *ex, int status, const char *detail, int retry_after_s) {
    if (ex->refusal.status != 0)
        return;
    ex->refusal = (hr_refusal){status, detail, retry_after_s};
    hr_metric_add(ex->loop->cells,
                  hr_metrics_of_server(hr_server_metrics_of(ex->loop->server))->refused, 1);
}

bool hr_exchange_reserve(hr_exchange *ex, size_t bytes) {
    if (!hr_budget_take(hr_server_uploads(ex->loop->server), bytes))
        return false;
    ex->reserved += bytes;
    return true;
}

int hr_exchange_status(const hr_exchange *ex) {
    return ex->answered && !ex->gone ? ex->req->res.status : 0;
}

static void count(const hr_exchange *ex) {
    const hr_server_metrics *m = hr_metrics_of_server(hr_server_metrics_of(ex->loop->server));
    const h2o_req_t *req = ex->req;
    hr_metric_cells *cells = ex->loop->cells;
    hr_metric_request(cells, hr_exchange_status(ex), req->input.method.base, req->input.method.len);
    hr_metric_observe(cells, m->request_seconds, (double)(hr_now_ns() - ex->start_ns) / 1e9);
    hr_metric_add(cells, m->received_bytes, (int64_t)(req->entity.len + ex->tunnelled));
    hr_metric_add(cells, m->sent_bytes, (int64_t)req->bytes_sent);
    hr_metric_add(cells, m->requests_active, -1);
}

/* Called by the request's pool, however the request ended. */
static void exchange_end(void *memory) {
    hr_exchange *ex = memory;
    hr_conn *conn = hr_conn_of(ex->req);
    if (ex->on_end != NULL)
        ex->on_end(ex);
    bool slow = ex->answer_ns != 0 && hr_now_ns() - ex->answer_ns > SLOW_ANSWER_NS;
    if (ex->response_flags == NULL && (!ex->answered || (slow && hr_exchange_peer_gone(ex))))
        ex->response_flags = "DC";
    count(ex);
    hr_log_access(ex);
    if (ex->link_upload != NULL) {
        *ex->link_upload = ex->next_upload;
        if (ex->next_upload != NULL)
            ex->next_upload->link_upload = ex->link_upload;
    }
    hr_budget_give(hr_server_uploads(ex->loop->server), ex->reserved);
    hr_conn_unwatch(conn);
    --ex->loop->active;
    conn->ex = NULL;
    conn->since_ns = hr_now_ns();
}

hr_exchange *hr_exchange_begin(h2o_req_t *req) {
    hr_conn *conn = hr_conn_of(req);
    hr_exchange *ex = h2o_mem_alloc_shared(&req->pool, sizeof(*ex), exchange_end);
    memset(ex, 0, sizeof(*ex));
    ex->req = req;
    ex->loop = conn->loop;
    ex->start_ns = hr_now_ns();
    ex->start_wall_us = wall_us();
    ex->reserved = conn->reserved;
    conn->reserved = 0;
    conn->ex = ex;
    if (conn->sock->_cb.read != NULL)
        conn->on_read = conn->sock->_cb.read;
    ++conn->loop->active;
    hr_metric_add(conn->loop->cells,
                  hr_metrics_of_server(hr_server_metrics_of(conn->loop->server))->requests_active,
                  1);
    return ex;
}

void hr_exchange_abandon(hr_exchange *ex) {
    hr_conn *conn = hr_conn_of(ex->req);
    ex->response_flags = "DC";
    ex->gone = true;
    ex->req->http1_is_persistent = 0;
    shutdown(h2o_socket_get_fd(conn->sock), SHUT_RDWR);
    /* libh2o ends a request only by an answer; this one meets a closed socket. */
    hr_answer(ex, 499, "text/plain", h2o_iovec_init(NULL, 0));
}

/* ---- what the client sent ---- */

h2o_iovec_t hr_request_header(const h2o_req_t *req, const char *name) {
    size_t len = strlen(name);
    for (size_t i = 0; i < req->headers.size; ++i) {
        const h2o_header_t *h = &req->headers.entries[i];
        if (h->name->len == len && memcmp(h->name->base, name, len) == 0)
            return h->value;
    }
    return (h2o_iovec_t){NULL, 0};
}

h2o_iovec_t hr_request_path(const h2o_req_t *req) {
    h2o_iovec_t path = req->input.path;
    const char *mark = memchr(path.base, '?', path.len);
    return h2o_iovec_init(path.base, mark != NULL ? (size_t)(mark - path.base) : path.len);
}

h2o_iovec_t hr_request_query(const h2o_req_t *req) {
    h2o_iovec_t path = req->input.path;
    const char *mark = memchr(path.base, '?', path.len);
    if (mark == NULL)
        return (h2o_iovec_t){NULL, 0};
    return h2o_iovec_init(mark + 1, (size_t)(path.base + path.len - mark - 1));
}

bool hr_percent_decode(h2o_iovec_t *out, char *buf, const char *p, size_t len) {
    *out = h2o_iovec_init(buf, 0);
    for (size_t i = 0; i < len; ++i) {
        if (p[i] != '%') {
            out->base[out->len++] = p[i];
            continue;
        }
        if (len - i < 3 || hr_hex_digit(p[i + 1]) < 0 || hr_hex_digit(p[i + 2]) < 0)
            return false;
        out->base[out->len++] = (char)(hr_hex_digit(p[i + 1]) * 16 + hr_hex_digit(p[i + 2]));
        i += 2;
    }
    out->base[out->len] = '\0';
    return true;
}

int hr_query_parameter(h2o_iovec_t *out, h2o_req_t *req, const char *name) {
    h2o_iovec_t query = hr_request_query(req);
    size_t name_len = strlen(name);
    int found = 0;
    *out = (h2o_iovec_t){NULL, 0};
    while (query.len > 0) {
        const char *amp = memchr(query.base, '&', query.len);
        size_t len = amp != NULL ? (size_t)(amp - query.base) : query.len;
        const char *equals = memchr(query.base, '=', len);
        size_t key = equals != NULL ? (size_t)(equals - query.base) : len;
        if (key == name_len && memcmp(query.base, name, name_len) == 0) {
            size_t skip = equals != NULL ? key + 1 : len;
            char *buf = h2o_mem_alloc_pool(&req->pool, len - skip + 1);
            if (found || !hr_percent_decode(out, buf, query.base + skip, len - skip))
                return -1;
            found = 1;
        }
        size_t step = amp != NULL ? len + 1 : len;
        query.base += step;
        query.len -= step;
    }
    return found;
}

/* ---- handler and filter ---- */

typedef struct listener_handler {
    h2o_handler_t super;
    const hr_listener *listener;
} listener_handler;

/* RFC 9112, section 9.3, over all Connection fields; libh2o looks at the last one only, and takes a
 * field without "keep-alive" for "close". */
static void settle_persistence(h2o_req_t *req) {
    bool close = false, keep = req->version >= 0x101;
    for (ssize_t i = -1; (i = h2o_find_header(&req->headers, H2O_TOKEN_CONNECTION, i)) != -1;) {
        h2o_iovec_t value = req->headers.entries[i].value;
        if (h2o_contains_token(value.base, value.len, H2O_STRLIT("close"), ','))
            close = true;
        if (h2o_contains_token(value.base, value.len, H2O_STRLIT("keep-alive"), ','))
            keep = true;
    }
    req->http1_is_persistent = keep && !close && !req->conn->ctx->shutdown_requested;
}

/* 8-4-4-4-12 hex digits of a random UUID (RFC 9562, version 4), as Envoy makes them. */
h2o_iovec_t hr_make_request_id(h2o_mem_pool_t *pool) {
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
    char *text = h2o_mem_alloc_pool(pool, 37), *at = text;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = digits[r[i] >> 4];
        *at++ = digits[r[i] & 15];
    }
    *at = '\0';
    return h2o_iovec_init(text, 36);
}

static h2o_iovec_t refusal_body(hr_exchange *ex, int status, const char *detail,
                                const char **content_type) {
    const hr_service *service = hr_server_service(ex->loop->server);
    *content_type = "application/json";
    return service->refusal_body != NULL ? service->refusal_body(ex, status, detail, content_type)
                                         : hr_error_json(ex->req, detail);
}

static void add_retry_after(h2o_req_t *req, int seconds) {
    char *text = h2o_mem_alloc_pool(&req->pool, 12);
    int n = snprintf(text, 12, "%d", seconds);
    h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("retry-after"), 0, NULL, text,
                          (size_t)n);
}

static void answer_refusal(hr_exchange *ex) {
    const char *content_type;
    h2o_iovec_t body = refusal_body(ex, ex->refusal.status, ex->refusal.detail, &content_type);
    ex->req->http1_is_persistent = 0;
    if (ex->refusal.retry_after_s > 0)
        add_retry_after(ex->req, ex->refusal.retry_after_s);
    hr_conn_linger(hr_conn_of(ex->req));
    hr_answer(ex, ex->refusal.status, content_type, body);
}

/* The memory of the request. What came behind it waits in the same buffer for as long as the answer
 * takes. */
static size_t held_by(const hr_exchange *ex) {
    size_t input = hr_conn_of(ex->req)->sock->input->size;
    return ex->head_len > LARGE_HEAD ? input + HEAD_COPIES * ex->head_len : input;
}

static int on_req(h2o_handler_t *self, h2o_req_t *req) {
    hr_exchange *ex = hr_exchange_of(req);
    if (ex == NULL) {
        /* strict.c is not in effect: better no service than one that can be smuggled through. */
        hr_log(HR_LOG_ERROR,
               "requests are not being checked: libh2o does not call phr_parse_request");
        abort();
    }
    ex->listener = ((listener_handler *)self)->listener;
    settle_persistence(req);
    ex->request_id = hr_request_header(req, "x-request-id");
    if (ex->request_id.len == 0)
        ex->request_id = hr_make_request_id(&req->pool);
    if (!ex->has_host) /* libh2o puts the name of its own configuration there */
        req->input.authority = req->authority = h2o_iovec_init("", 0);
    size_t held = held_by(ex);
    if (ex->refusal.status == 0 && held > ex->reserved + SMALL_INPUT &&
        !hr_exchange_reserve(ex, held - ex->reserved))
        hr_exchange_refuse(ex, 503, "too much is being uploaded at the moment", 1);
    hr_conn_watch(hr_conn_of(req));
    if (ex->refusal.status != 0)
        answer_refusal(ex);
    else
        ex->listener->on_request(ex);
    return 0;
}

/* Answers that libh2o makes by itself (a chunked body that is malformed or too large) get the body
 * and the headers of ours. */
typedef struct replace_body {
    h2o_ostream_t super;
    h2o_iovec_t body;
} replace_body;

static void send_replaced(h2o_ostream_t *self, h2o_req_t *req, h2o_iovec_t *bufs, size_t n,
                          h2o_send_state_t state) {
    (void)bufs;
    (void)n;
    h2o_ostream_send_next(self, req, &((replace_body *)self)->body, 1, state);
}

static void on_setup_ostream(h2o_filter_t *self, h2o_req_t *req, h2o_ostream_t **slot) {
    (void)self;
    hr_exchange *ex = hr_exchange_of(req);
    if (ex != NULL && !ex->answered) {
        const char *content_type;
        int status = ex->refusal.status != 0 ? ex->refusal.status : req->res.status;
        const char *detail =
            ex->refusal.status != 0 ? ex->refusal.detail : "the request is malformed";
        replace_body *replace = (replace_body *)h2o_add_ostream(req, sizeof(*replace), slot);
        replace->super.do_send = send_replaced;
        slot = &replace->super.next;
        replace->body = refusal_body(ex, status, detail, &content_type);
        req->res.status = status;
        req->res.reason = hr_status_reason(status);
        req->res.content_length = replace->body.len;
        memset(&req->res.headers, 0, sizeof(req->res.headers));
        h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, content_type,
                       strlen(content_type));
        if (ex->refusal.retry_after_s > 0)
            add_retry_after(req, ex->refusal.retry_after_s);
        if (ex->request_id.len == 0)
            ex->request_id = hr_make_request_id(&req->pool);
        hr_answer_finish_headers(ex);
        hr_conn_linger(hr_conn_of(req));
    }
    h2o_setup_next_ostream(req, slot);
}

void hr_exchange_register(h2o_hostconf_t *host, const hr_listener *listener) {
    listener_handler *handler =
        (listener_handler *)h2o_create_handler(&host->fallback_path, sizeof(*handler));
    handler->super.on_req = on_req;
    handler->listener = listener;
    h2o_filter_t *filter = h2o_create_filter(&host->fallback_path, sizeof(*filter));
    filter->on_setup_ostream = on_setup_ostream;
}
