/* EndpointSlice and Endpoints of Kubernetes: the addresses behind a Service and their state. */
#include "endpoint_slice.h"

#include <stddef.h>

#include "common_fields.h"
#include "host_names.h"
#include "resources.h"
#include "text.h"

/* ---- Endpoint ---- */

typedef struct conditions {
    int ready, serving, terminating; /* -1: unset */
} conditions;

static void init_conditions(void *out) {
    *(conditions *)out = (conditions){-1, -1, -1};
}

static const hr_field condition_fields[] = {
    {"ready", hr_read_bool_value, offsetof(conditions, ready), 0, NULL, 0},
    {"serving", hr_read_bool_value, offsetof(conditions, serving), 0, NULL, 0},
    {"terminating", hr_read_bool_value, offsetof(conditions, terminating), 0, NULL, 0},
};

static const hr_schema conditions_schema =
    HR_SCHEMA_LAX("EndpointConditions", condition_fields, conditions, init_conditions, NULL);

#define E(member) offsetof(hr_spec_slice_endpoint, member)

/* discovery/v1: an unset `ready` means true, an unset `serving` means the value of `ready`. */
static void read_conditions(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_spec_slice_endpoint *endpoint = base;
    conditions c;
    (void)field;
    hr_read_fields(r, node, &c, &conditions_schema);
    endpoint->ready = c.ready != 0;
    endpoint->serving = c.serving == -1 ? endpoint->ready : c.serving != 0;
    /* Istio treats an endpoint that is not ready as terminating, unless it states the opposite. */
    endpoint->terminating = c.terminating == 1 || (c.terminating == -1 && !endpoint->ready);
}

static const hr_field target_fields[] = {
    {"kind", hr_read_string, E(target_kind), 0, NULL, 0},
    {"name", hr_read_string, E(target_name), 0, NULL, 0},
    {"namespace", hr_read_string, E(target_namespace), 0, NULL, 0},
};

static const hr_schema target_ref_schema =
    HR_SCHEMA_LAX("ObjectReference", target_fields, hr_spec_slice_endpoint, NULL, NULL);

static void init_endpoint(void *out) {
    hr_spec_slice_endpoint *endpoint = out;
    endpoint->ready = endpoint->serving = true;
}

static void check_slice_endpoint(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_slice_endpoint *endpoint = out;
    if (endpoint->addresses.n == 0)
        hr_reader_error(r, node, "at least one address is required");
}

static const hr_field endpoint_fields[] = {
    {"addresses", hr_read_strings, E(addresses), 0, NULL, 0},
    {"conditions", read_conditions, 0, 0, NULL, 0},
    {"targetRef", hr_read_message, 0, 0, &target_ref_schema, 0},
    {"hostname", hr_read_string, E(hostname), 0, NULL, 0},
    {"nodeName", hr_read_string, E(node_name), 0, NULL, 0},
    {"zone", hr_read_string, E(zone), 0, NULL, 0},
};

static const hr_schema slice_endpoint_schema = {
    "Endpoint",    HR_FIELDS(endpoint_fields), sizeof(hr_spec_slice_endpoint), E(pos), -1, 1,
    init_endpoint, check_slice_endpoint};
#undef E

/* ---- EndpointSlice ---- */

#define P(member) offsetof(hr_spec_port, member)
static const hr_field slice_port_fields[] = {
    {"name", hr_read_string, P(name), 0, NULL, 0},
    {"protocol", hr_read_string, P(protocol), 0, NULL, 0},
    {"appProtocol", hr_read_string, P(app_protocol), 0, NULL, 0},
    {"port", hr_read_port, P(number), 0, NULL, 0},
};

static const hr_schema slice_port_schema = {
    "EndpointPort", HR_FIELDS(slice_port_fields), sizeof(hr_spec_port), P(pos), -1, 1, NULL, NULL};
#undef P

static void check_endpoint_slice(hr_reader *r, const hr_node *resource, void *out) {
    const hr_spec_endpoint_slice *slice = out;
    const hr_node *list = hr_field_get(resource, "endpoints");
    int by_name = hr_str_eq_c(slice->address_type, "FQDN");
    if (slice->address_type.len == 0)
        hr_reader_error(r, resource, "addressType is required: expected IPv4, IPv6 or FQDN");
    else if (!by_name && !hr_str_eq_c(slice->address_type, "IPv4") &&
             !hr_str_eq_c(slice->address_type, "IPv6"))
        hr_field_error(r, resource, "addressType", "\"%.*s\" is not one of IPv4, IPv6, FQDN",
                       (int)slice->address_type.len, slice->address_type.p);
    if (slice->service_name.len == 0)
        hr_reader_warn(r, resource,
                       "the EndpointSlice belongs to no Service: the label "
                       "kubernetes.io/service-name is missing");
    hr_path name = {.up = r->path, .name = HR_STR("endpoints")}, step;
    r->path = &name;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL && !by_name;
         item = hr_items_next(r, &step, item)) {
        const hr_node *addresses = hr_field_get(item, "addresses");
        hr_path deeper = {.up = r->path, .name = HR_STR("addresses")}, inner;
        r->path = &deeper;
        for (const hr_node *a = hr_items_begin(r, &inner, addresses); a != NULL;
             a = hr_items_next(r, &inner, a))
            if (a->kind == HR_NODE_STRING && !hr_is_ip(a->u.text))
                hr_reader_error(r, a, "\"%.*s\" is not an IP address", (int)a->u.text.len,
                                a->u.text.p);
        r->path = deeper.up;
    }
    r->path = name.up;
}

