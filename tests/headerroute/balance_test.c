/* The load balancers by themselves: who is picked, how often, and who is not. */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness.h"

#define MOST 8

typedef struct fixture {
    hr_view *view;
    const hr_cluster *cluster;
    hr_endpoint_state states[MOST];
    unsigned counts[MOST];
} fixture;

/* A ServiceEntry with endpoints (YAML of each in flow style), its balancer, and a caller in
 * `locality`. */
static fixture open_cluster(const char *const *endpoints, size_t n, const char *policy,
                            const char *locality) {
    char yaml[8192];
    int len = snprintf(
        yaml, sizeof(yaml),
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: m}\nspec:\n"
        "  hosts: [m.example.com]\n  resolution: STATIC\n"
        "  ports: [{number: 80, name: http, protocol: HTTP}]\n  endpoints:\n");
    for (size_t i = 0; i < n; i++)
        len += snprintf(yaml + len, sizeof(yaml) - (size_t)len, "  - {address: 10.0.0.%zu, %s}\n",
                        i + 1, endpoints[i]);
    snprintf(yaml + len, sizeof(yaml) - (size_t)len,
             "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: m}\n"
             "spec: {host: m.example.com, trafficPolicy: {%s}}\n",
             policy);
    fixture f = {0};
    hr_table *table = hrt_load(yaml);
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    options.locality = hr_str_from(locality);
    cr_assert_eq(hr_view_new(&f.view, table, &options), HR_OK);
    hr_table_unref(table);
    for (size_t i = 0; i < hr_view_cluster_count(f.view); i++)
        if (hr_view_cluster(f.view, i)->n_endpoints == n)
            f.cluster = hr_view_cluster(f.view, i);
    cr_assert_not_null(f.cluster);
    return f;
}

static void close_cluster(fixture *f) {
    hr_view_unref(f->view);
}

/* `n` picks with the random numbers of one fixed sequence. */
static void pick_many(fixture *f, unsigned n) {
    hr_cursor cursor = {0};
    memset(f->counts, 0, sizeof(f->counts));
    uint64_t random = 0x243F6A8885A308D3u;
    for (unsigned i = 0; i < n; i++) {
        size_t index;
        random = random * 6364136223846793005u + 1442695040888963407u;
        hr_pick pick = {.version = HR_PICK_VERSION, .states = f->states, .random = random};
        cr_assert_eq(hr_balance(&index, f->cluster, &cursor, &pick), HR_OK);
        cr_assert_lt(index, f->cluster->n_endpoints);
        f->counts[index]++;
    }
}

static void expect_share(const fixture *f, size_t i, double share, unsigned n) {
    double got = (double)f->counts[i] / n;
    cr_expect(got > share - 0.02 && got < share + 0.02,
              "endpoint %zu has %.3f of the requests, not %.3f", i, got, share);
}

static const char *const alike[] = {"weight: 1", "weight: 1", "weight: 1", "weight: 1"};

Test(balance, round_robin_takes_turns) {
    fixture f = open_cluster(alike, 3, "loadBalancer: {simple: ROUND_ROBIN}", NULL);
    hr_cursor cursor = {0};
    hr_pick pick = HR_PICK_INIT;
    for (size_t i = 0; i < 9; i++) {
        size_t index;
        cr_assert_eq(hr_balance(&index, f.cluster, &cursor, &pick), HR_OK);
        cr_expect_eq(index, i % 3);
    }
    close_cluster(&f);
}

Test(balance, round_robin_passes_over_what_is_unusable) {
    fixture f = open_cluster(alike, 3, "loadBalancer: {simple: ROUND_ROBIN}", NULL);
    f.states[1].unusable = 1;
    pick_many(&f, 300);
    cr_expect(f.counts[1] == 0 && f.counts[0] + f.counts[2] == 300 && f.counts[0] >= 100 &&
              f.counts[2] >= 100);
    close_cluster(&f);
}

