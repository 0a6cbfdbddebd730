/* Converts a TrafficPolicy to the circuit breaker, outlier detection and balancing of a cluster. */
#include "policy_defaults.h"

#include "traffic_policy.h"

#define NS_PER_MS 1000000

static int64_t ms_of(int64_t ns, int64_t unset) {
    return ns < 0 ? unset : ns / NS_PER_MS;
}

/* TCP counts whole seconds; Istio drops the rest. */
static int64_t seconds_of(int64_t ns) {
    return ns < 0 ? -1 : ns / 1000000000;
}

/* 0 means "default" in Istio's API, and the default is as good as unlimited. */
static int64_t limit_of(int64_t value) {
    return value > 0 ? value : -1;
}

static void fill_pool(hr_traffic_policy *out, const hr_spec_connection_pool *in) {
    out->max_connections = out->http1_max_pending_requests = out->http2_max_requests =
        out->max_retries = -1;
    out->max_requests_per_connection = out->max_connection_duration_ms = -1;
    out->max_concurrent_streams = out->http2_keepalive_interval_ms =
        out->http2_keepalive_timeout_ms = -1;
    out->tcp_keepalive_probes = out->tcp_keepalive_time_s = out->tcp_keepalive_interval_s = -1;
    out->idle_timeout_ms = 3600 * 1000;  /* Envoy's default */
    out->connect_timeout_ms = 10 * 1000; /* meshConfig.connectTimeout */
    if (in == NULL)
        return;
    out->max_connections = limit_of(in->tcp_max_connections);
    out->http1_max_pending_requests = limit_of(in->http1_max_pending_requests);
    out->http2_max_requests = limit_of(in->http2_max_requests);
    out->max_retries = limit_of(in->max_retries);
    out->max_requests_per_connection = limit_of(in->max_requests_per_connection);
    out->connect_timeout_ms = ms_of(in->tcp_connect_timeout_ns, out->connect_timeout_ms);
    out->max_connection_duration_ms = ms_of(in->tcp_max_connection_duration_ns, -1);
    out->idle_timeout_ms = ms_of(in->tcp_idle_timeout_ns, out->idle_timeout_ms);
    out->idle_timeout_ms = ms_of(in->http_idle_timeout_ns, out->idle_timeout_ms);
    out->tcp_keepalive = in->has_tcp_keepalive;
    out->tcp_keepalive_probes = in->tcp_keepalive_probes;
    out->tcp_keepalive_time_s = seconds_of(in->tcp_keepalive_time_ns);
    out->tcp_keepalive_interval_s = seconds_of(in->tcp_keepalive_interval_ns);
}

/* Istio sets the limits of HTTP/2 only on clusters that always speak it. */
hr_upstream_protocol hr_traffic_policy_protocol(hr_traffic_policy *out,
                                                const hr_spec_connection_pool *in,
                                                hr_upstream_protocol declared) {
    if (in == NULL)
        return declared;
    if (in->use_client_protocol)
        return HR_UPSTREAM_AS_CLIENT;
    if (in->h2_upgrade_policy == HR_SPEC_H2_UPGRADE && declared == HR_UPSTREAM_HTTP1)
        declared = HR_UPSTREAM_HTTP2;
    if (declared != HR_UPSTREAM_HTTP2)
        return declared;
    out->max_concurrent_streams = limit_of(in->max_concurrent_streams);
    out->http2_keepalive_interval_ms = ms_of(in->http2_keepalive_interval_ns, -1);
    out->http2_keepalive_timeout_ms = ms_of(in->http2_keepalive_timeout_ns, -1);
    return declared;
}

