/*
 * libheaderroute: Istio's VirtualService and DestinationRule, evaluated inside your own process.
 *
 *     hr_table *table;                                  // immutable, shared by all threads
 *     hr_view *view;                                    // "the sidecar of a client in namespace default"
 *     hr_scratch *scratch;                              // one per thread
 *     hr_table_load_paths(&table, NULL, paths, 1, NULL);
 *     hr_view_new(&view, table, NULL);
 *     hr_scratch_new(&scratch);
 *     hr_route(&decision, view, &request, scratch);     // no allocation, no lock, no clock, no random
 *
 * Conventions of this header:
 *  - Functions return HR_OK (0) or a negative `hr_error`. Outputs come first; on failure they are
 *    set to NULL or zeroed.
 *  - Strings are `hr_str`: pointer and length, not zero-terminated, never owned by the struct that
 *    holds them. A NULL pointer is "absent", which differs from an empty string.
 *  - Thread-safety: a table and a view may be read by any number of threads at once. A scratch, a
 *    decision and a balancer cursor belong to one thread at a time. There is no global mutable state.
 *  - Words are those of Istio's API (VirtualService, DestinationRule, subset, gateway, mesh) and of
 *    Envoy (cluster, endpoint, authority, virtual host, response flag).
 */
#ifndef HEADERROUTE_HEADERROUTE_H
#define HEADERROUTE_HEADERROUTE_H

#include <stddef.h>
#include <stdint.h>

#include <headerroute/version.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HR_API __attribute__((visibility("default")))
#else
#define HR_API
#endif

typedef enum hr_error {
    HR_OK = 0,
    HR_EINVAL = -1,   /* an argument is NULL, out of range or of another version */
    HR_ENOMEM = -2,
    HR_ECONFIG = -3,  /* the configuration has errors: see the diagnostics */
    HR_EREQUEST = -4, /* the request itself is malformed: see hr_scratch_error */
    HR_ENOENT = -5,   /* no such gateway, cluster or endpoint */
    HR_EIO = -6,      /* a file or folder cannot be read: see the diagnostics */
    HR_ENOSPC = -7    /* the caller's buffer is too small; the size needed is told */
} hr_error;

/* A fixed English phrase for a code, never NULL. */
HR_API const char *hr_strerror(int error);
/* "MAJOR.MINOR.PATCH" of the library at run time. */
HR_API const char *hr_version(void);

typedef struct hr_str {
    const char *p;
    size_t len;
} hr_str;

#ifdef __cplusplus
#define HR_STR(literal) (hr_str{(literal), sizeof(literal) - 1})
#else
#define HR_STR(literal) ((hr_str){(literal), sizeof(literal) - 1})
#endif
/* hr_str of a zero-terminated string; of NULL: absent. */
HR_API hr_str hr_str_from(const char *zero_terminated);

typedef struct hr_pair {
    hr_str name, value;
} hr_pair;

/* ---- loading ----------------------------------------------------------------------------- */

typedef enum hr_severity { HR_WARNING = 1, HR_SEVERITY_ERROR = 2 } hr_severity;

/* One finding. Strings live as long as the hr_diagnostics. */
typedef struct hr_diagnostic {
    hr_severity severity;
    hr_str file;     /* as the caller gave it, or the `name` of a text */
    int line, column; /* from 1; 0 where the finding has no place */
    hr_str field;    /* "spec.http[0].match[1].uri", may be empty */
    hr_str message;  /* what is wrong and what would be right */
} hr_diagnostic;

typedef struct hr_diagnostics hr_diagnostics;
/* What a load found, in the order of its sources. Of NULL: nothing. */
HR_API size_t hr_diagnostics_count(const hr_diagnostics *d);
HR_API const hr_diagnostic *hr_diagnostics_get(const hr_diagnostics *d, size_t index); /* NULL beyond */
HR_API size_t hr_diagnostics_errors(const hr_diagnostics *d); /* those of HR_SEVERITY_ERROR */
HR_API void hr_diagnostics_free(hr_diagnostics *d);
/* "file:line:column: error: field: message", zero-terminated, into buf. Returns the full length as
 * snprintf does. */
HR_API size_t hr_diagnostic_format(char *buf, size_t size, const hr_diagnostic *d);

typedef struct hr_table hr_table;

/* Where YAML comes from. Either `path` (a file, or a folder that is not walked into deeper: its *.yaml
 * and *.yml, by name, without kustomization.yaml), or `text` with a `name` for messages. */
typedef struct hr_source {
    const char *path;
    const char *name;
    hr_str text;
} hr_source;

