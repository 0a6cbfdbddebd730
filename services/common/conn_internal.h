/* What conn.c (the life of connections) and conn_http1.c (messages on them) share. */
#ifndef HR_SERVICES_CONN_INTERNAL_H
#define HR_SERVICES_CONN_INTERNAL_H

#include "conn.h"

/* conn.c */
void hr_conn_close(hr_conn *conn);
void hr_conn_begin_linger(hr_conn *conn);

/* conn_http1.c */
/* Reads what has come: within a head or a body. May close the connection. */
void hr_conn_read(hr_conn *conn);
/* What was being written has been, or could not be. */
void hr_conn_sent(hr_conn *conn, bool ok);
/* The exchange ends at the end of the turn. */
void hr_conn_over(hr_exchange *ex);
void hr_conn_give_buffer(hr_conn *conn);

#endif
