/* Proxies as the linter takes them: which Gateways and namespaces call others, and what they see.
 */
#ifndef HR_LINT_CALLERS_H
#define HR_LINT_CALLERS_H

#include "linter.h"

void hr_lint_callers(hr_linter *l);
/* Whether the VirtualService names the Gateway, or "mesh". */
bool hr_lint_bound_to(const hr_mesh_virtual_service *vs, hr_str gateway);
bool hr_lint_selects(const hr_spec_gateway *gateway, const hr_spec_workload *pod);
/* Whether a pod of the Gateway sees the VirtualService. Where none is loaded, they are taken to run
 * in the Gateway's namespace. */
bool hr_lint_seen_by(hr_linter *l, const hr_mesh_gateway *gateway,
                     const hr_mesh_virtual_service *vs);

#endif