typedef struct hr_load_options {
    unsigned version;             /* HR_LOAD_OPTIONS_VERSION */
    const char *domain;           /* DNS domain of the cluster; NULL: "cluster.local" */
    const char *root_namespace;   /* Istio's; NULL: "istio-system" */
    const char *default_namespace; /* of resources that name none; NULL: "default" */
    size_t max_bytes;             /* of one file; 0: 64 MiB */
    size_t max_depth;             /* YAML nesting; 0: 64 */
    size_t max_nodes;             /* YAML nodes after aliases, of one load; 0: 16 million */
    int lint;                     /* 1: add the linter's warnings to the diagnostics */
    /* 1: requests are sent by these decisions, and what decisions cannot tell is an error where it is a warning
     * otherwise: how connections are kept (tcpKeepalive, http2KeepAlive, h2UpgradePolicy, useClientProtocol,
     * maxConcurrentStreams) and who is admitted (AuthorizationPolicy, RequestAuthentication). From version 2 on */
    int serves;
} hr_load_options;
#define HR_LOAD_OPTIONS_VERSION 2 /* version 1 is accepted as well */
#define HR_LOAD_OPTIONS_INIT {HR_LOAD_OPTIONS_VERSION, NULL, NULL, NULL, 0, 0, 0, 0, 0}

/* Parses, validates as Istio's admission does, and compiles. All errors are reported, not the first.
 * *diagnostics (may be NULL) is filled with warnings also on success; free it. A table comes only
 * when there is no error. HR_ECONFIG, HR_EIO, HR_EINVAL, HR_ENOMEM. options may be NULL. */
HR_API int hr_table_load(hr_table **out, hr_diagnostics **diagnostics, const hr_source *sources, size_t n,
                         const hr_load_options *options);
/* The same for files and folders. */
HR_API int hr_table_load_paths(hr_table **out, hr_diagnostics **diagnostics, const char *const *paths,
                               size_t n, const hr_load_options *options);

/* Tables are reference-counted (atomically). hr_table_load gives one reference. */
HR_API hr_table *hr_table_ref(hr_table *table);
HR_API void hr_table_unref(hr_table *table);

/* What was loaded. Strings live as long as the table. */
typedef struct hr_gateway_info {
    hr_str name; /* "namespace/name" */
    const uint16_t *ports; /* the servers' port numbers, in order */
    size_t n_ports;
} hr_gateway_info;
/* The Gateways of a table, by index. */
HR_API size_t hr_table_gateway_count(const hr_table *table);
HR_API int hr_table_gateway(hr_gateway_info *out, const hr_table *table, size_t index); /* HR_ENOENT */

typedef struct hr_stats {
    size_t virtual_services, destination_rules, gateways, services, service_entries, workloads, routes, clusters;
    size_t bytes; /* memory held by the table */
} hr_stats;
/* Counts what the table holds. */
HR_API void hr_table_stats(hr_stats *out, const hr_table *table);

/* ---- views ------------------------------------------------------------------------------- */

typedef enum hr_outbound_policy { HR_ALLOW_ANY = 0, HR_REGISTRY_ONLY = 1 } hr_outbound_policy;

/* How a header that comes more than once in a request is matched. Envoy up to 1.38 joins the values with
 * ',' and matches once. Envoy from 1.39 on (runtime guard match_headers_individually, on by default)
 * matches value by value, and one that matches is enough; `withoutHeaders` holds if none does. Headers
 * that Envoy keeps joined anyway (accept, authorization, x-forwarded-for, ...) are joined in both. */
typedef enum hr_repeated_headers { HR_REPEATED_JOINED = 0, HR_REPEATED_EACH = 1 } hr_repeated_headers;

/* meshConfig.pathNormalization: what becomes of a request's path before it is matched and forwarded. */
typedef enum hr_path_normalization {
    HR_PATH_NORMALIZATION_BASE = 0, /* Istio's default: RFC 3986's dot segments and escapes, '\\' is '/' */
    HR_PATH_NORMALIZATION_NONE,     /* nothing, but that a fragment is cut off */
    HR_PATH_NORMALIZATION_MERGE_SLASHES,           /* BASE, then "//" is "/" */
    HR_PATH_NORMALIZATION_DECODE_AND_MERGE_SLASHES /* %2F and %5C are slashes, then MERGE_SLASHES */
} hr_path_normalization;

/* Whose data plane decides: a caller's sidecar ("mesh") or a Gateway's proxies. What depends on it
 * (gateways, exportTo, match.port, match.gateways, sourceLabels, sourceNamespace, delegates, names,
 * ports) is settled here, once, as Istio's control plane does. */
