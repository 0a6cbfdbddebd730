/* Routes of the Gateway API: which listeners they are attached to, and the rules that each hostname
 * gets from all of them. */
#include "gwapi.h"

#include <stdlib.h>

#include "gwapi_gateway.h"
#include "gwapi_listeners.h"
#include "gwapi_route.h"
#include "gwapi_rules.h"
#include "host_names.h"
#include "resources.h"
#include "service.h"
#include "service_entry.h"
#include "text.h"
#include "virtual_service.h"

/* The rules of one route for one hostname of one listener, or of one Service of the mesh. Those of
 * one key become one list. */
typedef struct share {
    const hr_spec_gwapi_route *route;
    hr_str key, host, gateway;
    hr_gwapi_rule *rules;
    size_t n_rules;
} share;

typedef struct builder {
    hr_gwapi_build_state b;
    HR_LIST(share) shares;
    hr_map seen; /* "key route" of shares */
} builder;

/* ---- attachment ---- */

static bool is_hostname_shared(const hr_spec_gwapi_route *route, const hr_mesh_listener *l,
                               bool *namespace_fits) {
    bool host_fits = false;
    size_t n = route->hostnames.n == 0 ? 1 : route->hostnames.n;
    *namespace_fits = false;
    for (size_t i = 0; i < n; i++)
        for (size_t h = 0; h < l->n_hosts; h++) {
            size_t slash = hr_str_find(l->hosts[h], '/', 0);
            hr_str ns = hr_str_of(l->hosts[h].p, slash);
            hr_str host = hr_str_tail(l->hosts[h], slash + 1);
            hr_str asked = route->hostnames.n == 0 ? HR_STR("*") : route->hostnames.v[i];
            if (!hr_host_overlaps(host, asked))
                continue;
            host_fits = true;
            if (hr_str_eq_c(ns, "*") || hr_str_eq(ns, route->meta.namespace_))
                *namespace_fits = true;
        }
    return host_fits;
}

static bool takes_kind(const hr_mesh_listener *l, const char *kind) {
    bool taken = l->spec->n_kinds == 0;
    for (size_t i = 0; i < l->spec->n_kinds && !taken; i++)
        taken = hr_str_eq_c(l->spec->kinds[i].group, HR_GWAPI_GROUP) &&
                hr_str_eq_c(l->spec->kinds[i].kind, kind);
    return taken && hr_listener_is_http(l);
}

static hr_attachment_state attach_to(const hr_spec_gwapi_route *route,
                                     const hr_spec_gwapi_reference *parent,
                                     const hr_mesh_listener *l) {
    bool namespace_fits;
    if (parent->port != 0 && parent->port != l->spec->port)
        return HR_DENIED_PORT;
    if (parent->section.len > 0 && !hr_str_eq(parent->section, l->spec->name))
        return HR_DENIED_SECTION;
    if (!is_hostname_shared(route, l, &namespace_fits))
        return HR_DENIED_HOSTNAME;
    if (!namespace_fits)
        return HR_DENIED_NAMESPACE;
    return takes_kind(l, route->meta.kind) ? HR_ATTACHED : HR_DENIED_ROUTE_KIND;
}

static void note(builder *b, const hr_spec_gwapi_route *route,
                 const hr_spec_gwapi_reference *parent, const hr_mesh_listener *l,
                 hr_attachment_state state) {
    hr_mesh_attachment attachment = {route, parent, l, state};
    HR_PUSH(b->b.arena, &b->b.gwapi->attachments, attachment);
}

/* ---- listener isolation ---- */

static bool same_parent(const hr_mesh_listener *a, const hr_mesh_listener *b) {
    return a != b && a->gateway == b->gateway && a->set == b->set && hr_listener_is_parent(b) &&
           a->spec->port == b->spec->port && hr_str_eq(a->spec->protocol, b->spec->protocol) &&
           !hr_str_eq(a->spec->hostname, b->spec->hostname);
}

/* A hostname of a route belongs to the listener of its Gateway or ListenerSet, port and protocol
 * with the most specific hostname. */
