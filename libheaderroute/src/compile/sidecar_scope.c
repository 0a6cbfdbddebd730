/* The scope of a Sidecar (SidecarScope of Istio): which services and VirtualServices each egress
 * listener imports. */
#include "sidecar_scope.h"

#include "host_names.h"
#include "http_route.h"
#include "resources.h"
#include "route_destination.h"
#include "sidecar.h"
#include "text.h"
#include "virtual_service.h"

/* A service for which the proxy has clusters, with all of its ports or those listed. */
typedef struct scope_service {
    const hr_mesh_service *svc;
    bool all_ports;
    HR_LIST(uint32_t) ports;
} scope_service;

typedef struct hr_sidecar_scope {
    const hr_spec_sidecar *sidecar;
    const hr_spec_egress *egress;    /* of the view's port; NULL: no listener has it */
    const hr_spec_egress *catch_all; /* the listener for ports that none declares; NULL: none */
    hr_map services;                 /* host -> scope_service */
} hr_sidecar_scope;

/* A Sidecar without listeners has one for everything. */
static hr_str every_host[] = {{"*/*", 3}};
static const hr_spec_egress everything = {.hosts = {every_host, 1, {{NULL, 0}, 0, 0}}};

/* ---- which Sidecar, which listener ---- */

static bool selects_proxy(const hr_spec_sidecar *sidecar, const hr_view *view) {
    return !sidecar->has_selector ||
           hr_pairs_subset(sidecar->selector, sidecar->n_selector, view->labels, view->n_labels);
}

/* The oldest of a namespace, those with a selector first. */
static const hr_spec_sidecar *oldest_sidecar(const hr_view *view, hr_str namespace_,
                                             bool selector) {
    const hr_resources *r = view->table->resources;
    const hr_spec_sidecar *oldest = NULL;
    for (size_t i = 0; i < r->n_sidecars; i++) {
        const hr_spec_sidecar *s = &r->sidecars[i];
        if (s->has_selector == selector && hr_str_eq(s->meta.namespace_, namespace_) &&
            selects_proxy(s, view) && (oldest == NULL || hr_meta_cmp(&s->meta, &oldest->meta) < 0))
            oldest = s;
    }
    return oldest;
}

/* That of the workload, of the namespace, else of the root namespace, whose selector does not count
 * elsewhere. */
static const hr_spec_sidecar *sidecar_of(const hr_view *view) {
    const hr_spec_sidecar *found = oldest_sidecar(view, view->namespace_, true);
    if (found == NULL)
        found = oldest_sidecar(view, view->namespace_, false);
    return found != NULL ? found : oldest_sidecar(view, view->table->root_namespace, false);
}

static const hr_spec_egress *egress_at(const hr_spec_sidecar *sidecar, size_t i) {
    return sidecar->n_egress == 0 ? &everything : &sidecar->egress[i];
}

static size_t n_listeners(const hr_spec_sidecar *sidecar) {
    return sidecar->n_egress == 0 ? 1 : sidecar->n_egress;
}

static const hr_spec_egress *egress_of_port(const hr_spec_sidecar *sidecar, uint32_t port) {
    for (size_t i = 0; i < n_listeners(sidecar); i++) {
        const hr_spec_egress *egress = egress_at(sidecar, i);
        if (!egress->has_port || egress->port == port)
            return egress;
    }
    return NULL;
}

static const hr_spec_egress *egress_of_other_ports(const hr_spec_sidecar *sidecar) {
    for (size_t i = 0; i < n_listeners(sidecar); i++)
        if (!egress_at(sidecar, i)->has_port)
            return egress_at(sidecar, i);
    return NULL;
}

/* ---- hosts of a listener ---- */

typedef struct imported_host {
    hr_str namespace_, name; /* namespace_: `*` or that of the resource */
    bool excluded;
} imported_host;

static imported_host split_import(const hr_view *view, hr_str text) {
    size_t slash = hr_str_find(text, '/', 0);
    imported_host out = {.namespace_ = hr_str_of(text.p, slash),
                         .name = slash < text.len ? hr_str_tail(text, slash + 1) : HR_STR("")};
    out.excluded = hr_str_starts(out.namespace_, HR_STR("~"));
    if (out.excluded)
        out.namespace_ = hr_str_tail(out.namespace_, 1);
    if (out.excluded && out.namespace_.len == 0)
        out.namespace_ = HR_STR("*");
    if (hr_str_eq_c(out.namespace_, "."))
        out.namespace_ = view->namespace_;
    return out;
}

static bool is_of_namespace(const imported_host *import, hr_str namespace_) {
    return hr_str_eq_c(import->namespace_, "*") || hr_str_eq(import->namespace_, namespace_);
}