Test(balance, weighted_round_robin_is_exact_in_each_rotation_and_never_bunches) {
    static const char *const endpoints[] = {"weight: 1", "weight: 2", "weight: 5"};
    fixture f = open_cluster(endpoints, 3, "loadBalancer: {simple: ROUND_ROBIN}", NULL);
    hr_cursor cursor = {0};
    hr_pick pick = HR_PICK_INIT;
    for (int rotation = 0; rotation < 3; rotation++) {
        unsigned counts[3] = {0}, run = 0;
        size_t last = MOST;
        for (int i = 0; i < 8; i++) {
            size_t index;
            cr_assert_eq(hr_balance(&index, f.cluster, &cursor, &pick), HR_OK);
            counts[index]++;
            run = index == last ? run + 1 : 1;
            last = index;
            cr_expect_leq(run, 3);
        }
        cr_expect(counts[0] == 1 && counts[1] == 2 && counts[2] == 5);
    }
    close_cluster(&f);
}

Test(balance, random_is_even_whatever_the_weights) {
    static const char *const endpoints[] = {"weight: 1", "weight: 9", "weight: 1", "weight: 1"};
    fixture f = open_cluster(endpoints, 4, "loadBalancer: {simple: RANDOM}", NULL);
    pick_many(&f, 20000);
    for (size_t i = 0; i < 4; i++)
        expect_share(&f, i, 0.25, 20000);
    close_cluster(&f);
}

Test(balance, least_request_prefers_the_idle) {
    fixture f = open_cluster(alike, 4, "loadBalancer: {simple: LEAST_REQUEST}", NULL);
    for (size_t i = 0; i < 4; i++)
        f.states[i].active = 10;
    f.states[2].active = 0;
    pick_many(&f, 20000);
    expect_share(&f, 2, 1 - 0.75 * 0.75, 20000); /* whenever it is one of the two that are drawn */
    close_cluster(&f);
}

Test(balance, least_request_weighs_by_load_where_weights_differ) {
    static const char *const endpoints[] = {"weight: 1", "weight: 3"};
    fixture f = open_cluster(endpoints, 2, "loadBalancer: {simple: LEAST_REQUEST}", NULL);
    pick_many(&f, 20000);
    expect_share(&f, 1, 0.75, 20000);
    f.states[1].active = 2; /* 3 / (2 + 1) */
    pick_many(&f, 20000);
    expect_share(&f, 1, 0.5, 20000);
    close_cluster(&f);
}

Test(balance, a_cold_endpoint_gets_less) {
    fixture f = open_cluster(alike, 2,
                             "loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 60s}}", NULL);
    f.states[0].warm_percent = 10;
    pick_many(&f, 20000);
    cr_expect(f.counts[0] > 0 && f.counts[0] * 5 < f.counts[1], "%u of %u", f.counts[0], 20000);
    f.states[0].warm_percent = 100;
    pick_many(&f, 20000);
    expect_share(&f, 0, 0.5, 20000);
    close_cluster(&f);
}

Test(balance, distribute_shares_among_localities_and_weights_within) {
    static const char *const endpoints[] = {"locality: eu/a, weight: 1",
                                            "locality: eu/a, weight: 3", "locality: us/a"};
    static const char *const algorithms[] = {"LEAST_REQUEST", "ROUND_ROBIN"};
    for (size_t a = 0; a < 2; a++) {
        char policy[256];
        snprintf(policy, sizeof(policy),
                 "loadBalancer: {simple: %s, localityLbSetting: {distribute: [{from: eu, to: "
                 "{\"eu/*\": 80, us: 20}}]}}",
                 algorithms[a]);
        fixture f = open_cluster(endpoints, 3, policy, "eu/b");
        pick_many(&f, 20000);
        expect_share(&f, 0, 0.2, 20000);
        expect_share(&f, 1, 0.6, 20000);
        expect_share(&f, 2, 0.2, 20000);
        f.states[2].unusable = 1;
        pick_many(&f, 2000);
        cr_expect_eq(f.counts[2], 0);
        close_cluster(&f);
    }
}

