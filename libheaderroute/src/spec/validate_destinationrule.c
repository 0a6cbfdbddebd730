/* Admission of DestinationRules. */
#include "validate.h"

#include <stddef.h>

#include "syntax.h"
#include "text.h"

static int given(const hr_node *map, const char *field) {
    return hr_field_get(map, field) != NULL;
}

/* ---- load balancer ---- */

void hr_check_cookie(hr_reader *r, const hr_node *node, void *out) {
    const hr_lb_settings *lb = out;
    if (lb->hash_name.len == 0)
        hr_reader_error(r, node, "a hash cookie wants a name");
    if (lb->cookie_ttl_ns < -1)
        hr_field_error(r, node, "ttl", "may not be negative");
}

/* Envoy's test, whose small numbers are its own. */
static int is_prime(int64_t n) {
    if (n > 0 && n < 4)
        return 1;
    if (n % 2 == 0)
        return 0;
    for (int64_t i = 3; i * i <= n; i += 2)
        if (n % i == 0)
            return 0;
    return 1;
}

void hr_check_maglev(hr_reader *r, const hr_node *node, void *out) {
    const hr_lb_settings *lb = out;
    int64_t size = lb->maglev_table_size;
    if (size <= 0)
        hr_reader_error(r, node, "maglev wants a tableSize: a prime number below 5000011, for example 65537");
    else if (size >= 5000011)
        hr_field_error(r, node, "tableSize", "must be below 5000011");
    else if (!is_prime(size))
        hr_field_error(r, node, "tableSize", "%lld is not a prime number", (long long)size);
}

#define LARGEST_RING 8388608 /* Envoy's maximum ring size, which Istio leaves alone */

void hr_check_hash(hr_reader *r, const hr_node *node, void *out) {
    const hr_lb_settings *lb = out;
    static const char *const keys[] = {"httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"};
    int n = 0;
    for (size_t i = 0; i < 4; i++)
        n += given(node, keys[i]);
    if (n == 0)
        hr_reader_warn(r, node, "without a key (%s, %s, %s, %s) every request goes to a random endpoint", keys[0],
                       keys[1], keys[2], keys[3]);
    if (lb->deprecated_minimum_ring_size > 0) {
        hr_field_warn(r, node, "minimumRingSize", "is deprecated; use ringHash.minimumRingSize");
        if (lb->hash_algorithm != 0)
            hr_field_error(r, node, "minimumRingSize", "excludes \"ringHash\" and \"maglev\"");
    }
    if (lb->minimum_ring_size > LARGEST_RING || lb->deprecated_minimum_ring_size > LARGEST_RING)
        hr_field_error(r, node, lb->minimum_ring_size > LARGEST_RING ? "ringHash" : "minimumRingSize",
                       "a ring has at most %d entries in Envoy", LARGEST_RING);
}

void hr_check_warmup(hr_reader *r, const hr_node *node, void *out) {
    const hr_lb_settings *lb = out;
    if (!given(node, "duration"))
        hr_reader_error(r, node, "warmup wants a duration");
    if (given(node, "minimumPercent") && (lb->warmup_minimum_percent < 0 || lb->warmup_minimum_percent > 100))
        hr_field_error(r, node, "minimumPercent", "%g is no percentage; wants 0 to 100", lb->warmup_minimum_percent);
    if (given(node, "aggression") && lb->warmup_aggression <= 0)
        hr_field_error(r, node, "aggression", "must be greater than 0");
}

/* ---- locality ---- */

/* Region, zone or subzone (level 0, 1, 2); absent where the locality is shorter. */
static hr_str part_of(hr_str locality, size_t level) {
    size_t from = 0;
    for (size_t i = 0; i < level; i++) {
        size_t slash = hr_str_find(locality, '/', from);
        if (slash == locality.len)
            return (hr_str){0};
        from = slash + 1;
    }
    return hr_str_from_to(locality, from, level == 2 ? locality.len : hr_str_find(locality, '/', from));
}

