/* DestinationRule: networking/v1alpha3/destination_rule.proto of Istio's API. */
#include "kinds.h"

#include <inttypes.h>
#include <stddef.h>

#include "validate.h"

#define AT(type, member) offsetof(type, member)

/* ---- LoadBalancerSettings ---- */

#define L(member) AT(hr_lb_settings, member)

static const hr_enum simple_lb[] = {{"UNSPECIFIED", 0}, {"LEAST_CONN", 1},  {"RANDOM", 2}, {"PASSTHROUGH", 3},
                                    {"ROUND_ROBIN", 4}, {"LEAST_REQUEST", 5}, {NULL, 0}};

static void read_simple(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    ((hr_lb_settings *)base)->has_simple = true;
    hr_read_enum(r, node, base, field);
}

static void read_hash_name(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_lb_settings *lb = base;
    lb->has_hash_key = true;
    lb->hash_kind = (hr_hash_kind)field->count;
    hr_read_string(r, node, base, field);
}

static void read_source_ip(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_lb_settings *lb = base;
    (void)field;
    lb->hash_kind = HR_HASH_SOURCE_IP;
    hr_read_bool(r, node, base, &(hr_field){.offset = L(has_hash_key)});
}

static const hr_field cookie_fields[] = {
    {"name", hr_read_string, L(hash_name), 0, NULL, 0},
    {"path", hr_read_string, L(cookie_path), 0, NULL, 0},
    {"ttl", hr_read_duration, L(cookie_ttl_ns), 0, NULL, 0},
    {"attributes", hr_read_refused, 0, 0, "attributes of a hash cookie have no effect here; leave them out", 0},
};
static const hr_schema cookie_schema = {
    "ConsistentHashLB.HTTPCookie", HR_FIELDS(cookie_fields), sizeof(hr_lb_settings), -1, L(has_hash_key), 0,
    NULL, hr_check_cookie};

static void read_cookie(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    ((hr_lb_settings *)base)->hash_kind = HR_HASH_COOKIE;
    hr_read_message(r, node, base, field);
}

static const hr_field ring_fields[] = {{"minimumRingSize", hr_read_uint64, L(minimum_ring_size), 0, NULL, 0}};
static const hr_schema ring_schema = {
    "ConsistentHashLB.RingHash", HR_FIELDS(ring_fields), sizeof(hr_lb_settings), -1, -1, 0, NULL, NULL};
static const hr_field maglev_fields[] = {{"tableSize", hr_read_uint64, L(maglev_table_size), 0, NULL, 0}};
static const hr_schema maglev_schema = {
    "ConsistentHashLB.MagLev", HR_FIELDS(maglev_fields), sizeof(hr_lb_settings), -1, -1, 0, NULL,
    hr_check_maglev};

static void read_algorithm(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    ((hr_lb_settings *)base)->hash_algorithm = (int)field->count;
    hr_read_message(r, node, base, field);
}

static const hr_field hash_fields[] = {
    {"httpHeaderName", read_hash_name, L(hash_name), HR_HASH_HEADER, NULL, 1},
    {"httpCookie", read_cookie, 0, 0, &cookie_schema, 1},
    {"useSourceIp", read_source_ip, 0, 0, NULL, 1},
    {"httpQueryParameterName", read_hash_name, L(hash_name), HR_HASH_QUERY_PARAMETER, NULL, 1},
    {"ringHash", read_algorithm, 0, 1, &ring_schema, 2},
    {"maglev", read_algorithm, 0, 2, &maglev_schema, 2},
    {"minimumRingSize", hr_read_uint64, L(deprecated_minimum_ring_size), 0, NULL, 0},
};
static const hr_schema hash_schema = {
    "LoadBalancerSettings.ConsistentHashLB", HR_FIELDS(hash_fields), sizeof(hr_lb_settings), -1,
    L(has_consistent_hash), 0, NULL, hr_check_hash};

