/* Gateways of the Gateway API as Gateways of Istio: a server for each listener that is programmed,
 * its own and those of ListenerSets. */
#include "gwapi_listeners.h"

#include <stdlib.h>

#include "gateway.h"
#include "gwapi_backends.h"
#include "gwapi_gateway.h"
#include "resources.h"
#include "service.h"
#include "text.h"

/* ---- classes ---- */

/* Whether Istio's gateway controller has the class: "istio", and any class whose GatewayClass names
 * the controller. A class that is not loaded is taken for Istio's, unless it is one of those that
 * route nothing. */
static bool is_istios(const hr_resources *r, hr_str name) {
    static const char *const others[] = {"istio-waypoint", "istio-remote", "istio-east-west",
                                         "agentgateway", "agentgateway-waypoint"};
    for (size_t i = 0; i < r->n_gateway_classes; i++)
        if (hr_str_eq(r->gateway_classes[i].meta.name, name))
            return hr_str_eq_c(r->gateway_classes[i].controller_name,
                               "istio.io/gateway-controller");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (hr_str_eq_c(name, others[i]))
            return false;
    return true;
}

/* ---- listeners ---- */

bool hr_listener_is_parent(const hr_mesh_listener *listener) {
    if (listener->set != NULL)
        return listener->state == HR_LISTENER_USED || listener->state == HR_LISTENER_NO_PROXIES;
    return listener->state == HR_LISTENER_USED || listener->state == HR_LISTENER_BAD_PROTOCOL ||
           listener->state == HR_LISTENER_NO_CERTIFICATE ||
           listener->state == HR_LISTENER_NO_PROXIES;
}

bool hr_listener_is_http(const hr_mesh_listener *listener) {
    return hr_str_eq_c(listener->spec->protocol, "HTTP") ||
           hr_str_eq_c(listener->spec->protocol, "HTTPS");
}

static bool is_l4(hr_str protocol) {
    return hr_str_eq_c(protocol, "TCP") || hr_str_eq_c(protocol, "UDP");
}

static bool is_http_like(hr_str protocol) {
    return hr_str_eq_c(protocol, "HTTP") || hr_str_eq_c(protocol, "HTTPS") ||
           hr_str_eq_c(protocol, "TLS");
}

static hr_str any_hostname(const hr_spec_listener *l) {
    return l->hostname.len == 0 ? HR_STR("*") : l->hostname;
}

static hr_str taken_key(hr_arena *arena, char what, const hr_spec_listener *l, hr_str name) {
    return hr_arena_printf(arena, "%c%u %.*s", what, (unsigned)l->port, (int)name.len, name.p);
}

/* The listener before it on its Gateway that keeps it out; NULL: none, and it is noted in `taken`
 * then. On one port are: one listener of TCP or UDP, or one of HTTP, HTTPS and TLS for each
 * hostname; besides one of each other protocol. */
static const hr_spec_listener *take_place(hr_arena *arena, hr_map *taken,
                                          const hr_spec_listener *l) {
    hr_str none = HR_STR("");
    hr_str any = taken_key(arena, 'a', l, none), l4 = taken_key(arena, 'l', l, none);
    const hr_spec_listener *winner;
    if (is_l4(l->protocol)) {
        winner = hr_map_get(taken, any);
        if (winner == NULL) {
            hr_map_add(arena, taken, any, l);
            hr_map_add(arena, taken, l4, l);
        }
        return winner;
    }
    bool http = is_http_like(l->protocol);
    hr_str own = taken_key(arena, http ? 'h' : 'o', l, http ? any_hostname(l) : l->protocol);
    winner = http ? hr_map_get(taken, l4) : NULL;
    if (winner == NULL)
        winner = hr_map_get(taken, own);
    if (winner == NULL) {
        hr_map_add(arena, taken, own, l);
        if (http)
            hr_map_add(arena, taken, any, l);
    }
    return winner;
}

