/* GatewayClass and Gateway of the Kubernetes Gateway API (gateway.networking.k8s.io). */
#ifndef HR_GWAPI_GATEWAY_H
#define HR_GWAPI_GATEWAY_H

#include "gwapi_reference.h"
#include "meta.h"

typedef struct hr_spec_gateway_class {
    hr_meta meta;
    hr_str controller_name;
    hr_pos pos;
} hr_spec_gateway_class;

typedef struct hr_spec_requirement { /* one of matchExpressions */
    hr_str key;
    int op; /* 0 In, 1 NotIn, 2 Exists, 3 DoesNotExist */
    hr_str_list values;
    hr_pos pos;
} hr_spec_requirement;

typedef struct hr_spec_label_selector {
    bool present;
    hr_pair *labels;
    size_t n_labels;
    hr_spec_requirement *requirements;
    size_t n_requirements;
    hr_pos pos;
} hr_spec_label_selector;

typedef enum hr_spec_routes_from {
    HR_ROUTES_FROM_SAME = 0,
    HR_ROUTES_FROM_ALL,
    HR_ROUTES_FROM_SELECTOR,
    HR_ROUTES_FROM_NONE
} hr_spec_routes_from;

typedef struct hr_spec_route_kind {
    hr_str group, kind;
    hr_pos pos;
} hr_spec_route_kind;

typedef struct hr_spec_listener {
    hr_str name, hostname, protocol; /* hostname is absent or empty: any */
    uint32_t port;
    bool has_tls;
    int tls_mode; /* 0 Terminate, 1 Passthrough */
    hr_spec_gwapi_reference *certificates;
    size_t n_certificates;
    hr_pair *tls_options;
    size_t n_tls_options;
    int from; /* hr_spec_routes_from */
    hr_spec_label_selector selector;
    hr_spec_route_kind *kinds;
    size_t n_kinds;
    hr_pos pos;
} hr_spec_listener;

typedef struct hr_spec_gwapi_address {
    int type; /* 0 IPAddress, 1 Hostname, 2 another */
    hr_str value;
    hr_pos pos;
} hr_spec_gwapi_address;

typedef struct hr_spec_gwapi_gateway {
    hr_meta meta;
    hr_str class_name;
    hr_spec_listener *listeners;
    size_t n_listeners;
    hr_spec_gwapi_address *addresses;
    size_t n_addresses;
    int listeners_from; /* hr_spec_routes_from: whose ListenerSets may add listeners */
    hr_spec_label_selector listeners_selector;
    bool has_frontend_tls; /* spec.tls.frontend */
    hr_pos pos;
} hr_spec_gwapi_gateway;

/* Listeners that another team adds to a Gateway. */
typedef struct hr_spec_listener_set {
    hr_meta meta;
    hr_spec_gwapi_reference parent;
    hr_spec_listener *listeners;
    size_t n_listeners;
    hr_pos pos;
} hr_spec_listener_set;

/* A namespace, whose labels allowedRoutes may select. */
typedef struct hr_spec_namespace {
    hr_str name;
    hr_pair *labels;
    size_t n_labels;
} hr_spec_namespace;

/* `resource` is the whole document; `meta` is its metadata, with the default namespace filled in.
 */
void hr_read_gateway_class(hr_reader *r, const hr_node *resource, const hr_meta *meta);
void hr_read_gwapi_gateway(hr_reader *r, const hr_node *resource, const hr_meta *meta);
void hr_read_listener_set(hr_reader *r, const hr_node *resource, const hr_meta *meta);
/* Notes the name and the labels of a Namespace, which is not checked otherwise. */
void hr_read_namespace(hr_reader *r, const hr_node *resource);

/* Whether a namespace of that name is selected. The label kubernetes.io/metadata.name is its name,
 * as the API server sets it. */
bool hr_label_selector_takes(const hr_spec_label_selector *selector, hr_str name,
                             const hr_pair *labels, size_t n_labels);

#endif
