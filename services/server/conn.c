/* Downstream connections from accept to close: keep-alive, timeouts, and forced close. */
#include "conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "body_in.h"
#include "conn_http1.h"
#include "conn_http2.h"
#include "conn_http2_sweep.h"
#include "conn_internal.h"
#include "tls_server.h"

/* Accepted in one go before other sockets get their turn. */
#define ACCEPT_BURST 16

#define LINGER_NS (2 * 1000000000ull)
#define MAX_LINGERING 64
#define MAX_LINGER_BYTES ((size_t)64 << 20)

/* An idle connection is closed sooner where there is no room for others. */
#define CROWDED_IDLE_MS 15000

/* Half of --drain-seconds, and at most this long, a draining server still takes requests on the
 * connections it has. It closes none of them that was in use within the shorter time: the client
 * may be about to send its next request. */
#define DRAIN_GRACE_NS (2 * 1000000000ull)
#define DRAIN_QUIET_NS (500 * 1000000ull)

static const sv_server_metrics *metrics_of(const sv_server_loop *loop) {
    return sv_metrics_of_server(sv_server_metrics_of(loop->server));
}

static bool format_address(char *host, size_t size, unsigned *port,
                           const struct sockaddr_storage *sa) {
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
    const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
    if (sa->ss_family == AF_INET6) {
        *port = ntohs(in6->sin6_port);
        return inet_ntop(AF_INET6, &in6->sin6_addr, host, (socklen_t)size) != NULL;
    }
    *port = ntohs(in->sin_port);
    return sa->ss_family == AF_INET &&
           inet_ntop(AF_INET, &in->sin_addr, host, (socklen_t)size) != NULL;
}

static const sv_peer *name_end(sv_peer *end, int fd,
                               int (*get)(int fd, struct sockaddr *address, socklen_t *len)) {
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    char host[INET6_ADDRSTRLEN];
    unsigned port;
    if (end->len > 0)
        return end;
    if (get(fd, (struct sockaddr *)&address, &len) != 0 ||
        !format_address(host, sizeof(host), &port, &address))
        return end;
    end->address_len = strlen(host);
    end->len = (size_t)sprintf(end->text, "%s:%u", host, port);
    return end;
}

const sv_peer *sv_conn_peer(sv_conn *conn) {
    return name_end(&conn->peer, sv_sock_fd(conn->sock), getpeername);
}

const sv_peer *sv_conn_local(sv_conn *conn) {
    return name_end(&conn->local, sv_sock_fd(conn->sock), getsockname);
}

/* ---- accepting ---- */

static size_t connection_limit(const sv_server_loop *loop) {
    size_t loops = sv_server_loops(loop->server);
    return ((size_t)sv_server_options_of(loop->server)->max_connections + loops - 1) / loops;
}

/* A stream of HTTP/2 costs as much as a connection of HTTP/1.1. */
bool sv_conn_loop_is_full(const sv_server_loop *loop) {
    return loop->connections + loop->n_more_streams >= connection_limit(loop);
}

/* A quarter of the places is left to connections: a few that open many streams must not keep others
 * out. */
bool sv_conn_may_serve_stream(const sv_server_loop *loop) {
    size_t limit = connection_limit(loop);
    return !sv_conn_loop_is_full(loop) && loop->n_more_streams < limit - limit / 4;
}

/* A queue that cannot be emptied would wake the loop for ever. */
static void note_accept_error(sv_server_loop *loop) {
    if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
        return;
    if (!loop->out_of_files)
        sv_log(SV_LOG_WARN, "connections have to wait: %s", strerror(errno));
    loop->out_of_files = true;
}

/* Beyond the limit clients wait in the kernel's queue until a connection ends. */
void sv_conn_update_accepting(sv_server_loop *loop) {
    bool want = !loop->draining && !loop->out_of_files && !sv_conn_loop_is_full(loop);
    if (want == loop->accepting)
        return;
    loop->accepting = want;
    for (sv_listening *l = loop->listening; l != NULL; l = l->next)
        sv_watch_set(l->watch, want ? SV_READ : 0);
}

