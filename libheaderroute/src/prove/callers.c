/* Which namespaces of callers can see the mesh otherwise than all that no resource names. */
#include "callers.h"

#include "backend_tls_policy.h"
#include "destination_rule.h"
#include "host_names.h"
#include "http_match.h"
#include "resources.h"
#include "sidecar.h"
#include "virtual_service.h"

/*
 * A mesh view reads the caller's namespace for these alone, each of which is looked at below:
 * exportTo of services, VirtualServices and DestinationRules; sourceNamespace; the caller's own
 * service among several of one host, and its own DestinationRules; routes of the Gateway API in its
 * namespace; its Sidecar, and `.` in the imports of that of the root namespace; the names that
 * leave a service's namespace out.
 */
typedef struct caller {
    hr_arena *arena;
    const hr_table *table;
    hr_str namespace_, inside; /* inside: ".NAMESPACE.svc." */
    bool short_names;          /* a host has a short name for this caller */
} caller;

static bool names_caller(const caller *c, const hr_str *names, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (hr_str_eq(names[i], c->namespace_))
            return true;
    return false;
}

static bool lies_with_caller(const caller *c, hr_str namespace_) {
    return hr_str_eq(namespace_, c->namespace_);
}

/* ---- names that leave the namespace out ---- */

static bool has_short_name(const caller *c, hr_str host) {
    for (size_t i = 0; i + c->inside.len <= host.len; i++)
        if (memcmp(host.p + i, c->inside.p, c->inside.len) == 0)
            return true;
    return false;
}

/* Another host than the short name's own could take requests that state the short name. */
static bool meets_short_names(hr_str host) {
    return hr_str_find(host, '.', 0) == host.len;
}

static bool reads_authority(const caller *c, const hr_named_match *v, size_t n) {
    for (size_t i = 0; i < n; i++) {
        hr_str name = hr_arena_lower(c->arena, v[i].name);
        if (hr_str_eq_c(name, ":authority") || hr_str_eq_c(name, "host"))
            return true;
    }
    return false;
}

static bool match_reads_authority(const caller *c, const hr_match_request *m) {
    return m->authority.kind != HR_SM_NONE || reads_authority(c, m->headers, m->n_headers) ||
           reads_authority(c, m->without_headers, m->n_without_headers);
}

/* ---- resources ---- */

static bool is_of_mesh(const hr_mesh_virtual_service *vs) {
    for (size_t i = 0; i < vs->n_gateways; i++)
        if (hr_str_eq_c(vs->gateways[i], "mesh"))
            return true;
    return false;
}

static bool matches_differ(const caller *c, const hr_spec_http_route *http) {
    for (size_t m = 0; m < http->n_match; m++) {
        const hr_match_request *match = &http->match[m];
        if (lies_with_caller(c, match->source_namespace) ||
            (c->short_names && match_reads_authority(c, match)))
            return true;
    }
    return false;
}

static bool rule_differs(const caller *c, const hr_mesh_virtual_service *vs) {
    if (!is_of_mesh(vs))
        return false;
    if ((vs->gateway_api && lies_with_caller(c, vs->resource->meta.namespace_)) ||
        (!vs->public_ && names_caller(c, vs->export_to, vs->n_export_to)))
        return true;
    for (size_t h = 0; h < vs->n_hosts && c->short_names; h++)
        if (meets_short_names(vs->hosts[h]))
            return true;
    for (size_t h = 0; h < vs->n_http; h++)
        if (matches_differ(c, vs->http[h].http))
            return true;
    return false;
}

/* A headless service has names below its short one, too. */
static bool service_differs(const caller *c, const hr_mesh_service *svc) {
    bool own = lies_with_caller(c, svc->namespace_);
    if (!hr_mesh_service_is_public(svc) && (own || hr_mesh_service_visible(svc, c->namespace_)))
        return true;
    if (own && svc->kubernetes && svc->resolution == HR_RESOLUTION_PASSTHROUGH)
        return true;
    bool several = svc->next != NULL;
    for (const hr_mesh_service *s = svc; several && s != NULL; s = s->next)
        if (lies_with_caller(c, s->namespace_))
            return true;
    return c->short_names && meets_short_names(svc->host);
}

static bool is_public(const hr_str_list *export_to) {
    for (size_t i = 0; i < export_to->n; i++)
        if (hr_str_eq_c(export_to->v[i], "*"))
            return true;
    return export_to->n == 0;
}

/* A public rule for services of its own namespace holds for all callers alike. */
static bool destination_rule_differs(const caller *c, const hr_spec_destination_rule *rule) {
    const hr_registry *registry = &c->table->registry;
    bool own = lies_with_caller(c, rule->meta.namespace_);
    if (own && (rule->has_selector || !is_public(&rule->export_to)))
        return true;
    if (!own)
        return names_caller(c, rule->export_to.v, rule->export_to.n);
    hr_str host = hr_arena_lower(
        c->arena, hr_resolve_host(c->arena, rule->host, rule->meta.namespace_, c->table->domain));
    for (size_t i = 0; i < registry->n_services; i++)
        if (!lies_with_caller(c, registry->services[i]->namespace_) &&
            hr_host_overlaps(host, registry->services[i]->host))
            return true;
    return false;
}

/* `./HOST` and `~./HOST` are of the caller's namespace, where the Sidecar is the root's. */
static bool imports_own(const hr_spec_sidecar *sidecar) {
    for (size_t i = 0; i < sidecar->n_egress; i++)
        for (size_t h = 0; h < sidecar->egress[i].hosts.n; h++) {
            hr_str host = sidecar->egress[i].hosts.v[h];
            if (hr_str_starts(host, HR_STR("./")) || hr_str_starts(host, HR_STR("~./")))
                return true;
        }
    return false;
}

static bool policies_differ(const caller *c) {
    const hr_resources *r = c->table->resources;
    for (size_t i = 0; i < r->n_destination_rules; i++)
        if (destination_rule_differs(c, &r->destination_rules[i]))
            return true;
    for (size_t i = 0; i < r->n_backend_tls_policies; i++)
        if (lies_with_caller(c, r->backend_tls_policies[i].meta.namespace_))
            return true;
    for (size_t i = 0; i < r->n_sidecars; i++)
        if (lies_with_caller(c, r->sidecars[i].meta.namespace_) || imports_own(&r->sidecars[i]))
            return true;
    return false;
}

/* ---- all ---- */

static bool any_short_name(const caller *c) {
    const hr_table *table = c->table;
    for (size_t i = 0; i < table->registry.n_services; i++)
        if (has_short_name(c, table->registry.services[i]->host))
            return true;
    for (size_t i = 0; i < table->n_all_rules; i++)
        for (size_t h = 0; h < table->all_rules[i]->n_hosts; h++)
            if (has_short_name(c, table->all_rules[i]->hosts[h]))
                return true;
    return false;
}

bool hr_callers_differ(hr_arena *arena, const hr_table *table, hr_str namespace_) {
    caller c = {.arena = arena, .table = table, .namespace_ = namespace_};
    c.inside = hr_arena_printf(arena, ".%.*s.svc.", (int)namespace_.len, namespace_.p);
    if (c.inside.p == NULL)
        return true; /* the caller looks at the arena */
    c.short_names = any_short_name(&c);
    for (size_t i = 0; i < table->n_all_rules; i++)
        if (rule_differs(&c, table->all_rules[i]))
            return true;
    for (size_t i = 0; i < table->registry.n_services; i++)
        if (service_differs(&c, table->registry.services[i]))
            return true;
    return policies_differ(&c);
}