static bool is_isolated(const builder *b, const hr_mesh_listener *l, hr_str host) {
    hr_str own = l->spec->hostname;
    if (own.len > 0 && !hr_host_is_wild(own))
        return true;
    if (own.len > 0 && !hr_host_overlaps(host, own))
        return false;
    for (size_t i = 0; i < b->b.gwapi->n_listeners; i++) {
        const hr_mesh_listener *other = &b->b.gwapi->listeners[i];
        if (same_parent(l, other) && own.len <= other->spec->hostname.len &&
            hr_host_subset_of(host, other->spec->hostname))
            return false;
    }
    return true;
}

/* ---- shares ---- */

static void add_share(builder *b, const hr_spec_gwapi_route *route, hr_str owner, hr_str host,
                      hr_str gateway, hr_gwapi_rule *rules, size_t n) {
    hr_arena *arena = b->b.arena;
    share s = {.route = route, .host = host, .gateway = gateway, .rules = rules, .n_rules = n};
    s.key = hr_arena_printf(arena, "%.*s/%.*s", (int)owner.len, owner.p, (int)host.len, host.p);
    hr_str once = hr_arena_printf(arena, "%.*s %p", (int)s.key.len, s.key.p, (const void *)route);
    if (n > 0 && hr_map_add(arena, &b->seen, once, b))
        HR_PUSH(arena, &b->shares, s);
}

static void add_gateway_shares(builder *b, const hr_spec_gwapi_route *route,
                               const hr_mesh_listener *l, hr_gwapi_rule *rules, size_t n) {
    if (route->hostnames.n == 0 && is_isolated(b, l, HR_STR("*")))
        add_share(b, route, l->id, HR_STR("*"), l->id, rules, n);
    for (size_t i = 0; i < route->hostnames.n; i++)
        if (is_isolated(b, l, route->hostnames.v[i]))
            add_share(b, route, l->id, route->hostnames.v[i], l->id, rules, n);
}

static void add_mesh_shares(builder *b, const hr_spec_gwapi_route *route,
                            const hr_spec_gwapi_reference *parent, const hr_str *hosts, size_t n) {
    size_t n_rules;
    hr_gwapi_rule *rules = hr_gwapi_rules(&n_rules, &b->b, route, true, parent->port);
    hr_str owner = route->meta.namespace_;
    if (parent->port != 0)
        owner =
            hr_arena_printf(b->b.arena, "%.*s/%u", (int)owner.len, owner.p, (unsigned)parent->port);
    for (size_t i = 0; i < n; i++)
        add_share(b, route, owner, hosts[i], HR_STR("mesh"), rules, n_rules);
}

/* ---- parents ---- */

static bool is_named(const hr_mesh_listener *l, bool set, hr_str ns, hr_str name) {
    const hr_meta *owner = hr_listener_owner(l);
    return (l->set != NULL) == set && hr_str_eq(owner->name, name) &&
           hr_str_eq(owner->namespace_, ns);
}

/* A Gateway has the listeners that it names itself; those of a ListenerSet are that one's. */
static void attach_to_gateway(builder *b, const hr_spec_gwapi_route *route,
                              const hr_spec_gwapi_reference *parent, hr_str ns,
                              hr_gwapi_rule *rules, size_t n) {
    bool found = false, set = hr_str_eq_c(parent->kind, "ListenerSet");
    for (size_t i = 0; i < b->b.gwapi->n_listeners; i++) {
        const hr_mesh_listener *l = &b->b.gwapi->listeners[i];
        if (!hr_listener_is_parent(l) || !is_named(l, set, ns, parent->name))
            continue;
        hr_attachment_state state = attach_to(route, parent, l);
        note(b, route, parent, l, state);
        found = true;
        if (state == HR_ATTACHED)
            add_gateway_shares(b, route, l, rules, n);
    }
    if (!found)
        note(b, route, parent, NULL, HR_DENIED_NO_PARENT);
}

