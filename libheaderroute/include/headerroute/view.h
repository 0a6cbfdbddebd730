/*
 * Views: the rules as one caller's proxy sees them, with their clusters and endpoints.
 *
 * Include <headerroute/headerroute.h>, which includes this file.
 */
#ifndef HEADERROUTE_VIEW_H
#define HEADERROUTE_VIEW_H

#include <headerroute/load.h>
#include <headerroute/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- options ------------------------------------------------------------------------------ */

/* meshConfig.outboundTrafficPolicy.mode: what a sidecar does with a host that is not in the mesh.
 */
typedef enum hr_outbound_policy { HR_ALLOW_ANY = 0, HR_REGISTRY_ONLY = 1 } hr_outbound_policy;

/* Returns "allow-any" or "registry-only", or NULL if the value is unknown. */
HR_API const char *hr_outbound_policy_name(hr_outbound_policy policy);

/* How a header that a request has several times is matched.
 *
 * Envoy up to 1.38 joins the values with ',' and matches once. Envoy from 1.39 on matches each
 * value (runtime guard match_headers_individually, on by default): one value that matches is
 * enough, and `withoutHeaders` holds if none matches. Headers that Envoy always keeps joined
 * (accept, authorization, x-forwarded-for, ...) are joined in both. */
typedef enum hr_repeated_headers {
    HR_REPEATED_JOINED = 0,
    HR_REPEATED_EACH = 1
} hr_repeated_headers;

/* Returns "joined" or "each", or NULL if the value is unknown. */
HR_API const char *hr_repeated_headers_name(hr_repeated_headers mode);

/* meshConfig.pathNormalization.normalization: how the path of a request is changed before it is
 * matched and forwarded. */
typedef enum hr_path_normalization {
    HR_PATH_NORMALIZATION_BASE = 0,      /* Istio's default: dot segments and escapes as in RFC 3986
                                          * section 6.2.2; '\\' becomes '/'. */
    HR_PATH_NORMALIZATION_NONE,          /* Only a fragment is removed. */
    HR_PATH_NORMALIZATION_MERGE_SLASHES, /* BASE, then "//" becomes "/". */
    HR_PATH_NORMALIZATION_DECODE_AND_MERGE_SLASHES /* %2F and %5C are slashes, then MERGE_SLASHES.
                                                    */
} hr_path_normalization;

/* Returns "base", "none", "merge-slashes" or "decode-and-merge-slashes", or NULL if the value is
 * unknown. */
HR_API const char *hr_path_normalization_name(hr_path_normalization normalization);

/* Looks up the addresses of a DNS name for hr_view_new().
 *
 * Sets `*out` to IP literals in order of preference and `*n` to their number, which is 0 if the
 * name has no address or none is known yet. They must stay valid until the next call or until
 * hr_view_new() returns, which copies them. It is called on the thread of hr_view_new(), more than
 * once for one name, and should answer from memory, because hr_view_new() waits for it. */
typedef void (*hr_resolve_fn)(void *ctx, hr_str name, const hr_str **out, size_t *n);

/* Whose proxy decides: the sidecar of a caller ("mesh"), or the proxies of a Gateway.
 * hr_view_new() settles, once, all that depends on it: gateways, exportTo, match.port,
 * match.gateways, sourceLabels, sourceNamespace, delegates, names and ports. Start from
 * HR_VIEW_OPTIONS_INIT. */
typedef struct hr_view_options {
    unsigned version; /* HR_VIEW_OPTIONS_VERSION */
    hr_str gateway;   /* "namespace/name" of a Gateway; "mesh" or absent for a sidecar. */
    uint16_t port;    /* The port of the service that is called, or of the Gateway's server. 0 means
                       * 80, and for a Gateway without a server on 80 its first HTTP server. */
    hr_str namespace_; /* Of the proxy. Absent: "default", and for a Gateway its own namespace. */
    const hr_pair *source_labels; /* Of the proxy's pod. */
    size_t n_source_labels;
    hr_outbound_policy outbound_policy;
    hr_repeated_headers repeated_headers;
    hr_str locality; /* Of the proxy, "region/zone/subzone", for localityLbSetting. Absent: taken
                      * from the topology labels in source_labels. Since version 2. */
    hr_path_normalization path_normalization; /* Since version 2. */

    /* Resolves endpoints that are DNS names (ServiceEntry with resolution DNS or DNS_ROUND_ROBIN):
     * each address becomes an endpoint; for DNS_ROUND_ROBIN only the first one does, as in Envoy's
     * logical DNS. A Kubernetes Service whose pods no resource lists is resolved by its own DNS
     * name, and its endpoints have the Service's selector as labels. NULL leaves names unresolved.
     * A view does not look names up again: make a new one when addresses change. Since version 3.
     */
    hr_resolve_fn resolve;
    void *resolve_ctx; /* Passed to `resolve`. Since version 3. */
} hr_view_options;
#define HR_VIEW_OPTIONS_VERSION 3 /* Versions 1 and 2 are accepted, too. */
#define HR_VIEW_OPTIONS_INIT                                                                       \
    {                                                                                              \
        HR_VIEW_OPTIONS_VERSION, {NULL, 0}, 0, {NULL, 0}, NULL, 0, HR_ALLOW_ANY,                   \
            HR_REPEATED_JOINED, {NULL, 0}, HR_PATH_NORMALIZATION_BASE, NULL, NULL                  \
    }

