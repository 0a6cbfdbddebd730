/* Policies of a route: retries, faults, CORS, mirrors, the keys of consistent hashing. */
#ifndef HR_ACTION_POLICIES_H
#define HR_ACTION_POLICIES_H

#include "view_build.h"

/* Retries with Istio's defaults. NULL: none at all (attempts 0). `consistent`: a single destination
 * with a consistent hash, which keeps to its host. */
const hr_retry_policy *hr_retries_compile(hr_view_build *vb, const hr_spec_retries *in,
                                          bool consistent);

void hr_fault_compile(hr_view_action *plan, const hr_spec_fault *in);
void hr_cors_compile(hr_view_build *vb, hr_view_action *plan, const hr_spec_cors_policy *in);
void hr_mirrors_compile(hr_view_build *vb, hr_view_action *plan, const hr_spec_http_route *http,
                        const hr_compile_scope *scope);
hr_hash_policy hr_hash_policy_of(const hr_spec_load_balancer *in);

#endif