/* region[/zone[/subzone]], where a '*' may end it; an absent part stands for all. */
static const char *locality_mistake(hr_str locality) {
    size_t stars = 0;
    for (size_t i = 0; i < locality.len; i++)
        stars += locality.p[i] == '*';
    if (stars > 1 || (stars == 1 && locality.p[locality.len - 1] != '*'))
        return "a '*' may stand at its end only";
    for (size_t level = 0; level < 3; level++) {
        hr_str part = part_of(locality, level);
        if (part.p != NULL && part.len == 0)
            return "its region, zone and subzone may not be empty";
    }
    return locality.len == 0 ? "it is empty" : NULL;
}

/* A later locality may widen an earlier one by a '*', and in no other way meet it. */
static int localities_overlap(hr_str earlier, hr_str later) {
    for (size_t level = 0; level < 3; level++) {
        hr_str x = part_of(earlier, level), y = part_of(later, level);
        if (x.p == NULL || y.p == NULL || hr_str_eq_c(x, "*"))
            return 1;
        if (!hr_str_eq(x, y))
            return 0;
    }
    return 1;
}

#define MOST_LOCALITIES 1000

static void check_distribute(hr_reader *r, const hr_node *list, const hr_lb_settings *lb) {
    hr_path step;
    const hr_locality_distribute *d = lb->distribute;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL;
         item = hr_items_next(r, &step, item), d++) {
        uint64_t total = 0;
        const char *mistake = locality_mistake(d->from);
        if (mistake != NULL)
            hr_field_error(r, item, "from", "\"%.*s\" is no locality: %s", (int)d->from.len,
                           d->from.p == NULL ? "" : d->from.p, mistake);
        for (const hr_locality_distribute *e = lb->distribute; e != d && e < lb->distribute + MOST_LOCALITIES; e++)
            if (mistake == NULL && localities_overlap(e->from, d->from))
                hr_field_error(r, item, "from", "overlaps with \"%.*s\"", (int)e->from.len, e->from.p);
        for (size_t i = 0; i < d->n_to; i++) {
            total += d->to[i].percent;
            mistake = locality_mistake(d->to[i].to);
            if (mistake != NULL)
                hr_field_error(r, item, "to", "\"%.*s\" is no locality: %s", (int)d->to[i].to.len, d->to[i].to.p,
                               mistake);
            if (d->to[i].percent < 1 || d->to[i].percent > 100)
                hr_field_error(r, item, "to", "%u is no weight; wants 1 to 100", d->to[i].percent);
            for (size_t j = 0; j < i && i < MOST_LOCALITIES; j++)
                if (mistake == NULL && localities_overlap(d->to[j].to, d->to[i].to))
                    hr_field_error(r, item, "to", "\"%.*s\" overlaps with \"%.*s\"", (int)d->to[i].to.len,
                                   d->to[i].to.p, (int)d->to[j].to.len, d->to[j].to.p);
        }
        if (total != 100)
            hr_field_error(r, item, "to", "the weights must add up to 100, not %llu", (unsigned long long)total);
    }
}

static void check_failover(hr_reader *r, const hr_node *list, const hr_lb_settings *lb) {
    hr_path step;
    const hr_pair *f = lb->failover;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL;
         item = hr_items_next(r, &step, item), f++) {
        if (hr_str_eq(f->name, f->value))
            hr_reader_error(r, item, "from and to must be different regions");
        if (hr_str_has(f->name, '/') || hr_str_has(f->value, '/'))
            hr_reader_error(r, item, "from and to are regions, without zone");
        if (hr_str_has(f->name, '*') || hr_str_has(f->value, '*'))
            hr_reader_error(r, item, "from and to take no wildcard");
    }
}

static void check_locality(hr_reader *r, const hr_node *node, const hr_lb_settings *lb) {
    if (lb->n_distribute > 0 && lb->n_failover > 0) {
        hr_field_error(r, node, "failover", "excludes \"distribute\": only one of them may be given");
        return;
    }
    for (size_t i = 0; lb->n_failover > 0 && i < lb->failover_priority.n; i++) {
        hr_str label = lb->failover_priority.v[i];
        if (hr_str_eq_c(label, "topology.kubernetes.io/region") || hr_str_eq_c(label, "topology.kubernetes.io/zone") ||
            hr_str_eq_c(label, "topology.istio.io/subzone"))
            hr_field_error(r, node, "failoverPriority", "excludes \"failover\" where it names \"%.*s\"", (int)label.len,
                           label.p);
    }
    hr_path name = {.up = r->path, .name = HR_STR("distribute")};
    const hr_node *list = hr_field_get(node, "distribute");
    r->path = &name;
    if (list != NULL && list->kind == HR_NODE_LIST && lb->n_distribute == list->u.children.n)
        check_distribute(r, list, lb);
    name.name = HR_STR("failover");
    list = hr_field_get(node, "failover");
    if (list != NULL && list->kind == HR_NODE_LIST && lb->n_failover == list->u.children.n)
        check_failover(r, list, lb);
    r->path = name.up;
}

