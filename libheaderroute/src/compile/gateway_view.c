/*
 * The view of a gateway's proxies on one port of one Gateway: all plain HTTP servers that end up on
 * the same pod port share a route table, whichever Gateway they belong to; each server that
 * terminates TLS has a table of its own, chosen by server name.
 */
#include "gateway_view.h"

#include <stdlib.h>

#include "gateway.h"
#include "gateway_server.h"
#include "gwapi_facts.h"
#include "gwapi_gateway.h"
#include "gwapi_route.h"
#include "host_index.h"
#include "host_names.h"
#include "index.h"
#include "resources.h"
#include "route_compile.h"
#include "service.h"
#include "text.h"
#include "view_listeners.h"
#include "virtual_service.h"

typedef struct bound_server {
    const hr_mesh_gateway *gateway;
    const hr_spec_server *server;
    hr_str
        id; /* what rules name that are for it: the Gateway, or of the Gateway API the listener */
    const struct hr_mesh_listener *listener; /* NULL: of an Istio Gateway */
    uint32_t pod_port;
} bound_server;

typedef HR_LIST(bound_server) server_list;

typedef struct gateway_vhost {
    hr_view_virtual_host vhost;
    HR_LIST(const hr_route_list *) lists; /* in the order of their VirtualServices */
} gateway_vhost;

/* The VirtualServices of one Gateway. Their routes are compiled once, with the port of the first
 * server met, even where a second server of the Gateway has another. */
typedef struct selection {
    hr_str gateway;
    hr_mesh_virtual_service_list list;
    hr_route_list **routes; /* one a VirtualService; NULL: no host of it met a server yet */
} selection;

typedef struct gateway_table {
    hr_view_build *vb;
    HR_LIST(gateway_vhost *) vhosts;
    hr_map by_name;
    HR_LIST(selection) selections;
} gateway_table;

/* ---- servers ---- */

/* The pod port that a service in front of the gateway's pods sends this port to. Without such a
 * service the port itself is bound. */
static uint32_t pod_port(hr_view_build *vb, uint32_t port) {
    const hr_resources *r = vb->table->resources;
    const hr_view *view = vb->view;
    for (size_t i = 0; i < r->n_services; i++) {
        const hr_spec_service *svc = &r->services[i];
        if (svc->n_selector == 0 || !hr_str_eq(svc->meta.namespace_, view->namespace_) ||
            !hr_pairs_subset(svc->selector, svc->n_selector, view->labels, view->n_labels))
            continue;
        for (size_t p = 0; p < svc->n_ports; p++)
            if (svc->ports[p].number == port && svc->ports[p].target_port != 0)
                return svc->ports[p].target_port;
    }
    return port;
}

/* Whether a Gateway is one for these proxies. Those of one of the Gateway API are in its namespace:
 * the pods with its name in a label, or those of a Service. */
static bool binds_to(const hr_mesh_gateway *gw, const hr_view *view) {
    const hr_spec_gateway *in = gw->resource;
    if (gw->gateway_api &&
        (in->n_selector == 0 || !hr_str_eq(in->meta.namespace_, view->namespace_)))
        return false;
    return hr_pairs_subset(in->selector, in->n_selector, view->labels, view->n_labels);
}

/* Whether Istio made the proxies for a Gateway of the Gateway API. Istio Gateways of other
 * namespaces have no effect on such proxies (PILOT_ENABLE_STRICT_GATEWAY_MERGING). */
static bool are_managed(const hr_view_build *vb, const hr_mesh_gateway *viewed) {
    for (size_t g = 0; g < vb->table->n_all_gateways; g++) {
        const hr_mesh_gateway *gw = vb->table->all_gateways[g];
        if (gw->gateway_api && !gw->manual && (gw == viewed || binds_to(gw, vb->view)))
            return true;
    }
    return false;
}

/* Servers of all Gateways that bind to these proxies, oldest Gateway first. */
static void collect_servers(hr_view_build *vb, server_list *out, const hr_mesh_gateway *viewed) {
    const hr_view *view = vb->view;
    bool managed = are_managed(vb, viewed);
    for (size_t g = 0; g < vb->table->n_all_gateways; g++) {
        const hr_mesh_gateway *gw = vb->table->all_gateways[g];
        const hr_spec_gateway *in = gw->resource;
        if (gw != viewed && !binds_to(gw, view))
            continue;
        if (managed && !gw->gateway_api && !hr_str_eq(in->meta.namespace_, view->namespace_))
            continue;
        for (size_t s = 0; s < in->n_servers; s++) {
            bound_server bound = {
                gw, &in->servers[s], gw->gateway_api ? gw->listener_ids[s] : gw->id,
                gw->gateway_api ? gw->listeners[s] : NULL, pod_port(vb, in->servers[s].port)};
            HR_PUSH(vb->arena, out, bound);
        }
    }
}

