/* TCPRoute and TLSRoute: read for their mistakes and counted; they never decide an HTTP request. */
#ifndef HR_L4_ROUTE_H
#define HR_L4_ROUTE_H

#include "reader.h"

/* Lists of TCPRoute and TLSRoute, read into a size_t: the number of routes. */
void hr_read_tcp_routes(hr_reader *r, const hr_node *node, void *base, const hr_field *field);
void hr_read_tls_routes(hr_reader *r, const hr_node *node, void *base, const hr_field *field);

#endif
