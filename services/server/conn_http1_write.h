/* Answers of HTTP/1.1 on a connection. */
#ifndef HR_SERVICES_CONN_HTTP1_WRITE_H
#define HR_SERVICES_CONN_HTTP1_WRITE_H

#include "conn.h"

void hr_http1_write(hr_exchange *ex, const hr_str *parts, size_t n, bool final);
void hr_http1_inform(hr_exchange *ex, int status, const hr_pair *fields, size_t n);

#endif
