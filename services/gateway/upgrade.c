/* Upgrades: WebSockets (RFC 6455) are passed on. Other values are ignored, and the request goes on
 * without them (RFC 9110 section 7.8). */
#include "upgrade.h"

#include <string.h>

#include "reply.h"

/* An idle WebSocket holds a connection for as long as --tunnel-idle-timeout: they have a limit of
 * their own, so that other requests still find one. Each loop has its share, as with connections.
 */
static int upgrade_admit(gw_request *r) {
    size_t loops = sv_server_loops(r->ex->loop->server);
    size_t limit = ((size_t)r->loop->gateway->options.max_tunnels + loops - 1) / loops;
    if (r->loop->n_tunnels >= limit) {
        sv_metric_add(r->ex->loop->cells, r->loop->gateway->tunnels_refused, 1);
        gw_end(r, GW_TOO_MANY_TUNNELS);
        return 0;
    }
    r->loop->n_tunnels++;
    r->upgrade = 1;
    return 1;
}

/* RFC 6455 section 4.1: the handshake is a GET. Some clients announce a body of no bytes. */
static int is_handshake(const sv_exchange *ex) {
    return sv_str_is_nocase(ex->request.upgrade, "websocket") &&
           sv_str_is(ex->request.method, "GET") && ex->body_done && ex->body.len == 0;
}

int gw_upgrade_refused(gw_request *r) {
    return is_handshake(r->ex) && !upgrade_admit(r);
}

size_t gw_upgrade_fields(hr_pair *fields, size_t n) {
    fields[n++] = (hr_pair){HR_STR("connection"), HR_STR("Upgrade")};
    fields[n++] = (hr_pair){HR_STR("upgrade"), HR_STR("websocket")};
    return n;
}

void gw_upgrade(gw_request *r, const hr_pair *fields, size_t n) {
    sv_exchange *ex = r->ex;
    ex->answer.status = 101;
    sv_forward_answer_fields(ex, fields, n);
    sv_answer_finish_headers(ex);
    r->relay.started = 1;
    r->tunnel =
        sv_tunnel_begin(ex, r->relay.up, r->loop->timers,
                        (uint64_t)r->loop->gateway->options.tunnel_idle_ms, HR_STR("websocket"));
    sv_metric_add(ex->loop->cells, r->loop->gateway->tunnels, 1);
    sv_metric_add(ex->loop->cells, r->loop->gateway->tunnels_open, 1);
}

void gw_upgrade_end(gw_request *r) {
    r->loop->n_tunnels -= (size_t)r->upgrade;
    r->upgrade = 0;
    if (r->tunnel == NULL)
        return;
    sv_tunnel_dispose(r->tunnel);
    r->tunnel = NULL;
    sv_metric_add(r->ex->loop->cells, r->loop->gateway->tunnels_open, -1);
}
