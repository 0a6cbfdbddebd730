/*
 * Prints what a file's rules do in every view, next to the linter's findings, for lint_property.py:
 * one fact a line, its parts separated by tabs.
 *
 *     finding  LINE CODE FIELD MESSAGE
 *     missing  RULE-LINE ROUTE-INDEX NAME-OF-CLUSTER VIEW   a destination without a cluster
 *     empty    RULE-LINE ROUTE-INDEX NAME-OF-CLUSTER VIEW   a cluster without endpoints
 *     host     VS-LINE INDEX GATEWAYS reached|unreached      a host of a VirtualService
 *     server   GATEWAY-LINE SERVER INDEX reached|unreached   a host of a Gateway's server
 *
 * RULE-LINE is that of the VirtualService that wrote the rule.
 */
#include <stdio.h>
#include <string.h>

#include <headerroute/headerroute.h>

#include "gateway_server.h"
#include "host_names.h"
#include "kinds.h"
#include "view.h"
#include "views.h"

#define STR(s) (int)(s).len, (s).p == NULL ? "" : (s).p

typedef struct facts {
    hr_table *table;
    hr_arena *arena;
    hr_map reached; /* "VS-ID host" */
    hr_map served;  /* "GATEWAY-ID host" */
} facts;

static bool has_pods(const hr_table *table, hr_str namespace_) {
    for (size_t i = 0; i < table->resources->n_workloads; i++)
        if (hr_str_eq(table->resources->workloads[i].meta.namespace_, namespace_))
            return true;
    return false;
}

static int line_of(const hr_table *table, hr_str id) {
    for (size_t i = 0; i < table->resources->n_virtual_services; i++) {
        const hr_spec_virtual_service *vs = &table->resources->virtual_services[i];
        size_t slash = hr_str_find(id, '/', 0);
        if (hr_str_eq(vs->meta.namespace_, hr_str_of(id.p, slash)) &&
            hr_str_eq(vs->meta.name, hr_str_tail(id, slash + 1)))
            return vs->meta.pos.line;
    }
    return 0;
}

/* Endpoints that are not ready now say nothing about the configuration. */
static bool has_unready(const facts *f, const hr_cluster *cluster) {
    const hr_mesh_service *svc = hr_map_get(&f->table->registry.by_host, cluster->host);
    const hr_mesh_port *port = svc == NULL ? NULL : hr_mesh_port_find(svc, cluster->port);
    bool by_hand = false; /* a Service without selector, whose EndpointSlices list what is ready */
    for (size_t i = 0; svc != NULL && i < f->table->resources->n_services; i++)
        if (&f->table->resources->services[i].meta == svc->meta)
            by_hand = f->table->resources->services[i].n_selector == 0;
    return by_hand || (port != NULL && port->n_unready > 0);
}

static void print_targets(const facts *f, const hr_view *view, const hr_view_route *route) {
    const hr_view_action *action = route->action;
    hr_str author =
        route->origin->delegate.p != NULL ? route->origin->delegate : route->origin->vs->id;
    bool own = !view->gateway;
    for (size_t i = 0; i < route->origin->vs->n_gateways; i++)
        own |= hr_str_eq(route->origin->vs->gateways[i], view->gateway_id);
    if (!own || action->kind != HR_ACTION_ROUTE ||
        (!view->gateway && !has_pods(f->table, view->namespace_)))
        return;
    for (size_t t = 0; t < action->n_targets; t++) {
        const hr_decision *d = &action->targets[t].decision;
        bool empty = d->cluster != NULL && d->cluster->kind == HR_CLUSTER_EDS &&
                     d->cluster->n_endpoints == 0 && !has_unready(f, d->cluster);
        if (d->cluster == NULL || empty)
            printf("%s\t%d\t%d\t%.*s\t%.*s %.*s:%u\n", empty ? "empty" : "missing",
                   line_of(f->table, author), route->route_index, STR(d->cluster_name),
                   STR(view->gateway_id), STR(view->namespace_), (unsigned)view->port);
    }
}

/* Whether a call to this host is one to a port that its Service does not have. */
static bool lacks_port(const facts *f, const hr_view *view, hr_str host) {
    const hr_mesh_service *svc =
        view->gateway ? NULL : hr_registry_find(&f->table->registry, host, view->namespace_);
    return svc != NULL && hr_mesh_port_find(svc, view->port) == NULL;
}