static void count_out(sv_conn *conn) {
    sv_server_loop *loop = conn->loop;
    --loop->connections;
    loop->out_of_files = false;
    sv_metric_add(loop->cells, metrics_of(loop)->connections, -1);
    sv_conn_update_accepting(loop);
}

/* The kernel's buffers count against the pod's memory. Beyond an eighth of all connections, new
 * ones have smaller ones than sv_listen gives, which is slower for clients that are far away. (The
 * kernel doubles what is asked for.) */
#define CROWDED_SEND_BUFFER (32 << 10)
#define CROWDED_RECEIVE_BUFFER (64 << 10)

static void limit_buffers(const sv_server_loop *loop, int fd) {
    static const int send = CROWDED_SEND_BUFFER, receive = CROWDED_RECEIVE_BUFFER;
    if (loop->connections <= connection_limit(loop) / 8)
        return;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send, sizeof(send));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive));
}

static void link_conn(sv_conn *conn) {
    sv_server_loop *loop = conn->loop;
    conn->next = loop->conns;
    conn->link = &loop->conns;
    if (conn->next != NULL)
        conn->next->link = &conn->next;
    loop->conns = conn;
    ++loop->connections;
    sv_server_note_load(loop);
    limit_buffers(loop, sv_sock_fd(conn->sock));
    sv_metric_add(loop->cells, metrics_of(loop)->connections_total, 1);
    sv_metric_add(loop->cells, metrics_of(loop)->connections, 1);
}

void sv_conn_close(sv_conn *conn) {
    *conn->link = conn->next;
    if (conn->next != NULL)
        conn->next->link = conn->link;
    if (conn->stage == SV_STAGE_LINGER)
        --conn->loop->n_lingering;
    else
        count_out(conn);
    sv_conn_give_buffer(conn);
    sv_budget_give(sv_server_uploads(conn->loop->server), conn->reserved);
    sv_sock_close(conn->sock);
    free(conn);
}

/* ---- events of the socket ---- */

static void on_handshaken(void *ctx) {
    sv_conn *conn = ctx;
    conn->stage = SV_STAGE_HEAD;
    sv_tls_note_handshake(conn->listener->tls);
    sv_sock_reading(conn->sock, true);
    if (sv_tls_speaks_http2(sv_sock_ssl(conn->sock)))
        sv_http2_begin(conn, NULL, 0);
}

static void on_handshake_failed(void *ctx, bool tls, const char *why) {
    (void)tls, (void)why;
    sv_conn_close(ctx);
}

/* The rest of a request that was refused. */
static void discard(sv_conn *conn) {
    char bytes[16 << 10];
    ssize_t n = sv_sock_read(conn->sock, bytes, sizeof(bytes));
    if (n > 0 && (size_t)n < conn->linger_left) {
        conn->linger_left -= (size_t)n;
        return;
    }
    if (n < 0 && errno == EAGAIN)
        return;
    sv_conn_close(conn);
}

static void conn_on_readable(void *ctx) {
    sv_conn *conn = ctx;
    bool waits = conn->stage == SV_STAGE_HANDLED || (conn->ex != NULL && conn->ex->over);
    if (waits) /* so does a pipelined request, or the end */
        sv_sock_reading(conn->sock, false);
    else if (conn->stage == SV_STAGE_TUNNEL)
        conn->on_readable(conn);
    else if (conn->stage == SV_STAGE_LINGER)
        discard(conn);
    else if (conn->stage == SV_STAGE_HTTP2)
        sv_http2_readable(conn);
    else
        sv_conn_read(conn);
}

static void conn_on_written(void *ctx, bool ok) {
    sv_conn *conn = ctx;
    if (conn->stage == SV_STAGE_TUNNEL)
        conn->on_written(conn, ok);
    else if (conn->stage == SV_STAGE_HTTP2)
        sv_http2_written(conn, ok);
    else if (conn->ex != NULL && !conn->ex->over)
        sv_exchange_sent(conn->ex, ok);
}

static const sv_sock_events conn_events = {on_handshaken, on_handshake_failed, conn_on_readable,
                                           conn_on_written};