static void read_distribute_to(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_locality_distribute *d = base;
    (void)field;
    if (!hr_reader_wants(r, node, HR_NODE_MAP) || node->u.children.n == 0)
        return;
    d->to = hr_reader_alloc(r, node->u.children.n, sizeof(*d->to));
    if (d->to == NULL)
        return;
    hr_path step;
    for (const hr_node *key = hr_keys_begin(r, &step, node); key != NULL; key = hr_keys_next(r, &step, key)) {
        d->to[d->n_to].to = hr_reader_copy(r, key->u.text);
        hr_read_uint32(r, key->value, &d->to[d->n_to++].percent, &(hr_field){0});
    }
}

static const hr_field distribute_fields[] = {
    {"from", hr_read_string, AT(hr_locality_distribute, from), 0, NULL, 0},
    {"to", read_distribute_to, 0, 0, NULL, 0},
};
static const hr_schema distribute_schema = {
    "LocalityLoadBalancerSetting.Distribute", HR_FIELDS(distribute_fields), sizeof(hr_locality_distribute),
    AT(hr_locality_distribute, pos), -1, 0, NULL, NULL};
static const hr_field failover_fields[] = {
    {"from", hr_read_string, AT(hr_pair, name), 0, NULL, 0},
    {"to", hr_read_string, AT(hr_pair, value), 0, NULL, 0},
};
static const hr_schema failover_schema = {
    "LocalityLoadBalancerSetting.Failover", HR_FIELDS(failover_fields), sizeof(hr_pair), -1, -1, 0, NULL, NULL};
static const hr_field locality_fields[] = {
    {"distribute", hr_read_list, L(distribute), L(n_distribute), &distribute_schema, 0},
    {"failover", hr_read_list, L(failover), L(n_failover), &failover_schema, 0},
    {"failoverPriority", hr_read_strings, L(failover_priority), 0, NULL, 0},
    {"enabled", hr_read_bool_value, L(locality_enabled), 0, NULL, 0},
};
static const hr_schema locality_schema = {
    "LocalityLoadBalancerSetting", HR_FIELDS(locality_fields), sizeof(hr_lb_settings), L(locality_pos),
    L(has_locality), 0, NULL, NULL};

static const hr_field warmup_fields[] = {
    {"duration", hr_read_period, L(warmup_duration_ns), 0, NULL, 0},
    {"minimumPercent", hr_read_double, L(warmup_minimum_percent), 0, NULL, 0},
    {"aggression", hr_read_double, L(warmup_aggression), 0, NULL, 0},
};
static const hr_schema warmup_schema = {
    "WarmupConfiguration", HR_FIELDS(warmup_fields), sizeof(hr_lb_settings), L(warmup_pos), L(has_warmup), 0,
    NULL, hr_check_warmup};

static void init_lb(void *out) {
    hr_lb_settings *lb = out;
    lb->cookie_ttl_ns = lb->minimum_ring_size = lb->maglev_table_size = lb->warmup_duration_ns = -1;
    lb->deprecated_minimum_ring_size = lb->warmup_duration_secs_ns = -1;
    lb->warmup_minimum_percent = lb->warmup_aggression = -1;
    lb->locality_enabled = -1;
}
static const hr_field lb_fields[] = {
    {"simple", read_simple, L(simple), 0, simple_lb, 1},
    {"consistentHash", hr_read_message, 0, 0, &hash_schema, 1},
    {"localityLbSetting", hr_read_message, 0, 0, &locality_schema, 0},
    {"zoneAwareLbSetting", hr_read_refused, 0, 0, "zone-aware balancing has no effect here; use localityLbSetting", 0},
    {"warmupDurationSecs", hr_read_duration, L(warmup_duration_secs_ns), 0, NULL, 0},
    {"warmup", hr_read_message, 0, 0, &warmup_schema, 0},
};
static const hr_schema lb_schema = {
    "LoadBalancerSettings", HR_FIELDS(lb_fields), sizeof(hr_lb_settings), L(pos), L(present), 0, init_lb,
    hr_check_load_balancer};
#undef L

/* ---- ConnectionPoolSettings ---- */

