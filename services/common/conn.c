#include "conn.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls.h"

/* Accepted in one go before other sockets get their turn. */
#define ACCEPT_BURST 16

/* Room for the next bytes of a head. */
#define MIN_HEAD_READ 1024

#define LINGER_NS (2 * 1000000000ull)
#define MAX_LINGERING 64
#define MAX_LINGER_BYTES ((size_t)64 << 20)

/* A client of an answer of known length must take at least this much, once the first stall time is
 * over. */
#define MIN_BYTES_PER_SECOND (32 << 10)

/* Half of --drain-seconds, and at most this long, a draining server still takes requests on the
 * connections it has. It closes none of them that was in use within the shorter time: the client
 * may be about to send its next request. */
#define DRAIN_GRACE_NS (2 * 1000000000ull)
#define DRAIN_QUIET_NS (500 * 1000000ull)

struct hr_linger {
    hr_loop *loop;
    h2o_socket_t *sock;
    uint64_t until_ns;
    size_t left;
    struct hr_linger *next, **link;
};

hr_conn *hr_conn_of(const h2o_req_t *req) {
    /* on_close is the one place of a socket that libh2o's HTTP/1 leaves to us. */
    return req->conn->callbacks->get_socket(req->conn)->on_close.data;
}

static const hr_peer *name_end(hr_peer *end, h2o_socket_t *sock,
                               socklen_t (*get)(h2o_socket_t *, struct sockaddr *)) {
    struct sockaddr_storage address;
    char host[NI_MAXHOST];
    if (end->len > 0)
        return end;
    socklen_t len = get(sock, (struct sockaddr *)&address);
    size_t n =
        len > 0 ? h2o_socket_getnumerichost((struct sockaddr *)&address, len, host) : SIZE_MAX;
    if (n == SIZE_MAX || n + sizeof(":65535") > sizeof(end->text))
        return end;
    end->address_len = n;
    end->len = (size_t)sprintf(end->text, "%.*s:%u", (int)n, host,
                               (unsigned)h2o_socket_getport((struct sockaddr *)&address));
    return end;
}

const hr_peer *hr_conn_peer(hr_conn *conn) {
    return name_end(&conn->peer, conn->sock, h2o_socket_getpeername);
}

const hr_peer *hr_conn_local(hr_conn *conn) {
    return name_end(&conn->local, conn->sock, h2o_socket_getsockname);
}

/* ---- reading ---- */

static void on_early(h2o_socket_t *sock, const char *err) {
    (void)err;
    h2o_socket_read_stop(sock);
}

/* libh2o reads for as long as there is anything, into a buffer that it doubles, and copies, again
 * and again; and only then looks at the head. A head is therefore read by us, once; then the buffer
 * has room for the whole body (strict.c), which libh2o reads into its place. */
static void read_heads(hr_conn *conn, bool ours) {
    conn->reads_heads = ours && conn->ssl_ctx == NULL;
    h2o_socket_dont_read(conn->sock, conn->reads_heads);
}

void hr_conn_watch(hr_conn *conn) {
    h2o_socket_dont_read(conn->sock, 1);
    h2o_socket_read_start(conn->sock, on_early);
}

void hr_conn_unwatch(hr_conn *conn) {
    h2o_socket_read_stop(conn->sock);
    read_heads(conn, true);
}

void hr_conn_read_body(hr_conn *conn) {
    read_heads(conn, false);
}

size_t hr_conn_read_head(hr_conn *conn) {
    if (!conn->reads_heads)
        return 0;
    h2o_buffer_t **input = &conn->sock->input;
    h2o_iovec_t room = h2o_buffer_reserve(input, MIN_HEAD_READ);
    ssize_t n = -1;
    errno = 0;
    if (room.base != NULL)
        n = recv(h2o_socket_get_fd(conn->sock), room.base, room.len, 0);
    if (n > 0) {
        (*input)->size += (size_t)n;
        return (size_t)n;
    }
    /* The end, or an error, is still there when libh2o reads. */
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
        read_heads(conn, false);
    return 0;
}

bool hr_conn_reserve_head(hr_conn *conn) {
    size_t capacity = conn->sock->input->capacity;
    if (capacity <= HR_FIRST_READ || capacity <= conn->reserved)
        return true;
    if (!hr_budget_take(hr_server_uploads(conn->loop->server), capacity - conn->reserved))
        return false;
    conn->reserved = capacity;
    return true;
}

/* ---- lingering ---- */

static void linger_end(struct hr_linger *linger) {
    *linger->link = linger->next;
    if (linger->next != NULL)
        linger->next->link = linger->link;
    --linger->loop->n_lingering;
    h2o_socket_close(linger->sock);
    free(linger);
}

static void linger_on_read(h2o_socket_t *sock, const char *err) {
    struct hr_linger *linger = sock->data;
    char discard[16 << 10];
    ssize_t n = -1;
    if (err == NULL)
        n = recv(h2o_socket_get_fd(sock), discard, sizeof(discard), 0);
    if (n > 0 && (size_t)n < linger->left) {
        linger->left -= (size_t)n;
        return;
    }
    if (n < 0 && err == NULL && (errno == EAGAIN || errno == EINTR))
        return;
    linger_end(linger);
}

