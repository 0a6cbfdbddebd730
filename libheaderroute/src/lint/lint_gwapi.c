/*
 * Warnings about resources of the Gateway API, of what a controller would say in their status:
 * routes that are not accepted by a parent, references that are not resolved, listeners that are
 * not programmed.
 */
#include "lint_gwapi.h"

#include "backend_tls.h"
#include "backend_tls_policy.h"
#include "diag.h"
#include "gwapi_facts.h"
#include "gwapi_gateway.h"
#include "gwapi_route.h"
#include "resources.h"
#include "text.h"
#include "workload.h"

/* ---- listeners ---- */

static const hr_spec_gateway_class *class_of(const hr_linter *l, hr_str name) {
    for (size_t i = 0; i < l->resources->n_gateway_classes; i++)
        if (hr_str_eq(l->resources->gateway_classes[i].meta.name, name))
            return &l->resources->gateway_classes[i];
    return NULL;
}

static void lint_class(hr_linter *l, const hr_spec_gwapi_gateway *gateway, bool istios) {
    const hr_spec_gateway_class *class = class_of(l, gateway->class_name);
    bool waypoint = class == NULL ? hr_str_starts(gateway->class_name, HR_STR("istio-"))
                                  : hr_str_starts(class->controller_name, HR_STR("istio.io/"));
    if (!istios && waypoint)
        hr_diag_note(
            l->d, gateway->pos, "gateway-not-istios", "spec.gatewayClassName",
            "the class \"%.*s\" is for waypoints and gateways between clusters, to which "
            "Istio gives no rules of a VirtualService: this Gateway and the routes attached "
            "to it are not evaluated",
            HR_LINT_STR(gateway->class_name));
    else if (!istios)
        hr_diag_note(l->d, gateway->pos, "gateway-not-istios", "spec.gatewayClassName",
                     "the class \"%.*s\" is that of another controller: this Gateway and the "
                     "routes attached to it are not evaluated",
                     HR_LINT_STR(gateway->class_name));
    else if (class == NULL && !hr_str_eq_c(gateway->class_name, "istio"))
        hr_diag_note(l->d, gateway->pos, "gateway-class-unknown", "spec.gatewayClassName",
                     "no GatewayClass \"%.*s\" is loaded: it is taken for one of Istio's",
                     HR_LINT_STR(gateway->class_name));
}

static void lint_listener(hr_linter *l, const hr_mesh_listener *listener, size_t index) {
    const hr_spec_listener *spec = listener->spec;
    const char *field = HR_LINT_FIELD(l, "spec.listeners[%zu]", index);
    switch (listener->state) {
    case HR_LISTENER_USED:
    case HR_LISTENER_NOT_ISTIOS: /* found for the Gateway as a whole */
    case HR_LISTENER_NO_ADDRESS:
    case HR_LISTENER_NO_PROXIES:
    case HR_LISTENER_NOT_ALLOWED: /* found for the ListenerSet as a whole */
        return;
    case HR_LISTENER_CONFLICTED:
        hr_diag_note(l->d, spec->pos, "listener-conflict", field,
                     "is not used: the listener \"%.*s\" (%.*s:%d) before it has the port %u and "
                     "the same hostname",
                     HR_LINT_STR(listener->winner->name), HR_LINT_STR(listener->winner->pos.file),
                     listener->winner->pos.line, (unsigned)spec->port);
        return;
    case HR_LISTENER_NO_TLS:
        hr_diag_note(l->d, spec->pos, "listener-not-programmed", field,
                     "is not used: the protocol %.*s requires tls", HR_LINT_STR(spec->protocol));
        return;
    case HR_LISTENER_BAD_PROTOCOL:
        hr_diag_note(l->d, spec->pos, "listener-not-programmed", field,
                     "is not used: Istio does not have the protocol \"%.*s\"",
                     HR_LINT_STR(spec->protocol));
        return;
    case HR_LISTENER_NO_CERTIFICATE:
        hr_diag_note(l->d, spec->pos, "listener-not-programmed", field,
                     "is not used: none of its certificateRefs is a Secret that it may use; one in "
                     "another namespace needs a ReferenceGrant there");
        return;
    }
}

static void lint_addresses(hr_linter *l, const hr_mesh_listener *listener) {
    const hr_spec_gwapi_gateway *gateway = listener->gateway;
    if (listener->state == HR_LISTENER_NO_ADDRESS)
        hr_diag_note(l->d, gateway->addresses[0].pos, "gateway-not-programmed", "spec.addresses",
                     "the Gateway is not used: Istio takes one IPAddress, or addresses of the type "
                     "Hostname");
    if (listener->state == HR_LISTENER_NO_PROXIES)
        hr_diag_note(l->d, gateway->addresses[0].pos, "gateway-not-programmed", "spec.addresses",
                     "no proxy serves the Gateway: a Hostname must be a Service in its own "
                     "namespace %.*s",
                     HR_LINT_STR(gateway->meta.namespace_));
}