/* Tells hr_view_new the addresses of a DNS name: sets *out to IP literals, in the order in which they are to be
 * used, and *n to their number (0: it has none, or none is known yet). They must stay valid until the next call
 * or the return of hr_view_new, which copies them. Called on hr_view_new's thread, several times for one name;
 * should answer from memory, since it holds the view up. */
typedef void (*hr_resolve_fn)(void *ctx, hr_str name, const hr_str **out, size_t *n);

typedef struct hr_view_options {
    unsigned version;      /* HR_VIEW_OPTIONS_VERSION */
    hr_str gateway;        /* "mesh" (or absent), or "namespace/name" */
    uint16_t port;         /* the service port called, or the Gateway server's port; 0: 80, or the port
                            * of the Gateway's first HTTP server where it has none on 80 */
    hr_str namespace_;     /* of the proxy; absent: "default" (for a Gateway: the Gateway's own) */
    const hr_pair *source_labels; /* of the proxy's pod */
    size_t n_source_labels;
    hr_outbound_policy outbound_policy;
    hr_repeated_headers repeated_headers;
    hr_str locality;       /* of the proxy, "region/zone/subzone", for localityLbSetting; absent: what the
                            * topology labels among source_labels say. From version 2 on */
    hr_path_normalization path_normalization; /* from version 2 on */
    /* With it, an endpoint that is a name (ServiceEntry, resolution DNS and DNS_ROUND_ROBIN) becomes one endpoint
     * for each of its addresses (for DNS_ROUND_ROBIN for the first alone, as in Envoy's logical DNS), and a
     * Kubernetes Service whose pods no resource lists is looked up by its own DNS name; the endpoints bear the
     * Service's selector as labels. Absent: names stay names. A view does not look again: make a new one when
     * addresses change. From version 3 on */
    hr_resolve_fn resolve;
    void *resolve_ctx;
} hr_view_options;
#define HR_VIEW_OPTIONS_VERSION 3 /* versions 1 and 2 are accepted as well */
#define HR_VIEW_OPTIONS_INIT \
    {HR_VIEW_OPTIONS_VERSION, {0, 0}, 0, {0, 0}, 0, 0, HR_ALLOW_ANY, HR_REPEATED_JOINED, {0, 0}, HR_PATH_NORMALIZATION_BASE, \
     0, 0}

/* Sets one option by its name, from text: gateway, port, namespace, locality, outbound_policy (allow-any, registry-only),
 * repeated_headers (joined, each) or path_normalization (none, base, merge-slashes, decode-and-merge-slashes).
 * The value is not copied: it must be valid until hr_view_new returns. Returns HR_OK; HR_ENOENT if options of this
 * version have no such name; HR_EINVAL if the value is not allowed. *expected (may be NULL) is then a phrase such as
 * "a number from 1 to 65535", which is never freed; it is left unchanged otherwise. */
HR_API int hr_view_options_set(hr_view_options *options, hr_str name, hr_str value, const char **expected);
/* The names that hr_view_options_set knows, by index. Returns NULL after the last one. */
HR_API const char *hr_view_option_name(size_t index);

/* A view holds its table. Immutable. */
typedef struct hr_view hr_view;
/* options may be NULL (mesh, port 80, namespace default). HR_ENOENT: no such Gateway, or none of its
 * HTTP servers is on that port. HR_EINVAL, HR_ENOMEM. */
HR_API int hr_view_new(hr_view **out, hr_table *table, const hr_view_options *options);
HR_API hr_view *hr_view_ref(hr_view *view);
HR_API void hr_view_unref(hr_view *view);
HR_API hr_table *hr_view_table(const hr_view *view); /* borrowed */

/* ---- clusters and endpoints -------------------------------------------------------------- */

typedef enum hr_lb {
    HR_LB_LEAST_REQUEST = 0,
    HR_LB_ROUND_ROBIN,
    HR_LB_RANDOM,
    HR_LB_PASSTHROUGH,
    HR_LB_RING_HASH,
    HR_LB_MAGLEV
} hr_lb;

typedef struct hr_endpoint {
    hr_str name;    /* pod or workload; may be absent */
    hr_str address; /* IP literal; a DNS name where the cluster is DNS and the view has no `resolve` */
    uint16_t port;
    uint32_t weight;
    const hr_pair *labels;
    size_t n_labels;
    hr_str locality; /* "region/zone/subzone"; may be empty */
    hr_str network;
    uint32_t priority; /* localityLbSetting.failover, failoverPriority: 0 first */
    uint32_t locality_weight; /* of its locality among those of its priority (localityLbSetting.distribute);
                               * 0: localities have no weight */
} hr_endpoint;

