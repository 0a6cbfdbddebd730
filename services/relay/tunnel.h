/*
 * A connection whose protocol was switched (101): bytes both ways between a client and an upstream
 * exchange that is a tunnel, until both have closed, one breaks, or nothing goes for too long.
 *
 * Bounded memory: of either side no more is read before the other has taken what was. A half that
 * is closed is closed on the other side, too; where TLS is spoken with the client, the upstream's
 * end is the end of both, as TLS stacks commonly take it so.
 *
 * The exchange stays: it ends with the tunnel, and is logged then. All on the loop's thread.
 */
#ifndef SV_TUNNEL_H
#define SV_TUNNEL_H

#include "exchange.h"
#include "upstream.h"

typedef struct sv_tunnel sv_tunnel;

/* The upstream's on_data and on_error. May end the exchange. */
void sv_tunnel_data(sv_tunnel *tunnel, const char *bytes, size_t n, int final);
void sv_tunnel_error(sv_tunnel *tunnel);
/* When the exchange ends, however it does; the upstream must be freed after it. */
void sv_tunnel_dispose(sv_tunnel *tunnel);

#endif
