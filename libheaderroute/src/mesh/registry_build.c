/* Builds one list of services from Kubernetes Services and ServiceEntries. */
#include "registry_build.h"

#include <stdlib.h>

#include "host_names.h"
#include "registry_endpoints.h"
#include "resources.h"
#include "service.h"
#include "service_entry.h"
#include "text.h"
#include "workload.h"

/* The field, else the annotation that came before it, in any letter case. */
static hr_distribution distribution_of(const hr_spec_service *in) {
    hr_str wanted = in->traffic_distribution;
    if (hr_str_eq_c(wanted, "PreferSameZone") || hr_str_eq_c(wanted, "PreferClose"))
        return HR_DISTRIBUTION_ZONE;
    if (hr_str_eq_c(wanted, "PreferSameNode"))
        return HR_DISTRIBUTION_NODE;
    for (size_t i = 0; i < in->meta.n_annotations; i++) {
        if (!hr_str_eq_c(in->meta.annotations[i].name, "networking.istio.io/traffic-distribution"))
            continue;
        wanted = in->meta.annotations[i].value;
        if (hr_str_eq_nocase(wanted, HR_STR("PreferSameZone")) ||
            hr_str_eq_nocase(wanted, HR_STR("PreferClose")))
            return HR_DISTRIBUTION_ZONE;
        if (hr_str_eq_nocase(wanted, HR_STR("PreferSameNode")))
            return HR_DISTRIBUTION_NODE;
    }
    return HR_DISTRIBUTION_ANY;
}

static hr_mesh_service *from_service(hr_arena *arena, const hr_spec_service *in, hr_str domain) {
    hr_mesh_service *svc = HR_NEW(arena, hr_mesh_service);
    hr_str host = hr_arena_printf(arena, "%.*s.%.*s.svc.%.*s", (int)in->meta.name.len,
                                  in->meta.name.p, (int)in->meta.namespace_.len,
                                  in->meta.namespace_.p, (int)domain.len, domain.p);
    svc->host = hr_arena_lower(arena, host);
    svc->namespace_ = in->meta.namespace_;
    svc->meta = &in->meta;
    svc->kubernetes = true;
    svc->publish_not_ready = in->publish_not_ready_addresses;
    svc->distribution = distribution_of(in);
    svc->export_to = &in->export_to;
    svc->selector = in->selector;
    svc->n_selector = in->n_selector;
    if (hr_str_eq_c(in->type, "ExternalName") && in->external_name.len > 0) {
        svc->resolution = HR_RESOLUTION_ALIAS;
        svc->alias_of = hr_arena_lower(arena, in->external_name);
    }
    bool headless = hr_str_eq_c(in->cluster_ip, "None");
    if (headless)
        svc->resolution = HR_RESOLUTION_PASSTHROUGH;
    /* A manifest seldom names its ClusterIP, but the cluster gives every such service one. */
    svc->binds_ip = svc->resolution != HR_RESOLUTION_ALIAS;
    if (!headless && in->cluster_ips.n > 1) {
        svc->addresses = in->cluster_ips.v;
        svc->n_addresses = in->cluster_ips.n;
    } else if (!headless && in->cluster_ip.len > 0) {
        svc->addresses = HR_NEW(arena, hr_str);
        svc->addresses[svc->n_addresses++] = in->cluster_ip;
    }
    svc->ports = HR_ARRAY(arena, hr_mesh_port, in->n_ports);
    for (size_t i = 0; svc->ports != NULL && i < in->n_ports; i++)
        svc->ports[svc->n_ports++] = (hr_mesh_port){
            .number = (uint16_t)in->ports[i].number,
            .name = in->ports[i].name,
            .protocol = hr_mesh_port_protocol(&in->ports[i], true),
            .http2 = hr_mesh_port_is_http2(&in->ports[i], true),
        };
    return svc;
}

static hr_resolution resolution_of(const hr_spec_service_entry *in) {
    static const hr_resolution of[] = {HR_RESOLUTION_PASSTHROUGH, HR_RESOLUTION_STATIC,
                                       HR_RESOLUTION_DNS, HR_RESOLUTION_DNS_ROUND_ROBIN};
    return of[in->resolution];
}