void hr_check_load_balancer(hr_reader *r, const hr_node *node, void *out) {
    const hr_lb_settings *lb = out;
    const hr_node *locality = hr_field_get(node, "localityLbSetting");
    if (locality != NULL && locality->kind == HR_NODE_MAP) {
        hr_path step = {.up = r->path, .name = HR_STR("localityLbSetting")};
        r->path = &step;
        check_locality(r, locality, lb);
        r->path = step.up;
    }
    if (lb->has_simple && lb->simple == 1)
        hr_field_warn(r, node, "simple", "LEAST_CONN is deprecated; LEAST_REQUEST is the same");
    if (lb->warmup_duration_secs_ns >= 0)
        hr_field_warn(r, node, "warmupDurationSecs", "is deprecated; use warmup.duration");
}

/* ---- connection pool, outlier detection, TLS ---- */

void hr_check_http2_keepalive(hr_reader *r, const hr_node *node, void *out) {
    (void)out;
    if (!given(node, "interval") || !given(node, "timeout"))
        hr_reader_error(r, node, "wants both interval and timeout");
}

/* What concerns the wire and no decision: said, since a policy that is read and not acted on misleads. */
static void tell_wire(hr_reader *r, const hr_node *node, const char *const *fields, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (given(node, fields[i]))
            (r->serves ? hr_field_error : hr_field_warn)(r, node, fields[i],
                                                         "changes no decision, and has no effect here");
}

void hr_check_tcp_pool(hr_reader *r, const hr_node *node, void *out) {
    static const char *const wire[] = {"tcpKeepalive"};
    (void)out;
    tell_wire(r, node, wire, 1);
}

void hr_check_http_pool(hr_reader *r, const hr_node *node, void *out) {
    static const char *const wire[] = {"h2UpgradePolicy", "useClientProtocol", "maxConcurrentStreams", "http2KeepAlive"};
    const hr_connection_pool *pool = out;
    tell_wire(r, node, wire, 4);
    if (pool->h2_upgrade_policy == 2 && pool->use_client_protocol)
        hr_field_error(r, node, "useClientProtocol", "excludes h2UpgradePolicy: UPGRADE");
}

void hr_check_pool(hr_reader *r, const hr_node *node, void *out) {
    const hr_connection_pool *pool = out;
    if (!pool->has_tcp && !pool->has_http)
        hr_reader_error(r, node, "a connection pool wants tcp or http");
}

void hr_check_outlier(hr_reader *r, const hr_node *node, void *out) {
    const hr_outlier_detection *outlier = out;
    if (outlier->consecutive_errors != 0)
        hr_field_warn(r, node, "consecutiveErrors",
                      "is deprecated and has no effect; use consecutive5xxErrors or consecutiveGatewayErrors");
    if (!outlier->split_external_local_origin_errors && outlier->consecutive_local_origin_failures > 0)
        hr_field_error(r, node, "consecutiveLocalOriginFailures", "wants splitExternalLocalOriginErrors: true");
}

void hr_check_client_tls(hr_reader *r, const hr_node *node, void *out) {
    const hr_tls_settings *tls = out;
    int simple = tls->mode == HR_TLS_SIMPLE, mutual = tls->mode == HR_TLS_MUTUAL;
    if (tls->insecure_skip_verify == 1 && (simple || mutual)) {
        static const char *const checked[] = {"caCertificates", "subjectAltNames", "credentialName"};
        for (size_t i = 0; i < (simple ? 3 : 2); i++)
            if (given(node, checked[i]))
                hr_field_error(r, node, checked[i], "makes no sense with insecureSkipVerify: true");
    }
    if (!simple && !mutual)
        return;
    if (tls->credential_name.len > 0) {
        if (tls->client_certificate.len > 0 || tls->ca_certificates.len > 0 || tls->private_key.len > 0)
            hr_field_error(r, node, "credentialName", "excludes clientCertificate, privateKey and caCertificates");
        return;
    }
    if (mutual && tls->client_certificate.len == 0)
        hr_field_error(r, node, "clientCertificate", "is wanted by MUTUAL");
    if (mutual && tls->private_key.len == 0)
        hr_field_error(r, node, "privateKey", "is wanted by MUTUAL");
}

