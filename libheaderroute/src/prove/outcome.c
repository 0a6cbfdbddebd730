/* What a rule does, as numbered parts: two parts are the same if they are written the same. */
#include "outcome.h"

/* ---- writing ---- */

typedef struct part_writer {
    hr_arena *b;
    HR_LIST(char) text;
} part_writer;

static void part_bytes(part_writer *w, const void *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        HR_PUSH(w->b, &w->text, ((const char *)p)[i]);
}

static void part_int(part_writer *w, int64_t value) {
    part_bytes(w, &value, sizeof(value));
}

static void part_double(part_writer *w, double value) {
    part_bytes(w, &value, sizeof(value));
}

static void part_str(part_writer *w, hr_str s) {
    part_int(w, s.p == NULL ? -1 : (int64_t)s.len);
    part_bytes(w, s.p, s.len);
}

static void part_pairs(part_writer *w, const hr_pair *v, size_t n) {
    part_int(w, (int64_t)n);
    for (size_t i = 0; i < n; i++) {
        part_str(w, v[i].name);
        part_str(w, v[i].value);
    }
}

static void part_strs(part_writer *w, const hr_str *v, size_t n) {
    part_int(w, (int64_t)n);
    for (size_t i = 0; i < n; i++)
        part_str(w, v[i]);
}

static void part_codes(part_writer *w, const uint16_t *v, size_t n) {
    part_int(w, (int64_t)n);
    for (size_t i = 0; i < n; i++)
        part_int(w, v[i]);
}

/* ---- parts of a destination ---- */

static void put_destination(part_writer *w, const hr_target *t) {
    const hr_decision *d = &t->decision;
    part_int(w, d->action);
    part_str(w, d->cluster_name);
    part_str(w, d->destination_host);
    part_str(w, d->destination_subset);
    part_int(w, d->destination_port);
    part_int(w, d->cluster != NULL);
    part_int(w, d->local_reply.status);
    part_str(w, d->local_reply.flag);
    part_str(w, d->local_reply.body);
}

static void put_header_levels(part_writer *w, const hr_header_ops *const *levels, size_t n) {
    part_int(w, (int64_t)n);
    for (size_t i = 0; i < n; i++) {
        part_strs(w, levels[i]->remove, levels[i]->n_remove);
        part_pairs(w, levels[i]->set, levels[i]->n_set);
        part_pairs(w, levels[i]->add, levels[i]->n_add);
    }
}

static void put_target_headers(part_writer *w, const hr_target *t) {
    put_header_levels(w, t->decision.request_headers, t->decision.n_request_headers);
    put_header_levels(w, t->decision.response_headers, t->decision.n_response_headers);
}

/* A request that is answered here is not rewritten. */
static void put_authority(part_writer *w, const hr_target *t) {
    part_str(w, t->decision.local_reply.status == 0 ? t->authority : (hr_str){0});
}

static void put_balancer(part_writer *w, const hr_target *t) {
    const hr_decision *d = &t->decision;
    part_int(w, (int64_t)d->n_hash_policy);
    for (size_t i = 0; i < d->n_hash_policy; i++) {
        part_int(w, d->hash_policy[i].kind);
        part_str(w, d->hash_policy[i].name);
        part_int(w, d->hash_policy[i].ttl_ms);
        part_str(w, d->hash_policy[i].path);
    }
    part_int(w, d->has_lb ? (int64_t)d->lb : -1);
}

static void part_endpoints(part_writer *w, const hr_target *t) {
    const hr_cluster *c = t->decision.cluster;
    if (c == NULL)
        return;
    part_pairs(w, c->labels, c->n_labels);
    part_int(w, (int64_t)c->n_endpoints);
    for (size_t i = 0; i < c->n_endpoints; i++) {
        const hr_endpoint *e = c->endpoints[i];
        part_str(w, e->name);
        part_str(w, e->address);
        part_int(w, e->port);
        part_int(w, e->weight);
        part_pairs(w, e->labels, e->n_labels);
    }
}

/* What the choice among endpoints depends on, beside what a decision shows of them. */
static void put_localities(part_writer *w, const hr_cluster *c) {
    part_int(w, c->kind);
    for (size_t i = 0; i < c->n_endpoints; i++) {
        const hr_endpoint *e = c->endpoints[i];
        part_str(w, e->locality);
        part_str(w, e->network);
        part_int(w, e->priority);
        part_int(w, e->locality_weight);
    }
}

