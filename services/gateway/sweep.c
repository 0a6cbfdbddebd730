/* What a loop looks after from time to time: requests in flight, retired configurations, ejected
 * endpoints. */
#include "sweep.h"

#include "aside.h"
#include "loop.h"
#include "outlier.h"
#include "reply.h"
#include "try.h"

#define SWEEP_MS 250

/* A request in flight for this long is looked at: is its client still there? */
#define LONG_NS (250 * 1000000ull)

static void on_sweep(sv_timer *timer) {
    gw_loop *loop = SV_CONTAINER(gw_loop, sweep, timer);
    uint64_t now = sv_now_ns();
    for (gw_request *r = loop->oldest, *next; r != NULL && now - r->start_ns > LONG_NS; r = next) {
        next = r->newer;
        if (r->relay.started || !sv_exchange_peer_gone(r->ex))
            continue; /* once the answer has begun, writing it finds out */
        gw_cancel(r);
        sv_timer_unset(loop->timers, &r->timer);
        r->ex->keep_alive = false;
        gw_end(r, GW_CLIENT_LEFT);
    }
    gw_loop_free_retired(loop);
    gw_aside_sweep(loop);
    if (loop->loop->index == 0)
        gw_outlier_sweep(loop->current->config);
    sv_timer_set(loop->timers, timer, sv_timers_now() + SWEEP_MS, on_sweep);
}

void gw_sweep_start(gw_loop *loop) {
    sv_timer_set(loop->timers, &loop->sweep, sv_timers_now() + SWEEP_MS, on_sweep);
}

void gw_sweep_stop(gw_loop *loop) {
    sv_timer_unset(loop->timers, &loop->sweep);
}
