/* What a route does with a request, compiled: destinations, redirect, direct response, and their
 * policies. */
#ifndef HR_ACTION_H
#define HR_ACTION_H

#include "view_build.h"

/* The action of one entry of spec.http. NULL if the arena has failed, as all of these. */
const hr_view_action *hr_action_compile(hr_view_build *vb, const hr_mesh_http_route *entry,
                                        const hr_compile_scope *scope);
/* To the service itself, where no VirtualService has a say. */
const hr_view_action *hr_action_default_route(hr_view_build *vb, const hr_mesh_service *svc,
                                              uint32_t port, bool http);
/* Wherever the caller was going (outboundTrafficPolicy ALLOW_ANY). */
const hr_view_action *hr_action_passthrough(hr_view_build *vb);
/* Nowhere (REGISTRY_ONLY): the data plane answers 502, or it closes the connection. */
const hr_view_action *hr_action_blackhole(hr_view_build *vb);
const hr_view_action *hr_action_close(hr_view_build *vb);
/* httpsRedirect of a Gateway's server. */
extern const hr_view_action hr_action_https_redirect;

#endif
