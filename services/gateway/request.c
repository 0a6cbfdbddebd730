/* Manages a request from its arrival to its end and acts on its routing decision. */
#include <arpa/inet.h>
#include <string.h>

#include "filters.h"
#include "incoming.h"
#include "look_ahead.h"
#include "loop.h"
#include "outlier.h"
#include "reply.h"
#include "request.h"
#include "try.h"
#include "ui.h"
#include "upgrade.h"

/* A request in flight for so long is looked after: is its client still there? */
#define LONG_NS (250 * 1000000ull)

/* ---- life ---- */

static void link_request(gw_request *r) {
    gw_loop *loop = r->loop;
    r->older = loop->newest;
    *(loop->newest != NULL ? &loop->newest->newer : &loop->oldest) = r;
    loop->newest = r;
}

static void unlink_request(gw_request *r) {
    gw_loop *loop = r->loop;
    *(r->older != NULL ? &r->older->newer : &loop->oldest) = r->newer;
    *(r->newer != NULL ? &r->newer->older : &loop->newest) = r->older;
}

static void request_on_end(sv_exchange *ex) {
    gw_request *r = ex->data;
    gw_upgrade_end(r);
    gw_cancel(r);
    sv_timer_unset(r->loop->timers, &r->timer);
    unlink_request(r);
    gw_scratch_give(r->loop, r->scratch);
    gw_loop_config_unref(r->lc);
}

void gw_sweep(sv_timer *timer) {
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
    if (loop->loop->index == 0)
        gw_outlier_sweep(loop->current->config);
    sv_timer_set(loop->timers, timer, sv_timers_now() + 250, gw_sweep);
}

hr_str gw_refusal_body(sv_exchange *ex, int status, const char *detail, const char **content_type) {
    if (ex->response_flags == NULL && status != 413)
        ex->response_flags = "DPE";
    ex->details = status == 413 ? "request_payload_too_large" : NULL;
    *content_type = "text/plain";
    return sv_pool_copy(ex->pool, sv_str(detail));
}

static int value_is(hr_str value, const char *text) {
    return value.len == strlen(text) && memcmp(value.p, text, value.len) == 0;
}

hr_str gw_peer_address(gw_request *r) {
    return sv_exchange_peer_address(r->ex);
}

/* ---- what to do ---- */

static void note_route(gw_request *r) {
    const hr_decision *d = &r->decision;
    r->ex->route_name = d->route_name;
    r->ex->upstream_cluster = d->cluster_name;
}

void gw_act(gw_request *r) {
    const hr_decision *d = &r->decision;
    if (d->cors_preflight) {
        gw_preflight(r);
        return;
    }
    if (d->local_reply.status != 0) {
        gw_end_with(r, gw_outcome_of_reply(&d->local_reply), d->local_reply.status,
                    d->local_reply.body);
        return;
    }
    switch (d->action) {
    case HR_ACTION_REDIRECT:
        gw_redirect(r);
        return;
    case HR_ACTION_DIRECT_RESPONSE:
        gw_direct_response(r);
        return;
    case HR_ACTION_ROUTE:
        gw_forward(r);
        return;
    case HR_ACTION_NO_ROUTE:
        if (d->closes_connection)
            break; /* the client is connected to this server already, so it gets an answer */
        gw_end(r, GW_NO_ROUTE);
        return;
    case HR_ACTION_PASSTHROUGH:
        break;
    }
    gw_end(r, GW_UNKNOWN_HOST);
}

static void decide(gw_request *r) {
    if (value_is(r->in.path, "*")) { /* OPTIONS: as in Envoy, no rule is about it */
        gw_end(r, GW_NO_ROUTE);
        return;
    }
    r->decision.version = HR_DECISION_VERSION;
    int error = hr_route(&r->decision, r->lc->config->view, &r->in, r->scratch->scratch);
    if (error == HR_EREQUEST) {
        gw_end(r, GW_BAD_REQUEST);
        return;
    }
    if (error == HR_ELIMIT) {
        gw_end(r, GW_REGEX_LIMIT);
        return;
    }
    if (error != HR_OK) {
        gw_end(r, GW_NO_MEMORY);
        return;
    }
    note_route(r);
    gw_filter(r);
}

void gw_route(gw_request *r) {
    if (gw_build_request(r) != 0)
        gw_end(r, GW_NO_MEMORY);
    else
        decide(r);
}

void gw_on_request(sv_exchange *ex) {
    gw_loop *loop = ex->loop->data;
    if (loop->gateway->options.ui != NULL && gw_ui(ex))
        return;
    gw_request *r = sv_pool_alloc(ex->pool, sizeof(*r));
    memset(r, 0, sizeof(*r));
    r->ex = ex;
    r->loop = loop;
    r->lc = gw_loop_config_ref(loop->current);
    r->scratch = gw_scratch_take(loop);
    r->relay.ex = ex;
    r->start_ns = ex->start_ns;
    link_request(r);
    ex->data = r;
    ex->on_end = request_on_end;
    if (r->scratch == NULL) {
        gw_end(r, GW_NO_MEMORY);
        return;
    }
    if (ex->request.authority.p == NULL) { /* HTTP/1.0; Envoy refuses it with these details */
        gw_end(r, GW_NO_HOST);
        return;
    }
    if (gw_upgrade_refused(r))
        return;
    gw_look_ahead(r);
}
