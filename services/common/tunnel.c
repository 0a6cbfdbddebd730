#include "tunnel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conn.h"

#define BLOCK ((size_t)32 << 10)

struct hr_tunnel {
    hr_exchange *ex;
    hr_up_exchange *up;
    h2o_socket_t *sock; /* the client's */
    hr_timers *timers;
    hr_timer idle_timer;
    uint64_t idle_ms, last_at;
    char *block;    /* the client's bytes where it speaks no TLS; else libh2o holds them */
    size_t consume; /* of libh2o's buffer, once they are sent */
    bool head_written, sending_up, client_ended, upstream_ended;
    /* What came with the upstream's head, until ours is written. */
    const char *bytes;
    size_t n;
    bool final;
};

static void on_client_readable(h2o_socket_t *sock, const char *err);

/* ---- ends ---- */

static void end(hr_tunnel *t, const char *flag, const char *details) {
    hr_exchange *ex = t->ex;
    hr_conn *conn = hr_conn_of(ex->req);
    if (flag != NULL && ex->response_flags == NULL)
        ex->response_flags = flag;
    if (details != NULL)
        ex->details = details;
    conn->on_cut = NULL;
    hr_conn_drop(conn);
}

static void on_cut(hr_conn *conn) {
    end(conn->cut_data, "DC", "tunnel_cut_off");
}

static void on_idle(hr_timer *timer) {
    hr_tunnel *t = H2O_STRUCT_FROM_MEMBER(hr_tunnel, idle_timer, timer);
    uint64_t at = t->last_at + t->idle_ms;
    if (hr_timers_now() >= at)
        end(t, "SI", "stream_idle_timeout");
    else
        hr_timer_set(t->timers, timer, at, on_idle);
}

void hr_tunnel_dispose(hr_tunnel *t) {
    if (t == NULL)
        return;
    hr_timer_unset(t->timers, &t->idle_timer);
    hr_conn_of(t->ex->req)->on_cut = NULL;
    free(t->block);
    t->block = NULL;
}

/* ---- from the client ---- */

/* The client's half has ended. */
static void client_ended(hr_tunnel *t) {
    h2o_socket_read_stop(t->sock);
    t->client_ended = true;
    if (t->upstream_ended)
        end(t, NULL, NULL);
    else
        hr_up_tunnel_finish(t->up);
}

static void on_sent_up(void *tunnel, int ok);

static void send_up(hr_tunnel *t, const char *bytes, size_t n, size_t consume) {
    t->last_at = hr_timers_now();
    t->ex->tunnelled += n;
    t->consume = consume;
    t->sending_up = true;
    h2o_socket_read_stop(t->sock);
    hr_up_tunnel_send(t->up, bytes, n, on_sent_up, t);
}

static void take_client(hr_tunnel *t, const char *err) {
    h2o_socket_t *sock = t->sock;
    if (t->block == NULL) { /* libh2o has decrypted */
        if (sock->input->size > 0)
            send_up(t, sock->input->bytes, sock->input->size, sock->input->size);
        else if (err != NULL)
            client_ended(t);
        return;
    }
    ssize_t n = recv(h2o_socket_get_fd(sock), t->block, BLOCK, MSG_DONTWAIT);
    if (n > 0)
        send_up(t, t->block, (size_t)n, 0);
    else if (n == 0)
        client_ended(t);
    else if (errno != EAGAIN && errno != EINTR)
        end(t, "DC", "downstream_remote_disconnect");
}

static void on_client_readable(h2o_socket_t *sock, const char *err) {
    hr_conn *conn = sock->on_close.data;
    take_client(conn->cut_data, err);
}

static void on_sent_up(void *tunnel, int ok) {
    hr_tunnel *t = tunnel;
    if (!ok) {
        end(t, "UC", "upstream_remote_disconnect");
        return;
    }
    t->sending_up = false;
    t->last_at = hr_timers_now();
    h2o_buffer_consume(&t->sock->input, t->consume);
    t->consume = 0;
    h2o_socket_read_start(t->sock, on_client_readable);
}

/* ---- to the client ---- */

static void upstream_ended(hr_tunnel *t) {
    t->upstream_ended = true;
    if (t->client_ended || t->block == NULL)
        end(t, NULL, NULL);
    else
        shutdown(h2o_socket_get_fd(t->sock), SHUT_WR);
}

