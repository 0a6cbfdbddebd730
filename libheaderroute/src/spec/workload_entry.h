/* WorkloadEntry: networking/v1alpha3/workload_entry.proto of Istio's API, alone or inside a
 * ServiceEntry. */
#ifndef HR_WORKLOAD_ENTRY_H
#define HR_WORKLOAD_ENTRY_H

#include "meta.h"
#include "port.h"

typedef struct hr_spec_workload_entry {
    hr_meta meta; /* name absent for a ServiceEntry's inline endpoint */
    hr_str address, network, locality, service_account;
    hr_spec_named_port *ports;
    size_t n_ports;
    hr_pair *labels;
    size_t n_labels;
    uint32_t weight; /* 0: unset */
    hr_pos pos;
} hr_spec_workload_entry;

extern const hr_schema hr_inline_workload_schema; /* an endpoint of a ServiceEntry */

/* Checks the address of an endpoint. `names_allowed`: a domain name is an address as well. */
void hr_check_entry_address(hr_reader *r, const hr_node *node,
                            const hr_spec_workload_entry *workload, bool names_allowed);
/* Checks the map `ports` of an endpoint. `declared`: the ports of its ServiceEntry; NULL for a
 * WorkloadEntry that is a resource of its own. */
void hr_check_entry_ports(hr_reader *r, const hr_node *node, const hr_spec_ports *declared);

/* `resource` is the whole document; `meta` is its metadata, with the default namespace filled in.
 */
void hr_read_workload_entry(hr_reader *r, const hr_node *resource, const hr_meta *meta);

#endif
