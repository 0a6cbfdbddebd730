/* HTTP/2 on a downstream connection. */
#ifndef HR_SERVICES_CONN_HTTP2_H
#define HR_SERVICES_CONN_HTTP2_H

#include "conn.h"

/* From here on the connection is one of HTTP/2; `n` bytes of the client, its preface first, have
 * been read. May close the connection. */
void hr_http2_begin(hr_conn *conn, const char *bytes, size_t n);

/* Events of the socket. */
void hr_http2_readable(hr_conn *conn);
void hr_http2_written(hr_conn *conn, bool ok);

/* Ends the connection and all its exchanges. */
void hr_http2_cut(hr_conn *conn);
/* Frees what HTTP/2 holds of the connection, on which no exchange is left. */
void hr_http2_free(hr_conn *conn);

/* Sends what this turn of the loop has made, on all connections. */
void hr_http2_flush(hr_loop *loop);

#endif
