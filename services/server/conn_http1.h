/* Requests of HTTP/1.1 on a connection. */
#ifndef SV_CONN_HTTP1_H
#define SV_CONN_HTTP1_H

#include "conn.h"

/* Reads what has come: within a head or a body. May close the connection. */
void sv_conn_read(sv_conn *conn);
/* conn->in, kept for reuse by other connections. Does nothing if there is one already. */
void sv_conn_take_buffer(sv_conn *conn);
void sv_conn_give_buffer(sv_conn *conn);
/* Buffers that are kept for reuse. */
void sv_conn_free_buffers(sv_server_loop *loop);

#endif
