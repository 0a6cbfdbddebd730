/* TrafficPolicy of a DestinationRule: connection pool, outlier detection, TLS, and the same for
 * single ports. */
#ifndef HR_TRAFFIC_POLICY_H
#define HR_TRAFFIC_POLICY_H

#include "load_balancer.h"

#define HR_SPEC_H2_UPGRADE 2

typedef struct hr_spec_connection_pool {
    bool present;
    int64_t tcp_max_connections, tcp_connect_timeout_ns, tcp_idle_timeout_ns,
        tcp_max_connection_duration_ns;
    int64_t http1_max_pending_requests, http2_max_requests, max_requests_per_connection,
        max_retries;
    int64_t http_idle_timeout_ns, max_concurrent_streams;
    int h2_upgrade_policy; /* 0 DEFAULT, 1 DO_NOT_UPGRADE, HR_SPEC_H2_UPGRADE */
    bool use_client_protocol;
    bool has_tcp, has_http, has_tcp_keepalive, has_http2_keepalive;
    int64_t tcp_keepalive_probes, tcp_keepalive_time_ns, tcp_keepalive_interval_ns;
    int64_t http2_keepalive_interval_ns, http2_keepalive_timeout_ns;
    hr_pos pos;
} hr_spec_connection_pool; /* -1: unset */

typedef struct hr_spec_outlier_detection {
    bool present;
    int64_t consecutive_5xx_errors, consecutive_gateway_errors,
        consecutive_local_origin_failures;            /* -1 unset */
    int64_t interval_ns, base_ejection_time_ns;       /* -1: unset */
    int64_t max_ejection_percent, min_health_percent; /* -1: unset */
    bool split_external_local_origin_errors;
    int32_t consecutive_errors; /* deprecated: warned about, without effect; 0: unset */
    uint16_t *http_codes;
    size_t n_http_codes;
    hr_pos pos;
} hr_spec_outlier_detection;

typedef struct hr_spec_client_tls { /* ClientTLSSettings */
    bool present;
    hr_tls_mode mode;
    hr_str client_certificate, private_key, ca_certificates, sni, credential_name;
    hr_str_list subject_alt_names;
    int insecure_skip_verify; /* -1 unset */
    hr_pos pos;
} hr_spec_client_tls;

typedef struct hr_spec_retry_budget { /* TrafficPolicy.RetryBudget */
    bool present;
    double percent; /* of the active and pending requests */
    uint32_t min_retry_concurrency;
    int64_t budget_interval_ns; /* 0: requests count while they are under way */
    hr_pos pos;
} hr_spec_retry_budget;

typedef struct hr_spec_port_policy hr_spec_port_policy;

typedef struct hr_spec_traffic_policy { /* TrafficPolicy */
    bool present;
    hr_spec_load_balancer load_balancer;
    hr_spec_connection_pool connection_pool;
    hr_spec_outlier_detection outlier_detection;
    hr_spec_client_tls tls;
    hr_spec_retry_budget retry_budget; /* not of a port */
    hr_spec_port_policy *port_level;
    size_t n_port_level;
    hr_pos pos;
} hr_spec_traffic_policy;

struct hr_spec_port_policy {
    bool has_port;
    uint32_t port;
    hr_spec_traffic_policy policy; /* without port_level */
    hr_pos port_pos;
};

extern const hr_schema hr_traffic_policy_schema; /* hr_spec_traffic_policy */

#endif
