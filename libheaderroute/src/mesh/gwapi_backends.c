/* Where backendRefs of the Gateway API lead, and which of them a ReferenceGrant must allow. */
#include "gwapi_backends.h"

#include "gwapi_route.h"
#include "reference_grant.h"
#include "resources.h"
#include "route_destination.h"
#include "text.h"

bool hr_gwapi_granted(const hr_table *table, hr_str kind, hr_str from, hr_str to_group,
                      hr_str to_kind, hr_str to_namespace, hr_str name) {
    const hr_resources *r = table->resources;
    for (size_t i = 0; i < r->n_reference_grants; i++)
        if (hr_str_eq(r->reference_grants[i].meta.namespace_, to_namespace) &&
            hr_reference_grant_allows(&r->reference_grants[i], kind, from, to_group, to_kind, name))
            return true;
    return false;
}

/* The host of a Service, and whether it is loaded. */
static hr_backend_state service_host(hr_spec_destination *out, const hr_gwapi_build_state *b,
                                     hr_str name, hr_str namespace_) {
    if (hr_str_has(name, '.'))
        return HR_BACKEND_BROKEN;
    out->host =
        hr_arena_printf(b->arena, "%.*s.%.*s.svc.%.*s", (int)name.len, name.p, (int)namespace_.len,
                        namespace_.p, (int)b->table->domain.len, b->table->domain.p);
    hr_str key = hr_arena_printf(b->arena, "%.*s/%.*s", (int)namespace_.len, namespace_.p,
                                 (int)name.len, name.p);
    return hr_map_get(&b->services, key) != NULL ? HR_BACKEND_OK : HR_BACKEND_NOT_FOUND;
}

hr_backend_state hr_gwapi_backend(hr_spec_destination *out, const hr_gwapi_build_state *b,
                                  const hr_spec_gwapi_route *route,
                                  const hr_spec_gwapi_reference *ref, bool enforce) {
    hr_str own = route->meta.namespace_, kind = hr_str_from(route->meta.kind);
    hr_str ns = ref->namespace_.p == NULL ? own : ref->namespace_;
    *out = (hr_spec_destination){.host = HR_STR(""), .pos = ref->pos};
    hr_backend_state state;
    if (enforce && !hr_str_eq(ns, own) &&
        !hr_gwapi_granted(b->table, kind, own, ref->group, ref->kind, ns, ref->name))
        return HR_BACKEND_NOT_PERMITTED;
    if ((ref->group.len == 0 && hr_str_eq_c(ref->kind, "Service")) ||
        (hr_str_eq_c(ref->group, "multicluster.x-k8s.io") &&
         hr_str_eq_c(ref->kind, "ServiceImport"))) {
        state = service_host(out, b, ref->name, ns);
    } else if (hr_str_eq_c(ref->group, "networking.istio.io") &&
               hr_str_eq_c(ref->kind, "Hostname")) {
        out->host = ref->name;
        state = ref->namespace_.p != NULL ? HR_BACKEND_BROKEN
                : hr_registry_find(&b->table->registry, ref->name, ns) != NULL
                    ? HR_BACKEND_OK
                    : HR_BACKEND_NOT_FOUND;
    } else {
        return HR_BACKEND_KIND;
    }
    out->port = ref->port;
    return ref->port == 0 ? HR_BACKEND_BROKEN : state;
}

/* Istio looks a Hostname up among the services of the route's namespace. A destination that it does
 * not find keeps its host, and a mirror is lost. */
static bool is_own_hostname(const hr_gwapi_build_state *b, const hr_spec_gwapi_route *route,
                            hr_str host) {
    const hr_registry *registry = &b->table->registry;
    for (size_t i = 0; i < registry->n_services; i++)
        if (hr_str_eq(registry->services[i]->host, host) &&
            hr_str_eq(registry->services[i]->namespace_, route->meta.namespace_))
            return true;
    return false;
}

hr_backend_state hr_gwapi_mirror(hr_spec_destination *out, const hr_gwapi_build_state *b,
                                 const hr_spec_gwapi_route *route,
                                 const hr_spec_gwapi_reference *ref, bool enforce) {
    hr_backend_state state = hr_gwapi_backend(out, b, route, ref, enforce);
    bool hostname =
        hr_str_eq_c(ref->group, "networking.istio.io") && hr_str_eq_c(ref->kind, "Hostname");
    return state == HR_BACKEND_OK && hostname && !is_own_hostname(b, route, ref->name)
               ? HR_BACKEND_NOT_FOUND
               : state;
}
