/* The names of the messages that configuration consists of, for headers that only point at them. */
#ifndef HR_MESSAGES_H
#define HR_MESSAGES_H

/* The kinds of resources. */
typedef struct hr_spec_virtual_service hr_spec_virtual_service;
typedef struct hr_spec_destination_rule hr_spec_destination_rule;
typedef struct hr_spec_gateway hr_spec_gateway;
typedef struct hr_spec_service_entry hr_spec_service_entry;
typedef struct hr_spec_workload_entry hr_spec_workload_entry;
typedef struct hr_spec_service hr_spec_service;
typedef struct hr_spec_workload hr_spec_workload;
typedef struct hr_spec_endpoint_slice hr_spec_endpoint_slice;
typedef struct hr_spec_node hr_spec_node;
typedef struct hr_spec_sidecar hr_spec_sidecar;
typedef struct hr_spec_unread hr_spec_unread;
typedef struct hr_spec_gateway_class hr_spec_gateway_class;
typedef struct hr_spec_gwapi_gateway hr_spec_gwapi_gateway;
typedef struct hr_spec_gwapi_route hr_spec_gwapi_route;
typedef struct hr_spec_gwapi_reference hr_spec_gwapi_reference;
typedef struct hr_spec_listener hr_spec_listener;
typedef struct hr_spec_listener_set hr_spec_listener_set;
typedef struct hr_spec_backend_tls_policy hr_spec_backend_tls_policy;
typedef struct hr_spec_reference_grant hr_spec_reference_grant;
typedef struct hr_spec_namespace hr_spec_namespace;
typedef struct hr_spec_secret hr_spec_secret;
typedef struct hr_resources hr_resources;
typedef struct hr_meta hr_meta;

/* Parts of them. */
typedef struct hr_match_request hr_match_request;
typedef struct hr_spec_http_route hr_spec_http_route;
typedef struct hr_spec_route_destination hr_spec_route_destination;
typedef struct hr_spec_destination hr_spec_destination;
typedef struct hr_spec_redirect hr_spec_redirect;
typedef struct hr_spec_rewrite hr_spec_rewrite;
typedef struct hr_spec_direct_response hr_spec_direct_response;
typedef struct hr_spec_headers hr_spec_headers;
typedef struct hr_spec_header_operations hr_spec_header_operations;
typedef struct hr_spec_retries hr_spec_retries;
typedef struct hr_spec_fault hr_spec_fault;
typedef struct hr_spec_mirror hr_spec_mirror;
typedef struct hr_spec_cors_policy hr_spec_cors_policy;
typedef struct hr_spec_subset hr_spec_subset;
typedef struct hr_spec_traffic_policy hr_spec_traffic_policy;
typedef struct hr_spec_load_balancer hr_spec_load_balancer;
typedef struct hr_spec_connection_pool hr_spec_connection_pool;
typedef struct hr_spec_outlier_detection hr_spec_outlier_detection;
typedef struct hr_spec_client_tls hr_spec_client_tls;
typedef struct hr_spec_retry_budget hr_spec_retry_budget;
typedef struct hr_spec_rollout hr_spec_rollout;
typedef struct hr_spec_server hr_spec_server;
typedef struct hr_spec_port hr_spec_port;

#endif
