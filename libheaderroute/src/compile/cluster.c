/* Clusters: a service's port, whole or one subset of it, with its policy and its members. */
#include "cluster.h"

#include "balancer.h"
#include "cluster_workloads.h"
#include "destination_rule.h"
#include "host_names.h"
#include "meta.h"
#include "policy_defaults.h"
#include "sidecar_scope.h"
#include "text.h"

hr_str hr_cluster_name(hr_arena *arena, hr_str host, uint32_t port, hr_str subset) {
    return hr_arena_printf(arena, "outbound|%u|%.*s|%.*s", (unsigned)port, (int)subset.len,
                           subset.p == NULL ? "" : subset.p, (int)host.len, host.p);
}

const hr_mesh_destination_rule *hr_view_rule(hr_view_build *vb, const hr_mesh_service *svc) {
    return hr_rule_find(&vb->table->rules, svc, vb->view->namespace_, vb->view->labels,
                        vb->view->n_labels);
}

static bool is_dns(const hr_cluster *cluster) {
    return cluster->kind == HR_CLUSTER_STRICT_DNS || cluster->kind == HR_CLUSTER_LOGICAL_DNS;
}

static bool found_by_name(const hr_view *view, const hr_mesh_port *port) {
    return view->resolve != NULL && port->by_name != NULL;
}

static hr_cluster_kind kind_of(const hr_view *view, const hr_mesh_service *svc,
                               const hr_mesh_port *port, const hr_traffic_policy *policy) {
    if (policy->lb == HR_LB_PASSTHROUGH)
        return HR_CLUSTER_ORIGINAL_DST;
    if (found_by_name(view, port))
        return HR_CLUSTER_STRICT_DNS;
    switch (svc->resolution) {
    case HR_RESOLUTION_DNS:
        return HR_CLUSTER_STRICT_DNS;
    case HR_RESOLUTION_DNS_ROUND_ROBIN:
        return HR_CLUSTER_LOGICAL_DNS;
    case HR_RESOLUTION_PASSTHROUGH: /* gateways have no original destination to go to */
        return view->gateway ? HR_CLUSTER_EDS : HR_CLUSTER_ORIGINAL_DST;
    default:
        return HR_CLUSTER_EDS;
    }
}

/* The protocol of a port that is not declared is a sidecar's to find out. */
static hr_upstream_protocol declared_protocol(const hr_view *view, const hr_mesh_port *port) {
    if (port->http2)
        return HR_UPSTREAM_HTTP2;
    bool as_client = port->protocol == HR_MESH_PROTOCOL_SNIFFED && !view->gateway;
    return as_client ? HR_UPSTREAM_AS_CLIENT : HR_UPSTREAM_HTTP1;
}

static size_t take_members(hr_endpoint *out, const hr_cluster *cluster, const hr_endpoint *in,
                           size_t n_in) {
    size_t n = 0;
    for (size_t i = 0; i < n_in; i++)
        if (hr_pairs_subset(cluster->labels, cluster->n_labels, in[i].labels, in[i].n_labels))
            out[n++] = in[i];
    return n;
}

typedef HR_LIST(hr_endpoint) endpoint_list;

/* Every address of a name is an endpoint of its own; logical DNS goes to the first alone. */
static void add_addresses(hr_view_build *vb, endpoint_list *out, const hr_cluster *cluster,
                          const hr_endpoint *named) {
    const hr_str *addresses = NULL;
    size_t n = 0;
    vb->view->resolve(vb->view->resolve_ctx, named->address, &addresses, &n);
    if (n > 1 && cluster->kind == HR_CLUSTER_LOGICAL_DNS)
        n = 1;
    for (size_t i = 0; i < n; i++) {
        hr_endpoint endpoint = *named;
        if (endpoint.name.len == 0)
            endpoint.name = named->address;
        endpoint.address = hr_arena_copy(vb->arena, addresses[i]);
        HR_PUSH(vb->arena, out, endpoint);
    }
}

static void resolve_members(hr_view_build *vb, const hr_cluster *cluster, hr_members *members) {
    endpoint_list resolved = {0};
    for (size_t i = 0; i < members->n; i++) {
        if (hr_is_ip(members->v[i].address))
            HR_PUSH(vb->arena, &resolved, members->v[i]);
        else
            add_addresses(vb, &resolved, cluster, &members->v[i]);
    }
    members->v = resolved.v;
    members->n_ready = members->n = resolved.n;
}

