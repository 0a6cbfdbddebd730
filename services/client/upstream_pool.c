/* Manages upstream endpoints: name resolution, the connection pool, and read buffers. */
#include "upstream_pool.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "upstream_exchange.h"
#include "upstream_http2.h"
#include "upstream_tls.h"

/* Blocks kept for reuse by a loop: enough for the requests of a burst, little enough to be
 * forgotten (2 MiB a loop, of which only touched pages count). */
#define MAX_FREE_BLOCKS 16

/* Of an answer while many others wait for their consumers; the largest head fits. */
#define SMALL_BLOCK ((size_t)64 << 10)
_Static_assert(SMALL_BLOCK > SV_UP_MAX_HEAD, "a head must fit into a block");

/* A connection's buffers in the kernel, and those of connections beyond the first ones of a loop.
 */
#define BUFFER (128 << 10)
#define CROWDED_BUFFER (32 << 10)
#define MANY_CONNECTIONS 64

#define DEFAULT_CONNECT_TIMEOUT_MS 10000
#define DEFAULT_IDLE_CONNECTION_MS 4000
#define DEFAULT_MAX_IDLE 256
#define DEFAULT_DNS_REFRESH_MS 5000
#define DEFAULT_HTTP2_IDLE_MS 60000

sv_up_loop *sv_up_loop_new(sv_loop *loop, sv_up_stats *stats, sv_budget *held) {
    sv_up_loop *up = calloc(1, sizeof(*up));
    if (up == NULL)
        return NULL;
    up->net = loop;
    up->timers = sv_loop_timers(loop);
    up->stats = stats;
    up->held = held;
    return up;
}

void sv_up_loop_free(sv_up_loop *up) {
    if (up == NULL)
        return;
    for (sv_up_block *block; (block = up->free_blocks) != NULL;) {
        up->free_blocks = block->next;
        free(block);
    }
    free(up->http2_out);
    free(up);
}

sv_up_block *sv_up_block_take(const sv_up_exchange *exchange) {
    sv_up_loop *up = exchange->endpoint->up;
    sv_up_block *block = up->free_blocks;
    /* The window of a stream of HTTP/2 is as large as a block. */
    bool small = up->n_blocks >= SV_UP_MANY_BLOCKS && !exchange->request->http2;
    if (block != NULL) {
        up->free_blocks = block->next;
        up->n_free_blocks--;
    } else {
        size_t size = small ? SMALL_BLOCK : SV_UP_BLOCK;
        block = sv_alloc(sizeof(*block) + size);
        block->size = size;
    }
    up->n_blocks++;
    block->next = NULL;
    block->start = block->end = 0;
    return block;
}

void sv_up_block_give(sv_up_loop *up, sv_up_block *block) {
    if (block == NULL)
        return;
    up->n_blocks--;
    if (up->n_free_blocks == MAX_FREE_BLOCKS || block->size < SV_UP_BLOCK) {
        free(block);
        return;
    }
    block->next = up->free_blocks;
    up->free_blocks = block;
    up->n_free_blocks++;
}

/* ---- endpoints --------------------------------------------------------------------------- */

static int parse_literal(struct sv_up_address *out, const char *host, uint16_t port) {
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->sa;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->sa;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        out->len = sizeof(*v4);
        return 1;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        out->len = sizeof(*v6);
        return 1;
    }
    return 0;
}