/* ---- policy, subset, rule ---- */

static void check_failover_outlier(hr_reader *r, const hr_node *node, const hr_policy_spec *policy) {
    const hr_lb_settings *lb = &policy->load_balancer;
    if ((lb->n_failover > 0 || lb->failover_priority.n > 0) && !policy->outlier_detection.present)
        hr_field_warn(r, node, "loadBalancer", "failover has no effect without outlierDetection");
}

void hr_check_policy(hr_reader *r, const hr_node *node, void *out) {
    static const char *const blocks[] = {"loadBalancer", "connectionPool", "outlierDetection", "tls",
                                         "portLevelSettings", "tunnel", "proxyProtocol", "retryBudget"};
    int n = 0;
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
        n += given(node, blocks[i]);
    if (n == 0)
        hr_reader_error(r, node, "a traffic policy wants at least one field");
    check_failover_outlier(r, node, out);
}

void hr_check_port_policy(hr_reader *r, const hr_node *node, void *out) {
    const hr_policy_spec *policy = out;
    const hr_port_policy *whole = (const hr_port_policy *)(const void *)((const char *)out - offsetof(hr_port_policy, policy));
    if (!given(node, "port"))
        hr_reader_error(r, node, "a port's policy wants port.number");
    else if (whole->port < 1 || whole->port > 65535)
        hr_field_warn(r, node, "port", "%u is no port, and so the policy has no effect", whole->port);
    if (!policy->load_balancer.present && !policy->connection_pool.present && !policy->outlier_detection.present &&
        !policy->tls.present)
        hr_reader_error(r, node, "a port's policy wants at least one of loadBalancer, connectionPool, outlierDetection, tls");
    check_failover_outlier(r, node, policy);
}

void hr_check_subset(hr_reader *r, const hr_node *node, void *out) {
    const hr_subset *subset = out;
    if (subset->name.len == 0)
        hr_reader_error(r, node, "a subset wants a name");
    else if (!hr_is_label(subset->name))
        hr_field_error(r, node, "name", "\"%.*s\" is no name of a subset: letters, digits and '-'",
                       (int)subset->name.len, subset->name.p);
}

void hr_check_destination_rule(hr_reader *r, const hr_node *spec, void *out) {
    const hr_destination_rule *rule = out;
    const hr_node *list = hr_field_get(spec, "subsets"), *host = hr_field_get(spec, "host");
    hr_path name = {.up = r->path, .name = HR_STR("host")}, step;
    hr_map names = {0};
    if (host == NULL)
        hr_reader_error(r, spec, "a DestinationRule wants a host");
    r->path = &name;
    if (host != NULL && host->kind == HR_NODE_STRING)
        hr_check_domain(r, host, "host", rule->host, 1);
    name.name = HR_STR("subsets");
    const hr_subset *subset = rule->subsets;
    for (const hr_node *item = rule->n_subsets > 0 ? hr_items_begin(r, &step, list) : NULL; item != NULL;
         item = hr_items_next(r, &step, item), subset++) {
        const hr_subset *first = hr_map_get(&names, subset->name);
        if (subset->name.len == 0)
            continue;
        if (first != NULL)
            hr_field_error(r, item, "name", "the subset \"%.*s\" is given twice: first on line %d",
                           (int)subset->name.len, subset->name.p, first->pos.line);
        else
            hr_map_add(r->document, &names, subset->name, subset);
    }
    r->path = name.up;
    hr_check_export_to(r, spec, rule->meta.namespace_, 0, rule->has_selector);
    if (rule->has_selector && rule->n_selector == 0)
        hr_field_warn(r, spec, "workloadSelector", "without labels selects every workload of the namespace");
}