typedef enum hr_cluster_kind {
    HR_CLUSTER_EDS = 0,       /* endpoints are listed */
    HR_CLUSTER_STRICT_DNS,    /* each address is a name to resolve */
    HR_CLUSTER_LOGICAL_DNS,
    HR_CLUSTER_ORIGINAL_DST   /* wherever the caller was going */
} hr_cluster_kind;

typedef enum hr_tls_mode { HR_TLS_DISABLE = 0, HR_TLS_SIMPLE, HR_TLS_MUTUAL, HR_TLS_ISTIO_MUTUAL } hr_tls_mode;

/* DestinationRule's policy for one cluster, after inheritance. -1: unlimited or unset. */
typedef struct hr_traffic_policy {
    /* connectionPool */
    int64_t max_connections, http1_max_pending_requests, http2_max_requests, max_retries;
    int64_t max_requests_per_connection, idle_timeout_ms, connect_timeout_ms, max_connection_duration_ms;
    /* outlierDetection; acted on only if `outlier` */
    int outlier;
    int64_t consecutive_5xx, consecutive_gateway_errors, consecutive_local_origin_failures; /* 0: off */
    int split_external_local_origin_errors;
    int64_t interval_ms, base_ejection_time_ms;
    int32_t max_ejection_percent, min_health_percent;
    const uint16_t *outlier_http_codes; /* replaces 5xx as the counted set, where given */
    size_t n_outlier_http_codes;
    /* loadBalancer */
    hr_lb lb;
    uint64_t ring_min_size, maglev_table_size;
    int64_t warmup_ms;        /* 0: none */
    double warmup_minimum_percent, warmup_aggression;
    /* tls */
    hr_tls_mode tls_mode;
    hr_str tls_sni, tls_ca_certificates, tls_client_certificate, tls_private_key, tls_credential_name;
    const hr_str *tls_subject_alt_names;
    size_t n_tls_subject_alt_names;
    int tls_insecure_skip_verify;
} hr_traffic_policy;

typedef struct hr_cluster {
    hr_str name;   /* "outbound|PORT|SUBSET|FQDN" */
    hr_str host;   /* FQDN */
    hr_str subset; /* absent where none */
    uint16_t port; /* service port */
    hr_cluster_kind kind;
    const hr_pair *labels; /* the subset's */
    size_t n_labels;
    const hr_endpoint *endpoints; /* ready members, in the order of the configuration */
    size_t n_endpoints;
    hr_traffic_policy policy;
    uint32_t index;    /* in hr_view_cluster */
    hr_str source_file; /* place of the DestinationRule that governs it, else of the service */
    int source_line;
    const void *internal; /* the library's: prepared hash rings */
} hr_cluster;

/* The Gateway's server (Server of Istio's Gateway) that a view was made for. Strings live as long as the
 * view. */
typedef struct hr_gateway_server {
    uint16_t port;
    hr_str protocol; /* as written: "HTTP", "HTTPS", ... */
    hr_str tls_mode; /* "SIMPLE", ...; absent without tls or mode */
    int terminates_tls; /* 1: requests come encrypted (HTTPS with tls that does not pass through) */
    hr_str source_file; /* of the server in the Gateway */
    int source_line;
} hr_gateway_server;
/* HR_ENOENT: the view is the mesh's; HR_EINVAL: NULL. */
HR_API int hr_view_gateway_server(hr_gateway_server *out, const hr_view *view);

/* All clusters of a view, by index; NULL beyond. Lives as long as the view. */
HR_API size_t hr_view_cluster_count(const hr_view *view);
HR_API const hr_cluster *hr_view_cluster(const hr_view *view, size_t index);

/* ---- requests and decisions -------------------------------------------------------------- */

/* Each settles its own choice; numbers in [0,1). A weight picks the interval that holds
 * floor(r x sum of weights); a percentage p fires when floor(r x 1000000) < trunc(p x 10000). */
typedef struct hr_draws {
    double weight, delay, abort, mirror;
} hr_draws;

/* Facts of the connection that a request came over, as the caller knows them. Start from HR_CONNECTION_INIT; members
 * that stay absent or 0 are unknown. Header values with formatter commands (docs/routing.md lists them) and
 * hr_edge_request read them; the library itself reads no clock, draws no random number and looks at no socket. */
