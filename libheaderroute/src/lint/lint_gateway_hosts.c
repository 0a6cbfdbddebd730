/*
 * Finds hosts that do not meet: of a VirtualService, none of whose Gateways has the host; of a
 * Gateway, for which no VirtualService has rules. A Gateway's host may admit the VirtualServices of
 * one namespace only.
 */
#include "lint_gateway_hosts.h"

#include "diag.h"
#include "gateway.h"
#include "gateway_server.h"
#include "host_names.h"
#include "lint_callers.h"
#include "text.h"
#include "virtual_service.h"

/* Virtual hosts of another Gateway that an unused host is compared with. */
#define MOST_NAMES 1000

typedef struct server_host server_host;
struct server_host {
    const hr_spec_server *server;
    size_t server_index, index;
    hr_str host; /* without the namespace */
    bool used;   /* a VirtualService has a host in it */
    server_host *next;
};

typedef struct gateway_hosts {
    const hr_mesh_gateway *gateway;
    hr_map exact; /* host -> server_host, a chain */
    HR_LIST(server_host *) wild, all;
    hr_host_list names; /* of the virtual hosts that it has */
    bool bound;         /* a VirtualService names this Gateway */
} gateway_hosts;

typedef struct meeting {
    hr_linter *l;
    gateway_hosts *gateways;
} meeting;

/* How far a host of a VirtualService gets on one Gateway. */
typedef enum reach {
    REACH_NONE,    /* the Gateway does not have the host */
    REACH_REFUSED, /* ... for VirtualServices of another namespace only */
    REACH_TLS,     /* on servers that do not read HTTP */
    REACH_HTTP
} reach;

static void index_host(meeting *m, gateway_hosts *g, const hr_spec_server *server,
                       size_t server_index, size_t index) {
    hr_str written = server->hosts.v[index];
    size_t slash = hr_str_find(written, '/', 0);
    server_host *entry = HR_NEW(m->l->arena, server_host);
    *entry =
        (server_host){.server = server,
                      .server_index = server_index,
                      .index = index,
                      .host = slash == written.len ? written : hr_str_tail(written, slash + 1)};
    HR_PUSH(m->l->arena, &g->all, entry);
    if (hr_host_is_wild(entry->host)) {
        HR_PUSH(m->l->arena, &g->wild, entry);
        return;
    }
    void **head = hr_map_at(m->l->arena, &g->exact, entry->host);
    entry->next = *head;
    *head = entry;
}

static void index_gateways(meeting *m) {
    hr_table *table = m->l->table;
    m->gateways = HR_ARRAY(m->l->arena, gateway_hosts, table->n_gateways);
    for (size_t i = 0; m->gateways != NULL && i < table->n_gateways; i++) {
        gateway_hosts *g = &m->gateways[i];
        const hr_spec_gateway *in = table->gateways[i].resource;
        g->gateway = &table->gateways[i];
        for (size_t s = 0; s < in->n_servers && !hr_arena_failed(m->l->arena); s++)
            for (size_t h = 0; h < in->servers[s].hosts.n; h++)
                index_host(m, g, &in->servers[s], s, h);
    }
}

static bool server_reads_http(const hr_spec_server *server) {
    return hr_server_is_http(server) || hr_server_terminates_tls(server);
}

static reach reach_of(meeting *m, gateway_hosts *g, server_host *entry, hr_str host,
                      hr_str vs_namespace) {
    const hr_spec_server *server = entry->server;
    hr_str admitted = hr_server_host_for(server->hosts.v[entry->index],
                                         g->gateway->resource->meta.namespace_, vs_namespace);
    if (admitted.p == NULL)
        return REACH_REFUSED;
    entry->used = true;
    HR_PUSH(m->l->arena, &g->names, hr_host_subset_of(host, entry->host) ? host : entry->host);
    return server_reads_http(server) ? REACH_HTTP : REACH_TLS;
}

static reach better(reach a, reach b) {
    return a > b ? a : b;
}

/* Goes on after the best answer, so that every entry in use is marked. */
static reach reach_on(meeting *m, gateway_hosts *g, hr_str host, hr_str vs_namespace) {
    reach best = REACH_NONE;
    if (hr_host_is_wild(host)) {
        for (size_t i = 0; i < g->all.n; i++)
            if (hr_host_overlaps(host, g->all.v[i]->host))
                best = better(best, reach_of(m, g, g->all.v[i], host, vs_namespace));
        return best;
    }
    for (server_host *e = hr_map_get(&g->exact, host); e != NULL; e = e->next)
        best = better(best, reach_of(m, g, e, host, vs_namespace));
    for (size_t i = 0; i < g->wild.n; i++)
        if (hr_host_subset_of(host, g->wild.v[i]->host))
            best = better(best, reach_of(m, g, g->wild.v[i], host, vs_namespace));
    return best;
}

/* ---- a VirtualService ---- */

static const char *why_unreached(reach best) {
    switch (best) {
    case REACH_REFUSED:
        return "its Gateways admit the host for VirtualServices of other namespaces only, so these "
               "rules get no request for it; change the namespace before the '/' in the Gateway's "
               "hosts";
    case REACH_TLS:
        return "only servers that do not read HTTP have the host, so the http rules get no request "
               "for it; terminate TLS in the server, or use tls rules";
    default:
        return "none of its Gateways has the host, so these rules get no request for it; add the "
               "host to a server of the Gateway";
    }
}

