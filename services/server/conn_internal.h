/* What conn.c (the life of connections) and conn_http1*.c (messages on them) share. */
#ifndef HR_SERVICES_CONN_INTERNAL_H
#define HR_SERVICES_CONN_INTERNAL_H

#include "conn.h"
#include "exchange_internal.h"

void hr_conn_close(hr_conn *conn);
/* Keeps the connection open for a moment after the answer, throwing away what still comes in:
 * otherwise unread bytes turn the close into a reset, which can destroy the answer on its way (RFC
 * 9112, 9.6). Closes it at once where too many linger. */
void hr_conn_linger(hr_conn *conn);
/* True if the loop serves as many connections and streams as it may. */
bool hr_conn_loop_is_full(const hr_loop *loop);
/* A connection that has a stream being served may have another one served. */
bool hr_conn_may_serve_stream(const hr_loop *loop);
/* Begins or stops accepting, as the number of connections and streams demands. */
void hr_conn_update_accepting(hr_loop *loop);
/* Milliseconds that the connection may be without a request. */
uint64_t hr_conn_idle_ms(const hr_conn *conn);
/* While draining: a connection that was idle for this long takes no more requests. */
bool hr_conn_drain_grace_is_over(const hr_loop *loop, uint64_t idle_ns, uint64_t now);

/* A client of a request or an answer must come with, or take, at least this much, once the first
 * time is over. */
#define HR_MIN_BYTES_PER_SECOND (32 << 10)

#endif
