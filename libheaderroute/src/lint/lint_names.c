/*
 * Finds names without a target: hosts without a Service, ports that it does not have, subsets that
 * no DestinationRule defines or that select no pod, Gateways and delegates that were not loaded.
 */
#include "lint_names.h"

#include <stddef.h>

#include "delegate.h"
#include "destination_rule.h"
#include "diag.h"
#include "gateway.h"
#include "host_names.h"
#include "registry_endpoints.h"
#include "resources.h"
#include "service.h"
#include "service_entry.h"
#include "text.h"
#include "virtual_service.h"
#include "workload.h"
#include "workload_entry.h"

typedef struct rules_of_host rules_of_host;
struct rules_of_host {
    const hr_spec_destination_rule *rule;
    rules_of_host *next;
};

typedef struct namespace_workloads {
    HR_LIST(const hr_spec_workload *) workloads;
    HR_LIST(const hr_spec_workload_entry *) entries;
} namespace_workloads;

typedef struct names {
    hr_linter *l;
    hr_map rules; /* resolved host -> rules_of_host; wildcards too */
    rules_of_host *wildcards;
    hr_map namespaces; /* -> namespace_workloads */
    hr_map gateways;   /* "namespace/name" */
    hr_map virtual_services;
    size_t n_workloads;
    hr_pos unchecked; /* of the first name that is not checked, because no Service was loaded */
    bool has_unchecked;
    hr_endpoint_source endpoints;
} names;

static hr_str resolved(hr_linter *l, hr_str host, hr_str namespace_) {
    return hr_arena_lower(l->arena, hr_resolve_host(l->arena, host, namespace_, l->table->domain));
}

static hr_str qualified(hr_linter *l, hr_str namespace_, hr_str name) {
    return hr_arena_printf(l->arena, "%.*s/%.*s", (int)namespace_.len, namespace_.p, (int)name.len,
                           name.p);
}

/* ---- filling ---- */

static namespace_workloads *workloads_of(names *n, hr_str namespace_) {
    void **place = hr_map_at(n->l->arena, &n->namespaces, namespace_);
    if (*place == NULL)
        *place = HR_NEW(n->l->arena, namespace_workloads);
    return *place;
}

static void fill_names(names *n) {
    hr_linter *l = n->l;
    const hr_resources *r = l->resources;
    for (size_t i = 0; i < r->n_destination_rules && !hr_arena_failed(l->arena); i++) {
        const hr_spec_destination_rule *rule = &r->destination_rules[i];
        rules_of_host *item = HR_NEW(l->arena, rules_of_host);
        hr_str host = resolved(l, rule->host, rule->meta.namespace_);
        void **head = hr_map_at(l->arena, &n->rules, host);
        *item = (rules_of_host){rule, *head};
        *head = item;
        if (hr_host_is_wild(host)) {
            rules_of_host *wild = HR_NEW(l->arena, rules_of_host);
            *wild = (rules_of_host){rule, n->wildcards};
            n->wildcards = wild;
        }
    }
    for (size_t i = 0; i < r->n_workloads; i++) {
        namespace_workloads *w = workloads_of(n, r->workloads[i].meta.namespace_);
        HR_PUSH(l->arena, &w->workloads, &r->workloads[i]);
    }
    for (size_t i = 0; i < r->n_workload_entries; i++) {
        namespace_workloads *w = workloads_of(n, r->workload_entries[i].meta.namespace_);
        HR_PUSH(l->arena, &w->entries, &r->workload_entries[i]);
    }
    n->n_workloads = r->n_workloads + r->n_workload_entries;
    for (size_t i = 0; i < r->n_gateways; i++) {
        const hr_meta *meta = &r->gateways[i].meta;
        hr_map_add(l->arena, &n->gateways, qualified(l, meta->namespace_, meta->name), meta);
    }
    for (size_t i = 0; i < r->n_virtual_services; i++) {
        const hr_spec_virtual_service *vs = &r->virtual_services[i];
        hr_map_add(l->arena, &n->virtual_services, qualified(l, vs->meta.namespace_, vs->meta.name),
                   vs);
    }
}

/* Where no Service was loaded at all, one finding replaces those about each name. */
static bool unchecked(names *n, hr_pos pos) {
    if (n->l->table->registry.n_services > 0)
        return false;
    if (!n->has_unchecked)
        n->unchecked = pos;
    n->has_unchecked = true;
    return true;
}

