/* Bytes both ways between a client and an upstream exchange: what does not depend on how the client
 * is spoken to. */
#include "tunnel_internal.h"

#include <stdlib.h>

/* ---- ends ---- */

void sv_tunnel_end(sv_tunnel *t, const char *flag, const char *details) {
    sv_exchange *ex = t->ex;
    if (flag != NULL && ex->response_flags == NULL)
        ex->response_flags = flag;
    if (details != NULL)
        ex->details = details;
    t->client->drop(t);
}

static void on_idle(sv_timer *timer) {
    sv_tunnel *t = SV_CONTAINER(sv_tunnel, idle_timer, timer);
    uint64_t at = t->last_at + t->idle_ms;
    if (sv_timers_now() >= at)
        sv_tunnel_end(t, "SI", "stream_idle_timeout");
    else
        sv_timer_set(t->timers, timer, at, on_idle);
}

void sv_tunnel_watch(sv_tunnel *t) {
    t->last_at = sv_timers_now();
    sv_timer_set(t->timers, &t->idle_timer, t->last_at + t->idle_ms, on_idle);
}

void sv_tunnel_dispose(sv_tunnel *t) {
    if (t == NULL)
        return;
    sv_timer_unset(t->timers, &t->idle_timer);
    t->client->dispose(t);
}

/* ---- from the client ---- */

void sv_tunnel_client_ended(sv_tunnel *t) {
    t->client->pause(t);
    t->client_ended = true;
    if (t->upstream_ended)
        sv_tunnel_end(t, NULL, NULL);
    else
        sv_up_tunnel_finish(t->up);
}

static void after_sending(sv_tunnel *t, bool ok) {
    t->sending = false;
    if (!ok) {
        sv_tunnel_end(t, "UC", "upstream_remote_disconnect");
        return;
    }
    t->last_at = sv_timers_now();
    t->client->read_on(t);
}

static void on_sent_up(void *tunnel, int ok) {
    after_sending(tunnel, ok);
}

void sv_tunnel_send_up(sv_tunnel *t, const char *bytes, size_t n) {
    t->last_at = sv_timers_now();
    t->sending = true;
    int result = sv_up_tunnel_send(t->up, bytes, n, on_sent_up, t);
    if (result == 0)
        t->client->pause(t);
    else
        after_sending(t, result > 0);
}

/* ---- to the client ---- */

static void upstream_ended(sv_tunnel *t) {
    t->upstream_ended = true;
    if (t->client_ended || !t->client->finish(t))
        sv_tunnel_end(t, NULL, NULL);
}

static void send_down(sv_tunnel *t) {
    t->last_at = sv_timers_now();
    if (t->n > 0) {
        size_t n = t->n;
        t->n = 0;
        int result = t->client->write(t, t->bytes, n);
        if (result != 0)
            sv_tunnel_written(t, result > 0);
    } else if (t->final) {
        upstream_ended(t);
    } else {
        sv_up_continue(t->up);
    }
}

void sv_tunnel_written(sv_tunnel *t, bool ok) {
    if (!ok)
        sv_tunnel_end(t, "DC", "downstream_remote_disconnect");
    else
        send_down(t);
}

void sv_tunnel_opened(sv_tunnel *t) {
    t->open = true;
}

void sv_tunnel_data(sv_tunnel *t, const char *bytes, size_t n, int final) {
    t->bytes = bytes;
    t->n = n;
    t->final = final;
    if (t->open && !t->ex->over)
        send_down(t);
}

void sv_tunnel_error(sv_tunnel *t) {
    sv_tunnel_end(t, "UC", "upstream_remote_disconnect");
}
