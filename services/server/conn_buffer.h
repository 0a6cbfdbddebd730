/* The buffers of connections. */
#ifndef SV_CONN_BUFFER_H
#define SV_CONN_BUFFER_H

#include "conn.h"

/* conn->in, kept for reuse by other connections. Does nothing if there is one already. */
void sv_conn_take_buffer(sv_conn *conn);
void sv_conn_give_buffer(sv_conn *conn);
/* Buffers that are kept for reuse. */
void sv_conn_free_buffers(sv_server_loop *loop);

#endif