#define C(member) AT(hr_connection_pool, member)
static const hr_field keepalive_fields[] = {
    {"probes", hr_read_uint32_value, C(tcp_keepalive_probes), 0, NULL, 0},
    {"time", hr_read_period, C(tcp_keepalive_time_ns), 0, NULL, 0},
    {"interval", hr_read_period, C(tcp_keepalive_interval_ns), 0, NULL, 0},
};
static const hr_schema keepalive_schema = {
    "TCPSettings.TcpKeepalive", HR_FIELDS(keepalive_fields), sizeof(hr_connection_pool), -1,
    C(has_tcp_keepalive), 0, NULL, NULL};
/* 0s switches the timeout off. */
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
static const hr_schema tcp_schema = {
    "ConnectionPoolSettings.TCPSettings", HR_FIELDS(tcp_fields), sizeof(hr_connection_pool), -1, C(has_tcp), 0,
    NULL, hr_check_tcp_pool};

static const hr_enum h2_upgrade[] = {{"DEFAULT", 0}, {"DO_NOT_UPGRADE", 1}, {"UPGRADE", 2}, {NULL, 0}};
static const hr_field h2_keepalive_fields[] = {
    {"interval", hr_read_period, C(http2_keepalive_interval_ns), 0, NULL, 0},
    {"timeout", hr_read_period, C(http2_keepalive_timeout_ns), 0, NULL, 0},
};
static const hr_schema h2_keepalive_schema = {
    "HTTPSettings.ConnectionKeepalive", HR_FIELDS(h2_keepalive_fields), sizeof(hr_connection_pool), -1,
    C(has_http2_keepalive), 0, NULL, hr_check_http2_keepalive};
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
static const hr_schema http_schema = {
    "ConnectionPoolSettings.HTTPSettings", HR_FIELDS(http_fields), sizeof(hr_connection_pool), -1, C(has_http),
    0, NULL, hr_check_http_pool};

static void init_pool(void *out) {
    hr_connection_pool *pool = out;
    pool->tcp_max_connections = pool->tcp_connect_timeout_ns = pool->tcp_idle_timeout_ns = -1;
    pool->tcp_max_connection_duration_ns = pool->http1_max_pending_requests = pool->http2_max_requests = -1;
    pool->max_requests_per_connection = pool->max_retries = pool->http_idle_timeout_ns = -1;
    pool->max_concurrent_streams = pool->tcp_keepalive_probes = pool->tcp_keepalive_time_ns = -1;
    pool->tcp_keepalive_interval_ns = pool->http2_keepalive_interval_ns = pool->http2_keepalive_timeout_ns = -1;
}
static const hr_field pool_fields[] = {
    {"tcp", hr_read_message, 0, 0, &tcp_schema, 0},
    {"http", hr_read_message, 0, 0, &http_schema, 0},
};
static const hr_schema pool_schema = {
    "ConnectionPoolSettings", HR_FIELDS(pool_fields), sizeof(hr_connection_pool), C(pos), C(present), 0,
    init_pool, hr_check_pool};
#undef C

/* ---- OutlierDetection ---- */

#define O(member) AT(hr_outlier_detection, member)

static void read_codes(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_outlier_detection *out = base;
    (void)field;
    if (!hr_reader_wants(r, node, HR_NODE_LIST) || node->u.children.n == 0)
        return;
    out->http_codes = hr_reader_alloc(r, node->u.children.n, sizeof(*out->http_codes));
    if (out->http_codes == NULL)
        return;
    hr_path step;
    for (const hr_node *item = hr_items_begin(r, &step, node); item != NULL; item = hr_items_next(r, &step, item)) {
        uint32_t code = 0;
        hr_read_uint32(r, item, &code, &(hr_field){0});
        if (code < 100 || code > 599)
            hr_reader_warn(r, item, "%" PRIu32 " is no HTTP status, and so is never counted", code);
        else
            out->http_codes[out->n_http_codes++] = (uint16_t)code;
    }
}

