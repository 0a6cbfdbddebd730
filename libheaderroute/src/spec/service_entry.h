/* ServiceEntry: networking/v1alpha3/service_entry.proto of Istio's API, and its admission rules. */
#ifndef HR_SERVICE_ENTRY_H
#define HR_SERVICE_ENTRY_H

#include "workload_entry.h"

typedef struct hr_spec_service_entry {
    hr_meta meta;
    hr_str_list hosts, addresses, export_to, subject_alt_names;
    hr_spec_port *ports;
    size_t n_ports;
    int location;   /* 0 MESH_EXTERNAL, 1 MESH_INTERNAL */
    int resolution; /* 0 NONE, 1 STATIC, 2 DNS, 3 DNS_ROUND_ROBIN */
    hr_spec_workload_entry *endpoints;
    size_t n_endpoints;
    bool has_selector;
    hr_pair *selector; /* workloadSelector.labels */
    size_t n_selector;
    hr_pos pos, selector_pos;
} hr_spec_service_entry;

/* `resource` is the whole document; `meta` is its metadata, with the default namespace filled in.
 */
void hr_read_service_entry(hr_reader *r, const hr_node *resource, const hr_meta *meta);

#endif
