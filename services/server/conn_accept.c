/* Connections are accepted, and the events of their sockets go to the protocol that they speak. */
#include "conn_accept.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn_http1.h"
#include "conn_http2.h"
#include "conn_life.h"
#include "exchange_internal.h"
#include "tls_server.h"

/* Accepted in one go before other sockets get their turn. */
#define ACCEPT_BURST 16

/* A queue that cannot be emptied would wake the loop for ever. */
static void note_accept_error(sv_server_loop *loop) {
    if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
        return;
    if (!loop->out_of_files)
        sv_log(SV_LOG_WARN, "connections have to wait: %s", strerror(errno));
    loop->out_of_files = true;
}

static void on_handshaken(void *ctx) {
    sv_conn *conn = ctx;
    conn->stage = SV_STAGE_HEAD;
    if (conn->listener->tls != NULL)
        sv_tls_note_handshake(conn->listener->tls);
    else if (conn->listener->on_handshake != NULL)
        conn->listener->on_handshake(conn->loop, conn->listener);
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

/* *ssl is NULL where no TLS is spoken. False: memory is short, or the service takes no connection.
 */
static bool accept_tls(const sv_listening *listening, SSL **ssl) {
    const sv_listener *listener = listening->listener;
    *ssl = NULL;
    if (listener->accept != NULL)
        return listener->accept(listening->loop, listener, ssl);
    if (listener->tls != NULL)
        *ssl = sv_tls_accept(listener->tls);
    return listener->tls == NULL || *ssl != NULL;
}

static void begin_conn(sv_listening *listening, int fd) {
    sv_server_loop *loop = listening->loop;
    sv_conn *conn = sv_alloc_zeroed(sizeof(*conn));
    SSL *ssl = NULL;
    bool accepted = accept_tls(listening, &ssl);
    *conn = (sv_conn){.loop = loop, .listener = listening->listener, .since_ns = sv_now_ns()};
    conn->stage = SV_STAGE_HEAD;
    if (ssl != NULL)
        conn->stage = SV_STAGE_HANDSHAKE;
    if (!accepted)
        close(fd);
    else
        conn->sock = sv_accepted(loop->net, fd, ssl, &conn_events, conn);
    if (conn->sock == NULL) {
        free(conn);
        return;
    }
    sv_conn_link(conn);
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
    bool first = loop->listening == NULL;
    loop->listening = listening;
    loop->accepting |= first;
    sv_watch_set(listening->watch, loop->accepting ? SV_READ : 0);
    sv_conn_update_accepting(loop);
    return true;
}

/* Who has connected by now waits in the kernel's queue, which closing would reset. When a server
 * drains, these connections are served; where a reload has removed the listener, the service
 * (`accept`) has the new configuration by then and closes them. */
static void accept_last(sv_listening *listening) {
    size_t before;
    do {
        before = listening->loop->connections;
        on_accept(listening, SV_READ);
    } while (listening->loop->connections > before);
}

void sv_conn_stop_listener(sv_server_loop *loop, const sv_listener *listener) {
    for (sv_listening **at = &loop->listening, *l; (l = *at) != NULL;) {
        if (l->listener != listener) {
            at = &l->next;
            continue;
        }
        accept_last(l);
        *at = l->next;
        sv_watch_close(l->watch);
        free(l);
    }
    for (sv_conn *conn = loop->conns; conn != NULL; conn = conn->next)
        if (conn->listener == listener)
            sv_conn_leave(conn, sv_now_ns());
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
