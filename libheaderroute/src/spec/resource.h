/*
 * Typed resources: what resource.c reads out of YAML nodes, validate.c checks and compile.c compiles.
 * Field names are Istio's (networking.istio.io/v1) and Kubernetes', in snake_case. Everything lives in
 * the load's arena. Every struct that a message may point at has a `pos`.
 */
#ifndef HR_RESOURCE_H
#define HR_RESOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include <headerroute/headerroute.h>

#include "http_match.h"
#include "pos.h"
#include "map.h"

/* metadata of any resource */
typedef struct hr_meta {
    hr_str name, namespace_; /* namespace_ never absent: the default is filled in */
    hr_str creation_timestamp; /* RFC 3339 as written; absent where none */
    hr_pair *labels;
    size_t n_labels;
    hr_pair *annotations;
    size_t n_annotations;
    size_t order; /* position in the load, from 0: breaks ties where nothing else does */
    hr_pos pos;
} hr_meta;

/* ---- VirtualService ---- */

typedef struct hr_header_operations { /* Headers.HeaderOperations */
    hr_pair *set, *add;
    size_t n_set, n_add;
    hr_str *remove;
    size_t n_remove;
    hr_pos pos;
} hr_header_operations;

typedef struct hr_headers_spec {
    bool present;
    hr_header_operations request, response;
    hr_pos pos;
} hr_headers_spec;

typedef struct hr_destination {
    hr_str host, subset;
    uint32_t port; /* 0: unset */
    hr_pos pos, host_pos, subset_pos, port_pos;
} hr_destination;

typedef struct hr_route_destination { /* HTTPRouteDestination */
    hr_destination destination;
    int64_t weight;
    hr_headers_spec headers;
    hr_pos pos;
} hr_route_destination;

typedef struct hr_redirect {
    hr_str uri, prefix_rewrite, authority, scheme; /* absent where unset */
    uint32_t port;  /* 0: unset */
    int derive_port; /* 0 unset, 1 FROM_PROTOCOL_DEFAULT, 2 FROM_REQUEST_PORT */
    uint32_t redirect_code; /* 0: unset */
    hr_pos pos;
} hr_redirect;

typedef struct hr_direct_response {
    uint32_t status;
    hr_str body; /* decoded; absent where none */
    hr_pos pos;
} hr_direct_response;

typedef struct hr_rewrite {
    hr_str uri, authority, regex_match, regex_rewrite; /* absent where unset */
    hr_pos pos;
} hr_rewrite;

typedef struct hr_retries {
    int64_t attempts; /* absent counts as 0 */
    int64_t per_try_timeout_ns, backoff_ns; /* -1: unset */
    hr_str retry_on; /* absent where unset */
    int retry_remote_localities, retry_ignore_previous_hosts; /* -1 unset, 0, 1 */
    hr_pos pos;
} hr_retries;

typedef struct hr_fault {
    bool has_delay, has_abort;
    int64_t fixed_delay_ns; /* -1: unset */
    double delay_percentage; /* -1: no `percentage` */
    int32_t delay_percent;   /* the deprecated integer */
    int32_t abort_http_status; /* 0: unset */
    hr_str abort_grpc_status;
    double abort_percentage; /* -1: no `percentage` */
    hr_pos pos, delay_pos, abort_pos;
} hr_fault;

typedef struct hr_mirror_spec {
    hr_destination destination;
    double percentage; /* -1: unset */
    hr_pos pos;
} hr_mirror_spec;

typedef struct hr_cors_spec {
    hr_string_match *allow_origins;
    size_t n_allow_origins;
    hr_str_list allow_origin; /* deprecated: exact strings */
    hr_str_list allow_methods, allow_headers, expose_headers;
    int64_t max_age_ns;    /* -1: unset */
    int allow_credentials; /* -1 unset, 0, 1 */
    int unmatched_preflights; /* 0 unspecified, 1 FORWARD, 2 IGNORE */
    hr_pos pos;
} hr_cors_spec;