static void attach_to_service(builder *b, const hr_spec_gwapi_route *route,
                              const hr_spec_gwapi_reference *parent, hr_str ns) {
    hr_str key = hr_arena_printf(b->b.arena, "%.*s/%.*s", (int)ns.len, ns.p, (int)parent->name.len,
                                 parent->name.p);
    bool found = hr_map_get(&b->b.services, key) != NULL;
    note(b, route, parent, NULL, found ? HR_ATTACHED : HR_DENIED_NO_PARENT);
    hr_str host =
        hr_arena_printf(b->b.arena, "%.*s.%.*s.svc.%.*s", (int)parent->name.len, parent->name.p,
                        (int)ns.len, ns.p, (int)b->b.table->domain.len, b->b.table->domain.p);
    if (found)
        add_mesh_shares(b, route, parent, &host, 1);
}

static void attach_to_entry(builder *b, const hr_spec_gwapi_route *route,
                            const hr_spec_gwapi_reference *parent, hr_str ns) {
    const hr_resources *r = b->b.table->resources;
    for (size_t i = 0; i < r->n_service_entries; i++) {
        const hr_spec_service_entry *entry = &r->service_entries[i];
        if (!hr_str_eq(entry->meta.name, parent->name) || !hr_str_eq(entry->meta.namespace_, ns))
            continue;
        note(b, route, parent, NULL, HR_ATTACHED);
        add_mesh_shares(b, route, parent, entry->hosts.v, entry->hosts.n);
        return;
    }
    note(b, route, parent, NULL, HR_DENIED_NO_PARENT);
}

static bool is_kind(const hr_spec_gwapi_reference *ref, const char *group, const char *kind) {
    return hr_str_eq_c(ref->group, group) && hr_str_eq_c(ref->kind, kind);
}

static void attach_route(builder *b, const hr_spec_gwapi_route *route) {
    size_t n = 0;
    hr_gwapi_rule *rules = NULL;
    bool converted = false;
    for (size_t i = 0; i < route->n_parents && !hr_arena_failed(b->b.arena); i++) {
        const hr_spec_gwapi_reference *parent = &route->parents[i];
        hr_str ns = parent->namespace_.p == NULL ? route->meta.namespace_ : parent->namespace_;
        if (is_kind(parent, HR_GWAPI_GROUP, "Gateway") ||
            is_kind(parent, HR_GWAPI_GROUP, "ListenerSet")) {
            if (!converted)
                rules = hr_gwapi_rules(&n, &b->b, route, false, 0);
            converted = true;
            attach_to_gateway(b, route, parent, ns, rules, n);
        } else if (is_kind(parent, "", "Service")) {
            attach_to_service(b, route, parent, ns);
        } else if (is_kind(parent, "networking.istio.io", "ServiceEntry")) {
            attach_to_entry(b, route, parent, ns);
        } else {
            note(b, route, parent, NULL, HR_DENIED_KIND);
        }
    }
}

/* ---- merging ---- */

/* Oldest first, then by namespace and name, with the mark that Istio puts behind the name. */
static int routes_by_age(const hr_meta *a, const hr_meta *b) {
    int64_t x = hr_creation_time(a->creation_timestamp),
            y = hr_creation_time(b->creation_timestamp);
    if (x != y)
        return x < y ? -1 : 1;
    int c = hr_str_cmp(a->namespace_, b->namespace_);
    if (c != 0)
        return c;
    size_t n = a->name.len < b->name.len ? a->name.len : b->name.len;
    c = n == 0 ? 0 : memcmp(a->name.p, b->name.p, n);
    if (c != 0 || a->name.len == b->name.len)
        return c;
    return a->name.len < b->name.len ? '~' - (unsigned char)b->name.p[n]
                                     : (unsigned char)a->name.p[n] - '~';
}

static int shares_by_key_and_age(const void *a, const void *b) {
    const share *x = a, *y = b;
    int c = hr_str_cmp(x->key, y->key);
    if (c == 0)
        c = routes_by_age(&x->route->meta, &y->route->meta);
    return c != 0 ? c : x->route->meta.order < y->route->meta.order ? -1 : 1;
}

/* The name that Istio gives the VirtualService of a key: it decides between equally old ones. */
static hr_str name_of_key(hr_arena *arena, hr_str key) {
    char *p = HR_ARRAY(arena, char, key.len + 1);
    if (p == NULL)
        return HR_STR("");
    for (size_t i = 0; i < key.len; i++)
        p[i] = key.p[i] == '/' ? '~' : key.p[i];
    return hr_str_of(p, key.len);
}

