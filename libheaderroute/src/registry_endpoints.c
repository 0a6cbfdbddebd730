#include "registry_endpoints.h"

#include "names.h"
#include "text.h"

typedef HR_LIST(hr_endpoint) endpoint_list;

void hr_endpoint_source_init(hr_build *b, hr_endpoint_source *out, const hr_resources *resources) {
    *out = (hr_endpoint_source){.resources = resources};
    for (size_t i = 0; i < resources->n_workloads; i++) {
        const hr_workload *w = &resources->workloads[i];
        if (w->kind != HR_WORKLOAD_POD)
            continue;
        hr_str key = hr_b_printf(b, "%.*s/%.*s", (int)w->meta.namespace_.len, w->meta.namespace_.p,
                                 (int)w->meta.name.len, w->meta.name.p);
        hr_map_add(b, &out->pods, key, w);
    }
}

static uint16_t named_port(const hr_named_port *ports, size_t n, hr_str name) {
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

/* Istio's label for a locality has dots where the locality has slashes, since labels take no slash. */
static hr_str locality_of(hr_build *b, const hr_pair *labels, size_t n) {
    hr_str given = label(labels, n, "istio-locality");
    if (given.p != NULL) {
        hr_str copy = hr_b_copy(b, given);
        char *p = (char *)(uintptr_t)copy.p;
        for (size_t i = 0; i < copy.len; i++)
            if (p[i] == '.')
                p[i] = '/';
        return copy;
    }
    hr_str region = label(labels, n, "topology.kubernetes.io/region");
    hr_str zone = label(labels, n, "topology.kubernetes.io/zone");
    hr_str subzone = label(labels, n, "topology.istio.io/subzone");
    if (region.len == 0 && zone.len == 0)
        return HR_STR("");
    if (subzone.len > 0)
        return hr_b_printf(b, "%.*s/%.*s/%.*s", (int)region.len, region.p, (int)zone.len, zone.p,
                           (int)subzone.len, subzone.p);
    if (zone.len > 0)
        return hr_b_printf(b, "%.*s/%.*s", (int)region.len, region.p, (int)zone.len, zone.p);
    return region;
}

/* ---- Kubernetes services ---- */

static hr_endpoint pod_endpoint(hr_build *b, const hr_workload *pod, hr_str address, uint16_t port) {
    return (hr_endpoint){
        .name = pod->meta.name,
        .address = address,
        .port = port,
        .weight = 1,
        .labels = pod->labels,
        .n_labels = pod->n_labels,
        .locality = locality_of(b, pod->labels, pod->n_labels),
        .network = label(pod->labels, pod->n_labels, "topology.istio.io/network"),
    };
}

static const hr_workload *pod_of(const hr_endpoint_source *source, const hr_slice_endpoint *e,
                                 hr_str namespace_, hr_str address) {
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
        if (r->workloads[i].kind == HR_WORKLOAD_POD && hr_str_eq(r->workloads[i].meta.namespace_, namespace_) &&
            r->workloads[i].pod_ip.len > 0 && hr_str_eq(r->workloads[i].pod_ip, address))
            return &r->workloads[i];
    return NULL;
}

static void add_slice(hr_build *b, endpoint_list *out, const hr_svc_port *port, const hr_endpoint_slice *slice,
                      const hr_endpoint_source *source) {
    for (size_t p = 0; p < slice->n_ports; p++) {
        if (!hr_str_eq(slice->ports[p].name, port->name) || slice->ports[p].number == 0)
            continue;
        for (size_t i = 0; i < slice->n_endpoints; i++) {
            const hr_slice_endpoint *e = &slice->endpoints[i];
            for (size_t a = 0; e->ready && a < e->addresses.n; a++) {
                const hr_workload *pod = pod_of(source, e, slice->meta.namespace_, e->addresses.v[a]);
                hr_endpoint endpoint = {.address = e->addresses.v[a], .weight = 1, .name = e->target_name};
                if (pod != NULL)
                    endpoint = pod_endpoint(b, pod, e->addresses.v[a], 0);
                endpoint.port = (uint16_t)slice->ports[p].number;
                if (endpoint.locality.len == 0 && e->zone.len > 0)
                    endpoint.locality = hr_b_printf(b, "/%.*s", (int)e->zone.len, e->zone.p);
                HR_PUSH(b, out, endpoint);
            }
        }
        return;
    }
}

static bool slice_is_of(const hr_endpoint_slice *slice, const hr_svc *svc) {
    return hr_str_eq(slice->meta.namespace_, svc->namespace_) && hr_str_eq(slice->service_name, svc->meta->name);
}

static uint16_t target_port(const hr_port_spec *port, const hr_workload *pod) {
    if (port->target_port_name.p != NULL)
        return named_port(pod->ports, pod->n_ports, port->target_port_name);
    return (uint16_t)(port->target_port != 0 ? port->target_port : port->number);
}

static bool pod_serves(const hr_workload *pod, const hr_svc *svc) {
    if (pod->kind != HR_WORKLOAD_POD || pod->pod_ip.len == 0 || pod->terminating ||
        !hr_str_eq(pod->meta.namespace_, svc->namespace_))
        return false;
    if (hr_str_eq_c(pod->phase, "Succeeded") || hr_str_eq_c(pod->phase, "Failed"))
        return false;
    return pod->ready || svc->publish_not_ready;
}

static void add_pods(hr_build *b, endpoint_list *out, const hr_svc *svc, const hr_port_spec *port,
                     const hr_pair *selector, size_t n_selector, const hr_endpoint_source *source) {
    const hr_resources *r = source->resources;
    for (size_t i = 0; i < r->n_workloads; i++) {
        const hr_workload *pod = &r->workloads[i];
        if (!pod_serves(pod, svc) || !hr_pairs_subset(selector, n_selector, pod->labels, pod->n_labels))
            continue;
        uint16_t number = target_port(port, pod);
        if (number != 0)
            HR_PUSH(b, out, pod_endpoint(b, pod, pod->pod_ip, number));
    }
}

/* ---- workload entries ---- */

/* metadata.labels add to spec.labels and go before them. */
static void workload_labels(hr_build *b, hr_endpoint *out, const hr_workload_entry *in) {
    hr_pair *labels = HR_B_ARRAY(b, hr_pair, in->n_labels + in->meta.n_labels);
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

static hr_endpoint workload_endpoint(hr_build *b, const hr_workload_entry *in, uint16_t port) {
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
    workload_labels(b, &out, in);
    if (out.locality.len == 0)
        out.locality = locality_of(b, out.labels, out.n_labels);
    return out;
}

static uint16_t workload_port(const hr_workload_entry *in, const hr_port_spec *port) {
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

static void add_workload_entries(hr_build *b, endpoint_list *out, hr_str namespace_, const hr_port_spec *port,
                                 const hr_pair *selector, size_t n_selector, const hr_endpoint_source *source) {
    const hr_resources *r = source->resources;
    for (size_t i = 0; i < r->n_workload_entries; i++) {
        const hr_workload_entry *entry = &r->workload_entries[i];
        uint16_t number = workload_port(entry, port);
        if (number == 0 || entry->address.len == 0 || !hr_str_eq(entry->meta.namespace_, namespace_))
            continue;
        hr_endpoint endpoint = workload_endpoint(b, entry, number);
        if (selects_entry(selector, n_selector, &endpoint))
            HR_PUSH(b, out, endpoint);
    }
}

void hr_service_endpoints(hr_build *b, hr_svc *svc, const hr_service *in, const hr_endpoint_source *source) {
    const hr_resources *r = source->resources;
    bool sliced = false;
    for (size_t s = 0; s < r->n_endpoint_slices && !sliced; s++)
        sliced = slice_is_of(&r->endpoint_slices[s], svc);
    for (size_t p = 0; p < svc->n_ports; p++) {
        endpoint_list list = {0};
        for (size_t s = 0; s < r->n_endpoint_slices; s++)
            if (slice_is_of(&r->endpoint_slices[s], svc))
                add_slice(b, &list, &svc->ports[p], &r->endpoint_slices[s], source);
        if (in->n_selector > 0) {
            if (!sliced)
                add_pods(b, &list, svc, &in->ports[p], in->selector, in->n_selector, source);
            add_workload_entries(b, &list, svc->namespace_, &in->ports[p], in->selector, in->n_selector, source);
        }
        svc->ports[p].endpoints = list.v;
        svc->ports[p].n_endpoints = list.n;
    }
}

void hr_entry_endpoints(hr_build *b, hr_svc *svc, const hr_service_entry *in,
                        const hr_endpoint_source *source) {
    bool by_name = in->n_endpoints == 0 && !in->has_selector &&
                   (svc->resolution == HR_RESOLUTION_DNS || svc->resolution == HR_RESOLUTION_DNS_ROUND_ROBIN);
    for (size_t p = 0; p < svc->n_ports; p++) {
        const hr_port_spec *port = &in->ports[p];
        endpoint_list list = {0};
        if (by_name) {
            uint32_t number = port->target_port != 0 ? port->target_port : port->number;
            hr_endpoint endpoint = {.address = svc->host, .port = (uint16_t)number, .weight = 1,
                                    .locality = HR_STR("")};
            HR_PUSH(b, &list, endpoint);
        }
        for (size_t i = 0; i < in->n_endpoints; i++) {
            const hr_workload_entry *entry = &in->endpoints[i];
            uint16_t number = workload_port(entry, port);
            hr_endpoint endpoint = workload_endpoint(b, entry, number);
            /* Listed endpoints are addresses: a host name among them is left out, as Istio does. */
            bool unusable = svc->resolution == HR_RESOLUTION_STATIC && endpoint.port != 0 &&
                            !hr_is_ip(endpoint.address);
            if (entry->address.len > 0 && !unusable)
                HR_PUSH(b, &list, endpoint);
        }
        if (in->has_selector) {
            add_workload_entries(b, &list, svc->namespace_, port, in->selector, in->n_selector, source);
            add_pods(b, &list, svc, port, in->selector, in->n_selector, source);
        }
        svc->ports[p].endpoints = list.v;
        svc->ports[p].n_endpoints = list.n;
    }
}
