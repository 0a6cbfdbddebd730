/* Canary of Flagger: the resources that its controller writes for Istio while a step is under way.
 */
#ifndef HR_CANARY_H
#define HR_CANARY_H

#include "meta.h"

struct hr_resources;

/* If the load expands rollouts, reads the VirtualService that the controller writes while the step
 * of the load's options is under way, and the Services and DestinationRules that it makes beside
 * it. Each is marked as generated. A warning says which rules there are. */
void hr_read_canary(hr_reader *r, const hr_node *resource, const hr_meta *meta);
/* Gives generated VirtualServices and DestinationRules the place of loaded ones with the same
 * names, whose specs Flagger overwrites, and drops generated Services that are loaded already. */
void hr_canaries_settle(hr_arena *arena, struct hr_resources *resources);

#endif