static void put_pool(part_writer *w, const hr_traffic_policy *p) {
    const int64_t numbers[] = {
        p->max_connections,
        p->http1_max_pending_requests,
        p->http2_max_requests,
        p->max_retries,
        p->max_requests_per_connection,
        p->idle_timeout_ms,
        p->connect_timeout_ms,
        p->max_connection_duration_ms,
        p->outlier,
        p->consecutive_5xx,
        p->consecutive_gateway_errors,
        p->consecutive_local_origin_failures,
        p->split_external_local_origin_errors,
        p->interval_ms,
        p->base_ejection_time_ms,
        p->max_ejection_percent,
        p->min_health_percent,
        p->tls_mode,
        p->tls_insecure_skip_verify,
        (int64_t)p->ring_min_size,
        (int64_t)p->maglev_table_size,
        p->warmup_ms,
        p->max_concurrent_streams,
        p->http2_keepalive_interval_ms,
        p->http2_keepalive_timeout_ms,
        p->tcp_keepalive,
        p->tcp_keepalive_probes,
        p->tcp_keepalive_time_s,
        p->tcp_keepalive_interval_s,
        p->retry_budget,
        p->retry_budget_min_concurrency,
        p->retry_budget_interval_ms,
    };
    part_bytes(w, numbers, sizeof(numbers));
    part_codes(w, p->outlier_http_codes, p->n_outlier_http_codes);
}

static void put_traffic_policy(part_writer *w, const hr_target *t) {
    for (size_t i = 0; i < t->decision.n_mirrors; i++)
        part_int(w, t->decision.mirrors[i].cluster != NULL);
    if (t->decision.cluster == NULL)
        return;
    const hr_traffic_policy *p = t->decision.cluster->policy;
    part_int(w, t->decision.cluster->upstream_protocol);
    put_pool(w, p);
    put_localities(w, t->decision.cluster);
    part_double(w, p->warmup_minimum_percent);
    part_double(w, p->warmup_aggression);
    part_double(w, p->retry_budget_percent);
    part_str(w, p->tls_sni);
    part_str(w, p->tls_ca_certificates);
    part_str(w, p->tls_client_certificate);
    part_str(w, p->tls_private_key);
    part_str(w, p->tls_credential_name);
    part_strs(w, p->tls_subject_alt_names, p->n_tls_subject_alt_names);
}

static const struct {
    hr_change change;
    void (*put)(part_writer *w, const hr_target *t);
} target_parts[] = {
    {HR_CHANGE_DESTINATION, put_destination}, {HR_CHANGE_HEADERS, put_target_headers},
    {HR_CHANGE_REWRITE, put_authority},       {HR_CHANGE_LOAD_BALANCER, put_balancer},
    {HR_CHANGE_ENDPOINTS, part_endpoints},    {HR_CHANGE_TRAFFIC_POLICY, put_traffic_policy},
};
#define TARGET_PARTS (sizeof(target_parts) / sizeof(target_parts[0]))

/* ---- parts of the whole route ---- */

static void part_redirect(part_writer *w, const hr_view_action *plan) {
    const hr_view_redirect *r = &plan->redirect;
    part_int(w, plan->targets[0].decision.redirect_code);
    if (plan->kind != HR_ACTION_REDIRECT)
        return;
    part_str(w, r->path); /* a prefix is compared by what it does to the path */
    part_str(w, r->host);
    part_str(w, r->scheme);
    part_int(w, r->port);
    part_int(w, r->https);
}

static void part_direct_response(part_writer *w, const hr_view_action *plan) {
    part_int(w, plan->targets[0].decision.direct_response_status);
    part_str(w, plan->targets[0].decision.direct_response_body);
}

static void put_timeout(part_writer *w, const hr_view_action *plan) {
    part_int(w, plan->targets[0].decision.timeout_ms);
}

static void put_retries(part_writer *w, const hr_view_action *plan) {
    const hr_retry_policy *r = plan->targets[0].decision.retries;
    part_int(w, r != NULL);
    if (r == NULL)
        return;
    part_int(w, r->attempts);
    part_strs(w, r->retry_on, r->n_retry_on);
    part_codes(w, r->status_codes, r->n_status_codes);
    part_int(w, r->per_try_timeout_ms);
    part_int(w, r->backoff_ms);
    part_int(w, r->remote_localities);
    part_int(w, r->ignore_previous_hosts);
}