static void lint_unchecked(names *n) {
    if (n->has_unchecked)
        hr_diag_note(
            n->l->d, n->unchecked, "no-services", "",
            "no Service and no ServiceEntry was loaded, so hosts, ports and subsets are not "
            "checked; load the files with the Services, too");
}

/* ---- pods ---- */

static const hr_spec_service *kubernetes_service(const hr_mesh_service *svc) {
    if (svc == NULL || !svc->kubernetes)
        return NULL;
    return (const hr_spec_service *)(const void *)((const char *)svc->meta -
                                                   offsetof(hr_spec_service, meta));
}

/* The endpoints that a decision would choose from, with the labels that Istio adds. */
static bool selects_endpoint(const hr_mesh_service *svc, const hr_spec_subset *subset) {
    for (size_t p = 0; p < svc->n_ports; p++)
        for (size_t i = 0; i < svc->ports[p].n_endpoints; i++) {
            const hr_endpoint *e = &svc->ports[p].endpoints[i];
            if (hr_pairs_subset(subset->labels, subset->n_labels, e->labels, e->n_labels))
                return true;
        }
    return false;
}

/* Of a template, or a pod whose Node is not loaded, it is not known where it runs. */
static bool may_have(const hr_spec_subset *subset, const hr_pair *labels, size_t n_labels) {
    for (size_t i = 0; i < subset->n_labels; i++)
        if (!hr_label_is_topology(subset->labels[i].name) &&
            !hr_pairs_subset(&subset->labels[i], 1, labels, n_labels))
            return false;
    return true;
}

static bool selects_pod(names *n, const hr_mesh_service *svc, const hr_spec_subset *subset) {
    const hr_spec_service *service = kubernetes_service(svc);
    const hr_spec_service_entry *entry = NULL;
    if (selects_endpoint(svc, subset))
        return true;
    if (service == NULL)
        entry =
            (const hr_spec_service_entry *)(const void *)((const char *)svc->meta -
                                                          offsetof(hr_spec_service_entry, meta));
    for (size_t i = 0; entry != NULL && i < entry->n_endpoints; i++)
        if (hr_pairs_subset(subset->labels, subset->n_labels, entry->endpoints[i].labels,
                            entry->endpoints[i].n_labels))
            return true;
    const hr_pair *selector = service != NULL ? service->selector : entry->selector;
    size_t n_selector = service != NULL ? service->n_selector : entry->n_selector;
    const namespace_workloads *w = hr_map_get(&n->namespaces, svc->namespace_);
    if (n_selector == 0 && (service != NULL || !entry->has_selector))
        return service != NULL; /* endpoints are listed by hand: nothing to compare */
    for (size_t i = 0; w != NULL && i < w->workloads.n; i++) {
        const hr_spec_workload *pod = w->workloads.v[i];
        if (!hr_pairs_subset(selector, n_selector, pod->labels, pod->n_labels))
            continue;
        hr_endpoint placed;
        if (hr_pod_is_placed(&placed, n->l->arena, &n->endpoints, pod)
                ? hr_pairs_subset(subset->labels, subset->n_labels, placed.labels, placed.n_labels)
                : may_have(subset, pod->labels, pod->n_labels))
            return true;
    }
    for (size_t i = 0; w != NULL && i < w->entries.n; i++) {
        const hr_spec_workload_entry *e = w->entries.v[i];
        if (hr_pairs_subset(selector, n_selector, e->labels, e->n_labels) &&
            hr_pairs_subset(subset->labels, subset->n_labels, e->labels, e->n_labels))
            return true;
    }
    return false;
}

static bool dns_resolved(const hr_mesh_service *svc) {
    return svc->resolution != HR_RESOLUTION_STATIC && !svc->kubernetes;
}

/* ---- destinations ---- */

static const hr_spec_subset *subset_of(const hr_spec_destination_rule *rule, hr_str name) {
    for (size_t i = 0; i < rule->n_subsets; i++)
        if (hr_str_eq(rule->subsets[i].name, name))
            return &rule->subsets[i];
    return NULL;
}

/* The subset of a DestinationRule for the host; NULL: none defines it. *wildcard: it is one for a
 * wildcard, whose subsets are not looked at by themselves. */
static const hr_spec_subset *defined_subset(names *n, hr_str host, hr_str subset, bool *wildcard) {
    const hr_spec_subset *found = NULL;
    *wildcard = false;
    for (rules_of_host *i = hr_map_get(&n->rules, host); found == NULL && i != NULL; i = i->next)
        found = subset_of(i->rule, subset);
    for (rules_of_host *i = n->wildcards; found == NULL && i != NULL; i = i->next) {
        if (hr_host_subset_of(host, i->rule->host))
            found = subset_of(i->rule, subset);
        *wildcard = found != NULL;
    }
    return found;
}

