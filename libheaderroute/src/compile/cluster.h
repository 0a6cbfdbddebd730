/* Clusters: a service's port, whole or one subset of it, with its policy and its members. */
#ifndef HR_CLUSTER_H
#define HR_CLUSTER_H

#include "view_build.h"

/* The service that a destination of a rule means, NULL: none. */
const hr_mesh_service *hr_view_service(const hr_view_build *vb, hr_str host);
/* The cluster of a name's parts, NULL where Envoy would have none. */
const hr_cluster *hr_cluster_get(hr_view_build *vb, hr_str host, uint32_t port, hr_str subset);
/* "outbound|PORT|SUBSET|HOST" */
hr_str hr_cluster_name(hr_arena *arena, hr_str host, uint32_t port, hr_str subset);
/* The DestinationRule that governs a service in this view, NULL: none. */
const hr_mesh_destination_rule *hr_view_rule(hr_view_build *vb, const hr_mesh_service *svc);

#endif
