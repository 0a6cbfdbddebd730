/* Streams of HTTP/2 connections to endpoints. Inside the upstream client only. */
#ifndef HR_CLIENT_UPSTREAM_HTTP2_STREAM_H
#define HR_CLIENT_UPSTREAM_HTTP2_STREAM_H

#include "upstream_http2_internal.h"

extern const sv_http2_events hr_up_http2_events;
/* Takes the exchange among the members; it has no stream yet. */
void hr_up_stream_join(hr_up_http2 *c, hr_up_exchange *exchange);
/* Opens its stream with the request. */
void hr_up_stream_open(hr_up_exchange *exchange);
/* Reports to exchanges what has come. May end any of them. */
void hr_up_stream_report(hr_up_http2 *c);
/* Ends all members with this error. */
void hr_up_stream_fail_all(hr_up_http2 *c, hr_up_error error, const char *why);

#endif
