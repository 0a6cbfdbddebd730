/* Builds a table from loaded resources: names resolved, indexed for the construction of views. */

#include "table_build.h"

#include <stdlib.h>

#include "backend_tls.h"
#include "diag.h"
#include "gateway.h"
#include "gwapi.h"
#include "host_names.h"
#include "meta.h"
#include "registry_build.h"
#include "resources.h"
#include "text.h"
#include "virtual_service.h"
#include "virtual_services.h"

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
        gw->full_id =
            hr_arena_printf(arena, "Gateway.networking.istio.io/%.*s", (int)gw->id.len, gw->id.p);
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

static int rule_pointers_by_age(const void *a, const void *b) {
    const hr_mesh_virtual_service *x = *(const hr_mesh_virtual_service *const *)a;
    const hr_mesh_virtual_service *y = *(const hr_mesh_virtual_service *const *)b;
    return hr_meta_cmp(&x->resource->meta, &y->resource->meta);
}

static int gateway_pointers_by_age(const void *a, const void *b) {
    return gateways_by_age(*(const void *const *)a, *(const void *const *)b);
}

/* Both languages in one order. */
static void list_all(hr_arena *arena, hr_table *table) {
    size_t rules = table->n_virtual_services + table->n_gwapi_rules;
    size_t gateways = table->n_gateways + table->n_gwapi_gateways;
    table->all_rules = HR_ARRAY(arena, const hr_mesh_virtual_service *, rules);
    table->all_gateways = HR_ARRAY(arena, const hr_mesh_gateway *, gateways);
    if (table->all_rules == NULL || table->all_gateways == NULL)
        return;
    for (size_t i = 0; i < table->n_virtual_services; i++)
        table->all_rules[table->n_all_rules++] = &table->virtual_services[i];
    for (size_t i = 0; i < table->n_gwapi_rules; i++)
        table->all_rules[table->n_all_rules++] = &table->gwapi_rules[i];
    for (size_t i = 0; i < table->n_gateways; i++)
        table->all_gateways[table->n_all_gateways++] = &table->gateways[i];
    for (size_t i = 0; i < table->n_gwapi_gateways; i++)
        table->all_gateways[table->n_all_gateways++] = &table->gwapi_gateways[i];
    if (table->n_gwapi_rules > 0)
        qsort(table->all_rules, rules, sizeof(*table->all_rules), rule_pointers_by_age);
    if (table->n_gwapi_gateways > 0)
        qsort(table->all_gateways, gateways, sizeof(*table->all_gateways), gateway_pointers_by_age);
}

static void build(hr_arena *arena, hr_table *table) {
    hr_registry_build(arena, &table->registry, table->resources, table->domain);
    size_t n_more;
    table->backend_tls = hr_backend_tls_new(arena, table->resources);
    const hr_spec_destination_rule *more =
        hr_backend_tls_rules(&n_more, arena, table->backend_tls, table->domain);
    hr_rule_index_build(arena, &table->rules, table->resources, more, n_more, table->domain,
                        table->root_namespace);
    build_gateways(arena, table);
    hr_virtual_services_build(arena, table);
    for (size_t i = 0; i < table->n_virtual_services && !hr_arena_failed(arena); i++)
        number_routes(arena, &table->virtual_services[i]);
    hr_gwapi_build(arena, table);
    if (!hr_arena_failed(arena))
        list_all(arena, table);
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
