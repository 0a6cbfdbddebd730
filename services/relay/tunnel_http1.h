/* Tunnels on connections of HTTP/1.1. */
#ifndef SV_TUNNEL_HTTP1_H
#define SV_TUNNEL_HTTP1_H

#include "tunnel_internal.h"

extern const sv_tunnel_client sv_tunnel_http1;

#endif