static void init_outlier(void *out) {
    hr_outlier_detection *o = out;
    o->consecutive_5xx_errors = o->consecutive_gateway_errors = o->consecutive_local_origin_failures = -1;
    o->interval_ns = o->base_ejection_time_ns = o->max_ejection_percent = o->min_health_percent = -1;
}
static const hr_field outlier_fields[] = {
    {"consecutiveErrors", hr_read_int32, O(consecutive_errors), 0, NULL, 0},
    {"splitExternalLocalOriginErrors", hr_read_bool, O(split_external_local_origin_errors), 0, NULL, 0},
    {"consecutiveLocalOriginFailures", hr_read_uint32_value, O(consecutive_local_origin_failures), 0, NULL, 0},
    {"consecutiveGatewayErrors", hr_read_uint32_value, O(consecutive_gateway_errors), 0, NULL, 0},
    {"consecutive5xxErrors", hr_read_uint32_value, O(consecutive_5xx_errors), 0, NULL, 0},
    {"interval", hr_read_period, O(interval_ns), 0, NULL, 0},
    {"baseEjectionTime", hr_read_period, O(base_ejection_time_ns), 0, NULL, 0},
    {"maxEjectionPercent", hr_read_percent, O(max_ejection_percent), 0, NULL, 0},
    {"minHealthPercent", hr_read_percent, O(min_health_percent), 0, NULL, 0},
    {"outlierDetectionHttpErrorCodes", read_codes, 0, 0, NULL, 0},
};
static const hr_schema outlier_schema = {
    "OutlierDetection", HR_FIELDS(outlier_fields), sizeof(hr_outlier_detection), O(pos), O(present), 0,
    init_outlier, hr_check_outlier};
#undef O

/* ---- ClientTLSSettings ---- */

#define T(member) AT(hr_tls_settings, member)
static const hr_enum tls_modes[] = {{"DISABLE", HR_TLS_DISABLE}, {"SIMPLE", HR_TLS_SIMPLE},
                                    {"MUTUAL", HR_TLS_MUTUAL}, {"ISTIO_MUTUAL", HR_TLS_ISTIO_MUTUAL},
                                    {NULL, 0}};
static void init_tls(void *out) {
    ((hr_tls_settings *)out)->insecure_skip_verify = -1;
}
static void read_tls_mode(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    int mode = HR_TLS_DISABLE;
    hr_read_enum(r, node, &mode, &(hr_field){.arg = field->arg});
    ((hr_tls_settings *)base)->mode = (hr_tls_mode)mode;
}
static const hr_field tls_fields[] = {
    {"mode", read_tls_mode, 0, 0, tls_modes, 0},
    {"clientCertificate", hr_read_string, T(client_certificate), 0, NULL, 0},
    {"privateKey", hr_read_string, T(private_key), 0, NULL, 0},
    {"caCertificates", hr_read_string, T(ca_certificates), 0, NULL, 0},
    {"credentialName", hr_read_string, T(credential_name), 0, NULL, 0},
    {"subjectAltNames", hr_read_strings, T(subject_alt_names), 0, NULL, 0},
    {"sni", hr_read_string, T(sni), 0, NULL, 0},
    {"insecureSkipVerify", hr_read_bool_value, T(insecure_skip_verify), 0, NULL, 0},
    {"caCrl", hr_read_refused, 0, 0, "certificate revocation lists have no effect here; leave caCrl out", 0},
};
static const hr_schema tls_schema = {
    "ClientTLSSettings", HR_FIELDS(tls_fields), sizeof(hr_tls_settings), T(pos), T(present), 0, init_tls,
    hr_check_client_tls};
#undef T

/* ---- TrafficPolicy ---- */

#define P(member) AT(hr_policy_spec, member)
#define BLOCKS \
    {"loadBalancer", hr_read_message, P(load_balancer), 0, &lb_schema, 0}, \
    {"connectionPool", hr_read_message, P(connection_pool), 0, &pool_schema, 0}, \
    {"outlierDetection", hr_read_message, P(outlier_detection), 0, &outlier_schema, 0}, \
    {"tls", hr_read_message, P(tls), 0, &tls_schema, 0}

static const hr_field port_number_fields[] = {{"number", hr_read_uint32, 0, 0, NULL, 0}};
static const hr_schema port_number_schema = {
    "PortSelector", HR_FIELDS(port_number_fields), sizeof(uint32_t), -1, -1, 0, NULL, NULL};

