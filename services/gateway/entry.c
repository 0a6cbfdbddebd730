/* Where requests enter the gateway, and how they end. */
#include "entry.h"

#include <string.h>

#include "config.h"
#include "look_ahead.h"
#include "loop.h"
#include "reply.h"
#include "try.h"
#include "ui.h"
#include "upgrade.h"

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

hr_str gw_refusal_body(sv_exchange *ex, int status, const char *detail, const char **content_type) {
    if (ex->response_flags == NULL && status != 413)
        ex->response_flags = "DPE";
    ex->details = status == 413 ? "request_payload_too_large" : NULL;
    *content_type = "text/plain";
    return sv_pool_copy(ex->pool, sv_str(detail));
}

void gw_on_request(sv_exchange *ex) {
    gw_loop *loop = ex->loop->data;
    const gw_listener *listener = gw_listener_of(loop->current->config, ex);
    if (listener != NULL && loop->gateway->options.ui != NULL && gw_ui(ex))
        return;
    gw_request *r = sv_pool_alloc(ex->pool, sizeof(*r));
    memset(r, 0, sizeof(*r));
    r->ex = ex;
    r->loop = loop;
    r->lc = gw_loop_config_ref(loop->current);
    r->listener = listener;
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
    if (r->listener == NULL) {
        sv_exchange_leave(ex);
        gw_end(r, GW_NO_ROUTE);
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