bool hr_listener_may_use(const hr_table *table, const hr_mesh_listener *listener,
                         const hr_spec_gwapi_reference *ref) {
    hr_str own = hr_listener_owner(listener)->namespace_;
    hr_str ns = hr_listener_secret_namespace(listener, ref);
    return ref->group.len == 0 && hr_str_eq_c(ref->kind, "Secret") &&
           (hr_str_eq(ns, own) || hr_gwapi_granted(table, hr_listener_owner_kind(listener), own,
                                                   ref->group, ref->kind, ns, ref->name));
}

/* Whether a certificate can be used. Each Secret is taken to exist, loaded or not: most files have
 * none, and routing must not depend on that. A gateway that serves the listener reports a Secret
 * that it lacks. */
static bool has_certificate(const hr_table *table, const hr_mesh_listener *listener) {
    const hr_spec_listener *l = listener->spec;
    for (size_t i = 0; i < l->n_certificates; i++)
        if (hr_listener_may_use(table, listener, &l->certificates[i]))
            return true;
    return l->n_certificates == 0;
}

static hr_listener_state state_of(const hr_table *table, const hr_mesh_listener *listener) {
    const hr_spec_listener *l = listener->spec;
    bool tls = hr_str_eq_c(l->protocol, "HTTPS") || hr_str_eq_c(l->protocol, "TLS");
    if (tls && !l->has_tls)
        return HR_LISTENER_NO_TLS;
    if (!tls && !hr_str_eq_c(l->protocol, "HTTP") && !hr_str_eq_c(l->protocol, "TCP"))
        return HR_LISTENER_BAD_PROTOCOL;
    if (l->has_tls && l->tls_mode == 0 && !has_certificate(table, listener))
        return HR_LISTENER_NO_CERTIFICATE;
    return HR_LISTENER_USED;
}

static hr_str host_in(hr_arena *arena, hr_str namespace_, hr_str hostname) {
    return hr_arena_printf(arena, "%.*s/%.*s", (int)namespace_.len, namespace_.p, (int)hostname.len,
                           hostname.p);
}

static int names_by_text(const void *a, const void *b) {
    return hr_str_cmp(*(const hr_str *)a, *(const hr_str *)b);
}

/* The namespace that matchLabels names by kubernetes.io/metadata.name, if it is not loaded: the API
 * server sets that label on each Namespace, and no other label of this one is known. An empty
 * string is none. */
static hr_str named_namespace(const hr_gwapi_build_state *b,
                              const hr_spec_label_selector *selector) {
    hr_str none = HR_STR("");
    if (selector->n_labels != 1 || selector->n_requirements > 0 ||
        !hr_str_eq_c(selector->labels[0].name, "kubernetes.io/metadata.name"))
        return none;
    hr_str name = selector->labels[0].value;
    return hr_map_get(&b->namespaces, name) != NULL ? none : name;
}

typedef HR_LIST(hr_str) hosts_list;

static void add_hosts_by_labels(hr_gwapi_build_state *b, hosts_list *hosts,
                                const hr_spec_label_selector *selector, hr_str hostname) {
    const hr_resources *r = b->table->resources;
    for (size_t i = 0; i < r->n_namespaces; i++)
        if (hr_label_selector_takes(selector, r->namespaces[i].name, r->namespaces[i].labels,
                                    r->namespaces[i].n_labels))
            HR_PUSH(b->arena, hosts, host_in(b->arena, r->namespaces[i].name, hostname));
    hr_str named = named_namespace(b, selector);
    if (named.len > 0)
        HR_PUSH(b->arena, hosts, host_in(b->arena, named, hostname));
    if (hosts->n > 1)
        qsort(hosts->v, hosts->n, sizeof(*hosts->v), names_by_text);
}

