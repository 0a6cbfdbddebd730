#include "view.h"

#include <stdlib.h>

#include "names.h"
#include "text.h"

/* ---- tools for the making ---- */

hr_str hr_view_copy(hr_view_build *vb, hr_str s) {
    return hr_arena_copy(vb->arena, s);
}

void hr_view_omit(hr_view_build *vb, const hr_vs *vs, hr_pos pos, int32_t route_index, int32_t match_index,
                  const char *reason) {
    hr_omitted omitted = {
        .virtual_service = vs->id,
        .file = pos.file,
        .line = pos.line,
        .route_index = route_index,
        .match_index = match_index,
        .reason = hr_str_from(reason),
    };
    HR_PUSH(vb->arena, &vb->view->omitted, omitted);
}

/* ---- which VirtualServices ---- */

static bool bound_to(const hr_vs *vs, hr_str gateway) {
    for (size_t i = 0; i < vs->n_gateways; i++)
        if (hr_str_eq(vs->gateways[i], gateway))
            return true;
    return false;
}

typedef enum bucket { BUCKET_PRIVATE, BUCKET_EXPORTED, BUCKET_PUBLIC, BUCKET_NONE } bucket;

static bucket bucket_of(const hr_vs *vs, hr_str namespace_) {
    if (vs->public_)
        return BUCKET_PUBLIC;
    for (size_t i = 0; i < vs->n_export_to; i++)
        if (hr_str_eq(vs->export_to[i], namespace_))
            return hr_str_eq(vs->resource->meta.namespace_, namespace_) ? BUCKET_PRIVATE : BUCKET_EXPORTED;
    return BUCKET_NONE;
}

void hr_view_select(hr_view_build *vb, hr_vs_list *out, hr_str gateway) {
    const hr_table *table = vb->table;
    for (int b = BUCKET_PRIVATE; b <= BUCKET_NONE; b++)
        for (size_t i = 0; i < table->n_virtual_services; i++) {
            const hr_vs *vs = &table->virtual_services[i];
            if ((int)bucket_of(vs, vb->view->namespace_) != b)
                continue;
            if (!bound_to(vs, gateway))
                hr_view_omit(vb, vs, vs->resource->pos, -1, -1, "its gateways do not name this one");
            else if (b == BUCKET_NONE)
                hr_view_omit(vb, vs, vs->resource->pos, -1, -1, "it is not exported to this namespace");
            else
                HR_PUSH(vb->arena, out, vs);
        }
}

/* ---- hosts ---- */

static int longest_first(const void *a, const void *b) {
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x > y ? -1 : x < y;
}

static void add_suffix(hr_arena *arena, hr_host_index *index, hr_str suffix, const hr_vhost *vhost, size_t *capacity) {
    if (!hr_map_add(arena, &index->suffixes, suffix, vhost))
        return;
    for (size_t i = 0; i < index->n_suffix_lengths; i++)
        if (index->suffix_lengths[i] == suffix.len)
            return;
    size_t *grown = hr_arena_grow(arena, index->suffix_lengths, index->n_suffix_lengths, capacity, sizeof(size_t));
    if (grown == NULL)
        return;
    index->suffix_lengths = grown;
    index->suffix_lengths[index->n_suffix_lengths++] = suffix.len;
}

static bool all_lead_to(const hr_map *map, const hr_vhost *vhost) {
    for (size_t i = 0; i < map->capacity; i++)
        if (map->slots[i].value != NULL && map->slots[i].value != vhost)
            return false;
    return true;
}

/* Up to this many domains are compared one by one. */
#define FEW_DOMAINS 12

static void list_few(hr_arena *arena, hr_host_index *index) {
    if (index->exact.n > FEW_DOMAINS)
        return;
    index->few = HR_ARRAY(arena, hr_domain, index->exact.n);
    for (size_t i = 0; index->few != NULL && i < index->exact.capacity; i++)
        if (index->exact.slots[i].value != NULL)
            index->few[index->n_few++] = (hr_domain){index->exact.slots[i].key, index->exact.slots[i].value};
}

void hr_host_index_build(hr_arena *arena, hr_route_table *table) {
    hr_host_index *index = &table->hosts;
    size_t capacity = 0;
    for (size_t i = 0; i < table->n_vhosts; i++) {
        const hr_vhost *vhost = &table->vhosts[i];
        for (size_t d = 0; d < vhost->n_domains; d++) {
            hr_str domain = vhost->domains[d];
            if (!hr_host_is_wild(domain))
                hr_map_add(arena, &index->exact, domain, vhost);
            else if (domain.len > 1)
                add_suffix(arena, index, hr_str_tail(domain, 1), vhost, &capacity);
            else if (index->any == NULL)
                index->any = vhost;
        }
    }
    list_few(arena, index);
    if (index->n_suffix_lengths > 1)
        qsort(index->suffix_lengths, index->n_suffix_lengths, sizeof(size_t), longest_first);
    if (all_lead_to(&index->exact, index->any) && all_lead_to(&index->suffixes, index->any))
        table->only = index->any;
}

/* ---- life ---- */

static const hr_workload *gateway_pod(const hr_table *table, const hr_gateway *gateway, hr_workload_kind kind) {
    const hr_resources *r = table->resources;
    for (size_t i = 0; i < r->n_workloads && gateway->n_selector > 0; i++)
        if (r->workloads[i].kind == kind &&
            hr_pairs_subset(gateway->selector, gateway->n_selector, r->workloads[i].labels, r->workloads[i].n_labels))
            return &r->workloads[i];
    return NULL;
}