typedef struct hr_connection {
    unsigned version;           /* HR_CONNECTION_VERSION */
    hr_str peer_address;        /* of the connection's other end: an IP literal */
    hr_str local_address;       /* of this end: an IP literal */
    uint16_t peer_port, local_port;
    hr_str client_address;      /* the client as trusted proxies name it; absent: the peer. hr_edge_request sets it */
    unsigned trusted_proxies;   /* numTrustedProxies: how many proxies in front are believed; they append to
                                 * x-forwarded-for */
    hr_str request_id;          /* a fresh x-request-id for a request that gets one */
    hr_str forwarded_client_cert; /* x-forwarded-client-cert of a client certificate that was checked, as SANITIZE_SET
                                   * writes it; absent: the client presented none */
    hr_str protocol;            /* absent: "HTTP/1.1" */
    hr_str server_name;         /* SNI; absent: none */
    int64_t start_time_us;      /* when the request's first byte came: microseconds since 1970-01-01 UTC */
    const hr_pair *facts;       /* values of other commands by the command's text without '%': {"HOSTNAME", "gw-1"},
                                 * {"DOWNSTREAM_TLS_VERSION", "TLSv1.3"}, {"ENVIRONMENT(POD)", "gw-1"} */
    size_t n_facts;
} hr_connection;
#define HR_CONNECTION_VERSION 1
#define HR_CONNECTION_INIT \
    {HR_CONNECTION_VERSION, {0, 0}, {0, 0}, 0, 0, {0, 0}, 0, {0, 0}, {0, 0}, {0, 0}, {0, 0}, 0, 0, 0}

typedef struct hr_request {
    unsigned version; /* HR_REQUEST_VERSION */
    hr_str method;    /* absent: "GET" */
    hr_str scheme;    /* absent: "http" */
    hr_str authority; /* Host, with port where the client sent one */
    hr_str path;      /* with query; begins with '/' */
    const hr_pair *headers; /* in order, any letter case; without pseudo headers and Host; values without blanks
                             * around them (RFC 9110 section 5.5) */
    size_t n_headers;
    hr_draws draws;
    int headers_checked; /* 1: an HTTP parser has refused empty names, pseudo headers and control characters in
                          * names and values already; hr_route then does not look for them again */
    const hr_connection *connection; /* NULL: nothing is known of it */
    size_t n_proxy_headers; /* the last of `headers`, which hr_edge_request has set; else 0 */
    hr_str connect_to; /* in the mesh: the host name or IP literal that the client connects to, with or without a port.
                        * Istio binds listeners to the addresses of services whose port is not declared HTTP, so that
                        * there the address decides and not Host. Absent: the authority. An address that no resource
                        * states is taken for one of a service without a known address if the authority names it */
} hr_request;
#define HR_REQUEST_VERSION 1
#define HR_REQUEST_INIT \
    {HR_REQUEST_VERSION, {0, 0}, {0, 0}, {0, 0}, {0, 0}, 0, 0, {0, 0, 0, 0}, 0, 0, 0, {0, 0}}

/* The request as rules see it: *out is `request` with the headers that a proxy of this view sets or removes before it
 * looks at routes, as Envoy does with Istio's settings for the view (a Gateway's proxies use the remote address and
 * trust no more than `connection->trusted_proxies` others; a sidecar passes on what its application says). What is done
 * to which header: docs/routing.md. Call it before hr_route and give its result to all later calls.
 *
 * `request->connection` may be NULL. `request->scheme` says whether the connection is encrypted ("https"). Where no
 * fresh request id is given, x-request-id is 00000000-0000-4000-8000-000000000000.
 *
 * *out points into `memory` (aligned as malloc's), the request and its connection. *size is the size of `memory`;
 * HR_ENOSPC, and *size is what would be enough, if that is too small (`memory` may then be NULL). HR_EINVAL. */
HR_API int hr_edge_request(hr_request *out, const hr_view *view, const hr_request *request, void *memory,
                           size_t *size);

/* The blanks (spaces and tabs) around a header's value are not part of it (RFC 9110 section 5.5): returns `value`
 * without them. For callers that decode messages. */
HR_API hr_str hr_trim_blanks(hr_str value);

typedef enum hr_action {
    HR_ACTION_ROUTE = 0,
    HR_ACTION_REDIRECT,
    HR_ACTION_DIRECT_RESPONSE,
    HR_ACTION_NO_ROUTE,
    HR_ACTION_PASSTHROUGH
} hr_action;