/* The subsets that are defined: "v1, v2". */
static hr_str subsets_of(names *n, hr_str host) {
    hr_str list = HR_STR("");
    for (rules_of_host *i = hr_map_get(&n->rules, host); i != NULL; i = i->next)
        for (size_t s = 0; s < i->rule->n_subsets && list.len < 200; s++)
            list = hr_arena_printf(n->l->arena, "%.*s%s%.*s", (int)list.len, list.p,
                                   list.len == 0 ? "" : ", ", (int)i->rule->subsets[s].name.len,
                                   i->rule->subsets[s].name.p);
    return list;
}

/* The pods of a Service count as known where a pod of its namespace is loaded, those of a
 * ServiceEntry where any pod is; templates of pods say nothing about Services of other files. */
static bool pods_known(names *n, const hr_mesh_service *svc) {
    const namespace_workloads *w = hr_map_get(&n->namespaces, svc->namespace_);
    bool any = !svc->kubernetes && n->l->table->registry.pods_listed;
    for (size_t i = 0; w != NULL && !any && i < w->workloads.n; i++)
        any = w->workloads.v[i]->kind == HR_WORKLOAD_POD;
    return any && svc->next == NULL && svc->alias_of.p == NULL &&
           svc->resolution == HR_RESOLUTION_STATIC;
}

static void lint_empty(names *n, const hr_spec_destination *d, const hr_mesh_service *svc,
                       const hr_spec_subset *subset, const char *field, const char *consequence) {
    static const hr_spec_subset whole = {.n_labels = 0};
    if (!pods_known(n, svc) || selects_pod(n, svc, subset == NULL ? &whole : subset))
        return;
    hr_diag_note(n->l->d, subset == NULL ? d->host_pos : d->subset_pos, "destination-empty", field,
                 "no pod belongs to %s%.*s%s%s: %s; correct the labels or the selector",
                 subset == NULL ? "" : "the subset \"", HR_LINT_STR(d->subset),
                 subset == NULL ? "" : "\" of ", hr_lint_name(n->l, svc->meta, svc->meta->pos),
                 consequence);
}

static void lint_destination(names *n, const hr_spec_destination *d, hr_str namespace_,
                             const char *field, const char *consequence) {
    hr_linter *l = n->l;
    hr_str host = resolved(l, d->host, namespace_);
    const hr_mesh_service *svc = hr_map_get(&l->table->registry.by_host, host);
    if (d->host.len == 0 || unchecked(n, d->host_pos))
        return;
    if (svc == NULL)
        hr_diag_note(l->d, d->host_pos, "host-unknown", HR_LINT_FIELD(l, "%s.host", field),
                     "%.*s is not the host of any Service or ServiceEntry: %s", (int)host.len,
                     host.p, consequence);
    if (svc != NULL && d->port != 0 && hr_mesh_port_find(svc, d->port) == NULL)
        hr_diag_note(l->d, d->port_pos, "port-unknown", HR_LINT_FIELD(l, "%s.port", field),
                     "%.*s has no port %u: %s", (int)host.len, host.p, d->port, consequence);
    bool wildcard = false;
    const hr_spec_subset *subset =
        d->subset.len == 0 ? NULL : defined_subset(n, host, d->subset, &wildcard);
    if (svc != NULL && (d->subset.len == 0 || wildcard))
        lint_empty(n, d, svc, subset, field, consequence);
    if (d->subset.len == 0 || subset != NULL)
        return;
    hr_str known = subsets_of(n, host);
    hr_diag_note(l->d, d->subset_pos, "subset-unknown", HR_LINT_FIELD(l, "%s.subset", field),
                 "no DestinationRule for %.*s defines the subset \"%.*s\": %s%s%.*s%s",
                 (int)host.len, host.p, (int)d->subset.len, d->subset.p, consequence,
                 known.len == 0 ? "" : " (defined: ", (int)known.len, known.p,
                 known.len == 0 ? "" : ")");
}

static const char gets_503[] = "requests fail with 503", dropped[] = "copies are dropped";