static const hr_mesh_port *port_of(const hr_mesh_service *svc, const hr_mesh_port *port,
                                   const hr_mesh_service *other) {
    if (other == svc)
        return port;
    for (size_t i = 0; i < other->n_ports; i++)
        if (hr_str_eq(other->ports[i].name, port->name))
            return &other->ports[i];
    return NULL;
}

/* The endpoints that another service of the same host and namespace brings in behind `n_before`
 * others; NULL: none. Istio keeps endpoints by host and name of the port, whichever resource they
 * come from, and takes a name of DNS_ROUND_ROBIN only where nothing is kept yet. */
static const hr_mesh_port *shared_port(const hr_mesh_service *svc, const hr_mesh_port *port,
                                       const hr_mesh_service *other, size_t n_before) {
    bool joins =
        svc->resolution != HR_RESOLUTION_ALIAS &&
        (other->resolution == HR_RESOLUTION_STATIC || other->resolution == HR_RESOLUTION_DNS ||
         (other->resolution == HR_RESOLUTION_DNS_ROUND_ROBIN && n_before == 0)) &&
        hr_str_eq(other->namespace_, svc->namespace_);
    return other == svc || joins ? port_of(svc, port, other) : NULL;
}

/* The members of the cluster among the endpoints of all services of its host. A list of addresses
 * takes no names. *n_known: how many endpoints there are of any labels. */
static size_t take_shared(hr_view_build *vb, hr_endpoint *out, size_t *n_known,
                          const hr_cluster *cluster, const hr_mesh_service *svc,
                          const hr_mesh_port *port) {
    const hr_mesh_service *other = hr_map_get(&vb->table->registry.by_host, svc->host);
    size_t n = 0;
    *n_known = 0;
    for (; other != NULL; other = other->next) {
        const hr_mesh_port *same = shared_port(svc, port, other, *n_known);
        for (size_t i = 0; same != NULL && i < same->n_endpoints; i++) {
            bool fits = other == svc || is_dns(cluster) || hr_is_ip(same->endpoints[i].address);
            *n_known += fits;
            if (out != NULL && fits)
                n += take_members(out + n, cluster, &same->endpoints[i], 1);
        }
    }
    return n;
}

/* Pointers, so that an endpoint can get more members without breaking callers. */
static void set_endpoints(hr_arena *arena, hr_cluster *cluster, const hr_members *members) {
    const hr_endpoint **endpoints = HR_ARRAY(arena, const hr_endpoint *, members->n_ready);
    for (size_t i = 0; endpoints != NULL && i < members->n_ready; i++)
        endpoints[i] = &members->v[i];
    cluster->endpoints = endpoints;
    cluster->n_endpoints = endpoints == NULL ? 0 : members->n_ready;
}

/* A proxy also receives the members that are not ready, unless their share might make it panic.
 * Returns how many were configured. */
static size_t fill_members(hr_view_build *vb, hr_cluster *cluster, const hr_mesh_service *svc,
                           const hr_mesh_port *port, const hr_mesh_traffic_policy *blocks) {
    const hr_view *view = vb->view;
    bool receives_unready =
        svc->distribution != HR_DISTRIBUTION_ANY || cluster->policy->min_health_percent <= 0;
    size_t n_known;
    take_shared(vb, NULL, &n_known, cluster, svc, port);
    hr_members members = {.v = HR_ARRAY(vb->arena, hr_endpoint, n_known + port->n_unready + 1)};
    if (members.v == NULL)
        return 0;
    members.n = take_shared(vb, members.v, &n_known, cluster, svc, port);
    members.n_ready = members.n;
    if (receives_unready)
        members.n += take_members(members.v + members.n, cluster, port->unready, port->n_unready);
    if (found_by_name(view, port) && n_known + port->n_unready == 0)
        members.n_ready = members.n = take_members(members.v, cluster, port->by_name, 1);
    size_t n_configured = members.n;
    if (view->resolve != NULL && is_dns(cluster))
        resolve_members(vb, cluster, &members);
    hr_caller caller = {view->locality, view->labels, view->n_labels};
    hr_locality_apply(vb->arena, &members, blocks, svc->distribution, &caller);
    set_endpoints(vb->arena, cluster, &members);
    hr_balancer_build(vb->arena, cluster, &members);
    return n_configured;
}

