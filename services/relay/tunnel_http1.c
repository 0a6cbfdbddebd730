/* The client's side of a tunnel that is a connection of HTTP/1.1, its protocol switched by 101. */
#include "tunnel_http1.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "conn.h"
#include "conn_life.h"

#define BLOCK ((size_t)32 << 10)

static void tunnel_on_cut(sv_conn *conn) {
    sv_tunnel_end(conn->tunnel, "DC", "tunnel_cut_off");
}

static void client_sent(sv_tunnel *t, const char *bytes, size_t n) {
    t->ex->tunnelled += n;
    sv_tunnel_send_up(t, bytes, n);
}

static void tunnel_on_readable(sv_conn *conn) {
    sv_tunnel *t = conn->tunnel;
    ssize_t n = sv_sock_read(conn->sock, t->block, BLOCK);
    if (n > 0)
        client_sent(t, t->block, (size_t)n);
    else if (n == 0)
        sv_tunnel_client_ended(t);
    else if (errno != EAGAIN)
        sv_tunnel_end(t, "DC", "downstream_remote_disconnect");
}

/* The client may not have waited for the 101. */
static void begin_reading(sv_tunnel *t) {
    const sv_conn *conn = t->conn;
    size_t early = conn->in_len - conn->head_len;
    sv_tunnel_opened(t);
    sv_sock_reading(conn->sock, true);
    if (early > 0)
        client_sent(t, conn->in + conn->head_len, early);
}

static void tunnel_on_written(sv_conn *conn, bool ok) {
    sv_tunnel *t = conn->tunnel;
    if (ok && !t->open)
        begin_reading(t);
    sv_tunnel_written(t, ok);
}

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

static void tunnel1_begin(sv_tunnel *t, hr_str protocol) {
    sv_conn *conn = t->conn;
    t->block = sv_alloc(BLOCK);
    conn->stage = SV_STAGE_TUNNEL;
    conn->tunnel = t;
    conn->on_cut = tunnel_on_cut;
    conn->on_readable = tunnel_on_readable;
    conn->on_written = tunnel_on_written;
    sv_sock_reading(conn->sock, false);
    t->ex->keep_alive = false;
    t->ex->answer.status = 101;
    struct iovec head = tunnel_head_of(t->ex, protocol);
    int result = sv_sock_write(conn->sock, &head, 1, NULL);
    if (result > 0)
        begin_reading(t);
    else if (result < 0)
        sv_tunnel_end(t, "DC", "downstream_remote_disconnect");
}

static void tunnel1_dispose(sv_tunnel *t) {
    t->conn->on_cut = NULL;
    free(t->block);
    t->block = NULL;
}

static void tunnel1_read_on(sv_tunnel *t) {
    sv_sock_reading(t->conn->sock, true);
}

static void tunnel1_pause(sv_tunnel *t) {
    sv_sock_reading(t->conn->sock, false);
}

static int tunnel1_write(sv_tunnel *t, const char *bytes, size_t n) {
    struct iovec piece = {(void *)(uintptr_t)bytes, n};
    t->ex->bytes_sent += n;
    return sv_sock_write(t->conn->sock, &piece, 1, NULL);
}

static bool tunnel1_finish(sv_tunnel *t) {
    if (t->ex->secure)
        return false;
    sv_sock_finish(t->conn->sock);
    return true;
}

static void tunnel1_drop(sv_tunnel *t) {
    sv_conn_drop(t->conn);
}

const sv_tunnel_client sv_tunnel_http1 = {tunnel1_begin, tunnel1_dispose, tunnel1_read_on,
                                          tunnel1_pause, tunnel1_write,   tunnel1_finish,
                                          tunnel1_drop};