static void lint_listeners(hr_linter *l, const hr_gwapi *gwapi) {
    size_t index = 0;
    for (size_t i = 0; i < gwapi->n_listeners && !hr_arena_failed(l->arena); i++) {
        const hr_mesh_listener *listener = &gwapi->listeners[i];
        bool first = i == 0 || listener->gateway != gwapi->listeners[i - 1].gateway;
        index = first || listener->set != gwapi->listeners[i - 1].set ? 0 : index + 1;
        if (first)
            lint_class(l, listener->gateway, listener->state != HR_LISTENER_NOT_ISTIOS);
        if (first)
            lint_addresses(l, listener);
        lint_listener(l, listener, index);
    }
}

/* ---- ListenerSets ---- */

static const hr_mesh_listener *listener_of_set(const hr_gwapi *gwapi,
                                               const hr_spec_listener_set *set) {
    for (size_t i = 0; i < gwapi->n_listeners; i++)
        if (gwapi->listeners[i].set == set)
            return &gwapi->listeners[i];
    return NULL;
}

static void lint_listener_set(hr_linter *l, const hr_gwapi *gwapi,
                              const hr_spec_listener_set *set) {
    const hr_spec_gwapi_reference *p = &set->parent;
    const hr_mesh_listener *listener = listener_of_set(gwapi, set);
    hr_str ns = p->namespace_.p == NULL ? set->meta.namespace_ : p->namespace_;
    if (listener == NULL)
        hr_diag_note(l->d, p->pos, "listener-set-not-attached", "spec.parentRef",
                     "its listeners are not used: no %.*s %.*s/%.*s is loaded",
                     HR_LINT_STR(p->kind), HR_LINT_STR(ns), HR_LINT_STR(p->name));
    else if (listener->state == HR_LISTENER_NOT_ALLOWED)
        hr_diag_note(l->d, p->pos, "listener-set-not-attached", "spec.parentRef",
                     "its listeners are not used: allowedListeners of the Gateway (%.*s:%d) takes "
                     "no ListenerSets of the namespace %.*s",
                     HR_LINT_STR(listener->gateway->pos.file), listener->gateway->pos.line,
                     HR_LINT_STR(set->meta.namespace_));
}

/* ---- parents ---- */

/* Of the listeners that a parentRef means, the one that came closest to accepting the route. */
static const hr_mesh_attachment *closest(const hr_mesh_attachment *v, size_t n) {
    const hr_mesh_attachment *best = &v[0];
    for (size_t i = 0; i < n; i++) {
        if (v[i].state == HR_ATTACHED)
            return NULL;
        if (v[i].state > best->state)
            best = &v[i];
    }
    return best;
}

static hr_str listener_words(hr_linter *l, const hr_mesh_listener *listener) {
    return hr_arena_printf(l->arena, "listener \"%.*s\" (%.*s:%d)",
                           HR_LINT_STR(listener->spec->name), HR_LINT_STR(listener->spec->pos.file),
                           listener->spec->pos.line);
}

static const char *why_denied(hr_linter *l, const hr_mesh_attachment *a) {
    const hr_spec_gwapi_reference *p = a->parent;
    hr_str ns = p->namespace_.p == NULL ? a->route->meta.namespace_ : p->namespace_;
    hr_str at = a->listener == NULL ? HR_STR("") : listener_words(l, a->listener);
    switch (a->state) {
    case HR_ATTACHED:
        break;
    case HR_DENIED_NO_PARENT:
        return HR_LINT_FIELD(l, "no %.*s %.*s/%.*s that Istio has is loaded", HR_LINT_STR(p->kind),
                             HR_LINT_STR(ns), HR_LINT_STR(p->name));
    case HR_DENIED_KIND:
        return HR_LINT_FIELD(l, "a parent of the kind %.*s is not evaluated", HR_LINT_STR(p->kind));
    case HR_DENIED_PORT:
        return HR_LINT_FIELD(l, "the %.*s has no listener on port %u", HR_LINT_STR(p->kind),
                             (unsigned)p->port);
    case HR_DENIED_SECTION:
        return HR_LINT_FIELD(l, "the %.*s has no listener \"%.*s\"%s", HR_LINT_STR(p->kind),
                             HR_LINT_STR(p->section), p->port == 0 ? "" : " on that port");
    case HR_DENIED_HOSTNAME:
        return HR_LINT_FIELD(l, "none of its hostnames is one of the %.*s", HR_LINT_STR(at));
    case HR_DENIED_NAMESPACE:
        return HR_LINT_FIELD(l, "the %.*s takes no routes of the namespace %.*s", HR_LINT_STR(at),
                             HR_LINT_STR(a->route->meta.namespace_));
    case HR_DENIED_ROUTE_KIND:
        return HR_LINT_FIELD(l, "the %.*s takes no routes of the kind %s", HR_LINT_STR(at),
                             a->route->meta.kind);
    }
    return "";
}

