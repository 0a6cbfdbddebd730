/* Streams of HTTP/2 connections to endpoints. Inside the upstream client only. */
#ifndef SV_CLIENT_UPSTREAM_HTTP2_STREAM_H
#define SV_CLIENT_UPSTREAM_HTTP2_STREAM_H

#include "upstream_state.h"

extern const sv_http2_events sv_up_http2_events;
/* Takes the exchange among the members; it has no stream yet. */
void sv_up_stream_join(sv_up_http2 *c, sv_up_exchange *exchange);
/* Opens its stream with the request. */
void sv_up_stream_open(sv_up_exchange *exchange);
/* Reports to exchanges what has come. May end any of them. */
void sv_up_stream_report(sv_up_http2 *c);
/* Ends all members with this error. */
void sv_up_stream_fail_all(sv_up_http2 *c, sv_up_error error, const char *why);

/* As sv_up_more. */
void sv_up_http2_more(sv_up_exchange *exchange);
/* The consumer has taken n bytes of content. */
void sv_up_http2_consume(sv_up_exchange *exchange, size_t n);
/* Resets the stream, if it has one that is not over. */
void sv_up_http2_leave(sv_up_exchange *exchange);

#endif