Test(balance, failover_spills_over_once_too_little_is_left) {
    static const char *const endpoints[] = {"locality: eu/a", "locality: eu/a", "locality: eu/a",
                                            "locality: eu/a", "locality: us/a", "locality: asia/a"};
    fixture f = open_cluster(
        endpoints, 6,
        "loadBalancer: {simple: RANDOM, localityLbSetting: {failover: [{from: eu, to: us}]}}, "
        "outlierDetection: {consecutive5xxErrors: 3}",
        "eu/a");
    cr_expect(f.cluster->endpoints[0]->priority == 0 && f.cluster->endpoints[4]->priority == 1 &&
              f.cluster->endpoints[5]->priority == 2);
    f.states[0].unusable = 1; /* 3 of 4: 1.4 x 75 % is still all of it */
    pick_many(&f, 20000);
    cr_expect(f.counts[4] == 0 && f.counts[5] == 0);
    f.states[1].unusable = 1; /* 2 of 4: 70 % */
    pick_many(&f, 20000);
    expect_share(&f, 4, 0.3, 20000);
    cr_expect(f.counts[0] == 0 && f.counts[1] == 0 && f.counts[5] == 0);
    f.states[2].unusable = f.states[3].unusable = f.states[4].unusable = 1;
    pick_many(&f, 200);
    cr_expect_eq(f.counts[5], 200);
    close_cluster(&f);
}

Test(balance, an_ejected_endpoint_gives_its_keys_to_others_and_theirs_stay) {
    fixture f = open_cluster(alike, 4, "loadBalancer: {consistentHash: {httpHeaderName: x}}", NULL);
    hr_cursor cursor = {0};
    unsigned moved = 0;
    for (uint64_t key = 0; key < 1000; key++) {
        size_t before, after;
        hr_pick pick = {.version = HR_PICK_VERSION,
                        .has_hash = 1,
                        .hash = key * 0x9E3779B97F4A7C15u,
                        .states = f.states};
        f.states[2].unusable = 0;
        cr_assert_eq(hr_balance(&before, f.cluster, &cursor, &pick), HR_OK);
        f.states[2].unusable = 1;
        cr_assert_eq(hr_balance(&after, f.cluster, &cursor, &pick), HR_OK);
        cr_expect_neq(after, 2);
        cr_expect(before == 2 || before == after);
        moved += before == 2;
    }
    cr_expect(moved > 150 && moved < 350);
    close_cluster(&f);
}

Test(balance, no_endpoint_is_picked_if_none_is_usable) {
    fixture f = open_cluster(alike, 2, "loadBalancer: {simple: ROUND_ROBIN}", NULL);
    hr_cursor cursor = {0};
    hr_pick pick = {.version = HR_PICK_VERSION, .states = f.states};
    size_t index = 7;
    f.states[0].unusable = f.states[1].unusable = 1;
    cr_expect_eq(hr_balance(&index, f.cluster, &cursor, &pick), HR_ENOENT);
    cr_expect_eq(index, 0);
    cr_expect_eq(hr_balance(NULL, f.cluster, &cursor, &pick), HR_EINVAL);
    cr_expect_eq(hr_balance(&index, NULL, &cursor, &pick), HR_EINVAL);
    cr_expect_eq(hr_balance(&index, f.cluster, NULL, &pick), HR_EINVAL);
    cr_expect_eq(hr_balance(&index, f.cluster, &cursor, NULL), HR_EINVAL);
    close_cluster(&f);
}

/* ---- the formatting functions ---- */

Test(format, every_error_has_a_phrase) {
    for (int e = 0; e >= HR_EAMBIGUOUS; e--) {
        cr_expect_not_null(hr_strerror(e));
        cr_expect_gt(strlen(hr_strerror(e)), 1);
        for (int other = 0; other > e; other--)
            cr_expect_str_neq(hr_strerror(e), hr_strerror(other));
    }
    cr_expect_not_null(hr_strerror(1234));
}

Test(format, version_is_three_numbers) {
    int major, minor, patch, end = 0;
    cr_assert_eq(sscanf(hr_version(), "%d.%d.%d%n", &major, &minor, &patch, &end), 3);
    cr_expect_eq(hr_version()[end], '\0');
}

Test(format, a_string_is_a_pointer_and_a_length) {
    cr_expect(hr_str_from("abc").len == 3 && hr_str_from("").len == 0 && hr_str_from("").p != NULL);
    cr_expect(hr_str_from(NULL).p == NULL && hr_str_from(NULL).len == 0);
}