static const bound_server *server_of(const server_list *servers, const hr_mesh_gateway *gateway,
                                     uint32_t port) {
    for (size_t i = 0; i < servers->n; i++) {
        const bound_server *s = &servers->v[i];
        if (s->gateway == gateway && s->server->port == port &&
            (hr_server_is_http(s->server) || hr_server_terminates_tls(s->server)))
            return s;
    }
    return NULL;
}

/* Port 0: 80, else the first that speaks HTTP. */
static const bound_server *viewed_server(hr_view_build *vb, const server_list *servers,
                                         const hr_mesh_gateway *gateway) {
    const bound_server *found =
        server_of(servers, gateway, vb->view->port == 0 ? 80 : vb->view->port);
    for (size_t s = 0; found == NULL && vb->view->port == 0 && s < gateway->resource->n_servers;
         s++)
        found = server_of(servers, gateway, gateway->resource->servers[s].port);
    return found;
}

/* ---- virtual hosts ---- */

/* NULL if the arena has failed. */
static gateway_vhost *vhost_of(gateway_table *t, hr_str host) {
    hr_arena *arena = t->vb->arena;
    hr_str name = hr_arena_lower(arena, host);
    void **place = hr_map_at(arena, &t->by_name, name);
    if (*place == NULL) {
        gateway_vhost *vhost = HR_NEW(arena, gateway_vhost);
        vhost->vhost.name = name;
        vhost->vhost.domains = HR_NEW(arena, hr_str);
        vhost->vhost.domains[0] = name;
        vhost->vhost.n_domains = 1;
        *place = vhost;
        HR_PUSH(arena, &t->vhosts, vhost);
    }
    return hr_arena_failed(arena) ? NULL : *place;
}

static const hr_route_list *routes_of(gateway_table *t, selection *sel, size_t index,
                                      const bound_server *bound) {
    const hr_mesh_virtual_service *vs = sel->list.v[index];
    if (sel->routes[index] != NULL)
        return sel->routes[index];
    hr_compile_scope scope = {bound->id, bound->server->port, bound->server->has_tls,
                              vs->resource->meta.namespace_, vs->gateway_api};
    sel->routes[index] = HR_NEW(t->vb->arena, hr_route_list);
    hr_routes_compile(t->vb, sel->routes[index], vs, &scope);
    if (sel->routes[index]->n == 0)
        hr_view_omit(t->vb, vs->id, vs->resource->pos, -1, -1,
                     "none of its http rules applies to this view");
    return sel->routes[index];
}

static void attach(gateway_table *t, selection *sel, size_t index, const bound_server *bound) {
    hr_host_list hosts = {0};
    hr_server_hosts(t->vb->arena, &hosts, bound->gateway, bound->server, sel->list.v[index]);
    if (hosts.n == 0)
        return;
    const hr_route_list *routes = routes_of(t, sel, index, bound);
    for (size_t h = 0; routes->n > 0 && h < hosts.n; h++) {
        gateway_vhost *vhost = vhost_of(t, hosts.v[h]);
        if (vhost == NULL)
            return;
        HR_PUSH(t->vb->arena, &vhost->lists, routes);
        vhost->vhost.require_tls |= bound->server->https_redirect;
    }
}

/* NULL if the arena has failed. */
static selection *selection_of(gateway_table *t, const bound_server *bound) {
    for (size_t i = 0; i < t->selections.n; i++)
        if (hr_str_eq(t->selections.v[i].gateway, bound->id))
            return &t->selections.v[i];
    selection sel = {.gateway = bound->id};
    if (bound->gateway->gateway_api)
        hr_view_candidates(t->vb, &sel.list, bound->id);
    else
        hr_view_select(t->vb, &sel.list, bound->id);
    sel.routes = HR_ARRAY(t->vb->arena, hr_route_list *, sel.list.n);
    HR_PUSH(t->vb->arena, &t->selections, sel);
    return hr_arena_failed(t->vb->arena) ? NULL : &t->selections.v[t->selections.n - 1];
}

