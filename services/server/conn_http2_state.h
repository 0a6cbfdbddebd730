/* The state of HTTP/2 on a downstream connection, and of its streams. */
#ifndef SV_CONN_HTTP2_STATE_H
#define SV_CONN_HTTP2_STATE_H

#include "conn.h"
#include "decimal.h"
#include "exchange.h"
#include "http2.h"

/* Streams that a client may open at a time on a connection. */
#define SV_HTTP2_MAX_STREAMS 100
/* Content of a stream that a client may send before there is room for it: what an exchange may hold
 * without the upload budget (body_in.c). */
#define SV_HTTP2_FIRST_WINDOW ((uint32_t)32 << 10)
/* The same once the exchange has as much room. */
#define SV_HTTP2_STREAM_WINDOW ((uint32_t)128 << 10)
/* Content of all streams of a connection that is on its way and not stored. */
#define SV_HTTP2_CONNECTION_WINDOW ((uint32_t)512 << 10)
/* As in HTTP/1.1; more: 431. */
#define SV_HTTP2_MAX_FIELDS 100
/* Memory of a request that waits for its place, besides its head. */
#define SV_HTTP2_STREAM_COST ((size_t)12 << 10)

/* One connection. */
struct sv_conn_http2 {
    sv_conn *conn;
    sv_http2 *h2; /* NULL: nothing more is sent or read */
    bool lost;    /* the socket is broken */
    struct sv_h2_stream *streams;
    struct sv_h2_stream *fresh; /* of which content came with this read */
    size_t n_exchanges;
    size_t n_served;    /* of them, those that have a place */
    uint64_t refill_ns; /* when credit was last given */
    uint64_t within_ns; /* since when a frame is incomplete; 0: none is */
    bool noticed, last; /* GOAWAY was sent: as a notice, for good */
    bool marked;
    sv_conn_http2 *next_marked;
};

/* One stream that has an exchange, in the exchange's pool. */
struct sv_h2_stream {
    sv_conn_http2 *c;
    sv_http2_stream *stream; /* NULL: closed */
    sv_exchange *ex;
    struct sv_h2_stream *next, **link;
    bool was_reset;
    uint64_t closed_ns; /* when the stream was closed */
    bool served;        /* it has its place; `more`: which is counted, as it is not the only one */
    bool more;
    struct sv_h2_stream *next_waiting, **waiting_link; /* while it is not served */
    uint64_t write_ns; /* since when no content was taken that waits to be sent; 0: none does */
    size_t unsent;     /* of it, when the connection was swept */
    size_t arrived;    /* content that the exchange has, to be reported to it */
    bool is_fresh;
    struct sv_h2_stream *next_fresh;
    /* Content for which the exchange had no room. */
    char *held;
    size_t held_at, n_held, held_size, held_paid;
    bool all_came;      /* the end of the request is among it */
    bool delivering;    /* content is being handed to the exchange */
    uint64_t begun_ns;  /* since when the client is waited for; 0: it is not */
    uint64_t waited_ns; /* before begun_ns */
};

/* Lets the connection be written to at the end of the loop's turn, so that frames share a packet.
 */
void sv_http2_mark(sv_conn_http2 *c);
/* It need not be. */
void sv_http2_unmark(sv_conn_http2 *c);

static inline size_t sv_http2_length(const hr_str *parts, size_t n) {
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += parts[i].len;
    return len;
}

#endif