typedef struct hr_http_route { /* HTTPRoute. Pointers are NULL where the field is absent. */
    hr_str name;
    hr_match_request *match;
    size_t n_match;
    hr_route_destination *route;
    size_t n_route;
    hr_redirect *redirect;
    hr_direct_response *direct_response;
    bool has_delegate;
    hr_str delegate_name, delegate_namespace;
    hr_rewrite *rewrite;
    int64_t timeout_ns; /* -1: unset */
    hr_retries *retries;
    hr_fault *fault;
    hr_mirror_spec *mirror;  /* the single `mirror`, with mirrorPercentage folded in by compile */
    double mirror_percentage; /* -1: unset */
    int64_t mirror_percent;   /* deprecated mirrorPercent / mirror_percent; -1: unset */
    hr_mirror_spec *mirrors;
    size_t n_mirrors;
    hr_cors_spec *cors_policy;
    hr_headers_spec headers;
    hr_pos pos;
} hr_http_route;

typedef struct hr_virtual_service {
    hr_meta meta;
    hr_str_list hosts, gateways, export_to;
    hr_http_route *http;
    size_t n_http;
    size_t n_tcp, n_tls; /* counted: a load with them is accepted only where they cannot matter */
    hr_pos pos;
} hr_virtual_service;

/* ---- DestinationRule ---- */

typedef struct hr_connection_pool {
    bool present;
    int64_t tcp_max_connections, tcp_connect_timeout_ns, tcp_idle_timeout_ns, tcp_max_connection_duration_ns;
    int64_t http1_max_pending_requests, http2_max_requests, max_requests_per_connection, max_retries;
    int64_t http_idle_timeout_ns, max_concurrent_streams;
    int h2_upgrade_policy; /* 0 DEFAULT, 1 DO_NOT_UPGRADE, 2 UPGRADE */
    bool use_client_protocol;
    bool has_tcp, has_http, has_tcp_keepalive, has_http2_keepalive;
    int64_t tcp_keepalive_probes, tcp_keepalive_time_ns, tcp_keepalive_interval_ns;
    int64_t http2_keepalive_interval_ns, http2_keepalive_timeout_ns;
    hr_pos pos;
} hr_connection_pool; /* -1: unset */

typedef struct hr_outlier_detection {
    bool present;
    int64_t consecutive_5xx_errors, consecutive_gateway_errors, consecutive_local_origin_failures; /* -1 unset */
    int64_t interval_ns, base_ejection_time_ns; /* -1: unset */
    int64_t max_ejection_percent, min_health_percent; /* -1: unset */
    bool split_external_local_origin_errors;
    int32_t consecutive_errors; /* deprecated: warned about, without effect; 0: unset */
    uint16_t *http_codes;
    size_t n_http_codes;
    hr_pos pos;
} hr_outlier_detection;

typedef struct hr_locality_distribute {
    hr_str from;
    struct { hr_str to; uint32_t percent; } *to;
    size_t n_to;
    hr_pos pos;
} hr_locality_distribute;

typedef struct hr_lb_settings {
    bool present;
    bool has_simple;
    int simple; /* 0 UNSPECIFIED, 1 LEAST_CONN, 2 RANDOM, 3 PASSTHROUGH, 4 ROUND_ROBIN, 5 LEAST_REQUEST */
    bool has_consistent_hash;
    hr_hash_kind hash_kind;
    bool has_hash_key;
    hr_str hash_name, cookie_path;
    int64_t cookie_ttl_ns;       /* -1: unset */
    int hash_algorithm;          /* 0 unset, 1 ringHash, 2 maglev */
    int64_t minimum_ring_size;   /* ringHash's; -1: unset */
    int64_t deprecated_minimum_ring_size; /* consistentHash.minimumRingSize, in force without an algorithm; -1: unset */
    int64_t maglev_table_size;   /* -1: unset */
    bool has_warmup;
    int64_t warmup_duration_ns;  /* warmup.duration; -1: unset */
    int64_t warmup_duration_secs_ns; /* deprecated warmupDurationSecs, in force without `warmup`; -1: unset */
    double warmup_minimum_percent, warmup_aggression; /* -1: unset */
    bool has_locality; /* localityLbSetting */
    int locality_enabled; /* -1 unset */
    hr_locality_distribute *distribute;
    size_t n_distribute;
    hr_pair *failover; /* from region -> to region */
    size_t n_failover;
    hr_str_list failover_priority;
    hr_pos pos, locality_pos, warmup_pos;
} hr_lb_settings;

