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

#include "http2.h"
#include "upstream.h"

typedef struct sv_up_http2 sv_up_http2;

/* What an exchange has of its stream. */
typedef struct sv_up_stream {
    sv_up_http2 *conn;    /* NULL: none */
    sv_http2_stream *on;  /* NULL: not opened yet, or closed */
    sv_up_exchange *next; /* among the connection's */
    sv_up_exchange **link;
    sv_up_exchange *next_news;  /* among those that something has come of */
    sv_up_exchange **news_link; /* NULL if not among them */
    bool drained;               /* the last piece of the body is sent */
    bool before_settings;       /* opened before the peer's SETTINGS had come */
    sv_up_error error;          /* 0: none */
    bool unprocessed;           /* with the error: the request may be sent again */
    const char *why;
    char *head_text; /* strings of the answer's head */
} sv_up_stream;

/* Sends the request on a connection that there is. `fresh`: not on one without streams, which the
 * peer may have closed. False: there is none that takes it. */
bool sv_up_http2_join(sv_up_exchange *exchange, bool fresh);
/* Opens a connection for it. The endpoint's address is known. Returns false if the system cannot
 * open one. */
bool sv_up_http2_open(sv_up_exchange *exchange);
/* As sv_up_more. */
void sv_up_http2_more(sv_up_exchange *exchange);
/* The consumer has taken n bytes of content. */
void sv_up_http2_consume(sv_up_exchange *exchange, size_t n);
/* Resets the stream, if it has one that is not over. */
void sv_up_http2_leave(sv_up_exchange *exchange);

/* True if a connection takes a stream more. */
bool sv_up_http2_has_room(const sv_up_endpoint *endpoint);
/* The endpoint goes: no exchange is left. */
void sv_up_http2_close_all(sv_up_endpoint *endpoint);

#endif
