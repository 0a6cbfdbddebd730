/* Listeners of the Gateway API, and the servers that Istio makes of them. */
#ifndef HR_GWAPI_LISTENERS_H
#define HR_GWAPI_LISTENERS_H

#include "gwapi_facts.h"
#include "gwapi_gateway.h"

/* The Gateway or ListenerSet that has the listener. */
static inline const hr_meta *hr_listener_owner(const hr_mesh_listener *listener) {
    return listener->set != NULL ? &listener->set->meta : &listener->gateway->meta;
}

/* Its kind, as the `from` of a ReferenceGrant has it. */
static inline hr_str hr_listener_owner_kind(const hr_mesh_listener *listener) {
    return listener->set != NULL ? HR_STR("ListenerSet") : HR_STR("Gateway");
}

/* The namespace of the Secret that one of its certificateRefs means. */
static inline hr_str hr_listener_secret_namespace(const hr_mesh_listener *listener,
                                                  const hr_spec_gwapi_reference *ref) {
    return ref->namespace_.p == NULL ? hr_listener_owner(listener)->namespace_ : ref->namespace_;
}

/* Whether one of its certificateRefs is a Secret of the owner's namespace, or one that a
 * ReferenceGrant permits. */
bool hr_listener_may_use(const hr_table *table, const hr_mesh_listener *listener,
                         const hr_spec_gwapi_reference *ref);
/* Whether routes can be attached: a listener that is not programmed can still be a parent. */
bool hr_listener_is_parent(const hr_mesh_listener *listener);
/* Whether it is of HTTP, so that HTTPRoutes and GRPCRoutes can be attached. */
bool hr_listener_is_http(const hr_mesh_listener *listener);

/* Fills the listeners of b->gwapi, and the table's gwapi_gateways. */
void hr_gwapi_build_listeners(hr_gwapi_build_state *b);

#endif
