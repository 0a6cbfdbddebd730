/* The public face of conversions: loads, converts, and loads what was written beside the rest. */
#include <headerroute/convert.h>

#include <stdlib.h>

#include "conversion.h"
#include "documents.h"
#include "gateway.h"
#include "gwapi_gateway.h"
#include "gwapi_route.h"
#include "host_names.h"
#include "http_route.h"
#include "kinds.h"
#include "reference_grant.h"
#include "resources.h"
#include "service.h"
#include "table_build.h"
#include "text.h"
#include "to_gateway_api.h"
#include "to_istio.h"
#include "virtual_service.h"

struct hr_conversion {
    hr_arena *arena;
    hr_table *source, *before, *after; /* source: as it was loaded */
    hr_conversion_state state;
};

/* ---- the tables that are compared ---- */

#define KEEP_OTHERS(s, list, count, kind)                                                          \
    do {                                                                                           \
        size_t kept_ = 0;                                                                          \
        for (size_t i_ = 0; i_ < (count); i_++)                                                    \
            if (hr_map_get(&(s)->removed,                                                          \
                           hr_conversion_key((s)->arena, (kind), (list)[i_].meta.namespace_,       \
                                             (list)[i_].meta.name)) == NULL)                       \
                (list)[kept_++] = (list)[i_];                                                      \
        (count) = kept_;                                                                           \
    } while (0)

static void remove_converted(hr_conversion_state *s, hr_resources *r) {
    KEEP_OTHERS(s, r->virtual_services, r->n_virtual_services, "VirtualService");
    KEEP_OTHERS(s, r->gateways, r->n_gateways, "Gateway.istio");
    KEEP_OTHERS(s, r->gwapi_gateways, r->n_gwapi_gateways, "Gateway");
    size_t kept = 0;
    for (size_t i = 0; i < r->n_gwapi_routes; i++) {
        const hr_meta *meta = &r->gwapi_routes[i].meta;
        if (hr_map_get(&s->removed, hr_conversion_key(s->arena, meta->kind, meta->namespace_,
                                                      meta->name)) == NULL)
            r->gwapi_routes[kept++] = r->gwapi_routes[i];
    }
    r->n_gwapi_routes = kept;
}

/* A destination with a subset, under the name of the Service that it becomes. */
static void rename_subset(hr_conversion_state *s, hr_arena *arena, hr_spec_destination *to,
                          hr_str ns) {
    hr_str host = hr_resolve_host(arena, to->host, ns, s->table->domain);
    for (size_t i = 0; to->subset.len > 0 && i < s->subsets.n; i++)
        if (hr_str_eq(s->subsets.v[i].host, host) &&
            hr_str_eq(s->subsets.v[i].subset, to->subset)) {
            to->host = s->subsets.v[i].new_host;
            to->subset = (hr_str){0};
        }
}

static void rename_subsets(hr_conversion_state *s, hr_arena *arena, hr_resources *r) {
    for (size_t i = 0; s->subsets.n > 0 && i < r->n_virtual_services; i++) {
        hr_spec_virtual_service *vs = &r->virtual_services[i];
        for (size_t h = 0; h < vs->n_http; h++) {
            hr_spec_http_route *http = &vs->http[h];
            for (size_t d = 0; d < http->n_route; d++)
                rename_subset(s, arena, &http->route[d].destination, vs->meta.namespace_);
            for (size_t m = 0; m < http->n_mirrors; m++)
                rename_subset(s, arena, &http->mirrors[m].destination, vs->meta.namespace_);
            if (http->mirror != NULL)
                rename_subset(s, arena, &http->mirror->destination, vs->meta.namespace_);
        }
    }
}

/* Services alone, or all that was written, as one text. */
static hr_str written_text(hr_conversion_state *s, bool services_only) {
    hr_yaml_text t = {.arena = s->arena};
    for (size_t i = 0; i < s->out.n; i++)
        if (!services_only || hr_str_eq_c(s->out.v[i].kind, "Service")) {
            hr_yaml_put(&t, "---\n");
            hr_yaml_put_str(&t, s->out.v[i].text);
        }
    return hr_yaml_text_of(&t);
}

static int build_side(hr_table **out, hr_conversion_state *s, hr_diagnostics *d,
                      const hr_source *sources, size_t n, const hr_load_options *options,
                      bool after) {
    hr_load_options own = *options;
    hr_source *all = calloc(n + 1, sizeof(*all));
    hr_arena *arena = hr_arena_new();
    hr_resources *resources = NULL;
    int rc = all == NULL || arena == NULL ? HR_ENOMEM : HR_OK;
    if (rc == HR_OK && n > 0)
        memcpy(all, sources, n * sizeof(*all));
    if (rc == HR_OK)
        all[n] = (hr_source){.name = "converted", .text = written_text(s, !after)};
    own.lint = 0;
    if (rc == HR_OK)
        rc = hr_resources_read(&resources, arena, d, all, n + (all[n].text.len > 0), &own);
    if (rc == HR_OK)
        rc = hr_resources_validate(resources, d);
    if (rc == HR_OK && hr_diagnostics_errors(d) > 0)
        rc = HR_ECONFIG;
    free(all);
    if (rc != HR_OK) {
        hr_arena_free(arena);
        return rc;
    }
    if (after)
        remove_converted(s, resources);
    else
        rename_subsets(s, arena, resources);
    return hr_table_build(out, arena, resources, &own);
}

/* ---- a conversion ---- */

