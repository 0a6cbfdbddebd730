/*
 * Finds destinations that a caller's look-up does not find, although the Service and the subset
 * exist: a port that is left out, a Service or DestinationRule that is not exported, a
 * DestinationRule that callers do not look at. The look-ups are those that make a view.
 */
#include "lint_destinations.h"

#include "cluster.h"
#include "destination.h"
#include "destination_rule.h"
#include "diag.h"
#include "gateway.h"
#include "gateway_server.h"
#include "host_names.h"
#include "http_route.h"
#include "lint_callers.h"
#include "meta.h"
#include "resources.h"
#include "route_compile.h"
#include "route_destination.h"
#include "text.h"
#include "virtual_service.h"

typedef struct finder {
    hr_linter *l;
    hr_map reported; /* destinations */
    hr_map found;    /* look-ups that found everything */
    bool port_80;    /* hosts outside the registry are called on port 80 */
} finder;

/* A call: who makes it, by which VirtualService, to which port. */
typedef struct call {
    hr_lint_caller *caller;
    hr_compile_scope scope;
    hr_str host; /* that sidecars call; absent for Gateways */
} call;

static const char *subject_of(hr_linter *l, const call *c) {
    if (c->caller->gateway == NULL)
        return hr_lint_text(hr_arena_printf(l->arena, "from sidecars in namespace %.*s",
                                            HR_LINT_STR(c->caller->vb.view->namespace_)));
    return hr_lint_text(
        hr_arena_printf(l->arena, "through the Gateway %.*s", HR_LINT_STR(c->caller->gateway->id)));
}

/* "8080, 9090" */
static const char *ports_of(hr_linter *l, const hr_mesh_service *svc) {
    hr_str list = HR_STR("");
    for (size_t i = 0; i < svc->n_ports && list.len < 100; i++)
        list = hr_arena_printf(l->arena, "%.*s%s%u", HR_LINT_STR(list), i == 0 ? "" : ", ",
                               (unsigned)svc->ports[i].number);
    return hr_lint_text(list);
}

static bool first_report(finder *f, const hr_spec_destination *d) {
    hr_str key = hr_str_of((const char *)&d, sizeof(d));
    return hr_map_add(f->l->arena, &f->reported, hr_arena_copy(f->l->arena, key), d);
}

/* ---- one reason each ---- */

/* A Service of type ExternalName that leads out of the registry. lint_names.c reports a host that
 * is nowhere. */
static void report_alias(finder *f, const hr_spec_destination *d, hr_str host, const char *field) {
    const hr_mesh_service *named =
        hr_map_get(&f->l->table->registry.by_host, hr_arena_lower(f->l->arena, d->host));
    if (named == NULL || named->alias_of.p == NULL || !first_report(f, d))
        return;
    hr_diag_note(f->l->d, d->host_pos, "alias-unknown", HR_LINT_FIELD(f->l, "%s.host", field),
                 "requests get 503: the Service %s leads to %.*s, which is not the host of any "
                 "Service or ServiceEntry; add a ServiceEntry for it",
                 hr_lint_name(f->l, named->meta, named->meta->pos), HR_LINT_STR(host));
}

/* A sidecar follows an ExternalName on the ports that the Service has. */
static void report_alias_port(finder *f, const call *c, const hr_spec_destination *d,
                              const hr_mesh_service *svc, const char *field) {
    if (!first_report(f, d))
        return;
    hr_diag_note(
        f->l->d, d->host_pos, "port-missing", HR_LINT_FIELD(f->l, "%s.host", field),
        "requests from sidecars to %.*s:%u get 503: the Service %s of type ExternalName is "
        "followed on its own ports only (%s); name the host that it leads to",
        HR_LINT_STR(c->host), (unsigned)c->scope.port,
        hr_lint_name(f->l, svc->meta, svc->meta->pos), ports_of(f->l, svc));
}

static void report_hidden(finder *f, const call *c, const hr_spec_destination *d, hr_str host,
                          const char *field) {
    const hr_mesh_service *svc = hr_map_get(&f->l->table->registry.by_host, host);
    if (svc == NULL) {
        report_alias(f, d, host, field);
        return;
    }
    if (!first_report(f, d))
        return;
    hr_diag_note(
        f->l->d, d->host_pos, "not-exported", HR_LINT_FIELD(f->l, "%s.host", field),
        "requests %s get 503: the %s %s is not exported to the namespace %.*s; add it to %s",
        subject_of(f->l, c), svc->kubernetes ? "Service" : "ServiceEntry",
        hr_lint_name(f->l, svc->meta, svc->meta->pos), HR_LINT_STR(c->caller->vb.view->namespace_),
        svc->kubernetes ? "its annotation networking.istio.io/exportTo" : "exportTo");
}

