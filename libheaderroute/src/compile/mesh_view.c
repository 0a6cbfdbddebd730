/*
 * The view of a sidecar: the virtual hosts it has for calls to one port.
 *
 * Where the port's protocol is declared HTTP, all services share one table and Host decides. Where
 * it is sniffed, or plain TCP, Istio binds a listener to each service's own address, so it is the
 * address called that decides and Host is ignored: hr_request.connect_to, which is the authority
 * unless the caller says otherwise. A name of such a service resolves to its address. A call to any
 * other address ends up in the shared table, if the port has one (0.0.0.0:PORT), else in the
 * listener for everything else.
 */
#include "mesh_view.h"

#include "action.h"
#include "host_index.h"
#include "host_names.h"
#include "route_compile.h"
#include "sidecar_scope.h"
#include "text.h"
#include "virtual_service.h"

typedef HR_LIST(hr_view_virtual_host) vhost_list;
typedef HR_LIST(hr_str) str_list;

typedef struct mesh_service {
    const hr_mesh_service *svc;
    const hr_mesh_port *port;
    hr_mesh_protocol listener; /* the port's, unless a Sidecar's listener declares another */
    bool governed;             /* a VirtualService makes its virtual host */
} mesh_service;

typedef HR_LIST(mesh_service) service_list;

/* One set of routes and what it is for: Istio's virtual host wrapper. */
typedef struct wrapper {
    const hr_mesh_virtual_service *vs; /* NULL: a service's default route */
    const hr_route_list *routes;
    str_list hosts; /* of the VirtualService, absent from the registry */
    HR_LIST(const hr_mesh_service *) services;
} wrapper;

typedef struct mesh {
    hr_view_build *vb;
    service_list services; /* visible, with the port */
    service_list others; /* whose listeners come from the Sidecar's listener for all other ports */
    str_list wild_services;
    hr_map by_host; /* host -> mesh_service index + 1 */
    HR_LIST(wrapper) wrappers;
    vhost_list vhosts;
    hr_map names;     /* virtual host names taken */
    hr_map domains;   /* domains taken -> index of the virtual host + 1 */
    hr_map known;     /* hosts of services */
    hr_map governors; /* service host -> the VirtualService with the most specific host for it */
} mesh;

/* Whether the service has a virtual host: its own port decides, not what a Sidecar declares. */
static bool port_is_http(const mesh_service *s) {
    return s->port->protocol == HR_MESH_PROTOCOL_HTTP ||
           s->port->protocol == HR_MESH_PROTOCOL_SNIFFED;
}

/* The service is called at an address of its own, so that Host does not count; or, where it has
 * none, no HTTP rule acts on its port. */
static bool own_listener(const mesh_service *s) {
    return (s->svc->binds_ip && s->listener != HR_MESH_PROTOCOL_HTTP) ||
           s->listener == HR_MESH_PROTOCOL_TCP;
}

static mesh_service *find_service(mesh *m, hr_str host) {
    uintptr_t index = (uintptr_t)hr_map_get(&m->by_host, host);
    return index == 0 ? NULL : &m->services.v[index - 1];
}

static void collect_services(mesh *m) {
    const hr_view *view = m->vb->view;
    const hr_registry *registry = &m->vb->table->registry;
    for (size_t i = 0; i < registry->n_services; i++) {
        const hr_mesh_service *svc = registry->services[i];
        const hr_mesh_port *port = hr_mesh_port_find(svc, view->port);
        if (port == NULL || !hr_mesh_service_visible(svc, view->namespace_) ||
            hr_scope_find(m->vb, svc->host) == NULL)
            continue;
        /* Of several with one host the first counts; another of its namespace has a virtual host on
         * a port that the first lacks. */
        const hr_mesh_service *first = hr_scope_find(m->vb, svc->host);
        if (first != svc &&
            (!hr_str_eq(first->namespace_, svc->namespace_) ||
             hr_mesh_port_find(first, view->port) != NULL || find_service(m, svc->host) != NULL))
            continue;
        mesh_service s = {.svc = svc, .port = port, .listener = port->protocol};
        hr_scope_protocol(&s.listener, m->vb);
        HR_PUSH(m->vb->arena, &m->services, s);
        if (hr_host_is_wild(svc->host))
            HR_PUSH(m->vb->arena, &m->wild_services, svc->host);
        hr_map_add(m->vb->arena, &m->by_host, svc->host, (void *)(uintptr_t)m->services.n);
    }
}

