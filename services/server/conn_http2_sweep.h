/* Time-outs of HTTP/2 connections and their streams. */
#ifndef HR_SERVICES_CONN_HTTP2_SWEEP_H
#define HR_SERVICES_CONN_HTTP2_SWEEP_H

#include "conn_http2.h"

/* Ends streams that have waited too long for their client, and the connection if it is idle. */
void hr_http2_sweep(hr_conn *conn, uint64_t now);

#endif
