/* HTTPRoutes and GRPCRoutes as VirtualServices: the rules that Istio makes of them, in their order,
 * and Gateways of the Gateway API as Gateways of Istio. */
#include "to_istio.h"

#include "gateway.h"
#include "gwapi_facts.h"
#include "gwapi_gateway.h"
#include "gwapi_listeners.h"
#include "gwapi_route.h"
#include "resources.h"
#include "text.h"
#include "virtual_service.h"
#include "virtual_service_text.h"

/* ---- Gateways ---- */

static void put_server_tls(hr_conversion_state *s, hr_yaml_text *t,
                           const hr_mesh_listener *listener) {
    const hr_spec_listener *spec = listener->spec;
    if (!spec->has_tls)
        return;
    if (spec->tls_mode == 1) {
        hr_yaml_put(t, "    tls: {mode: PASSTHROUGH}\n");
        return;
    }
    hr_str name = spec->n_certificates == 0 ? HR_STR("certificate") : spec->certificates[0].name;
    hr_yaml_put(t, "    tls: {mode: SIMPLE, credentialName: ");
    hr_yaml_put_scalar(t, name);
    hr_yaml_put(t, "}\n");
    if (spec->n_certificates != 1)
        hr_diag_warn(s->found, spec->pos, "spec.listeners",
                     "a server names one Secret: it has \"%.*s\"", HR_S(name));
    else if (!hr_str_eq(hr_listener_secret_namespace(listener, &spec->certificates[0]),
                        listener->gateway->meta.namespace_))
        hr_diag_warn(s->found, spec->pos, "spec.listeners",
                     "a server reads its Secret in the namespace of the proxies: copy \"%.*s\" "
                     "there",
                     HR_S(name));
}

static bool put_server_hosts(hr_yaml_text *t, const hr_spec_server *server) {
    bool begun = false;
    for (size_t i = 0; i < server->hosts.n; i++) {
        if (hr_str_starts(server->hosts.v[i], HR_STR("~/")))
            continue;
        hr_yaml_put(t, begun ? ", " : "    hosts: [");
        hr_yaml_put_scalar(t, server->hosts.v[i]);
        begun = true;
    }
    hr_yaml_put(t, begun ? "]\n" : "");
    return begun;
}

/* Ports of a Gateway of Istio have names that differ; listeners of a ListenerSet may have those of
 * its Gateway, and then get the number of the server. */
static hr_str port_name(hr_arena *arena, hr_map *taken, hr_str wanted, size_t number) {
    hr_str name = wanted;
    for (size_t n = number; !hr_map_add(arena, taken, name, taken) && !hr_arena_failed(arena); n++)
        name = hr_arena_printf(arena, "%.*s-%zu", HR_S(wanted), n);
    return name;
}

static void convert_gwapi_gateway(hr_conversion_state *s, const hr_mesh_gateway *gateway) {
    const hr_spec_gateway *in = gateway->resource;
    if (hr_conversion_has(s, "Gateway", in->meta.namespace_, in->meta.name)) {
        hr_diag_warn(s->found, in->pos, "metadata.name",
                     "a Gateway of Istio has this name: it is not converted");
        return;
    }
    hr_yaml_text t = hr_conversion_begin(s, "networking.istio.io/v1", "Gateway",
                                         in->meta.namespace_, in->meta.name);
    hr_yaml_put(&t, "spec:\n");
    for (size_t i = 0; i < in->n_selector; i++) {
        hr_yaml_put(&t, i == 0 ? "  selector:\n    " : "    ");
        hr_yaml_put_scalar(&t, in->selector[i].name);
        hr_yaml_put(&t, ": ");
        hr_yaml_put_scalar(&t, in->selector[i].value);
        hr_yaml_put(&t, "\n");
    }
    if (in->n_selector == 0)
        hr_diag_warn(s->found, in->pos, "spec.addresses",
                     "no Service with this address is loaded, so that the Gateway of Istio has no "
                     "selector: it configures every proxy of a gateway");
    hr_yaml_put(&t, "  servers:\n");
    size_t written = 0;
    hr_map names = {0};
    for (size_t i = 0; i < in->n_servers && !hr_arena_failed(s->arena); i++) {
        const hr_mesh_listener *listener = gateway->listeners[i];
        hr_yaml_text one = {.arena = s->arena};
        if (!put_server_hosts(&one, &in->servers[i]))
            continue;
        hr_yaml_put(&t, "  - port: {number: %u, name: ", (unsigned)in->servers[i].port);
        hr_yaml_put_scalar(&t, port_name(s->arena, &names, listener->spec->name, written + 1));
        hr_yaml_put(&t, ", protocol: %.*s}\n", HR_S(in->servers[i].protocol));
        hr_yaml_put_str(&t, hr_yaml_text_of(&one));
        put_server_tls(s, &t, listener);
        written++;
    }
    hr_conversion_remove(s, "Gateway", &in->meta);
    if (written > 0)
        hr_conversion_add(s, "Gateway", in->meta.namespace_, in->meta.name, &t);
}

/* ---- VirtualServices ---- */