static void lint_destinations(names *n, const hr_spec_virtual_service *vs) {
    hr_linter *l = n->l;
    for (size_t i = 0; i < vs->n_http; i++) {
        const hr_spec_http_route *route = &vs->http[i];
        for (size_t j = 0; j < route->n_route; j++)
            lint_destination(n, &route->route[j].destination, vs->meta.namespace_,
                             HR_LINT_FIELD(l, "spec.http[%zu].route[%zu].destination", i, j),
                             gets_503);
        if (route->mirror != NULL)
            lint_destination(n, &route->mirror->destination, vs->meta.namespace_,
                             HR_LINT_FIELD(l, "spec.http[%zu].mirror", i), dropped);
        for (size_t j = 0; j < route->n_mirrors; j++)
            lint_destination(n, &route->mirrors[j].destination, vs->meta.namespace_,
                             HR_LINT_FIELD(l, "spec.http[%zu].mirrors[%zu].destination", i, j),
                             dropped);
    }
}

/* ---- VirtualServices: hosts, Gateways, delegates ---- */

static bool bound_to_mesh(const hr_spec_virtual_service *vs) {
    for (size_t i = 0; i < vs->gateways.n; i++)
        if (hr_str_eq_c(vs->gateways.v[i], "mesh"))
            return true;
    return vs->gateways.n == 0;
}

static void lint_host(names *n, const hr_spec_virtual_service *vs, size_t index) {
    hr_linter *l = n->l;
    hr_str host = resolved(l, vs->hosts.v[index], vs->meta.namespace_);
    const hr_mesh_service *svc = hr_map_get(&l->table->registry.by_host, host);
    const hr_spec_service *service = kubernetes_service(svc);
    const char *field = HR_LINT_FIELD(l, "spec.hosts[%zu]", index);
    bool short_name = !hr_str_has(vs->hosts.v[index], '.') && !hr_host_is_wild(host);
    bool missing = svc == NULL && short_name && bound_to_mesh(vs);
    if (missing && !unchecked(n, vs->hosts.pos))
        hr_diag_note(l->d, vs->hosts.pos, "host-unknown", field,
                     "%.*s is not the host of any Service or ServiceEntry", (int)host.len, host.p);
    bool outside = service != NULL && (hr_str_eq_c(service->type, "LoadBalancer") ||
                                       hr_str_eq_c(service->type, "NodePort"));
    if (outside && bound_to_mesh(vs) && vs->gateways.n <= 1)
        hr_diag_note(l->d, vs->hosts.pos, "mesh-only-service", field,
                     "clients outside the mesh reach the Service %.*s directly (type %.*s) and "
                     "bypass these rules, which only the mesh's sidecars apply; bind the "
                     "VirtualService to a Gateway as well",
                     (int)service->meta.name.len, service->meta.name.p, (int)service->type.len,
                     service->type.p);
}

static void lint_gateways(names *n, const hr_spec_virtual_service *vs) {
    hr_linter *l = n->l;
    for (size_t i = 0; i < vs->gateways.n; i++) {
        hr_str name = hr_resolve_gateway(l->arena, vs->gateways.v[i], vs->meta.namespace_);
        if (!hr_str_eq_c(name, "mesh") && hr_map_get(&n->gateways, name) == NULL)
            hr_diag_note(l->d, vs->gateways.pos, "gateway-unknown",
                         HR_LINT_FIELD(l, "spec.gateways[%zu]", i), "no Gateway %.*s was loaded",
                         (int)name.len, name.p);
    }
}

static bool exported_to_namespace(const hr_spec_virtual_service *delegate, hr_str namespace_) {
    bool own = hr_str_eq(delegate->meta.namespace_, namespace_);
    for (size_t i = 0; i < delegate->export_to.n; i++) {
        hr_str to = delegate->export_to.v[i];
        if (hr_str_eq_c(to, "*") || (own && hr_str_eq_c(to, ".")) || hr_str_eq(to, namespace_))
            return true;
    }
    return delegate->export_to.n == 0;
}

/* Of the root's headers and the delegate's only the latter count. */
static void lint_delegate_headers(hr_linter *l, const hr_spec_http_route *root,
                                  const hr_spec_virtual_service *delegate, size_t index) {
    for (size_t i = 0; root->headers.present && i < delegate->n_http; i++) {
        if (!delegate->http[i].headers.present)
            continue;
        hr_diag_note(l->d, root->headers.pos, "delegate-replaces-headers",
                     HR_LINT_FIELD(l, "spec.http[%zu].headers", index),
                     "spec.http[%zu].headers of the delegate %s replaces these headers instead of "
                     "adding to them; repeat them there",
                     i, hr_lint_name(l, &delegate->meta, delegate->http[i].pos));
        return;
    }
}

