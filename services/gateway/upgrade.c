/* Upgrades: WebSockets (RFC 6455) are passed on, others refused, as Istio has Envoy do it. */
#include <string.h>

#include "request.h"

static int is(h2o_iovec_t value, const char *token) {
    return h2o_lcstris(value.base, value.len, token, strlen(token));
}

/* An idle WebSocket holds a connection for as long as --tunnel-idle-timeout: they have a limit of
 * their own, so that other requests still find one. Each loop has its share, as with connections. */
static int admit(gw_request *r) {
    size_t loops = hr_server_loops(r->ex->loop->server);
    size_t limit = ((size_t)r->loop->gateway->options.max_tunnels + loops - 1) / loops;
    if (r->loop->n_tunnels >= limit) {
        hr_metric_add(r->ex->loop->cells, r->loop->gateway->tunnels_refused, 1);
        h2o_add_header_by_str(&r->ex->req->pool, &r->ex->req->res.headers, H2O_STRLIT("retry-after"), 0, NULL,
                              H2O_STRLIT("1"));
        gw_reply(r, 503, "UO", "too_many_tunnels", HR_STR("too many WebSockets are open"));
        return 0;
    }
    r->loop->n_tunnels++;
    r->upgrade = 1;
    return 1;
}

int gw_upgrade_refused(gw_request *r) {
    h2o_req_t *req = r->ex->req;
    /* RFC 9110 section 7.8: Upgrade has no meaning in HTTP/1.0. Envoy passes over h2c, too. */
    if (req->upgrade.base == NULL || req->version < 0x101 || is(req->upgrade, "h2c"))
        return 0;
    int websocket = is(req->upgrade, "websocket");
    /* RFC 6455 section 4.1: the handshake is a GET. Any other method goes on without an upgrade. */
    if (websocket && !h2o_memis(req->method.base, req->method.len, H2O_STRLIT("GET")))
        return 0;
    if (websocket && req->entity.base == NULL)
        return admit(r) ? 0 : 1;
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
    r->loop->n_tunnels -= (size_t)r->upgrade;
    r->upgrade = 0;
    if (r->tunnel == NULL)
        return;
    hr_tunnel_dispose(r->tunnel);
    r->tunnel = NULL;
    hr_metric_add(r->ex->loop->cells, r->loop->gateway->tunnels_open, -1);
}