Test(format, a_finding_is_one_line_and_is_cut_to_the_buffer) {
    hr_diagnostic d = {.severity = HR_WARNING,
                       .file = HR_STR("a.yaml"),
                       .line = 3,
                       .column = 7,
                       .field = HR_STR("spec.hosts"),
                       .message = HR_STR("is odd")};
    static const char whole[] = "a.yaml:3:7: warning: spec.hosts: is odd";
    char buf[64];
    cr_expect_eq(hr_diagnostic_format(buf, sizeof(buf), &d), strlen(whole));
    cr_expect_str_eq(buf, whole);
    cr_expect_eq(hr_diagnostic_format(buf, 7, &d), strlen(whole));
    cr_expect_str_eq(buf, "a.yaml");
    cr_expect_eq(hr_diagnostic_format(NULL, 0, &d), strlen(whole));
    d.severity = HR_SEVERITY_ERROR;
    d.field = HR_STR("");
    hr_diagnostic_format(buf, sizeof(buf), &d);
    cr_expect_str_eq(buf, "a.yaml:3:7: error: is odd");
    d.code = HR_STR("odd-hosts");
    hr_diagnostic_format(buf, sizeof(buf), &d);
    cr_expect_str_eq(buf, "a.yaml:3:7: error: is odd [odd-hosts]");
}

Test(balance, rings_are_for_consistent_hashing_alone) {
    static const char *const policies[] = {"loadBalancer: {simple: ROUND_ROBIN}",
                                           "loadBalancer: {simple: RANDOM}",
                                           "loadBalancer: {consistentHash: {useSourceIp: true}}"};
    for (size_t i = 0; i < 3; i++) {
        fixture f = open_cluster(alike, 3, policies[i], NULL);
        hr_rings *rings;
        cr_expect_eq(hr_rings_new(&rings, f.cluster, f.states), i == 2 ? HR_OK : HR_EINVAL);
        cr_expect_eq(rings != NULL, i == 2);
        hr_rings_free(rings);
        cr_expect_eq(hr_rings_new(&rings, f.cluster, NULL), HR_EINVAL);
        cr_expect_eq(hr_rings_new(&rings, NULL, f.states), HR_EINVAL);
        cr_expect_eq(hr_rings_new(NULL, f.cluster, f.states), HR_EINVAL);
        close_cluster(&f);
    }
}

/* Rings that are older than what the caller knows by now: no ejected endpoint is picked, and no
 * endpoint is missing. */
Test(balance, rings_older_than_the_states_pick_usable_endpoints_only) {
    fixture f = open_cluster(alike, 4, "loadBalancer: {consistentHash: {useSourceIp: true}}", NULL);
    hr_rings *rings;
    f.states[0].unusable = 1;
    cr_assert_eq(hr_rings_new(&rings, f.cluster, f.states), HR_OK);
    f.states[1].unusable = 1;
    for (uint64_t key = 0; key < 500; key++) {
        size_t index;
        hr_cursor cursor = {0};
        hr_pick pick = {.version = HR_PICK_VERSION,
                        .states = f.states,
                        .has_hash = 1,
                        .hash = key * 0x9E3779B97F4A7C15u,
                        .rings = rings};
        cr_assert_eq(hr_balance(&index, f.cluster, &cursor, &pick), HR_OK);
        cr_assert(index == 2 || index == 3);
        f.counts[index]++;
    }
    cr_expect(f.counts[2] > 100 && f.counts[3] > 100);
    f.states[2].unusable = f.states[3].unusable = 1;
    f.states[0].unusable = 0; /* back, and on no ring yet */
    size_t index;
    hr_cursor cursor = {0};
    hr_pick pick = {
        .version = HR_PICK_VERSION, .states = f.states, .has_hash = 1, .hash = 7, .rings = rings};
    int code = hr_balance(&index, f.cluster, &cursor, &pick);
    cr_expect(code == HR_OK && index == 0);
    hr_rings_free(rings);
    close_cluster(&f);
}