static void note_vhost(facts *f, const hr_view *view, const hr_view_virtual_host *vhost) {
    if (vhost->require_tls)
        hr_map_add(f->arena, &f->served, hr_arena_printf(f->arena, "%.*s", STR(vhost->name)), view);
    for (size_t i = 0; i < vhost->routes->n; i++) {
        const hr_view_route *route = &vhost->routes->v[i];
        if (route->origin == NULL || route->origin->vs == NULL)
            continue;
        if (!lacks_port(f, view, vhost->name))
            print_targets(f, view, route);
        for (size_t d = 0; d < vhost->n_domains; d++)
            hr_map_add(f->arena, &f->reached,
                       hr_arena_printf(f->arena, "%.*s %.*s", STR(route->origin->vs->id),
                                       STR(vhost->domains[d])),
                       view);
        hr_map_add(f->arena, &f->served, hr_arena_printf(f->arena, "%.*s", STR(vhost->name)), view);
    }
}

static void note_table(facts *f, const hr_view *view, const hr_route_table *table) {
    for (size_t i = 0; table != NULL && i < table->n_vhosts; i++)
        note_vhost(f, view, &table->vhosts[i]);
}

/* A domain of the map that the host covers, or that is in the host. */
static bool meets(const hr_map *map, hr_str prefix, hr_str host) {
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->slots[i].value == NULL || !hr_str_starts(map->slots[i].key, prefix))
            continue;
        hr_str domain = hr_str_tail(map->slots[i].key, prefix.len);
        if (hr_host_overlaps(domain, host))
            return true;
    }
    return false;
}

static bool reads_http(const hr_spec_server *server) {
    return hr_server_is_http(server) || hr_server_terminates_tls(server);
}

static void print_hosts(const facts *f) {
    for (size_t i = 0; i < f->table->n_virtual_services; i++) {
        const hr_mesh_virtual_service *vs = &f->table->virtual_services[i];
        hr_str prefix = hr_arena_printf(f->arena, "%.*s ", STR(vs->id));
        for (size_t h = 0; vs->n_http > 0 && h < vs->n_hosts; h++) {
            hr_str host = hr_arena_lower(f->arena, vs->hosts[h]);
            printf("host\t%d\t%zu\t", vs->resource->meta.pos.line, h);
            for (size_t g = 0; g < vs->n_gateways; g++)
                printf("%s%.*s", g == 0 ? "" : ",", STR(vs->gateways[g]));
            printf("\t%s\n", meets(&f->reached, prefix, host) ? "reached" : "unreached");
        }
    }
    for (size_t i = 0; i < f->table->n_gateways; i++) {
        const hr_spec_gateway *in = f->table->gateways[i].resource;
        for (size_t s = 0; s < in->n_servers; s++)
            for (size_t h = 0; reads_http(&in->servers[s]) && h < in->servers[s].hosts.n; h++) {
                hr_str host = in->servers[s].hosts.v[h];
                size_t slash = hr_str_find(host, '/', 0);
                host = slash < host.len ? hr_str_tail(host, slash + 1) : host;
                printf("server\t%d\t%zu\t%zu\t%s\n", in->meta.pos.line, s, h,
                       meets(&f->served, HR_STR(""), host) ? "reached" : "unreached");
            }
    }
}

static void print_findings(const hr_diagnostics *d) {
    for (size_t i = 0; i < hr_diagnostics_count(d); i++) {
        const hr_diagnostic *f = hr_diagnostics_get(d, i);
        printf("finding\t%d\t%.*s\t%.*s\t%.*s\n", f->line, STR(f->code), STR(f->field),
               STR(f->message));
    }
}

static int print_facts(hr_table *table) {
    facts f = {.table = table, .arena = hr_arena_new()};
    hr_view_list views = {0};
    const hr_table *both[] = {table, table};
    const hr_view_options base = HR_VIEW_OPTIONS_INIT;
    hr_views_collect(f.arena, &views, both, &base);
    for (size_t i = 0; i < views.v.n; i++) {
        hr_view *view = NULL;
        if (hr_view_new(&view, table, &views.v.v[i]) != HR_OK)
            continue; /* a server that does not read HTTP */
        for (size_t t = 0; t < view->n_tables; t++)
            note_table(&f, view, &view->tables[t]);
        note_table(&f, view, view->listeners);
        hr_view_unref(view);
    }
    print_hosts(&f);
    bool failed = hr_arena_failed(f.arena);
    hr_arena_free(f.arena);
    return failed;
}

int main(int argc, char **argv) {
    hr_table *table = NULL;
    hr_diagnostics *d = NULL;
    const char *paths[] = {argc == 2 ? argv[1] : ""};
    hr_load_options options = HR_LOAD_OPTIONS_INIT;
    options.lint = 1;
    int error = hr_table_load_paths(&table, &d, paths, 1, &options);
    print_findings(d);
    hr_diagnostics_free(d);
    if (error != HR_OK)
        return 3;
    int failed = print_facts(table);
    hr_table_unref(table);
    return failed;
}
