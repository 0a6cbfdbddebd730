/* Where backendRefs of the Gateway API lead, and which of them a ReferenceGrant must allow. */
#ifndef HR_GWAPI_BACKENDS_H
#define HR_GWAPI_BACKENDS_H

#include "gwapi_facts.h"

/* Where a backendRef leads. `enforce`: references into other namespaces require a ReferenceGrant.
 * The host of the result is empty if the proxy has no cluster for it at all. */
hr_backend_state hr_gwapi_backend(hr_spec_destination *out, const hr_gwapi_build_state *b,
                                  const hr_spec_gwapi_route *route,
                                  const hr_spec_gwapi_reference *ref, bool enforce);
/* The same for a mirror: a Hostname must be that of a service in the route's namespace. */
hr_backend_state hr_gwapi_mirror(hr_spec_destination *out, const hr_gwapi_build_state *b,
                                 const hr_spec_gwapi_route *route,
                                 const hr_spec_gwapi_reference *ref, bool enforce);
/* Whether a ReferenceGrant lets a resource of the kind in `from` refer to the other one. */
bool hr_gwapi_granted(const hr_table *table, hr_str kind, hr_str from, hr_str to_group,
                      hr_str to_kind, hr_str to_namespace, hr_str name);

#endif
