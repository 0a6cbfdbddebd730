/* Stream sockets over a watch: connecting, TLS, reading with pauses, gathered writes, half-close.
 */
#include "net.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "tls.h"

struct sv_sock {
    sv_loop *loop;
    sv_watch *watch;
    int fd; /* the watch's */
    const sv_sock_events *events;
    void *ctx;
    SSL *ssl;       /* NULL: no TLS */
    sv_timer again; /* OpenSSL may hold bytes of which the loop does not know */
    bool connecting, handshaking, reading, handshake_writes;
    struct iovec unsent[SV_MAX_PIECES];
    size_t n_unsent;
};

int sv_sock_fd(const sv_sock *sock) {
    return sock->fd;
}

SSL *sv_sock_ssl(const sv_sock *sock) {
    return sock->ssl;
}

bool sv_sock_is_writing(const sv_sock *sock) {
    return sock->n_unsent > 0;
}

static void update_watch(sv_sock *sock) {
    unsigned events = 0;
    if (sock->connecting)
        events = SV_WRITE;
    else if (sock->handshaking)
        events = sock->handshake_writes ? SV_WRITE : SV_READ;
    else
        events = (sock->reading ? SV_READ : 0) | (sock->n_unsent > 0 ? SV_WRITE : 0);
    sv_watch_set(sock->watch, events);
}

/* ---- connecting -------------------------------------------------------------------------- */

static void continue_handshake(sv_sock *sock) {
    char why[192];
    sv_tls_step step = sv_tls_handshake(sock->ssl, why, sizeof(why));
    if (step == SV_TLS_FAILED) {
        sv_watch_set(sock->watch, 0);
        sock->events->failed(sock->ctx, true, why);
        return;
    }
    sock->handshaking = step != SV_TLS_READY;
    sock->handshake_writes = step == SV_TLS_WANTS_WRITE;
    update_watch(sock);
    if (step == SV_TLS_READY)
        sock->events->connected(sock->ctx);
}

static void end_connecting(sv_sock *sock) {
    int error = 0;
    socklen_t len = sizeof(error);
    sock->connecting = false;
    if (getsockopt(sock->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    if (error != 0) {
        sock->events->failed(sock->ctx, false, strerror(error));
        return;
    }
    update_watch(sock);
    sock->events->connected(sock->ctx);
}

void sv_sock_encrypt(sv_sock *sock, SSL *ssl) {
    int on = 1;
    /* Head and body are records of their own: the second must not wait for the first's
     * acknowledgement. */
    setsockopt(sock->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    sock->ssl = ssl;
    sock->handshaking = true;
    sock->handshake_writes = true; /* the first step is taken at the next turn */
    SSL_set_fd(ssl, sock->fd);
    update_watch(sock);
}

/* ---- writing ----------------------------------------------------------------------------- */

static ssize_t socket_send_pieces(sv_sock *sock, const struct iovec *pieces, size_t n) {
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)pieces, .msg_iovlen = n};
    ssize_t sent;
    if (sock->ssl != NULL)
        return sv_tls_write(sock->ssl, pieces, n);
    do {
        sent = sendmsg(sock->fd, &message, MSG_NOSIGNAL);
    } while (sent == -1 && errno == EINTR);
    return sent;
}

/* Keeps what follows the first `done` bytes. */
static void keep_unsent(sv_sock *sock, const struct iovec *pieces, size_t n, size_t done) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        size_t skip = done < pieces[i].iov_len ? done : pieces[i].iov_len;
        done -= skip;
        if (skip < pieces[i].iov_len)
            sock->unsent[kept++] =
                (struct iovec){(char *)pieces[i].iov_base + skip, pieces[i].iov_len - skip};
    }
    sock->n_unsent = kept;
}

int sv_sock_write(sv_sock *sock, const struct iovec *pieces, size_t n, size_t *sent) {
    ssize_t done = socket_send_pieces(sock, pieces, n);
    if (done < 0 && errno != EAGAIN)
        return -1;
    if (done == 0 && sock->ssl != NULL && n > 0)
        done = 0; /* nothing fits */
    if (sent != NULL)
        *sent = done > 0 ? (size_t)done : 0;
    keep_unsent(sock, pieces, n, done > 0 ? (size_t)done : 0);
    if (sock->n_unsent == 0)
        return 1;
    update_watch(sock);
    return 0;
}

