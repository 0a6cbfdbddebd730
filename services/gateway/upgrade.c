/* Upgrades: WebSockets (RFC 6455) are passed on. Other values of Upgrade are ignored, and the
 * request goes on without them (RFC 9110 section 7.8).
 *
 * Over HTTP/2 (RFC 8441) no keys are exchanged: towards the endpoint, which speaks
 * HTTP/1.1, the gateway is the client of RFC 6455. */
#include "upgrade.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "reply.h"
#include "tunnel_begin.h"

/* RFC 6455 section 4.1: of this many random bytes. */
#define KEY_BYTES 16
/* RFC 6455 section 1.3. */
#define KEY_SUFFIX "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define SHA1_BYTES 20

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

/* RFC 6455 section 4.1: the handshake is a GET. Some clients announce a body of no bytes. Over
 * HTTP/2 it has none: what follows are the WebSocket's bytes. */
static int is_handshake(const sv_exchange *ex) {
    return sv_str_is_nocase(ex->request.upgrade, "websocket") &&
           sv_str_is(ex->request.method, "GET") &&
           (ex->http2 || (ex->body_done && ex->body.len == 0));
}

int gw_upgrade_refused(gw_request *r) {
    const sv_exchange *ex = r->ex;
    if (is_handshake(ex))
        return !upgrade_admit(r);
    if (!ex->http2 || ex->request.upgrade.p == NULL)
        return 0;
    gw_end(r, GW_UNKNOWN_PROTOCOL);
    return 1;
}

size_t gw_upgrade_key(gw_request *r, hr_pair *fields, size_t n) {
    unsigned char bytes[KEY_BYTES];
    if (!r->ex->http2 || sv_request_header(r->ex, "sec-websocket-key").p != NULL)
        return n;
    arc4random_buf(bytes, sizeof(bytes));
    size_t len = sv_base64_length(sizeof(bytes));
    char *key = sv_pool_alloc(r->ex->pool, len + 1);
    sv_base64_encode(key, bytes, sizeof(bytes));
    r->websocket_key = (hr_str){key, len};
    fields[n++] = (hr_pair){HR_STR("sec-websocket-key"), r->websocket_key};
    return n;
}

/* The value that proves that the peer has read the key. */
static bool is_accepted(const gw_request *r, hr_str accept) {
    unsigned char digest[SHA1_BYTES];
    char expected[32];
    hr_str text = SV_JOIN(r->ex->pool, r->websocket_key, HR_STR(KEY_SUFFIX));
    if (EVP_Digest(text.p, text.len, digest, NULL, EVP_sha1(), NULL) != 1)
        return false;
    sv_base64_encode(expected, digest, sizeof(digest));
    return sv_str_is(accept, expected);
}

/* 2xx opens a WebSocket over HTTP/2, which an endpoint that does not switch has not done. */
bool gw_upgrade_is_malformed(const gw_request *r, const sv_up_exchange *up) {
    const sv_http1_response *head = sv_up_head(up);
    if (!r->upgrade || !r->ex->http2)
        return false;
    if (!sv_up_is_tunnel(up))
        return head->status < 300;
    if (!sv_str_is_nocase(head->upgrade, "websocket"))
        return true;
    if (r->websocket_key.p == NULL)
        return false;
    for (size_t i = 0; i < head->n_fields; i++)
        if (sv_str_is(head->fields[i].name, "sec-websocket-accept"))
            return !is_accepted(r, head->fields[i].value);
    return true;
}

size_t gw_upgrade_fields(hr_pair *fields, size_t n) {
    fields[n++] = (hr_pair){HR_STR("connection"), HR_STR("Upgrade")};
    fields[n++] = (hr_pair){HR_STR("upgrade"), HR_STR("websocket")};
    return n;
}

/* A client that sent no key gets no proof of it. */
static size_t without_accept(hr_pair *kept, const hr_pair *fields, size_t n) {
    size_t n_kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!sv_str_is(fields[i].name, "sec-websocket-accept"))
            kept[n_kept++] = fields[i];
    return n_kept;
}

void gw_upgrade(gw_request *r, const hr_pair *fields, size_t n) {
    sv_exchange *ex = r->ex;
    ex->answer.status = ex->http2 ? 200 : 101;
    if (r->websocket_key.p != NULL) {
        hr_pair *kept = sv_pool_alloc(ex->pool, (n + 1) * sizeof(*kept));
        n = without_accept(kept, fields, n);
        fields = kept;
    }
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