static bool has_workloads(const hr_resources *r, hr_str ns) {
    for (size_t i = 0; i < r->n_workloads; i++)
        if (hr_str_eq(r->workloads[i].meta.namespace_, ns))
            return true;
    return false;
}

/* A route in another namespace than its Service is for callers of its own namespace alone. */
static void lint_consumer(hr_linter *l, const hr_mesh_attachment *a, size_t index) {
    hr_str own = a->route->meta.namespace_;
    hr_str ns = a->parent->namespace_.p == NULL ? own : a->parent->namespace_;
    if (a->state != HR_ATTACHED || a->listener != NULL || hr_str_eq(ns, own) ||
        l->resources->n_workloads == 0 || has_workloads(l->resources, own))
        return;
    hr_diag_note(l->d, a->parent->pos, "route-without-callers",
                 HR_LINT_FIELD(l, "spec.parentRefs[%zu]", index),
                 "the route has no effect: it applies to callers of its own namespace %.*s, where "
                 "no pod is loaded, since the %.*s is in the namespace %.*s",
                 HR_LINT_STR(own), HR_LINT_STR(a->parent->kind), HR_LINT_STR(ns));
}

static void lint_attachments(hr_linter *l, const hr_gwapi *gwapi) {
    const hr_mesh_attachment *v = gwapi->attachments.v;
    for (size_t i = 0, end; i < gwapi->attachments.n && !hr_arena_failed(l->arena); i = end) {
        for (end = i + 1; end < gwapi->attachments.n && v[end].parent == v[i].parent;)
            end++;
        const hr_mesh_attachment *denied = closest(v + i, end - i);
        size_t index = (size_t)(v[i].parent - v[i].route->parents);
        lint_consumer(l, &v[i], index);
        if (denied != NULL)
            hr_diag_note(l->d, v[i].parent->pos, "route-not-attached",
                         HR_LINT_FIELD(l, "spec.parentRefs[%zu]", index),
                         "the route is not attached: %s", why_denied(l, denied));
    }
    for (size_t i = 0; i < l->resources->n_gwapi_routes; i++)
        if (l->resources->gwapi_routes[i].n_parents == 0)
            hr_diag_note(l->d, l->resources->gwapi_routes[i].pos, "route-not-attached",
                         "spec.parentRefs", "the route has no parent and no effect");
}

/* ---- backends and filters ---- */

static void lint_backend(hr_linter *l, const hr_mesh_bad_backend *bad) {
    const hr_spec_gwapi_reference *ref = bad->ref;
    hr_str ns = ref->namespace_.p == NULL ? bad->route->meta.namespace_ : ref->namespace_;
    const char *result = !bad->mirror                   ? "it answers 500 for its share"
                         : hr_gwapi_is_grpc(bad->route) ? "Istio drops all rules of the route"
                                                        : "no request is mirrored to it";
    const char *field =
        HR_LINT_FIELD(l, "spec.rules[%zu].%s", bad->rule, bad->mirror ? "filters" : "backendRefs");
    switch (bad->state) {
    case HR_BACKEND_OK:
        return;
    case HR_BACKEND_NOT_FOUND:
        if (l->resources->n_services > 0)
            hr_diag_note(l->d, ref->pos, "backend-unknown", field,
                         "no %.*s %.*s/%.*s is loaded: %s", HR_LINT_STR(ref->kind), HR_LINT_STR(ns),
                         HR_LINT_STR(ref->name), result);
        return;
    case HR_BACKEND_NOT_PERMITTED:
        hr_diag_note(
            l->d, ref->pos, "backend-not-permitted", field,
            "no ReferenceGrant in the namespace %.*s allows the kind %s in %.*s to refer to "
            "%.*s %.*s: %s",
            HR_LINT_STR(ns), bad->route->meta.kind, HR_LINT_STR(bad->route->meta.namespace_),
            HR_LINT_STR(ref->kind), HR_LINT_STR(ref->name), result);
        return;
    case HR_BACKEND_KIND:
        hr_diag_note(l->d, ref->pos, "backend-kind", field,
                     "Istio does not route to the kind %.*s of the group \"%.*s\": %s",
                     HR_LINT_STR(ref->kind), HR_LINT_STR(ref->group), result);
        return;
    case HR_BACKEND_BROKEN:
        hr_diag_note(l->d, ref->pos, "route-dropped", field,
                     "Istio drops all rules of the route, because this reference is not valid");
        return;
    }
}

