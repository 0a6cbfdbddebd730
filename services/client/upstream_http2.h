/*
 * HTTP/2 connections to endpoints, shared by the exchanges of a loop. Inside the upstream client
 * only.
 *
 * An endpoint has a list of connections. An exchange joins the first one that takes a stream more,
 * also while that is still being established; if there is none, it opens another. A connection
 * takes no more streams after GOAWAY, or when it has had as many or is as old as the settings
 * allow; it is closed when its last stream has ended.
 *
 * The codec's events note what has come; it is reported to exchanges behind them
 * (sv_up_stream_report), so that a consumer may do what it likes.
 */
#ifndef SV_UPSTREAM_HTTP2_H
#define SV_UPSTREAM_HTTP2_H

#include "upstream_state.h"

/* Sends the request on a connection that there is. `fresh`: not on one without streams, which the
 * peer may have closed. False: there is none that takes it. */
bool sv_up_http2_join(sv_up_exchange *exchange, bool fresh);
/* Opens a connection for it. The endpoint's address is known. Returns false if the system cannot
 * open one. */
bool sv_up_http2_open(sv_up_exchange *exchange);
/* True if a connection takes a stream more. */
bool sv_up_http2_has_room(const sv_up_endpoint *endpoint);
/* The endpoint goes: no exchange is left. */
void sv_up_http2_close_all(sv_up_endpoint *endpoint);

/* Lets the connection be sent on at the end of the loop's turn. */
void sv_up_http2_mark(sv_up_http2 *c);

#endif
