/* The resources of one load: a list a kind, and the patterns that they contain. */
#ifndef HR_RESOURCES_H
#define HR_RESOURCES_H

#include "map.h"
#include "reader.h"

/* The kinds, each in a header of its own; kinds.h includes them all. */
typedef struct hr_spec_virtual_service hr_spec_virtual_service;
typedef struct hr_spec_destination_rule hr_spec_destination_rule;
typedef struct hr_spec_gateway hr_spec_gateway;
typedef struct hr_spec_service_entry hr_spec_service_entry;
typedef struct hr_spec_workload_entry hr_spec_workload_entry;
typedef struct hr_spec_service hr_spec_service;
typedef struct hr_spec_workload hr_spec_workload;
typedef struct hr_spec_endpoint_slice hr_spec_endpoint_slice;
typedef struct hr_spec_node hr_spec_node;
typedef struct hr_spec_unread hr_spec_unread;

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
