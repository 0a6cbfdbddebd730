/* Clusters of a load without Pods: whether their endpoints are known, and which workloads make
 * them. */
#ifndef HR_CLUSTER_WORKLOADS_H
#define HR_CLUSTER_WORKLOADS_H

#include "view_build.h"

/* Sets `endpoints_known` and the workloads of a cluster with `n_members` endpoints, ready or not.
 */
void hr_cluster_find_workloads(hr_view_build *vb, hr_cluster *cluster, const hr_mesh_service *svc,
                               size_t n_members);

#endif
