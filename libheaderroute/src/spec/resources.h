/* The resources of one load: a list a kind, and the patterns that they contain. */
#ifndef HR_RESOURCES_H
#define HR_RESOURCES_H

#include "map.h"
#include "messages.h"

/* All structs live in the arena of the load. A struct that a message may point at has a `pos`. */
typedef struct hr_resources {
    hr_spec_virtual_service *virtual_services;
    size_t n_virtual_services;
    hr_spec_destination_rule *destination_rules;
    size_t n_destination_rules;
    hr_spec_gateway *gateways;
    size_t n_gateways;
    hr_spec_service_entry *service_entries;
    size_t n_service_entries;
    hr_spec_workload_entry *workload_entries;
    size_t n_workload_entries;
    hr_spec_service *services;
    size_t n_services;
    hr_spec_workload *workloads;
    size_t n_workloads;
    hr_spec_endpoint_slice *endpoint_slices;
    size_t n_endpoint_slices;
    hr_spec_node *nodes;
    size_t n_nodes;
    hr_spec_sidecar *sidecars;
    size_t n_sidecars;
    /* of the Gateway API */
    hr_spec_gateway_class *gateway_classes;
    size_t n_gateway_classes;
    hr_spec_gwapi_gateway *gwapi_gateways;
    size_t n_gwapi_gateways;
    hr_spec_listener_set *listener_sets;
    size_t n_listener_sets;
    hr_spec_gwapi_route *gwapi_routes;
    size_t n_gwapi_routes;
    hr_spec_backend_tls_policy *backend_tls_policies;
    size_t n_backend_tls_policies;
    hr_spec_reference_grant *reference_grants;
    size_t n_reference_grants;
    hr_spec_namespace *namespaces;
    size_t n_namespaces;
    hr_spec_secret *secrets;
    size_t n_secrets;
    hr_spec_rollout *rollouts; /* if the load expands them */
    size_t n_rollouts;
    hr_spec_unread *unread; /* of kinds that are not evaluated */
    size_t n_unread;
    size_t n_repeated; /* errors about resources given twice; the first of them is in the lists */
    hr_map
        regexes; /* pattern -> hr_regex, for every pattern of the resources; freed with the arena */
    struct hr_regex_tails *regex_tails;
} hr_resources;

/* A new item at the end of the list `member` of the load, zeroed; NULL if an allocation fails. */
#define HR_APPEND(r, member)                                                                       \
    hr_reader_append((r), &(r)->out->member, &(r)->out->n_##member, sizeof(*(r)->out->member))

/* Empty resources in the arena, which frees their patterns. NULL if an allocation fails. */
hr_resources *hr_resources_new(hr_arena *arena);

#endif
