/* TrafficPolicy of a DestinationRule: connection pool, outlier detection, TLS, and the same for
 * single ports. */
#include "traffic_policy.h"

#include <inttypes.h>
#include <stddef.h>

#include "common_fields.h"
#include "text.h"

/* ---- ConnectionPoolSettings ---- */

static void check_http2_keepalive(hr_reader *r, const hr_node *node, void *out) {
    (void)out;
    if (!hr_field_is_given(node, "interval") || !hr_field_is_given(node, "timeout"))
        hr_reader_error(r, node, "interval and timeout are required");
}

static void check_http_pool(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_connection_pool *pool = out;
    if (pool->h2_upgrade_policy == HR_SPEC_H2_UPGRADE && pool->use_client_protocol)
        hr_field_error(r, node, "useClientProtocol",
                       "cannot be combined with h2UpgradePolicy: UPGRADE");
}

static void check_pool(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_connection_pool *pool = out;
    if (!pool->has_tcp && !pool->has_http)
        hr_reader_error(r, node, "tcp or http is required");
}

#define C(member) offsetof(hr_spec_connection_pool, member)
static const hr_field keepalive_fields[] = {
    {"probes", hr_read_uint32_value, C(tcp_keepalive_probes), 0, NULL, 0},
    {"time", hr_read_period, C(tcp_keepalive_time_ns), 0, NULL, 0},
    {"interval", hr_read_period, C(tcp_keepalive_interval_ns), 0, NULL, 0},
};

static const hr_schema keepalive_schema =
    HR_SCHEMA_AT("TCPSettings.TcpKeepalive", keepalive_fields, hr_spec_connection_pool, -1,
                 C(has_tcp_keepalive), NULL, NULL);

/* 0s disables the timeout. */
static void read_idle(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    int64_t ns;
    if (node->kind == HR_NODE_STRING && hr_parse_duration(&ns, node->u.text) && ns / 1000000 == 0)
        *(int64_t *)(void *)((char *)base + field->offset) = 0;
    else
        hr_read_period(r, node, base, field);
}

static const hr_field tcp_fields[] = {
    {"maxConnections", hr_read_count, C(tcp_max_connections), 0, NULL, 0},
    {"connectTimeout", hr_read_period, C(tcp_connect_timeout_ns), 0, NULL, 0},
    {"tcpKeepalive", hr_read_message, 0, 0, &keepalive_schema, 0},
    {"maxConnectionDuration", hr_read_period, C(tcp_max_connection_duration_ns), 0, NULL, 0},
    {"idleTimeout", read_idle, C(tcp_idle_timeout_ns), 0, NULL, 0},
};

static const hr_schema tcp_schema =
    HR_SCHEMA_AT("ConnectionPoolSettings.TCPSettings", tcp_fields, hr_spec_connection_pool, -1,
                 C(has_tcp), NULL, NULL);

static const hr_enum h2_upgrade[] = {
    {"DEFAULT", 0}, {"DO_NOT_UPGRADE", 1}, {"UPGRADE", HR_SPEC_H2_UPGRADE}, {NULL, 0}};

static const hr_field h2_keepalive_fields[] = {
    {"interval", hr_read_period, C(http2_keepalive_interval_ns), 0, NULL, 0},
    {"timeout", hr_read_period, C(http2_keepalive_timeout_ns), 0, NULL, 0},
};

static const hr_schema h2_keepalive_schema =
    HR_SCHEMA_AT("HTTPSettings.ConnectionKeepalive", h2_keepalive_fields, hr_spec_connection_pool,
                 -1, C(has_http2_keepalive), NULL, check_http2_keepalive);

static const hr_field http_fields[] = {
    {"http1MaxPendingRequests", hr_read_count, C(http1_max_pending_requests), 0, NULL, 0},
    {"http2MaxRequests", hr_read_count, C(http2_max_requests), 0, NULL, 0},
    {"maxRequestsPerConnection", hr_read_count, C(max_requests_per_connection), 0, NULL, 0},
    {"maxRetries", hr_read_count, C(max_retries), 0, NULL, 0},
    {"idleTimeout", hr_read_period, C(http_idle_timeout_ns), 0, NULL, 0},
    {"h2UpgradePolicy", hr_read_enum, C(h2_upgrade_policy), 0, h2_upgrade, 0},
    {"useClientProtocol", hr_read_bool, C(use_client_protocol), 0, NULL, 0},
    {"maxConcurrentStreams", hr_read_count, C(max_concurrent_streams), 0, NULL, 0},
    {"http2KeepAlive", hr_read_message, 0, 0, &h2_keepalive_schema, 0},
};