static void begin_conn(sv_listening *listening, int fd) {
    sv_server_loop *loop = listening->loop;
    sv_conn *conn = sv_alloc_zeroed(sizeof(*conn));
    SSL *ssl = NULL;
    *conn = (sv_conn){.loop = loop, .listener = listening->listener, .since_ns = sv_now_ns()};
    conn->stage = SV_STAGE_HEAD;
    if (listening->listener->tls != NULL) {
        ssl = sv_tls_accept(listening->listener->tls);
        conn->stage = SV_STAGE_HANDSHAKE;
    }
    if (listening->listener->tls != NULL && ssl == NULL)
        close(fd);
    else
        conn->sock = sv_accepted(loop->net, fd, ssl, &conn_events, conn);
    if (conn->sock == NULL) {
        free(conn);
        return;
    }
    link_conn(conn);
    limit_buffers(loop, fd);
    if (ssl == NULL)
        sv_sock_reading(conn->sock, true);
}

static void on_accept(void *ctx, unsigned ready) {
    sv_listening *listening = ctx;
    sv_server_loop *loop = listening->loop;
    (void)ready;
    for (int i = 0; i < ACCEPT_BURST && !sv_conn_loop_is_full(loop); ++i) {
        int fd = accept4(listening->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            note_accept_error(loop);
            break;
        }
        begin_conn(listening, fd);
    }
    sv_conn_update_accepting(loop);
}

bool sv_conn_listen(sv_server_loop *loop, const sv_listener *listener, int fd) {
    sv_listening *listening = sv_alloc(sizeof(*listening));
    *listening =
        (sv_listening){.loop = loop, .listener = listener, .fd = fd, .next = loop->listening};
    listening->watch = sv_watch_new(loop->net, fd, on_accept, listening);
    if (listening->watch == NULL) {
        free(listening);
        return false;
    }
    loop->listening = listening;
    loop->accepting = true;
    sv_watch_set(listening->watch, SV_READ);
    return true;
}

/* Who has connected by now waits in the kernel's queue, which closing would throw away. */
static void accept_last(sv_listening *listening) {
    size_t before;
    do {
        before = listening->loop->connections;
        on_accept(listening, SV_READ);
    } while (listening->loop->connections > before);
}

void sv_conn_stop_listening(sv_server_loop *loop) {
    for (sv_listening *l = loop->listening; l != NULL; l = l->next)
        accept_last(l);
    loop->accepting = false;
    while (loop->listening != NULL) {
        sv_listening *listening = loop->listening;
        loop->listening = listening->next;
        sv_watch_close(listening->watch);
        free(listening);
    }
}

/* ---- lingering ---- */

void sv_conn_linger(sv_conn *conn) {
    if (conn->loop->n_lingering >= MAX_LINGERING) {
        sv_conn_close(conn);
        return;
    }
    count_out(conn);
    conn->stage = SV_STAGE_LINGER;
    ++conn->loop->n_lingering;
    conn->since_ns = sv_now_ns();
    conn->linger_left = MAX_LINGER_BYTES;
    sv_conn_give_buffer(conn);
    sv_sock_finish(conn->sock);
    sv_sock_reading(conn->sock, true);
}

/* ---- closing ---- */

void sv_conn_drop(sv_conn *conn) {
    if (conn->ex != NULL)
        sv_exchange_break(conn->ex);
    else
        sv_conn_close(conn);
}

static void cut_off(sv_conn *conn) {
    if (conn->stage == SV_STAGE_TUNNEL && conn->on_cut != NULL)
        conn->on_cut(conn);
    else if (conn->stage == SV_STAGE_HTTP2)
        sv_http2_cut(conn);
    else
        sv_conn_drop(conn);
}

static bool answer_is_stalled(const sv_conn *conn, uint64_t now) {
    const sv_exchange *ex = conn->ex;
    if (ex->answer_ns == 0 || ex->answer.content_length == SV_UNKNOWN_LENGTH)
        return false;
    uint64_t allowed_ms = (uint64_t)sv_server_options_of(conn->loop->server)->stall_timeout_ms +
                          ex->answer.content_length * 1000 / SV_MIN_BYTES_PER_SECOND;
    return now - ex->answer_ns > allowed_ms * 1000000;
}

