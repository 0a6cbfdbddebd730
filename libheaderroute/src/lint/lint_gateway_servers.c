/*
 * Finds servers of Gateways that Istio drops: the pods of several Gateways with one selector share
 * their ports, a port has one protocol, and a host of it one TLS server
 * (pilot/pkg/model/gateway.go, mergeGateways).
 */
#include "lint_gateway_servers.h"

#include "diag.h"
#include "gateway.h"
#include "gateway_server.h"
#include "text.h"

typedef struct placed_server {
    const hr_mesh_gateway *gateway;
    const hr_spec_server *server;
} placed_server;

/* What the older servers of a port are. */
typedef struct shared_port {
    placed_server first;
    hr_map tls_hosts; /* -> placed_server */
} shared_port;

static bool is_tls(const hr_spec_server *server) {
    return server->has_tls && !hr_server_is_http(server);
}

static int pairs_by_name(const hr_pair *a, const hr_pair *b) {
    return hr_str_cmp(a->name, b->name);
}

/* The selector with its labels in order, the port and the address. */
static hr_str key_of_port(hr_linter *l, const hr_spec_gateway *gateway,
                          const hr_spec_server *server) {
    hr_str key = hr_arena_printf(l->arena, "%u %.*s", server->port, HR_LINT_STR(server->bind));
    const hr_pair *last = NULL;
    for (size_t done = 0; done < gateway->n_selector; done++) {
        const hr_pair *next = NULL;
        for (size_t i = 0; i < gateway->n_selector; i++) {
            const hr_pair *pair = &gateway->selector[i];
            bool later = last == NULL || pairs_by_name(pair, last) > 0;
            if (later && (next == NULL || pairs_by_name(pair, next) < 0))
                next = pair;
        }
        if (next == NULL)
            break;
        key = hr_arena_printf(l->arena, "%.*s,%.*s=%.*s", HR_LINT_STR(key), HR_LINT_STR(next->name),
                              HR_LINT_STR(next->value));
        last = next;
    }
    return key;
}

static const char *name_of_server(hr_linter *l, const placed_server *s) {
    return hr_lint_name(l, &s->gateway->resource->meta, s->server->pos);
}

/* As Istio compares hosts: with "." for the Gateway's own namespace, and no namespace for any. */
static hr_str host_as_compared(hr_linter *l, const hr_mesh_gateway *gateway, hr_str host) {
    if (hr_str_starts(host, HR_STR("*/")))
        return hr_str_tail(host, 2);
    if (!hr_str_starts(host, HR_STR("./")))
        return host;
    return hr_arena_printf(l->arena, "%.*s%.*s", HR_LINT_STR(gateway->resource->meta.namespace_),
                           HR_LINT_STR(hr_str_tail(host, 1)));
}

/* Returns whether Istio drops the server, because an older one has one of its hosts. */
static bool lint_tls_hosts(hr_linter *l, shared_port *port, const placed_server *s, size_t index) {
    for (size_t h = 0; h < s->server->hosts.n; h++) {
        hr_str host = host_as_compared(l, s->gateway, s->server->hosts.v[h]);
        const placed_server *other = hr_map_get(&port->tls_hosts, host);
        if (other == NULL)
            continue;
        hr_diag_note(l->d, s->server->pos, "gateway-host-conflict",
                     HR_LINT_FIELD(l, "spec.servers[%zu].hosts[%zu]", index, h),
                     "Istio drops this server, because a server of the Gateway %s has the host "
                     "%.*s on port %u, too; remove the host from one of them",
                     name_of_server(l, other), HR_LINT_STR(host), s->server->port);
        return true;
    }
    placed_server *kept = HR_NEW(l->arena, placed_server);
    *kept = *s;
    for (size_t h = 0; h < s->server->hosts.n; h++)
        hr_map_add(l->arena, &port->tls_hosts,
                   host_as_compared(l, s->gateway, s->server->hosts.v[h]), kept);
    return false;
}

static bool protocols_merge(const hr_spec_server *first, const hr_spec_server *later) {
    if (is_tls(first) || is_tls(later))
        return is_tls(first) && is_tls(later);
    return hr_server_is_http(first) && hr_server_is_http(later);
}

static void lint_server(hr_linter *l, hr_map *ports, const hr_mesh_gateway *gateway, size_t index) {
    placed_server s = {gateway, &gateway->resource->servers[index]};
    void **place = hr_map_at(l->arena, ports, key_of_port(l, gateway->resource, s.server));
    bool first = *place == NULL;
    if (first)
        *place = HR_NEW(l->arena, shared_port);
    shared_port *port = *place;
    if (is_tls(s.server) && lint_tls_hosts(l, port, &s, index))
        return;
    if (first) {
        port->first = s;
        return;
    }
    if (!protocols_merge(port->first.server, s.server))
        hr_diag_note(l->d, s.server->pos, "gateway-port-conflict",
                     HR_LINT_FIELD(l, "spec.servers[%zu].port", index),
                     "Istio drops this server: its protocol %.*s does not go with %.*s of the "
                     "server of the Gateway %s on port %u; use another port",
                     HR_LINT_STR(s.server->protocol), HR_LINT_STR(port->first.server->protocol),
                     name_of_server(l, &port->first), s.server->port);
}

void hr_lint_gateway_servers(hr_linter *l) {
    hr_map ports = {0};
    for (size_t i = 0; i < l->table->n_gateways && !hr_arena_failed(l->arena); i++)
        for (size_t s = 0; s < l->table->gateways[i].resource->n_servers; s++)
            lint_server(l, &ports, &l->table->gateways[i], s);
}