static const hr_schema http_schema =
    HR_SCHEMA_AT("ConnectionPoolSettings.HTTPSettings", http_fields, hr_spec_connection_pool, -1,
                 C(has_http), NULL, check_http_pool);

static void init_pool(void *out) {
    hr_spec_connection_pool *pool = out;
    pool->tcp_max_connections = pool->tcp_connect_timeout_ns = pool->tcp_idle_timeout_ns = -1;
    pool->tcp_max_connection_duration_ns = pool->http1_max_pending_requests =
        pool->http2_max_requests = -1;
    pool->max_requests_per_connection = pool->max_retries = pool->http_idle_timeout_ns = -1;
    pool->max_concurrent_streams = pool->tcp_keepalive_probes = pool->tcp_keepalive_time_ns = -1;
    pool->tcp_keepalive_interval_ns = pool->http2_keepalive_interval_ns =
        pool->http2_keepalive_timeout_ns = -1;
}

static const hr_field pool_fields[] = {
    {"tcp", hr_read_message, 0, 0, &tcp_schema, 0},
    {"http", hr_read_message, 0, 0, &http_schema, 0},
};

static const hr_schema pool_schema =
    HR_SCHEMA_AT("ConnectionPoolSettings", pool_fields, hr_spec_connection_pool, C(pos), C(present),
                 init_pool, check_pool);
#undef C

/* ---- OutlierDetection ---- */

#define O(member) offsetof(hr_spec_outlier_detection, member)

static void read_codes(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_spec_outlier_detection *out = base;
    (void)field;
    if (!hr_reader_expect(r, node, HR_NODE_LIST) || node->u.children.n == 0)
        return;
    out->http_codes = hr_reader_alloc(r, node->u.children.n, sizeof(*out->http_codes));
    if (out->http_codes == NULL)
        return;
    hr_path step;
    for (const hr_node *item = hr_items_begin(r, &step, node); item != NULL;
         item = hr_items_next(r, &step, item)) {
        uint32_t code = 0;
        hr_read_uint32(r, item, &code, &(hr_field){0});
        if (code >= 100 && code <= 599) /* others are refused by the schema */
            out->http_codes[out->n_http_codes++] = (uint16_t)code;
    }
}

static void init_outlier(void *out) {
    hr_spec_outlier_detection *o = out;
    o->consecutive_5xx_errors = o->consecutive_gateway_errors =
        o->consecutive_local_origin_failures = -1;
    o->interval_ns = o->base_ejection_time_ns = o->max_ejection_percent = o->min_health_percent =
        -1;
}

static void check_outlier(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_outlier_detection *outlier = out;
    if (outlier->consecutive_errors != 0)
        hr_field_warn(r, node, "consecutiveErrors",
                      "is deprecated and has no effect; use consecutive5xxErrors or "
                      "consecutiveGatewayErrors");
    if (!outlier->split_external_local_origin_errors &&
        outlier->consecutive_local_origin_failures > 0)
        hr_field_error(r, node, "consecutiveLocalOriginFailures",
                       "requires splitExternalLocalOriginErrors: true");
}

static const hr_field outlier_fields[] = {
    {"consecutiveErrors", hr_read_int32, O(consecutive_errors), 0, NULL, 0},
    {"splitExternalLocalOriginErrors", hr_read_bool, O(split_external_local_origin_errors), 0, NULL,
     0},
    {"consecutiveLocalOriginFailures", hr_read_uint32_value, O(consecutive_local_origin_failures),
     0, NULL, 0},
    {"consecutiveGatewayErrors", hr_read_uint32_value, O(consecutive_gateway_errors), 0, NULL, 0},
    {"consecutive5xxErrors", hr_read_uint32_value, O(consecutive_5xx_errors), 0, NULL, 0},
    {"interval", hr_read_period, O(interval_ns), 0, NULL, 0},
    {"baseEjectionTime", hr_read_period, O(base_ejection_time_ns), 0, NULL, 0},
    {"maxEjectionPercent", hr_read_percent, O(max_ejection_percent), 0, NULL, 0},
    {"minHealthPercent", hr_read_percent, O(min_health_percent), 0, NULL, 0},
    {"outlierDetectionHttpErrorCodes", read_codes, 0, 0, NULL, 0},
};

static const hr_schema outlier_schema =
    HR_SCHEMA_AT("OutlierDetection", outlier_fields, hr_spec_outlier_detection, O(pos), O(present),
                 init_outlier, check_outlier);
#undef O

/* ---- ClientTLSSettings ---- */