static void on_client_written(h2o_socket_t *sock, const char *err);

static void send_down(hr_tunnel *t) {
    t->last_at = hr_timers_now();
    if (t->n > 0) {
        h2o_iovec_t piece = h2o_iovec_init(t->bytes, t->n);
        t->ex->req->bytes_sent += t->n;
        t->n = 0;
        h2o_socket_write(t->sock, &piece, 1, on_client_written);
    } else if (t->final) {
        upstream_ended(t);
    } else {
        hr_up_continue(t->up);
    }
}

static void begin_reading(hr_tunnel *t) {
    const hr_conn *conn = hr_conn_of(t->ex->req);
    size_t early = conn->held->size - t->ex->head_len;
    t->head_written = true;
    if (early > 0) /* the client did not wait for the 101 */
        send_up(t, conn->held->bytes + t->ex->head_len, early, 0);
    else
        h2o_socket_read_start(t->sock, on_client_readable);
}

static void on_client_written(h2o_socket_t *sock, const char *err) {
    hr_conn *conn = sock->on_close.data;
    hr_tunnel *t = conn->cut_data;
    if (err != NULL) {
        end(t, "DC", "downstream_remote_disconnect");
        return;
    }
    if (!t->head_written)
        begin_reading(t);
    send_down(t);
}

void hr_tunnel_data(hr_tunnel *t, const char *bytes, size_t n, int final) {
    t->bytes = bytes;
    t->n = n;
    t->final = final;
    if (t->head_written)
        send_down(t);
}

void hr_tunnel_error(hr_tunnel *t) {
    end(t, "UC", "upstream_remote_disconnect");
}

/* ---- the beginning ---- */

static h2o_iovec_t head_of(hr_exchange *ex, h2o_iovec_t protocol) {
    static const char first[] =
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ";
    const h2o_headers_t *headers = &ex->req->res.headers;
    size_t size = sizeof(first) + protocol.len + 4;
    for (size_t i = 0; i < headers->size; i++)
        size += headers->entries[i].name->len + headers->entries[i].value.len + 4;
    char *text = h2o_mem_alloc_pool(&ex->req->pool, size), *at = text;
#define PUT(bytes, len) (memcpy(at, bytes, len), at += (len))
    PUT(first, sizeof(first) - 1);
    PUT(protocol.base, protocol.len);
    PUT("\r\n", 2);
    for (size_t i = 0; i < headers->size; i++) {
        const h2o_header_t *h = &headers->entries[i];
        PUT(h->name->base, h->name->len);
        PUT(": ", 2);
        PUT(h->value.base, h->value.len);
        PUT("\r\n", 2);
    }
    PUT("\r\n", 2);
#undef PUT
    return h2o_iovec_init(text, (size_t)(at - text));
}

hr_tunnel *hr_tunnel_begin(hr_exchange *ex, hr_up_exchange *up, hr_timers *timers, uint64_t idle_ms,
                           h2o_iovec_t protocol) {
    hr_conn *conn = hr_conn_of(ex->req);
    hr_tunnel *t = h2o_mem_alloc_pool(&ex->req->pool, sizeof(*t));
    *t = (hr_tunnel){.ex = ex,
                     .up = up,
                     .sock = conn->sock,
                     .timers = timers,
                     .idle_ms = idle_ms,
                     .last_at = hr_timers_now()};
    conn->cut_data = t;
    conn->on_cut = on_cut;
    /* The request's head stays where it is until it is logged; what comes now has a buffer of its
     * own. */
    hr_conn_unwatch(conn);
    conn->held = conn->sock->input;
    h2o_buffer_init(&conn->sock->input, &h2o_socket_buffer_prototype);
    if (conn->ssl_ctx == NULL) {
        /* libh2o would read until a read is short, tens of megabytes from a fast client. */
        t->block = h2o_mem_alloc(BLOCK);
        h2o_socket_dont_read(conn->sock, 1);
    }
    ex->req->res.status = 101;
    ex->req->res.content_length = SIZE_MAX;
    ex->answer_ns = 0; /* it has no length to be late with */
    h2o_iovec_t head = head_of(ex, protocol);
    h2o_socket_write(conn->sock, &head, 1, on_client_written);
    hr_timer_set(timers, &t->idle_timer, hr_timers_now() + idle_ms, on_idle);
    return t;
}
