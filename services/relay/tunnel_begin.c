/* How tunnels begin: by the protocol that the client speaks. */
#include "tunnel_begin.h"

#include "tunnel_http1.h"
#include "tunnel_http2.h"

sv_tunnel *sv_tunnel_begin(sv_exchange *ex, sv_up_exchange *up, sv_timers *timers, uint64_t idle_ms,
                           hr_str protocol) {
    sv_tunnel *t = sv_pool_alloc(ex->pool, sizeof(*t));
    *t = (sv_tunnel){.client = ex->http2 ? &sv_tunnel_http2 : &sv_tunnel_http1,
                     .ex = ex,
                     .conn = ex->conn,
                     .up = up,
                     .timers = timers,
                     .idle_ms = idle_ms};
    ex->answer.content_length = SV_UNKNOWN_LENGTH;
    ex->answer_ns = 0; /* it has no length to be late with */
    sv_tunnel_watch(t);
    t->client->begin(t, protocol);
    return t;
}
