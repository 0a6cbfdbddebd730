/* A cluster's traffic policy in Envoy's numbers, with Istio's defaults. */
#ifndef HR_POLICY_DEFAULTS_H
#define HR_POLICY_DEFAULTS_H

#include "rule_index.h"

/* Envoy's numbers for the blocks, with Istio's defaults. */
void hr_traffic_policy_fill(hr_traffic_policy *out, const hr_mesh_traffic_policy *blocks);

#endif
