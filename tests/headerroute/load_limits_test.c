/*
 * What a load takes grows with the resources, not with their square: twice as many of them make at
 * most 2.5 times the bytes of the table and 3 times the comparisons (a square: 4 times). Work is
 * counted, not timed: calls of memcmp, and copies of texts, by the linker's --wrap.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "arena.h"
#include "harness.h"

/* ---- the counter ---- */

static bool counting;
static uint64_t comparisons, copies;

int __real_memcmp(const void *a, const void *b, size_t n);
int __wrap_memcmp(const void *a, const void *b, size_t n);
int __wrap_memcmp(const void *a, const void *b, size_t n) {
    comparisons += counting;
    return __real_memcmp(a, b, n);
}

hr_str __real_hr_arena_copy(hr_arena *arena, hr_str s);
hr_str __wrap_hr_arena_copy(hr_arena *arena, hr_str s);
hr_str __wrap_hr_arena_copy(hr_arena *arena, hr_str s) {
    copies += counting;
    return __real_hr_arena_copy(arena, s);
}

/* ---- loads ---- */

typedef struct cost {
    uint64_t bytes, comparisons;
} cost;

typedef void write_fn(FILE *out, int n);

static cost cost_of(write_fn *write, int n) {
    char *yaml;
    size_t length;
    FILE *out = open_memstream(&yaml, &length);
    write(out, n);
    fclose(out);
    hr_source source = {.name = "many", .text = {yaml, length}};
    hr_load_options options = HR_LOAD_OPTIONS_INIT;
    options.lint = 1;
    hr_table *table;
    hr_diagnostics *d;
    hr_stats stats = HR_STATS_INIT;
    comparisons = 0;
    counting = true;
    int error = hr_table_load(&table, &d, &source, 1, &options);
    counting = false;
    cr_assert_eq(error, HR_OK, "%s",
                 hr_diagnostics_count(d) > 0 ? hr_diagnostics_get(d, 0)->message.p : "");
    cr_assert_eq(hr_table_stats(&stats, table), HR_OK);
    hr_table_unref(table);
    hr_diagnostics_free(d);
    free(yaml);
    return (cost){stats.bytes, comparisons};
}

static void linear(const char *name, write_fn *write, int n) {
    cost one = cost_of(write, n), two = cost_of(write, 2 * n);
    cr_expect_gt(one.comparisons, (uint64_t)n, "%s: comparisons are counted", name);
    cr_expect_lt(two.bytes, 5 * one.bytes / 2, "%s: %llu bytes, then %llu", name,
                 (unsigned long long)one.bytes, (unsigned long long)two.bytes);
    cr_expect_lt(two.comparisons, 3 * one.comparisons, "%s: %llu comparisons, then %llu", name,
                 (unsigned long long)one.comparisons, (unsigned long long)two.comparisons);
}

/* ---- BackendTLSPolicies ---- */

static void put_policy(FILE *out, int number) {
    fprintf(out,
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: BackendTLSPolicy\n"
            "metadata: {name: p%06d}\nspec:\n  validation: {hostname: a.com, "
            "wellKnownCACertificates: System}\n  targetRefs:\n",
            number);
}

/* Policies with a target for each port: each may have 16. */
static void put_sections(FILE *out, const char *target, int n) {
    for (int i = 0; i < n; i++) {
        if (i % 16 == 0)
            put_policy(out, i);
        fprintf(out, "  - {%s, name: a, sectionName: n%05d}\n", target, i);
    }
}

/* A Service with many ports. */
static void many_sections(FILE *out, int n) {
    fprintf(out, "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  ports:\n");
    for (int i = 0; i < n; i++)
        fprintf(out, "  - {name: n%05d, port: %d}\n", i, i + 1);
    put_sections(out, "group: '', kind: Service", n);
}

/* Policies with a Service each. */
static void many_services(FILE *out, int n) {
    for (int i = 0; i < n; i++) {
        fprintf(out,
                "---\napiVersion: v1\nkind: Service\nmetadata: {name: s%06d}\n"
                "spec: {ports: [{name: http, port: 80}]}\n",
                i);
        put_policy(out, i);
        fprintf(out, "  - {group: '', kind: Service, name: s%06d}\n", i);
    }
}