static hr_mesh_service *from_entry(hr_arena *arena, const hr_spec_service_entry *in, hr_str host) {
    hr_mesh_service *svc = HR_NEW(arena, hr_mesh_service);
    svc->host = hr_arena_lower(arena, host);
    svc->namespace_ = in->meta.namespace_;
    svc->meta = &in->meta;
    svc->export_to = &in->export_to;
    svc->selector = in->selector;
    svc->n_selector = in->n_selector;
    svc->resolution = resolution_of(in);
    svc->addresses = HR_ARRAY(arena, hr_str, in->addresses.n);
    for (size_t i = 0; svc->addresses != NULL && i < in->addresses.n; i++) {
        hr_str address = in->addresses.v[i];
        hr_str ip = hr_str_of(address.p, hr_str_find(address, '/', 0));
        hr_str mask = ip.len < address.len ? hr_str_tail(address, ip.len + 1) : HR_STR("");
        bool whole = mask.len == 0 || hr_str_eq_c(mask, hr_str_has(ip, ':') ? "128" : "32");
        if (whole && hr_is_ip(ip)) {
            svc->addresses[svc->n_addresses++] = ip;
            svc->binds_ip = true;
        }
    }
    svc->ports = HR_ARRAY(arena, hr_mesh_port, in->n_ports);
    for (size_t i = 0; svc->ports != NULL && i < in->n_ports; i++)
        svc->ports[svc->n_ports++] = (hr_mesh_port){
            .number = (uint16_t)in->ports[i].number,
            .name = in->ports[i].name,
            .protocol = hr_mesh_port_protocol(&in->ports[i], false),
            .http2 = hr_mesh_port_is_http2(&in->ports[i], false),
        };
    return svc;
}

typedef HR_LIST(hr_mesh_service *) svc_list;

static bool has_export(const hr_str_list *list, hr_str namespace_) {
    for (size_t i = 0; i < list->n; i++)
        if (hr_str_eq(list->v[i], namespace_))
            return true;
    return false;
}

static bool same_exports(const hr_mesh_service *a, const hr_mesh_service *b) {
    if (hr_mesh_service_is_public(a) || hr_mesh_service_is_public(b))
        return hr_mesh_service_is_public(a) == hr_mesh_service_is_public(b);
    bool same = true;
    for (size_t i = 0; i < a->export_to->n; i++)
        same &= has_export(b->export_to, a->export_to->v[i]);
    for (size_t i = 0; i < b->export_to->n; i++)
        same &= has_export(a->export_to, b->export_to->v[i]);
    return same;
}

/* Two ServiceEntries of one namespace for one host are one service with the ports of both. */
static bool merge_entry(hr_arena *arena, hr_mesh_service *into, const hr_mesh_service *svc) {
    if (into->kubernetes || svc->kubernetes || into->resolution != svc->resolution ||
        !same_exports(into, svc))
        return false;
    hr_mesh_port *ports = HR_ARRAY(arena, hr_mesh_port, into->n_ports + svc->n_ports);
    if (ports == NULL)
        return false;
    memcpy(ports, into->ports, into->n_ports * sizeof(*ports));
    size_t n = into->n_ports;
    for (size_t i = 0; i < svc->n_ports; i++) {
        hr_mesh_port *same = NULL;
        for (size_t j = 0; j < into->n_ports && same == NULL; j++)
            if (ports[j].number == svc->ports[i].number)
                same = &ports[j];
        if (same == NULL) {
            ports[n++] = svc->ports[i];
            continue;
        }
        if (svc->resolution == HR_RESOLUTION_DNS_ROUND_ROBIN && same->n_endpoints > 0)
            continue; /* such a port has one name */
        size_t total = same->n_endpoints + svc->ports[i].n_endpoints;
        hr_endpoint *endpoints = HR_ARRAY(arena, hr_endpoint, total);
        if (endpoints == NULL)
            return false;
        if (same->n_endpoints > 0)
            memcpy(endpoints, same->endpoints, same->n_endpoints * sizeof(*endpoints));
        if (svc->ports[i].n_endpoints > 0)
            memcpy(endpoints + same->n_endpoints, svc->ports[i].endpoints,
                   svc->ports[i].n_endpoints * sizeof(*endpoints));
        same->endpoints = endpoints;
        same->n_endpoints = total;
    }
    into->ports = ports;
    into->n_ports = n;
    return true;
}

static int services_by_age(const void *a, const void *b) {
    const hr_mesh_service *x = *(hr_mesh_service *const *)a, *y = *(hr_mesh_service *const *)b;
    int c = hr_meta_cmp(x->meta, y->meta);
    if (c != 0)
        return c;
    return x->meta->order < y->meta->order ? -1 : x->meta->order > y->meta->order;
}

