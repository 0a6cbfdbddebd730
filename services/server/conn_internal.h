/* What conn.c (the life of connections) and conn_http1*.c (messages on them) share. */
#ifndef HR_SERVICES_CONN_INTERNAL_H
#define HR_SERVICES_CONN_INTERNAL_H

#include "conn.h"
#include "exchange_internal.h"

/* conn.c */
void hr_conn_close(hr_conn *conn);
/* Keeps the connection open for a moment after the answer, throwing away what still comes in:
 * otherwise unread bytes turn the close into a reset, which can destroy the answer on its way (RFC
 * 9112, 9.6). Closes it at once where too many linger. */
void hr_conn_linger(hr_conn *conn);
/* True if the loop serves as many connections and streams as it may. */
bool hr_conn_loop_is_full(const hr_loop *loop);
/* Begins or stops accepting, as the number of connections and streams demands. */
void hr_conn_update_accepting(hr_loop *loop);
/* Milliseconds that the connection may be without a request. */
uint64_t hr_conn_idle_ms(const hr_conn *conn);
/* While draining: a connection that was idle for this long takes no more requests. */
bool hr_conn_drain_grace_is_over(const hr_loop *loop, uint64_t idle_ns, uint64_t now);

/* A client of a request or an answer must come with, or take, at least this much, once the first
 * time is over. */
#define HR_MIN_BYTES_PER_SECOND (32 << 10)

/* conn_http1.c */
/* Reads what has come: within a head or a body. May close the connection. */
void hr_conn_read(hr_conn *conn);
/* conn->in, kept for reuse by other connections. Does nothing if there is one already. */
void hr_conn_take_buffer(hr_conn *conn);
void hr_conn_give_buffer(hr_conn *conn);

/* conn_http1_write.c: of its carrier. */
void hr_http1_write(hr_exchange *ex, const hr_str *parts, size_t n, bool final);
void hr_http1_inform(hr_exchange *ex, int status, const hr_pair *fields, size_t n);

#endif