/* The hostname for each namespace whose routes the listener takes; "~" is none. */
static void set_hosts(hr_gwapi_build_state *b, hr_mesh_listener *out) {
    const hr_spec_listener *l = out->spec;
    hr_str hostname = any_hostname(l);
    hosts_list hosts = {0};
    if (l->from == HR_ROUTES_FROM_SAME)
        HR_PUSH(b->arena, &hosts, host_in(b->arena, hr_listener_owner(out)->namespace_, hostname));
    else if (l->from == HR_ROUTES_FROM_ALL || !l->selector.present)
        HR_PUSH(b->arena, &hosts, host_in(b->arena, HR_STR("*"), hostname));
    else
        add_hosts_by_labels(b, &hosts, &l->selector, hostname);
    if (hosts.n == 0)
        HR_PUSH(b->arena, &hosts, host_in(b->arena, HR_STR("~"), hostname));
    out->hosts = hosts.v;
    out->n_hosts = hosts.n;
}

/* ---- servers ---- */

/* As Istio sorts the Gateways that it makes of listeners: by age, name and namespace. */
static int listeners_by_age(const void *a, const void *b) {
    const hr_mesh_listener *x = *(const hr_mesh_listener *const *)a,
                           *y = *(const hr_mesh_listener *const *)b;
    const hr_meta *own = hr_listener_owner(x), *other = hr_listener_owner(y);
    int64_t s = hr_creation_time(own->creation_timestamp),
            t = hr_creation_time(other->creation_timestamp);
    if (s != t)
        return s < t ? -1 : 1;
    int c = hr_str_cmp(hr_str_tail(x->id, own->namespace_.len),
                       hr_str_tail(y->id, other->namespace_.len));
    return c != 0 ? c : hr_str_cmp(x->id, y->id);
}

static void put_server(hr_mesh_gateway *out, hr_spec_gateway *gateway, const hr_mesh_listener *l) {
    size_t i = gateway->n_servers++;
    gateway->servers[i] = (hr_spec_server){
        .port = l->spec->port,
        .port_name = HR_STR("default"),
        .protocol = l->spec->protocol,
        .name = l->spec->name,
        .hosts = {.v = l->hosts, .n = l->n_hosts},
        .has_port = true,
        .has_tls = l->spec->has_tls,
        .tls_mode = !l->spec->has_tls        ? (hr_str){0}
                    : l->spec->tls_mode == 1 ? HR_STR("PASSTHROUGH")
                                             : HR_STR("SIMPLE"),
        .pos = l->spec->pos,
        .port_pos = l->spec->pos,
    };
    out->ports[i] = (uint16_t)l->spec->port;
    out->listener_ids[i] = l->id;
    out->listeners[i] = l;
}

static bool is_manual(const hr_spec_gwapi_gateway *in) {
    return in->n_addresses > 1 || (in->n_addresses == 1 && in->addresses[0].type != 0);
}

static bool ends_with(hr_str s, hr_str end) {
    return s.len >= end.len && hr_str_eq(hr_str_tail(s, s.len - end.len), end);
}

/* Whether the whole Gateway has no proxies: it names Services, of other namespaces alone, or no
 * Service at all. HR_LISTENER_USED: it may have some. */
static hr_listener_state state_by_addresses(hr_gwapi_build_state *b,
                                            const hr_spec_gwapi_gateway *in) {
    hr_str all =
        hr_arena_printf(b->arena, ".svc.%.*s", (int)b->table->domain.len, b->table->domain.p);
    hr_str own = hr_arena_printf(b->arena, ".%.*s%.*s", (int)in->meta.namespace_.len,
                                 in->meta.namespace_.p, (int)all.len, all.p);
    hr_listener_state state = HR_LISTENER_NO_ADDRESS;
    if (!is_manual(in))
        return HR_LISTENER_USED;
    for (size_t i = 0; i < in->n_addresses; i++) {
        hr_str name = in->addresses[i].value;
        if (in->addresses[i].type != 1)
            continue;
        if (!ends_with(name, all) || ends_with(name, own))
            return HR_LISTENER_USED;
        state = HR_LISTENER_NO_PROXIES;
    }
    return state;
}

