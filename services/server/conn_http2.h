/* HTTP/2 on a downstream connection. */
#ifndef SV_CONN_HTTP2_H
#define SV_CONN_HTTP2_H

#include "conn.h"

/* From here on the connection is one of HTTP/2; `n` bytes of the client, its preface first, have
 * been read. May close the connection. */
void sv_http2_begin(sv_conn *conn, const char *bytes, size_t n);

/* Events of the socket. */
void sv_http2_readable(sv_conn *conn);
void sv_http2_written(sv_conn *conn, bool ok);

/* Ends the connection and all its exchanges. */
void sv_http2_cut(sv_conn *conn);
/* Frees what HTTP/2 holds of the connection, on which no exchange is left. */
void sv_conn_http2_free(sv_conn *conn);

/* Sends what this turn of the loop has made, on all connections. */
void sv_http2_flush(sv_server_loop *loop);

#endif
