/*
 * Every field of Istio's routing API works or is refused. The fields come from Istio's own .proto
 * files (tests/conformance/api_fields.py); fields_table.h says of each what becomes of it, with
 * YAML that shows it: routes, clusters or decisions differ with it, or an error or a warning names
 * it, or nothing differs.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include <headerroute/headerroute.h>

#include "fields_table.h"

static const char world[] = "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\n"
                            "spec: {selector: {app: shop}, ports: [{name: http, port: 80, "
                            "targetPort: 8080}, {name: http-admin, port: 8080}]}\n"
                            "---\napiVersion: v1\nkind: Service\nmetadata: {name: other}\n"
                            "spec: {selector: {app: other}, ports: [{name: http, port: 80}]}\n"
                            "---\napiVersion: v1\nkind: Pod\nmetadata: {name: shop-1, labels: "
                            "{app: shop, version: v1, topology.istio.io/locality: eu.a}}\n"
                            "status: {podIP: 10.1.0.1}\n"
                            "---\napiVersion: v1\nkind: Pod\nmetadata: {name: shop-2, labels: "
                            "{app: shop, version: v2, topology.istio.io/locality: eu.b}}\n"
                            "status: {podIP: 10.1.0.2}\n"
                            "---\napiVersion: v1\nkind: Pod\nmetadata: {name: shop-3, labels: "
                            "{app: shop, version: v2, topology.istio.io/locality: us.a}}\n"
                            "status: {podIP: 10.1.0.3}\n"
                            "---\napiVersion: v1\nkind: Pod\nmetadata: {name: shop-4, labels: "
                            "{app: shop, version: v2, topology.istio.io/locality: af.a}}\n"
                            "status: {podIP: 10.1.0.4}\n";

static int load(hr_table **table, hr_diagnostics **found, const char *yaml) {
    hr_source sources[2] = {{.name = "world.yaml", .text = hr_str_from(world)},
                            {.name = "case.yaml", .text = hr_str_from(yaml)}};
    return hr_table_load(table, found, sources, 2, NULL);
}

/* ---- all that a table says, as text ---- */

static void put(FILE *out, const char *name, hr_str s) {
    fprintf(out, " %s=%.*s", name, (int)s.len, s.p == NULL ? "" : s.p);
}

static void dump_policy(FILE *out, const hr_traffic_policy *p) {
    const int64_t numbers[] = {p->max_connections,
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
                               p->lb,
                               (int64_t)p->ring_min_size,
                               (int64_t)p->maglev_table_size,
                               p->warmup_ms,
                               p->tls_mode,
                               p->tls_insecure_skip_verify,
                               p->max_concurrent_streams,
                               p->http2_keepalive_interval_ms,
                               p->http2_keepalive_timeout_ms,
                               p->tcp_keepalive,
                               p->tcp_keepalive_probes,
                               p->tcp_keepalive_time_s,
                               p->tcp_keepalive_interval_s,
                               p->retry_budget,
                               p->retry_budget_min_concurrency,
                               p->retry_budget_interval_ms};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        fprintf(out, " %lld", (long long)numbers[i]);
    fprintf(out, " warm %g %g budget %g codes", p->warmup_minimum_percent, p->warmup_aggression,
            p->retry_budget_percent);
    for (size_t i = 0; i < p->n_outlier_http_codes; i++)
        fprintf(out, " %u", p->outlier_http_codes[i]);
    put(out, "sni", p->tls_sni);
    put(out, "ca", p->tls_ca_certificates);
    put(out, "certificate", p->tls_client_certificate);
    put(out, "key", p->tls_private_key);
    put(out, "credential", p->tls_credential_name);
    for (size_t i = 0; i < p->n_tls_subject_alt_names; i++)
        put(out, "san", p->tls_subject_alt_names[i]);
}