/* The Service that a Gateway of manual deployment names; NULL: none that is loaded. */
static const hr_spec_service *named_service(hr_gwapi_build_state *b,
                                            const hr_spec_gwapi_gateway *in) {
    hr_str ns = in->meta.namespace_;
    for (size_t i = 0; i < in->n_addresses; i++) {
        hr_str name = in->addresses[i].value;
        if (in->addresses[i].type != 1)
            continue;
        size_t dot = hr_str_find(name, '.', 0);
        hr_str rest = hr_str_tail(name, dot);
        hr_str own = hr_arena_printf(b->arena, ".%.*s.svc.%.*s", (int)ns.len, ns.p,
                                     (int)b->table->domain.len, b->table->domain.p);
        if (rest.len > 0 && !hr_str_eq(rest, own))
            continue;
        hr_str key = hr_arena_printf(b->arena, "%.*s/%.*s", (int)ns.len, ns.p, (int)dot, name.p);
        const hr_spec_service *svc = hr_map_get(&b->services, key);
        if (svc != NULL)
            return svc;
    }
    return NULL;
}

/* The proxies: pods of the Deployment that Istio makes for the Gateway, or those behind the Service
 * that it names. */
static void set_proxies(hr_gwapi_build_state *b, hr_mesh_gateway *out, hr_spec_gateway *gateway,
                        const hr_spec_gwapi_gateway *in) {
    out->manual = is_manual(in);
    if (out->manual) {
        const hr_spec_service *svc = named_service(b, in);
        gateway->selector = svc == NULL ? NULL : svc->selector;
        gateway->n_selector = svc == NULL ? 0 : svc->n_selector;
        return;
    }
    gateway->selector = HR_ARRAY(b->arena, hr_pair, 1);
    if (gateway->selector == NULL)
        return;
    gateway->selector[0] = (hr_pair){HR_STR(HR_GWAPI_GROUP "/gateway-name"), in->meta.name};
    gateway->n_selector = 1;
}

static void add_gateway_of(hr_gwapi_build_state *b, const hr_spec_gwapi_gateway *in,
                           hr_mesh_listener *const *listeners, size_t n) {
    hr_mesh_gateway *out = &b->table->gwapi_gateways[b->table->n_gwapi_gateways++];
    hr_spec_gateway *gateway = HR_NEW(b->arena, hr_spec_gateway);
    out->gateway_api = true;
    out->resource = gateway;
    out->id = host_in(b->arena, in->meta.namespace_, in->meta.name);
    out->full_id =
        hr_arena_printf(b->arena, "Gateway." HR_GWAPI_GROUP "/%.*s", (int)out->id.len, out->id.p);
    out->ports = HR_ARRAY(b->arena, uint16_t, n);
    out->listener_ids = HR_ARRAY(b->arena, hr_str, n);
    out->listeners = HR_ARRAY(b->arena, const hr_mesh_listener *, n);
    gateway->servers = HR_ARRAY(b->arena, hr_spec_server, n);
    if (out->ports == NULL || out->listener_ids == NULL || out->listeners == NULL ||
        gateway->servers == NULL)
        return;
    gateway->meta = in->meta;
    gateway->pos = in->pos;
    for (size_t i = 0; i < n; i++)
        if (listeners[i]->state == HR_LISTENER_USED)
            put_server(out, gateway, listeners[i]);
    set_proxies(b, out, gateway, in);
}

/* ---- ListenerSets ---- */

/* Oldest first, then by "namespace/name". */
static int sets_by_age(const void *a, const void *b) {
    const hr_meta *x = &(*(const hr_spec_listener_set *const *)a)->meta,
                  *y = &(*(const hr_spec_listener_set *const *)b)->meta;
    int64_t s = hr_creation_time(x->creation_timestamp),
            t = hr_creation_time(y->creation_timestamp);
    if (s != t)
        return s < t ? -1 : 1;
    if (!hr_str_eq(x->namespace_, y->namespace_)) {
        size_t n = x->namespace_.len < y->namespace_.len ? x->namespace_.len : y->namespace_.len;
        int c = memcmp(x->namespace_.p, y->namespace_.p, n);
        if (c != 0)
            return c;
        return x->namespace_.len < y->namespace_.len ? '/' - (unsigned char)y->namespace_.p[n]
                                                     : (unsigned char)x->namespace_.p[n] - '/';
    }
    return hr_str_cmp(x->name, y->name);
}