static bool share_address(const hr_mesh_service *a, const hr_mesh_service *b) {
    for (size_t i = 0; i < a->n_addresses; i++)
        for (size_t k = 0; k < b->n_addresses; k++)
            if (hr_str_eq(a->addresses[i], b->addresses[k]))
                return true;
    return a->n_addresses == 0 && b->n_addresses == 0;
}

/* Where a Sidecar declares the port, its listener for all other ports adds listeners for the
 * services that it imports on that port, at the addresses that have none. The declared listener's
 * route table is used there as well. */
static void collect_others(mesh *m) {
    const hr_view *view = m->vb->view;
    const hr_registry *registry = &m->vb->table->registry;
    for (size_t i = 0; i < registry->n_services; i++) {
        const hr_mesh_service *svc = registry->services[i];
        const hr_mesh_port *port = hr_mesh_port_find(svc, view->port);
        if (port == NULL || svc->resolution == HR_RESOLUTION_ALIAS ||
            hr_scope_find_undeclared(m->vb, svc->host) != svc)
            continue;
        mesh_service s = {.svc = svc, .port = port, .listener = port->protocol};
        bool taken = false;
        for (size_t k = 0; own_listener(&s) && k < m->services.n && !taken; k++)
            taken = own_listener(&m->services.v[k]) && share_address(svc, m->services.v[k].svc);
        if (!taken)
            HR_PUSH(m->vb->arena, &m->others, s);
    }
}

/* ---- which VirtualService for which service ---- */

/* For each service the VirtualService with the most specific host: exact, else the longest
 * wildcard, the earlier one among equals. Services of every port count, as Istio works this out
 * once per proxy. */
static void index_governors(mesh *m, const hr_mesh_virtual_service_list *selected) {
    hr_arena *arena = m->vb->arena;
    hr_map exact = {0}, wild = {0};
    str_list wild_hosts = {0};
    for (size_t i = 0; i < selected->n; i++)
        for (size_t h = 0; h < selected->v[i]->n_hosts; h++) {
            hr_str host = selected->v[i]->hosts[h];
            if (!hr_host_is_wild(host))
                hr_map_add(arena, &exact, host, selected->v[i]);
            else if (hr_map_add(arena, &wild, host, selected->v[i]))
                HR_PUSH(arena, &wild_hosts, host);
        }
    for (size_t i = 0; i < m->services.n; i++) {
        hr_str host = m->services.v[i].svc->host;
        const hr_mesh_virtual_service *governor =
            hr_host_is_wild(host) ? NULL : hr_map_get(&exact, host);
        size_t best = 0;
        for (size_t w = 0; governor == NULL && w < wild_hosts.n; w++)
            if (hr_str_eq(wild_hosts.v[w], host))
                governor = hr_map_get(&wild, host);
        bool decided = governor != NULL;
        for (size_t w = 0; !decided && w < wild_hosts.n; w++)
            if (hr_host_subset_of(host, wild_hosts.v[w]) && wild_hosts.v[w].len > best) {
                best = wild_hosts.v[w].len;
                governor = hr_map_get(&wild, wild_hosts.v[w]);
            }
        if (governor != NULL)
            hr_map_add(arena, &m->governors, host, governor);
    }
}

