/* Which DestinationRule governs a service, and what it says for one port and subset. */
#ifndef HR_RULE_INDEX_H
#define HR_RULE_INDEX_H

#include "map.h"
#include "messages.h"

typedef struct hr_mesh_service hr_mesh_service; /* registry.h */

/* One rule, or several of one namespace and host merged into one. */
typedef struct hr_mesh_destination_rule hr_mesh_destination_rule;
struct hr_mesh_destination_rule {
    /* Selector, place and name are the first rule's; those of a BackendTLSPolicy come last. */
    const hr_spec_destination_rule *first;
    bool of_backend_policy; /* the first rule was made of one */
    hr_str host;
    const hr_str *export_to; /* the set; empty: everywhere */
    size_t n_export_to;
    const hr_spec_traffic_policy *policy; /* present or not */
    const hr_spec_subset **subsets;
    size_t n_subsets;
    hr_mesh_destination_rule *next; /* the next entry of the same host */
};

typedef struct hr_rule_set {
    hr_map exact;                         /* host -> hr_mesh_destination_rule, a chain */
    hr_mesh_destination_rule **wildcards; /* heads of chains */
    size_t n_wildcards, capacity;
} hr_rule_set;

typedef struct hr_rule_index {
    hr_map local;    /* namespace -> hr_rule_set: what its own proxies see first */
    hr_map exported; /* namespace -> hr_rule_set */
    hr_rule_set root_private;
    hr_str root_namespace;
} hr_rule_index;

/* `more` are rules besides those of the resources, made of BackendTLSPolicies. */
void hr_rule_index_build(hr_arena *arena, hr_rule_index *out, const hr_resources *resources,
                         const hr_spec_destination_rule *more, size_t n_more, hr_str domain,
                         hr_str root_namespace);

/* The rule for `svc` as a proxy of `namespace_` with `labels` sees it. NULL: none. */
const hr_mesh_destination_rule *hr_rule_find(const hr_rule_index *index, const hr_mesh_service *svc,
                                             hr_str namespace_, const hr_pair *labels,
                                             size_t n_labels);

const hr_spec_subset *hr_rule_subset(const hr_mesh_destination_rule *rule,
                                     hr_str name); /* NULL: none */

/* The blocks that hold for one port and subset after inheritance; NULL where unset. */
typedef struct hr_mesh_traffic_policy {
    const hr_spec_load_balancer *load_balancer;
    const hr_spec_connection_pool *connection_pool;
    const hr_spec_outlier_detection *outlier_detection;
    const hr_spec_client_tls *tls;
    const hr_spec_retry_budget *retry_budget;
} hr_mesh_traffic_policy;
hr_mesh_traffic_policy hr_rule_policy(const hr_mesh_destination_rule *rule,
                                      const hr_spec_subset *subset, uint32_t port);

/* The consistent hash whose key the route of a VirtualService destination uses. Port-level ones
 * count only where the destination states its port (0: it does not). NULL: none. */
const hr_spec_load_balancer *hr_rule_route_hash(const hr_mesh_destination_rule *rule, hr_str subset,
                                                uint32_t stated_port);
/* The same for a service's default route. */
const hr_spec_load_balancer *hr_rule_service_hash(const hr_mesh_destination_rule *rule,
                                                  uint32_t port);

#endif