static void lint_filters(hr_linter *l, const hr_spec_gwapi_filters *filters, const char *field) {
    if (filters->unsupported.p != NULL)
        hr_diag_note(l->d, filters->unsupported_pos, "route-dropped", field,
                     "Istio drops all rules of the route, because it does not have filters of the "
                     "type %.*s here",
                     HR_LINT_STR(filters->unsupported));
}

static void lint_route_filters(hr_linter *l, const hr_spec_gwapi_route *route) {
    for (size_t r = 0; r < route->n_rules && !hr_arena_failed(l->arena); r++) {
        const hr_spec_gwapi_rule *rule = &route->rules[r];
        lint_filters(l, &rule->filters, HR_LINT_FIELD(l, "spec.rules[%zu].filters", r));
        for (size_t b = 0; b < rule->n_backends; b++)
            if (rule->backends[b].weight > 0)
                lint_filters(l, &rule->backends[b].filters,
                             HR_LINT_FIELD(l, "spec.rules[%zu].backendRefs[%zu].filters", r, b));
    }
}

/* ---- BackendTLSPolicies ---- */

static const char *why_no_target(hr_linter *l, const hr_spec_backend_tls_policy *policy,
                                 size_t index) {
    const hr_spec_backend_tls_policy *winner;
    const hr_spec_gwapi_reference *ref = &policy->targets[index];
    switch (hr_backend_tls_target(&winner, l->table->backend_tls, policy, index)) {
    case HR_TLS_TARGET_OK:
        return NULL;
    case HR_TLS_TARGET_KIND:
        return HR_LINT_FIELD(l, "Istio does not have targets of the kind %.*s",
                             HR_LINT_STR(ref->kind));
    case HR_TLS_TARGET_NOT_FOUND:
        return HR_LINT_FIELD(l, "no %.*s %.*s/%.*s is loaded", HR_LINT_STR(ref->kind),
                             HR_LINT_STR(policy->meta.namespace_), HR_LINT_STR(ref->name));
    case HR_TLS_TARGET_NO_PORT:
        return HR_LINT_FIELD(l, "the %.*s %.*s has no port \"%.*s\"", HR_LINT_STR(ref->kind),
                             HR_LINT_STR(ref->name), HR_LINT_STR(ref->section));
    case HR_TLS_TARGET_CONFLICTED:
        return HR_LINT_FIELD(l, "the BackendTLSPolicy %s, which comes first, has the same target",
                             hr_lint_name(l, &winner->meta, winner->pos));
    }
    return NULL;
}

static void lint_backend_tls(hr_linter *l, const hr_spec_backend_tls_policy *policy) {
    for (size_t i = 0; i < policy->n_targets && !hr_arena_failed(l->arena); i++) {
        const char *why = why_no_target(l, policy, i);
        if (why != NULL)
            hr_diag_note(l->d, policy->targets[i].pos, "backend-tls-not-attached",
                         HR_LINT_FIELD(l, "spec.targetRefs[%zu]", i),
                         "the policy has no effect on this target: %s", why);
    }
    if (!hr_backend_tls_has_ca(policy))
        hr_diag_note(
            l->d, policy->ca_certificates[0].pos, "backend-tls-no-ca",
            "spec.validation.caCertificateRefs[0]",
            "Istio takes certificates of authorities from a ConfigMap alone, and this is a "
            "%.*s: gateways make no connection to the backends, and sidecars one without "
            "TLS",
            HR_LINT_STR(policy->ca_certificates[0].kind));
}

void hr_lint_gwapi(hr_linter *l) {
    const hr_gwapi *gwapi = l->table->gwapi;
    lint_listeners(l, gwapi);
    for (size_t i = 0; i < l->resources->n_listener_sets && !hr_arena_failed(l->arena); i++)
        lint_listener_set(l, gwapi, &l->resources->listener_sets[i]);
    for (size_t i = 0; i < l->resources->n_backend_tls_policies; i++)
        if (!l->resources->backend_tls_policies[i].ignored)
            lint_backend_tls(l, &l->resources->backend_tls_policies[i]);
    lint_attachments(l, gwapi);
    for (size_t i = 0; i < gwapi->bad_backends.n && !hr_arena_failed(l->arena); i++)
        lint_backend(l, &gwapi->bad_backends.v[i]);
    for (size_t i = 0; i < l->resources->n_gwapi_routes && !hr_arena_failed(l->arena); i++)
        lint_route_filters(l, &l->resources->gwapi_routes[i]);
}
