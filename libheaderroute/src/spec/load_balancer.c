/* LoadBalancerSettings: algorithm, consistent hash, locality and warm-up, read and checked. */
#include "load_balancer.h"

#include <stddef.h>

#include "common_fields.h"
#include "text.h"

#define L(member) offsetof(hr_spec_load_balancer, member)

/* ---- ConsistentHashLB ---- */

static void read_hash_name(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_spec_load_balancer *lb = base;
    lb->has_hash_key = true;
    lb->hash_kind = (hr_hash_kind)field->count;
    hr_read_string(r, node, base, field);
}

static void read_source_ip(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_spec_load_balancer *lb = base;
    (void)field;
    lb->hash_kind = HR_HASH_SOURCE_IP;
    hr_read_bool(r, node, base, &(hr_field){.offset = L(has_hash_key)});
}

static void check_cookie(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_load_balancer *lb = out;
    if (lb->hash_name.len == 0)
        hr_reader_error(r, node, "name is required");
    if (lb->cookie_ttl_ns < -1)
        hr_field_error(r, node, "ttl", "must not be negative");
}

static const hr_field cookie_fields[] = {
    {"name", hr_read_string, L(hash_name), 0, NULL, 0},
    {"path", hr_read_string, L(cookie_path), 0, NULL, 0},
    {"ttl", hr_read_duration, L(cookie_ttl_ns), 0, NULL, 0},
    {"attributes", hr_read_refused, 0, 0,
     "attributes of a hash cookie are not supported; remove them", 0},
};

static const hr_schema cookie_schema =
    HR_SCHEMA_AT("ConsistentHashLB.HTTPCookie", cookie_fields, hr_spec_load_balancer, -1,
                 L(has_hash_key), NULL, check_cookie);

static void read_cookie(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    ((hr_spec_load_balancer *)base)->hash_kind = HR_HASH_COOKIE;
    hr_read_message(r, node, base, field);
}

static const hr_field ring_fields[] = {
    {"minimumRingSize", hr_read_uint64, L(minimum_ring_size), 0, NULL, 0}};

static const hr_schema ring_schema =
    HR_SCHEMA("ConsistentHashLB.RingHash", ring_fields, hr_spec_load_balancer, NULL, NULL);

/* Envoy's test for prime numbers, including its results for small numbers. */
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

static void check_maglev(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_load_balancer *lb = out;
    int64_t size = lb->maglev_table_size;
    if (size <= 0)
        hr_reader_error(
            r, node, "tableSize is required: expected a prime number below 5000011, such as 65537");
    else if (size >= 5000011)
        hr_field_error(r, node, "tableSize", "must be below 5000011");
    else if (!is_prime(size))
        hr_field_error(r, node, "tableSize", "%lld is not a prime number", (long long)size);
}

static const hr_field maglev_fields[] = {
    {"tableSize", hr_read_uint64, L(maglev_table_size), 0, NULL, 0}};

static const hr_schema maglev_schema =
    HR_SCHEMA("ConsistentHashLB.MagLev", maglev_fields, hr_spec_load_balancer, NULL, check_maglev);

static void read_algorithm(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    ((hr_spec_load_balancer *)base)->hash_algorithm = (int)field->count;
    hr_read_message(r, node, base, field);
}

#define LARGEST_RING 8388608 /* Envoy's maximum ring size, which Istio does not change */

