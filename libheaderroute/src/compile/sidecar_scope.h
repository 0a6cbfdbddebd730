/* What a Sidecar lets its proxies see: services and VirtualServices, by listener. */
#ifndef HR_SIDECAR_SCOPE_H
#define HR_SIDECAR_SCOPE_H

#include "view_build.h"

/* Finds the Sidecar of the view's proxy, and the listener of its port. Sets vb->scope, which stays
 * NULL without a Sidecar and for gateways, and the view's outbound policy. */
void hr_sidecar_scope_init(hr_view_build *vb);

/* The service that a host means on the listener; NULL: none that the proxy sees. */
const hr_mesh_service *hr_scope_find(const hr_view_build *vb, hr_str host);
/* The service that a host means on the listener for ports that no listener declares, where the
 * view's port is declared; NULL: none. */
const hr_mesh_service *hr_scope_find_undeclared(const hr_view_build *vb, hr_str host);
/* The service for which the proxy has clusters: those of all listeners, and those that the
 * VirtualServices of the listeners lead to. NULL: none, or none with the port (0: any). */
const hr_mesh_service *hr_scope_cluster_service(const hr_view_build *vb, hr_str host,
                                                uint32_t port);
/* Whether the listener sees a VirtualService. Notes in the view if it does not. */
bool hr_scope_takes(hr_view_build *vb, const hr_mesh_virtual_service *vs);
/* Sets *out to the protocol that the listener declares for the view's port. false: it declares
 * none; *out is unchanged. */
bool hr_scope_protocol(hr_mesh_protocol *out, const hr_view_build *vb);

#endif