static void add_server(gateway_table *t, const bound_server *bound) {
    selection *sel = selection_of(t, bound);
    for (size_t i = 0; sel != NULL && i < sel->list.n; i++)
        attach(t, sel, i, bound);
    for (size_t h = 0; bound->server->https_redirect && h < bound->server->hosts.n; h++) {
        hr_str host =
            bound->server->hosts.v[h]; /* "ns/host" is left unchanged and so matches no request */
        bool any = hr_str_starts(host, HR_STR("*/"));
        gateway_vhost *vhost = vhost_of(t, any ? hr_str_tail(host, 2) : host);
        if (vhost != NULL)
            vhost->vhost.require_tls = true;
    }
}

static void tell_unattached(gateway_table *t) {
    for (size_t s = 0; s < t->selections.n; s++)
        for (size_t i = 0; i < t->selections.v[s].list.n; i++) {
            const hr_mesh_virtual_service *vs = t->selections.v[s].list.v[i];
            if (t->selections.v[s].routes[i] == NULL && !vs->gateway_api)
                hr_view_omit(t->vb, vs->id, vs->resource->pos, -1, -1,
                             "none of its hosts is a host of the server");
        }
}

/* Catch-alls go to the end, so that one VirtualService's does not hide another's rules. */
static const hr_route_list *partitioned(gateway_table *t, const gateway_vhost *vhost) {
    if (vhost->lists.n == 1)
        return vhost->lists.v[0];
    size_t total = 0;
    for (size_t l = 0; l < vhost->lists.n; l++)
        total += vhost->lists.v[l]->n;
    hr_route_list *all = HR_NEW(t->vb->arena, hr_route_list);
    all->v = HR_LINES(t->vb->arena, hr_view_route, total);
    if (all->v == NULL)
        return all;
    for (int last = 0; last <= 1; last++)
        for (size_t l = 0; l < vhost->lists.n; l++)
            for (size_t i = 0; i < vhost->lists.v[l]->n; i++)
                if (vhost->lists.v[l]->v[i].catch_all == (last == 1))
                    all->v[all->n++] = vhost->lists.v[l]->v[i];
    all->index = hr_index_build(t->vb->arena, all, t->vb->view->names.n);
    return all;
}

static void build_table(hr_view_build *vb, hr_route_table *out, const bound_server *const *servers,
                        size_t n) {
    gateway_table t = {.vb = vb};
    for (size_t i = 0; i < n; i++)
        add_server(&t, servers[i]);
    if (hr_arena_failed(vb->arena))
        return;
    tell_unattached(&t);
    out->vhosts = HR_ARRAY(vb->arena, hr_view_virtual_host, t.vhosts.n);
    if (out->vhosts == NULL)
        return;
    out->n_vhosts = t.vhosts.n;
    for (size_t i = 0; i < t.vhosts.n; i++) {
        out->vhosts[i] = t.vhosts.v[i]->vhost;
        out->vhosts[i].routes = partitioned(&t, t.vhosts.v[i]);
    }
    hr_host_index_build(vb->arena, out);
}

/* ---- the view ---- */

static bool same_listener(const bound_server *a, const bound_server *b) {
    return a->pod_port == b->pod_port && hr_str_eq(a->server->bind, b->server->bind);
}

static void build_plain(hr_view_build *vb, const server_list *all, const bound_server *viewed) {
    const bound_server **servers = HR_ARRAY(vb->arena, const bound_server *, all->n);
    if (servers == NULL)
        return;
    size_t n = 0;
    for (size_t i = 0; i < all->n; i++)
        if (hr_server_is_http(all->v[i].server) && same_listener(&all->v[i], viewed))
            servers[n++] = &all->v[i];
    vb->view->tables = HR_NEW(vb->arena, hr_route_table);
    vb->view->n_tables = 1;
    build_table(vb, vb->view->tables, servers, n);
}

static void build_tls(hr_view_build *vb, const server_list *all, const bound_server *viewed) {
    vb->view->tables = HR_ARRAY(vb->arena, hr_route_table, all->n);
    for (size_t i = 0; vb->view->tables != NULL && i < all->n; i++) {
        const bound_server *bound = &all->v[i];
        if (!hr_server_terminates_tls(bound->server) || !same_listener(bound, viewed))
            continue;
        hr_route_table *table = &vb->view->tables[vb->view->n_tables++];
        build_table(vb, table, &bound, 1);
        table->sni_hosts = HR_ARRAY(vb->arena, hr_str, bound->server->hosts.n);
        for (size_t h = 0; table->sni_hosts != NULL && h < bound->server->hosts.n; h++) {
            table->sni_hosts[table->n_sni_hosts++] =
                hr_view_server_name(vb->arena, bound->server->hosts.v[h]);
        }
    }
}

