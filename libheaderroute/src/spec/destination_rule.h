/* DestinationRule: networking/v1alpha3/destination_rule.proto of Istio's API, with its subsets. */
#ifndef HR_DESTINATION_RULE_H
#define HR_DESTINATION_RULE_H

#include "meta.h"
#include "traffic_policy.h"

typedef struct hr_spec_subset {
    hr_str name;
    hr_pair *labels;
    size_t n_labels;
    hr_spec_traffic_policy policy;
    hr_pos pos;
} hr_spec_subset;

typedef struct hr_spec_destination_rule {
    hr_meta meta;
    hr_str host;
    hr_spec_traffic_policy policy;
    hr_spec_subset *subsets;
    size_t n_subsets;
    hr_str_list export_to;
    bool of_backend_policy; /* made of a BackendTLSPolicy, whose name and place it has */
    bool has_selector;
    hr_pair *selector; /* workloadSelector.matchLabels */
    size_t n_selector;
    hr_pos pos, host_pos, selector_pos;
} hr_spec_destination_rule;

/* `resource` is the whole document; `meta` is its metadata, with the default namespace filled in.
 */
void hr_read_destination_rule(hr_reader *r, const hr_node *resource, const hr_meta *meta);

#endif
