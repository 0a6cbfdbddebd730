#include "table.h"

#include <stdlib.h>

#include "diag.h"
#include "names.h"
#include "text.h"

/* ---- building ---- */

const hr_regex *hr_table_regex(const hr_table *table, hr_str pattern) {
    return hr_strmap_get(&table->resources->regexes, pattern);
}

static int gateways_by_age(const void *a, const void *b) {
    return hr_meta_cmp(&((const hr_gw *)a)->resource->meta, &((const hr_gw *)b)->resource->meta);
}

static void build_gateways(hr_build *b, hr_table *table) {
    const hr_resources *r = table->resources;
    table->gateways = HR_B_ARRAY(b, hr_gw, r->n_gateways);
    for (size_t i = 0; i < r->n_gateways; i++) {
        const hr_gateway *in = &r->gateways[i];
        hr_gw *gw = &table->gateways[table->n_gateways++];
        gw->resource = in;
        gw->id = hr_b_printf(b, "%.*s/%.*s", (int)in->meta.namespace_.len, in->meta.namespace_.p,
                             (int)in->meta.name.len, in->meta.name.p);
        gw->ports = HR_B_ARRAY(b, uint16_t, in->n_servers);
        for (size_t s = 0; s < in->n_servers; s++)
            gw->ports[s] = (uint16_t)in->servers[s].port;
    }
    if (r->n_gateways > 1)
        qsort(table->gateways, r->n_gateways, sizeof(*table->gateways), gateways_by_age);
}

static void build(hr_build *b, void *ctx) {
    hr_table *table = ctx;
    hr_registry_build(b, &table->registry, table->resources, table->domain);
    hr_rule_index_build(b, &table->rules, table->resources, table->domain, table->root_namespace);
    build_gateways(b, table);
    hr_virtual_services_build(b, table);
}

static hr_str option(hr_arena *arena, const char *given, const char *otherwise) {
    return hr_arena_copy(arena, hr_str_from(given != NULL ? given : otherwise));
}

int hr_table_build(hr_table **out, hr_arena *arena, hr_resources *resources, const hr_load_options *options) {
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
    int error = table->domain.p == NULL || table->root_namespace.p == NULL ? HR_ENOMEM : HR_OK;
    if (error == HR_OK)
        error = hr_build_run(arena, build, table);
    if (error != HR_OK) {
        hr_table_unref(table);
        return error;
    }
    *out = table;
    return HR_OK;
}

/* ---- loading ---- */

static int read_and_check(hr_resources **out, hr_arena *arena, hr_diagnostics *d, const hr_source *sources,
                          size_t n, const hr_load_options *options) {
    int error = hr_resources_read(out, arena, d, sources, n, options);
    if (error != HR_OK)
        return error;
    error = hr_resources_validate(*out, d);
    if (error == HR_OK && options->lint && hr_diagnostics_errors(d) == 0)
        error = hr_resources_lint(*out, d, options);
    if (error != HR_OK)
        return error;
    if (hr_diagnostics_oom(d))
        return HR_ENOMEM;
    return hr_diagnostics_errors(d) > 0 ? HR_ECONFIG : HR_OK;
}

static int load(hr_table **out, hr_diagnostics *d, const hr_source *sources, size_t n,
                const hr_load_options *options) {
    hr_arena *arena = hr_arena_new();
    if (arena == NULL)
        return HR_ENOMEM;
    hr_resources *resources = NULL;
    int error = read_and_check(&resources, arena, d, sources, n, options);
    if (error != HR_OK) {
        hr_arena_free(arena);
        return error;
    }
    return hr_table_build(out, arena, resources, options);
}

int hr_table_load(hr_table **out, hr_diagnostics **diagnostics, const hr_source *sources, size_t n,
                  const hr_load_options *options) {
    static const hr_load_options defaults = HR_LOAD_OPTIONS_INIT;
    if (out != NULL)
        *out = NULL;
    if (diagnostics != NULL)
        *diagnostics = NULL;
    if (options == NULL)
        options = &defaults;
    if (out == NULL || (sources == NULL && n > 0) || options->version < 1 ||
        options->version > HR_LOAD_OPTIONS_VERSION)
        return HR_EINVAL;
    hr_diagnostics *d = hr_diagnostics_new();
    if (d == NULL)
        return HR_ENOMEM;
    int error = load(out, d, sources, n, options);
    if (diagnostics != NULL)
        *diagnostics = d;
    else
        hr_diagnostics_free(d);
    return error;
}

int hr_table_load_paths(hr_table **out, hr_diagnostics **diagnostics, const char *const *paths, size_t n,
                        const hr_load_options *options) {
    if (out != NULL)
        *out = NULL;
    if (diagnostics != NULL)
        *diagnostics = NULL;
    if (out == NULL || (paths == NULL && n > 0))
        return HR_EINVAL;
    hr_source *sources = calloc(n == 0 ? 1 : n, sizeof(*sources));
    if (sources == NULL)
        return HR_ENOMEM;
    for (size_t i = 0; i < n; i++)
        sources[i].path = paths[i];
    int error = hr_table_load(out, diagnostics, sources, n, options);
    free(sources);
    return error;
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
    if (table != NULL && atomic_fetch_sub_explicit(&table->references, 1, memory_order_acq_rel) == 1)
        dispose(table);
}

const hr_gw *hr_table_find_gateway(const hr_table *table, hr_str id) {
    for (size_t i = 0; i < table->n_gateways; i++)
        if (hr_str_eq(table->gateways[i].id, id))
            return &table->gateways[i];
    return NULL;
}

size_t hr_table_gateway_count(const hr_table *table) {
    return table == NULL ? 0 : table->n_gateways;
}

int hr_table_gateway(hr_gateway_info *out, const hr_table *table, size_t index) {
    if (out == NULL || table == NULL)
        return HR_EINVAL;
    *out = (hr_gateway_info){0};
    if (index >= table->n_gateways)
        return HR_ENOENT;
    const hr_gw *gw = &table->gateways[index];
    *out = (hr_gateway_info){gw->id, gw->ports, gw->resource->n_servers};
    return HR_OK;
}

void hr_table_stats(hr_stats *out, const hr_table *table) {
    const hr_resources *r = table->resources;
    *out = (hr_stats){
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
}