sv_up_endpoint *sv_up_endpoint_new(sv_up_loop *up, hr_str host, uint16_t port,
                                   const sv_up_settings *settings) {
    static const sv_up_settings defaults = {0};
    sv_up_endpoint *endpoint = sv_alloc(sizeof(*endpoint));
    memset(endpoint, 0, sizeof(*endpoint));
    endpoint->up = up;
    endpoint->refs = 1;
    endpoint->settings = settings != NULL ? *settings : defaults;
    sv_up_settings *s = &endpoint->settings;
    s->connect_timeout_ms =
        s->connect_timeout_ms > 0 ? s->connect_timeout_ms : DEFAULT_CONNECT_TIMEOUT_MS;
    s->idle_connection_ms =
        s->idle_connection_ms > 0 ? s->idle_connection_ms : DEFAULT_IDLE_CONNECTION_MS;
    s->max_idle = s->max_idle > 0 ? s->max_idle : DEFAULT_MAX_IDLE;
    s->http2_idle_ms = s->http2_idle_ms > 0 ? s->http2_idle_ms : DEFAULT_HTTP2_IDLE_MS;
    s->dns_refresh_ms = s->dns_refresh_ms > 0 ? s->dns_refresh_ms : DEFAULT_DNS_REFRESH_MS;

    sv_up_tls_ref(s->tls);

    /* The name serves both purposes: cut at the colon for look-ups, whole for messages. */
    endpoint->name = sv_alloc(host.len + sizeof(":65535"));
    memcpy(endpoint->name, host.p, host.len);
    endpoint->name[host.len] = '\0';
    endpoint->host_len = host.len;
    endpoint->port = port;
    endpoint->n_addresses = (size_t)parse_literal(&endpoint->addresses[0], endpoint->name, port);
    endpoint->is_name = endpoint->n_addresses == 0;
    sprintf(endpoint->name + host.len, ":%u", (unsigned)port);
    return endpoint;
}

sv_up_endpoint *sv_up_endpoint_ref(sv_up_endpoint *endpoint) {
    endpoint->refs++;
    return endpoint;
}

void sv_up_endpoint_unref(sv_up_endpoint *endpoint) {
    if (endpoint == NULL || --endpoint->refs > 0)
        return;
    while (endpoint->newest != NULL)
        sv_up_conn_close(endpoint->newest);
    sv_up_http2_close_all(endpoint);
    sv_timer_unset(endpoint->up->timers, &endpoint->idle_timer);
    if (endpoint->lookup != NULL)
        sv_lookup_cancel(endpoint->lookup);
    SSL_SESSION_free(endpoint->session);
    sv_up_tls_unref(endpoint->settings.tls);
    free(endpoint->name);
    free(endpoint);
}

bool sv_up_endpoint_has_room(const sv_up_endpoint *endpoint, bool http2) {
    return http2 ? sv_up_http2_has_room(endpoint) : endpoint->n_idle > 0;
}

const char *sv_up_endpoint_name(const sv_up_endpoint *endpoint) {
    return endpoint->name;
}

/* ---- names ------------------------------------------------------------------------------- */

static void on_address(void *ctx, const struct addrinfo *list, const char *err) {
    sv_up_endpoint *endpoint = ctx;
    endpoint->lookup = NULL;
    endpoint->looked_up_at = sv_timers_now();
    if (list != NULL) {
        endpoint->n_addresses = endpoint->current = 0;
        for (; list != NULL && endpoint->n_addresses < SV_UP_MAX_ADDRESSES; list = list->ai_next) {
            struct sv_up_address *address = &endpoint->addresses[endpoint->n_addresses++];
            memcpy(&address->sa, list->ai_addr, list->ai_addrlen);
            address->len = list->ai_addrlen;
        }
    }
    /* A callback may free its exchange, which may hold the last reference to the endpoint. */
    sv_up_endpoint_ref(endpoint);
    while (endpoint->waiting != NULL)
        sv_up_exchange_resolved(endpoint->waiting, endpoint->n_addresses > 0 ? NULL : err);
    sv_up_endpoint_unref(endpoint);
}

static void look_up(sv_up_endpoint *endpoint) {
    char host[NI_MAXHOST], port[8];
    snprintf(host, sizeof(host), "%.*s", (int)endpoint->host_len, endpoint->name);
    snprintf(port, sizeof(port), "%u", (unsigned)endpoint->port);
    endpoint->lookup = sv_lookup_start(endpoint->up->net, host, port, on_address, endpoint);
}