static void copy_labels(hr_arena *arena, hr_view *view, const hr_pair *labels, size_t n) {
    view->labels = HR_ARRAY(arena, hr_pair, n);
    view->n_labels = view->labels == NULL ? 0 : n;
    for (size_t i = 0; i < view->n_labels; i++)
        view->labels[i] = (hr_pair){hr_arena_copy(arena, labels[i].name), hr_arena_copy(arena, labels[i].value)};
}

/* The proxy's labels: what the caller says; for a gateway, else, those of a pod it selects. */
static void set_labels(hr_arena *arena, hr_view *view, const hr_view_options *o, const hr_gw *gateway) {
    if (o->n_source_labels > 0 || gateway == NULL) {
        copy_labels(arena, view, o->source_labels, o->n_source_labels);
        return;
    }
    const hr_workload *pod = gateway_pod(view->table, gateway->resource, HR_WORKLOAD_POD);
    if (pod == NULL)
        pod = gateway_pod(view->table, gateway->resource, HR_WORKLOAD_DEPLOYMENT);
    if (pod != NULL)
        copy_labels(arena, view, pod->labels, pod->n_labels);
    else
        copy_labels(arena, view, gateway->resource->selector, gateway->resource->n_selector);
}

static hr_str view_label(const hr_view *view, const char *name) {
    for (size_t i = 0; i < view->n_labels; i++)
        if (hr_str_eq_c(view->labels[i].name, name))
            return view->labels[i].value;
    return HR_STR("");
}

/* Where the proxy runs: what the caller says, else its pod's labels. */
static hr_str locality_of(hr_arena *arena, const hr_view *view, const hr_view_options *o) {
    if (o->version > 1 && o->locality.len > 0)
        return hr_arena_copy(arena, o->locality);
    hr_str region = view_label(view, "topology.kubernetes.io/region");
    hr_str zone = view_label(view, "topology.kubernetes.io/zone");
    hr_str subzone = view_label(view, "topology.istio.io/subzone");
    if (region.len > 0 || zone.len > 0 || subzone.len > 0)
        return hr_arena_printf(arena, "%.*s/%.*s/%.*s", (int)region.len, region.p, (int)zone.len, zone.p, (int)subzone.len,
                           subzone.p);
    hr_str stated = hr_locality_stated(arena, view->labels, view->n_labels);
    return stated.p == NULL ? HR_STR("") : stated;
}

/* HR_OK or HR_ENOENT; the caller looks at the arena. */
static int make(hr_view *view, const hr_view_options *o) {
    hr_arena *arena = view->arena;
    bool mesh = o->gateway.len == 0 || hr_str_eq_c(o->gateway, "mesh");
    const hr_gw *gateway = mesh ? NULL : hr_table_find_gateway(view->table, o->gateway);
    if (!mesh && gateway == NULL)
        return HR_ENOENT;
    view->gateway = !mesh;
    view->gateway_id = mesh ? HR_STR("mesh") : gateway->id;
    view->port = o->port;
    view->outbound_policy = o->outbound_policy;
    view->repeated_headers = o->repeated_headers;
    view->path_normalization = o->version > 1 ? o->path_normalization : HR_PATH_NORMALIZATION_BASE;
    view->resolve = o->version > 2 ? o->resolve : NULL;
    view->resolve_ctx = o->version > 2 ? o->resolve_ctx : NULL;
    view->namespace_ = o->namespace_.len > 0 ? hr_arena_copy(arena, o->namespace_)
                       : mesh                ? HR_STR("default")
                                             : gateway->resource->meta.namespace_;
    set_labels(arena, view, o, gateway);
    view->locality = locality_of(arena, view, o);
    hr_view_build vb = {.arena = arena, .view = view, .table = view->table};
    hr_name_number(&vb, HR_STR("grpc-timeout")); /* number 0: every route looks for it */
    if (!mesh)
        return hr_gateway_view_build(&vb, gateway);
    hr_mesh_view_build(&vb);
    return HR_OK;
}

int hr_view_new(hr_view **out, hr_table *table, const hr_view_options *options) {
    static const hr_view_options defaults = HR_VIEW_OPTIONS_INIT;
    if (out != NULL)
        *out = NULL;
    if (options == NULL)
        options = &defaults;
    if (out == NULL || table == NULL || options->version < 1 || options->version > HR_VIEW_OPTIONS_VERSION ||
        (options->source_labels == NULL && options->n_source_labels > 0))
        return HR_EINVAL;
    hr_view *view = calloc(1, sizeof(*view));
    if (view == NULL)
        return HR_ENOMEM;
    atomic_init(&view->references, 1);
    view->table = hr_table_ref(table);
    view->arena = hr_arena_new();
    int error = view->arena == NULL ? HR_ENOMEM : make(view, options);
    if (view->arena != NULL && hr_arena_failed(view->arena))
        error = HR_ENOMEM;
    if (error != HR_OK) {
        hr_view_unref(view);
        return error;
    }
    *out = view;
    return HR_OK;
}

hr_view *hr_view_ref(hr_view *view) {
    if (view != NULL)
        atomic_fetch_add_explicit(&view->references, 1, memory_order_relaxed);
    return view;
}

void hr_view_unref(hr_view *view) {
    if (view == NULL || atomic_fetch_sub_explicit(&view->references, 1, memory_order_acq_rel) != 1)
        return;
    hr_arena_free(view->arena);
    hr_table_unref(view->table);
    free(view);
}

hr_table *hr_view_table(const hr_view *view) {
    return view == NULL ? NULL : view->table;
}

size_t hr_view_cluster_count(const hr_view *view) {
    return view == NULL ? 0 : view->n_clusters;
}

const hr_cluster *hr_view_cluster(const hr_view *view, size_t index) {
    return view == NULL || index >= view->n_clusters ? NULL : view->clusters[index];
}
