/* Collects the endpoints of a service from EndpointSlices, Pods and ServiceEntries. */
#include "registry_endpoints.h"

#include "endpoint_slice.h"
#include "host_names.h"
#include "locality.h"
#include "resources.h"
#include "service.h"
#include "service_entry.h"
#include "text.h"
#include "workload.h"
#include "workload_entry.h"

typedef HR_LIST(hr_endpoint) endpoint_list;

void hr_endpoint_source_init(hr_arena *arena, hr_endpoint_source *out,
                             const hr_resources *resources) {
    *out = (hr_endpoint_source){.resources = resources};
    for (size_t i = 0; i < resources->n_workloads; i++) {
        const hr_spec_workload *w = &resources->workloads[i];
        if (w->kind != HR_WORKLOAD_POD)
            continue;
        hr_str key = hr_arena_printf(arena, "%.*s/%.*s", (int)w->meta.namespace_.len,
                                     w->meta.namespace_.p, (int)w->meta.name.len, w->meta.name.p);
        hr_map_add(arena, &out->pods, key, w);
    }
    for (size_t i = 0; i < resources->n_nodes; i++)
        hr_map_add(arena, &out->nodes, resources->nodes[i].meta.name, &resources->nodes[i]);
}

static uint16_t named_port(const hr_spec_named_port *ports, size_t n, hr_str name) {
    for (size_t i = 0; i < n; i++)
        if (hr_str_eq(ports[i].name, name))
            return (uint16_t)ports[i].number;
    return 0;
}

static hr_str label(const hr_pair *labels, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (hr_str_eq_c(labels[i].name, name))
            return labels[i].value;
    return (hr_str){0};
}

/* Of the well-known labels of a node or a pod; empty where there is none. */
static hr_str labelled_locality(hr_arena *arena, const hr_pair *labels, size_t n) {
    hr_str region = label(labels, n, "topology.kubernetes.io/region");
    hr_str zone = label(labels, n, "topology.kubernetes.io/zone");
    hr_str subzone = label(labels, n, "topology.istio.io/subzone");
    if (region.len == 0)
        region = label(labels, n, "failure-domain.beta.kubernetes.io/region");
    if (zone.len == 0)
        zone = label(labels, n, "failure-domain.beta.kubernetes.io/zone");
    if (region.len == 0 && zone.len == 0 && subzone.len == 0)
        return HR_STR("");
    return hr_arena_printf(
        arena, "%.*s/%.*s/%.*s", (int)region.len, region.p == NULL ? "" : region.p, (int)zone.len,
        zone.p == NULL ? "" : zone.p, (int)subzone.len, subzone.p == NULL ? "" : subzone.p);
}

/* Where a pod runs: what it says itself, else its Node. Files seldom hold Nodes: then the pod's own
 * topology labels stand in. */
static hr_str pod_locality(hr_arena *arena, const hr_endpoint_source *source,
                           const hr_spec_workload *pod) {
    hr_str stated = hr_locality_stated(arena, pod->labels, pod->n_labels);
    if (stated.len > 0)
        return stated;
    const hr_spec_node *node =
        pod->node_name.len == 0 ? NULL : hr_map_get(&source->nodes, pod->node_name);
    if (node != NULL)
        return labelled_locality(arena, node->meta.labels, node->meta.n_labels);
    return labelled_locality(arena, pod->labels, pod->n_labels);
}

static void set_label(hr_endpoint *out, hr_pair *labels, const char *name, hr_str value) {
    if (value.len == 0)
        return;
    size_t i = 0;
    while (i < out->n_labels && !hr_str_eq_c(labels[i].name, name))
        i++;
    if (i == out->n_labels)
        out->n_labels++;
    labels[i] = (hr_pair){hr_str_from(name), value};
}

