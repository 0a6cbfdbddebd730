/* The content of requests of HTTP/2. */
#ifndef SV_CONN_HTTP2_BODY_H
#define SV_CONN_HTTP2_BODY_H

#include "conn_http2_state.h"

void sv_http2_begin_body(sv_exchange *ex);
void sv_http2_resume_body(sv_exchange *ex);
void sv_conn_http2_data(void *ctx, sv_http2_stream *stream, const char *bytes, size_t n);
/* Content is collected while the bytes of one read are parsed: a client may send a byte a frame,
 * and what the handler does with each piece costs more than the frame. Reports it to the exchanges.
 */
void sv_http2_report(sv_conn_http2 *c);
void sv_http2_end(void *ctx, sv_http2_stream *stream, const hr_pair *trailers, size_t n);

#endif
