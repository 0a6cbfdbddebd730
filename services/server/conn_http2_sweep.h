/* Time-outs of HTTP/2 connections and their streams. */
#ifndef SV_CONN_HTTP2_SWEEP_H
#define SV_CONN_HTTP2_SWEEP_H

#include "conn.h"

/* Ends streams that have waited too long for their client, and the connection if it is idle. */
void sv_http2_sweep(sv_conn *conn, uint64_t now);

#endif
