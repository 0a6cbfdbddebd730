/*
 * Finds rules that no proxy applies, because they are not exported to the Gateway or the port of
 * the Service is not HTTP, and ports of Gateways that no Service of their pods leads to.
 */
#include "lint_unused.h"

#include "diag.h"
#include "gateway.h"
#include "host_names.h"
#include "lint_callers.h"
#include "meta.h"
#include "resources.h"
#include "service.h"
#include "text.h"
#include "virtual_service.h"
#include "workload.h"

/* ---- exportTo ---- */

static void lint_exports(hr_linter *l, const hr_mesh_virtual_service *vs) {
    for (size_t i = 0; !vs->public_ && i < vs->n_gateways; i++) {
        const hr_lint_caller *caller = hr_map_get(&l->gateways_by_id, vs->gateways[i]);
        if (caller == NULL || hr_lint_seen_by(l, caller->gateway, vs))
            continue;
        hr_diag_note(
            l->d, vs->resource->gateways.pos, "vs-not-exported",
            HR_LINT_FIELD(l, "spec.gateways[%zu]", i),
            "the pods of the Gateway %s do not see this VirtualService, which is not "
            "exported to their namespace; add it to spec.exportTo",
            hr_lint_name(l, &caller->gateway->resource->meta, caller->gateway->resource->pos));
    }
}

/* ---- protocols ---- */

static bool has_tcp_ports_alone(const hr_mesh_service *svc) {
    for (size_t i = 0; i < svc->n_ports; i++)
        if (svc->ports[i].protocol != HR_MESH_PROTOCOL_TCP)
            return false;
    return svc->n_ports > 0;
}

static void lint_protocol(hr_linter *l, const hr_mesh_virtual_service *vs) {
    if (vs->n_http == 0 || !hr_lint_bound_to(vs, HR_STR("mesh")))
        return;
    for (size_t h = 0; h < vs->n_hosts; h++) {
        hr_str host = hr_arena_lower(l->arena, vs->hosts[h]);
        const hr_mesh_service *svc = hr_map_get(&l->table->registry.by_host, host);
        if (svc == NULL || svc->next != NULL || !has_tcp_ports_alone(svc))
            continue;
        hr_diag_note(
            l->d, vs->resource->hosts.pos, "http-on-tcp-port",
            HR_LINT_FIELD(l, "spec.hosts[%zu]", h),
            "sidecars ignore the http rules for %.*s, because the port %u (\"%.*s\") of %s "
            "is declared as TCP; name it http-... or set its appProtocol to http",
            HR_LINT_STR(host), (unsigned)svc->ports[0].number, HR_LINT_STR(svc->ports[0].name),
            hr_lint_name(l, svc->meta, svc->meta->pos));
    }
}

/* ---- ports of matches ---- */

typedef struct called_ports {
    HR_LIST(uint32_t) list;
    bool complete; /* false: a Gateway is not loaded */
} called_ports;

static void add_called(hr_linter *l, called_ports *ports, uint32_t port) {
    for (size_t i = 0; i < ports->list.n; i++)
        if (ports->list.v[i] == port)
            return;
    HR_PUSH(l->arena, &ports->list, port);
}

static void add_service_ports(hr_linter *l, called_ports *ports, hr_str host) {
    const hr_registry *registry = &l->table->registry;
    add_called(l, ports, 80);
    for (const hr_mesh_service *svc = hr_map_get(&registry->by_host, host); svc != NULL;
         svc = svc->next)
        for (size_t p = 0; p < svc->n_ports; p++)
            add_called(l, ports, svc->ports[p].number);
    for (size_t i = 0; i < registry->n_services; i++) {
        const hr_mesh_service *svc = registry->services[i];
        bool wild = hr_host_is_wild(host) || hr_host_is_wild(svc->host);
        for (size_t p = 0; wild && hr_host_overlaps(host, svc->host) && p < svc->n_ports; p++)
            add_called(l, ports, svc->ports[p].number);
    }
}

/* The ports on which proxies apply the rules. */
static called_ports ports_of_rules(hr_linter *l, const hr_mesh_virtual_service *vs) {
    called_ports ports = {.complete = true};
    for (size_t g = 0; g < vs->n_gateways; g++) {
        const hr_lint_caller *caller = hr_map_get(&l->gateways_by_id, vs->gateways[g]);
        bool mesh = hr_str_eq_c(vs->gateways[g], "mesh");
        for (size_t h = 0; mesh && h < vs->n_hosts; h++)
            add_service_ports(l, &ports, hr_arena_lower(l->arena, vs->hosts[h]));
        for (size_t s = 0; caller != NULL && s < caller->gateway->resource->n_servers; s++)
            add_called(l, &ports, caller->gateway->resource->servers[s].port);
        ports.complete &= mesh ? l->table->registry.n_services > 0 : caller != NULL;
    }
    return ports;
}