#define S(member) offsetof(hr_spec_endpoint_slice, member)
static const hr_field slice_fields[] = {
    {"addressType", hr_read_string, S(address_type), 0, NULL, 0},
    {"endpoints", hr_read_list, S(endpoints), S(n_endpoints), &slice_endpoint_schema, 0},
    {"ports", hr_read_list, S(ports), S(n_ports), &slice_port_schema, 0},
};
#undef S
static const hr_schema slice_schema = HR_SCHEMA_LAX(
    "EndpointSlice", slice_fields, hr_spec_endpoint_slice, NULL, check_endpoint_slice);

void hr_read_endpoint_slice(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_spec_endpoint_slice *slice = HR_APPEND(r, endpoint_slices);
    if (slice == NULL)
        return;
    slice->meta = *meta;
    slice->pos = hr_reader_pos(r, resource);
    for (size_t i = 0; i < meta->n_labels; i++)
        if (hr_str_eq(meta->labels[i].name, HR_STR("kubernetes.io/service-name")))
            slice->service_name = meta->labels[i].value;
    hr_read_fields(r, resource, slice, &slice_schema);
}

/* ---- Endpoints ---- */

typedef struct endpoint_address {
    hr_str ip, hostname, node_name;
    hr_spec_slice_endpoint target; /* its targetRef alone */
} endpoint_address;

#define A(member) offsetof(endpoint_address, member)
static const hr_field address_fields[] = {
    {"ip", hr_read_string, A(ip), 0, NULL, 0},
    {"hostname", hr_read_string, A(hostname), 0, NULL, 0},
    {"nodeName", hr_read_string, A(node_name), 0, NULL, 0},
    {"targetRef", hr_read_message, A(target), 0, &target_ref_schema, 0},
};
#undef A

static const hr_schema address_schema = {
    "EndpointAddress", HR_FIELDS(address_fields), sizeof(endpoint_address), -1, -1, 1, NULL, NULL};

typedef struct endpoint_subset {
    endpoint_address *ready, *unready;
    size_t n_ready, n_unready;
    hr_spec_port *ports;
    size_t n_ports;
} endpoint_subset;

#define B(member) offsetof(endpoint_subset, member)
static const hr_field subset_of_endpoints_fields[] = {
    {"addresses", hr_read_list, B(ready), B(n_ready), &address_schema, 0},
    {"notReadyAddresses", hr_read_list, B(unready), B(n_unready), &address_schema, 0},
    {"ports", hr_read_list, B(ports), B(n_ports), &slice_port_schema, 0},
};
#undef B

static const hr_schema subset_of_endpoints_schema = {"EndpointSubset",
                                                     HR_FIELDS(subset_of_endpoints_fields),
                                                     sizeof(endpoint_subset),
                                                     -1,
                                                     -1,
                                                     1,
                                                     NULL,
                                                     NULL};

typedef struct endpoints_resource {
    endpoint_subset *subsets;
    size_t n_subsets;
} endpoints_resource;

static const hr_field endpoints_fields[] = {
    {"subsets", hr_read_list, offsetof(endpoints_resource, subsets),
     offsetof(endpoints_resource, n_subsets), &subset_of_endpoints_schema, 0},
};

static const hr_schema endpoints_schema = {
    "Endpoints", HR_FIELDS(endpoints_fields), sizeof(endpoints_resource), -1, -1, 1, NULL, NULL};

static void add_slice_addresses(hr_reader *r, hr_spec_endpoint_slice *slice,
                                const endpoint_address *v, size_t n, bool ready) {
    for (size_t i = 0; i < n; i++) {
        hr_spec_slice_endpoint *e = &slice->endpoints[slice->n_endpoints];
        if (v[i].ip.len == 0)
            continue;
        *e = v[i].target;
        e->addresses.v = hr_reader_alloc(r, 1, sizeof(hr_str));
        if (e->addresses.v == NULL)
            return;
        e->addresses.v[e->addresses.n++] = v[i].ip;
        e->hostname = v[i].hostname;
        e->node_name = v[i].node_name;
        e->ready = e->serving = ready;
        e->pos = slice->pos;
        slice->n_endpoints++;
    }
}

void hr_read_endpoints(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    endpoints_resource in = {0};
    hr_read_fields(r, resource, &in, &endpoints_schema);
    for (size_t i = 0; i < in.n_subsets; i++) {
        const endpoint_subset *subset = &in.subsets[i];
        hr_spec_endpoint_slice *slice = HR_APPEND(r, endpoint_slices);
        if (slice == NULL)
            return;
        slice->meta = *meta;
        slice->pos = hr_reader_pos(r, resource);
        slice->service_name = meta->name;
        slice->of_endpoints = true;
        slice->ports = subset->ports;
        slice->n_ports = subset->n_ports;
        slice->endpoints =
            hr_reader_alloc(r, subset->n_ready + subset->n_unready + 1, sizeof(*slice->endpoints));
        if (slice->endpoints == NULL)
            return;
        add_slice_addresses(r, slice, subset->ready, subset->n_ready, true);
        add_slice_addresses(r, slice, subset->unready, subset->n_unready, false);
    }
}

void hr_endpoints_drop_mirrored(hr_arena *arena, hr_resources *resources) {
    hr_map sliced = {0};
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < resources->n_endpoint_slices && !hr_arena_failed(arena); i++) {
            hr_spec_endpoint_slice *slice = &resources->endpoint_slices[i];
            if (slice->of_endpoints != (pass == 1) || slice->service_name.len == 0)
                continue;
            hr_str key = hr_arena_printf(arena, "%.*s/%.*s", (int)slice->meta.namespace_.len,
                                         slice->meta.namespace_.p, (int)slice->service_name.len,
                                         slice->service_name.p);
            if (pass == 0)
                hr_map_add(arena, &sliced, key, slice);
            else if (hr_map_get(&sliced, key) != NULL)
                slice->service_name = (hr_str){0};
        }
}
