/* The traffic policy of a cluster, where it surprises: fields of a DestinationRule that no decision
 * shows. */
#include <criterion/criterion.h>

#include <string.h>

#include "harness.h"

/* The policy of the only cluster of tests/headerroute/fixtures/NAME on `port`. */
static hr_traffic_policy policy_of(const char *name, uint16_t port) {
    hr_table *table = hrt_load_file(name);
    hr_view *view;
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    options.port = port;
    cr_assert_eq(hr_view_new(&view, table, &options), HR_OK);
    cr_assert_eq(hr_view_cluster_count(view), 1);
    hr_traffic_policy policy = *hr_view_cluster(view, 0)->policy;
    hr_view_unref(view);
    hr_table_unref(table);
    return policy;
}

/* Istio has deprecated the field and does not read it: Envoy's default of five stays. */
Test(cluster_policy, consecutive_errors_is_ignored) {
    hr_traffic_policy policy = policy_of("consecutive-errors.yaml", 80);
    cr_expect_eq(policy.outlier, 1);
    cr_expect_eq(policy.consecutive_5xx, 5);
}

/* An entry of portLevelSettings replaces the whole policy on its port
 * (selectTrafficPolicyComponents). */
Test(cluster_policy, port_level_settings_inherit_nothing) {
    cr_expect_eq(policy_of("port-level-settings.yaml", 80).max_connections, 7);
    cr_expect_eq(policy_of("port-level-settings.yaml", 80).lb, HR_LB_RANDOM);
    cr_expect_eq(policy_of("port-level-settings.yaml", 81).max_connections, -1);
    cr_expect_eq(policy_of("port-level-settings.yaml", 81).lb, HR_LB_ROUND_ROBIN);
}

/* What Istio's translation makes of retryBudget (applyRetryBudget): 20 % and 3 where a value is
 * missing; a subset replaces the whole of it, and an entry of portLevelSettings has none. */
static void expect_budget(const char *cluster, uint16_t port, const hr_traffic_policy *expected) {
    hr_table *table = hrt_load_file("retry-budget.yaml");
    hr_view *view;
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    options.port = port;
    cr_assert_eq(hr_view_new(&view, table, &options), HR_OK);
    const hr_traffic_policy *found = NULL;
    for (size_t i = 0; i < hr_view_cluster_count(view); i++)
        if (hr_view_cluster(view, i)->name.len == strlen(cluster) &&
            memcmp(hr_view_cluster(view, i)->name.p, cluster, strlen(cluster)) == 0)
            found = hr_view_cluster(view, i)->policy;
    cr_assert_not_null(found, "%s", cluster);
    cr_expect_eq(found->retry_budget, expected->retry_budget, "%s", cluster);
    cr_expect_eq(found->retry_budget_percent, expected->retry_budget_percent, "%s", cluster);
    cr_expect_eq(found->retry_budget_min_concurrency, expected->retry_budget_min_concurrency);
    cr_expect_eq(found->retry_budget_interval_ms, expected->retry_budget_interval_ms);
    hr_view_unref(view);
    hr_table_unref(table);
}

Test(cluster_policy, a_retry_budget_is_inherited_but_not_by_ports) {
    hr_traffic_policy whole = {.retry_budget = 1,
                               .retry_budget_percent = 12.5,
                               .retry_budget_min_concurrency = 3,
                               .retry_budget_interval_ms = 1500};
    hr_traffic_policy own = {
        .retry_budget = 1, .retry_budget_percent = 20, .retry_budget_min_concurrency = 7};
    expect_budget("outbound|80||s.default.svc.cluster.local", 80, &whole);
    expect_budget("outbound|80|own|s.default.svc.cluster.local", 80, &own);
    expect_budget("outbound|80|port|s.default.svc.cluster.local", 80, &whole);
    expect_budget("outbound|81||s.default.svc.cluster.local", 81, &(hr_traffic_policy){0});
    expect_budget("outbound|81|own|s.default.svc.cluster.local", 81, &own);
}

