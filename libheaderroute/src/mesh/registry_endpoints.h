/* Who answers for a service: EndpointSlices, else Pods by selector; ServiceEntry's endpoints. */
#ifndef HR_REGISTRY_ENDPOINTS_H
#define HR_REGISTRY_ENDPOINTS_H

#include "registry.h"

typedef struct hr_endpoint_source {
    const hr_resources *resources;
    hr_map pods;  /* "namespace/name" -> const hr_spec_workload *, Pods only */
    hr_map nodes; /* name -> const hr_spec_node * */
} hr_endpoint_source;

/* The cluster in which endpoints and proxies run, by Istio's default name (CLUSTER_ID): no resource
 * states it. */
#define HR_LABEL_CLUSTER "topology.istio.io/cluster"
#define HR_DEFAULT_CLUSTER "Kubernetes"

/* Whether Istio sets this label of an endpoint by where it runs. */
bool hr_label_is_topology(hr_str name);

void hr_endpoint_source_init(hr_arena *arena, hr_endpoint_source *out,
                             const hr_resources *resources);

/* Whether the Node of a pod is loaded. *out then has the labels that an endpoint of the pod has,
 * whether or not the pod is ready. */
bool hr_pod_is_placed(hr_endpoint *out, hr_arena *arena, const hr_endpoint_source *source,
                      const hr_spec_workload *pod);

/* Fills the endpoints of every port. Deployments have no address, so they give none. */
void hr_mesh_service_endpoints(hr_arena *arena, hr_mesh_service *svc, const hr_spec_service *in,
                               const hr_endpoint_source *source);
void hr_mesh_entry_endpoints(hr_arena *arena, hr_mesh_service *svc, const hr_spec_service_entry *in,
                             const hr_endpoint_source *source);

#endif