static void part_mirrors(part_writer *w, const hr_view_action *plan) {
    const hr_decision *d = &plan->targets[0].decision;
    part_int(w, (int64_t)d->n_mirrors);
    for (size_t i = 0; i < d->n_mirrors; i++) {
        part_str(w, d->mirrors[i].cluster_name);
        part_double(w, d->mirrors[i].percentage);
    }
}

static void part_fault(part_writer *w, const hr_view_action *plan) {
    const hr_decision *d = &plan->targets[0].decision;
    part_int(w, d->delay_ms);
    part_int(w, plan->delay_parts);
    part_int(w, d->abort_status);
    part_str(w, d->abort_grpc_status);
    part_int(w, plan->abort_parts);
}

static void part_cors(part_writer *w, const hr_view_action *plan) {
    const hr_cors_policy *c = plan->targets[0].decision.cors;
    part_int(w, c != NULL);
    if (c == NULL)
        return;
    part_int(w, (int64_t)c->n_allow_origins);
    for (size_t i = 0; i < c->n_allow_origins; i++) {
        part_int(w, c->allow_origins[i].kind);
        part_str(w, c->allow_origins[i].value);
    }
    part_strs(w, c->allow_methods, c->n_allow_methods);
    part_strs(w, c->allow_headers, c->n_allow_headers);
    part_strs(w, c->expose_headers, c->n_expose_headers);
    part_int(w, c->max_age_s);
    part_int(w, c->allow_credentials);
    part_int(w, c->forward_unmatched_preflights);
}

static const struct {
    hr_change change;
    void (*put)(part_writer *w, const hr_view_action *plan);
} plan_parts[] = {
    {HR_CHANGE_REDIRECT, part_redirect}, {HR_CHANGE_DIRECT_RESPONSE, part_direct_response},
    {HR_CHANGE_TIMEOUT, put_timeout},    {HR_CHANGE_RETRIES, put_retries},
    {HR_CHANGE_MIRRORS, part_mirrors},   {HR_CHANGE_FAULT, part_fault},
    {HR_CHANGE_CORS, part_cors},
};

/* ---- outcomes ---- */

static size_t bit_of(hr_change change) {
    size_t bit = 0;
    while ((1u << bit) != (unsigned)change)
        bit++;
    return bit;
}

static uint32_t number_of_part(hr_rule_reader *r, part_writer *w) {
    uint32_t number = hr_universe_part(r->u, hr_str_of(w->text.v, w->text.n));
    w->text.n = 0;
    return number;
}

/* The intervals of the draw, where neighbours that are the same are one. */
static void read_shares(hr_rule_reader *r, hr_outcome *out, const hr_view_action *plan,
                        uint32_t (*parts)[TARGET_PARTS]) {
    part_writer w = {.b = r->u->b};
    hr_share *shares = HR_ARRAY(r->u->b, hr_share, plan->n_targets);
    if (shares == NULL)
        return;
    for (size_t t = 0; t < plan->n_targets; t++) {
        part_bytes(&w, parts[t], sizeof(parts[t]));
        hr_share share = {number_of_part(r, &w),
                          plan->n_targets == 1 ? 1 : plan->targets[t].weight_end,
                          plan->targets[t].decision.local_reply.status != 0};
        if (out->n_shares > 0 && shares[out->n_shares - 1].parts == share.parts)
            out->n_shares--;
        shares[out->n_shares++] = share;
    }
    out->shares = shares;
    out->total = shares[out->n_shares - 1].end;
}