/* Services are covered by the import; a VirtualService is taken in if one covers the other. */
static bool import_matches(hr_str host, hr_str import, bool both_ways) {
    if (hr_str_eq(host, import))
        return true;
    if (!hr_host_is_wild(host) && !hr_host_is_wild(import))
        return false;
    return both_ways ? hr_host_overlaps(host, import) : hr_host_subset_of(host, import);
}

static bool listener_imports(const hr_view *view, const hr_spec_egress *egress, hr_str namespace_,
                             hr_str host, bool both_ways) {
    bool found = false;
    for (size_t i = 0; i < egress->hosts.n; i++) {
        imported_host import = split_import(view, egress->hosts.v[i]);
        if (!is_of_namespace(&import, namespace_))
            continue;
        if (import.excluded && hr_host_subset_of(host, import.name))
            return false;
        found = found || (!import.excluded && import_matches(host, import.name, both_ways));
    }
    return found;
}

static bool imports_service(const hr_view *view, const hr_spec_egress *egress,
                            const hr_mesh_service *svc) {
    return hr_mesh_service_visible(svc, view->namespace_) &&
           (!egress->has_port || hr_mesh_port_find(svc, (uint16_t)egress->port) != NULL) &&
           listener_imports(view, egress, svc->namespace_, svc->host, false);
}

static bool imports_rule(const hr_view *view, const hr_spec_egress *egress,
                         const hr_mesh_virtual_service *vs) {
    for (size_t h = 0; h < vs->n_hosts; h++)
        if (listener_imports(view, egress, vs->resource->meta.namespace_, vs->hosts[h], true))
            return true;
    return false;
}

typedef struct import_filter {
    const hr_view *view;
    const hr_spec_egress *egress;
} import_filter;

static bool is_imported(const void *ctx, const hr_mesh_service *svc) {
    const import_filter *filter = ctx;
    return imports_service(filter->view, filter->egress, svc);
}

static const hr_mesh_service *find_imported(const hr_view *view, const hr_spec_egress *egress,
                                            hr_str host) {
    import_filter filter = {view, egress};
    return hr_registry_find_where(&view->table->registry, host, view->namespace_, is_imported,
                                  &filter);
}

/* ---- the union of all listeners ---- */

/* The first service of a host counts; a later listener may add ports of the same one. `port` 0:
 * all. */
static void add_scope_service(hr_view_build *vb, hr_sidecar_scope *scope,
                              const hr_mesh_service *svc, uint32_t port) {
    scope_service *known = hr_map_get(&scope->services, svc->host);
    if (known == NULL) {
        known = HR_NEW(vb->arena, scope_service);
        known->svc = svc;
        hr_map_add(vb->arena, &scope->services, svc->host, known);
    } else if (!known->svc->kubernetes && svc->kubernetes) {
        *known = (scope_service){.svc = svc};
    }
    if (known->svc != svc)
        return;
    known->all_ports = known->all_ports || port == 0;
    if (port != 0)
        HR_PUSH(vb->arena, &known->ports, port);
}

static bool is_for_callers_of(const hr_spec_http_route *http, hr_str namespace_) {
    bool matched = true;
    for (size_t i = 0; i < http->n_match; i++) {
        hr_str source = http->match[i].source_namespace;
        if (source.len > 0 && hr_str_eq(source, namespace_))
            return true;
        matched = matched && source.len == 0;
    }
    return matched;
}

static bool represents_namespace(const void *ctx, const hr_mesh_service *svc) {
    const hr_view *view = ctx;
    return hr_mesh_service_visible(svc, view->namespace_) &&
           hr_registry_first_of(&view->table->registry, svc->host, svc->namespace_) == svc;
}

/* A destination of a rule: a service of the proxy's namespace, whether it is exported or not, else
 * one that the proxy may see. Of each namespace one service counts. */
static void add_scope_destination(hr_view_build *vb, hr_sidecar_scope *scope,
                                  const hr_spec_egress *egress, const hr_spec_destination *in) {
    const hr_view *view = vb->view;
    const hr_registry *registry = &vb->table->registry;
    const hr_mesh_service *svc = hr_registry_first_of(registry, in->host, view->namespace_);
    if (svc == NULL)
        svc = hr_registry_find_where(registry, in->host, view->namespace_, represents_namespace,
                                     view);
    uint32_t port = egress->has_port ? egress->port : in->port;
    if (svc != NULL && (port == 0 || hr_mesh_port_find(svc, (uint16_t)port) != NULL))
        add_scope_service(vb, scope, svc, port);
}

static void add_scope_destinations(hr_view_build *vb, hr_sidecar_scope *scope,
                                   const hr_spec_egress *egress,
                                   const hr_mesh_virtual_service *vs) {
    for (size_t i = 0; i < vs->n_http; i++) {
        const hr_spec_http_route *http = vs->http[i].http;
        if (!is_for_callers_of(http, vb->view->namespace_))
            continue;
        for (size_t d = 0; d < http->n_route; d++)
            add_scope_destination(vb, scope, egress, &http->route[d].destination);
        for (size_t m = 0; m < http->n_mirrors; m++)
            add_scope_destination(vb, scope, egress, &http->mirrors[m].destination);
        if (http->mirror != NULL)
            add_scope_destination(vb, scope, egress, &http->mirror->destination);
    }
}

