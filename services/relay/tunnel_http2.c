/* The client's side of a tunnel that is a stream of HTTP/2: what the client sends comes as the
 * content of a request that is streamed, and what it gets goes as that of an answer (RFC 8441). */
#include "tunnel_http2.h"

#include "answer.h"
#include "body_in.h"

/* Sends on what has come. Each piece stays until it is sent. */
static void tunnel2_pump(sv_tunnel *t) {
    sv_exchange *ex = t->ex;
    if (t->sending || t->client_ended || ex->over)
        return;
    hr_str piece = sv_body_next(ex);
    if (piece.len > 0)
        sv_tunnel_send_up(t, piece.p, piece.len);
    else if (ex->body_done)
        sv_tunnel_client_ended(t);
}

static void tunnel2_on_body(sv_exchange *ex) {
    tunnel2_pump(ex->tunnel);
}

/* Of the head, then of each piece. */
static void tunnel2_on_sent(sv_exchange *ex) {
    sv_tunnel *t = ex->tunnel;
    bool opens = !t->open;
    if (opens)
        sv_tunnel_opened(t);
    sv_tunnel_written(t, true);
    if (!opens || ex->over)
        return;
    ex->on_body = tunnel2_on_body;
    sv_body_stream(ex, 0);
    tunnel2_pump(t);
}

static void tunnel2_begin(sv_tunnel *t, hr_str protocol) {
    sv_exchange *ex = t->ex;
    (void)protocol; /* which the client has named, and 200 accepts */
    ex->tunnel = t;
    sv_answer_start(ex, 200, SV_UNKNOWN_LENGTH, tunnel2_on_sent);
    sv_answer_write(ex, NULL, 0, false);
}

static void tunnel2_dispose(sv_tunnel *t) {
    t->ex->tunnel = NULL;
    t->ex->on_body = NULL;
}

/* Taking may bring more at once, of which on_body then hears. */
static void tunnel2_read_on(sv_tunnel *t) {
    sv_body_taken(t->ex);
    tunnel2_pump(t);
}

/* The window of the stream stays closed until what has come is taken. */
static void tunnel2_pause(sv_tunnel *t) {
    (void)t;
}

static int tunnel2_write(sv_tunnel *t, const char *bytes, size_t n) {
    const hr_str part = {bytes, n};
    sv_answer_write(t->ex, &part, 1, false);
    return 0;
}

/* END_STREAM: nothing of the client is passed on behind it. */
static bool tunnel2_finish(sv_tunnel *t) {
    sv_answer_write(t->ex, NULL, 0, true);
    return true;
}

static void tunnel2_drop(sv_tunnel *t) {
    if (t->upstream_ended && t->ex->response_flags == NULL)
        tunnel2_finish(t);
    else
        sv_answer_abort(t->ex);
}

const sv_tunnel_client sv_tunnel_http2 = {tunnel2_begin, tunnel2_dispose, tunnel2_read_on,
                                          tunnel2_pause, tunnel2_write,   tunnel2_finish,
                                          tunnel2_drop};
