/* HTTPRoute: one rule of a VirtualService with its matches, its action and its policies. */
#ifndef HR_HTTP_ROUTE_H
#define HR_HTTP_ROUTE_H

#include "http_action.h"
#include "http_match.h"
#include "http_policies.h"
#include "route_destination.h"

typedef struct hr_spec_http_route { /* HTTPRoute. Pointers are NULL where the field is absent. */
    hr_str name;
    hr_match_request *match;
    size_t n_match;
    hr_spec_route_destination *route;
    size_t n_route;
    hr_spec_redirect *redirect;
    hr_spec_direct_response *direct_response;
    bool has_delegate;
    hr_str delegate_name, delegate_namespace;
    hr_spec_rewrite *rewrite;
    int64_t timeout_ns; /* -1: unset */
    hr_spec_retries *retries;
    hr_spec_fault *fault;
    hr_spec_mirror *mirror;   /* the single `mirror`, with mirrorPercentage folded in by compile */
    double mirror_percentage; /* -1: unset */
    int64_t mirror_percent;   /* deprecated mirrorPercent / mirror_percent; -1: unset */
    hr_spec_mirror *mirrors;
    size_t n_mirrors;
    hr_spec_cors_policy *cors_policy;
    hr_spec_headers headers;
    hr_pos pos;
} hr_spec_http_route;

extern const hr_schema hr_http_route_schema;

/* Checks the fields that cannot be combined. `delegate`: the route belongs to a VirtualService
 * without hosts. */
void hr_check_http_route_role(hr_reader *r, const hr_node *route, bool delegate);

#endif