static bool is_set_of(const hr_spec_listener_set *set, const hr_spec_gwapi_gateway *gateway) {
    const hr_spec_gwapi_reference *p = &set->parent;
    hr_str ns = p->namespace_.p == NULL ? set->meta.namespace_ : p->namespace_;
    return hr_str_eq_c(p->group, HR_GWAPI_GROUP) && hr_str_eq_c(p->kind, "Gateway") &&
           hr_str_eq(p->name, gateway->meta.name) && hr_str_eq(ns, gateway->meta.namespace_);
}

/* Whether the Gateway takes ListenerSets of a namespace: of none, unless it says so. */
static bool takes_sets_of(const hr_gwapi_build_state *b, const hr_spec_gwapi_gateway *gateway,
                          hr_str ns) {
    const hr_spec_label_selector *selector = &gateway->listeners_selector;
    if (gateway->listeners_from == HR_ROUTES_FROM_ALL)
        return true;
    if (gateway->listeners_from == HR_ROUTES_FROM_SAME)
        return hr_str_eq(ns, gateway->meta.namespace_);
    if (gateway->listeners_from == HR_ROUTES_FROM_NONE || !selector->present)
        return false;
    const hr_spec_namespace *loaded = hr_map_get(&b->namespaces, ns);
    if (loaded != NULL)
        return hr_label_selector_takes(selector, ns, loaded->labels, loaded->n_labels);
    return hr_str_eq(named_namespace(b, selector), ns);
}

/* ---- all listeners of a Gateway ---- */

/* Istio's name of the Gateway that it makes of the listener. It has no kind: a ListenerSet with the
 * namespace and name of a Gateway gets one of its own, so that neither has the other's routes. */
static hr_str id_of(hr_gwapi_build_state *b, const hr_mesh_listener *listener) {
    const hr_meta *owner = hr_listener_owner(listener);
    hr_str name = host_in(b->arena, owner->namespace_, owner->name);
    bool shared = listener->set != NULL && hr_map_get(&b->gateways, name) != NULL;
    return hr_arena_printf(b->arena, "%.*s~istio-autogenerated-k8s-gateway~%.*s%s", (int)name.len,
                           name.p, (int)listener->spec->name.len, listener->spec->name.p,
                           shared ? "~ListenerSet" : "");
}

static void append_listener(hr_gwapi_build_state *b, hr_mesh_listener *out, hr_map *taken,
                            hr_listener_state whole) {
    if (whole == HR_LISTENER_USED)
        out->winner = take_place(b->arena, taken, out->spec);
    out->state = whole != HR_LISTENER_USED ? whole
                 : out->winner != NULL     ? HR_LISTENER_CONFLICTED
                                           : state_of(b->table, out);
    out->id = id_of(b, out);
    hr_map_add(b->arena, &b->gwapi->listeners_by_id, out->id, out);
    set_hosts(b, out);
}

typedef HR_LIST(const hr_spec_listener_set *) set_list;

/* Those of ListenerSets behind the n that the Gateway has itself. Returns how many there are. */
static size_t put_sets(hr_gwapi_build_state *b, const hr_spec_gwapi_gateway *in,
                       hr_mesh_listener *first, size_t n, hr_map *taken, hr_listener_state whole) {
    const set_list *sets =
        hr_map_get(&b->sets, host_in(b->arena, in->meta.namespace_, in->meta.name));
    for (size_t i = 0; sets != NULL && i < sets->n; i++) {
        const hr_spec_listener_set *set = sets->v[i];
        hr_listener_state state = whole;
        if (!is_set_of(set, in))
            continue;
        if (whole == HR_LISTENER_USED && !takes_sets_of(b, in, set->meta.namespace_))
            state = HR_LISTENER_NOT_ALLOWED;
        for (size_t k = 0; k < set->n_listeners; k++) {
            first[n] = (hr_mesh_listener){.gateway = in, .set = set, .spec = &set->listeners[k]};
            append_listener(b, &first[n++], taken, state);
        }
    }
    return n;
}