static void check_hash(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_load_balancer *lb = out;
    static const char *const keys[] = {"httpHeaderName", "httpCookie", "useSourceIp",
                                       "httpQueryParameterName"};
    int n = 0;
    for (size_t i = 0; i < 4; i++)
        n += hr_field_is_given(node, keys[i]);
    if (n == 0)
        hr_reader_warn(
            r, node,
            "without a hash key (%s, %s, %s or %s) every request goes to a random endpoint",
            keys[0], keys[1], keys[2], keys[3]);
    if (lb->deprecated_minimum_ring_size > 0) {
        hr_field_warn(r, node, "minimumRingSize", "is deprecated; use ringHash.minimumRingSize");
        if (lb->hash_algorithm != 0)
            hr_field_error(r, node, "minimumRingSize",
                           "cannot be combined with \"ringHash\" or \"maglev\"");
    }
    if (lb->minimum_ring_size > LARGEST_RING || lb->deprecated_minimum_ring_size > LARGEST_RING)
        hr_field_error(r, node,
                       lb->minimum_ring_size > LARGEST_RING ? "ringHash" : "minimumRingSize",
                       "is too large: Envoy allows at most %d entries", LARGEST_RING);
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

static const hr_schema hash_schema =
    HR_SCHEMA_AT("LoadBalancerSettings.ConsistentHashLB", hash_fields, hr_spec_load_balancer, -1,
                 L(has_consistent_hash), NULL, check_hash);

/* ---- LocalityLoadBalancerSetting ---- */

/* Region, zone or subzone (level 0, 1, 2); absent if the locality is shorter. */
static hr_str locality_part(hr_str locality, size_t level) {
    size_t from = 0;
    for (size_t i = 0; i < level; i++) {
        size_t slash = hr_str_find(locality, '/', from);
        if (slash == locality.len)
            return (hr_str){0};
        from = slash + 1;
    }
    return hr_str_from_to(locality, from,
                          level == 2 ? locality.len : hr_str_find(locality, '/', from));
}

/* region[/zone[/subzone]], which may end with a '*'; an absent part matches every value. */
static const char *locality_mistake(hr_str locality) {
    size_t stars = 0;
    for (size_t i = 0; i < locality.len; i++)
        stars += locality.p[i] == '*';
    if (stars > 1 || (stars == 1 && locality.p[locality.len - 1] != '*'))
        return "a '*' is allowed at the end only";
    for (size_t level = 0; level < 3; level++) {
        hr_str part = locality_part(locality, level);
        if (part.p != NULL && part.len == 0)
            return "region, zone and subzone must not be empty";
    }
    return locality.len == 0 ? "it must not be empty" : NULL;
}

/* A later locality may be a wildcard that includes an earlier one; any other overlap is an error.
 * */
static int localities_overlap(hr_str earlier, hr_str later) {
    for (size_t level = 0; level < 3; level++) {
        hr_str x = locality_part(earlier, level), y = locality_part(later, level);
        if (x.p == NULL || y.p == NULL || hr_str_eq_c(x, "*"))
            return 1;
        if (!hr_str_eq(x, y))
            return 0;
    }
    return 1;
}

#define MOST_LOCALITIES 1000

static void check_distribute(hr_reader *r, const hr_node *list, const hr_spec_load_balancer *lb) {
    hr_path step;
    const hr_spec_locality_distribute *d = lb->distribute;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL;
         item = hr_items_next(r, &step, item), d++) {
        uint64_t total = 0;
        const char *mistake = locality_mistake(d->from);
        if (mistake != NULL)
            hr_field_error(r, item, "from", "\"%.*s\" is not a valid locality: %s",
                           (int)d->from.len, d->from.p == NULL ? "" : d->from.p, mistake);
        for (const hr_spec_locality_distribute *e = lb->distribute;
             e != d && e < lb->distribute + MOST_LOCALITIES; e++)
            if (mistake == NULL && localities_overlap(e->from, d->from)) {
                hr_field_error(r, item, "from", "overlaps with \"%.*s\"", (int)e->from.len,
                               e->from.p);
                break;
            }
        for (size_t i = 0; i < d->n_to; i++) {
            total += d->to[i].percent;
            mistake = locality_mistake(d->to[i].to);
            if (mistake != NULL)
                hr_field_error(r, item, "to", "\"%.*s\" is not a valid locality: %s",
                               (int)d->to[i].to.len, d->to[i].to.p, mistake);
            if (d->to[i].percent < 1 || d->to[i].percent > 100)
                hr_field_error(r, item, "to", "%u is not a valid weight; expected 1 to 100",
                               d->to[i].percent);
            for (size_t j = 0; j < i && i < MOST_LOCALITIES; j++)
                if (mistake == NULL && localities_overlap(d->to[j].to, d->to[i].to)) {
                    hr_field_error(r, item, "to", "\"%.*s\" overlaps with \"%.*s\"",
                                   (int)d->to[i].to.len, d->to[i].to.p, (int)d->to[j].to.len,
                                   d->to[j].to.p);
                    break;
                }
        }
        if (total != 100)
            hr_field_error(r, item, "to", "the weights must add up to 100, got %llu",
                           (unsigned long long)total);
    }
}

