/* A cluster's traffic policy in Envoy's numbers, with Istio's defaults. */
#ifndef HR_POLICY_DEFAULTS_H
#define HR_POLICY_DEFAULTS_H

#include "rule_index.h"

/* Envoy's numbers for the blocks, with Istio's defaults. */
void hr_traffic_policy_fill(hr_traffic_policy *out, const hr_mesh_traffic_policy *blocks);
/* What is spoken to endpoints whose port declares `declared`. Adds to `out` what only HTTP/2 has.
 */
hr_upstream_protocol hr_traffic_policy_protocol(hr_traffic_policy *out,
                                                const hr_spec_connection_pool *in,
                                                hr_upstream_protocol declared);

#endif
