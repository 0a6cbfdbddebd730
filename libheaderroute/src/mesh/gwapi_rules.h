/* Rules of HTTPRoutes and GRPCRoutes as entries of a VirtualService's spec.http. */
#ifndef HR_GWAPI_RULES_H
#define HR_GWAPI_RULES_H

#include "gwapi_facts.h"

/* One match of a rule. */
typedef struct hr_gwapi_rule {
    hr_mesh_http_route entry;
    size_t path_length; /* as precedence counts it */
} hr_gwapi_rule;

/* The rules of a route in the order in which they are tried, one a match. NULL with *n = 0 if Istio
 * drops the route. `port` is that of a parentRef to a Service; 0: none. */
hr_gwapi_rule *hr_gwapi_rules(size_t *n, hr_gwapi_build_state *b, const hr_spec_gwapi_route *route,
                              bool mesh, uint32_t port);
/* Sorts rules by the precedence of the Gateway API; equals stay in order. */
void hr_gwapi_sort(hr_arena *arena, hr_gwapi_rule *rules, size_t n);

#endif