int sv_up_endpoint_resolve(sv_up_endpoint *endpoint) {
    if (!endpoint->is_name)
        return 1;
    uint64_t now = sv_timers_now();
    int fresh = endpoint->looked_up_at != 0 &&
                now - endpoint->looked_up_at < endpoint->settings.dns_refresh_ms;
    if (!(fresh && endpoint->n_addresses > 0) && endpoint->lookup == NULL)
        look_up(endpoint);
    return endpoint->n_addresses > 0;
}

/* ---- connections ------------------------------------------------------------------------- */

static void unlink_idle(sv_up_conn *conn) {
    sv_up_endpoint *endpoint = conn->endpoint;
    *(conn->newer != NULL ? &conn->newer->older : &endpoint->newest) = conn->older;
    *(conn->older != NULL ? &conn->older->newer : &endpoint->oldest) = conn->newer;
    conn->newer = conn->older = NULL;
    endpoint->n_idle--;
}

void sv_up_conn_count(const sv_up_endpoint *endpoint, int by) {
    sv_up_count(&endpoint->up->stats->connections, by);
    if (endpoint->settings.open_connections != NULL)
        atomic_fetch_add_explicit(endpoint->settings.open_connections, (uint32_t)by,
                                  memory_order_relaxed);
}

void sv_up_conn_close(sv_up_conn *conn) {
    if (conn->exchange == NULL)
        unlink_idle(conn);
    sv_up_conn_count(conn->endpoint, -1);
    sv_sock_close(conn->sock);
    free(conn);
}

static void on_readable(void *ctx) {
    sv_up_conn *conn = ctx;
    if (conn->exchange != NULL)
        sv_up_exchange_readable(conn->exchange);
    else if (sv_sock_ssl(conn->sock) == NULL || !sv_sock_is_silent(conn->sock))
        /* An idle connection becomes readable if the peer closed it or sent unrequested data. A
         * TLS session ticket is the exception: it leaves no data to read. */
        sv_up_conn_close(conn);
}

static void begin_tls(sv_up_conn *conn) {
    SSL *ssl = sv_up_tls_connect(conn->endpoint, false);
    if (ssl == NULL) {
        sv_up_exchange_tls_failed(conn->exchange, "out of memory");
        return;
    }
    conn->encrypting = 1;
    sv_sock_encrypt(conn->sock, ssl);
}

static void on_connected(void *ctx) {
    sv_up_conn *conn = ctx;
    if (conn->endpoint->settings.tls != NULL && !conn->encrypting) {
        begin_tls(conn);
        return;
    }
    const char *why =
        conn->encrypting ? sv_up_tls_check(conn->endpoint, sv_sock_ssl(conn->sock)) : NULL;
    if (why != NULL) {
        sv_up_exchange_tls_failed(conn->exchange, why);
        return;
    }
    sv_sock_reading(conn->sock, true);
    sv_up_exchange_connected(conn->exchange, 1);
}

static void on_failed(void *ctx, bool tls, const char *why) {
    sv_up_conn *conn = ctx;
    if (tls)
        sv_up_exchange_tls_failed(conn->exchange, why);
    else
        sv_up_exchange_connected(conn->exchange, 0);
}

static void on_sock_written(void *ctx, bool ok) {
    sv_up_conn *conn = ctx;
    conn->on_written(conn, ok);
}

/* The kernel's buffers count against the pod's memory: they must not grow by megabytes for each
 * client that reads slowly, nor by much where there are many. What is asked for is doubled. */
int sv_up_buffer_size(const sv_up_loop *up) {
    return atomic_load_explicit(&up->stats->connections, memory_order_relaxed) < MANY_CONNECTIONS
               ? BUFFER
               : CROWDED_BUFFER;
}

static void set_number(int fd, int option, uint32_t value) {
    int number = value > INT_MAX ? INT_MAX : (int)value;
    if (value > 0)
        (void)setsockopt(fd, IPPROTO_TCP, option, &number, sizeof(number));
}

void sv_up_conn_keep_alive(const sv_up_endpoint *endpoint, int fd) {
    static const int on = 1;
    const sv_up_settings *s = &endpoint->settings;
    if (!s->tcp_keepalive)
        return;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    set_number(fd, TCP_KEEPCNT, s->tcp_keepalive_probes);
    set_number(fd, TCP_KEEPIDLE, s->tcp_keepalive_idle_s);
    set_number(fd, TCP_KEEPINTVL, s->tcp_keepalive_interval_s);
}

