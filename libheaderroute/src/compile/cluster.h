/* Clusters: a service's port, whole or one subset of it, with its policy and its members. */
#ifndef HR_CLUSTER_H
#define HR_CLUSTER_H

#include "view_build.h"

/* The service that a destination of a rule means, NULL: none. */
const hr_mesh_service *hr_view_service(const hr_view_build *vb, hr_str host);
/* What a cluster's name leads to, and which part of it does not exist. */
typedef struct hr_cluster_place {
    const hr_mesh_service *svc;           /* NULL: none */
    const hr_mesh_port *port;             /* NULL: none */
    const hr_mesh_destination_rule *rule; /* NULL: none */
    const hr_spec_subset *subset;         /* NULL: none, or none is asked for */
} hr_cluster_place;
typedef enum hr_cluster_lack {
    HR_CLUSTER_COMPLETE,
    HR_CLUSTER_NO_SERVICE,
    HR_CLUSTER_NO_PORT,
    HR_CLUSTER_UDP,
    HR_CLUSTER_ALIAS, /* of an ExternalName, which has no cluster of its own */
    HR_CLUSTER_NO_SUBSET
} hr_cluster_lack;
hr_cluster_lack hr_cluster_look_up(hr_cluster_place *out, hr_view_build *vb, hr_str host,
                                   uint32_t port, hr_str subset);
/* The cluster of a name's parts, NULL where Envoy would have none. */
const hr_cluster *hr_cluster_get(hr_view_build *vb, hr_str host, uint32_t port, hr_str subset);
/* "outbound|PORT|SUBSET|HOST" */
hr_str hr_cluster_name(hr_arena *arena, hr_str host, uint32_t port, hr_str subset);
/* The DestinationRule that governs a service in this view, NULL: none. */
const hr_mesh_destination_rule *hr_view_rule(hr_view_build *vb, const hr_mesh_service *svc);

#endif