static void lint_meeting(meeting *m, const hr_mesh_virtual_service *vs) {
    hr_linter *l = m->l;
    hr_str ns = vs->resource->meta.namespace_;
    bool elsewhere = false; /* requests come from the mesh, or a Gateway that is not loaded */
    reach *best = HR_ARRAY(l->arena, reach, vs->n_hosts);
    for (size_t g = 0; best != NULL && g < vs->n_gateways; g++) {
        const hr_lint_caller *caller = hr_map_get(&l->gateways_by_id, vs->gateways[g]);
        gateway_hosts *gateway = caller == NULL ? NULL : &m->gateways[caller - l->gateways];
        reach any = REACH_NONE;
        elsewhere |= gateway == NULL;
        if (gateway == NULL)
            continue;
        bool seen = vs->public_ || hr_lint_seen_by(l, gateway->gateway, vs);
        elsewhere |= !seen; /* lint_unused.c reports that */
        gateway->bound = true;
        for (size_t h = 0; seen && h < vs->n_hosts; h++) {
            reach reached = reach_on(m, gateway, vs->hosts[h], ns);
            any = better(any, reached);
            best[h] = better(best[h], reached);
        }
        if (seen && any == REACH_NONE && vs->n_gateways > 1)
            hr_diag_note(l->d, vs->resource->gateways.pos, "host-not-on-gateway",
                         HR_LINT_FIELD(l, "spec.gateways[%zu]", g),
                         "the Gateway %s has none of the hosts of this VirtualService; add one of "
                         "them to the Gateway or remove it here",
                         hr_lint_name(l, &gateway->gateway->resource->meta,
                                      gateway->gateway->resource->pos));
    }
    for (size_t h = 0; best != NULL && !elsewhere && h < vs->n_hosts; h++)
        if (best[h] < REACH_TLS || (best[h] == REACH_TLS && vs->n_http > 0))
            hr_diag_note(l->d, vs->resource->hosts.pos, "host-not-on-gateway",
                         HR_LINT_FIELD(l, "spec.hosts[%zu]", h), "%.*s: %s",
                         HR_LINT_STR(vs->hosts[h]), why_unreached(best[h]));
}

/* ---- a Gateway ---- */

static bool same_pods(const hr_spec_gateway *a, const hr_spec_gateway *b) {
    return hr_pairs_subset(a->selector, a->n_selector, b->selector, b->n_selector) &&
           hr_pairs_subset(b->selector, b->n_selector, a->selector, a->n_selector);
}

/* Another Gateway of the same pods may have rules for the host. */
static bool used_elsewhere(meeting *m, const gateway_hosts *g, hr_str host) {
    for (size_t i = 0; i < m->l->table->n_gateways; i++) {
        const gateway_hosts *other = &m->gateways[i];
        if (!same_pods(g->gateway->resource, other->gateway->resource))
            continue;
        for (size_t n = 0; n < other->names.n && n < MOST_NAMES; n++)
            if (hr_host_overlaps(host, other->names.v[n]))
                return true;
    }
    return false;
}

/* Redirects to HTTPS need no rules, except for hosts of a namespace (gateway_view.c). */
static bool redirects(const hr_spec_server *server, size_t host) {
    hr_str name = server->hosts.v[host];
    return server->https_redirect && (!hr_str_has(name, '/') || hr_str_starts(name, HR_STR("*/")));
}

/* Where no VirtualService with hosts was loaded, the rules are in other files. */
static void lint_unbound(meeting *m, const gateway_hosts *g) {
    const hr_spec_gateway *in = g->gateway->resource;
    bool needs_rules = false;
    for (size_t s = 0; s < in->n_servers; s++)
        for (size_t h = 0; h < in->servers[s].hosts.n; h++)
            needs_rules |= server_reads_http(&in->servers[s]) && !redirects(&in->servers[s], h);
    if (!g->bound && needs_rules && m->l->table->n_virtual_services > 0)
        hr_diag_note(m->l->d, in->pos, "gateway-unused", "spec",
                     "no VirtualService names this Gateway: requests to it get 404; add it to "
                     "spec.gateways of a VirtualService");
}

/* Only of a Gateway that some VirtualService names. */
static void lint_unused(meeting *m, const gateway_hosts *g) {
    for (size_t i = 0; g->bound && i < g->all.n; i++) {
        const server_host *e = g->all.v[i];
        if (e->used || !server_reads_http(e->server) || redirects(e->server, e->index) ||
            used_elsewhere(m, g, e->host))
            continue;
        hr_diag_note(m->l->d, e->server->hosts.pos, "gateway-host-unused",
                     HR_LINT_FIELD(m->l, "spec.servers[%zu].hosts[%zu]", e->server_index, e->index),
                     "no VirtualService with this Gateway has the host %.*s: requests for it get "
                     "404; add a VirtualService or remove the host",
                     HR_LINT_STR(e->server->hosts.v[e->index]));
    }
}

void hr_lint_gateway_hosts(hr_linter *l) {
    meeting m = {.l = l};
    index_gateways(&m);
    for (size_t i = 0; i < l->table->n_virtual_services && !hr_arena_failed(l->arena); i++)
        lint_meeting(&m, &l->table->virtual_services[i]);
    for (size_t i = 0; i < l->table->n_gateways && !hr_arena_failed(l->arena); i++)
        lint_unused(&m, &m.gateways[i]);
    for (size_t i = 0; i < l->table->n_gateways && !hr_arena_failed(l->arena); i++)
        lint_unbound(&m, &m.gateways[i]);
}