static void fill_outlier(hr_traffic_policy *out, const hr_spec_outlier_detection *in) {
    if (in == NULL)
        return;
    out->outlier = 1;
    out->consecutive_5xx = in->consecutive_5xx_errors < 0 ? 5 : in->consecutive_5xx_errors;
    out->consecutive_gateway_errors =
        in->consecutive_gateway_errors < 0 ? 0 : in->consecutive_gateway_errors;
    out->split_external_local_origin_errors = in->split_external_local_origin_errors;
    if (in->split_external_local_origin_errors)
        out->consecutive_local_origin_failures =
            in->consecutive_local_origin_failures > 0 ? in->consecutive_local_origin_failures : 5;
    out->interval_ms = ms_of(in->interval_ns, 10 * 1000);
    out->base_ejection_time_ms = ms_of(in->base_ejection_time_ns, 30 * 1000);
    out->max_ejection_percent =
        in->max_ejection_percent > 0 ? (int32_t)in->max_ejection_percent : 10;
    out->min_health_percent = in->min_health_percent > 0 ? (int32_t)in->min_health_percent : 0;
    out->outlier_http_codes = in->http_codes;
    out->n_outlier_http_codes = in->n_http_codes;
}

static hr_lb simple_lb(int simple) {
    switch (simple) {
    case 2:
        return HR_LB_RANDOM;
    case 3:
        return HR_LB_PASSTHROUGH;
    case 4:
        return HR_LB_ROUND_ROBIN;
    default:
        return HR_LB_LEAST_REQUEST;
    }
}

static void fill_lb(hr_traffic_policy *out, const hr_spec_load_balancer *in) {
    out->lb = HR_LB_LEAST_REQUEST;
    out->ring_min_size = 1024;
    out->maglev_table_size = 65537;
    out->warmup_minimum_percent = 10;
    out->warmup_aggression = 1;
    if (in == NULL)
        return;
    out->lb = in->has_simple ? simple_lb(in->simple) : HR_LB_LEAST_REQUEST;
    if (in->has_consistent_hash) {
        out->lb = in->hash_algorithm == 2 ? HR_LB_MAGLEV : HR_LB_RING_HASH;
        int64_t ring =
            in->hash_algorithm == 0 ? in->deprecated_minimum_ring_size : in->minimum_ring_size;
        if (ring > 0)
            out->ring_min_size = (uint64_t)ring;
        if (in->maglev_table_size > 0)
            out->maglev_table_size = (uint64_t)in->maglev_table_size;
    }
    /* Envoy has slow start for these two alone. */
    if (out->lb == HR_LB_ROUND_ROBIN || out->lb == HR_LB_LEAST_REQUEST)
        out->warmup_ms =
            ms_of(in->has_warmup ? in->warmup_duration_ns : in->warmup_duration_secs_ns, 0);
    if (in->warmup_minimum_percent >= 0)
        out->warmup_minimum_percent = in->warmup_minimum_percent;
    if (in->warmup_aggression >= 0)
        out->warmup_aggression = in->warmup_aggression;
}

static void fill_tls(hr_traffic_policy *out, const hr_spec_client_tls *in) {
    if (in == NULL)
        return;
    out->tls_mode = in->mode;
    out->tls_sni = in->sni;
    out->tls_ca_certificates = in->ca_certificates;
    out->tls_client_certificate = in->client_certificate;
    out->tls_credential_name = in->credential_name;
    out->tls_private_key = in->private_key;
    out->tls_subject_alt_names = in->subject_alt_names.v;
    out->n_tls_subject_alt_names = in->subject_alt_names.n;
    out->tls_insecure_skip_verify = in->insecure_skip_verify == 1;
}

static void fill_retry_budget(hr_traffic_policy *out, const hr_spec_retry_budget *in) {
    if (in == NULL)
        return;
    out->retry_budget = 1;
    out->retry_budget_percent = in->percent;
    out->retry_budget_min_concurrency = in->min_retry_concurrency;
    out->retry_budget_interval_ms = in->budget_interval_ns / NS_PER_MS;
}

void hr_traffic_policy_fill(hr_traffic_policy *out, const hr_mesh_traffic_policy *blocks) {
    *out = (hr_traffic_policy){0};
    fill_pool(out, blocks->connection_pool);
    fill_outlier(out, blocks->outlier_detection);
    fill_lb(out, blocks->load_balancer);
    fill_tls(out, blocks->tls);
    fill_retry_budget(out, blocks->retry_budget);
}