/* Off port 80, a VirtualService counts only if a host of it meets a service on the port. */
static bool meets_a_service(mesh *m, const hr_mesh_virtual_service *vs) {
    for (size_t h = 0; h < vs->n_hosts; h++) {
        hr_str host = hr_arena_lower(m->vb->arena, vs->hosts[h]);
        if (find_service(m, host) != NULL)
            return true;
        for (size_t i = 0; hr_host_is_wild(host) && i < m->services.n; i++)
            if (hr_host_overlaps(host, m->services.v[i].svc->host))
                return true;
        for (size_t i = 0; i < m->wild_services.n; i++)
            if (hr_host_overlaps(host, m->wild_services.v[i]))
                return true;
    }
    return false;
}

static void take_service(mesh *m, wrapper *w, mesh_service *s) {
    if (!port_is_http(s))
        return;
    s->governed = true;
    HR_PUSH(m->vb->arena, &w->services, s->svc);
}

/* A wildcard takes the services it is the most specific for; where it meets none at all it stays a
 * host. */
static void take_wildcard(mesh *m, wrapper *w, const hr_mesh_virtual_service *vs, hr_str host) {
    bool any = false;
    for (size_t i = 0; i < m->services.n; i++) {
        mesh_service *s = &m->services.v[i];
        if (!hr_host_overlaps(s->svc->host, host))
            continue;
        any = true;
        if (hr_map_get(&m->governors, s->svc->host) == vs)
            take_service(m, w, s);
    }
    if (!any)
        HR_PUSH(m->vb->arena, &w->hosts, host);
}

/* Rules of the Gateway API are for callers of their own namespace, or for Services of it. */
static bool is_for_caller(const mesh *m, const hr_mesh_virtual_service *vs,
                          const hr_mesh_service *svc) {
    hr_str own = vs->resource->meta.namespace_;
    return !vs->gateway_api || hr_str_eq(svc->namespace_, own) ||
           hr_str_eq(m->vb->view->namespace_, own);
}

/* A wildcard of the Gateway API takes no services. */
static void wrap(mesh *m, const hr_mesh_virtual_service *vs) {
    hr_arena *arena = m->vb->arena;
    hr_compile_scope scope = {HR_STR("mesh"), m->vb->view->port, false,
                              vs->resource->meta.namespace_, vs->gateway_api};
    hr_route_list *routes = HR_NEW(arena, hr_route_list);
    hr_routes_compile(m->vb, routes, vs, &scope);
    if (routes->n == 0) {
        hr_view_omit(m->vb, vs->id, vs->resource->pos, -1, -1,
                     "none of its http rules applies to this view");
        return;
    }
    wrapper w = {.vs = vs, .routes = routes};
    for (size_t h = 0; h < vs->n_hosts; h++) {
        hr_str host = hr_arena_lower(arena, vs->hosts[h]);
        mesh_service *s = hr_host_is_wild(host) ? NULL : find_service(m, host);
        if (s != NULL && is_for_caller(m, vs, s->svc))
            take_service(m, &w, s);
        else if (s == NULL && !hr_host_is_wild(host))
            HR_PUSH(arena, &w.hosts, host);
    }
    for (size_t h = 0; h < vs->n_hosts; h++)
        if (hr_host_is_wild(vs->hosts[h]) && !vs->gateway_api)
            take_wildcard(m, &w, vs, hr_arena_lower(arena, vs->hosts[h]));
    if (vs->gateway_api && w.services.n == 0)
        hr_view_omit(m->vb, vs->id, vs->resource->pos, -1, -1,
                     "it is neither in the namespace of the caller nor in that of the Service");
    else if (w.services.n > 0 || m->vb->view->port == 80)
        HR_PUSH(arena, &m->wrappers, w);
}

