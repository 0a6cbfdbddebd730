/*
 * localityLbSetting, as Istio applies it to the load assignment that a proxy gets: which priority
 * an endpoint has and what its locality weighs, as seen from where the caller runs.
 */
#ifndef HR_LOCALITY_SETTING_H
#define HR_LOCALITY_SETTING_H

#include "registry.h"

typedef struct hr_mesh_traffic_policy hr_mesh_traffic_policy; /* mesh/rule_index.h */

/* The members of a cluster: ready ones first, then those that are never picked. */
typedef struct hr_members {
    hr_endpoint *v;
    size_t n_ready, n;
    uint32_t *order; /* of all: as Istio lists them, by locality */
    hr_str own;      /* the caller's locality */
    bool weighted;   /* Envoy picks a locality by weight first */
} hr_members;

/* Who calls. */
typedef struct hr_caller {
    hr_str locality; /* "region/zone/subzone"; empty: unknown */
    const hr_pair *labels;
    size_t n_labels;
} hr_caller;

/* Sets priority and locality_weight of all members, takes out those that `distribute` leaves
 * nothing, and sets `order` and `weighted`. `in` has v, n_ready and n. */
void hr_locality_apply(hr_arena *arena, hr_members *in, const hr_mesh_traffic_policy *policy,
                       hr_distribution distribution, const hr_caller *caller);

#endif
