/* Tunnels on streams of HTTP/2 (RFC 8441). */
#ifndef SV_TUNNEL_HTTP2_H
#define SV_TUNNEL_HTTP2_H

#include "tunnel_internal.h"

extern const sv_tunnel_client sv_tunnel_http2;

#endif