/* A body that is streamed may be of any length, as long as it keeps coming. */
static uint64_t time_for_body(const sv_conn *conn) {
    return conn->stage == SV_STAGE_STREAMED
               ? sv_body_received(conn->ex) * 1000 / SV_MIN_BYTES_PER_SECOND
               : 0;
}

uint64_t sv_conn_idle_ms(const sv_conn *conn) {
    const sv_server_options *options = sv_server_options_of(conn->loop->server);
    /* Others may be waiting in the kernel's queue. */
    if (!conn->loop->accepting && options->idle_timeout_ms > CROWDED_IDLE_MS)
        return CROWDED_IDLE_MS;
    return (uint64_t)options->idle_timeout_ms;
}

static uint64_t allowed_ms(const sv_conn *conn) {
    const sv_server_options *options = sv_server_options_of(conn->loop->server);
    if (conn->stage == SV_STAGE_HANDSHAKE)
        return (uint64_t)options->handshake_timeout_ms;
    if (conn->begun)
        return (uint64_t)options->request_timeout_ms + time_for_body(conn);
    return sv_conn_idle_ms(conn);
}

static uint64_t conn_at_most(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* A client learns from "Connection: close" in an answer that it must connect elsewhere. If an idle
 * connection is closed instead, the request that the client has just sent on it is lost (RFC 9112,
 * 9.5). Hence the grace: Envoy drains its listeners in the same way. */
bool sv_conn_drain_grace_is_over(const sv_server_loop *loop, uint64_t idle_ns, uint64_t now) {
    uint64_t half_ns = (uint64_t)sv_server_options_of(loop->server)->drain_ms * 1000000 / 2;
    return now - loop->drain_ns > conn_at_most(half_ns, DRAIN_GRACE_NS) &&
           idle_ns > conn_at_most(half_ns, DRAIN_QUIET_NS);
}

/* What the client has sent by now is still read and answered. */
static bool conn_is_idle(const sv_conn *conn) {
    return conn->stage == SV_STAGE_HANDSHAKE ||
           (conn->stage == SV_STAGE_HEAD && conn->in_len == 0 && sv_sock_is_silent(conn->sock));
}

static void sweep_conn(sv_conn *conn, uint64_t now) {
    sv_server_loop *loop = conn->loop;
    uint64_t waited_ns = now - conn->since_ns;
    if (conn->stage == SV_STAGE_HTTP2) {
        sv_http2_sweep(conn, now);
    } else if (conn->stage == SV_STAGE_LINGER) {
        if (waited_ns > LINGER_NS || loop->draining)
            sv_conn_close(conn);
    } else if (conn->stage == SV_STAGE_HANDLED || conn->stage == SV_STAGE_TUNNEL ||
               (conn->stage == SV_STAGE_STREAMED && !conn->begun)) {
        if (answer_is_stalled(conn, now))
            cut_off(conn);
    } else if (waited_ns > allowed_ms(conn) * 1000000) {
        cut_off(conn);
    } else if (loop->draining && conn_is_idle(conn) &&
               sv_conn_drain_grace_is_over(loop, waited_ns, now)) {
        sv_conn_close(conn);
    }
}

void sv_conn_sweep(sv_server_loop *loop) {
    uint64_t now = sv_now_ns();
    for (sv_conn *conn = loop->conns, *next; conn != NULL; conn = next) {
        next = conn->next;
        sweep_conn(conn, now);
    }
    if (loop->out_of_files) {
        loop->out_of_files = false;
        sv_conn_update_accepting(loop);
    }
}

void sv_conn_cut_all(sv_server_loop *loop) {
    for (sv_conn *conn = loop->conns, *next; conn != NULL; conn = next) {
        next = conn->next;
        if (conn->stage == SV_STAGE_LINGER)
            sv_conn_close(conn);
        else
            cut_off(conn);
    }
}
