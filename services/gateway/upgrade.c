/* Upgrades: WebSockets (RFC 6455) are passed on, others refused, as Istio has Envoy do it. */
#include <string.h>

#include "request.h"

static int is(h2o_iovec_t value, const char *token) {
    return h2o_lcstris(value.base, value.len, token, strlen(token));
}

int gw_upgrade_refused(gw_request *r) {
    h2o_req_t *req = r->ex->req;
    /* RFC 9110 section 7.8: Upgrade has no meaning in HTTP/1.0. Envoy passes over h2c, too. */
    if (req->upgrade.base == NULL || req->version < 0x101 || is(req->upgrade, "h2c"))
        return 0;
    r->upgrade = is(req->upgrade, "websocket") && req->entity.base == NULL;
    if (r->upgrade)
        return 0;
    req->http1_is_persistent = 0;
    gw_reply(r, 403, NULL, "upgrade_failed", HR_STR(""));
    return 1;
}

size_t gw_upgrade_fields(hr_pair *fields, size_t n) {
    fields[n++] = (hr_pair){HR_STR("connection"), HR_STR("Upgrade")};
    fields[n++] = (hr_pair){HR_STR("upgrade"), HR_STR("websocket")};
    return n;
}

void gw_upgrade(gw_request *r, const hr_pair *fields, size_t n) {
    hr_exchange *ex = r->ex;
    ex->req->res.status = 101;
    ex->req->res.reason = hr_status_reason(101);
    hr_forward_answer_fields(ex, fields, n);
    hr_answer_finish_headers(ex);
    r->relay.started = 1;
    r->tunnel = hr_tunnel_begin(ex, r->relay.up, &r->loop->timers,
                                (uint64_t)r->loop->gateway->options.tunnel_idle_ms,
                                h2o_iovec_init(H2O_STRLIT("websocket")));
    hr_metric_add(ex->loop->cells, r->loop->gateway->tunnels, 1);
    hr_metric_add(ex->loop->cells, r->loop->gateway->tunnels_open, 1);
}

void gw_upgrade_end(gw_request *r) {
    if (r->tunnel == NULL)
        return;
    hr_tunnel_dispose(r->tunnel);
    r->tunnel = NULL;
    hr_metric_add(r->ex->loop->cells, r->loop->gateway->tunnels_open, -1);
}