/* Whether two lists of rules are the same one, for two hostnames. */
static bool same_rules(const hr_mesh_virtual_service *a, const hr_mesh_virtual_service *b) {
    if (a->n_http != b->n_http || !hr_str_eq(a->gateways[0], b->gateways[0]))
        return false;
    for (size_t i = 0; i < a->n_http; i++)
        if (a->http[i].http != b->http[i].http)
            return false;
    return true;
}

/* The port by which rules of a listener differ from those of others of its Gateway; 0: none. */
static uint32_t port_of_listener(const hr_table *table, const hr_mesh_listener *listener) {
    for (size_t i = 0; i < table->gwapi->n_listeners; i++) {
        const hr_mesh_listener *other = &table->gwapi->listeners[i];
        if (other->gateway == listener->gateway && other->state == HR_LISTENER_USED &&
            other->spec->port != listener->spec->port)
            return listener->spec->port;
    }
    return 0;
}

static void put_hosts(hr_yaml_text *t, const hr_mesh_virtual_service *v, size_t n, size_t first,
                      bool *done) {
    hr_yaml_put(t, "spec:\n  hosts: [");
    for (size_t i = first; i < n; i++)
        if (!done[i] && same_rules(&v[first], &v[i])) {
            hr_yaml_put_comma(t);
            hr_yaml_put_scalar(t, v[i].hosts[0]);
            done[i] = true;
        }
    hr_yaml_put(t, "]\n");
}

/* A route in another namespace than its Service is for callers of its own. */
static bool is_for_own_callers(hr_conversion_state *s, const hr_mesh_virtual_service *vs) {
    hr_str ns = vs->resource->meta.namespace_;
    const hr_mesh_service *svc = hr_registry_find(&s->table->registry, vs->hosts[0], ns);
    return svc != NULL && !hr_str_eq(svc->namespace_, ns);
}

static const hr_mesh_listener *listener_of(const hr_table *table, hr_str id) {
    return hr_map_get(&table->gwapi->listeners_by_id, id);
}

static void convert_rules(hr_conversion_state *s, size_t first, bool *done) {
    const hr_table *table = s->table;
    const hr_mesh_virtual_service *vs = &table->gwapi_rules[first];
    const hr_mesh_listener *listener = listener_of(table, vs->gateways[0]);
    hr_str ns = vs->resource->meta.namespace_;
    hr_str id = vs->http[0].author->id;
    hr_str name =
        hr_conversion_name(s, "VirtualService", ns, hr_str_tail(id, hr_str_find(id, '/', 0) + 1));
    hr_yaml_text t = hr_conversion_begin(s, "networking.istio.io/v1", "VirtualService", ns, name);
    put_hosts(&t, table->gwapi_rules, table->n_gwapi_rules, first, done);
    if (listener != NULL) {
        const hr_meta *gateway = &listener->gateway->meta;
        hr_yaml_put(&t, "  gateways: [");
        hr_yaml_put_scalar(&t, hr_arena_printf(s->arena, "%.*s/%.*s", HR_S(gateway->namespace_),
                                               HR_S(gateway->name)));
        hr_yaml_put(&t, "]\n");
    } else if (is_for_own_callers(s, vs)) {
        hr_yaml_put(&t, "  exportTo: [\".\"]\n");
    }
    hr_yaml_put(&t, "  http:\n");
    uint32_t port = listener == NULL ? 0 : port_of_listener(table, listener);
    for (size_t i = 0; i < vs->n_http && !hr_arena_failed(s->arena); i++)
        hr_virtual_service_put_rule(s, &t, &vs->http[i], port);
    hr_conversion_add(s, "VirtualService", ns, name, &t);
}

/* Routes that no parent accepts are left unchanged, and are listed. */
static void note_routes(hr_conversion_state *s) {
    const hr_resources *r = s->table->resources;
    const hr_gwapi *gwapi = s->table->gwapi;
    for (size_t i = 0; i < r->n_gwapi_routes && !hr_arena_failed(s->arena); i++) {
        const hr_spec_gwapi_route *route = &r->gwapi_routes[i];
        bool attached = false;
        for (size_t k = 0; k < gwapi->attachments.n && !attached; k++)
            attached = gwapi->attachments.v[k].route == route &&
                       gwapi->attachments.v[k].state == HR_ATTACHED;
        if (attached)
            hr_conversion_remove(s, route->meta.kind, &route->meta);
        else
            hr_diag_warn(s->found, route->pos, "spec.parentRefs",
                         "no parent that Istio has accepts the route: it is not converted");
    }
}

void hr_convert_to_istio(hr_conversion_state *s) {
    const hr_table *table = s->table;
    bool *done = HR_ARRAY(s->arena, bool, table->n_gwapi_rules + 1);
    for (size_t i = 0; i < table->n_gwapi_gateways && !hr_arena_failed(s->arena); i++)
        convert_gwapi_gateway(s, &table->gwapi_gateways[i]);
    for (size_t i = 0; done != NULL && i < table->n_gwapi_rules && !hr_arena_failed(s->arena); i++)
        if (!done[i])
            convert_rules(s, i, done);
    note_routes(s);
}
