/* Builds a table from loaded resources: names resolved, indexed for the construction of views. */
#include "table.h"

#include <stdlib.h>

#include "diag.h"
#include "gateway.h"
#include "host_names.h"
#include "meta.h"
#include "registry_build.h"
#include "resources.h"
#include "text.h"
#include "virtual_services.h"

/* ---- building ---- */

const hr_regex *hr_table_regex(const hr_table *table, hr_str pattern) {
    return hr_map_get(&table->resources->regexes, pattern);
}

static int gateways_by_age(const void *a, const void *b) {
    return hr_meta_cmp(&((const hr_mesh_gateway *)a)->resource->meta,
                       &((const hr_mesh_gateway *)b)->resource->meta);
}

static void build_gateways(hr_arena *arena, hr_table *table) {
    const hr_resources *r = table->resources;
    table->gateways = HR_ARRAY(arena, hr_mesh_gateway, r->n_gateways);
    if (table->gateways == NULL)
        return;
    for (size_t i = 0; i < r->n_gateways; i++) {
        const hr_spec_gateway *in = &r->gateways[i];
        hr_mesh_gateway *gw = &table->gateways[table->n_gateways++];
        gw->resource = in;
        gw->id = hr_arena_printf(arena, "%.*s/%.*s", (int)in->meta.namespace_.len,
                                 in->meta.namespace_.p, (int)in->meta.name.len, in->meta.name.p);
        gw->ports = HR_ARRAY(arena, uint16_t, in->n_servers);
        for (size_t s = 0; gw->ports != NULL && s < in->n_servers; s++)
            gw->ports[s] = (uint16_t)in->servers[s].port;
    }
    if (r->n_gateways > 1)
        qsort(table->gateways, r->n_gateways, sizeof(*table->gateways), gateways_by_age);
}

static void number_routes(hr_arena *arena, hr_mesh_virtual_service *vs) {
    vs->root_indexes = HR_ARRAY(arena, int32_t, vs->n_http);
    for (size_t i = 0; vs->root_indexes != NULL && i < vs->n_http; i++)
        vs->root_indexes[i] = vs->http[i].root_index;
}

static void build(hr_arena *arena, hr_table *table) {
    hr_registry_build(arena, &table->registry, table->resources, table->domain);
    hr_rule_index_build(arena, &table->rules, table->resources, table->domain,
                        table->root_namespace);
    build_gateways(arena, table);
    hr_virtual_services_build(arena, table);
    for (size_t i = 0; i < table->n_virtual_services && !hr_arena_failed(arena); i++)
        number_routes(arena, &table->virtual_services[i]);
}

static hr_str option(hr_arena *arena, const char *given, const char *otherwise) {
    return hr_arena_copy(arena, hr_str_from(given != NULL ? given : otherwise));
}

int hr_table_build(hr_table **out, hr_arena *arena, hr_resources *resources,
                   const hr_load_options *options) {
    *out = NULL;
    hr_table *table = calloc(1, sizeof(*table));
    if (table == NULL) {
        hr_arena_free(arena);
        return HR_ENOMEM;
    }
    atomic_init(&table->references, 1);
    table->arena = arena;
    table->resources = resources;
    table->domain = option(arena, options->domain, "cluster.local");
    table->root_namespace = option(arena, options->root_namespace, "istio-system");
    build(arena, table);
    if (hr_arena_failed(arena)) {
        hr_table_unref(table);
        return HR_ENOMEM;
    }
    *out = table;
    return HR_OK;
}

/* ---- life and facts ---- */

hr_table *hr_table_ref(hr_table *table) {
    if (table != NULL)
        atomic_fetch_add_explicit(&table->references, 1, memory_order_relaxed);
    return table;
}

static void dispose(hr_table *table) {
    hr_arena_free(table->arena);
    free(table);
}

void hr_table_unref(hr_table *table) {
    if (table != NULL &&
        atomic_fetch_sub_explicit(&table->references, 1, memory_order_acq_rel) == 1)
        dispose(table);
}

const hr_mesh_gateway *hr_table_find_gateway(const hr_table *table, hr_str id) {
    for (size_t i = 0; i < table->n_gateways; i++)
        if (hr_str_eq(table->gateways[i].id, id))
            return &table->gateways[i];
    return NULL;
}

size_t hr_table_gateway_count(const hr_table *table) {
    return table == NULL ? 0 : table->n_gateways;
}

int hr_table_gateway(hr_gateway_info *out, const hr_table *table, size_t index) {
    if (out == NULL || table == NULL || out->version != HR_GATEWAY_INFO_VERSION)
        return HR_EINVAL;
    *out = (hr_gateway_info)HR_GATEWAY_INFO_INIT;
    if (index >= table->n_gateways)
        return HR_ENOENT;
    const hr_mesh_gateway *gw = &table->gateways[index];
    out->name = gw->id;
    out->ports = gw->ports;
    out->n_ports = gw->resource->n_servers;
    return HR_OK;
}

size_t hr_table_virtual_service_count(const hr_table *table) {
    return table == NULL ? 0 : table->n_virtual_services;
}

int hr_table_virtual_service(hr_virtual_service_info *out, const hr_table *table, size_t index) {
    if (out == NULL || table == NULL || out->version != HR_VIRTUAL_SERVICE_INFO_VERSION)
        return HR_EINVAL;
    *out = (hr_virtual_service_info)HR_VIRTUAL_SERVICE_INFO_INIT;
    if (index >= table->n_virtual_services)
        return HR_ENOENT;
    const hr_mesh_virtual_service *vs = &table->virtual_services[index];
    out->name = vs->id;
    out->hosts = vs->hosts;
    out->n_hosts = vs->n_hosts;
    out->gateways = vs->gateways;
    out->n_gateways = vs->n_gateways;
    out->routes = vs->root_indexes;
    out->n_routes = vs->n_http;
    return HR_OK;
}

size_t hr_table_service_count(const hr_table *table) {
    return table == NULL ? 0 : table->registry.n_services;
}

int hr_table_service(hr_service_info *out, const hr_table *table, size_t index) {
    if (out == NULL || table == NULL || out->version != HR_SERVICE_INFO_VERSION)
        return HR_EINVAL;
    *out = (hr_service_info)HR_SERVICE_INFO_INIT;
    if (index >= table->registry.n_services)
        return HR_ENOENT;
    const hr_mesh_service *svc = table->registry.services[index];
    out->host = svc->host;
    out->ports = svc->port_numbers;
    out->n_ports = svc->n_ports;
    return HR_OK;
}

int hr_table_stats(hr_stats *out, const hr_table *table) {
    if (out == NULL || table == NULL || out->version != HR_STATS_VERSION)
        return HR_EINVAL;
    const hr_resources *r = table->resources;
    *out = (hr_stats){
        .version = HR_STATS_VERSION,
        .virtual_services = r->n_virtual_services,
        .destination_rules = r->n_destination_rules,
        .gateways = r->n_gateways,
        .services = r->n_services,
        .service_entries = r->n_service_entries,
        .workloads = r->n_workloads,
        .bytes = sizeof(*table) + hr_arena_bytes(table->arena),
    };
    for (size_t i = 0; i < table->n_virtual_services; i++)
        out->routes += table->virtual_services[i].n_http;
    for (size_t i = 0; i < table->registry.n_services; i++)
        out->clusters += table->registry.services[i]->n_ports;
    return HR_OK;
}
