/* Which streams of HTTP/2 are served, and which wait for a place. */
#ifndef HR_SERVICES_CONN_HTTP2_PLACE_H
#define HR_SERVICES_CONN_HTTP2_PLACE_H

#include "conn_http2_internal.h"

/* Whether a new stream of the connection has to wait for a place. */
bool hr_http2_must_wait(const hr_http2 *c);
/* Serves the request, or lets it wait. */
void hr_http2_place(hr_exchange *ex, bool waits);
/* The exchange ends: another one may have its place. */
void hr_http2_leave(struct hr_h2_stream *s);

#endif
