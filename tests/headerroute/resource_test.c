/* YAML to typed resources. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "diag.h"
#include "resource.h"

static hr_arena *arena;
static hr_diagnostics *diagnostics;

static void setup(void) {
    arena = hr_arena_new();
    diagnostics = hr_diagnostics_new();
}

static void teardown(void) {
    hr_diagnostics_free(diagnostics);
    hr_arena_free(arena);
}

TestSuite(resource, .init = setup, .fini = teardown);

static const hr_resources *read_source(const hr_source *source) {
    hr_resources *resources;
    cr_assert(eq(int, hr_resources_read(&resources, arena, diagnostics, source, 1, NULL), HR_OK));
    return resources;
}

static int is(hr_str s, const char *text) {
    return s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

static void no_findings(void) {
    char line[512];
    for (size_t i = 0; i < hr_diagnostics_count(diagnostics); i++) {
        hr_diagnostic_format(line, sizeof(line), hr_diagnostics_get(diagnostics, i));
        cr_expect(0, "%s", line);
    }
}

Test(resource, seed) {
    const hr_resources *r = read_source(&(hr_source){.path = HR_SOURCE_DIR "/tests/headerroute/fixtures/seed.yaml"});
    no_findings();
    cr_assert(eq(sz, r->n_virtual_services, 1));
    cr_assert(eq(sz, r->n_destination_rules, 1));
    cr_assert(eq(sz, r->n_services, 2));
    cr_assert(eq(sz, r->n_workloads, 2));

    const hr_virtual_service *vs = r->virtual_services;
    cr_expect(is(vs->meta.name, "proxy-server"));
    cr_expect(is(vs->meta.namespace_, "default"));
    cr_assert(eq(sz, vs->n_http, 2));
    cr_assert(eq(sz, vs->http[0].n_match, 1));
    const hr_named_match *header = vs->http[0].match[0].headers;
    cr_expect(is(header->name, "target"));
    cr_expect(eq(int, header->match.kind, HR_SM_EXACT));
    cr_expect(is(header->match.value, "condition1"));
    cr_expect(is(vs->http[0].route[0].destination.subset, "proxy-pod-subset1"));
    cr_expect(eq(i64, vs->http[0].timeout_ns, INT64_C(10000000000)));
    cr_expect(eq(int, vs->http[0].pos.line, 110));
    cr_expect(eq(int, vs->http[0].pos.column, 7));
    cr_expect(eq(sz, vs->http[1].n_match, 0));

    const hr_destination_rule *dr = r->destination_rules;
    cr_expect(is(dr->host, "proxy-server"));
    cr_expect(dr->policy.load_balancer.has_simple);
    cr_expect(eq(int, dr->policy.load_balancer.simple, 4));
    cr_assert(eq(sz, dr->n_subsets, 2));
    cr_expect(is(dr->subsets[1].labels[0].value, "proxy-pod-version2"));

    const hr_service *service = r->services;
    cr_expect(eq(u32, service->ports[0].number, 5000));
    cr_expect(eq(u32, service->ports[0].target_port, 5000));
    cr_expect(is(service->selector[0].value, "proxy-pod"));

    const hr_workload *workload = &r->workloads[1];
    cr_expect(is(workload->labels[1].value, "proxy-pod-version2"));
    cr_expect(is(workload->ports[0].name, "http-server"));
    cr_expect(eq(u32, workload->ports[0].number, 5000));
}