static void check_client_tls(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_client_tls *tls = out;
    int simple = tls->mode == HR_TLS_SIMPLE, mutual = tls->mode == HR_TLS_MUTUAL;
    if (tls->insecure_skip_verify == 1 && (simple || mutual)) {
        static const char *const checked[] = {"caCertificates", "subjectAltNames",
                                              "credentialName"};
        for (size_t i = 0; i < (simple ? 3 : 2); i++)
            if (hr_field_is_given(node, checked[i]))
                hr_field_error(r, node, checked[i], "is not allowed with insecureSkipVerify: true");
    }
    if (!simple && !mutual)
        return;
    if (tls->credential_name.len > 0) {
        if (tls->client_certificate.len > 0 || tls->ca_certificates.len > 0 ||
            tls->private_key.len > 0)
            hr_field_error(
                r, node, "credentialName",
                "cannot be combined with clientCertificate, privateKey or caCertificates");
        return;
    }
    if (mutual && tls->client_certificate.len == 0)
        hr_field_error(r, node, "clientCertificate", "is required by mode MUTUAL");
    if (mutual && tls->private_key.len == 0)
        hr_field_error(r, node, "privateKey", "is required by mode MUTUAL");
}

#define T(member) offsetof(hr_spec_client_tls, member)
static const hr_enum tls_modes[] = {{"DISABLE", HR_TLS_DISABLE},
                                    {"SIMPLE", HR_TLS_SIMPLE},
                                    {"MUTUAL", HR_TLS_MUTUAL},
                                    {"ISTIO_MUTUAL", HR_TLS_ISTIO_MUTUAL},
                                    {NULL, 0}};

static void init_client_tls(void *out) {
    ((hr_spec_client_tls *)out)->insecure_skip_verify = -1;
}

static void read_tls_mode(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    int mode = HR_TLS_DISABLE;
    hr_read_enum(r, node, &mode, &(hr_field){.arg = field->arg});
    ((hr_spec_client_tls *)base)->mode = (hr_tls_mode)mode;
}

static const hr_field client_tls_fields[] = {
    {"mode", read_tls_mode, 0, 0, tls_modes, 0},
    {"clientCertificate", hr_read_string, T(client_certificate), 0, NULL, 0},
    {"privateKey", hr_read_string, T(private_key), 0, NULL, 0},
    {"caCertificates", hr_read_string, T(ca_certificates), 0, NULL, 0},
    {"credentialName", hr_read_string, T(credential_name), 0, NULL, 0},
    {"subjectAltNames", hr_read_strings, T(subject_alt_names), 0, NULL, 0},
    {"sni", hr_read_string, T(sni), 0, NULL, 0},
    {"insecureSkipVerify", hr_read_bool_value, T(insecure_skip_verify), 0, NULL, 0},
    {"caCrl", hr_read_refused, 0, 0, "certificate revocation lists are not supported; remove caCrl",
     0},
};

static const hr_schema client_tls_schema =
    HR_SCHEMA_AT("ClientTLSSettings", client_tls_fields, hr_spec_client_tls, T(pos), T(present),
                 init_client_tls, check_client_tls);
#undef T

/* ---- RetryBudget ---- */

#define R(member) offsetof(hr_spec_retry_budget, member)

/* As in Istio's translation; 0 requests at a time is its default as well. */
static void init_retry_budget(void *out) {
    hr_spec_retry_budget *budget = out;
    budget->percent = 20;
}

static void check_retry_budget(hr_reader *r, const hr_node *node, void *out) {
    hr_spec_retry_budget *budget = out;
    (void)r, (void)node;
    if (budget->min_retry_concurrency == 0)
        budget->min_retry_concurrency = 3;
}

static const hr_field retry_budget_fields[] = {
    {"percent", hr_read_double, R(percent), 0, NULL, 0},
    {"minRetryConcurrency", hr_read_uint32, R(min_retry_concurrency), 0, NULL, 0},
    {"budgetInterval", hr_read_duration, R(budget_interval_ns), 0, NULL, 0},
};

static const hr_schema retry_budget_schema =
    HR_SCHEMA_AT("TrafficPolicy.RetryBudget", retry_budget_fields, hr_spec_retry_budget, R(pos),
                 R(present), init_retry_budget, check_retry_budget);
#undef R

/* ---- TrafficPolicy and PortTrafficPolicy ---- */

static void check_failover_outlier(hr_reader *r, const hr_node *node,
                                   const hr_spec_traffic_policy *policy) {
    const hr_spec_load_balancer *lb = &policy->load_balancer;
    if ((lb->n_failover > 0 || lb->failover_priority.n > 0) && !policy->outlier_detection.present)
        hr_field_warn(r, node, "loadBalancer", "failover has no effect without outlierDetection");
}

