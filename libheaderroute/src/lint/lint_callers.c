/* The proxies for which the linter looks destinations up: of each Gateway, and of each namespace.
 */
#include "lint_callers.h"

#include "gateway.h"
#include "make_view.h"
#include "resources.h"
#include "service.h"
#include "text.h"
#include "workload.h"

/* More namespaces than this are not tried for each destination. */
#define MOST_NAMESPACES 20

bool hr_lint_bound_to(const hr_mesh_virtual_service *vs, hr_str gateway) {
    for (size_t i = 0; i < vs->n_gateways; i++)
        if (hr_str_eq(vs->gateways[i], gateway))
            return true;
    return false;
}

bool hr_lint_selects(const hr_spec_gateway *gateway, const hr_spec_workload *pod) {
    return gateway->n_selector > 0 &&
           hr_pairs_subset(gateway->selector, gateway->n_selector, pod->labels, pod->n_labels);
}

bool hr_lint_seen_by(hr_linter *l, const hr_mesh_gateway *gateway,
                     const hr_mesh_virtual_service *vs) {
    bool any = false;
    for (size_t i = 0; i < l->resources->n_workloads; i++) {
        const hr_spec_workload *pod = &l->resources->workloads[i];
        if (!hr_lint_selects(gateway->resource, pod))
            continue;
        any = true;
        if (hr_virtual_service_bucket(vs, pod->meta.namespace_) != HR_VS_HIDDEN)
            return true;
    }
    return !any &&
           hr_virtual_service_bucket(vs, gateway->resource->meta.namespace_) != HR_VS_HIDDEN;
}

static void set_caller(hr_linter *l, hr_lint_caller *caller, const hr_mesh_gateway *gateway,
                       hr_str namespace_) {
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    hr_view *view = HR_NEW(l->arena, hr_view);
    if (hr_arena_failed(l->arena))
        return;
    options.namespace_ = namespace_;
    view->table = l->table;
    view->arena = l->arena;
    hr_view_identify(view, &options, gateway);
    caller->gateway = gateway;
    caller->vb =
        (hr_view_build){.arena = l->arena, .view = view, .table = l->table, .temp = l->arena};
}

static void take_bound(hr_linter *l, const hr_mesh_virtual_service *vs, int bucket) {
    for (size_t g = 0; g < vs->n_gateways; g++) {
        hr_lint_caller *caller = hr_map_get(&l->gateways_by_id, vs->gateways[g]);
        if (caller != NULL &&
            (int)hr_virtual_service_bucket(vs, caller->vb.view->namespace_) == bucket)
            HR_PUSH(l->arena, &caller->bound, vs);
    }
}

static void set_gateways(hr_linter *l) {
    hr_table *table = l->table;
    l->gateways = HR_ARRAY(l->arena, hr_lint_caller, table->n_gateways);
    for (size_t i = 0; l->gateways != NULL && i < table->n_gateways; i++) {
        set_caller(l, &l->gateways[i], &table->gateways[i], (hr_str){0});
        hr_map_add(l->arena, &l->gateways_by_id, table->gateways[i].id, &l->gateways[i]);
    }
    for (int b = HR_VS_PRIVATE; b < HR_VS_HIDDEN; b++)
        for (size_t i = 0; i < table->n_virtual_services && !hr_arena_failed(l->arena); i++)
            take_bound(l, &table->virtual_services[i], b);
}

static void add_sidecars(hr_linter *l, hr_str namespace_) {
    if (l->n_sidecars == MOST_NAMESPACES || hr_arena_failed(l->arena) ||
        hr_map_get(&l->sidecars_by_namespace, namespace_) != NULL)
        return;
    hr_lint_caller *caller = &l->sidecars[l->n_sidecars++];
    set_caller(l, caller, NULL, namespace_);
    hr_map_add(l->arena, &l->sidecars_by_namespace, namespace_, caller);
}

/* Namespaces with pods, or with Services where no pod is loaded. */
static void set_sidecars(hr_linter *l) {
    const hr_resources *r = l->resources;
    l->sidecars = HR_ARRAY(l->arena, hr_lint_caller, MOST_NAMESPACES);
    if (l->sidecars == NULL)
        return;
    for (size_t i = 0; i < r->n_workloads; i++)
        add_sidecars(l, r->workloads[i].meta.namespace_);
    for (size_t i = 0; r->n_workloads == 0 && i < r->n_services; i++)
        add_sidecars(l, r->services[i].meta.namespace_);
}

void hr_lint_callers(hr_linter *l) {
    set_gateways(l);
    set_sidecars(l);
}