sv_up_conn *sv_up_conn_open(sv_up_endpoint *endpoint, sv_up_exchange *exchange) {
    static const sv_sock_events events = {on_connected, on_failed, on_readable, on_sock_written};
    struct sv_up_address *address = &endpoint->addresses[endpoint->current];
    sv_up_conn *conn = sv_alloc(sizeof(*conn));
    *conn = (sv_up_conn){.endpoint = endpoint,
                         .exchange = exchange,
                         .peer_idle_s = -1,
                         .opened_at = sv_timers_now()};
    conn->sock = sv_connect(endpoint->up->net, (struct sockaddr *)&address->sa, address->len,
                            sv_up_buffer_size(endpoint->up), &events, conn);
    sv_up_count(&endpoint->up->stats->connects, 1);
    if (conn->sock == NULL) {
        free(conn);
        return NULL;
    }
    sv_up_conn_keep_alive(endpoint, sv_sock_fd(conn->sock));
    sv_up_conn_count(endpoint, 1);
    return conn;
}

sv_up_conn *sv_up_conn_reuse(sv_up_endpoint *endpoint, int careful) {
    uint64_t now = sv_timers_now();
    sv_up_conn *conn;
    while ((conn = endpoint->newest) != NULL) {
        if (conn->idle_until > now && !(careful && !sv_sock_is_silent(conn->sock))) {
            unlink_idle(conn);
            sv_up_count(&endpoint->up->stats->reused, 1);
            return conn;
        }
        sv_up_conn_close(conn);
    }
    return NULL;
}

/* One timer an endpoint, for the oldest: the others are younger. A connection whose peer allows
 * less than the rest may outstay a little; sv_up_conn_reuse never hands it out. */
static void on_idle_timer(sv_timer *timer) {
    sv_up_endpoint *endpoint = SV_CONTAINER(sv_up_endpoint, idle_timer, timer);
    uint64_t now = sv_timers_now();
    while (endpoint->oldest != NULL && endpoint->oldest->idle_until <= now)
        sv_up_conn_close(endpoint->oldest);
    if (endpoint->oldest != NULL)
        sv_timer_set(endpoint->up->timers, timer, endpoint->oldest->idle_until, on_idle_timer);
}

void sv_up_conn_release(sv_up_conn *conn, int reusable) {
    sv_up_endpoint *endpoint = conn->endpoint;
    const sv_up_settings *settings = &endpoint->settings;
    uint64_t idle_ms = settings->idle_connection_ms;
    conn->n_requests++;
    if (conn->peer_idle_s >= 0 && (uint64_t)conn->peer_idle_s * 1000 < idle_ms + 1000)
        idle_ms = conn->peer_idle_s > 1 ? (uint64_t)(conn->peer_idle_s - 1) * 1000 : 0;
    if (settings->max_requests > 0 && conn->n_requests >= settings->max_requests)
        reusable = 0;
    uint64_t now = sv_timers_now();
    if (settings->max_connection_ms > 0 && now - conn->opened_at >= settings->max_connection_ms)
        reusable = 0;
    if (!reusable || idle_ms == 0 || sv_sock_is_writing(conn->sock)) {
        sv_up_conn_close(conn);
        return;
    }
    conn->exchange = NULL;
    conn->idle_until = now + idle_ms;
    conn->newer = NULL;
    conn->older = endpoint->newest;
    *(endpoint->newest != NULL ? &endpoint->newest->newer : &endpoint->oldest) = conn;
    endpoint->newest = conn;
    if (++endpoint->n_idle > settings->max_idle)
        sv_up_conn_close(endpoint->oldest);
    if (!sv_timer_is_set(&endpoint->idle_timer) && endpoint->oldest != NULL)
        sv_timer_set(endpoint->up->timers, &endpoint->idle_timer, endpoint->oldest->idle_until,
                     on_idle_timer);
}