/* HTTPRetry with Istio's defaults filled in. */
typedef struct hr_retry_policy {
    int32_t attempts; /* beyond the first try; 0: none */
    const hr_str *retry_on;
    size_t n_retry_on;
    const uint16_t *status_codes;
    size_t n_status_codes;
    int64_t per_try_timeout_ms; /* -1: unset */
    int64_t backoff_ms;         /* base interval; Istio: 25 */
    int remote_localities;
    int ignore_previous_hosts;
} hr_retry_policy;

/* Header operations of one level, in the order Envoy applies them: all of remove, then set, then add.
 * Values are Envoy format strings. */
typedef struct hr_header_ops {
    const hr_str *remove;
    size_t n_remove;
    const hr_pair *set;
    size_t n_set;
    const hr_pair *add;
    size_t n_add;
} hr_header_ops;

typedef enum hr_string_match_kind { HR_MATCH_EXACT, HR_MATCH_PREFIX, HR_MATCH_REGEX } hr_string_match_kind;
typedef struct hr_origin_match {
    hr_string_match_kind kind;
    hr_str value;
} hr_origin_match;

typedef struct hr_cors_policy {
    const hr_origin_match *allow_origins;
    size_t n_allow_origins;
    const hr_str *allow_methods, *allow_headers, *expose_headers;
    size_t n_allow_methods, n_allow_headers, n_expose_headers;
    int64_t max_age_s;      /* -1: unset */
    int allow_credentials;  /* -1: unset */
    int forward_unmatched_preflights;
} hr_cors_policy;

typedef enum hr_hash_kind { HR_HASH_HEADER, HR_HASH_COOKIE, HR_HASH_SOURCE_IP, HR_HASH_QUERY_PARAMETER } hr_hash_kind;
typedef struct hr_hash_policy {
    hr_hash_kind kind;
    hr_str name;    /* absent for source IP */
    int64_t ttl_ms; /* cookie: -1 unset, else Envoy makes the cookie where it is missing */
    hr_str path;    /* cookie; absent where unset */
} hr_hash_policy;

typedef struct hr_mirror {
    hr_str cluster_name;
    const hr_cluster *cluster; /* NULL: missing, and silently skipped */
    double percentage;
    int fires;
} hr_mirror;

typedef struct hr_local_reply {
    int status; /* 0: none */
    hr_str flag; /* Envoy's response flag: "NR", "NC", "UH", "FI"; absent where Envoy sets none */
    hr_str body;
} hr_local_reply;

/* What to do with one request. Everything points into the view or the scratch (or, for `cors` tests
 * and the like, the request): valid until the scratch is used again or the view is released. */
typedef struct hr_decision {
    hr_action action;
    hr_str virtual_service; /* "namespace/name"; absent for a service's default route */
    hr_str route_name;
    int32_t route_index;    /* in spec.http of that VirtualService (of the delegate's); -1: none */
    int32_t match_index;    /* in that route's match list; -1: none */
    hr_str source_file;     /* place of the rule; absent where none */
    int source_line;
    hr_str cluster_name;    /* absent where none */
    const hr_cluster *cluster; /* NULL where missing */
    hr_str destination_host, destination_subset;
    uint16_t destination_port;
    int64_t timeout_ms; /* -1: none */
    const hr_retry_policy *retries; /* NULL: none */
    int redirect_code;      /* 0: none */
    hr_str redirect_location; /* built, in the scratch; also of a direct response of 201 or 3xx, which
                               * tells the request's own URL */
    int direct_response_status; /* 0: none */
    hr_str direct_response_body;
    hr_local_reply local_reply; /* the data plane's own answer, where it gives one */
    int closes_connection; /* 1: the data plane closes the connection without an answer (outbound policy
                            * HR_REGISTRY_ONLY, and no listener for HTTP takes the call); local_reply.status is 0 */
    const hr_header_ops *const *request_headers; /* one item a level, in the order they are applied */
    size_t n_request_headers;
    const hr_header_ops *const *response_headers;
    size_t n_response_headers;
    const hr_mirror *mirrors;
    size_t n_mirrors;
    int64_t delay_ms; /* -1: no delay configured */
    int delay_fires;
    int abort_status; /* 0: not configured */
    hr_str abort_grpc_status; /* absent: not configured */
    int abort_fires;
    const hr_cors_policy *cors; /* NULL: none */
    int cors_origin_allowed, cors_preflight;
    const hr_hash_policy *hash_policy;
    size_t n_hash_policy;
    int has_lb;
    hr_lb lb;
    const void *internal; /* the compiled route; the library's */
    hr_str delegate; /* "namespace/name" of the VirtualService that wrote the rule, where `virtual_service` delegates to
                      * it; absent: the rule is its own */
    int32_t root_route_index; /* in spec.http of `virtual_service`; -1: none. route_index where nothing is delegated */
} hr_decision;