static void check_port_policy(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_traffic_policy *policy = out;
    const hr_spec_port_policy *whole =
        (const hr_spec_port_policy *)(const void *)((const char *)out -
                                                    offsetof(hr_spec_port_policy, policy));
    if (!hr_field_is_given(node, "port"))
        hr_reader_error(r, node, "port.number is required");
    else if (whole->port < 1 || whole->port > 65535)
        hr_field_warn(r, node, "port", "%u is not a valid port, so the policy has no effect",
                      whole->port);
    if (!policy->load_balancer.present && !policy->connection_pool.present &&
        !policy->outlier_detection.present && !policy->tls.present)
        hr_reader_error(
            r, node,
            "at least one of loadBalancer, connectionPool, outlierDetection and tls is required");
    check_failover_outlier(r, node, policy);
}

#define P(member) offsetof(hr_spec_traffic_policy, member)

#define BLOCKS                                                                                     \
    {"loadBalancer", hr_read_message, P(load_balancer), 0, &hr_load_balancer_schema, 0},           \
        {"connectionPool", hr_read_message, P(connection_pool), 0, &pool_schema, 0},               \
        {"outlierDetection", hr_read_message, P(outlier_detection), 0, &outlier_schema, 0}, {      \
        "tls", hr_read_message, P(tls), 0, &client_tls_schema, 0                                   \
    }

static const hr_field port_number_fields[] = {{"number", hr_read_uint32, 0, 0, NULL, 0}};

static const hr_schema port_number_schema =
    HR_SCHEMA("PortSelector", port_number_fields, uint32_t, NULL, NULL);

/* PortTrafficPolicy is TrafficPolicy's blocks and a port. */
static void read_policy_port(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_spec_port_policy *policy =
        (hr_spec_port_policy *)(void *)((char *)base - offsetof(hr_spec_port_policy, policy));
    (void)field;
    policy->port_pos = hr_reader_pos(r, node);
    policy->has_port = true;
    hr_read_fields(r, node, &policy->port, &port_number_schema);
}

static const hr_field port_policy_fields[] = {
    {"port", read_policy_port, 0, 0, NULL, 0},
    BLOCKS,
};

static const hr_schema port_blocks_schema =
    HR_SCHEMA_AT("TrafficPolicy.PortTrafficPolicy", port_policy_fields, hr_spec_traffic_policy,
                 P(pos), P(present), NULL, check_port_policy);

static void read_port_level(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_spec_traffic_policy *policy = base;
    (void)field;
    if (!hr_reader_expect(r, node, HR_NODE_LIST) || node->u.children.n == 0)
        return;
    policy->port_level = hr_reader_alloc(r, node->u.children.n, sizeof(*policy->port_level));
    if (policy->port_level == NULL)
        return;
    hr_path step;
    for (const hr_node *item = hr_items_begin(r, &step, node); item != NULL;
         item = hr_items_next(r, &step, item))
        hr_read_fields(r, item, &policy->port_level[policy->n_port_level++].policy,
                       &port_blocks_schema);
}

static void check_policy(hr_reader *r, const hr_node *node, void *out) {
    static const char *const blocks[] = {"loadBalancer",  "connectionPool",    "outlierDetection",
                                         "tls",           "portLevelSettings", "tunnel",
                                         "proxyProtocol", "retryBudget"};
    int n = 0;
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
        n += hr_field_is_given(node, blocks[i]);
    if (n == 0)
        hr_reader_error(r, node, "at least one field is required");
    check_failover_outlier(r, node, out);
}

/* What it says concerns how a connection begins. */
static void read_beside_decisions(hr_reader *r, const hr_node *node, void *base,
                                  const hr_field *field) {
    (void)base, (void)field;
    (r->serves ? hr_reader_error
               : hr_reader_warn)(r, node, "is not supported: it changes no routing decision");
}

static const hr_field policy_fields[] = {
    BLOCKS,
    {"portLevelSettings", read_port_level, 0, 0, NULL, 0},
    {"tunnel", hr_read_refused, 0, 0, "tunnels through CONNECT are not supported; remove tunnel",
     0},
    {"proxyProtocol", read_beside_decisions, 0, 0, NULL, 0},
    {"retryBudget", hr_read_message, P(retry_budget), 0, &retry_budget_schema, 0},
};

const hr_schema hr_traffic_policy_schema = HR_SCHEMA_AT(
    "TrafficPolicy", policy_fields, hr_spec_traffic_policy, P(pos), P(present), NULL, check_policy);
#undef P
