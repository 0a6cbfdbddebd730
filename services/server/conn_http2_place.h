/* Which streams of HTTP/2 are served, and which wait for a place. */
#ifndef SV_CONN_HTTP2_PLACE_H
#define SV_CONN_HTTP2_PLACE_H

#include "conn_http2_state.h"

/* Whether a new stream of the connection has to wait for a place. */
bool sv_http2_must_wait(const sv_conn_http2 *c);
/* Serves the request, or lets it wait. */
void sv_http2_place(sv_exchange *ex, bool waits);
/* The exchange ends: another one may have its place. */
void sv_http2_leave(struct sv_h2_stream *s);

#endif