/* What Istio's conversion makes of BackendTLSPolicies, read from the clusters of its control plane:
 * the older of two policies with one target counts, and of one port that which names it; what a
 * DestinationRule says of TLS counts before a policy, and the policy fills the rest. */
typedef struct expected_tls {
    const char *host;
    uint16_t port;
    hr_tls_mode mode;
    const char *sni, *credential, *name;
    int max_pending_requests;
    hr_lb lb;
} expected_tls;

static void expect_str(hr_str found, const char *expected, const char *where) {
    size_t len = strlen(expected);
    cr_expect(found.len == len && (len == 0 || memcmp(found.p, expected, len) == 0),
              "%s: %.*s instead of %s", where, (int)found.len, found.p == NULL ? "" : found.p,
              expected);
}

static void expect_tls(const hr_view *view, const expected_tls *e) {
    const hr_traffic_policy *found = NULL;
    for (size_t i = 0; i < hr_view_cluster_count(view); i++) {
        const hr_cluster *c = hr_view_cluster(view, i);
        if (c->port == e->port && c->host.len == strlen(e->host) &&
            memcmp(c->host.p, e->host, c->host.len) == 0)
            found = c->policy;
    }
    cr_assert_not_null(found, "%s:%u", e->host, (unsigned)e->port);
    cr_expect_eq(found->tls_mode, e->mode, "%s:%u", e->host, (unsigned)e->port);
    cr_expect_eq(found->http1_max_pending_requests, e->max_pending_requests, "%s", e->host);
    cr_expect_eq(found->lb, e->lb, "%s", e->host);
    if (e->mode == HR_TLS_DISABLE)
        return;
    expect_str(found->tls_sni, e->sni, e->host);
    expect_str(found->tls_credential_name, e->credential, e->host);
    cr_expect_eq(found->n_tls_subject_alt_names, e->name == NULL ? 0 : 2, "%s", e->host);
    if (found->n_tls_subject_alt_names == 2) {
        expect_str(found->tls_subject_alt_names[0], e->name, e->host);
        expect_str(found->tls_subject_alt_names[1], "spiffe://example.com/plain", e->host);
    }
}

Test(cluster_policy, backend_tls_policies_become_the_tls_of_clusters) {
    static const char older[] = "plain.example.com", ca[] = "configmap://default/authorities",
                      name[] = "other.example.com";
    static const expected_tls expected[] = {
        {"plain.default.svc.cluster.local", 80, HR_TLS_SIMPLE, older, ca, name, -1,
         HR_LB_LEAST_REQUEST},
        {"plain.default.svc.cluster.local", 81, HR_TLS_SIMPLE, "newer.example.com", "", NULL, -1,
         HR_LB_LEAST_REQUEST},
        {"both.default.svc.cluster.local", 80, HR_TLS_SIMPLE, "both.example.com", "invalid://",
         NULL, 7, HR_LB_LEAST_REQUEST},
        {"both.default.svc.cluster.local", 81, HR_TLS_SIMPLE, older, ca, name, -1, HR_LB_RANDOM},
        {"user.default.svc.cluster.local", 80, HR_TLS_DISABLE, "", "", NULL, -1,
         HR_LB_LEAST_REQUEST},
        {"a.example.com", 80, HR_TLS_SIMPLE, older, ca, name, -1, HR_LB_LEAST_REQUEST},
        {"b.example.com", 80, HR_TLS_SIMPLE, older, ca, name, -1, HR_LB_LEAST_REQUEST},
    };
    hr_table *table = hrt_load_file("backend-tls.yaml");
    for (uint16_t port = 80; port <= 81; port++) {
        hr_view *view;
        hr_view_options options = HR_VIEW_OPTIONS_INIT;
        options.port = port;
        cr_assert_eq(hr_view_new(&view, table, &options), HR_OK);
        for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
            if (expected[i].port == port)
                expect_tls(view, &expected[i]);
        hr_view_unref(view);
    }
    hr_table_unref(table);
}
