/* Kubernetes' own kinds: only the fields that routing needs are read, the rest is passed over. */
#include "kinds.h"

#include <stddef.h>
#include <string.h>

#include "text.h"
#include "validate.h"

/* ---- Service ---- */

#define P(member) offsetof(hr_port_spec, member)

/* IntOrString */
static void read_target_port(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_port_spec *port = base;
    (void)field;
    if (node->kind == HR_NODE_STRING)
        port->target_port_name = hr_reader_copy(r, node->u.text);
    else
        hr_read_port(r, node, base, &(hr_field){.offset = P(target_port)});
}

static const hr_field service_port_fields[] = {
    {"name", hr_read_string, P(name), 0, NULL, 0},
    {"protocol", hr_read_string, P(protocol), 0, NULL, 0},
    {"appProtocol", hr_read_string, P(app_protocol), 0, NULL, 0},
    {"port", hr_read_port, P(number), 0, NULL, 0},
    {"targetPort", read_target_port, 0, 0, NULL, 0},
};
static const hr_schema service_port_schema = {
    "ServicePort", HR_FIELDS(service_port_fields), sizeof(hr_port_spec), P(pos), -1, 1, NULL, NULL};

#define S(member) offsetof(hr_service, member)
static const hr_field service_fields[] = {
    {"type", hr_read_string, S(type), 0, NULL, 0},
    {"clusterIP", hr_read_string, S(cluster_ip), 0, NULL, 0},
    {"clusterIPs", hr_read_strings, S(cluster_ips), 0, NULL, 0},
    {"externalName", hr_read_string, S(external_name), 0, NULL, 0},
    {"selector", hr_read_labels, S(selector), S(n_selector), NULL, 0},
    {"publishNotReadyAddresses", hr_read_bool, S(publish_not_ready_addresses), 0, NULL, 0},
    {"trafficDistribution", hr_read_string, S(traffic_distribution), 0, NULL, 0},
    {"ports", hr_read_list, S(ports), S(n_ports), &service_port_schema, 0},
};
#undef S
static const hr_schema service_schema = {
    "ServiceSpec", HR_FIELDS(service_fields), sizeof(hr_service), -1, -1, 1, NULL, hr_check_service};

