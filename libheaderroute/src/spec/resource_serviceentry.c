/* ServiceEntry and WorkloadEntry: networking/v1alpha3/{service,workload}_entry.proto of Istio's API. */
#include "kinds.h"

#include <stddef.h>

#include "validate.h"

#define W(member) offsetof(hr_workload_entry, member)

static void read_named_ports(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_workload_entry *entry = base;
    (void)field;
    if (!hr_reader_wants(r, node, HR_NODE_MAP) || node->u.children.n == 0)
        return;
    entry->ports = hr_reader_alloc(r, node->u.children.n, sizeof(*entry->ports));
    if (entry->ports == NULL)
        return;
    hr_path step;
    for (const hr_node *key = hr_keys_begin(r, &step, node); key != NULL; key = hr_keys_next(r, &step, key)) {
        entry->ports[entry->n_ports].name = hr_reader_copy(r, key->u.text);
        hr_read_uint32(r, key->value, &entry->ports[entry->n_ports++].number, &(hr_field){0});
    }
}

static const hr_field workload_fields[] = {
    {"address", hr_read_string, W(address), 0, NULL, 0},
    {"ports", read_named_ports, 0, 0, NULL, 0},
    {"labels", hr_read_labels, W(labels), W(n_labels), NULL, 0},
    {"network", hr_read_string, W(network), 0, NULL, 0},
    {"locality", hr_read_string, W(locality), 0, NULL, 0},
    {"weight", hr_read_uint32, W(weight), 0, NULL, 0},
    {"serviceAccount", hr_read_string, W(service_account), 0, NULL, 0},
};
static const hr_schema workload_schema = {
    "WorkloadEntry", HR_FIELDS(workload_fields), sizeof(hr_workload_entry), W(pos), -1, 0, NULL, NULL};
#undef W
static const hr_schema alone_schema = {
    "WorkloadEntry", HR_FIELDS(workload_fields), sizeof(hr_workload_entry), -1, -1, 0, NULL,
    hr_check_workload_entry};

void hr_read_workload_entry(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_workload_entry *entry = HR_APPEND(r, workload_entries);
    if (entry == NULL)
        return;
    entry->meta = *meta;
    hr_read_spec(r, resource, entry, &alone_schema);
    entry->pos = hr_reader_pos(r, resource);
}

#define P(member) offsetof(hr_port_spec, member)
static const hr_field port_fields[] = {
    {"number", hr_read_port, P(number), 0, NULL, 0},
    {"protocol", hr_read_string, P(protocol), 0, NULL, 0},
    {"name", hr_read_string, P(name), 0, NULL, 0},
    {"targetPort", hr_read_port, P(target_port), 0, NULL, 0},
};
#undef P
static const hr_schema port_schema = {
    "ServicePort", HR_FIELDS(port_fields), sizeof(hr_port_spec), offsetof(hr_port_spec, pos), -1, 0, NULL, NULL};

#define S(member) offsetof(hr_service_entry, member)
static const hr_enum locations[] = {{"MESH_EXTERNAL", 0}, {"MESH_INTERNAL", 1}, {NULL, 0}};
static const hr_enum resolutions[] = {{"NONE", 0}, {"STATIC", 1}, {"DNS", 2}, {"DNS_ROUND_ROBIN", 3},
                                      {"DYNAMIC_DNS", 4}, {NULL, 0}};

static void read_resolution(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_read_enum(r, node, base, field);
    if (((hr_service_entry *)base)->resolution == 4)
        hr_reader_error(r, node, "DYNAMIC_DNS is not supported here; use DNS or DNS_ROUND_ROBIN");
}

static const hr_field selector_fields[] = {
    {"labels", hr_read_selector, S(selector), S(n_selector), NULL, 0},
};
static const hr_schema selector_schema = {
    "WorkloadSelector", HR_FIELDS(selector_fields), sizeof(hr_service_entry), S(selector_pos), S(has_selector),
    0, NULL, NULL};
static const hr_field entry_fields[] = {
    {"hosts", hr_read_strings, S(hosts), 0, NULL, 0},
    {"addresses", hr_read_strings, S(addresses), 0, NULL, 0},
    {"ports", hr_read_list, S(ports), S(n_ports), &port_schema, 0},
    {"location", hr_read_enum, S(location), 0, locations, 0},
    {"resolution", read_resolution, S(resolution), 0, resolutions, 0},
    {"endpoints", hr_read_list, S(endpoints), S(n_endpoints), &workload_schema, 0},
    {"workloadSelector", hr_read_message, 0, 0, &selector_schema, 0},
    {"exportTo", hr_read_strings, S(export_to), 0, NULL, 0},
    {"subjectAltNames", hr_read_strings, S(subject_alt_names), 0, NULL, 0},
};
#undef S
static const hr_schema entry_schema = {
    "ServiceEntry", HR_FIELDS(entry_fields), sizeof(hr_service_entry), -1, -1, 0, NULL,
    hr_check_service_entry};

void hr_read_service_entry(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_service_entry *entry = HR_APPEND(r, service_entries);
    if (entry == NULL)
        return;
    entry->meta = *meta;
    entry->pos = hr_reader_pos(r, resource);
    hr_read_spec(r, resource, entry, &entry_schema);
}