static void go_on_writing(sv_sock *sock) {
    ssize_t done = socket_send_pieces(sock, sock->unsent, sock->n_unsent);
    if (done < 0 && errno != EAGAIN) {
        sock->n_unsent = 0;
        sock->events->written(sock->ctx, false);
        return;
    }
    struct iovec pieces[SV_MAX_PIECES];
    memcpy(pieces, sock->unsent, sizeof(pieces));
    keep_unsent(sock, pieces, sock->n_unsent, done > 0 ? (size_t)done : 0);
    update_watch(sock);
    if (sock->n_unsent == 0)
        sock->events->written(sock->ctx, true);
}

void sv_sock_finish(sv_sock *sock) {
    if (sock->ssl != NULL)
        sv_tls_finish(sock->ssl);
    else
        shutdown(sock->fd, SHUT_WR);
}

/* ---- reading ----------------------------------------------------------------------------- */

static void on_again(sv_timer *timer) {
    sv_sock *sock = (sv_sock *)((char *)timer - offsetof(sv_sock, again));
    if (sock->reading && !sock->handshaking)
        sock->events->readable(sock->ctx);
}

void sv_sock_reading(sv_sock *sock, bool on) {
    if (sock->reading == on)
        return;
    sock->reading = on;
    if (on && sock->ssl != NULL && !sock->handshaking && SSL_has_pending(sock->ssl))
        sv_timer_set(sv_loop_timers(sock->loop), &sock->again, 0, on_again);
    update_watch(sock);
}

ssize_t sv_sock_read(sv_sock *sock, char *buf, size_t size) {
    ssize_t n;
    if (sock->ssl != NULL)
        return sv_tls_read(sock->ssl, buf, size);
    do {
        n = read(sock->fd, buf, size);
    } while (n == -1 && errno == EINTR);
    return n;
}

bool sv_sock_is_silent(sv_sock *sock) {
    char byte;
    if (sock->ssl != NULL)
        return sv_tls_is_silent(sock->ssl);
    ssize_t n = recv(sock->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

/* ---- life -------------------------------------------------------------------------------- */

static void on_sock_ready(void *ctx, unsigned ready) {
    sv_sock *sock = ctx;
    if (sock->connecting)
        end_connecting(sock);
    else if (sock->handshaking)
        continue_handshake(sock);
    else if (ready & SV_WRITE)
        go_on_writing(sock);
    else
        sock->events->readable(sock->ctx);
}

static sv_sock *sock_new(sv_loop *loop, int fd, const sv_sock_events *events, void *ctx) {
    sv_sock *sock = malloc(sizeof(*sock));
    if (sock == NULL) {
        close(fd);
        return NULL;
    }
    memset(sock, 0, offsetof(sv_sock, unsent));
    sock->n_unsent = 0;
    sock->loop = loop;
    sock->fd = fd;
    sock->events = events;
    sock->ctx = ctx;
    sock->watch = sv_watch_new(loop, fd, on_sock_ready, sock);
    if (sock->watch == NULL) {
        free(sock);
        return NULL;
    }
    return sock;
}

sv_sock *sv_accepted(sv_loop *loop, int fd, SSL *ssl, const sv_sock_events *events, void *ctx) {
    sv_sock *sock = sock_new(loop, fd, events, ctx);
    if (sock == NULL) {
        SSL_free(ssl);
        return NULL;
    }
    if (ssl != NULL) {
        sv_sock_encrypt(sock, ssl);
        sock->handshake_writes = false; /* the client begins */
        update_watch(sock);
    }
    return sock;
}

sv_sock *sv_connect(sv_loop *loop, const struct sockaddr *address, socklen_t len, int buffer,
                    const sv_sock_events *events, void *ctx) {
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return NULL;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    /* Before the first window is announced: the peer may fill that. */
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
    if (connect(fd, address, len) != 0 && errno != EINPROGRESS) {
        int error = errno;
        close(fd);
        errno = error;
        return NULL;
    }
    sv_sock *sock = sock_new(loop, fd, events, ctx);
    if (sock == NULL)
        return NULL;
    sock->connecting = true;
    update_watch(sock);
    return sock;
}

void sv_sock_close(sv_sock *sock) {
    if (sock == NULL)
        return;
    sv_timer_unset(sv_loop_timers(sock->loop), &sock->again);
    if (sock->ssl != NULL) {
        if (!sock->handshaking)
            sv_tls_finish(sock->ssl);
        SSL_free(sock->ssl);
    }
    sv_watch_close(sock->watch);
    free(sock);
}
