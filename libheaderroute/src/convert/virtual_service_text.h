/* A rule of spec.http as YAML. */
#ifndef HR_VIRTUAL_SERVICE_TEXT_H
#define HR_VIRTUAL_SERVICE_TEXT_H

#include "conversion.h"

/* Writes the rule that Istio makes of one match of an HTTPRoute or GRPCRoute, as one item of
 * spec.http or two. `port` restricts it to a port of its Gateway; 0: any. */
void hr_virtual_service_put_rule(hr_conversion_state *s, hr_yaml_text *t,
                                 const hr_mesh_http_route *entry, uint32_t port);

#endif