static void report_port(finder *f, const call *c, const hr_spec_destination *d,
                        const hr_mesh_service *svc, uint32_t port, const char *field) {
    const hr_mesh_service *named =
        hr_map_get(&f->l->table->registry.by_host, hr_arena_lower(f->l->arena, d->host));
    bool known = d->port != 0 && named != NULL && hr_mesh_port_find(named, d->port) == NULL;
    if (known || !first_report(f, d)) /* lint_names.c reports a port that the Service lacks */
        return;
    const char *from =
        c->caller->gateway != NULL
            ? hr_lint_text(hr_arena_printf(f->l->arena, "port %u of the Gateway %.*s",
                                           (unsigned)c->scope.port,
                                           HR_LINT_STR(c->caller->gateway->id)))
            : hr_lint_text(hr_arena_printf(f->l->arena, "sidecars to %.*s:%u", HR_LINT_STR(c->host),
                                           (unsigned)c->scope.port));
    hr_diag_note(f->l->d, d->pos, "port-missing", field,
                 "requests from %s get 503: they go to port %u of %.*s, which has only %s; set "
                 "destination.port.number",
                 from, (unsigned)port, HR_LINT_STR(svc->host), ports_of(f->l, svc));
}

/* A DestinationRule that defines the subset of the host; NULL: none. */
static const hr_spec_destination_rule *rule_with(hr_linter *l, hr_str host, hr_str subset) {
    const hr_resources *r = l->resources;
    for (size_t i = 0; i < r->n_destination_rules; i++) {
        const hr_spec_destination_rule *rule = &r->destination_rules[i];
        for (size_t s = 0; s < rule->n_subsets; s++)
            if (hr_str_eq(rule->subsets[s].name, subset) &&
                hr_host_subset_of(host,
                                  hr_arena_lower(l->arena, hr_resolve_host(l->arena, rule->host,
                                                                           rule->meta.namespace_,
                                                                           l->table->domain))))
                return rule;
    }
    return NULL;
}

/* Istio looks in the caller's namespace, then in the Service's, then in the root namespace. */
static const char *why_not_found(const call *c, const hr_mesh_service *svc, const hr_meta *rule,
                                 hr_str root_namespace) {
    hr_str ns = rule->namespace_;
    bool looked_at = hr_str_eq(ns, c->caller->vb.view->namespace_) ||
                     hr_str_eq(ns, svc->namespace_) || hr_str_eq(ns, root_namespace);
    return looked_at ? "is not exported to them or does not select them; widen its exportTo or its "
                       "workloadSelector"
                     : "is in a namespace where their proxies do not look; move it to that of the "
                       "Service";
}

static void report_subset(finder *f, const call *c, const hr_spec_destination *d,
                          const hr_cluster_place *found, const char *field) {
    hr_linter *l = f->l;
    const hr_spec_destination_rule *other = rule_with(l, found->svc->host, d->subset);
    if (other == NULL || !first_report(f, d)) /* lint_names.c reports a subset that is nowhere */
        return;
    const char *defined = hr_lint_name(l, &other->meta, other->pos);
    field = HR_LINT_FIELD(l, "%s.subset", field);
    if (found->rule != NULL)
        hr_diag_note(l->d, d->subset_pos, "subset-not-reached", field,
                     "requests %s get 503: the %s %s applies to them, which lacks the "
                     "subset \"%.*s\" of %s; define the subset there as well",
                     subject_of(l, c),
                     found->rule->first->of_backend_policy ? "BackendTLSPolicy" : "DestinationRule",
                     hr_lint_name(l, &found->rule->first->meta, found->rule->first->pos),
                     HR_LINT_STR(d->subset), defined);
    else
        hr_diag_note(l->d, d->subset_pos, "subset-not-reached", field,
                     "requests %s get 503: the DestinationRule %s, which defines the subset "
                     "\"%.*s\", %s",
                     subject_of(l, c), defined, HR_LINT_STR(d->subset),
                     why_not_found(c, found->svc, &other->meta, l->table->root_namespace));
}

