/* What conn.c (the life of connections) and conn_http1*.c (messages on them) share. */
#ifndef SV_CONN_INTERNAL_H
#define SV_CONN_INTERNAL_H

#include "conn.h"
#include "exchange_internal.h"

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
/* While draining: a connection that was idle for this long takes no more requests. */
bool sv_conn_drain_grace_is_over(const sv_server_loop *loop, uint64_t idle_ns, uint64_t now);

/* A client of a request or an answer must come with, or take, at least this much, once the first
 * time is over. */
#define SV_MIN_BYTES_PER_SECOND (32 << 10)

#endif
