/* Pods, the pod templates of Deployments and the other kinds that make pods, and the Nodes where
 * pods run. */
#include "workload.h"

#include <stddef.h>

#include "common_fields.h"
#include "resources.h"
#include "scalar.h"
#include "text.h"

/* ---- Node ---- */

/* Its labels state the region and the zone of its pods. */
void hr_read_node(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_spec_node *node = HR_APPEND(r, nodes);
    (void)resource;
    if (node != NULL)
        node->meta = *meta;
}

/* ---- containers and their ports ---- */

typedef struct container {
    hr_spec_named_port *ports;
    size_t n_ports;
    hr_str restart_policy;
} container;

static const hr_field container_port_fields[] = {
    {"name", hr_read_string, offsetof(hr_spec_named_port, name), 0, NULL, 0},
    {"containerPort", hr_read_port, offsetof(hr_spec_named_port, number), 0, NULL, 0},
};

static const hr_schema container_port_schema =
    HR_SCHEMA_LAX("ContainerPort", container_port_fields, hr_spec_named_port, NULL, NULL);

static const hr_field container_fields[] = {
    {"ports", hr_read_list, offsetof(container, ports), offsetof(container, n_ports),
     &container_port_schema, 0},
    {"restartPolicy", hr_read_string, offsetof(container, restart_policy), 0, NULL, 0},
};

static const hr_schema container_schema =
    HR_SCHEMA_LAX("Container", container_fields, container, NULL, NULL);

typedef struct pod_spec {
    hr_str node_name;
    container *containers, *init_containers;
    size_t n_containers, n_init_containers;
} pod_spec;

static const hr_field pod_spec_fields[] = {
    {"nodeName", hr_read_string, offsetof(pod_spec, node_name), 0, NULL, 0},
    {"containers", hr_read_list, offsetof(pod_spec, containers), offsetof(pod_spec, n_containers),
     &container_schema, 0},
    {"initContainers", hr_read_list, offsetof(pod_spec, init_containers),
     offsetof(pod_spec, n_init_containers), &container_schema, 0},
};

static const hr_schema pod_spec_schema =
    HR_SCHEMA_LAX("PodSpec", pod_spec_fields, pod_spec, NULL, NULL);

/* Named ports of the containers that run side by side. An init container counts if it keeps running
 * (restartPolicy: Always), as for the endpoint controller of Kubernetes. */
static void take_ports(hr_reader *r, hr_spec_workload *workload, const pod_spec *spec) {
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

static void read_part(hr_reader *r, const hr_node *map, const char *name, void *out,
                      const hr_schema *schema) {
    const hr_node *part = hr_node_get(map, hr_str_from(name));
    if (part == NULL || part->kind == HR_NODE_NULL)
        return;
    hr_path step = {.up = r->path, .name = hr_str_from(name)};
    r->path = &step;
    hr_read_fields(r, part, out, schema);
    r->path = step.up;
}

/* ---- Pod ---- */

static void read_ready(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_spec_workload *workload = base;
    (void)field;
    hr_path step;
    for (const hr_node *c = hr_items_begin(r, &step, node); c != NULL;
         c = hr_items_next(r, &step, c)) {
        const hr_node *type = hr_node_get(c, HR_STR("type")),
                      *status = hr_node_get(c, HR_STR("status"));
        if (type != NULL && status != NULL && type->kind == HR_NODE_STRING &&
            status->kind == HR_NODE_STRING && hr_str_eq(type->u.text, HR_STR("Ready")))
            workload->ready = hr_str_eq(status->u.text, HR_STR("True"));
    }
}

static const hr_field pod_status_fields[] = {
    {"podIP", hr_read_string, offsetof(hr_spec_workload, pod_ip), 0, NULL, 0},
    {"phase", hr_read_string, offsetof(hr_spec_workload, phase), 0, NULL, 0},
    {"conditions", read_ready, 0, 0, NULL, 0},
};

static const hr_schema pod_status_schema =
    HR_SCHEMA_LAX("PodStatus", pod_status_fields, hr_spec_workload, NULL, NULL);

void hr_read_pod(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_spec_workload *pod = HR_APPEND(r, workloads);
    if (pod == NULL)
        return;
    pod_spec spec = {0};
    pod->kind = HR_WORKLOAD_POD;
    pod->meta = *meta;
    pod->labels = meta->labels;
    pod->n_labels = meta->n_labels;
    pod->ready = true;
    pod->pos = hr_reader_pos(r, resource);
    const hr_node *deleted =
        hr_node_get(hr_node_get(resource, HR_STR("metadata")), HR_STR("deletionTimestamp"));
    pod->terminating = deleted != NULL && deleted->kind != HR_NODE_NULL;
    read_part(r, resource, "spec", &spec, &pod_spec_schema);
    read_part(r, resource, "status", pod, &pod_status_schema);
    take_ports(r, pod, &spec);
}

/* ---- pod templates ---- */

typedef struct template {
    pod_spec spec;
    hr_pair *labels;
    size_t n_labels;
    bool scaled_to_zero;
}
template;

static const hr_field template_meta_fields[] = {
    {"labels", hr_read_labels, offsetof(template, labels), offsetof(template, n_labels), NULL, 0},
};

static const hr_schema template_meta_schema =
    HR_SCHEMA_LAX("ObjectMeta", template_meta_fields, template, NULL, NULL);

static const hr_field template_fields[] = {
    {"metadata", hr_read_message, 0, 0, &template_meta_schema, 0},
    {"spec", hr_read_message, offsetof(template, spec), 0, &pod_spec_schema, 0},
};

static const hr_schema template_schema =
    HR_SCHEMA_LAX("PodTemplateSpec", template_fields, template, NULL, NULL);

/* Only a plain 0 counts: manifests of other tools may have anything here. */
static void read_replicas(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    int64_t replicas;
    template *t = base;
    (void)r, (void)field;
    t->scaled_to_zero = node->kind == HR_NODE_INT && hr_node_int(&replicas, node) && replicas == 0;
}

static const hr_field job_fields[] = {{"template", hr_read_message, 0, 0, &template_schema, 0}};

static const hr_schema job_schema = {
    "JobSpec", HR_FIELDS(job_fields), sizeof(template), -1, -1, 1, NULL, NULL};

static const hr_field job_template_fields[] = {{"spec", hr_read_message, 0, 0, &job_schema, 0}};

static const hr_schema job_template_schema = {
    "JobTemplateSpec", HR_FIELDS(job_template_fields), sizeof(template), -1, -1, 1, NULL, NULL};

static const hr_field controller_fields[] = {
    {"template", hr_read_message, 0, 0, &template_schema, 0},
    {"jobTemplate", hr_read_message, 0, 0, &job_template_schema, 0}, /* of a CronJob */
    {"replicas", read_replicas, 0, 0, NULL, 0},
};

static const hr_schema controller_schema =
    HR_SCHEMA_LAX("the workload's spec", controller_fields, template, NULL, NULL);

void hr_read_template(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_spec_workload *workload = HR_APPEND(r, workloads);
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
    workload->scaled_to_zero = t.scaled_to_zero;
    take_ports(r, workload, &t.spec);
}
