/* Which proxies a resource of a kind that is not evaluated selects: by namespace, selector and
 * targetRefs, as Istio's WorkloadPolicyMatcher does. */
#include "selection.h"

#include "arena.h"
#include "diag.h"
#include "table.h"
#include "text.h"
#include "workload.h"

#define GATEWAY_NAME HR_STR("gateway.networking.k8s.io/gateway-name")

/* The value of a label; absent if it is not among them. */
static hr_str label_value_of(const hr_pair *labels, size_t n, hr_str name) {
    for (size_t i = 0; i < n; i++)
        if (hr_str_eq(labels[i].name, name))
            return labels[i].value.p == NULL ? HR_STR("") : labels[i].value;
    return (hr_str){0};
}

bool hr_unread_can_select(const hr_spec_unread *u, const hr_pair *labels, size_t n,
                          bool all_known) {
    for (size_t i = 0; i < u->n_selector; i++) {
        hr_str value = label_value_of(labels, n, u->selector[i].name);
        if (value.p == NULL ? all_known : !hr_str_eq(value, u->selector[i].value))
            return false;
    }
    return true;
}

bool hr_unread_counts_in(const hr_spec_unread *u, const hr_view *view, hr_str namespace_) {
    return hr_str_eq(u->namespace_, namespace_) ||
           (u->kind->reach & (HR_REACH_GATEWAY | HR_REACH_CALLER) &&
            hr_str_eq(u->namespace_, view->table->root_namespace));
}

/* A resource with targetRefs is attached to Gateways of the Gateway API in its own namespace, to
 * whose proxies the label with the name belongs. Those to Services and the like concern waypoints.
 */
static bool targets_gateway(const hr_spec_unread *u, const hr_view *view) {
    hr_str name = label_value_of(view->labels, view->n_labels, GATEWAY_NAME);
    for (size_t i = 0; name.p != NULL && i < u->gateways.n; i++)
        if (hr_str_eq(u->gateways.v[i], name) && hr_str_eq(u->namespace_, view->namespace_))
            return true;
    return false;
}

bool hr_unread_selects_proxy(const hr_spec_unread *u, const hr_view *view) {
    unsigned reach = view->gateway ? HR_REACH_GATEWAY : HR_REACH_CALLER;
    if (!(u->kind->reach & reach))
        return false;
    if (u->has_targets)
        return targets_gateway(u, view);
    return hr_unread_counts_in(u, view, view->namespace_) &&
           hr_unread_can_select(u, view->labels, view->n_labels, view->labels_known);
}

/* ---- what a program that serves a view must not leave out ---- */

/* Whether the selector is that of loaded workloads, and the labels of the proxy are not all known:
 * a gateway's pods do not have another workload's labels as well. */
static bool selects_workloads(const hr_spec_unread *u, const hr_view *view) {
    const hr_resources *r = view->table->resources;
    for (size_t i = 0; u->n_selector > 0 && i < r->n_workloads; i++) {
        const hr_spec_workload *w = &r->workloads[i];
        if (hr_unread_counts_in(u, view, w->meta.namespace_) &&
            hr_unread_can_select(u, w->labels, w->n_labels, true))
            return true;
    }
    return false;
}

/* A policy for inbound requests concerns the gateway itself, whatever its view is. */
static bool must_be_served(const hr_spec_unread *u, const hr_view *view) {
    if (!u->kind->refused)
        return false;
    if (u->has_targets || view->labels_known)
        return hr_unread_selects_proxy(u, view);
    return hr_unread_counts_in(u, view, view->namespace_) &&
           hr_unread_can_select(u, view->labels, view->n_labels, false) &&
           !selects_workloads(u, view);
}

int hr_view_unserved(hr_diagnostics **out, const hr_view *view) {
    if (out == NULL)
        return HR_EINVAL;
    *out = NULL;
    if (view == NULL)
        return HR_EINVAL;
    hr_diagnostics *d = hr_diagnostics_new();
    const hr_resources *r = view->table->resources;
    for (size_t i = 0; d != NULL && i < r->n_unread; i++) {
        const hr_spec_unread *u = &r->unread[i];
        bool sure =
            u->n_selector == 0 || hr_unread_can_select(u, view->labels, view->n_labels, true);
        if (must_be_served(u, view))
            hr_diag_error(d, u->pos, "", "%s %.*s/%.*s %s this proxy and is not supported: %s%s",
                          u->name_of_kind, (int)u->namespace_.len, u->namespace_.p,
                          (int)u->name.len, u->name.p == NULL ? "" : u->name.p,
                          sure ? "selects" : "may select", u->kind->effect,
                          sure ? ""
                               : "; load the proxy's Deployment or Pod if its labels are others");
    }
    if (d == NULL || hr_diagnostics_oom(d)) {
        hr_diagnostics_free(d);
        return HR_ENOMEM;
    }
    *out = d;
    return hr_diagnostics_errors(d) > 0 ? HR_ECONFIG : HR_OK;
}