/* Oldest first; a second service of the same host and namespace joins the first where the two are
 * alike. Where they are not, each is seen by who may see it. */
static void index_by_host(hr_arena *arena, hr_registry *out, svc_list *all) {
    if (all->n > 1)
        qsort(all->v, all->n, sizeof(*all->v), services_by_age);
    out->services = HR_ARRAY(arena, hr_mesh_service *, all->n);
    for (size_t i = 0; i < all->n && !hr_arena_failed(arena); i++) {
        hr_mesh_service *svc = all->v[i];
        hr_mesh_service **place = (hr_mesh_service **)hr_map_at(arena, &out->by_host, svc->host);
        bool merged = false;
        for (; *place != NULL && !merged; place = &(*place)->next)
            merged =
                hr_str_eq((*place)->namespace_, svc->namespace_) && merge_entry(arena, *place, svc);
        if (!merged) {
            svc->n_own_ports = svc->n_ports;
            *place = svc;
            out->services[out->n_services++] = svc;
        }
    }
}

/* The concrete service behind a chain of ExternalNames; NULL for a chain that ends nowhere. */
static hr_mesh_service *concrete(const hr_registry *registry, const hr_mesh_service *alias) {
    hr_mesh_service *svc = hr_map_get(&registry->by_host, alias->alias_of);
    for (size_t hops = 0; svc != NULL && svc->resolution == HR_RESOLUTION_ALIAS; hops++) {
        if (hops > registry->n_services) /* a loop */
            return NULL;
        svc = hr_map_get(&registry->by_host, svc->alias_of);
    }
    return svc;
}

static void add_service_alias(hr_arena *arena, hr_mesh_service *svc, hr_str alias) {
    hr_str *grown = HR_ARRAY(arena, hr_str, svc->n_aliases + 1);
    if (grown == NULL)
        return;
    if (svc->n_aliases > 0)
        memcpy(grown, svc->aliases, svc->n_aliases * sizeof(*grown));
    grown[svc->n_aliases++] = alias;
    svc->aliases = grown;
}

static void resolve_aliases(hr_arena *arena, hr_registry *registry) {
    for (size_t i = 0; i < registry->n_services; i++) {
        const hr_mesh_service *alias = registry->services[i];
        if (alias->resolution != HR_RESOLUTION_ALIAS)
            continue;
        for (hr_mesh_service *svc = concrete(registry, alias); svc != NULL; svc = svc->next)
            add_service_alias(arena, svc, alias->host);
    }
}

static void number_ports(hr_arena *arena, hr_mesh_service *svc) {
    svc->port_numbers = HR_ARRAY(arena, uint16_t, svc->n_ports);
    for (size_t i = 0; svc->port_numbers != NULL && i < svc->n_ports; i++)
        svc->port_numbers[i] = svc->ports[i].number;
}

static bool lists_pods(const hr_resources *r) {
    for (size_t i = 0; i < r->n_workloads; i++)
        if (r->workloads[i].kind == HR_WORKLOAD_POD)
            return true;
    return r->n_endpoint_slices > 0;
}

void hr_registry_build(hr_arena *arena, hr_registry *out, const hr_resources *r, hr_str domain) {
    svc_list all = {0};
    hr_endpoint_source source;
    hr_endpoint_source_init(arena, &source, r);
    for (size_t i = 0; i < r->n_services && !hr_arena_failed(arena); i++) {
        hr_mesh_service *svc = from_service(arena, &r->services[i], domain);
        hr_mesh_service_endpoints(arena, svc, &r->services[i], &source);
        HR_PUSH(arena, &all, svc);
    }
    for (size_t i = 0; i < r->n_service_entries; i++)
        for (size_t h = 0; h < r->service_entries[i].hosts.n && !hr_arena_failed(arena); h++) {
            hr_mesh_service *svc =
                from_entry(arena, &r->service_entries[i], r->service_entries[i].hosts.v[h]);
            hr_mesh_entry_endpoints(arena, svc, &r->service_entries[i], &source);
            HR_PUSH(arena, &all, svc);
        }
    if (hr_arena_failed(arena))
        return;
    out->pods_listed = lists_pods(r);
    index_by_host(arena, out, &all);
    resolve_aliases(arena, out);
    for (size_t i = 0; i < out->n_services; i++)
        number_ports(arena, out->services[i]);
}
