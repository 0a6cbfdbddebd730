/* Resolves the Destination of a rule to the cluster that the proxy of a view knows. */
#include "destination.h"

#include "route_destination.h"
#include "sidecar_scope.h"
#include "text.h"

/* The service a destination means while routes are made. A sidecar sees only the services that have
 * the port being called, each with that port alone; a gateway prefers the VirtualService's
 * namespace, and there looks at the oldest resource of a host as it stands, where elsewhere it sees
 * several merged into one. */
static const hr_mesh_service *destination_service(hr_view_build *vb, hr_str host,
                                                  const hr_compile_scope *scope, bool *merged) {
    const hr_view *view = vb->view;
    if (!view->gateway) {
        *merged = true;
        const hr_mesh_service *svc = hr_scope_find(vb, host);
        return svc != NULL && hr_mesh_port_find(svc, scope->port) != NULL ? svc : NULL;
    }
    const hr_registry *registry = &vb->table->registry;
    const hr_mesh_service *own = hr_registry_first_of(registry, host, scope->vs_namespace);
    *merged = own == NULL || !hr_mesh_service_visible(own, view->namespace_);
    return *merged ? hr_registry_find_for_gateway(registry, host, view->namespace_) : own;
}

hr_view_destination hr_destination_resolve(hr_view_build *vb, const hr_spec_destination *in,
                                           const hr_compile_scope *scope) {
    bool merged;
    const hr_mesh_service *svc = destination_service(vb, in->host, scope, &merged);
    hr_view_destination out = {in->host, in->subset, scope->port};
    if (svc != NULL && svc->alias_of.p != NULL)
        out.host = svc->alias_of;
    if (in->port != 0)
        out.port = in->port;
    else if (svc != NULL && vb->view->gateway && (merged ? svc->n_ports : svc->n_own_ports) == 1)
        out.port = svc->ports[0].number;
    return out;
}
