/* EndpointSlice and Endpoints of Kubernetes: the addresses behind a Service and their state. */
#ifndef HR_ENDPOINT_SLICE_H
#define HR_ENDPOINT_SLICE_H

#include "meta.h"
#include "port.h"
#include "resources.h"

typedef struct hr_spec_slice_endpoint {
    hr_str_list addresses;
    hr_str target_kind, target_name, target_namespace, hostname, node_name, zone;
    bool ready, serving, terminating;
    hr_pos pos;
} hr_spec_slice_endpoint;

typedef struct hr_spec_endpoint_slice {
    hr_meta meta; /* label kubernetes.io/service-name names the Service */
    hr_str address_type, service_name;
    hr_spec_slice_endpoint *endpoints;
    size_t n_endpoints;
    hr_spec_port *ports; /* name and number */
    size_t n_ports;
    bool of_endpoints; /* a subset of an Endpoints resource */
    hr_pos pos;
} hr_spec_endpoint_slice;

/* `resource` is the whole document; `meta` is its metadata, with the default namespace filled in.
 */
void hr_read_endpoint_slice(hr_reader *r, const hr_node *resource, const hr_meta *meta);
/* Endpoints of the group "": each subset becomes an EndpointSlice. */
void hr_read_endpoints(hr_reader *r, const hr_node *resource, const hr_meta *meta);
/* A cluster keeps an EndpointSlice for each Endpoints resource: the latter is used only if the load
 * has none of the Service. */
void hr_endpoints_drop_mirrored(hr_arena *arena, hr_resources *resources);

#endif
