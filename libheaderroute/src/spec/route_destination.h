/* Destination, HTTPRouteDestination and RouteDestination: where a route leads, and by which weight.
 */
#ifndef HR_ROUTE_DESTINATION_H
#define HR_ROUTE_DESTINATION_H

#include "header_operations.h"

typedef struct hr_spec_destination {
    hr_str host, subset;
    uint32_t port; /* 0: unset */
    hr_pos pos, host_pos, subset_pos, port_pos;
} hr_spec_destination;

typedef struct hr_spec_route_destination { /* HTTPRouteDestination */
    hr_spec_destination destination;
    int64_t weight; /* 0 if absent */
    bool has_weight;
    hr_spec_headers headers;
    hr_pos pos;
} hr_spec_route_destination;

extern const hr_schema hr_destination_schema;       /* hr_spec_destination */
extern const hr_schema hr_route_destination_schema; /* hr_spec_route_destination, of an HTTPRoute */
extern const hr_schema
    hr_l4_destination_schema; /* hr_spec_route_destination, of a TCPRoute or TLSRoute */

/* Checks the weighted list `route` of an HTTP, TCP or TLS route. */
void hr_check_route_list(hr_reader *r, const hr_node *route);

#endif
