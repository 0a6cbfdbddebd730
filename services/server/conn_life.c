/* The places of connections in their loop, and how connections end: at once, or after lingering. */
#include "conn_life.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "conn_buffer.h"
#include "exchange_internal.h"
#include "server_internal.h"

#define MAX_LINGERING 64
#define MAX_LINGER_BYTES ((size_t)64 << 20)

/* Idle connections are closed sooner when others wait for a place. */
#define CROWDED_IDLE_MS 15000

/* Half of --drain-seconds, and at most this long, a draining server still takes requests on the
 * connections it has. It closes none of them that was in use within the shorter time: the client
 * may be about to send its next request. */
#define DRAIN_GRACE_NS (2 * 1000000000ull)
#define DRAIN_QUIET_NS (500 * 1000000ull)

static const sv_server_metrics *metrics_of(const sv_server_loop *loop) {
    return sv_metrics_of_server(sv_server_metrics_of(loop->server));
}

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

void sv_conn_link(sv_conn *conn) {
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

void sv_conn_drop(sv_conn *conn) {
    if (conn->ex != NULL)
        sv_exchange_break(conn->ex);
    else
        sv_conn_close(conn);
}

uint64_t sv_conn_idle_ms(const sv_conn *conn) {
    const sv_server_options *options = sv_server_options_of(conn->loop->server);
    /* Others may be waiting in the kernel's queue. */
    if (!conn->loop->accepting && options->idle_timeout_ms > CROWDED_IDLE_MS)
        return CROWDED_IDLE_MS;
    return (uint64_t)options->idle_timeout_ms;
}

static uint64_t conn_at_most(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* A client learns from "Connection: close" in an answer that it must connect elsewhere. If an idle
 * connection is closed instead, the request that the client has just sent on it is lost (RFC 9112,
 * 9.5). Hence the grace: Envoy drains its listeners in the same way. */
bool sv_conn_drain_grace_is_over(const sv_conn *conn, uint64_t idle_ns, uint64_t now) {
    const sv_server_loop *loop = conn->loop;
    uint64_t half_ns = (uint64_t)sv_server_options_of(loop->server)->drain_ms * 1000000 / 2;
    uint64_t since = loop->draining ? loop->drain_ns : conn->leaving_ns;
    return now - since > conn_at_most(half_ns, DRAIN_GRACE_NS) &&
           idle_ns > conn_at_most(half_ns, DRAIN_QUIET_NS);
}
