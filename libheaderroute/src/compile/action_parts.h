/* The parts of a route's action that have rules of their own. */
#ifndef HR_ACTION_PARTS_H
#define HR_ACTION_PARTS_H

#include "view.h"

/* Retries with Istio's defaults. NULL: none at all (attempts 0). `consistent`: a single destination with
 * a consistent hash, which keeps to its host. */
const hr_retry_policy *hr_retries_compile(hr_view_build *vb, const hr_retries *in, bool consistent);

void hr_fault_compile(hr_action_plan *plan, const hr_fault *in);
void hr_cors_compile(hr_view_build *vb, hr_action_plan *plan, const hr_cors_spec *in);
void hr_mirrors_compile(hr_view_build *vb, hr_action_plan *plan, const hr_http_route *http,
                        const hr_compile_scope *scope);
hr_hash_policy hr_hash_policy_of(const hr_lb_settings *in);

/* Operations of one level, or of two that Istio puts into one: what Envoy would get from it, sorted, without
 * what cannot be changed. NULL where nothing is left. */
const hr_header_ops *hr_header_ops_compile(hr_view_build *vb, const hr_header_operations *route,
                                           const hr_header_operations *destination);
/* The authority that request operations set (`:authority` or Host); absent where none. */
hr_str hr_header_ops_authority(const hr_header_operations *in);

/* action_compile.c */
void hr_action_mirror_cluster(hr_view_build *vb, hr_mirror *out, const hr_destination *in,
                              const hr_compile_scope *scope);

#endif
