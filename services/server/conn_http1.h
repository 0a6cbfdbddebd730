/* Requests of HTTP/1.1 on a connection. */
#ifndef SV_CONN_HTTP1_H
#define SV_CONN_HTTP1_H

#include "conn.h"

/* Reads what has come: within a head or a body. May close the connection. */
void sv_conn_read(sv_conn *conn);

#endif
