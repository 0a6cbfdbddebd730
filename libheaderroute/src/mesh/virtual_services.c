/* VirtualServices as the control plane hands them on: names in full, delegates merged, oldest
 * first. */
#include "virtual_services.h"

#include <stdlib.h>

#include "delegate.h"
#include "host_names.h"
#include "http_route.h"
#include "resources.h"
#include "text.h"
#include "virtual_service.h"

/* Rules tend to repeat one host: the last answer is kept. */
typedef struct host_memo {
    hr_str host, namespace_, resolved;
} host_memo;

static void resolve(hr_arena *arena, hr_table *table, host_memo *memo, hr_str *host, hr_str ns) {
    if (memo->host.p == NULL || !hr_str_eq(*host, memo->host) || !hr_str_eq(ns, memo->namespace_))
        *memo = (host_memo){*host, ns, hr_resolve_host(arena, *host, ns, table->domain)};
    *host = memo->resolved;
}

static void resolve_http(hr_arena *arena, hr_table *table, host_memo *memo,
                         hr_spec_http_route *http, hr_str ns) {
    for (size_t i = 0; i < http->n_route; i++)
        resolve(arena, table, memo, &http->route[i].destination.host, ns);
    if (http->mirror != NULL)
        resolve(arena, table, memo, &http->mirror->destination.host, ns);
    for (size_t i = 0; i < http->n_mirrors; i++)
        resolve(arena, table, memo, &http->mirrors[i].destination.host, ns);
    for (size_t m = 0; m < http->n_match; m++)
        for (size_t g = 0; g < http->match[m].gateways.n; g++)
            http->match[m].gateways.v[g] =
                hr_resolve_gateway(arena, http->match[m].gateways.v[g], ns);
}

static void set_visibility(hr_arena *arena, hr_mesh_virtual_service *vs) {
    const hr_str_list *to = &vs->resource->export_to;
    vs->public_ = to->n == 0;
    vs->export_to = HR_ARRAY(arena, hr_str, to->n);
    for (size_t i = 0; vs->export_to != NULL && i < to->n; i++) {
        if (hr_str_eq_c(to->v[i], "*"))
            vs->public_ = true;
        else if (hr_str_eq_c(to->v[i], "."))
            vs->export_to[vs->n_export_to++] = vs->resource->meta.namespace_;
        else if (hr_str_eq_c(to->v[i], "~"))
            vs->n_export_to = 0;
        else
            vs->export_to[vs->n_export_to++] = to->v[i];
    }
}

static void set_names(hr_arena *arena, hr_table *table, hr_mesh_virtual_service *vs,
                      const hr_spec_virtual_service *in) {
    static const hr_str mesh = {"mesh", 4};
    hr_str ns = in->meta.namespace_;
    vs->resource = in;
    vs->id = hr_arena_printf(arena, "%.*s/%.*s", (int)ns.len, ns.p, (int)in->meta.name.len,
                             in->meta.name.p);
    vs->hosts = HR_ARRAY(arena, hr_str, in->hosts.n);
    vs->gateways = HR_ARRAY(arena, hr_str, in->gateways.n + 1);
    if (vs->hosts == NULL || vs->gateways == NULL)
        return;
    for (size_t i = 0; i < in->hosts.n; i++)
        vs->hosts[vs->n_hosts++] = hr_resolve_host(arena, in->hosts.v[i], ns, table->domain);
    for (size_t i = 0; i < in->gateways.n; i++)
        vs->gateways[vs->n_gateways++] = hr_resolve_gateway(arena, in->gateways.v[i], ns);
    if (vs->n_gateways == 0)
        vs->gateways[vs->n_gateways++] = mesh;
}

static int virtual_services_by_age(const void *a, const void *b) {
    return hr_meta_cmp(&((const hr_mesh_virtual_service *)a)->resource->meta,
                       &((const hr_mesh_virtual_service *)b)->resource->meta);
}

void hr_virtual_services_build(hr_arena *arena, hr_table *table) {
    hr_resources *r = table->resources;
    host_memo memo = {0};
    hr_map delegates = {0};
    table->virtual_services = HR_ARRAY(arena, hr_mesh_virtual_service, r->n_virtual_services);
    for (size_t s = 0; s < r->n_virtual_services && !hr_arena_failed(arena); s++) {
        hr_spec_virtual_service *in = &r->virtual_services[s];
        for (size_t i = 0; i < in->n_http; i++)
            resolve_http(arena, table, &memo, &in->http[i], in->meta.namespace_);
        if (in->hosts.n > 0) {
            hr_mesh_virtual_service *vs = &table->virtual_services[table->n_virtual_services++];
            set_names(arena, table, vs, in);
            set_visibility(arena, vs);
        } else {
            hr_mesh_virtual_service *delegate = HR_NEW(arena, hr_mesh_virtual_service);
            set_names(arena, table, delegate, in);
            set_visibility(arena, delegate);
            hr_map_add(arena, &delegates, delegate->id, delegate);
        }
    }
    for (size_t s = 0; s < table->n_virtual_services && !hr_arena_failed(arena); s++)
        hr_delegates_merge(arena, &table->virtual_services[s], &delegates);
    if (table->n_virtual_services > 1)
        qsort(table->virtual_services, table->n_virtual_services, sizeof(hr_mesh_virtual_service),
              virtual_services_by_age);
}