/* A sidecar goes on to the address that the client called; to a Gateway, that is its own. */
static void report_passthrough(finder *f, const call *c, const hr_spec_destination *d,
                               const hr_mesh_service *svc, const char *field) {
    if (!first_report(f, d))
        return;
    hr_diag_note(f->l->d, d->host_pos, "destination-empty", field,
                 "requests %s get 503: the ServiceEntry %s has resolution NONE and so no address "
                 "to which a Gateway could send them; use resolution DNS",
                 subject_of(f->l, c), hr_lint_name(f->l, svc->meta, svc->meta->pos));
}

/* ---- one destination ---- */

/* Returns whether all of it exists for the caller; reports what does not. */
static bool look_up_destination(finder *f, const call *c, const hr_spec_destination *d,
                                const char *field) {
    hr_view_build *vb = &c->caller->vb;
    hr_view_destination to = hr_destination_resolve(vb, d, &c->scope);
    hr_cluster_place found;
    hr_str host = hr_arena_lower(f->l->arena, to.host);
    hr_cluster_lack lack = hr_cluster_look_up(&found, vb, host, to.port, to.subset);
    if (lack == HR_CLUSTER_NO_SERVICE)
        report_hidden(f, c, d, host, field);
    else if (lack == HR_CLUSTER_NO_PORT)
        report_port(f, c, d, found.svc, to.port, field);
    else if (lack == HR_CLUSTER_ALIAS && c->caller->gateway == NULL)
        report_alias_port(f, c, d, found.svc, field);
    else if (lack == HR_CLUSTER_NO_SUBSET)
        report_subset(f, c, d, &found, field);
    bool nowhere = lack == HR_CLUSTER_COMPLETE && c->caller->gateway != NULL &&
                   found.svc->resolution == HR_RESOLUTION_PASSTHROUGH && !found.svc->kubernetes &&
                   found.port->n_endpoints == 0;
    if (nowhere)
        report_passthrough(f, c, d, found.svc, field);
    return lack == HR_CLUSTER_COMPLETE && !nowhere;
}

/* Rules repeat few destinations: a look-up that found everything is not made again. */
static void lint_call(finder *f, const call *c, const hr_spec_destination *d, const char *field) {
    hr_arena *arena = f->l->arena;
    if (d->host.len == 0 ||
        hr_map_get(&f->reported, hr_str_of((const char *)&d, sizeof(d))) != NULL)
        return;
    hr_str key = hr_arena_printf(arena, "%p %u %.*s %.*s %.*s %u", (void *)c->caller,
                                 (unsigned)c->scope.port, HR_LINT_STR(c->scope.vs_namespace),
                                 HR_LINT_STR(d->host), HR_LINT_STR(d->subset), (unsigned)d->port);
    if (hr_map_get(&f->found, key) == NULL && look_up_destination(f, c, d, field))
        hr_map_add(arena, &f->found, key, d);
}

/* ---- one VirtualService ---- */

/* Whether the caller keeps the match. The labels of sidecars are not known, so they may. */
static bool keeps_match(const call *c, const hr_match_request *m) {
    if (c->caller->gateway != NULL || m->n_source_labels == 0)
        return hr_match_why_omitted(c->caller->vb.view, m, &c->scope) == NULL;
    hr_match_request any = *m;
    any.n_source_labels = 0;
    return hr_match_why_omitted(c->caller->vb.view, &any, &c->scope) == NULL;
}

static bool keeps_rule(const call *c, const hr_spec_http_route *http) {
    for (size_t i = 0; i < http->n_match; i++)
        if (keeps_match(c, &http->match[i]))
            return true;
    return http->n_match == 0;
}

static void lint_rules(finder *f, const call *c, const hr_mesh_virtual_service *vs) {
    hr_linter *l = f->l;
    for (size_t i = 0; i < vs->n_http && !hr_arena_failed(l->arena); i++) {
        const hr_spec_http_route *http = vs->http[i].http;
        int32_t index = vs->http[i].index;
        if (!keeps_rule(c, http))
            continue;
        for (size_t j = 0; j < http->n_route; j++)
            lint_call(f, c, &http->route[j].destination,
                      HR_LINT_FIELD(l, "spec.http[%d].route[%zu].destination", index, j));
    }
}