static hr_gwapi_rule *joined_rules(builder *b, const share *shares, size_t n, size_t *total) {
    if (n == 1) {
        *total = shares[0].n_rules;
        return shares[0].rules;
    }
    *total = 0;
    for (size_t i = 0; i < n; i++)
        *total += shares[i].n_rules;
    hr_gwapi_rule *all = HR_ARRAY(b->b.arena, hr_gwapi_rule, *total);
    size_t at = 0;
    for (size_t i = 0; all != NULL && i < n; i++) {
        memcpy(all + at, shares[i].rules, shares[i].n_rules * sizeof(*all));
        at += shares[i].n_rules;
    }
    if (all != NULL)
        hr_gwapi_sort(b->b.arena, all, *total);
    return all;
}

/* One list of rules, as a VirtualService of one host, from shares of one key. */
static void merge_shares(builder *b, const share *shares, size_t n) {
    hr_arena *arena = b->b.arena;
    const hr_spec_gwapi_route *oldest = shares[0].route;
    hr_spec_virtual_service *resource = HR_NEW(arena, hr_spec_virtual_service);
    hr_mesh_virtual_service *out = &b->b.table->gwapi_rules[b->b.table->n_gwapi_rules++];
    size_t total;
    hr_gwapi_rule *rules = joined_rules(b, shares, n, &total);
    out->http = HR_ARRAY(arena, hr_mesh_http_route, total);
    out->hosts = HR_ARRAY(arena, hr_str, 1);
    out->gateways = HR_ARRAY(arena, hr_str, 1);
    if (rules == NULL || out->http == NULL || out->hosts == NULL || out->gateways == NULL)
        return;
    resource->meta = oldest->meta;
    resource->meta.name = name_of_key(arena, shares[0].key);
    resource->pos = oldest->pos;
    out->resource = resource;
    out->gateway_api = true;
    out->public_ = true;
    out->id = rules[0].entry.author->words;
    out->hosts[out->n_hosts++] = shares[0].host;
    out->gateways[out->n_gateways++] = shares[0].gateway;
    for (size_t i = 0; i < total; i++)
        out->http[out->n_http++] = rules[i].entry;
}

static void merge_all_shares(builder *b) {
    share *v = b->shares.v;
    b->b.table->gwapi_rules = HR_ARRAY(b->b.arena, hr_mesh_virtual_service, b->shares.n);
    if (b->shares.n == 0 || b->b.table->gwapi_rules == NULL || hr_arena_failed(b->b.arena))
        return;
    qsort(v, b->shares.n, sizeof(*v), shares_by_key_and_age);
    for (size_t i = 0, end; i < b->shares.n && !hr_arena_failed(b->b.arena); i = end) {
        for (end = i + 1; end < b->shares.n && hr_str_eq(v[end].key, v[i].key);)
            end++;
        merge_shares(b, v + i, end - i);
    }
}

void hr_gwapi_build(hr_arena *arena, hr_table *table) {
    const hr_resources *r = table->resources;
    builder b = {.b = {.arena = arena, .table = table, .gwapi = HR_NEW(arena, hr_gwapi)}};
    table->gwapi = b.b.gwapi;
    if (r->n_gwapi_gateways + r->n_gwapi_routes == 0 || hr_arena_failed(arena))
        return;
    for (size_t i = 0; i < r->n_services && !hr_arena_failed(arena); i++) {
        const hr_meta *meta = &r->services[i].meta;
        hr_map_add(arena, &b.b.services,
                   hr_arena_printf(arena, "%.*s/%.*s", (int)meta->namespace_.len,
                                   meta->namespace_.p, (int)meta->name.len, meta->name.p),
                   &r->services[i]);
    }
    hr_gwapi_build_listeners(&b.b);
    for (size_t i = 0; i < r->n_gwapi_routes && !hr_arena_failed(arena); i++)
        attach_route(&b, &r->gwapi_routes[i]);
    merge_all_shares(&b);
}