static void build_listeners(hr_gwapi_build_state *b, const hr_spec_gwapi_gateway *in) {
    hr_gwapi *g = b->gwapi;
    bool istios = is_istios(b->table->resources, in->class_name);
    hr_listener_state whole = istios ? state_by_addresses(b, in) : HR_LISTENER_NOT_ISTIOS;
    hr_mesh_listener *first = g->listeners + g->n_listeners;
    hr_map taken = {0};
    for (size_t i = 0; i < in->n_listeners; i++) {
        first[i] = (hr_mesh_listener){.gateway = in, .spec = &in->listeners[i]};
        append_listener(b, &first[i], &taken, whole);
    }
    size_t n = put_sets(b, in, first, in->n_listeners, &taken, whole);
    hr_mesh_listener **sorted = HR_ARRAY(b->arena, hr_mesh_listener *, n);
    g->n_listeners += n;
    if (sorted == NULL || hr_arena_failed(b->arena))
        return;
    for (size_t i = 0; i < n; i++)
        sorted[i] = &first[i];
    if (n > 1)
        qsort(sorted, n, sizeof(*sorted), listeners_by_age);
    if (istios)
        add_gateway_of(b, in, sorted, n);
}

/* The ListenerSets of each Gateway, in order. */
static void group_sets(hr_gwapi_build_state *b) {
    const hr_resources *r = b->table->resources;
    size_t n = r->n_listener_sets;
    const hr_spec_listener_set **by_age = HR_ARRAY(b->arena, const hr_spec_listener_set *, n);
    if (n == 0 || by_age == NULL)
        return;
    for (size_t i = 0; i < n; i++)
        by_age[i] = &r->listener_sets[i];
    qsort(by_age, n, sizeof(*by_age), sets_by_age);
    for (size_t i = 0; i < n && !hr_arena_failed(b->arena); i++) {
        const hr_spec_gwapi_reference *p = &by_age[i]->parent;
        hr_str ns = p->namespace_.p == NULL ? by_age[i]->meta.namespace_ : p->namespace_;
        void **place = hr_map_at(b->arena, &b->sets, host_in(b->arena, ns, p->name));
        if (*place == NULL)
            *place = HR_NEW(b->arena, set_list);
        set_list *list = *place;
        if (!hr_arena_failed(b->arena))
            HR_PUSH(b->arena, list, by_age[i]);
    }
}

static void index_resources(hr_gwapi_build_state *b) {
    const hr_resources *r = b->table->resources;
    for (size_t i = 0; i < r->n_gwapi_gateways && !hr_arena_failed(b->arena); i++) {
        const hr_meta *meta = &r->gwapi_gateways[i].meta;
        hr_map_add(b->arena, &b->gateways, host_in(b->arena, meta->namespace_, meta->name),
                   &r->gwapi_gateways[i]);
    }
    for (size_t i = 0; i < r->n_namespaces && !hr_arena_failed(b->arena); i++)
        hr_map_add(b->arena, &b->namespaces, r->namespaces[i].name, &r->namespaces[i]);
    group_sets(b);
}

void hr_gwapi_build_listeners(hr_gwapi_build_state *b) {
    const hr_resources *r = b->table->resources;
    size_t n = 0;
    for (size_t i = 0; i < r->n_gwapi_gateways; i++)
        n += r->gwapi_gateways[i].n_listeners;
    for (size_t i = 0; i < r->n_listener_sets; i++)
        n += r->listener_sets[i].n_listeners;
    b->gwapi->listeners = HR_ARRAY(b->arena, hr_mesh_listener, n);
    b->table->gwapi_gateways = HR_ARRAY(b->arena, hr_mesh_gateway, r->n_gwapi_gateways);
    if (b->gwapi->listeners == NULL || b->table->gwapi_gateways == NULL)
        return;
    index_resources(b);
    for (size_t i = 0; i < r->n_gwapi_gateways && !hr_arena_failed(b->arena); i++)
        build_listeners(b, &r->gwapi_gateways[i]);
}
