/* What the controller of Argo Rollouts makes of the VirtualServices that the steps of a Rollout
 * change. */
#ifndef HR_ROLLOUT_EXPAND_H
#define HR_ROLLOUT_EXPAND_H

#include "http_route.h"
#include "resources.h"

/* Changes the VirtualServices of the load to what the controller writes while the step is under
 * way: from 1; 0: that of status.currentStepIndex, else the last. After the last step the rollout
 * is complete. A warning says for each VirtualService which rules it then has. */
void hr_rollouts_expand(hr_arena *arena, hr_diagnostics *d, hr_resources *resources, int step);

/* "http[0] beta -> canary 100; http[1] -> stable 80, canary 20, mirror canary": the rules of a
 * VirtualService, cut after some hundred bytes. */
hr_str hr_routes_describe(hr_arena *arena, const hr_spec_http_route *rules, size_t n);

#endif