static void wrap_all(mesh *m) {
    hr_mesh_virtual_service_list candidates = {0}, selected = {0};
    hr_view_select(m->vb, &candidates, HR_STR("mesh"));
    for (size_t i = 0; i < candidates.n; i++)
        if (hr_scope_takes(m->vb, candidates.v[i]))
            HR_PUSH(m->vb->arena, &selected, candidates.v[i]);
    index_governors(m, &selected);
    for (size_t i = 0; i < selected.n; i++) {
        if (m->vb->view->port != 80 && !meets_a_service(m, selected.v[i]))
            hr_view_omit(m->vb, selected.v[i]->id, selected.v[i]->resource->pos, -1, -1,
                         "no service on this port has one of its hosts");
        else
            wrap(m, selected.v[i]);
    }
    for (size_t i = 0; i < m->services.n; i++) {
        mesh_service *s = &m->services.v[i];
        if (s->governed || !port_is_http(s) || s->svc->resolution == HR_RESOLUTION_ALIAS)
            continue;
        const hr_view_action *plan = hr_action_default_route(m->vb, s->svc, s->port->number, true);
        wrapper w = {.routes = hr_routes_single(m->vb, plan, HR_STR("default"))};
        HR_PUSH(m->vb->arena, &w.services, s->svc);
        HR_PUSH(m->vb->arena, &m->wrappers, w);
    }
}

/* ---- domains ---- */

static hr_str bracketed(hr_arena *arena, hr_str host) {
    if (!hr_str_has(host, ':'))
        return host;
    return hr_arena_printf(arena, "[%.*s]", (int)host.len, host.p);
}

/* The short forms of a name inside the cluster: name (same namespace alone), name.ns.svc, name.ns.
 */
static void add_short_names(mesh *m, str_list *out, hr_str host) {
    hr_arena *arena = m->vb->arena;
    hr_str suffix =
        hr_arena_printf(arena, ".svc.%.*s", (int)m->vb->table->domain.len, m->vb->table->domain.p);
    HR_PUSH(arena, out, hr_arena_printf(arena, "%.*s.", (int)host.len, host.p));
    if (!hr_str_ends(host, suffix) || host.len == suffix.len)
        return;
    hr_str named = hr_str_of(host.p, host.len - suffix.len);
    size_t dot = hr_str_find(named, '.', 0);
    if (dot == named.len)
        return;
    if (hr_str_eq(hr_str_tail(named, dot + 1), m->vb->view->namespace_))
        HR_PUSH(arena, out, hr_str_of(named.p, dot));
    HR_PUSH(arena, out, hr_str_of(named.p, named.len + 4));
    HR_PUSH(arena, out, named);
}

/* All names a service goes by; *alternatives are those that were derived. */
static void service_names(mesh *m, const hr_mesh_service *svc, str_list *out,
                          str_list *alternatives) {
    hr_arena *arena = m->vb->arena;
    for (size_t i = 0; i <= svc->n_aliases; i++) {
        hr_str host = i == 0 ? svc->host : svc->aliases[i - 1];
        HR_PUSH(arena, out, host);
        size_t before = alternatives->n;
        add_short_names(m, alternatives, host);
        for (size_t a = before; a < alternatives->n; a++)
            HR_PUSH(arena, out, alternatives->v[a]);
    }
    if (svc->resolution == HR_RESOLUTION_PASSTHROUGH && svc->kubernetes) { /* pods by name */
        size_t n = out->n;
        for (size_t i = 0; i < n; i++)
            HR_PUSH(arena, out, hr_arena_printf(arena, "*.%.*s", (int)out->v[i].len, out->v[i].p));
    }
    for (size_t i = 0; i < svc->n_addresses; i++)
        HR_PUSH(arena, out, bracketed(arena, svc->addresses[i]));
}

static bool contains(const str_list *list, hr_str s) {
    for (size_t i = 0; i < list->n; i++)
        if (hr_str_eq(list->v[i], s))
            return true;
    return false;
}

/* Drops domains that an earlier virtual host has, and short names that are another service's full
 * name. */