/* Once for a rule, however many of the delegate's rules it loses. */
static void lint_dropped(hr_linter *l, const hr_spec_http_route *root,
                         const hr_spec_virtual_service *delegate, const char *field) {
    for (size_t i = 0; i < delegate->n_http; i++) {
        const char *reason = hr_delegate_why_dropped(root, &delegate->http[i]);
        if (reason == NULL)
            continue;
        hr_diag_note(l->d, root->pos, "delegate-rule-dropped", field,
                     "spec.http[%zu] of %.*s/%.*s: %s", i, (int)delegate->meta.namespace_.len,
                     delegate->meta.namespace_.p, (int)delegate->meta.name.len,
                     delegate->meta.name.p, reason);
        return;
    }
}

static void lint_delegates(names *n, const hr_spec_virtual_service *vs) {
    hr_linter *l = n->l;
    for (size_t i = 0; i < vs->n_http; i++) {
        const hr_spec_http_route *route = &vs->http[i];
        if (!route->has_delegate)
            continue;
        hr_str namespace_ =
            route->delegate_namespace.len == 0 ? vs->meta.namespace_ : route->delegate_namespace;
        hr_str name = qualified(l, namespace_, route->delegate_name);
        const hr_spec_virtual_service *delegate = hr_map_get(&n->virtual_services, name);
        const char *field = HR_LINT_FIELD(l, "spec.http[%zu].delegate", i);
        if (delegate == NULL)
            hr_diag_note(l->d, route->pos, "delegate-unknown", field,
                         "no VirtualService %.*s was loaded: this rule has no routes",
                         (int)name.len, name.p);
        else if (delegate->hosts.n > 0)
            hr_diag_note(l->d, route->pos, "delegate-has-hosts", field,
                         "the VirtualService %.*s has hosts, so it is not a delegate: this rule "
                         "has no routes",
                         (int)name.len, name.p);
        else if (!exported_to_namespace(delegate, vs->meta.namespace_))
            hr_diag_note(l->d, route->pos, "delegate-not-exported", field,
                         "the delegate %s is not exported to the namespace %.*s: this rule has no "
                         "routes; add the namespace to its exportTo",
                         hr_lint_name(l, &delegate->meta, delegate->pos),
                         HR_LINT_STR(vs->meta.namespace_));
        else {
            lint_dropped(l, route, delegate, field);
            lint_delegate_headers(l, route, delegate, i);
        }
    }
}

/* ---- DestinationRules: hosts, subsets ---- */

static void lint_rule(names *n, const hr_spec_destination_rule *rule) {
    hr_linter *l = n->l;
    hr_str host = resolved(l, rule->host, rule->meta.namespace_);
    const hr_mesh_service *svc = hr_map_get(&l->table->registry.by_host, host);
    if (svc == NULL && hr_host_is_wild(host))
        return;
    if (svc == NULL && unchecked(n, rule->host_pos))
        return;
    if (svc == NULL) {
        hr_diag_note(l->d, rule->host_pos, "host-unknown", "spec.host",
                     "%.*s is not the host of any Service or ServiceEntry", (int)host.len, host.p);
        return;
    }
    bool dns = dns_resolved(svc), none = svc->resolution == HR_RESOLUTION_PASSTHROUGH && dns;
    for (size_t i = 0; (n->n_workloads > 0 || dns) && !none && i < rule->n_subsets; i++) {
        const hr_spec_subset *subset = &rule->subsets[i];
        if (!selects_pod(n, svc, subset))
            hr_diag_note(l->d, subset->pos, "subset-empty",
                         HR_LINT_FIELD(l, "spec.subsets[%zu]", i),
                         "the subset \"%.*s\" selects no %s of %.*s: requests fail with 503",
                         (int)subset->name.len, subset->name.p, dns ? "endpoint" : "pod",
                         (int)host.len, host.p);
    }
}

void hr_lint_names(hr_linter *l) {
    const hr_resources *r = l->resources;
    names n = {.l = l};
    hr_endpoint_source_init(l->arena, &n.endpoints, r);
    fill_names(&n);
    for (size_t i = 0; i < r->n_virtual_services && !hr_arena_failed(l->arena); i++) {
        const hr_spec_virtual_service *vs = &r->virtual_services[i];
        for (size_t h = 0; h < vs->hosts.n; h++)
            lint_host(&n, vs, h);
        lint_gateways(&n, vs);
        lint_delegates(&n, vs);
        lint_destinations(&n, vs);
    }
    for (size_t i = 0; i < r->n_destination_rules && !hr_arena_failed(l->arena); i++)
        lint_rule(&n, &r->destination_rules[i]);
    lint_unchecked(&n);
}