static void lint_from_gateway(finder *f, hr_lint_caller *caller,
                              const hr_mesh_virtual_service *vs) {
    const hr_spec_gateway *gateway = caller->gateway->resource;
    for (size_t s = 0; s < gateway->n_servers; s++) {
        const hr_spec_server *server = &gateway->servers[s];
        hr_host_list hosts = {0};
        if (!hr_server_is_http(server) && !hr_server_terminates_tls(server))
            continue;
        hr_server_hosts(f->l->arena, &hosts, caller->gateway, server, vs);
        call c = {.caller = caller,
                  .scope = {caller->gateway->id, server->port, server->has_tls,
                            vs->resource->meta.namespace_, vs->gateway_api}};
        if (hosts.n > 0)
            lint_rules(f, &c, vs);
    }
}

static bool reads_http(const hr_mesh_port *port) {
    return port->protocol == HR_MESH_PROTOCOL_HTTP || port->protocol == HR_MESH_PROTOCOL_SNIFFED;
}

static void lint_port(finder *f, hr_lint_caller *caller, const hr_mesh_virtual_service *vs,
                      hr_str host, uint32_t port) {
    call c = {
        .caller = caller,
        .scope = {HR_STR("mesh"), port, false, vs->resource->meta.namespace_, vs->gateway_api},
        .host = host};
    lint_rules(f, &c, vs);
}

static void lint_ports(finder *f, hr_lint_caller *caller, const hr_mesh_virtual_service *vs,
                       const hr_mesh_service *svc) {
    for (size_t p = 0; p < svc->n_ports; p++)
        if (reads_http(&svc->ports[p]))
            lint_port(f, caller, vs, svc->host, svc->ports[p].number);
}

/* Calls to the ports of the Services that the VirtualService names; other hosts are called on port
 * 80. */
static void lint_from_sidecars(finder *f, hr_lint_caller *caller,
                               const hr_mesh_virtual_service *vs) {
    const hr_registry *registry = &f->l->table->registry;
    for (size_t h = 0; h < vs->n_hosts; h++) {
        hr_str host = hr_arena_lower(f->l->arena, vs->hosts[h]);
        bool wild = hr_host_is_wild(host);
        const hr_mesh_service *svc =
            wild ? NULL : hr_registry_find(registry, host, caller->vb.view->namespace_);
        if (svc != NULL)
            lint_ports(f, caller, vs, svc);
        for (size_t i = 0; wild && i < registry->n_services; i++)
            if (hr_host_overlaps(host, registry->services[i]->host))
                lint_ports(f, caller, vs, registry->services[i]);
        if (svc == NULL && f->port_80)
            lint_port(f, caller, vs, host, 80);
    }
}

/* Sidecars have rules for hosts outside the registry where a Service has port 80. */
static bool some_port_80(const hr_registry *registry) {
    for (size_t i = 0; i < registry->n_services; i++) {
        const hr_mesh_port *port = hr_mesh_port_find(registry->services[i], 80);
        if (port != NULL && reads_http(port))
            return true;
    }
    return false;
}

/* The own namespace first: a finding names the first caller. */
static void lint_in_mesh(finder *f, const hr_mesh_virtual_service *vs) {
    hr_linter *l = f->l;
    hr_lint_caller *own = hr_map_get(&l->sidecars_by_namespace, vs->resource->meta.namespace_);
    for (size_t i = 0; i <= l->n_sidecars; i++) {
        hr_lint_caller *caller = i == 0 ? own : &l->sidecars[i - 1];
        if (caller != NULL && (i == 0 || caller != own) &&
            hr_virtual_service_bucket(vs, caller->vb.view->namespace_) != HR_VS_HIDDEN)
            lint_from_sidecars(f, caller, vs);
    }
}

void hr_lint_destinations(hr_linter *l) {
    finder f = {.l = l, .port_80 = some_port_80(&l->table->registry)};
    for (size_t g = 0; g < l->table->n_gateways && !hr_arena_failed(l->arena); g++)
        for (size_t i = 0; i < l->gateways[g].bound.n; i++)
            lint_from_gateway(&f, &l->gateways[g], l->gateways[g].bound.v[i]);
    for (size_t i = 0; i < l->table->n_virtual_services && !hr_arena_failed(l->arena); i++)
        if (hr_lint_bound_to(&l->table->virtual_services[i], HR_STR("mesh")))
            lint_in_mesh(&f, &l->table->virtual_services[i]);
}
