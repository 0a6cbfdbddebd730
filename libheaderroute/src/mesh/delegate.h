/* Delegation: a root's entry with `delegate` stands for the entries of another VirtualService. */
#ifndef HR_DELEGATE_H
#define HR_DELEGATE_H

#include "table.h"

/* Fills vs->http from its resource; `delegates` maps "namespace/name" to the
 * hr_mesh_virtual_service without hosts. */
void hr_delegates_merge(hr_arena *arena, hr_mesh_virtual_service *vs, const hr_map *delegates);
/* Why Istio drops `leaf`, a rule of the delegate that `root` names, as a sentence about it; NULL if
 * it does not. */
const char *hr_delegate_why_dropped(const hr_spec_http_route *root, const hr_spec_http_route *leaf);

#endif
