/* Requests of HTTP/1.1 on a connection. */
#ifndef HR_SERVICES_CONN_HTTP1_H
#define HR_SERVICES_CONN_HTTP1_H

#include "conn.h"

/* Reads what has come: within a head or a body. May close the connection. */
void hr_conn_read(hr_conn *conn);
/* conn->in, kept for reuse by other connections. Does nothing if there is one already. */
void hr_conn_take_buffer(hr_conn *conn);
void hr_conn_give_buffer(hr_conn *conn);
/* Buffers that are kept for reuse. */
void hr_conn_free_buffers(hr_loop *loop);

#endif