/* Sets one option by its name, from text: gateway, port, namespace, locality, outbound_policy,
 * repeated_headers or path_normalization, the last three with the names of their values. The value
 * is not copied and must be valid until hr_view_new() returns.
 *
 * Returns HR_OK, HR_ENOENT if options of this version have no such name, or HR_EINVAL if the value
 * is not allowed. `*expected` is then a static phrase such as "a number from 1 to 65535"; it is
 * left unchanged otherwise, and `expected` may be NULL. */
HR_API int hr_view_options_set(hr_view_options *options, hr_str name, hr_str value,
                               const char **expected);

#define HR_VIEW_OPTION_NUMBER 8

/* Returns the text of one option as hr_view_options_set() takes it. It is absent if the option has
 * its default, or if options of this version have no such name. A number is written to `number`;
 * other strings are those of the options, or static. */
HR_API hr_str hr_view_options_get(const hr_view_options *options, hr_str name,
                                  char number[HR_VIEW_OPTION_NUMBER]);

/* Returns the name at `index` that hr_view_options_set() knows, or NULL after the last one. */
HR_API const char *hr_view_option_name(size_t index);

/* ---- views -------------------------------------------------------------------------------- */

/* The rules of a table in the order in which one proxy tries them. Immutable: any number of threads
 * may use it. It holds a reference to its table. */
typedef struct hr_view hr_view;

/* Compiles the view of one proxy. `options` may be NULL (sidecar, port 80, namespace "default").
 * `*out` receives a view with one reference, which hr_view_unref() drops; it is NULL on failure.
 *
 * Returns HR_OK, HR_ENOENT if there is no such Gateway or it has no HTTP server on that port,
 * HR_EAMBIGUOUS if an Istio Gateway and one of the Gateway API have the name, HR_EINVAL or
 * HR_ENOMEM. */
HR_API int hr_view_new(hr_view **out, hr_table *table, const hr_view_options *options);

/* Adds a reference and returns the view. The count is atomic. Returns NULL for NULL. */
HR_API hr_view *hr_view_ref(hr_view *view);

/* Drops a reference; the last one frees the view. Does nothing for NULL. */
HR_API void hr_view_unref(hr_view *view);

/* Returns the table of a view without adding a reference. */
HR_API hr_table *hr_view_table(const hr_view *view);

/* The server of Istio's Gateway that a view was made for. Start from HR_GATEWAY_SERVER_INIT;
 * strings live as long as the view. */
typedef struct hr_gateway_server {
    unsigned version; /* HR_GATEWAY_SERVER_VERSION */
    uint16_t port;
    hr_str protocol;    /* As written: "HTTP", "HTTPS", ... */
    hr_str tls_mode;    /* "SIMPLE", ...; absent if tls or its mode is missing. */
    int terminates_tls; /* 1 if clients connect with TLS: HTTPS with a tls that is not PASSTHROUGH.
                         */
    hr_str source_file; /* Where the server is written. */
    int source_line;
} hr_gateway_server;
#define HR_GATEWAY_SERVER_VERSION 1
#define HR_GATEWAY_SERVER_INIT                                                                     \
    { HR_GATEWAY_SERVER_VERSION, 0, {NULL, 0}, {NULL, 0}, 0, {NULL, 0}, 0 }

/* Describes the Gateway server of a view. Returns HR_OK, HR_ENOENT for a sidecar's view, or
 * HR_EINVAL. */
HR_API int hr_view_gateway_server(hr_gateway_server *out, const hr_view *view);