/* A ServiceEntry with many hosts, each of which has the policy of all ports. */
static void many_hosts(FILE *out, int n) {
    fprintf(out, "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: a}\n"
                 "spec:\n  resolution: DNS\n  ports:\n");
    for (int i = 0; i < n; i++)
        fprintf(out, "  - {name: n%05d, number: %d, protocol: HTTP}\n", i, i + 1);
    fprintf(out, "  hosts:\n");
    for (int i = 0; i < 8; i++)
        fprintf(out, "  - h%05d.com\n", i);
    put_sections(out, "group: networking.istio.io, kind: ServiceEntry", n);
}

Test(load_limits, of_policies_for_tls) {
    linear("sections", many_sections, 500);
    linear("services", many_services, 500);
    linear("hosts", many_hosts, 128);
}

/* ---- listeners ---- */

static void put_gateway(FILE *out, int number) {
    fprintf(out,
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n"
            "metadata: {name: g%06d}\nspec:\n  gatewayClassName: istio\n"
            "  allowedListeners: {namespaces: {from: All}}\n"
            "  listeners:\n  - {name: w, port: 80, protocol: HTTP, hostname: g.com}\n",
            number);
}

static void put_set(FILE *out, int number, int gateway) {
    fprintf(out,
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: ListenerSet\n"
            "metadata: {name: s%06d}\nspec:\n  parentRef: {name: g%06d}\n  listeners:\n",
            number, gateway);
}

/* ListenerSets of one Gateway, with 16 listeners each on one port. */
static void many_listeners(FILE *out, int n) {
    put_gateway(out, 0);
    for (int i = 0; i < n; i++) {
        if (i % 16 == 0)
            put_set(out, i, 0);
        fprintf(out, "  - {name: l%06d, port: 80, protocol: HTTP, hostname: h%06d.com}\n", i, i);
    }
}

/* Gateways with a ListenerSet each. */
static void many_sets(FILE *out, int n) {
    for (int i = 0; i < n; i++) {
        put_gateway(out, i);
        put_set(out, i, i);
        fprintf(out, "  - {name: l, port: 80, protocol: HTTP, hostname: h.com}\n");
    }
}

/* Listeners that take routes of one namespace, in files with many. */
static void many_namespaces(FILE *out, int n) {
    for (int i = 0; i < n; i++)
        fprintf(out, "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: n%06d}\n", i);
    many_listeners(out, n);
}

Test(load_limits, of_listeners) {
    linear("listeners", many_listeners, 4000);
    linear("sets", many_sets, 500);
    linear("namespaces", many_namespaces, 1000);
}

/* ---- views ---- */

static uint64_t copies_for_view(int rules) {
    char *yaml;
    size_t length;
    FILE *out = open_memstream(&yaml, &length);
    fprintf(out, "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\n"
                 "spec:\n  hosts: [a.com]\n  http:\n");
    for (int i = 0; i < rules; i++)
        fprintf(out, "  - {match: [{uri: {exact: /%d}}], redirect: {uri: /}}\n", i);
    fclose(out);
    hr_table *table = hrt_load(yaml);
    hr_view *view;
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    options.port = 80;
    copies = 0;
    counting = true;
    int error = hr_view_new(&view, table, &options);
    counting = false;
    cr_assert_eq(error, HR_OK);
    hr_view_unref(view);
    hr_table_unref(table);
    free(yaml);
    return copies;
}

/* The rules of one VirtualService share what says where they are written. */
Test(load_limits, a_view_keeps_one_origin_for_many_rules) {
    uint64_t few = copies_for_view(10), many = copies_for_view(1000);
    cr_expect_gt(few, 0, "copies are counted");
    cr_expect_eq(many, few, "%llu copies for 10 rules, %llu for 1000", (unsigned long long)few,
                 (unsigned long long)many);
}
