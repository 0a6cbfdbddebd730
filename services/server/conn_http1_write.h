/* Answers of HTTP/1.1 on a connection. */
#ifndef SV_CONN_HTTP1_WRITE_H
#define SV_CONN_HTTP1_WRITE_H

#include "conn.h"

void sv_http1_write(sv_exchange *ex, const hr_str *parts, size_t n, bool final);
void sv_http1_inform(sv_exchange *ex, int status, const hr_pair *fields, size_t n);

#endif