/* Memory of one thread for what a decision must build (a normalised path, a joined header, a location).
 * Grows to what requests need and is reused: after warm-up nothing is allocated. What hr_route and
 * hr_upstream_request take for one request is at most about four times the bytes of the request (each header counting
 * 32 bytes more) plus the configured values of headers; the view adds some bytes for each name and regex that its rules
 * have. Memory grows by doubling, so a scratch may hold twice that. */
typedef struct hr_scratch hr_scratch;
/* An empty scratch: HR_ENOMEM, HR_EINVAL. Freeing NULL is fine. */
HR_API int hr_scratch_new(hr_scratch **out);
HR_API void hr_scratch_free(hr_scratch *scratch);
/* The bytes that a scratch holds; 0 for NULL. Constant time for a scratch that is warm. Not safe while another thread
 * uses the scratch. */
HR_API size_t hr_scratch_bytes(const hr_scratch *scratch);
/* Releases what the scratch holds above `limit` bytes, so that one large request does not keep its memory. The scratch
 * stays usable; decisions and strings that point into it are no longer valid, unless it held no more than the limit. It
 * always keeps 4 KiB and what the rules of the views used with it take. Does nothing for NULL. Cannot fail. */
HR_API void hr_scratch_trim(hr_scratch *scratch, size_t limit);
/* The sentence behind the last HR_EREQUEST. */
HR_API hr_str hr_scratch_error(const hr_scratch *scratch);

/* Decides one request. Pure: same view, same request, same decision. HR_EREQUEST for a request that no
 * HTTP parser would pass (a path with %00, an empty authority, control characters), HR_EINVAL, HR_ENOMEM
 * (only while the scratch still grows). */
HR_API int hr_route(hr_decision *out, const hr_view *view, const hr_request *request, hr_scratch *scratch);

/* ---- why --------------------------------------------------------------------------------- */

typedef enum hr_trace_kind {
    HR_TRACE_VIRTUAL_HOST = 0, /* which virtual host the authority chose; ok = 0: none */
    HR_TRACE_RULE,             /* a rule (one match of one http entry) was tried; ok: it matched */
    HR_TRACE_CONDITION,        /* a condition of that rule; comes before its rule's event */
    HR_TRACE_OMITTED           /* a rule or VirtualService that this view does not see; `detail` says why */
} hr_trace_kind;

typedef struct hr_trace_event {
    hr_trace_kind kind;
    int ok;
    hr_str virtual_service, file;
    int line;
    int32_t route_index, match_index;
    hr_str field;    /* "headers[target]", "uri", ... */
    hr_str expected; /* "exact: condition1" */
    hr_str actual;   /* the request's value; absent: the request has none */
    hr_str detail;   /* a sentence */
} hr_trace_event;
/* A longer `expected` or `actual` is given by its first HR_TRACE_MAX_TEXT bytes (up to 3 fewer, so that no UTF-8
 * character is split) and its full length: "aaaa[... 57344 bytes]". The size of a trace thus depends on the rules, and
 * not on the request. */
#define HR_TRACE_MAX_TEXT 256
/* Receives one event. The event and its strings are valid until the function returns. */
typedef void (*hr_trace_fn)(void *ctx, const hr_trace_event *event);

/* hr_route with a trace switched on: the same walk, every rule tried until the one that matched. */
HR_API int hr_explain(hr_decision *out, const hr_view *view, const hr_request *request, hr_scratch *scratch,
                      hr_trace_fn trace, void *ctx);

/* ---- final forms ------------------------------------------------------------------------- */

/* What the upstream will see: path with query after normalisation and rewrite, authority, and the
 * request's headers after all operations, names in lower case, without what a proxy adds after routing.
 * For HR_ACTION_ROUTE and HR_ACTION_PASSTHROUGH. Lives in the scratch. */
typedef struct hr_upstream {
    hr_str path, authority;
    const hr_pair *headers;
    size_t n_headers;
    int path_rewritten; /* a proxy then adds x-envoy-original-path */
} hr_upstream;
/* Builds it. HR_EINVAL for another action, HR_ENOMEM while the scratch still grows. */
HR_API int hr_upstream_request(hr_upstream *out, const hr_decision *decision, const hr_request *request,
                               hr_scratch *scratch);