static void linger_begin(hr_loop *loop, int fd) {
    struct hr_linger *linger = h2o_mem_alloc(sizeof(*linger));
    *linger = (struct hr_linger){
        .loop = loop, .until_ns = hr_now_ns() + LINGER_NS, .left = MAX_LINGER_BYTES};
    shutdown(fd, SHUT_WR);
    linger->sock = h2o_evloop_socket_create(loop->ctx.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
    linger->sock->data = linger;
    linger->next = loop->lingering;
    linger->link = &loop->lingering;
    if (linger->next != NULL)
        linger->next->link = &linger->next;
    loop->lingering = linger;
    ++loop->n_lingering;
    h2o_socket_read_start(linger->sock, linger_on_read);
}

void hr_conn_linger(hr_conn *conn) {
    if (conn->linger_fd >= 0 || conn->loop->n_lingering >= MAX_LINGERING)
        return;
    conn->linger_fd = dup(h2o_socket_get_fd(conn->sock));
}

/* ---- accepting ---- */

static size_t connection_limit(const hr_loop *loop) {
    size_t loops = hr_server_loops(loop->server);
    return ((size_t)hr_server_options_of(loop->server)->max_connections + loops - 1) / loops;
}

static void on_accept(h2o_socket_t *listener, const char *err);

/* A queue that cannot be emptied would wake the loop for ever. */
static void note_accept_error(hr_loop *loop) {
    if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
        return;
    if (!loop->out_of_files)
        hr_log(HR_LOG_WARN, "connections have to wait: %s", strerror(errno));
    loop->out_of_files = true;
}

/* Beyond the limit clients wait in the kernel's queue until a connection ends. */
static void update_accepting(hr_loop *loop) {
    bool want =
        !loop->draining && !loop->out_of_files && loop->connections < connection_limit(loop);
    if (want == loop->accepting)
        return;
    loop->accepting = want;
    for (hr_listening *l = loop->listening; l != NULL; l = l->next) {
        if (want)
            h2o_socket_read_start(l->sock, on_accept);
        else
            h2o_socket_read_stop(l->sock);
    }
}

static void on_conn_close(void *data) {
    hr_conn *conn = data;
    hr_loop *loop = conn->loop;
    *conn->link = conn->next;
    if (conn->next != NULL)
        conn->next->link = conn->link;
    if (conn->linger_fd >= 0)
        linger_begin(loop, conn->linger_fd);
    if (conn->held != NULL)
        h2o_buffer_dispose(&conn->held);
    hr_budget_give(hr_server_uploads(loop->server), conn->reserved);
    SSL_CTX_free(conn->ssl_ctx);
    free(conn);
    --loop->connections;
    loop->out_of_files = false;
    hr_metric_add(loop->cells,
                  hr_metrics_of_server(hr_server_metrics_of(loop->server))->connections, -1);
    update_accepting(loop);
}

/* The kernel's buffers count against the pod's memory. Beyond an eighth of all connections, new
 * ones have smaller ones than hr_listen gives, which is slower for clients that are far away. (The
 * kernel doubles what is asked for.) */
#define CROWDED_SEND_BUFFER (32 << 10)
#define CROWDED_RECEIVE_BUFFER (64 << 10)

static void limit_buffers(const hr_loop *loop, int fd) {
    static const int send = CROWDED_SEND_BUFFER, receive = CROWDED_RECEIVE_BUFFER;
    if (loop->connections <= connection_limit(loop) / 8)
        return;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send, sizeof(send));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive));
}

static void begin_conn(hr_listening *listening, h2o_socket_t *sock) {
    hr_loop *loop = listening->loop;
    hr_conn *conn = h2o_mem_alloc(sizeof(*conn));
    const hr_server_metrics *m = hr_metrics_of_server(hr_server_metrics_of(loop->server));
    *conn = (hr_conn){.loop = loop, .sock = sock, .since_ns = hr_now_ns(), .linger_fd = -1};
    conn->next = loop->conns;
    conn->link = &loop->conns;
    if (conn->next != NULL)
        conn->next->link = &conn->next;
    loop->conns = conn;
    ++loop->connections;
    limit_buffers(loop, h2o_socket_get_fd(sock));
    hr_metric_add(loop->cells, m->connections_total, 1);
    hr_metric_add(loop->cells, m->connections, 1);
    sock->on_close.cb = on_conn_close;
    sock->on_close.data = conn;
    if (listening->listener->tls != NULL)
        conn->ssl_ctx = hr_tls_take(listening->listener->tls);
    listening->accept.ssl_ctx = conn->ssl_ctx;
    read_heads(conn, true);
    h2o_accept(&listening->accept, sock);
}

static void on_accept(h2o_socket_t *listener, const char *err) {
    hr_listening *listening = listener->data;
    hr_loop *loop = listening->loop;
    if (err != NULL)
        return;
    for (int i = 0; i < ACCEPT_BURST && loop->connections < connection_limit(loop); ++i) {
        h2o_socket_t *sock = h2o_evloop_socket_accept(listener);
        if (sock == NULL) {
            note_accept_error(loop);
            break;
        }
        begin_conn(listening, sock);
    }
    update_accepting(loop);
}

