/* What the controller of Argo Rollouts makes of the VirtualServices that the steps of a Rollout
 * change. */
#ifndef HR_ROLLOUT_EXPAND_H
#define HR_ROLLOUT_EXPAND_H

#include "resources.h"

/* Changes the VirtualServices of the load to what the controller writes while the step is under
 * way: from 1; 0: that of status.currentStepIndex, else the last. After the last step the rollout
 * is complete. A warning says for each VirtualService which rules it then has. */
void hr_rollouts_expand(hr_arena *arena, hr_diagnostics *d, hr_resources *resources, int step);

#endif
