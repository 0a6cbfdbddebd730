/* Closes connections that have been idle or stalled for too long. */
#include "conn_sweep.h"

#include "body_in.h"
#include "conn_http2.h"
#include "conn_http2_sweep.h"
#include "conn_life.h"

#define LINGER_NS (2 * 1000000000ull)

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

static uint64_t allowed_ms(const sv_conn *conn) {
    const sv_server_options *options = sv_server_options_of(conn->loop->server);
    if (conn->stage == SV_STAGE_HANDSHAKE)
        return (uint64_t)options->handshake_timeout_ms;
    if (conn->begun)
        return (uint64_t)options->request_timeout_ms + time_for_body(conn);
    return sv_conn_idle_ms(conn);
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
    } else if ((loop->draining || conn->leaving) && conn_is_idle(conn) &&
               sv_conn_drain_grace_is_over(conn, waited_ns, now)) {
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