/* Those whose route tables the view has. */
static void list_listeners(hr_view_build *vb, const server_list *all, const bound_server *viewed) {
    bool plain = hr_server_is_http(viewed->server);
    vb->view->served = HR_ARRAY(vb->arena, hr_listener, all->n);
    for (size_t i = 0; vb->view->served != NULL && i < all->n; i++) {
        const bound_server *b = &all->v[i];
        bool is_one = plain ? hr_server_is_http(b->server) : hr_server_terminates_tls(b->server);
        if (is_one && same_listener(b, viewed))
            hr_view_listener_fill(vb, &vb->view->served[vb->view->n_served++], b->gateway,
                                  b->server, b->listener);
    }
}

int hr_view_gateway_server(hr_gateway_server *out, const hr_view *view) {
    if (out == NULL || view == NULL || out->version != HR_GATEWAY_SERVER_VERSION)
        return HR_EINVAL;
    *out = (hr_gateway_server)HR_GATEWAY_SERVER_INIT;
    const hr_spec_server *server = view->server;
    if (server == NULL)
        return HR_ENOENT;
    *out = (hr_gateway_server){.version = HR_GATEWAY_SERVER_VERSION,
                               .port = (uint16_t)server->port,
                               .protocol = server->protocol,
                               .tls_mode = server->tls_mode,
                               .terminates_tls =
                                   !hr_server_is_http(server) && hr_server_terminates_tls(server),
                               .source_file = server->pos.file,
                               .source_line = server->pos.line};
    return HR_OK;
}

/* ---- routes that are not attached ---- */

static const char *denial_of(hr_attachment_state state) {
    switch (state) {
    case HR_DENIED_PORT:
        return "its parentRef has another port";
    case HR_DENIED_SECTION:
        return "its parentRef names another listener";
    case HR_DENIED_HOSTNAME:
        return "none of its hostnames is one of the listener's";
    case HR_DENIED_NAMESPACE:
        return "the listener takes no routes of its namespace";
    case HR_DENIED_ROUTE_KIND:
        return "the listener takes no routes of its kind";
    case HR_ATTACHED:
    case HR_DENIED_NO_PARENT:
    case HR_DENIED_KIND:
        break;
    }
    return NULL;
}

/* Routes that name the Gateway, and are not attached to the listeners on the port of the view. */
static void tell_denied(hr_view_build *vb, const hr_mesh_gateway *gateway) {
    const hr_attachment_list *all = &vb->table->gwapi->attachments;
    for (size_t i = 0; gateway->gateway_api && i < all->n && !hr_arena_failed(vb->arena); i++) {
        const hr_mesh_attachment *a = &all->v[i];
        const char *reason = denial_of(a->state);
        if (reason == NULL || a->listener->spec->port != vb->view->port ||
            !hr_str_eq(a->listener->gateway->meta.name, gateway->resource->meta.name) ||
            !hr_str_eq(a->listener->gateway->meta.namespace_, gateway->resource->meta.namespace_))
            continue;
        const hr_meta *meta = &a->route->meta;
        hr_str words =
            hr_arena_printf(vb->arena, "%s %.*s/%.*s", meta->kind, (int)meta->namespace_.len,
                            meta->namespace_.p, (int)meta->name.len, meta->name.p);
        hr_view_omit(vb, words, a->parent->pos, -1, -1, reason);
    }
}

int hr_gateway_view_build(hr_view_build *vb, const hr_mesh_gateway *gateway) {
    server_list all = {0};
    collect_servers(vb, &all, gateway);
    const bound_server *viewed = viewed_server(vb, &all, gateway);
    if (viewed == NULL)
        return HR_ENOENT;
    vb->view->server = viewed->server;
    vb->view->port = (uint16_t)viewed->server->port;
    tell_denied(vb, gateway);
    list_listeners(vb, &all, viewed);
    if (hr_server_is_http(viewed->server))
        build_plain(vb, &all, viewed);
    else
        build_tls(vb, &all, viewed);
    return HR_OK;
}