typedef struct hr_tls_settings { /* ClientTLSSettings */
    bool present;
    hr_tls_mode mode;
    hr_str client_certificate, private_key, ca_certificates, sni, credential_name;
    hr_str_list subject_alt_names;
    int insecure_skip_verify; /* -1 unset */
    hr_pos pos;
} hr_tls_settings;

typedef struct hr_port_policy hr_port_policy;

typedef struct hr_policy_spec { /* TrafficPolicy */
    bool present;
    hr_lb_settings load_balancer;
    hr_connection_pool connection_pool;
    hr_outlier_detection outlier_detection;
    hr_tls_settings tls;
    hr_port_policy *port_level;
    size_t n_port_level;
    hr_pos pos;
} hr_policy_spec;

struct hr_port_policy {
    bool has_port;
    uint32_t port;
    hr_policy_spec policy; /* without port_level */
    hr_pos port_pos;
};

typedef struct hr_subset {
    hr_str name;
    hr_pair *labels;
    size_t n_labels;
    hr_policy_spec policy;
    hr_pos pos;
} hr_subset;

typedef struct hr_destination_rule {
    hr_meta meta;
    hr_str host;
    hr_policy_spec policy;
    hr_subset *subsets;
    size_t n_subsets;
    hr_str_list export_to;
    bool has_selector;
    hr_pair *selector; /* workloadSelector.matchLabels */
    size_t n_selector;
    hr_pos pos, host_pos, selector_pos;
} hr_destination_rule;

/* ---- Gateway ---- */

typedef struct hr_tls_certificate {
    hr_str server_certificate, private_key, ca_certificates;
} hr_tls_certificate;

/* ServerTLSSettings. All but the mode and the redirect is read for validation only. */
typedef struct hr_server_tls {
    bool https_redirect;
    int mode; /* 0 PASSTHROUGH (also where unset), 1 SIMPLE, 2 MUTUAL, 3 AUTO_PASSTHROUGH, 4 ISTIO_MUTUAL, 5 OPTIONAL_MUTUAL */
    hr_str server_certificate, private_key, ca_certificates, ca_crl, credential_name, ca_cert_credential_name;
    hr_str_list credential_names, subject_alt_names, verify_certificate_spki, verify_certificate_hash;
    hr_str_list cipher_suites;
    hr_tls_certificate *certificates;
    size_t n_certificates;
    int min_version, max_version; /* 0 TLS_AUTO, 1 to 4: TLSV1_0 to TLSV1_3 */
    int insecure_skip_verify; /* -1 unset */
    hr_pos pos;
} hr_server_tls;

typedef struct hr_server {
    uint32_t port, target_port; /* target_port 0: unset */
    hr_str port_name, protocol, bind, name;
    hr_str_list hosts;
    bool has_port, has_tls, https_redirect;
    hr_str tls_mode; /* by name; absent where unset */
    hr_server_tls *tls; /* NULL without */
    hr_str default_endpoint; /* no effect in Istio either */
    hr_pos pos, port_pos;
} hr_server;

typedef struct hr_gateway {
    hr_meta meta;
    hr_server *servers;
    size_t n_servers;
    hr_pair *selector;
    size_t n_selector;
    hr_pos pos;
} hr_gateway;

/* ---- ServiceEntry, WorkloadEntry ---- */

typedef struct hr_port_spec { /* Service's and ServiceEntry's ports */
    uint32_t number;
    hr_str name, protocol, app_protocol; /* absent where unset */
    uint32_t target_port;      /* 0: unset */
    hr_str target_port_name;   /* absent: number */
    hr_pos pos;
} hr_port_spec;

typedef struct hr_named_port { /* map<string, uint32> ports of a WorkloadEntry; containers' ports */
    hr_str name;
    uint32_t number;
} hr_named_port;

typedef struct hr_workload_entry {
    hr_meta meta; /* name absent for a ServiceEntry's inline endpoint */
    hr_str address, network, locality, service_account;
    hr_named_port *ports;
    size_t n_ports;
    hr_pair *labels;
    size_t n_labels;
    uint32_t weight; /* 0: unset */
    hr_pos pos;
} hr_workload_entry;