static hr_cluster *make_cluster(hr_view_build *vb, const hr_cluster_place *place, hr_str name) {
    const hr_mesh_service *svc = place->svc;
    const hr_mesh_port *port = place->port;
    const hr_mesh_destination_rule *rule = place->rule;
    const hr_spec_subset *subset = place->subset;
    hr_cluster *cluster = HR_NEW(vb->arena, hr_cluster);
    *cluster =
        (hr_cluster){.name = name, .host = svc->host, .port = port->number, .http2 = port->http2};
    if (subset != NULL) {
        cluster->subset = subset->name;
        cluster->labels = subset->labels;
        cluster->n_labels = subset->n_labels;
    }
    hr_pos pos = rule != NULL ? rule->first->pos : svc->meta->pos;
    cluster->source_file = pos.file;
    cluster->source_line = pos.line;
    hr_mesh_traffic_policy blocks = hr_rule_policy(rule, subset, port->number);
    hr_traffic_policy *policy = HR_NEW(vb->arena, hr_traffic_policy);
    hr_traffic_policy_fill(policy, &blocks);
    cluster->policy = policy;
    cluster->upstream_protocol = hr_traffic_policy_protocol(policy, blocks.connection_pool,
                                                            declared_protocol(vb->view, port));
    cluster->kind = kind_of(vb->view, svc, port, policy);
    if (cluster->kind == HR_CLUSTER_ORIGINAL_DST)
        policy->lb = HR_LB_PASSTHROUGH;
    size_t n_configured = fill_members(vb, cluster, svc, port, &blocks);
    hr_cluster_find_workloads(vb, cluster, svc, n_configured);
    /* A ServiceEntry without members has no cluster (NC); a Service without members has an empty
     * one (UH). */
    return is_dns(cluster) && n_configured == 0 && !svc->kubernetes ? NULL : cluster;
}

static void remember(hr_view_build *vb, hr_cluster *cluster) {
    hr_view *view = vb->view;
    const hr_cluster **grown = hr_arena_grow(vb->arena, view->clusters, view->n_clusters,
                                             &view->clusters_capacity, sizeof(*view->clusters));
    if (grown == NULL)
        return;
    cluster->index = (uint32_t)view->n_clusters;
    view->clusters = grown;
    view->clusters[view->n_clusters++] = cluster;
}

/* A sidecar may also reach a service of its own namespace that is not exported to it, where a rule
 * names it: Istio takes in what VirtualServices lead to. */
const hr_mesh_service *hr_view_service(const hr_view_build *vb, hr_str host) {
    if (vb->scope != NULL)
        return hr_scope_cluster_service(vb, host, 0);
    const hr_registry *registry = &vb->table->registry;
    hr_str namespace_ = vb->view->namespace_;
    if (vb->view->gateway)
        return hr_registry_find_for_gateway(registry, host, namespace_);
    const hr_mesh_service *svc = hr_registry_find(registry, host, namespace_);
    return svc != NULL ? svc : hr_registry_first_of(registry, host, namespace_);
}

hr_cluster_lack hr_cluster_look_up(hr_cluster_place *out, hr_view_build *vb, hr_str host,
                                   uint32_t port, hr_str subset) {
    *out = (hr_cluster_place){.svc = hr_view_service(vb, host)};
    if (out->svc == NULL)
        return HR_CLUSTER_NO_SERVICE;
    bool in_scope = vb->scope == NULL || hr_scope_cluster_service(vb, host, port) != NULL;
    out->port = in_scope ? hr_mesh_port_find(out->svc, port) : NULL;
    if (out->port == NULL)
        return HR_CLUSTER_NO_PORT;
    if (out->port->protocol == HR_MESH_PROTOCOL_UDP)
        return HR_CLUSTER_UDP;
    if (out->svc->resolution == HR_RESOLUTION_ALIAS)
        return HR_CLUSTER_ALIAS;
    out->rule = hr_view_rule(vb, out->svc);
    out->subset = subset.len == 0 ? NULL : hr_rule_subset(out->rule, subset);
    return subset.len > 0 && out->subset == NULL ? HR_CLUSTER_NO_SUBSET : HR_CLUSTER_COMPLETE;
}

const hr_cluster *hr_cluster_get(hr_view_build *vb, hr_str host, uint32_t port_number,
                                 hr_str subset) {
    static const hr_cluster missing = {.port = 0};
    hr_str name = hr_cluster_name(vb->arena, host, port_number, subset);
    void **place = hr_map_at(vb->arena, &vb->view->clusters_by_name, name);
    if (*place == NULL) {
        *place = (void *)(uintptr_t)&missing;
        hr_cluster_place found;
        bool has = hr_cluster_look_up(&found, vb, host, port_number, subset) == HR_CLUSTER_COMPLETE;
        hr_cluster *cluster = has ? make_cluster(vb, &found, name) : NULL;
        if (cluster != NULL) {
            *place = cluster;
            remember(vb, cluster);
        }
    }
    return *place == &missing || hr_arena_failed(vb->arena) ? NULL : *place;
}