bool hr_label_is_topology(hr_str name) {
    static const char *const names[] = {
        "topology.kubernetes.io/region", "topology.kubernetes.io/zone",
        "topology.istio.io/subzone",     HR_LABEL_CLUSTER,
        "kubernetes.io/hostname",        "topology.istio.io/network"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (hr_str_eq_c(name, names[i]))
            return true;
    return false;
}

/* Istio adds to an endpoint's labels where it runs (AugmentLabels): subsets and failoverPriority
 * may ask for it. */
static void add_topology(hr_arena *arena, hr_endpoint *out, hr_str node_name) {
    bool networked = label(out->labels, out->n_labels, "topology.istio.io/network").len > 0;
    hr_pair *labels = HR_ARRAY(arena, hr_pair, out->n_labels + 6);
    if (labels == NULL)
        return;
    if (out->n_labels > 0)
        memcpy(labels, out->labels, out->n_labels * sizeof(*labels));
    hr_locality at = hr_locality_split(out->locality);
    set_label(out, labels, "topology.kubernetes.io/region", at.region);
    set_label(out, labels, "topology.kubernetes.io/zone", at.zone);
    set_label(out, labels, "topology.istio.io/subzone", at.subzone);
    set_label(out, labels, HR_LABEL_CLUSTER, HR_STR(HR_DEFAULT_CLUSTER));
    set_label(out, labels, "kubernetes.io/hostname", node_name);
    if (!networked)
        set_label(out, labels, "topology.istio.io/network", out->network);
    out->labels = labels;
}

/* ---- Kubernetes services ---- */

/* `zone` of the EndpointSlice is used if neither the pod nor its Node states a zone. */
static hr_endpoint pod_endpoint(hr_arena *arena, const hr_endpoint_source *source,
                                const hr_spec_workload *pod, hr_str zone, hr_str address,
                                uint16_t port) {
    hr_endpoint out = {
        .name = pod->meta.name,
        .address = address,
        .port = port,
        .weight = 1,
        .labels = pod->labels,
        .n_labels = pod->n_labels,
        .locality = pod_locality(arena, source, pod),
        .network = label(pod->labels, pod->n_labels, "topology.istio.io/network"),
    };
    if (out.locality.len == 0 && zone.len > 0)
        out.locality = hr_arena_printf(arena, "/%.*s/", (int)zone.len, zone.p);
    add_topology(arena, &out, pod->node_name);
    return out;
}

bool hr_pod_is_placed(hr_endpoint *out, hr_arena *arena, const hr_endpoint_source *source,
                      const hr_spec_workload *pod) {
    if (pod->kind != HR_WORKLOAD_POD || pod->node_name.len == 0 ||
        hr_map_get(&source->nodes, pod->node_name) == NULL)
        return false;
    *out = pod_endpoint(arena, source, pod, (hr_str){0}, pod->meta.name, 0);
    return true;
}

static hr_endpoint bare_endpoint(hr_arena *arena, const hr_spec_slice_endpoint *e, hr_str address) {
    hr_endpoint out = {
        .address = address, .weight = 1, .name = e->target_name, .locality = HR_STR("")};
    if (e->zone.len > 0)
        out.locality = hr_arena_printf(arena, "/%.*s/", (int)e->zone.len, e->zone.p);
    add_topology(arena, &out, (hr_str){0});
    return out;
}

static const hr_spec_workload *pod_of(const hr_endpoint_source *source,
                                      const hr_spec_slice_endpoint *e, hr_str namespace_,
                                      hr_str address) {
    if (e->target_name.p != NULL && hr_str_eq_c(e->target_kind, "Pod")) {
        char key[1024];
        hr_str ns = e->target_namespace.len > 0 ? e->target_namespace : namespace_;
        if (ns.len + e->target_name.len + 1 > sizeof(key))
            return NULL;
        memcpy(key, ns.p, ns.len);
        key[ns.len] = '/';
        memcpy(key + ns.len + 1, e->target_name.p, e->target_name.len);
        return hr_map_get(&source->pods, hr_str_of(key, ns.len + 1 + e->target_name.len));
    }
    const hr_resources *r = source->resources;
    for (size_t i = 0; i < r->n_workloads; i++)
        if (r->workloads[i].kind == HR_WORKLOAD_POD &&
            hr_str_eq(r->workloads[i].meta.namespace_, namespace_) &&
            r->workloads[i].pod_ip.len > 0 && hr_str_eq(r->workloads[i].pod_ip, address))
            return &r->workloads[i];
    return NULL;
}

/* Ready members and, if a proxy receives them, those that are not. */
typedef struct member_lists {
    endpoint_list ready, unready;
} member_lists;

static void add_slice(hr_arena *arena, member_lists *out, const hr_mesh_service *svc,
                      const hr_mesh_port *port, const hr_spec_endpoint_slice *slice,
                      const hr_endpoint_source *source) {
    for (size_t p = 0; p < slice->n_ports; p++) {
        if (!hr_str_eq(slice->ports[p].name, port->name) || slice->ports[p].number == 0)
            continue;
        for (size_t i = 0; i < slice->n_endpoints; i++) {
            const hr_spec_slice_endpoint *e = &slice->endpoints[i];
            for (size_t a = 0; (e->ready || !e->terminating) && a < e->addresses.n; a++) {
                hr_str address = e->addresses.v[a];
                const hr_spec_workload *pod = pod_of(source, e, slice->meta.namespace_, address);
                hr_endpoint endpoint = pod == NULL
                                           ? bare_endpoint(arena, e, address)
                                           : pod_endpoint(arena, source, pod, e->zone, address, 0);
                endpoint.port = (uint16_t)slice->ports[p].number;
                if (e->ready)
                    HR_PUSH(arena, &out->ready, endpoint);
                else if (!svc->publish_not_ready)
                    HR_PUSH(arena, &out->unready, endpoint);
            }
        }
        return;
    }
}

static bool slice_is_of(const hr_spec_endpoint_slice *slice, const hr_mesh_service *svc) {
    return hr_str_eq(slice->meta.namespace_, svc->namespace_) &&
           hr_str_eq(slice->service_name, svc->meta->name);
}

static uint16_t target_port(const hr_spec_port *port, const hr_spec_workload *pod) {
    if (port->target_port_name.p != NULL)
        return named_port(pod->ports, pod->n_ports, port->target_port_name);
    return (uint16_t)(port->target_port != 0 ? port->target_port : port->number);
}

static bool pod_counts(const hr_spec_workload *pod, const hr_mesh_service *svc) {
    if (pod->kind != HR_WORKLOAD_POD || pod->pod_ip.len == 0 || pod->terminating ||
        !hr_str_eq(pod->meta.namespace_, svc->namespace_))
        return false;
    return !hr_str_eq_c(pod->phase, "Succeeded") && !hr_str_eq_c(pod->phase, "Failed");
}

static void add_pods(hr_arena *arena, member_lists *out, const hr_mesh_service *svc,
                     const hr_spec_port *port, const hr_pair *selector, size_t n_selector,
                     const hr_endpoint_source *source) {
    const hr_resources *r = source->resources;
    for (size_t i = 0; i < r->n_workloads; i++) {
        const hr_spec_workload *pod = &r->workloads[i];
        if (!pod_counts(pod, svc) ||
            !hr_pairs_subset(selector, n_selector, pod->labels, pod->n_labels))
            continue;
        uint16_t number = target_port(port, pod);
        if (number == 0)
            continue;
        hr_endpoint endpoint = pod_endpoint(arena, source, pod, (hr_str){0}, pod->pod_ip, number);
        if (pod->ready || svc->publish_not_ready)
            HR_PUSH(arena, &out->ready, endpoint);
        else
            HR_PUSH(arena, &out->unready, endpoint);
    }
}

/* ---- workload entries ---- */

/* metadata.labels add to spec.labels and go before them. */
static void workload_labels(hr_arena *arena, hr_endpoint *out, const hr_spec_workload_entry *in) {
    hr_pair *labels = HR_ARRAY(arena, hr_pair, in->n_labels + in->meta.n_labels);
    if (labels == NULL)
        return;
    size_t n = 0;
    for (size_t i = 0; i < in->n_labels; i++) {
        hr_str over = {0};
        for (size_t j = 0; j < in->meta.n_labels; j++)
            if (hr_str_eq(in->meta.labels[j].name, in->labels[i].name))
                over = in->meta.labels[j].value;
        labels[n++] = (hr_pair){in->labels[i].name, over.p != NULL ? over : in->labels[i].value};
    }
    for (size_t j = 0; j < in->meta.n_labels; j++) {
        bool known = false;
        for (size_t i = 0; i < in->n_labels && !known; i++)
            known = hr_str_eq(in->labels[i].name, in->meta.labels[j].name);
        if (!known)
            labels[n++] = in->meta.labels[j];
    }
    out->labels = labels;
    out->n_labels = n;
}

static hr_endpoint workload_endpoint(hr_arena *arena, const hr_spec_workload_entry *in,
                                     uint16_t port) {
    hr_endpoint out = {
        .name = in->meta.name,
        .address = in->address,
        .port = port,
        .weight = in->weight == 0 ? 1 : in->weight,
        .network = in->network,
        .locality = in->locality.p == NULL ? HR_STR("") : in->locality,
    };
    if (hr_str_starts(in->address, HR_STR("unix://")))
        out.port = 0;
    workload_labels(arena, &out, in);
    if (out.locality.len == 0) {
        out.locality = hr_locality_stated(arena, out.labels, out.n_labels);
        if (out.locality.p == NULL)
            out.locality = HR_STR("");
    }
    add_topology(arena, &out, (hr_str){0});
    return out;
}

static uint16_t workload_port(const hr_spec_workload_entry *in, const hr_spec_port *port) {
    uint16_t own = named_port(in->ports, in->n_ports, port->name);
    if (own != 0)
        return own;
    if (port->target_port_name.p != NULL)
        return named_port(in->ports, in->n_ports, port->target_port_name);
    return (uint16_t)(port->target_port != 0 ? port->target_port : port->number);
}

static bool selects_entry(const hr_pair *selector, size_t n_selector, hr_endpoint *endpoint) {
    return hr_pairs_subset(selector, n_selector, endpoint->labels, endpoint->n_labels);
}

static void add_workload_entries(hr_arena *arena, endpoint_list *out, hr_str namespace_,
                                 const hr_spec_port *port, const hr_pair *selector,
                                 size_t n_selector, const hr_endpoint_source *source) {
    const hr_resources *r = source->resources;
    for (size_t i = 0; i < r->n_workload_entries; i++) {
        const hr_spec_workload_entry *entry = &r->workload_entries[i];
        uint16_t number = workload_port(entry, port);
        if (number == 0 || entry->address.len == 0 ||
            !hr_str_eq(entry->meta.namespace_, namespace_))
            continue;
        hr_endpoint endpoint = workload_endpoint(arena, entry, number);
        if (selects_entry(selector, n_selector, &endpoint))
            HR_PUSH(arena, out, endpoint);
    }
}

/* The port that the name's addresses listen on: those of a headless service are its pods', else it
 * is the service's own. 0: unknown. */
static uint16_t port_by_name(const hr_spec_service *in, const hr_spec_port *port,
                             const hr_resources *r) {
    if (!hr_str_eq_c(in->cluster_ip, "None"))
        return (uint16_t)port->number;
    if (port->target_port_name.p == NULL)
        return (uint16_t)(port->target_port != 0 ? port->target_port : port->number);
    for (size_t i = 0; i < r->n_workloads; i++) {
        const hr_spec_workload *w = &r->workloads[i];
        uint16_t number = named_port(w->ports, w->n_ports, port->target_port_name);
        if (number != 0 && hr_str_eq(w->meta.namespace_, in->meta.namespace_) &&
            hr_pairs_subset(in->selector, in->n_selector, w->labels, w->n_labels))
            return number;
    }
    return 0;
}

static hr_endpoint *endpoint_by_name(hr_arena *arena, const hr_mesh_service *svc,
                                     const hr_spec_service *in, const hr_spec_port *port,
                                     const hr_resources *r) {
    hr_endpoint out = {.name = in->meta.name,
                       .address = svc->host,
                       .port = port_by_name(in, port, r),
                       .weight = 1,
                       .labels = in->selector,
                       .n_labels = in->n_selector,
                       .locality = HR_STR("")};
    if (out.port == 0)
        return NULL;
    hr_endpoint *kept = HR_NEW(arena, hr_endpoint);
    *kept = out;
    return kept;
}

void hr_mesh_service_endpoints(hr_arena *arena, hr_mesh_service *svc, const hr_spec_service *in,
                               const hr_endpoint_source *source) {
    const hr_resources *r = source->resources;
    bool sliced = false;
    for (size_t s = 0; s < r->n_endpoint_slices && !sliced; s++)
        sliced = slice_is_of(&r->endpoint_slices[s], svc);
    size_t n_listed = 0;
    for (size_t p = 0; p < svc->n_ports; p++) {
        member_lists list = {0};
        for (size_t s = 0; s < r->n_endpoint_slices; s++)
            if (slice_is_of(&r->endpoint_slices[s], svc))
                add_slice(arena, &list, svc, &svc->ports[p], &r->endpoint_slices[s], source);
        if (in->n_selector > 0) {
            if (!sliced)
                add_pods(arena, &list, svc, &in->ports[p], in->selector, in->n_selector, source);
            if (svc->resolution == HR_RESOLUTION_STATIC) /* Istio adds them to no headless one */
                add_workload_entries(arena, &list.ready, svc->namespace_, &in->ports[p],
                                     in->selector, in->n_selector, source);
        }
        svc->ports[p].endpoints = list.ready.v;
        svc->ports[p].n_endpoints = list.ready.n;
        svc->ports[p].unready = list.unready.v;
        svc->ports[p].n_unready = list.unready.n;
        n_listed += list.ready.n + list.unready.n;
    }
    bool unlisted = n_listed == 0 && !sliced && svc->resolution != HR_RESOLUTION_ALIAS;
    for (size_t p = 0; unlisted && p < svc->n_ports; p++)
        svc->ports[p].by_name = endpoint_by_name(arena, svc, in, &in->ports[p], r);
}

void hr_mesh_entry_endpoints(hr_arena *arena, hr_mesh_service *svc, const hr_spec_service_entry *in,
                             const hr_endpoint_source *source) {
    bool by_name =
        in->n_endpoints == 0 && !in->has_selector &&
        (svc->resolution == HR_RESOLUTION_DNS || svc->resolution == HR_RESOLUTION_DNS_ROUND_ROBIN);
    for (size_t p = 0; p < svc->n_ports; p++) {
        const hr_spec_port *port = &in->ports[p];
        member_lists list = {0};
        if (by_name) {
            uint32_t number = port->target_port != 0 ? port->target_port : port->number;
            hr_endpoint endpoint = {.address = svc->host,
                                    .port = (uint16_t)number,
                                    .weight = 1,
                                    .locality = HR_STR("")};
            HR_PUSH(arena, &list.ready, endpoint);
        }
        for (size_t i = 0; i < in->n_endpoints; i++) {
            const hr_spec_workload_entry *entry = &in->endpoints[i];
            uint16_t number = workload_port(entry, port);
            hr_endpoint endpoint = workload_endpoint(arena, entry, number);
            /* Listed endpoints are addresses: a host name among them is left out, as Istio does. */
            bool unusable = svc->resolution == HR_RESOLUTION_STATIC && endpoint.port != 0 &&
                            !hr_is_ip(endpoint.address);
            if (entry->address.len > 0 && !unusable)
                HR_PUSH(arena, &list.ready, endpoint);
        }
        if (in->has_selector) {
            add_workload_entries(arena, &list.ready, svc->namespace_, port, in->selector,
                                 in->n_selector, source);
            add_pods(arena, &list, svc, port, in->selector, in->n_selector, source);
        }
        svc->ports[p].endpoints = list.ready.v;
        svc->ports[p].n_endpoints = list.ready.n;
    }
}