/* An answer to a request, as the caller knows it. Start from HR_RESPONSE_INIT; what stays absent or 0 is unknown. */
typedef struct hr_response {
    unsigned version;         /* HR_RESPONSE_VERSION */
    int status;
    int local;                /* 1: the proxy itself answers. Envoy has no %RESPONSE_CODE% then */
    const hr_pair *headers;   /* in order, any letter case */
    size_t n_headers;
    hr_str upstream_address;  /* of the endpoint that answered, "ADDRESS:PORT" */
    hr_str flags;             /* Envoy's response flags, "UF,URX"; absent: none */
    hr_str details;           /* Envoy's response code details, "via_upstream" */
    uint64_t attempts;        /* tries upstream so far */
    int64_t time_us;          /* now: microseconds since 1970-01-01 UTC */
    const hr_pair *facts;     /* as in hr_connection; they come first */
    size_t n_facts;
} hr_response;
#define HR_RESPONSE_VERSION 1
#define HR_RESPONSE_INIT {HR_RESPONSE_VERSION, 0, 0, 0, 0, {0, 0}, {0, 0}, {0, 0}, 0, 0, 0, 0}

/* The answer's headers after the decision's operations, in the scratch. HR_EINVAL, HR_ENOMEM. */
HR_API int hr_response_headers(const hr_pair **out, size_t *n_out, const hr_decision *decision,
                               const hr_request *request, const hr_response *response, hr_scratch *scratch);

/* One line of JSON as docs/decision.schema.json has it, zero-terminated, in the scratch: the whole
 * decision with its final forms. */
HR_API int hr_decision_json(hr_str *out, const hr_decision *decision, const hr_request *request,
                            hr_scratch *scratch);

/* The compiled routes of a view: one object with `route_tables` (of them `virtual_hosts`, of them
 * `routes` in the order they are tried, each with its conditions, its action and its place) and `omitted`,
 * rules that this view does not see; docs/gateway.md describes the keys. Zero-terminated, in the scratch,
 * which starts over. HR_EINVAL, HR_ENOMEM. Its size grows with the number of rules. */
HR_API int hr_view_json(hr_str *out, const hr_view *view, hr_scratch *scratch);

/* ---- balancing --------------------------------------------------------------------------- */

/* The caller's knowledge of one endpoint of a cluster, same order as cluster->endpoints. */
typedef struct hr_endpoint_state {
    uint32_t active;   /* requests under way */
    uint8_t unusable;  /* ejected, draining or already tried */
    uint8_t warm_percent; /* 100: fully warm; 0 counts as 100 */
} hr_endpoint_state;

/* What moves from pick to pick: keep one per cluster and thread (or share it; it is only read and
 * incremented). Zero it first. */
typedef struct hr_cursor {
    uint64_t rotation;
} hr_cursor;

typedef struct hr_rings hr_rings;
/* The hash rings or Maglev tables of a cluster over those of its endpoints that are usable. Envoy builds them
 * anew whenever an endpoint is ejected or comes back, so that keys of endpoints that stay move as well: whoever
 * wants the same keeps one of these for as long as the same endpoints are out. Made for RING_HASH and MAGLEV
 * alone (else HR_EINVAL); building takes as long as in hr_view_new, so do it when health changes and not for each
 * request. Only `unusable` of the states counts, with ejections and without endpoints that were tried already.
 * Immutable; its cluster's view must outlive it. HR_ENOMEM. */
HR_API int hr_rings_new(hr_rings **out, const hr_cluster *cluster, const hr_endpoint_state *states);
HR_API void hr_rings_free(hr_rings *rings);

typedef struct hr_pick {
    const hr_endpoint_state *states; /* NULL: all idle and usable */
    uint64_t random;                 /* 64 fresh random bits */
    int has_hash;
    uint64_t hash; /* of hr_request_hash */
    const hr_rings *rings; /* over the endpoints that are usable now; NULL: over all, where one that is not usable is
                            * passed over */
} hr_pick;

/* Chooses an endpoint of `cluster` by its load balancer. *out is its index. HR_ENOENT: none usable. */
HR_API int hr_balance(size_t *out, const hr_cluster *cluster, hr_cursor *cursor, const hr_pick *pick);

/* Envoy's hash of the request by decision->hash_policy. HR_ENOENT: no usable key (then pick at random).
 * `source_ip` is the peer's address as text. A cookie that is to be made (ttl given, cookie missing) is
 * the caller's: make it, add it to the request, ask again. */
HR_API int hr_request_hash(uint64_t *out, const hr_decision *decision, const hr_request *request,
                           hr_str source_ip, hr_scratch *scratch);

#ifdef __cplusplus
}
#endif
#endif