static void claim(mesh *m, str_list *out, const str_list *wanted, const str_list *alternatives) {
    for (size_t i = 0; i < wanted->n; i++) {
        hr_str domain = hr_arena_lower(m->vb->arena, wanted->v[i]);
        if (hr_map_get(&m->domains, domain) != NULL)
            continue;
        if (contains(alternatives, wanted->v[i]) && hr_map_get(&m->known, wanted->v[i]) != NULL)
            continue;
        hr_map_add(m->vb->arena, &m->domains, domain, (void *)(uintptr_t)(m->vhosts.n + 1));
        HR_PUSH(m->vb->arena, out, domain);
    }
}

static void omit_host(mesh *m, const wrapper *w, hr_str host) {
    hr_str reason = hr_arena_printf(m->vb->arena,
                                    "for %.*s another VirtualService comes first, by age, then by "
                                    "name; a sidecar uses one for each host",
                                    (int)host.len, host.p);
    if (w->vs != NULL && reason.p != NULL)
        hr_view_omit(m->vb, w->vs->id, w->vs->resource->pos, -1, -1, reason.p);
}

static void add_vhost(mesh *m, hr_str name, const wrapper *w, const str_list *wanted,
                      const str_list *alternatives) {
    if (!hr_map_add(m->vb->arena, &m->names, name, m)) {
        omit_host(m, w, name);
        return;
    }
    str_list domains = {0};
    claim(m, &domains, wanted, alternatives);
    if (domains.n == 0)
        return;
    hr_view_virtual_host vhost = {
        .name = name, .domains = domains.v, .n_domains = domains.n, .routes = w->routes};
    HR_PUSH(m->vb->arena, &m->vhosts, vhost);
}

static void build_vhosts(mesh *m) {
    for (size_t i = 0; i < m->wrappers.n; i++)
        for (size_t s = 0; s < m->wrappers.v[i].services.n; s++)
            hr_map_add(m->vb->arena, &m->known, m->wrappers.v[i].services.v[s]->host, m);
    for (size_t i = 0; i < m->wrappers.n; i++) {
        const wrapper *w = &m->wrappers.v[i];
        for (size_t h = 0; h < w->hosts.n; h++) {
            str_list wanted = {0}, none = {0};
            HR_PUSH(m->vb->arena, &wanted, bracketed(m->vb->arena, w->hosts.v[h]));
            add_vhost(m, w->hosts.v[h], w, &wanted, &none);
        }
        for (size_t s = 0; s < w->services.n; s++) {
            str_list wanted = {0}, alternatives = {0};
            service_names(m, w->services.v[s], &wanted, &alternatives);
            add_vhost(m, w->services.v[s]->host, w, &wanted, &alternatives);
        }
    }
}

/* ---- tables ---- */

/* What takes a request that no other virtual host takes. In the shared table that is a virtual
 * host; where the port has none, the connection itself goes to the listener for everything else
 * (virtualOutbound in Istio), which passes it through or closes it. */
static hr_view_virtual_host catch_all(mesh *m, bool shared) {
    bool any = m->vb->view->outbound_policy == HR_ALLOW_ANY;
    const hr_view_action *plan = any      ? hr_action_passthrough(m->vb)
                                 : shared ? hr_action_blackhole(m->vb)
                                          : hr_action_close(m->vb);
    hr_view_virtual_host vhost = {.name = any ? HR_STR("allow_any") : HR_STR("block_all"),
                                  .n_domains = 1};
    vhost.domains = HR_NEW(m->vb->arena, hr_str);
    vhost.domains[0] = HR_STR("*");
    vhost.routes = hr_routes_single(m->vb, plan, vhost.name);
    return vhost;
}

/* The virtual host of a service with a listener of its own: the one that has its name, if any; for
 * plain TCP a connection straight to its cluster. Its table takes any Host. */
