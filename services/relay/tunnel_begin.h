/* How tunnels begin. */
#ifndef SV_TUNNEL_BEGIN_H
#define SV_TUNNEL_BEGIN_H

#include "tunnel.h"

/* Answers 101 with the fields of the exchange's answer, adding Connection and `protocol` as
 * Upgrade; to a client of HTTP/2, 200 (RFC 8441). To be called in the upstream's first on_data,
 * whose bytes are then given to sv_tunnel_data. In the request's pool; `up` is still the caller's.
 */
sv_tunnel *sv_tunnel_begin(sv_exchange *ex, sv_up_exchange *up, sv_timers *timers, uint64_t idle_ms,
                           hr_str protocol);

#endif
