/* Who answers for a service: EndpointSlices, else Pods by selector; ServiceEntry's endpoints. */
#ifndef HR_REGISTRY_ENDPOINTS_H
#define HR_REGISTRY_ENDPOINTS_H

#include "registry.h"

typedef struct hr_endpoint_source {
    const hr_resources *resources;
    hr_map pods; /* "namespace/name" -> const hr_workload *, Pods only */
    hr_map nodes; /* name -> const hr_kube_node * */
} hr_endpoint_source;

void hr_endpoint_source_init(hr_arena *arena, hr_endpoint_source *out, const hr_resources *resources);

/* Fills the endpoints of every port. Deployments have no address, so they give none. */
void hr_service_endpoints(hr_arena *arena, hr_svc *svc, const hr_service *in, const hr_endpoint_source *source);
void hr_entry_endpoints(hr_arena *arena, hr_svc *svc, const hr_service_entry *in,
                        const hr_endpoint_source *source);

#endif