static uint64_t common_divisor(uint64_t a, uint64_t b) {
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Which parts are other ones at the target than at the one before it. */
static int64_t changes_at(uint32_t (*parts)[TARGET_PARTS], size_t t) {
    int64_t mask = 0;
    for (size_t i = 0; i < TARGET_PARTS; i++)
        mask |= (int64_t)(parts[t][i] != parts[t - 1][i]) << i;
    return mask;
}

/* Where in the draw's range which part changes: with the runs of each part this says all. 50 and 50
 * are the same as 1 and 1. */
static void write_weights(part_writer *w, const hr_outcome *o, const hr_view_action *plan,
                          uint32_t (*parts)[TARGET_PARTS]) {
    uint64_t divisor = o->total;
    for (size_t i = 0; i < o->n_shares; i++)
        divisor = common_divisor(divisor, o->shares[i].end);
    for (size_t t = 1; t < plan->n_targets; t++) {
        int64_t mask = changes_at(parts, t);
        if (mask == 0)
            continue;
        part_int(w, mask);
        part_int(w, (int64_t)(plan->targets[t - 1].weight_end / divisor));
    }
    part_int(w, (int64_t)(o->total / divisor));
}

/* The values of one part in the order of the targets, each run of equal ones once. */
static void write_runs(part_writer *w, const hr_view_action *plan, uint32_t (*parts)[TARGET_PARTS],
                       size_t part) {
    for (size_t t = 0; t < plan->n_targets; t++)
        if (t == 0 || parts[t][part] != parts[t - 1][part])
            part_int(w, parts[t][part]);
}

static void read_targets(hr_rule_reader *r, hr_outcome *out, const hr_view_action *plan) {
    uint32_t(*parts)[TARGET_PARTS] = hr_arena_array(r->u->b, plan->n_targets, sizeof(*parts));
    part_writer w = {.b = r->u->b};
    if (parts == NULL)
        return;
    for (size_t t = 0; t < plan->n_targets; t++)
        for (size_t i = 0; i < TARGET_PARTS; i++) {
            if ((r->only & target_parts[i].change) != 0)
                target_parts[i].put(&w, &plan->targets[t]);
            parts[t][i] = number_of_part(r, &w);
        }
    for (size_t i = 0; i < TARGET_PARTS; i++) {
        write_runs(&w, plan, parts, i);
        out->parts[bit_of(target_parts[i].change)] = number_of_part(r, &w);
    }
    read_shares(r, out, plan, parts);
    if ((r->only & HR_CHANGE_WEIGHTS) != 0 && out->n_shares > 1)
        write_weights(&w, out, plan, parts);
    out->parts[bit_of(HR_CHANGE_WEIGHTS)] = number_of_part(r, &w);
}

static hr_outcome *read_outcome(hr_rule_reader *r, const hr_view_action *plan) {
    hr_outcome *out = HR_NEW(r->u->b, hr_outcome);
    part_writer w = {.b = r->u->b};
    read_targets(r, out, plan);
    for (size_t i = 0; i < sizeof(plan_parts) / sizeof(plan_parts[0]); i++) {
        if ((r->only & plan_parts[i].change) != 0)
            plan_parts[i].put(&w, plan);
        out->parts[bit_of(plan_parts[i].change)] = number_of_part(r, &w);
    }
    const hr_decision *d = &plan->targets[0].decision;
    out->delay_parts = plan->delay_parts;
    out->abort_parts = plan->abort_parts;
    out->mirror_percentage = d->n_mirrors > 0 ? d->mirrors[0].percentage : 0;
    out->redirects = plan->kind == HR_ACTION_REDIRECT;
    return out;
}

/* Returns the same object for all equal outcomes, so that they can be compared by address. */
static hr_outcome *unique_outcome(hr_rule_reader *r, hr_outcome *o) {
    part_writer w = {.b = r->u->b};
    part_bytes(&w, o->parts, sizeof(o->parts));
    for (size_t i = 0; i < o->n_shares; i++) {
        part_int(&w, o->shares[i].parts);
        part_int(&w, (int64_t)o->shares[i].end);
        part_int(&w, o->shares[i].answered);
    }
    part_int(&w, o->delay_parts);
    part_int(&w, o->abort_parts);
    part_double(&w, o->mirror_percentage);
    part_int(&w, o->redirects);
    void **place = hr_map_at(r->u->b, &r->unique, hr_str_of(w.text.v, w.text.n));
    if (*place == NULL)
        *place = o;
    return *place;
}

const hr_outcome *hr_outcome_of(hr_rule_reader *r, const hr_view_action *plan) {
    hr_str key = hr_str_of((const char *)&plan, sizeof(plan));
    hr_outcome *found = hr_map_get(&r->outcomes, key);
    if (found != NULL)
        return found;
    found = unique_outcome(r, read_outcome(r, plan));
    hr_map_add(r->u->b, &r->outcomes, hr_arena_copy(r->u->b, key), found);
    return found;
}

const hr_outcome *hr_outcome_no_route(hr_rule_reader *r) {
    static hr_target no_route_target = {.decision = {.action = HR_ACTION_NO_ROUTE,
                                                     .timeout_ms = -1,
                                                     .delay_ms = -1,
                                                     .local_reply = {404, {"NR", 2}, {"", 0}}}};
    static const hr_view_action plan = {
        .kind = HR_ACTION_NO_ROUTE, .targets = &no_route_target, .n_targets = 1};
    return hr_outcome_of(r, &plan);
}