static void dump_cluster(FILE *out, const hr_cluster *c) {
    put(out, "cluster", c->name);
    fprintf(out, " kind %d protocol %d", c->kind, c->upstream_protocol);
    dump_policy(out, c->policy);
    for (size_t i = 0; i < c->n_labels; i++)
        put(out, "subset", c->labels[i].value);
    for (size_t i = 0; i < c->n_endpoints; i++) {
        const hr_endpoint *e = c->endpoints[i];
        put(out, "\n  endpoint", e->address);
        fprintf(out, ":%u weight %u priority %u share %u", e->port, e->weight, e->priority,
                e->locality_weight);
        put(out, "locality", e->locality);
        put(out, "network", e->network);
    }
    fputc('\n', out);
}

static void dump_decisions(FILE *out, const hr_view *view, hr_scratch *scratch) {
    static const hr_pair user[] = {{{"x-user", 6}, {"u", 1}}, {{"cookie", 6}, {"c=1", 3}}};
    static const hr_pair preflight[] = {{{"origin", 6}, {"http://a", 8}},
                                        {{"access-control-request-method", 29}, {"GET", 3}}};
    static const struct {
        const char *method, *scheme, *authority, *path;
        const hr_pair *headers;
    } asked[] = {{"GET", "http", "shop", "/a?q=1", user},
                 {"OPTIONS", "http", "shop", "/a", preflight},
                 {"GET", "https", "shop.example.com", "/a", user},
                 {"GET", "http", "out.example.com", "/", user},
                 {"GET", "http", "shop.default:8080", "/A", user}};
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        hr_request request = {.version = HR_REQUEST_VERSION,
                              .method = hr_str_from(asked[i].method),
                              .scheme = hr_str_from(asked[i].scheme),
                              .authority = hr_str_from(asked[i].authority),
                              .path = hr_str_from(asked[i].path),
                              .headers = asked[i].headers,
                              .n_headers = 2,
                              .draws = {0.5, 0.5, 0.5, 0.5}};
        hr_decision decision = HR_DECISION_INIT;
        hr_str json;
        cr_assert_eq(hr_route(&decision, view, &request, scratch), HR_OK);
        cr_assert_eq(hr_decision_json(&json, &decision, &request, scratch), HR_OK);
        fprintf(out, "%.*s\n", (int)json.len, json.p);
    }
}

static void dump_view(FILE *out, hr_table *table, const char *gateway, uint16_t port,
                      const char *ns) {
    static const hr_pair web[] = {{{"app", 3}, {"web", 3}}};
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    hr_view *view;
    options.gateway = hr_str_from(gateway);
    options.port = port;
    options.namespace_ = hr_str_from(ns);
    options.locality = HR_STR("eu/a");
    if (strcmp(gateway, "mesh") == 0) {
        options.source_labels = web;
        options.n_source_labels = 1;
    }
    int code = hr_view_new(&view, table, &options);
    fprintf(out, "== %s %u: %s\n", gateway, port, hr_strerror(code));
    if (code != HR_OK)
        return;
    hr_scratch *scratch;
    hr_str json;
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    dump_decisions(out, view, scratch);
    cr_assert_eq(hr_view_json(&json, view, scratch), HR_OK);
    fprintf(out, "%.*s\n", (int)json.len, json.p);
    for (size_t i = 0; i < hr_view_cluster_count(view); i++)
        dump_cluster(out, hr_view_cluster(view, i));
    hr_scratch_free(scratch);
    hr_view_unref(view);
}

static char *dump(hr_table *table) {
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    cr_assert_not_null(out);
    dump_view(out, table, "mesh", 80, "default");
    dump_view(out, table, "mesh", 80, "prod");
    dump_view(out, table, "mesh", 8080, "default");
    dump_view(out, table, "default/x", 80, NULL);
    dump_view(out, table, "default/x", 443, NULL);
    fclose(out);
    return text;
}

/* ---- what becomes of a field ---- */

static hr_str last_name(const char *field) {
    const char *dot = strrchr(field, '.');
    return hr_str_from(dot == NULL ? field : dot + 1);
}

/* A field of a message that is refused whole is named by the message's own field. */
static const struct {
    const char *prefix, *stands_for;
} wholes[] = {{"TrafficPolicy.TunnelSettings.", "tunnel"},
              {"TrafficPolicy.ProxyProtocol.", "proxyProtocol"},
              {"ZoneAwareLoadBalancerSetting.", "zoneAwareLbSetting"},
              {"LoadBalancerSettings.ConsistentHashLB.HTTPCookie.Attribute.", "attributes"}};