/* PortTrafficPolicy is TrafficPolicy's blocks and a port. */
static void read_policy_port(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_port_policy *policy = (hr_port_policy *)(void *)((char *)base - AT(hr_port_policy, policy));
    (void)field;
    policy->port_pos = hr_reader_pos(r, node);
    policy->has_port = true;
    hr_read_fields(r, node, &policy->port, &port_number_schema);
}
static const hr_field port_policy_fields[] = {
    {"port", read_policy_port, 0, 0, NULL, 0},
    BLOCKS,
};
static const hr_schema port_blocks_schema = {
    "TrafficPolicy.PortTrafficPolicy", HR_FIELDS(port_policy_fields), sizeof(hr_policy_spec), P(pos), P(present),
    0, NULL, hr_check_port_policy};

static void read_port_level(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_policy_spec *policy = base;
    (void)field;
    if (!hr_reader_wants(r, node, HR_NODE_LIST) || node->u.children.n == 0)
        return;
    policy->port_level = hr_reader_alloc(r, node->u.children.n, sizeof(*policy->port_level));
    if (policy->port_level == NULL)
        return;
    hr_path step;
    for (const hr_node *item = hr_items_begin(r, &step, node); item != NULL; item = hr_items_next(r, &step, item))
        hr_read_fields(r, item, &policy->port_level[policy->n_port_level++].policy, &port_blocks_schema);
}

static const hr_field policy_fields[] = {
    BLOCKS,
    {"portLevelSettings", read_port_level, 0, 0, NULL, 0},
    {"tunnel", hr_read_refused, 0, 0, "tunnels through CONNECT are not supported here; leave tunnel out", 0},
    {"proxyProtocol", hr_read_refused, 0, 0, "the PROXY protocol is not spoken here; leave proxyProtocol out", 0},
    {"retryBudget", hr_read_refused, 0, 0,
     "a retry budget has no effect here; limit retries by connectionPool.http.maxRetries", 0},
};
static const hr_schema policy_schema = {
    "TrafficPolicy", HR_FIELDS(policy_fields), sizeof(hr_policy_spec), P(pos), P(present), 0, NULL,
    hr_check_policy};
#undef P

/* ---- Subset, DestinationRule ---- */

#define S(member) AT(hr_subset, member)
static const hr_field subset_fields[] = {
    {"name", hr_read_string, S(name), 0, NULL, 0},
    {"labels", hr_read_labels, S(labels), S(n_labels), NULL, 0},
    {"trafficPolicy", hr_read_message, S(policy), 0, &policy_schema, 0},
};
#undef S
static const hr_schema subset_schema = {
    "Subset", HR_FIELDS(subset_fields), sizeof(hr_subset), AT(hr_subset, pos), -1, 0, NULL,
    hr_check_subset};

#define D(member) AT(hr_destination_rule, member)
static const hr_field selector_fields[] = {
    {"matchLabels", hr_read_selector, D(selector), D(n_selector), NULL, 0},
};
static const hr_schema selector_schema = {
    "WorkloadSelector", HR_FIELDS(selector_fields), sizeof(hr_destination_rule), D(selector_pos),
    D(has_selector), 0, NULL, NULL};

static void read_host(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    ((hr_destination_rule *)base)->host_pos = hr_reader_pos(r, node);
    hr_read_string(r, node, base, field);
}

static const hr_field rule_fields[] = {
    {"host", read_host, D(host), 0, NULL, 0},
    {"trafficPolicy", hr_read_message, D(policy), 0, &policy_schema, 0},
    {"subsets", hr_read_list, D(subsets), D(n_subsets), &subset_schema, 0},
    {"exportTo", hr_read_strings, D(export_to), 0, NULL, 0},
    {"workloadSelector", hr_read_message, 0, 0, &selector_schema, 0},
};
#undef D
static const hr_schema rule_schema = {
    "DestinationRule", HR_FIELDS(rule_fields), sizeof(hr_destination_rule), -1, -1, 0, NULL,
    hr_check_destination_rule};

void hr_read_destination_rule(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_destination_rule *rule = HR_APPEND(r, destination_rules);
    if (rule == NULL)
        return;
    rule->meta = *meta;
    rule->pos = rule->host_pos = hr_reader_pos(r, resource);
    hr_read_spec(r, resource, rule, &rule_schema);
}
