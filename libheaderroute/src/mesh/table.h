/* What a load leaves behind: resources with their names resolved, indexed for the making of views.
 */
#ifndef HR_TABLE_H
#define HR_TABLE_H

#include <stdatomic.h>

#include "pos.h"
#include "registry.h"
#include "rule_index.h"

typedef struct hr_regex hr_regex; /* base/regex.h */

/* The HTTPRoute or GRPCRoute that wrote a rule. */
typedef struct hr_mesh_author {
    hr_str kind, id; /* id: "namespace/name" */
    hr_str words;    /* "KIND namespace/name", where a VirtualService is only "namespace/name" */
} hr_mesh_author;

/* One entry of spec.http as a proxy would see it: delegates are merged in. */
typedef struct hr_mesh_http_route {
    const hr_spec_http_route *http;
    int32_t index;      /* in spec.http of the VirtualService that wrote it */
    int32_t root_index; /* in spec.http of the VirtualService with the hosts */
    hr_str
        delegate; /* "namespace/name" of the delegate that wrote it; absent: it is not delegated */
    const int32_t *match_index;   /* of each match in its author's list; NULL: as they stand */
    bool has_root_matches;        /* the delegate's rule has no match: these are the root's */
    const hr_mesh_author *author; /* NULL: a VirtualService */
} hr_mesh_http_route;

/* A rule of a delegate that does not go with the rule that delegates to it, or a rule that
 * delegates to nothing. */
typedef struct hr_dropped_rule {
    hr_str id; /* of the VirtualService that wrote it */
    hr_pos pos;
    int32_t index; /* in its spec.http */
    const char *reason;
} hr_dropped_rule;

typedef struct hr_mesh_virtual_service {
    const hr_spec_virtual_service *resource;
    hr_str id;     /* "namespace/name" */
    hr_str *hosts; /* resolved */
    size_t n_hosts;
    hr_str *gateways; /* resolved; never empty */
    size_t n_gateways;
    bool public_;
    hr_str *export_to; /* namespaces, where not public */
    size_t n_export_to;
    hr_mesh_http_route *http;
    int32_t *root_indexes; /* of all of `http`, in order */
    size_t n_http;
    hr_dropped_rule *dropped;
    size_t n_dropped;
    bool gateway_api; /* made of HTTPRoutes and GRPCRoutes, whose rules `http` has */
} hr_mesh_virtual_service;

typedef struct hr_mesh_gateway {
    const hr_spec_gateway *resource;
    hr_str id;      /* "namespace/name" */
    hr_str full_id; /* "KIND.GROUP/namespace/name" */
    uint16_t *ports;
    bool gateway_api;     /* a Gateway of the Gateway API, whose servers are its listeners */
    bool manual;          /* of the Gateway API: its proxies are those of a Service that it names */
    hr_str *listener_ids; /* of the Gateway API: what a VirtualService names to be bound to each */
    const struct hr_mesh_listener **listeners; /* of the Gateway API: that of each server */
} hr_mesh_gateway;

struct hr_table {
    atomic_size_t references;
    hr_table *origin; /* of a table that was derived from it and borrows its parts; NULL: none */
    hr_arena *arena;
    hr_resources *resources;
    hr_str domain, root_namespace;
    hr_registry registry;
    hr_rule_index rules;
    hr_mesh_virtual_service *virtual_services; /* with hosts, oldest first */
    size_t n_virtual_services;
    hr_mesh_gateway *gateways; /* oldest first */
    size_t n_gateways;
    /* What the Gateway API adds, in forms of the same kind. */
    hr_mesh_virtual_service *gwapi_rules;
    size_t n_gwapi_rules;
    hr_mesh_gateway *gwapi_gateways;
    size_t n_gwapi_gateways;
    const struct hr_gwapi *gwapi;             /* how they came about */
    const struct hr_backend_tls *backend_tls; /* NULL: there are no BackendTLSPolicies */
    /* Of both languages, oldest first. */
    const hr_mesh_virtual_service **all_rules;
    size_t n_all_rules;
    const hr_mesh_gateway **all_gateways;
    size_t n_all_gateways;
};

/* The compiled form of a pattern that the table's resources contain, made when it was checked. */
const hr_regex *hr_table_regex(const hr_table *table, hr_str pattern);

const hr_mesh_gateway *hr_table_find_gateway(const hr_table *table, hr_str id); /* NULL: none */
/* Whether hr_table_find_gateway() finds none since Gateways of both languages have the name. */
bool hr_table_names_two_gateways(const hr_table *table, hr_str id);

#endif