static hr_str named(const char *field) {
    for (size_t i = 0; i < sizeof(wholes) / sizeof(wholes[0]); i++)
        if (strncmp(field, wholes[i].prefix, strlen(wholes[i].prefix)) == 0)
            return hr_str_from(wholes[i].stands_for);
    return last_name(field);
}

/* A finding of that severity whose place ends in the field's name (with an index in a list). */
static bool finding(const hr_diagnostics *found, hr_severity severity, hr_str name) {
    for (size_t i = 0; i < hr_diagnostics_count(found); i++) {
        const hr_diagnostic *d = hr_diagnostics_get(found, i);
        hr_str at = d->field;
        if (at.len > 0 && at.p[at.len - 1] == ']')
            at.len = (size_t)((const char *)memrchr(at.p, '[', at.len) - at.p);
        if (d->severity == severity && at.len > name.len && at.p[at.len - name.len - 1] == '.' &&
            memcmp(at.p + at.len - name.len, name.p, name.len) == 0 && d->message.len > 10 &&
            d->line > 0)
            return true;
    }
    return false;
}

static char *loaded(const char *field, const char *yaml, hr_diagnostics **found) {
    hr_table *table;
    int code = load(&table, found, yaml);
    char line[512] = "";
    if (code != HR_OK && hr_diagnostics_count(*found) > 0)
        hr_diagnostic_format(line, sizeof(line), hr_diagnostics_get(*found, 0));
    cr_expect_eq(code, HR_OK, "%s: %s\n%s", field, line, yaml);
    char *text = code == HR_OK ? dump(table) : strdup("refused");
    hr_table_unref(table);
    return text;
}

static void check_accepted(const field_case *c) {
    hr_diagnostics *at_first, *found;
    char *before = loaded(c->field, c->before, &at_first),
         *after = loaded(c->field, c->after, &found);
    bool differs = strcmp(before, after) != 0, warned = finding(found, HR_WARNING, named(c->field));
    cr_expect_eq(differs, c->expected == ACTS, "%s: what comes of it %s\n%s", c->field,
                 differs ? "differs" : "is the same", c->after);
    if (c->expected != ACTS)
        cr_expect_eq(warned, c->expected == WARNED, "%s: %s warning", c->field,
                     warned ? "a" : "no");
    free(before);
    free(after);
    hr_diagnostics_free(at_first);
    hr_diagnostics_free(found);
}

static void check_refused(const field_case *c) {
    hr_table *table;
    hr_diagnostics *found;
    free(loaded(c->field, c->before, &found));
    hr_diagnostics_free(found);
    cr_expect_eq(load(&table, &found, c->after), HR_ECONFIG, "%s is accepted", c->field);
    cr_expect(finding(found, HR_SEVERITY_ERROR, named(c->field)), "%s: no error names it",
              c->field);
    hr_diagnostics_free(found);
}

#define N_CASES (sizeof(field_cases) / sizeof(field_cases[0]))

Test(fields, each_works_or_is_refused_with_a_sentence) {
    for (size_t i = 0; i < N_CASES; i++) {
        if (field_cases[i].expected == REFUSED)
            check_refused(&field_cases[i]);
        else
            check_accepted(&field_cases[i]);
    }
}

Test(fields, none_of_the_api_is_missing) {
    FILE *list = fopen(HR_SOURCE_DIR "/tests/headerroute/fixtures/istio-api-fields.txt", "r");
    char line[256];
    size_t n = 0, known = 0;
    cr_assert_not_null(list);
    for (; fgets(line, sizeof(line), list) != NULL; n++) {
        line[strcspn(line, "\n")] = '\0';
        size_t rows = 0;
        for (size_t i = 0; i < N_CASES; i++)
            rows += strcmp(field_cases[i].field, line) == 0;
        cr_expect_eq(rows, 1, "%s has %zu rows", line, rows);
        known += rows;
    }
    fclose(list);
    cr_expect_eq(n, 278);
    cr_expect_eq(known, N_CASES, "a row without a field of the API");
}
