/* Header operations of a route and of its destinations, as Envoy gets them from Istio. */
#ifndef HR_HEADER_OPS_H
#define HR_HEADER_OPS_H

#include "view_build.h"

/* Operations of one level, or of two that Istio puts into one: what Envoy would get from it,
 * sorted, without what cannot be changed. NULL where nothing is left. */
const hr_header_ops *hr_header_ops_compile(hr_view_build *vb,
                                           const hr_spec_header_operations *route,
                                           const hr_spec_header_operations *destination);
/* The authority that request operations set (`:authority` or Host); absent where none. */
hr_str hr_header_ops_authority(const hr_spec_header_operations *in);

#endif
