/* The entries of spec.http as routes of one view. */
#ifndef HR_ROUTE_COMPILE_H
#define HR_ROUTE_COMPILE_H

#include "http_match.h"
#include "view_build.h"

/* Routes of one VirtualService in this view; n is 0 where none survives. */
void hr_routes_compile(hr_view_build *vb, hr_route_list *out, const hr_mesh_virtual_service *vs,
                       const hr_compile_scope *scope);

/* Returns NULL if a proxy of the view keeps this match, else why it does not. */
const char *hr_match_why_omitted(const hr_view *view, const hr_match_request *m,
                                 const hr_compile_scope *scope);

/* A list of one route without conditions. */
const hr_route_list *hr_routes_single(hr_view_build *vb, const hr_view_action *plan, hr_str name);

/* What a condition on a request header (lower case) looks at: pseudo headers are other parts of the
 * request. */
hr_cond_kind hr_header_cond_kind(hr_str lower);

/* The number of a header name (lower case), given now where it is new. */
uint32_t hr_name_number(hr_view_build *vb, hr_str name);

/* The name of a claim, which hr_claim_of_header() returns as ".a.b" or "[a][b]", as "[a][b]". */
hr_str hr_claim_name(hr_arena *arena, hr_str written);

#endif
