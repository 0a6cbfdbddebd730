/* The servers of Gateways: what they read, and which hosts of a VirtualService they have. */
#ifndef HR_GATEWAY_SERVER_H
#define HR_GATEWAY_SERVER_H

#include "table.h"

typedef HR_LIST(hr_str) hr_host_list;

/* Whether the server reads plain HTTP. */
bool hr_server_is_http(const hr_spec_server *server);
/* Whether it reads HTTP over TLS. */
bool hr_server_terminates_tls(const hr_spec_server *server);
/* The host of "[ns/]host" if it is meant for VirtualServices of `vs_namespace`, else absent. */
hr_str hr_server_host_for(hr_str host, hr_str gateway_namespace, hr_str vs_namespace);
/* Adds the virtual hosts that a VirtualService gets on a server: of each overlapping pair of hosts
 * the narrower name. */
void hr_server_hosts(hr_arena *arena, hr_host_list *out, const hr_mesh_gateway *gateway,
                     const hr_spec_server *server, const hr_mesh_virtual_service *vs);

#endif