static void add_listener(hr_view_build *vb, hr_sidecar_scope *scope, const hr_spec_egress *egress,
                         const hr_mesh_virtual_service_list *rules) {
    const hr_registry *registry = &vb->table->registry;
    for (size_t i = 0; i < registry->n_services && !hr_arena_failed(vb->arena); i++) {
        const hr_mesh_service *svc = registry->services[i];
        if (imports_service(vb->view, egress, svc) &&
            find_imported(vb->view, egress, svc->host) == svc)
            add_scope_service(vb, scope, svc, egress->has_port ? egress->port : 0);
    }
    for (size_t i = 0; i < rules->n && !hr_arena_failed(vb->arena); i++)
        if (imports_rule(vb->view, egress, rules->v[i]))
            add_scope_destinations(vb, scope, egress, rules->v[i]);
}

void hr_sidecar_scope_init(hr_view_build *vb) {
    hr_view *view = vb->view;
    const hr_spec_sidecar *sidecar = view->gateway ? NULL : sidecar_of(view);
    if (sidecar == NULL)
        return;
    hr_sidecar_scope *scope = HR_NEW(vb->arena, hr_sidecar_scope);
    scope->sidecar = sidecar;
    scope->egress = egress_of_port(sidecar, view->port);
    scope->catch_all = egress_of_other_ports(sidecar);
    view->sidecar = hr_arena_printf(vb->arena, "%.*s/%.*s", (int)sidecar->meta.namespace_.len,
                                    sidecar->meta.namespace_.p, (int)sidecar->meta.name.len,
                                    sidecar->meta.name.p);
    if (sidecar->has_outbound)
        view->outbound_policy =
            sidecar->outbound == HR_OUTBOUND_ALLOW_ANY ? HR_ALLOW_ANY : HR_REGISTRY_ONLY;
    hr_mesh_virtual_service_list rules = {0};
    hr_view_candidates(vb, &rules, HR_STR("mesh"));
    for (size_t i = 0; i < n_listeners(sidecar); i++)
        add_listener(vb, scope, egress_at(sidecar, i), &rules);
    vb->scope = scope;
}

/* ---- asking ---- */

const hr_mesh_service *hr_scope_find(const hr_view_build *vb, hr_str host) {
    if (vb->scope == NULL)
        return hr_registry_find(&vb->table->registry, host, vb->view->namespace_);
    return vb->scope->egress == NULL ? NULL : find_imported(vb->view, vb->scope->egress, host);
}

const hr_mesh_service *hr_scope_find_undeclared(const hr_view_build *vb, hr_str host) {
    const hr_sidecar_scope *scope = vb->scope;
    if (scope == NULL || scope->catch_all == NULL || scope->catch_all == scope->egress)
        return NULL;
    return find_imported(vb->view, scope->catch_all, host);
}

const hr_mesh_service *hr_scope_cluster_service(const hr_view_build *vb, hr_str host,
                                                uint32_t port) {
    const scope_service *found = hr_map_get(&vb->scope->services, host);
    if (found == NULL)
        return NULL;
    bool has = port == 0 || found->all_ports;
    for (size_t i = 0; i < found->ports.n && !has; i++)
        has = found->ports.v[i] == port;
    return has ? found->svc : NULL;
}

bool hr_scope_takes(hr_view_build *vb, const hr_mesh_virtual_service *vs) {
    const hr_sidecar_scope *scope = vb->scope;
    if (scope == NULL || (scope->egress != NULL && imports_rule(vb->view, scope->egress, vs)))
        return true;
    const hr_meta *meta = &scope->sidecar->meta;
    hr_str reason = hr_arena_printf(
        vb->arena, "the Sidecar %.*s/%.*s (%.*s:%d) imports none of its hosts on this port",
        (int)meta->namespace_.len, meta->namespace_.p, (int)meta->name.len, meta->name.p,
        (int)scope->sidecar->pos.file.len, scope->sidecar->pos.file.p, scope->sidecar->pos.line);
    if (reason.p != NULL)
        hr_view_omit(vb, vs->id, vs->resource->pos, -1, -1, reason.p);
    return false;
}

bool hr_scope_protocol(hr_mesh_protocol *out, const hr_view_build *vb) {
    const hr_spec_egress *egress = vb->scope == NULL ? NULL : vb->scope->egress;
    if (egress == NULL || !egress->has_port)
        return false;
    *out = hr_mesh_protocol_parse(egress->protocol);
    return true;
}