void hr_conn_listen(hr_loop *loop, const hr_listener *listener, int fd, h2o_hostconf_t **hosts) {
    hr_listening *listening = h2o_mem_alloc(sizeof(*listening));
    *listening = (hr_listening){.loop = loop, .listener = listener, .next = loop->listening};
    listening->accept.ctx = &loop->ctx;
    listening->accept.hosts = hosts;
    listening->sock = h2o_evloop_socket_create(loop->ctx.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
    listening->sock->data = listening;
    loop->listening = listening;
    loop->accepting = true;
    h2o_socket_read_start(listening->sock, on_accept);
}

/* Who has connected by now waits in the kernel's queue, which closing would throw away. */
static void accept_last(hr_listening *listening) {
    size_t before;
    do {
        before = listening->loop->connections;
        on_accept(listening->sock, NULL);
    } while (listening->loop->connections > before);
}

void hr_conn_stop_listening(hr_loop *loop) {
    for (hr_listening *l = loop->listening; l != NULL; l = l->next)
        accept_last(l);
    loop->accepting = false;
    while (loop->listening != NULL) {
        hr_listening *listening = loop->listening;
        loop->listening = listening->next;
        h2o_socket_close(listening->sock);
        listening->next = loop->closed_listening;
        loop->closed_listening = listening;
    }
}

void hr_conn_free_listening(hr_loop *loop) {
    while (loop->closed_listening != NULL) {
        hr_listening *listening = loop->closed_listening;
        loop->closed_listening = listening->next;
        free(listening);
    }
}

/* ---- closing ---- */

/* libh2o reads the end of the stream at its next turn and closes properly. */
static void cut_off(hr_conn *conn) {
    if (conn->on_cut != NULL)
        conn->on_cut(conn);
    else
        shutdown(h2o_socket_get_fd(conn->sock), SHUT_RDWR);
}

void hr_conn_drop(hr_conn *conn) {
    conn->on_read(conn->sock, h2o_socket_error_closed);
}

static bool answer_is_stalled(const hr_conn *conn, uint64_t now) {
    const hr_exchange *ex = conn->ex;
    if (ex->answer_ns == 0 || ex->req->res.content_length == SIZE_MAX)
        return false;
    uint64_t allowed_ms = (uint64_t)hr_server_options_of(conn->loop->server)->stall_timeout_ms +
                          ex->req->res.content_length * 1000 / MIN_BYTES_PER_SECOND;
    return now - ex->answer_ns > allowed_ms * 1000000;
}

static uint64_t at_most(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* A client learns from "Connection: close" in an answer that it must connect elsewhere. If an idle
 * connection is closed instead, the request that the client has just sent on it is lost (RFC 9112,
 * 9.5). Hence the grace: Envoy drains its listeners in the same way. */
static bool drain_grace_is_over(const hr_loop *loop, uint64_t idle_ns, uint64_t now) {
    uint64_t half_ns = (uint64_t)hr_server_options_of(loop->server)->drain_ms * 1000000 / 2;
    return now - loop->drain_ns > at_most(half_ns, DRAIN_GRACE_NS) &&
           idle_ns > at_most(half_ns, DRAIN_QUIET_NS);
}

static void sweep_conn(hr_conn *conn, uint64_t now) {
    hr_loop *loop = conn->loop;
    uint64_t idle_ns = now - conn->since_ns;
    if (conn->ex != NULL) {
        if (answer_is_stalled(conn, now))
            cut_off(conn);
        else if (loop->draining && !conn->ex->answered)
            /* Only while the head can still announce it. */
            conn->ex->req->http1_is_persistent = 0;
        return;
    }
    uint64_t allowed_ms = (uint64_t)hr_server_options_of(loop->server)->idle_timeout_ms;
    if (idle_ns > allowed_ms * 1000000) {
        cut_off(conn);
    } else if (loop->draining && conn->sock->input->size == 0 &&
               drain_grace_is_over(loop, idle_ns, now)) {
        /* What the client sends in this very moment is still read and answered. */
        shutdown(h2o_socket_get_fd(conn->sock), SHUT_RD);
    }
}

void hr_conn_sweep(hr_loop *loop) {
    uint64_t now = hr_now_ns();
    for (hr_conn *conn = loop->conns, *next; conn != NULL; conn = next) {
        next = conn->next;
        sweep_conn(conn, now);
    }
    if (loop->out_of_files) {
        loop->out_of_files = false;
        update_accepting(loop);
    }
    for (struct hr_linger *linger = loop->lingering, *next; linger != NULL; linger = next) {
        next = linger->next;
        if (now > linger->until_ns || loop->draining)
            linger_end(linger);
    }
}

void hr_conn_cut_all(hr_loop *loop) {
    for (hr_conn *conn = loop->conns, *next; conn != NULL; conn = next) {
        next = conn->next;
        cut_off(conn);
    }
    while (loop->lingering != NULL)
        linger_end(loop->lingering);
}