/* Reports what a program that sends requests as the decisions of a view say would leave out: an
 * error for each EnvoyFilter, WasmPlugin, TrafficExtension, AuthorizationPolicy and
 * RequestAuthentication that selects the view's proxy by its namespace, selector or targetRefs. If
 * the table has no pod or pod template of the proxy, its other labels are not known: a resource
 * that may select it counts, unless its selector is that of another workload of the table.
 *
 * `*out` receives the findings, which the caller frees; they may be empty. It is NULL for HR_EINVAL
 * and HR_ENOMEM. Returns HR_OK, HR_ECONFIG if there is a finding, HR_EINVAL or HR_ENOMEM. */
HR_API int hr_view_unserved(hr_diagnostics **out, const hr_view *view);

/* Writes the compiled routes of a view as JSON, zero-terminated, into the scratch, which it resets:
 * one object with `route_tables` and `omitted`. A route table has `virtual_hosts`, each of them
 * `routes` in the order they are tried, each of them its conditions, its action and its place.
 * `omitted` lists the rules that this view does not see, and why. The size grows with the number of
 * rules.
 *
 * Returns HR_OK, HR_EINVAL or HR_ENOMEM. */
HR_API int hr_view_json(hr_str *out, const hr_view *view, hr_scratch *scratch);

/* ---- clusters and endpoints --------------------------------------------------------------- */

/* The structs below are made by the library, live as long as the view, and are reached by pointers
 * only. Later versions may add members at their end. */

/* loadBalancer of a DestinationRule: how an endpoint is chosen. */
typedef enum hr_lb {
    HR_LB_LEAST_REQUEST = 0,
    HR_LB_ROUND_ROBIN,
    HR_LB_RANDOM,
    HR_LB_PASSTHROUGH,
    HR_LB_RING_HASH,
    HR_LB_MAGLEV
} hr_lb;

/* Returns the name in Istio's API, "LEAST_REQUEST" for example, or NULL if the value is unknown. */
HR_API const char *hr_lb_name(hr_lb lb);

typedef struct hr_endpoint {
    hr_str name;    /* Of the pod or workload; may be absent. */
    hr_str address; /* An IP literal, or a DNS name that the view left unresolved. */
    uint16_t port;
    uint32_t weight;
    const hr_pair *labels;
    size_t n_labels;
    hr_str locality; /* "region/zone/subzone"; may be empty. */
    hr_str network;
    uint32_t priority; /* localityLbSetting.failover and failoverPriority: 0 is used first. */
    uint32_t locality_weight; /* Of its locality among those of its priority
                               * (localityLbSetting.distribute); 0 if localities have no weight. */
} hr_endpoint;

/* How the endpoints of a cluster are found, as in Envoy's cluster types. */
typedef enum hr_cluster_kind {
    HR_CLUSTER_EDS = 0,     /* Endpoints are listed. */
    HR_CLUSTER_STRICT_DNS,  /* Each address may be a DNS name, all of whose addresses are used. */
    HR_CLUSTER_LOGICAL_DNS, /* Each address may be a DNS name, whose first address is used. */
    HR_CLUSTER_ORIGINAL_DST /* The address that the caller was connecting to. */
} hr_cluster_kind;

/* Returns the name in Envoy's API, "STRICT_DNS" for example, or NULL if the value is unknown. */
HR_API const char *hr_cluster_kind_name(hr_cluster_kind kind);

/* tls.mode of a DestinationRule: how connections to the endpoints are made. */
typedef enum hr_tls_mode {
    HR_TLS_DISABLE = 0,
    HR_TLS_SIMPLE,
    HR_TLS_MUTUAL,
    HR_TLS_ISTIO_MUTUAL
} hr_tls_mode;

/* Returns the name in Istio's API, "ISTIO_MUTUAL" for example, or NULL if the value is unknown. */
HR_API const char *hr_tls_mode_name(hr_tls_mode mode);

/* The trafficPolicy of one cluster after inheritance from the subset, port and rule. Times are in
 * milliseconds. -1 means unlimited or unset. */