static hr_view_virtual_host own_vhost(mesh *m, const mesh_service *s) {
    if (s->listener != HR_MESH_PROTOCOL_TCP) {
        uintptr_t index = (uintptr_t)hr_map_get(&m->domains, s->svc->host);
        if (index != 0)
            return m->vhosts.v[index - 1];
    }
    hr_view_virtual_host vhost = {.name = s->svc->host};
    if (s->listener == HR_MESH_PROTOCOL_TCP) {
        const hr_view_action *plan = hr_action_default_route(m->vb, s->svc, s->port->number, false);
        vhost.routes = hr_routes_single(m->vb, plan, (hr_str){0});
    } else {
        vhost.routes = HR_NEW(m->vb->arena, hr_route_list);
    }
    return vhost;
}

static hr_route_table *table_of(mesh *m, const vhost_list *vhosts) {
    hr_route_table *table = HR_NEW(m->vb->arena, hr_route_table);
    *table = (hr_route_table){.vhosts = vhosts->v, .n_vhosts = vhosts->n};
    hr_host_index_build(m->vb->arena, table);
    return table;
}

/* Adds services with listeners of their own. Of two with one name or address the first counts. */
static void add_own_listeners(mesh *m, vhost_list *out, hr_map *taken, const service_list *services,
                              bool unplaced) {
    hr_arena *arena = m->vb->arena;
    for (size_t i = 0; !hr_arena_failed(arena) && i < services->n; i++) {
        const mesh_service *s = &services->v[i];
        if (!own_listener(s) || (unplaced && s->svc->n_addresses > 0))
            continue;
        hr_view_virtual_host vhost = own_vhost(m, s);
        str_list names = {0}, alternatives = {0}, domains = {0};
        service_names(m, s->svc, &names, &alternatives);
        for (size_t d = 0; d < names.n; d++)
            if (hr_map_add(arena, taken, names.v[d], m))
                HR_PUSH(arena, &domains, names.v[d]);
        vhost.domains = domains.v;
        vhost.n_domains = domains.n;
        HR_PUSH(arena, out, vhost);
    }
}

/* The services with listeners of their own, by what a client connects to: names, which resolve to
 * their addresses, and the addresses; or those of them alone that have no address here. NULL: there
 * are none. */
static hr_route_table *own_listeners(mesh *m, bool unplaced) {
    vhost_list out = {0};
    hr_map taken = {0};
    add_own_listeners(m, &out, &taken, &m->services, unplaced);
    add_own_listeners(m, &out, &taken, &m->others, unplaced);
    return out.n == 0 ? NULL : table_of(m, &out);
}

static bool any_shares(const service_list *services) {
    for (size_t i = 0; i < services->n; i++) {
        const mesh_service *s = &services->v[i];
        if (!own_listener(s) && s->svc->resolution != HR_RESOLUTION_ALIAS)
            return true;
    }
    return false;
}

/* The shared table exists once a service without a listener of its own has the port. Where no
 * service was loaded at all, the files are a part of a mesh only, and one is taken for granted,
 * unless a Sidecar declares the port as something else. */
static bool has_shared_table(const mesh *m) {
    hr_mesh_protocol declared;
    if (m->vb->table->registry.n_services == 0)
        return m->vb->scope == NULL ||
               (hr_scope_protocol(&declared, m->vb) && declared == HR_MESH_PROTOCOL_HTTP);
    return any_shares(&m->services) || any_shares(&m->others);
}

void hr_mesh_view_build(hr_view_build *vb) {
    mesh m = {.vb = vb};
    if (vb->view->port == 0)
        vb->view->port = 80;
    hr_sidecar_scope_init(vb);
    collect_services(&m);
    collect_others(&m);
    wrap_all(&m);
    build_vhosts(&m);
    if (hr_arena_failed(vb->arena))
        return;
    bool shared = has_shared_table(&m);
    vb->view->listeners = own_listeners(&m, false);
    vb->view->unplaced = own_listeners(&m, true);
    vhost_list all = {0};
    for (size_t i = 0; shared && i < m.vhosts.n; i++)
        HR_PUSH(vb->arena, &all, m.vhosts.v[i]);
    HR_PUSH(vb->arena, &all, catch_all(&m, shared));
    vb->view->tables = table_of(&m, &all);
    vb->view->n_tables = 1;
}