static hr_str trimmed(const char *begin, const char *end) {
    while (begin < end && (*begin == ' ' || *begin == '\t'))
        begin++;
    while (end > begin && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return (hr_str){begin, (size_t)(end - begin)};
}

/* networking.istio.io/exportTo: namespaces with commas between them. */
static void read_export_to(hr_reader *r, hr_service *service) {
    for (size_t i = 0; i < service->meta.n_annotations; i++) {
        if (!hr_str_eq(service->meta.annotations[i].name, HR_STR("networking.istio.io/exportTo")))
            continue;
        hr_str text = service->meta.annotations[i].value;
        size_t commas = 0;
        for (size_t c = 0; c < text.len; c++)
            commas += text.p[c] == ',';
        service->export_to.pos = service->pos;
        service->export_to.v = hr_reader_alloc(r, commas + 1, sizeof(hr_str));
        if (service->export_to.v == NULL)
            return;
        const char *end = text.p + text.len;
        for (const char *begin = text.p, *comma; begin <= end; begin = comma + 1) {
            comma = begin;
            while (comma < end && *comma != ',')
                comma++;
            hr_str name = trimmed(begin, comma);
            if (name.len > 0)
                service->export_to.v[service->export_to.n++] = name;
        }
    }
}

void hr_read_service(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_service *service = HR_APPEND(r, services);
    if (service == NULL)
        return;
    service->meta = *meta;
    service->pos = hr_reader_pos(r, resource);
    read_export_to(r, service);
    hr_read_spec(r, resource, service, &service_schema);
}

/* ---- Node ---- */

/* Its labels say in which region and zone its pods run. */
void hr_read_node(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_kube_node *node = HR_APPEND(r, nodes);
    (void)resource;
    if (node != NULL)
        node->meta = *meta;
}

/* ---- Pod, and the pod templates of Deployment, StatefulSet, DaemonSet and ReplicaSet ---- */

typedef struct container {
    hr_named_port *ports;
    size_t n_ports;
    hr_str restart_policy;
} container;

static const hr_field container_port_fields[] = {
    {"name", hr_read_string, offsetof(hr_named_port, name), 0, NULL, 0},
    {"containerPort", hr_read_port, offsetof(hr_named_port, number), 0, NULL, 0},
};
static const hr_schema container_port_schema = {
    "ContainerPort", HR_FIELDS(container_port_fields), sizeof(hr_named_port), -1, -1, 1, NULL, NULL};
static const hr_field container_fields[] = {
    {"ports", hr_read_list, offsetof(container, ports), offsetof(container, n_ports), &container_port_schema, 0},
    {"restartPolicy", hr_read_string, offsetof(container, restart_policy), 0, NULL, 0},
};
static const hr_schema container_schema = {
    "Container", HR_FIELDS(container_fields), sizeof(container), -1, -1, 1, NULL, NULL};

typedef struct pod_spec {
    hr_str node_name;
    container *containers, *init_containers;
    size_t n_containers, n_init_containers;
} pod_spec;

static const hr_field pod_spec_fields[] = {
    {"nodeName", hr_read_string, offsetof(pod_spec, node_name), 0, NULL, 0},
    {"containers", hr_read_list, offsetof(pod_spec, containers), offsetof(pod_spec, n_containers),
     &container_schema, 0},
    {"initContainers", hr_read_list, offsetof(pod_spec, init_containers), offsetof(pod_spec, n_init_containers),
     &container_schema, 0},
};
static const hr_schema pod_spec_schema = {
    "PodSpec", HR_FIELDS(pod_spec_fields), sizeof(pod_spec), -1, -1, 1, NULL, NULL};

/* Named ports of the containers that run beside one another; init containers count if they stay
 * (restartPolicy: Always), as the endpoint controller has it. */
static void take_ports(hr_reader *r, hr_workload *workload, const pod_spec *spec) {
    size_t n = 0;
    for (size_t i = 0; i < spec->n_containers; i++)
        n += spec->containers[i].n_ports;
    for (size_t i = 0; i < spec->n_init_containers; i++)
        n += spec->init_containers[i].n_ports;
    workload->node_name = spec->node_name;
    if (n == 0)
        return;
    workload->ports = hr_reader_alloc(r, n, sizeof(*workload->ports));
    if (workload->ports == NULL)
        return;
    for (size_t i = 0; i < spec->n_containers; i++)
        for (size_t p = 0; p < spec->containers[i].n_ports; p++)
            workload->ports[workload->n_ports++] = spec->containers[i].ports[p];
    for (size_t i = 0; i < spec->n_init_containers; i++) {
        const container *c = &spec->init_containers[i];
        for (size_t p = 0; p < c->n_ports && hr_str_eq(c->restart_policy, HR_STR("Always")); p++)
            workload->ports[workload->n_ports++] = c->ports[p];
    }
}

static void read_ready(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_workload *workload = base;
    (void)field;
    hr_path step;
    for (const hr_node *c = hr_items_begin(r, &step, node); c != NULL; c = hr_items_next(r, &step, c)) {
        const hr_node *type = hr_node_get(c, HR_STR("type")), *status = hr_node_get(c, HR_STR("status"));
        if (type != NULL && status != NULL && type->kind == HR_NODE_STRING && status->kind == HR_NODE_STRING &&
            hr_str_eq(type->u.text, HR_STR("Ready")))
            workload->ready = hr_str_eq(status->u.text, HR_STR("True"));
    }
}

static const hr_field pod_status_fields[] = {
    {"podIP", hr_read_string, offsetof(hr_workload, pod_ip), 0, NULL, 0},
    {"phase", hr_read_string, offsetof(hr_workload, phase), 0, NULL, 0},
    {"conditions", read_ready, 0, 0, NULL, 0},
};
static const hr_schema pod_status_schema = {
    "PodStatus", HR_FIELDS(pod_status_fields), sizeof(hr_workload), -1, -1, 1, NULL, NULL};

static void read_part(hr_reader *r, const hr_node *map, const char *name, void *out, const hr_schema *schema) {
    const hr_node *part = hr_node_get(map, hr_str_from(name));
    if (part == NULL || part->kind == HR_NODE_NULL)
        return;
    hr_path step = {.up = r->path, .name = hr_str_from(name)};
    r->path = &step;
    hr_read_fields(r, part, out, schema);
    r->path = step.up;
}

void hr_read_pod(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_workload *pod = HR_APPEND(r, workloads);
    if (pod == NULL)
        return;
    pod_spec spec = {0};
    pod->kind = HR_WORKLOAD_POD;
    pod->meta = *meta;
    pod->labels = meta->labels;
    pod->n_labels = meta->n_labels;
    pod->ready = true;
    pod->pos = hr_reader_pos(r, resource);
    const hr_node *deleted = hr_node_get(hr_node_get(resource, HR_STR("metadata")), HR_STR("deletionTimestamp"));
    pod->terminating = deleted != NULL && deleted->kind != HR_NODE_NULL;
    read_part(r, resource, "spec", &spec, &pod_spec_schema);
    read_part(r, resource, "status", pod, &pod_status_schema);
    take_ports(r, pod, &spec);
}

typedef struct template {
    pod_spec spec;
    hr_pair *labels;
    size_t n_labels;
} template;

static const hr_field template_meta_fields[] = {
    {"labels", hr_read_labels, offsetof(template, labels), offsetof(template, n_labels), NULL, 0},
};
static const hr_schema template_meta_schema = {
    "ObjectMeta", HR_FIELDS(template_meta_fields), sizeof(template), -1, -1, 1, NULL, NULL};
static const hr_field template_fields[] = {
    {"metadata", hr_read_message, 0, 0, &template_meta_schema, 0},
    {"spec", hr_read_message, offsetof(template, spec), 0, &pod_spec_schema, 0},
};
static const hr_schema template_schema = {
    "PodTemplateSpec", HR_FIELDS(template_fields), sizeof(template), -1, -1, 1, NULL, NULL};
static const hr_field controller_fields[] = {{"template", hr_read_message, 0, 0, &template_schema, 0}};
static const hr_schema controller_schema = {
    "the workload's spec", HR_FIELDS(controller_fields), sizeof(template), -1, -1, 1, NULL, NULL};

void hr_read_template(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_workload *workload = HR_APPEND(r, workloads);
    if (workload == NULL)
        return;
    template t = {0};
    workload->kind = HR_WORKLOAD_DEPLOYMENT;
    workload->meta = *meta;
    workload->ready = true;
    workload->pos = hr_reader_pos(r, resource);
    read_part(r, resource, "spec", &t, &controller_schema);
    workload->labels = t.labels;
    workload->n_labels = t.n_labels;
    take_ports(r, workload, &t.spec);
}

/* ---- EndpointSlice ---- */

#define E(member) offsetof(hr_slice_endpoint, member)

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
static const hr_schema conditions_schema = {
    "EndpointConditions", HR_FIELDS(condition_fields), sizeof(conditions), -1, -1, 1, init_conditions, NULL};

/* discovery/v1: an unset `ready` is to be taken for true, an unset `serving` for `ready`. */
static void read_conditions(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_slice_endpoint *endpoint = base;
    conditions c;
    (void)field;
    hr_read_fields(r, node, &c, &conditions_schema);
    endpoint->ready = c.ready != 0;
    endpoint->serving = c.serving == -1 ? endpoint->ready : c.serving != 0;
    /* Istio takes what is not ready and does not say that it stays for one that goes. */
    endpoint->terminating = c.terminating == 1 || (c.terminating == -1 && !endpoint->ready);
}

static const hr_field target_fields[] = {
    {"kind", hr_read_string, E(target_kind), 0, NULL, 0},
    {"name", hr_read_string, E(target_name), 0, NULL, 0},
    {"namespace", hr_read_string, E(target_namespace), 0, NULL, 0},
};
static const hr_schema target_schema = {
    "ObjectReference", HR_FIELDS(target_fields), sizeof(hr_slice_endpoint), -1, -1, 1, NULL, NULL};

static void init_endpoint(void *out) {
    hr_slice_endpoint *endpoint = out;
    endpoint->ready = endpoint->serving = true;
}
static const hr_field endpoint_fields[] = {
    {"addresses", hr_read_strings, E(addresses), 0, NULL, 0},
    {"conditions", read_conditions, 0, 0, NULL, 0},
    {"targetRef", hr_read_message, 0, 0, &target_schema, 0},
    {"hostname", hr_read_string, E(hostname), 0, NULL, 0},
    {"nodeName", hr_read_string, E(node_name), 0, NULL, 0},
    {"zone", hr_read_string, E(zone), 0, NULL, 0},
};
static const hr_schema endpoint_schema = {
    "Endpoint", HR_FIELDS(endpoint_fields), sizeof(hr_slice_endpoint), E(pos), -1, 1, init_endpoint,
    hr_check_slice_endpoint};
static const hr_field slice_port_fields[] = {
    {"name", hr_read_string, P(name), 0, NULL, 0},
    {"protocol", hr_read_string, P(protocol), 0, NULL, 0},
    {"appProtocol", hr_read_string, P(app_protocol), 0, NULL, 0},
    {"port", hr_read_port, P(number), 0, NULL, 0},
};
static const hr_schema slice_port_schema = {
    "EndpointPort", HR_FIELDS(slice_port_fields), sizeof(hr_port_spec), P(pos), -1, 1, NULL, NULL};

#define S(member) offsetof(hr_endpoint_slice, member)
static const hr_field slice_fields[] = {
    {"addressType", hr_read_string, S(address_type), 0, NULL, 0},
    {"endpoints", hr_read_list, S(endpoints), S(n_endpoints), &endpoint_schema, 0},
    {"ports", hr_read_list, S(ports), S(n_ports), &slice_port_schema, 0},
};
#undef S
static const hr_schema slice_schema = {
    "EndpointSlice", HR_FIELDS(slice_fields), sizeof(hr_endpoint_slice), -1, -1, 1, NULL,
    hr_check_endpoint_slice};

void hr_read_endpoint_slice(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_endpoint_slice *slice = HR_APPEND(r, endpoint_slices);
    if (slice == NULL)
        return;
    slice->meta = *meta;
    slice->pos = hr_reader_pos(r, resource);
    for (size_t i = 0; i < meta->n_labels; i++)
        if (hr_str_eq(meta->labels[i].name, HR_STR("kubernetes.io/service-name")))
            slice->service_name = meta->labels[i].value;
    hr_read_fields(r, resource, slice, &slice_schema);
}
