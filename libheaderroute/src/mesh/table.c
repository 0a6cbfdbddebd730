/* The life of a table, and facts about it. */
#include "table.h"

#include <stdlib.h>

#include "gateway.h"
#include "resources.h"
#include "text.h"

const hr_regex *hr_table_regex(const hr_table *table, hr_str pattern) {
    return hr_map_get(&table->resources->regexes, pattern);
}

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