typedef struct hr_traffic_policy {
    /* connectionPool */
    int64_t max_connections, http1_max_pending_requests, http2_max_requests, max_retries;
    int64_t max_requests_per_connection, idle_timeout_ms, connect_timeout_ms,
        max_connection_duration_ms;
    /* outlierDetection */
    int outlier; /* 1 if it is configured. */
    int64_t consecutive_5xx, consecutive_gateway_errors,
        consecutive_local_origin_failures; /* 0: off */
    int split_external_local_origin_errors;
    int64_t interval_ms, base_ejection_time_ms;
    int32_t max_ejection_percent, min_health_percent;
    const uint16_t *outlier_http_codes; /* If given, counted instead of all 5xx. */
    size_t n_outlier_http_codes;
    /* loadBalancer */
    hr_lb lb;
    uint64_t ring_min_size, maglev_table_size;
    int64_t warmup_ms; /* 0 if there is no warmup. */
    double warmup_minimum_percent, warmup_aggression;
    /* tls */
    hr_tls_mode tls_mode;
    hr_str tls_sni, tls_ca_certificates, tls_client_certificate, tls_private_key,
        tls_credential_name;
    const hr_str *tls_subject_alt_names;
    size_t n_tls_subject_alt_names;
    int tls_insecure_skip_verify;
    /* connectionPool: how connections are spoken and kept */
    int64_t max_concurrent_streams; /* Of a connection of HTTP/2. */
    int64_t http2_keepalive_interval_ms, http2_keepalive_timeout_ms;
    int tcp_keepalive; /* 1 if it is configured. */
    int64_t tcp_keepalive_probes, tcp_keepalive_time_s, tcp_keepalive_interval_s;
    /* retryBudget: how many requests of the cluster may be retried at a time, instead of
     * max_retries. Istio sets retry_budget.budget_percent and min_retry_concurrency of Envoy. */
    int retry_budget;                      /* 1 if it is configured. */
    double retry_budget_percent;           /* Of the active and pending requests; rounded down. */
    uint32_t retry_budget_min_concurrency; /* Allowed whatever the percentage is. */
    int64_t retry_budget_interval_ms;      /* A request counts for at least this long; 0: while it
                                            * is active or pending. */
} hr_traffic_policy;

/* The version of HTTP that a proxy speaks to the endpoints of a cluster: by the declaration of the
 * port (name, protocol or appProtocol), and by h2UpgradePolicy and useClientProtocol of the
 * DestinationRule. A sidecar speaks the client's to a port whose protocol is not declared. */
typedef enum hr_upstream_protocol {
    HR_UPSTREAM_HTTP1 = 0,
    HR_UPSTREAM_HTTP2,    /* Without TLS with prior knowledge. */
    HR_UPSTREAM_AS_CLIENT /* That of the request. */
} hr_upstream_protocol;

/* Returns "http1", "http2" or "as_client", or NULL if the value is unknown. */
HR_API const char *hr_upstream_protocol_name(hr_upstream_protocol protocol);

/* A resource that makes pods: a Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob,
 * Rollout of Argo or DeploymentConfig. */
typedef struct hr_workload {
    hr_str kind;
    hr_str name; /* "namespace/name" */
    hr_str file; /* Where it is written. */
    int line;
} hr_workload;

typedef struct hr_cluster {
    hr_str name;   /* As in Istio: "outbound|PORT|SUBSET|HOST". */
    hr_str host;   /* Fully qualified. */
    hr_str subset; /* Absent if there is none. */
    uint16_t port; /* Of the service. */
    hr_cluster_kind kind;
    const hr_pair *labels; /* Of the subset. */
    size_t n_labels;
    const hr_endpoint *const *endpoints; /* The ready ones, in the order of the configuration. */
    size_t n_endpoints;
    const hr_traffic_policy *policy;
    uint32_t index;     /* Of the cluster in the view. */
    hr_str source_file; /* Where the DestinationRule is written, else the service. */
    int source_line;
    const void *internal; /* The library's own. */
    int endpoints_known;  /* 0: the table has neither Pods nor EndpointSlices, and no workload shows
                           * that there are no endpoints. `endpoints` is then empty. */
    const hr_workload *workloads; /* If the endpoints are unknown: those whose pods would be. */
    size_t n_workloads;
    int http2; /* 1 if the port is declared as HTTP/2 or gRPC: endpoints expect HTTP/2 without TLS's
                  ALPN, as Istio's proxies speak it. */
    hr_upstream_protocol upstream_protocol; /* What is spoken to the endpoints. */
} hr_cluster;

/* Returns the number of clusters of a view, 0 for NULL. */
HR_API size_t hr_view_cluster_count(const hr_view *view);

/* Returns the cluster at `index`, or NULL beyond the last one. It lives as long as the view. */
HR_API const hr_cluster *hr_view_cluster(const hr_view *view, size_t index);

#ifdef __cplusplus
}
#endif
#endif