typedef struct hr_service_entry {
    hr_meta meta;
    hr_str_list hosts, addresses, export_to, subject_alt_names;
    hr_port_spec *ports;
    size_t n_ports;
    int location;   /* 0 MESH_EXTERNAL, 1 MESH_INTERNAL */
    int resolution; /* 0 NONE, 1 STATIC, 2 DNS, 3 DNS_ROUND_ROBIN */
    hr_workload_entry *endpoints;
    size_t n_endpoints;
    bool has_selector;
    hr_pair *selector; /* workloadSelector.labels */
    size_t n_selector;
    hr_pos pos, selector_pos;
} hr_service_entry;

/* ---- core kinds ---- */

typedef struct hr_service {
    hr_meta meta;
    hr_str type, cluster_ip, external_name; /* cluster_ip "None": headless */
    hr_str_list cluster_ips;
    hr_pair *selector;
    size_t n_selector;
    bool publish_not_ready_addresses;
    hr_port_spec *ports;
    size_t n_ports;
    hr_str_list export_to; /* annotation networking.istio.io/exportTo */
    hr_str traffic_distribution; /* PreferClose, PreferSameZone, PreferSameNode; absent where unset */
    hr_pos pos;
} hr_service;

typedef struct hr_kube_node { /* Node: where its pods run */
    hr_meta meta;
} hr_kube_node;

typedef enum hr_workload_kind { HR_WORKLOAD_POD, HR_WORKLOAD_DEPLOYMENT } hr_workload_kind;

/* A Pod, or the pod template of a Deployment, StatefulSet, DaemonSet or ReplicaSet (labels and named
 * ports only: a template has no address). */
typedef struct hr_workload {
    hr_workload_kind kind;
    hr_meta meta;      /* of the Pod, or of the Deployment */
    hr_pair *labels;   /* the pod's */
    size_t n_labels;
    hr_str pod_ip, phase, node_name; /* absent where unset */
    bool ready;        /* status.conditions Ready, true where absent */
    bool terminating;  /* metadata.deletionTimestamp */
    hr_named_port *ports;
    size_t n_ports;
    hr_pos pos;
} hr_workload;

typedef struct hr_slice_endpoint {
    hr_str_list addresses;
    hr_str target_kind, target_name, target_namespace, hostname, node_name, zone;
    bool ready, serving, terminating;
    hr_pos pos;
} hr_slice_endpoint;

typedef struct hr_endpoint_slice {
    hr_meta meta; /* label kubernetes.io/service-name names the Service */
    hr_str address_type, service_name;
    hr_slice_endpoint *endpoints;
    size_t n_endpoints;
    hr_port_spec *ports; /* name and number */
    size_t n_ports;
    hr_pos pos;
} hr_endpoint_slice;

/* ---- all of one load ---- */

typedef struct hr_resources {
    hr_virtual_service *virtual_services;
    size_t n_virtual_services;
    hr_destination_rule *destination_rules;
    size_t n_destination_rules;
    hr_gateway *gateways;
    size_t n_gateways;
    hr_service_entry *service_entries;
    size_t n_service_entries;
    hr_workload_entry *workload_entries;
    size_t n_workload_entries;
    hr_service *services;
    size_t n_services;
    hr_workload *workloads;
    size_t n_workloads;
    hr_endpoint_slice *endpoint_slices;
    size_t n_endpoint_slices;
    hr_kube_node *nodes;
    size_t n_nodes;
    hr_map regexes; /* pattern -> hr_regex: every one that the resources contain; freed with the arena */
    struct hr_regex_tails *regex_tails;
} hr_resources;

typedef struct hr_arena hr_arena;

/* resource.c: reads sources into typed resources; findings go to `d`. HR_OK even with findings of
 * severity error: the caller looks at `d`. HR_EIO: a file or folder could not be read (the rest was).
 * HR_EINVAL, HR_ENOMEM. */
int hr_resources_read(hr_resources **out, hr_arena *arena, hr_diagnostics *d, const hr_source *sources,
                      size_t n, const hr_load_options *options);

/* validate.c: Istio's admission checks, and a sentence for each known field without effect. */
int hr_resources_validate(const hr_resources *resources, hr_diagnostics *d);

#endif