static void note_taken_name(hr_conversion_state *s, const char *kind, const hr_meta *meta) {
    hr_map_add(s->arena, &s->names, hr_conversion_key(s->arena, kind, meta->namespace_, meta->name),
               s);
}

/* Names of resources of the language that is written. */
static void note_names(hr_conversion_state *s, hr_dialect to) {
    const hr_resources *r = s->table->resources;
    bool istio = to == HR_DIALECT_ISTIO;
    for (size_t i = 0; istio && i < r->n_virtual_services; i++)
        note_taken_name(s, "VirtualService", &r->virtual_services[i].meta);
    for (size_t i = 0; istio && i < r->n_gateways; i++)
        note_taken_name(s, "Gateway", &r->gateways[i].meta);
    for (size_t i = 0; !istio && i < r->n_gwapi_routes; i++)
        note_taken_name(s, "HTTPRoute", &r->gwapi_routes[i].meta);
    for (size_t i = 0; !istio && i < r->n_gwapi_gateways; i++)
        note_taken_name(s, "Gateway", &r->gwapi_gateways[i].meta);
    for (size_t i = 0; i < r->n_reference_grants; i++)
        note_taken_name(s, "ReferenceGrant", &r->reference_grants[i].meta);
    for (size_t i = 0; i < r->n_services; i++)
        note_taken_name(s, "Service", &r->services[i].meta);
}

static int convert(hr_conversion *c, hr_diagnostics **diagnostics, const hr_source *sources,
                   size_t n, const hr_load_options *options, hr_dialect to) {
    hr_conversion_state *s = &c->state;
    note_names(s, to);
    if (to == HR_DIALECT_GATEWAY_API)
        hr_convert_to_gateway_api(s);
    else
        hr_convert_to_istio(s);
    hr_diagnostics_sort(s->found);
    if (hr_arena_failed(c->arena) || hr_diagnostics_oom(s->found))
        return HR_ENOMEM;
    hr_diagnostics *d = hr_diagnostics_new();
    int rc = d == NULL ? HR_ENOMEM : build_side(&c->before, s, d, sources, n, options, false);
    if (rc == HR_OK) {
        hr_diagnostics_free(d);
        d = hr_diagnostics_new();
        rc = d == NULL ? HR_ENOMEM : build_side(&c->after, s, d, sources, n, options, true);
    }
    if (rc == HR_ECONFIG && diagnostics != NULL) {
        hr_diagnostics_free(*diagnostics);
        *diagnostics = d;
        d = NULL;
    }
    hr_diagnostics_free(d);
    return hr_arena_failed(c->arena) ? HR_ENOMEM : rc;
}

int hr_convert(hr_conversion **out, hr_diagnostics **diagnostics, const hr_source *sources,
               size_t n, const hr_load_options *options, hr_dialect to) {
    static const hr_load_options defaults = HR_LOAD_OPTIONS_INIT;
    hr_conversion *c = NULL;
    if (out != NULL)
        *out = NULL;
    if (diagnostics != NULL)
        *diagnostics = NULL;
    if (out == NULL || (to != HR_DIALECT_ISTIO && to != HR_DIALECT_GATEWAY_API))
        return HR_EINVAL;
    hr_table *table = NULL;
    int rc = hr_table_load(&table, diagnostics, sources, n, options);
    if (rc != HR_OK)
        return rc;
    c = calloc(1, sizeof(*c));
    if (c == NULL) {
        hr_table_unref(table);
        return HR_ENOMEM;
    }
    c->source = table;
    c->arena = hr_arena_new();
    c->state =
        (hr_conversion_state){.arena = c->arena, .table = table, .found = hr_diagnostics_new()};
    rc = c->arena == NULL || c->state.found == NULL ? HR_ENOMEM : HR_OK;
    if (rc == HR_OK)
        rc = convert(c, diagnostics, sources, n, options == NULL ? &defaults : options, to);
    if (rc != HR_OK) {
        hr_conversion_free(c);
        return rc;
    }
    *out = c;
    return HR_OK;
}

const char *hr_dialect_name(hr_dialect dialect) {
    static const char *const names[] = {"istio", "gateway-api"};
    return (unsigned)dialect < sizeof(names) / sizeof(names[0]) ? names[dialect] : NULL;
}

size_t hr_conversion_count(const hr_conversion *conversion) {
    return conversion == NULL ? 0 : conversion->state.out.n;
}

int hr_conversion_get(hr_converted *out, const hr_conversion *conversion, size_t index) {
    if (out == NULL || conversion == NULL)
        return HR_EINVAL;
    if (index >= conversion->state.out.n)
        return HR_ENOENT;
    *out = conversion->state.out.v[index];
    return HR_OK;
}

const hr_diagnostics *hr_conversion_findings(const hr_conversion *conversion) {
    return conversion == NULL ? NULL : conversion->state.found;
}

hr_table *hr_conversion_before(const hr_conversion *conversion) {
    return conversion == NULL ? NULL : conversion->before;
}

hr_table *hr_conversion_after(const hr_conversion *conversion) {
    return conversion == NULL ? NULL : conversion->after;
}

size_t hr_conversion_subsets(const hr_conversion *conversion) {
    return conversion == NULL ? 0 : conversion->state.subsets.n;
}

void hr_conversion_free(hr_conversion *conversion) {
    if (conversion == NULL)
        return;
    hr_table_unref(conversion->source);
    hr_table_unref(conversion->before);
    hr_table_unref(conversion->after);
    hr_diagnostics_free(conversion->state.found);
    hr_arena_free(conversion->arena);
    free(conversion);
}
