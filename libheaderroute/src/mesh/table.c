/* The life of a table, and facts about it. */
#include "table.h"

#include <stdlib.h>

#include "gateway.h"
#include "gwapi_reference.h"
#include "gwapi_route.h"
#include "resources.h"
#include "secret.h"
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
    hr_table *origin = table->origin;
    hr_arena_free(table->arena);
    free(table);
    hr_table_unref(origin);
}

void hr_table_unref(hr_table *table) {
    if (table != NULL &&
        atomic_fetch_sub_explicit(&table->references, 1, memory_order_acq_rel) == 1)
        dispose(table);
}

/* "KIND.GROUP/NS/NAME" says of which language the Gateway is; without it the name must be that of
 * one alone. */
static bool is_gateway_named(const hr_mesh_gateway *gateway, hr_str id, bool *of_kind) {
    hr_str istio = HR_STR("Gateway.networking.istio.io/");
    hr_str gwapi = HR_STR("Gateway." HR_GWAPI_GROUP "/");
    hr_str kind = gateway->gateway_api ? gwapi : istio;
    *of_kind = hr_str_starts(id, istio) || hr_str_starts(id, gwapi);
    if (*of_kind && !hr_str_starts(id, kind))
        return false;
    return hr_str_eq(gateway->id, *of_kind ? hr_str_tail(id, kind.len) : id);
}

static size_t gateways_named(const hr_mesh_gateway **last, const hr_table *table, hr_str id) {
    size_t n = 0;
    for (size_t i = 0; i < table->n_all_gateways; i++) {
        bool of_kind;
        if (!is_gateway_named(table->all_gateways[i], id, &of_kind))
            continue;
        *last = table->all_gateways[i];
        n++;
    }
    return n;
}

const hr_mesh_gateway *hr_table_find_gateway(const hr_table *table, hr_str id) {
    const hr_mesh_gateway *found = NULL;
    return gateways_named(&found, table, id) == 1 ? found : NULL;
}

bool hr_table_names_two_gateways(const hr_table *table, hr_str id) {
    const hr_mesh_gateway *last;
    return gateways_named(&last, table, id) > 1;
}

const hr_secret *hr_table_secret(const hr_table *table, hr_str name) {
    for (size_t i = 0; table != NULL && i < table->resources->n_secrets; i++)
        if (hr_str_eq(table->resources->secrets[i].out.name, name))
            return &table->resources->secrets[i].out;
    return NULL;
}

size_t hr_table_gateway_count(const hr_table *table) {
    return table == NULL ? 0 : table->n_all_gateways;
}

/* A Gateway whose name another of the other language has too is named with its kind. */
static hr_str unique_name(const hr_table *table, const hr_mesh_gateway *gateway) {
    return hr_table_find_gateway(table, gateway->id) != NULL ? gateway->id : gateway->full_id;
}

int hr_table_gateway(hr_gateway_info *out, const hr_table *table, size_t index) {
    if (out == NULL || table == NULL || out->version != HR_GATEWAY_INFO_VERSION)
        return HR_EINVAL;
    *out = (hr_gateway_info)HR_GATEWAY_INFO_INIT;
    if (index >= table->n_all_gateways)
        return HR_ENOENT;
    const hr_mesh_gateway *gw = table->all_gateways[index];
    out->name = unique_name(table, gw);
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
        .gateways = r->n_gateways + r->n_gwapi_gateways,
        .services = r->n_services,
        .service_entries = r->n_service_entries,
        .workloads = r->n_workloads,
        .gateway_api_routes = r->n_gwapi_routes,
        .bytes = sizeof(*table) + hr_arena_bytes(table->arena),
    };
    for (size_t i = 0; i < table->n_virtual_services; i++)
        out->routes += table->virtual_services[i].n_http;
    for (size_t i = 0; i < r->n_gwapi_routes; i++)
        out->routes += r->gwapi_routes[i].n_rules;
    for (size_t i = 0; i < table->registry.n_services; i++)
        out->clusters += table->registry.services[i]->n_ports;
    return HR_OK;
}
