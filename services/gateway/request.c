/* What several stages ask of a request. */
#include "request.h"

hr_str gw_peer_address(gw_request *r) {
    return sv_exchange_peer_address(r->ex);
}

int gw_can_send_again(const gw_request *r) {
    return r->out.source == NULL || r->ex->body_offset == 0;
}

/* An upgrade is HTTP/1.1's, whatever the port is declared as: what speaks WebSockets knows both. */
bool gw_speaks_http2(const gw_request *r, const hr_cluster *cluster) {
    hr_upstream_protocol protocol = cluster->upstream_protocol;
    return !r->upgrade &&
           (protocol == HR_UPSTREAM_HTTP2 || (protocol == HR_UPSTREAM_AS_CLIENT && r->ex->http2));
}
