/* hr_view_new: from a table and options to a view. */
#include "make_view.h"

#include <stdlib.h>

#include "gateway.h"
#include "gateway_view.h"
#include "host_names.h"
#include "literal_filter.h"
#include "locality.h"
#include "mesh_view.h"
#include "registry_endpoints.h"
#include "resources.h"
#include "route_compile.h"
#include "text.h"
#include "workload.h"

static const hr_spec_workload *gateway_pod(const hr_table *table, const hr_spec_gateway *gateway,
                                           hr_spec_workload_kind kind) {
    const hr_resources *r = table->resources;
    for (size_t i = 0; i < r->n_workloads && gateway->n_selector > 0; i++)
        if (r->workloads[i].kind == kind &&
            hr_pairs_subset(gateway->selector, gateway->n_selector, r->workloads[i].labels,
                            r->workloads[i].n_labels))
            return &r->workloads[i];
    return NULL;
}

/* With the cluster, which Istio adds as it does for endpoints. */
static void copy_labels(hr_arena *arena, hr_view *view, const hr_pair *labels, size_t n) {
    bool stated = false;
    view->labels = HR_ARRAY(arena, hr_pair, n + 1);
    if (view->labels == NULL)
        return;
    for (size_t i = 0; i < n; i++) {
        view->labels[i] =
            (hr_pair){hr_arena_copy(arena, labels[i].name), hr_arena_copy(arena, labels[i].value)};
        stated = stated || hr_str_eq_c(labels[i].name, HR_LABEL_CLUSTER);
    }
    view->n_labels = view->n_stated_labels = n;
    if (!stated)
        view->labels[view->n_labels++] =
            (hr_pair){HR_STR(HR_LABEL_CLUSTER), HR_STR(HR_DEFAULT_CLUSTER)};
}

/* The proxy's labels: what the caller says; for a gateway, else, those of a pod it selects. */
static void set_labels(hr_arena *arena, hr_view *view, const hr_view_options *o,
                       const hr_mesh_gateway *gateway) {
    if (o->n_source_labels > 0 || gateway == NULL) {
        copy_labels(arena, view, o->source_labels, o->n_source_labels);
        view->labels_known = o->n_source_labels > 0;
        return;
    }
    const hr_spec_workload *pod = gateway_pod(view->table, gateway->resource, HR_WORKLOAD_POD);
    if (pod == NULL)
        pod = gateway_pod(view->table, gateway->resource, HR_WORKLOAD_DEPLOYMENT);
    view->labels_known = pod != NULL;
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
        return hr_arena_printf(arena, "%.*s/%.*s/%.*s", (int)region.len, region.p, (int)zone.len,
                               zone.p, (int)subzone.len, subzone.p);
    hr_str stated = hr_locality_stated(arena, view->labels, view->n_labels);
    return stated.p == NULL ? HR_STR("") : stated;
}

void hr_view_identify(hr_view *view, const hr_view_options *o, const hr_mesh_gateway *gateway) {
    view->gateway = gateway != NULL;
    view->gateway_id = gateway == NULL ? HR_STR("mesh") : gateway->id;
    view->namespace_ = o->namespace_.len > 0 ? hr_arena_copy(view->arena, o->namespace_)
                       : gateway == NULL     ? HR_STR("default")
                                             : gateway->resource->meta.namespace_;
    set_labels(view->arena, view, o, gateway);
    view->locality = locality_of(view->arena, view, o);
}

/* HR_OK, HR_ENOENT or HR_EAMBIGUOUS; the caller looks at the arena. */
static int make_view(hr_view *view, hr_arena *temp, const hr_view_options *o) {
    hr_arena *arena = view->arena;
    bool mesh = o->gateway.len == 0 || hr_str_eq_c(o->gateway, "mesh");
    const hr_mesh_gateway *gateway = mesh ? NULL : hr_table_find_gateway(view->table, o->gateway);
    if (!mesh && gateway == NULL)
        return hr_table_names_two_gateways(view->table, o->gateway) ? HR_EAMBIGUOUS : HR_ENOENT;
    hr_view_identify(view, o, gateway);
    view->port = o->port;
    view->outbound_policy = o->outbound_policy;
    view->repeated_headers = o->repeated_headers;
    view->path_normalization = o->version > 1 ? o->path_normalization : HR_PATH_NORMALIZATION_BASE;
    view->resolve = o->version > 2 ? o->resolve : NULL;
    view->resolve_ctx = o->version > 2 ? o->resolve_ctx : NULL;
    hr_view_build vb = {.arena = arena, .view = view, .table = view->table, .temp = temp};
    hr_name_number(&vb, HR_STR("grpc-timeout")); /* number 0: every route looks for it */
    int error = HR_OK;
    if (mesh)
        hr_mesh_view_build(&vb);
    else
        error = hr_gateway_view_build(&vb, gateway);
    hr_literals_build(&vb);
    return error;
}

int hr_view_new(hr_view **out, hr_table *table, const hr_view_options *options) {
    static const hr_view_options defaults = HR_VIEW_OPTIONS_INIT;
    if (out != NULL)
        *out = NULL;
    if (options == NULL)
        options = &defaults;
    if (out == NULL || table == NULL || options->version < 1 ||
        options->version > HR_VIEW_OPTIONS_VERSION ||
        (options->source_labels == NULL && options->n_source_labels > 0))
        return HR_EINVAL;
    hr_view *view = calloc(1, sizeof(*view));
    if (view == NULL)
        return HR_ENOMEM;
    atomic_init(&view->references, 1);
    view->table = hr_table_ref(table);
    view->arena = hr_arena_new();
    hr_arena *temp = hr_arena_new();
    int error = HR_ENOMEM;
    if (view->arena != NULL && temp != NULL) {
        error = make_view(view, temp, options);
        if (hr_arena_failed(view->arena) || hr_arena_failed(temp))
            error = HR_ENOMEM;
    }
    hr_arena_free(temp);
    if (error != HR_OK) {
        hr_view_unref(view);
        return error;
    }
    *out = view;
    return HR_OK;
}