static void check_failover(hr_reader *r, const hr_node *list, const hr_spec_load_balancer *lb) {
    hr_path step;
    const hr_pair *f = lb->failover;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL;
         item = hr_items_next(r, &step, item), f++) {
        if (hr_str_eq(f->name, f->value))
            hr_reader_error(r, item, "from and to must be different regions");
        if (hr_str_has(f->name, '/') || hr_str_has(f->value, '/'))
            hr_reader_error(r, item, "from and to must be regions without a zone");
        if (hr_str_has(f->name, '*') || hr_str_has(f->value, '*'))
            hr_reader_error(r, item, "from and to must not contain a wildcard");
    }
}

static void check_locality(hr_reader *r, const hr_node *node, const hr_spec_load_balancer *lb) {
    if (lb->n_distribute > 0 && lb->n_failover > 0) {
        hr_field_error(r, node, "failover", "cannot be combined with \"distribute\"");
        return;
    }
    for (size_t i = 0; lb->n_failover > 0 && i < lb->failover_priority.n; i++) {
        hr_str label = lb->failover_priority.v[i];
        if (hr_str_eq_c(label, "topology.kubernetes.io/region") ||
            hr_str_eq_c(label, "topology.kubernetes.io/zone") ||
            hr_str_eq_c(label, "topology.istio.io/subzone"))
            hr_field_error(r, node, "failoverPriority",
                           "cannot be combined with \"failover\" if it names \"%.*s\"",
                           (int)label.len, label.p);
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

static void read_distribute_to(hr_reader *r, const hr_node *node, void *base,
                               const hr_field *field) {
    hr_spec_locality_distribute *d = base;
    (void)field;
    if (!hr_reader_expect(r, node, HR_NODE_MAP) || node->u.children.n == 0)
        return;
    d->to = hr_reader_alloc(r, node->u.children.n, sizeof(*d->to));
    if (d->to == NULL)
        return;
    hr_path step;
    for (const hr_node *key = hr_keys_begin(r, &step, node); key != NULL;
         key = hr_keys_next(r, &step, key)) {
        d->to[d->n_to].to = hr_reader_copy(r, key->u.text);
        hr_read_uint32(r, key->value, &d->to[d->n_to++].percent, &(hr_field){0});
    }
}

static const hr_field distribute_fields[] = {
    {"from", hr_read_string, offsetof(hr_spec_locality_distribute, from), 0, NULL, 0},
    {"to", read_distribute_to, 0, 0, NULL, 0},
};

static const hr_schema distribute_schema =
    HR_SCHEMA_WITH_POS("LocalityLoadBalancerSetting.Distribute", distribute_fields,
                       hr_spec_locality_distribute, NULL, NULL);

static const hr_field failover_fields[] = {
    {"from", hr_read_string, offsetof(hr_pair, name), 0, NULL, 0},
    {"to", hr_read_string, offsetof(hr_pair, value), 0, NULL, 0},
};

static const hr_schema failover_schema =
    HR_SCHEMA("LocalityLoadBalancerSetting.Failover", failover_fields, hr_pair, NULL, NULL);

static const hr_field locality_fields[] = {
    {"distribute", hr_read_list, L(distribute), L(n_distribute), &distribute_schema, 0},
    {"failover", hr_read_list, L(failover), L(n_failover), &failover_schema, 0},
    {"failoverPriority", hr_read_strings, L(failover_priority), 0, NULL, 0},
    {"enabled", hr_read_bool_value, L(locality_enabled), 0, NULL, 0},
};

static const hr_schema locality_schema =
    HR_SCHEMA_AT("LocalityLoadBalancerSetting", locality_fields, hr_spec_load_balancer,
                 L(locality_pos), L(has_locality), NULL, NULL);

/* ---- WarmupConfiguration ---- */

static void check_warmup(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_load_balancer *lb = out;
    if (!hr_field_is_given(node, "duration"))
        hr_reader_error(r, node, "duration is required");
    if (hr_field_is_given(node, "minimumPercent") &&
        (lb->warmup_minimum_percent < 0 || lb->warmup_minimum_percent > 100))
        hr_field_error(r, node, "minimumPercent", "%g is not a valid percentage; expected 0 to 100",
                       lb->warmup_minimum_percent);
    if (hr_field_is_given(node, "aggression") && lb->warmup_aggression <= 0)
        hr_field_error(r, node, "aggression", "must be greater than 0");
}

static const hr_field warmup_fields[] = {
    {"duration", hr_read_period, L(warmup_duration_ns), 0, NULL, 0},
    {"minimumPercent", hr_read_double, L(warmup_minimum_percent), 0, NULL, 0},
    {"aggression", hr_read_double, L(warmup_aggression), 0, NULL, 0},
};

static const hr_schema warmup_schema =
    HR_SCHEMA_AT("WarmupConfiguration", warmup_fields, hr_spec_load_balancer, L(warmup_pos),
                 L(has_warmup), NULL, check_warmup);

/* ---- LoadBalancerSettings ---- */

static void check_load_balancer(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_load_balancer *lb = out;
    const hr_node *locality = hr_field_get(node, "localityLbSetting");
    if (locality != NULL && locality->kind == HR_NODE_MAP) {
        hr_path step = {.up = r->path, .name = HR_STR("localityLbSetting")};
        r->path = &step;
        check_locality(r, locality, lb);
        r->path = step.up;
    }
    if (lb->has_simple && lb->simple == 1)
        hr_field_warn(r, node, "simple",
                      "LEAST_CONN is deprecated; use LEAST_REQUEST, which is the same");
    if (lb->warmup_duration_secs_ns >= 0)
        hr_field_warn(r, node, "warmupDurationSecs", "is deprecated; use warmup.duration");
}

static const hr_enum simple_lb[] = {{"UNSPECIFIED", 0}, {"LEAST_CONN", 1},  {"RANDOM", 2},
                                    {"PASSTHROUGH", 3}, {"ROUND_ROBIN", 4}, {"LEAST_REQUEST", 5},
                                    {NULL, 0}};

static void read_simple(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    ((hr_spec_load_balancer *)base)->has_simple = true;
    hr_read_enum(r, node, base, field);
}

static void init_lb(void *out) {
    hr_spec_load_balancer *lb = out;
    lb->cookie_ttl_ns = lb->minimum_ring_size = lb->maglev_table_size = lb->warmup_duration_ns = -1;
    lb->deprecated_minimum_ring_size = lb->warmup_duration_secs_ns = -1;
    lb->warmup_minimum_percent = lb->warmup_aggression = -1;
    lb->locality_enabled = -1;
}

static const hr_field lb_fields[] = {
    {"simple", read_simple, L(simple), 0, simple_lb, 1},
    {"consistentHash", hr_read_message, 0, 0, &hash_schema, 1},
    {"localityLbSetting", hr_read_message, 0, 0, &locality_schema, 0},
    {"zoneAwareLbSetting", hr_read_refused, 0, 0,
     "zone-aware balancing is not supported; use localityLbSetting", 0},
    {"warmupDurationSecs", hr_read_duration, L(warmup_duration_secs_ns), 0, NULL, 0},
    {"warmup", hr_read_message, 0, 0, &warmup_schema, 0},
};

const hr_schema hr_load_balancer_schema =
    HR_SCHEMA_AT("LoadBalancerSettings", lb_fields, hr_spec_load_balancer, L(pos), L(present),
                 init_lb, check_load_balancer);
#undef L