static bool asks_for_port(const hr_mesh_virtual_service *vs) {
    for (size_t i = 0; i < vs->n_http; i++)
        for (size_t m = 0; m < vs->http[i].http->n_match; m++)
            if (vs->http[i].http->match[m].port != 0)
                return true;
    return false;
}

static void lint_match_ports(hr_linter *l, const hr_mesh_virtual_service *vs) {
    if (!asks_for_port(vs))
        return;
    called_ports ports = ports_of_rules(l, vs);
    for (size_t i = 0; ports.complete && i < vs->n_http; i++)
        for (size_t m = 0; vs->http[i].delegate.p == NULL && m < vs->http[i].http->n_match; m++) {
            const hr_match_request *match = &vs->http[i].http->match[m];
            bool called = match->port == 0;
            for (size_t p = 0; p < ports.list.n && !called; p++)
                called = ports.list.v[p] == match->port;
            if (!called)
                hr_diag_note(
                    l->d, match->pos, "port-never-called",
                    HR_LINT_FIELD(l, "spec.http[%d].match[%zu].port", vs->http[i].index, m),
                    "no request comes on port %u: it is a port neither of the Services "
                    "that spec.hosts names nor of the Gateways; correct or remove it",
                    (unsigned)match->port);
        }
}

/* ---- ports of Gateways ---- */

static bool fronts(hr_linter *l, const hr_spec_service *svc, const hr_spec_gateway *gateway) {
    if (svc->n_selector == 0 || gateway->n_selector == 0)
        return false;
    if (hr_pairs_subset(gateway->selector, gateway->n_selector, svc->selector, svc->n_selector))
        return true;
    for (size_t i = 0; i < l->resources->n_workloads; i++) {
        const hr_spec_workload *pod = &l->resources->workloads[i];
        if (hr_lint_selects(gateway, pod) &&
            hr_str_eq(pod->meta.namespace_, svc->meta.namespace_) &&
            hr_pairs_subset(svc->selector, svc->n_selector, pod->labels, pod->n_labels))
            return true;
    }
    return false;
}

/* A server's port is the Service's, or the one that the pods listen on. */
static bool leads_to(const hr_spec_service *svc, uint32_t port) {
    for (size_t i = 0; i < svc->n_ports; i++)
        if (svc->ports[i].number == port || svc->ports[i].target_port == port ||
            svc->ports[i].target_port_name.len > 0)
            return true;
    return false;
}

static void lint_gateway_ports(hr_linter *l, const hr_spec_gateway *gateway) {
    HR_LIST(const hr_spec_service *) fronting = {0};
    for (size_t i = 0; i < l->resources->n_services; i++)
        if (fronts(l, &l->resources->services[i], gateway))
            HR_PUSH(l->arena, &fronting, &l->resources->services[i]);
    for (size_t s = 0; fronting.n > 0 && s < gateway->n_servers; s++) {
        bool open = false;
        for (size_t i = 0; i < fronting.n && !open; i++)
            open = leads_to(fronting.v[i], gateway->servers[s].port);
        if (open)
            continue;
        hr_diag_note(l->d, gateway->servers[s].pos, "gateway-port-closed",
                     HR_LINT_FIELD(l, "spec.servers[%zu].port", s),
                     "no Service of the Gateway's pods has the port %u, so that clients do not "
                     "reach it; add the port to the Service %s",
                     (unsigned)gateway->servers[s].port,
                     hr_lint_name(l, &fronting.v[0]->meta, fronting.v[0]->pos));
    }
}

void hr_lint_unused(hr_linter *l) {
    for (size_t i = 0; i < l->table->n_virtual_services && !hr_arena_failed(l->arena); i++) {
        lint_exports(l, &l->table->virtual_services[i]);
        lint_protocol(l, &l->table->virtual_services[i]);
        lint_match_ports(l, &l->table->virtual_services[i]);
    }
    for (size_t i = 0; i < l->resources->n_gateways && !hr_arena_failed(l->arena); i++)
        lint_gateway_ports(l, &l->resources->gateways[i]);
}
