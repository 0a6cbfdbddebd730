/* Bytes both ways after a connection's protocol was switched. */
#include "tunnel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conn.h"
#include "conn_life.h"

#define BLOCK ((size_t)32 << 10)

struct sv_tunnel {
    sv_exchange *ex;
    sv_conn *conn;
    sv_up_exchange *up;
    sv_timers *timers;
    sv_timer idle_timer;
    uint64_t idle_ms, last_at;
    char *block; /* the client's bytes on their way up */
    bool head_written, client_ended, upstream_ended;
    /* What came with the upstream's head, until ours is written. */
    const char *bytes;
    size_t n;
    bool final;
};

/* ---- ends ---- */

static void tunnel_end(sv_tunnel *t, const char *flag, const char *details) {
    sv_exchange *ex = t->ex;
    if (flag != NULL && ex->response_flags == NULL)
        ex->response_flags = flag;
    if (details != NULL)
        ex->details = details;
    sv_conn_drop(t->conn);
}

static void on_cut(sv_conn *conn) {
    tunnel_end(conn->tunnel, "DC", "tunnel_cut_off");
}

static void on_idle(sv_timer *timer) {
    sv_tunnel *t = SV_CONTAINER(sv_tunnel, idle_timer, timer);
    uint64_t at = t->last_at + t->idle_ms;
    if (sv_timers_now() >= at)
        tunnel_end(t, "SI", "stream_idle_timeout");
    else
        sv_timer_set(t->timers, timer, at, on_idle);
}

void sv_tunnel_dispose(sv_tunnel *t) {
    if (t == NULL)
        return;
    sv_timer_unset(t->timers, &t->idle_timer);
    t->conn->on_cut = NULL;
    free(t->block);
    t->block = NULL;
}

/* ---- from the client ---- */

/* The client's half has ended. */
static void client_ended(sv_tunnel *t) {
    sv_sock_reading(t->conn->sock, false);
    t->client_ended = true;
    if (t->upstream_ended)
        tunnel_end(t, NULL, NULL);
    else
        sv_up_tunnel_finish(t->up);
}

static void after_sending(sv_tunnel *t, bool ok) {
    if (!ok) {
        tunnel_end(t, "UC", "upstream_remote_disconnect");
        return;
    }
    t->last_at = sv_timers_now();
    sv_sock_reading(t->conn->sock, true);
}

static void on_sent_up(void *tunnel, int ok) {
    after_sending(tunnel, ok);
}

static void send_up(sv_tunnel *t, const char *bytes, size_t n) {
    t->last_at = sv_timers_now();
    t->ex->tunnelled += n;
    int result = sv_up_tunnel_send(t->up, bytes, n, on_sent_up, t);
    if (result == 0)
        sv_sock_reading(t->conn->sock, false);
    else
        after_sending(t, result > 0);
}

static void on_client_readable(sv_conn *conn) {
    sv_tunnel *t = conn->tunnel;
    ssize_t n = sv_sock_read(conn->sock, t->block, BLOCK);
    if (n > 0)
        send_up(t, t->block, (size_t)n);
    else if (n == 0)
        client_ended(t);
    else if (errno != EAGAIN)
        tunnel_end(t, "DC", "downstream_remote_disconnect");
}

/* ---- to the client ---- */

static void upstream_ended(sv_tunnel *t) {
    t->upstream_ended = true;
    if (t->client_ended || t->ex->secure)
        tunnel_end(t, NULL, NULL);
    else
        sv_sock_finish(t->conn->sock);
}

static void send_down(sv_tunnel *t);

static void after_writing(sv_tunnel *t, bool ok) {
    if (!ok)
        tunnel_end(t, "DC", "downstream_remote_disconnect");
    else
        send_down(t);
}

static void send_down(sv_tunnel *t) {
    t->last_at = sv_timers_now();
    if (t->n > 0) {
        struct iovec piece = {(void *)(uintptr_t)t->bytes, t->n};
        t->ex->bytes_sent += t->n;
        t->n = 0;
        int result = sv_sock_write(t->conn->sock, &piece, 1, NULL);
        if (result != 0)
            after_writing(t, result > 0);
    } else if (t->final) {
        upstream_ended(t);
    } else {
        sv_up_continue(t->up);
    }
}

/* The client may not have waited for the 101. */
static void begin_reading(sv_tunnel *t) {
    const sv_conn *conn = t->conn;
    size_t early = conn->in_len - conn->head_len;
    t->head_written = true;
    sv_sock_reading(conn->sock, true);
    if (early > 0)
        send_up(t, conn->in + conn->head_len, early);
}

static void on_client_written(sv_conn *conn, bool ok) {
    sv_tunnel *t = conn->tunnel;
    if (ok && !t->head_written)
        begin_reading(t);
    after_writing(t, ok);
}

void sv_tunnel_data(sv_tunnel *t, const char *bytes, size_t n, int final) {
    t->bytes = bytes;
    t->n = n;
    t->final = final;
    if (t->head_written && !t->ex->over)
        send_down(t);
}

void sv_tunnel_error(sv_tunnel *t) {
    tunnel_end(t, "UC", "upstream_remote_disconnect");
}

/* ---- the beginning ---- */

static struct iovec tunnel_head_of(sv_exchange *ex, hr_str protocol) {
    const sv_answer_head *head = &ex->answer;
    const hr_pair own[] = {{HR_STR("connection"), HR_STR("upgrade")},
                           {HR_STR("upgrade"), protocol}};
    hr_str reason = HR_STR("Switching Protocols");
    size_t size = SV_HTTP1_LINE_SIZE + reason.len + sv_http1_fields_size(own, 2) +
                  sv_http1_fields_size(head->fields, head->n_fields);
    char *text = sv_pool_alloc(ex->pool, size);
    sv_http1_writer w = {.at = text, .end = text + size};
    sv_http1_write_status_line(&w, 1, 101, reason);
    sv_http1_write_fields(&w, own, 2);
    sv_http1_write_fields(&w, head->fields, head->n_fields);
    sv_http1_write_end(&w);
    return (struct iovec){text, (size_t)(w.at - text)};
}

sv_tunnel *sv_tunnel_begin(sv_exchange *ex, sv_up_exchange *up, sv_timers *timers, uint64_t idle_ms,
                           hr_str protocol) {
    sv_conn *conn = ex->conn;
    sv_tunnel *t = sv_pool_alloc(ex->pool, sizeof(*t));
    *t = (sv_tunnel){.ex = ex,
                     .conn = conn,
                     .up = up,
                     .timers = timers,
                     .idle_ms = idle_ms,
                     .last_at = sv_timers_now()};
    t->block = sv_alloc(BLOCK);
    conn->stage = SV_STAGE_TUNNEL;
    conn->tunnel = t;
    conn->on_cut = on_cut;
    conn->on_readable = on_client_readable;
    conn->on_written = on_client_written;
    sv_sock_reading(conn->sock, false);
    ex->keep_alive = false;
    ex->answer.status = 101;
    ex->answer.content_length = SV_UNKNOWN_LENGTH;
    ex->answer_ns = 0; /* it has no length to be late with */
    sv_timer_set(timers, &t->idle_timer, sv_timers_now() + idle_ms, on_idle);
    struct iovec head = tunnel_head_of(ex, protocol);
    int result = sv_sock_write(conn->sock, &head, 1, NULL);
    if (result > 0)
        begin_reading(t);
    else if (result < 0)
        tunnel_end(t, "DC", "downstream_remote_disconnect");
    return t;
}
