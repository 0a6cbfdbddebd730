/* The places of connections in their loop, and how connections end. */
#ifndef SV_CONN_LIFE_H
#define SV_CONN_LIFE_H

#include "conn.h"

/* A new connection takes its place. */
void sv_conn_link(sv_conn *conn);
void sv_conn_close(sv_conn *conn);
/* Keeps the connection open for a moment after the answer, throwing away what still comes in:
 * otherwise unread bytes turn the close into a reset, which can destroy the answer on its way (RFC
 * 9112, 9.6). Closes it at once where too many linger. */
void sv_conn_linger(sv_conn *conn);
/* True if the loop serves as many connections and streams as it may. */
bool sv_conn_loop_is_full(const sv_server_loop *loop);
/* A connection that has a stream being served may have another one served. */
bool sv_conn_may_serve_stream(const sv_server_loop *loop);
/* Begins or stops accepting, as the number of connections and streams demands. */
void sv_conn_update_accepting(sv_server_loop *loop);
/* Milliseconds that the connection may be without a request. */
uint64_t sv_conn_idle_ms(const sv_conn *conn);
/* While draining, or after its listener was closed: a connection that was idle for this long takes
 * no more requests. */
bool sv_conn_drain_grace_is_over(const sv_conn *conn, uint64_t idle_ns, uint64_t now);

/* A client of a request or an answer must come with, or take, at least this much, once the first
 * time is over. */
#define SV_MIN_BYTES_PER_SECOND (32 << 10)

/* Ends the connection, and the exchange on it without an answer, at the end of the loop's turn. */
void sv_conn_drop(sv_conn *conn);

#endif
