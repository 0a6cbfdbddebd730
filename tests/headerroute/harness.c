#define _GNU_SOURCE
#include "harness.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "batch.h"

const char hrt_mesh[] =
    "apiVersion: v1\n"
    "kind: Service\n"
    "metadata: {name: reviews, namespace: default}\n"
    "spec: {selector: {app: reviews}, ports: [{name: http, port: 80, targetPort: 8080}]}\n"
    "---\n"
    "apiVersion: v1\n"
    "kind: Service\n"
    "metadata: {name: ratings, namespace: default}\n"
    "spec: {selector: {app: ratings}, ports: [{name: http, port: 9080}]}\n"
    "---\n"
    "apiVersion: v1\n"
    "kind: Service\n"
    "metadata: {name: cart, namespace: default}\n"
    "spec: {selector: {app: cart}, ports: [{name: http, port: 80}, {name: http-admin, port: 8080}]}\n"
    "---\n"
    "apiVersion: v1\n"
    "kind: Service\n"
    "metadata: {name: shop, namespace: prod}\n"
    "spec: {selector: {app: shop}, ports: [{name: http, port: 80}]}\n"
    "---\n"
    "apiVersion: v1\n"
    "kind: Pod\n"
    "metadata: {name: reviews-1, labels: {app: reviews, version: v1}}\n"
    "status: {podIP: 10.1.0.1}\n"
    "---\n"
    "apiVersion: v1\n"
    "kind: Pod\n"
    "metadata: {name: reviews-2, labels: {app: reviews, version: v2}}\n"
    "status: {podIP: 10.1.0.2}\n"
    "---\n"
    "apiVersion: v1\n"
    "kind: Pod\n"
    "metadata: {name: reviews-3, labels: {app: reviews, version: v3}}\n"
    "status: {podIP: 10.1.0.3}\n"
    "---\n"
    "apiVersion: v1\n"
    "kind: Pod\n"
    "metadata: {name: ratings-1, labels: {app: ratings}}\n"
    "status: {podIP: 10.1.0.4}\n"
    "---\n"
    "apiVersion: v1\n"
    "kind: Pod\n"
    "metadata: {name: cart-1, labels: {app: cart}}\n"
    "status: {podIP: 10.1.0.5}\n"
    "---\n"
    "apiVersion: v1\n"
    "kind: Pod\n"
    "metadata: {name: shop-1, namespace: prod, labels: {app: shop, version: v1}}\n"
    "status: {podIP: 10.1.0.6}\n"
    "---\n"
    "apiVersion: networking.istio.io/v1\n"
    "kind: DestinationRule\n"
    "metadata: {name: reviews, namespace: default}\n"
    "spec:\n"
    "  host: reviews\n"
    "  subsets:\n"
    "  - {name: v1, labels: {version: v1}}\n"
    "  - {name: v2, labels: {version: v2}}\n"
    "  - {name: v3, labels: {version: v3}}\n"
    "  - {name: nobody, labels: {version: v9}}\n";

/* ---- loading ---- */

static char *joined(const char *a, const char *b) {
    char *text;
    cr_assert(asprintf(&text, "%s\n---\n%s", a, b) > 0);
    return text;
}

static int load(hr_table **table, hr_diagnostics **d, const char *yaml) {
    hr_source source = {.name = "test.yaml", .text = hr_str_from(yaml)};
    return hr_table_load(table, d, &source, 1, NULL);
}

static void print_findings(const hr_diagnostics *d) {
    char line[1024];
    for (size_t i = 0; i < hr_diagnostics_count(d); i++) {
        hr_diagnostic_format(line, sizeof(line), hr_diagnostics_get(d, i));
        fprintf(stderr, "%s\n", line);
    }
}

hr_table *hrt_load(const char *yaml) {
    hr_table *table = NULL;
    hr_diagnostics *d = NULL;
    int error = load(&table, &d, yaml);
    if (error != HR_OK)
        print_findings(d);
    cr_assert_eq(error, HR_OK, "loading: %s\n%s", hr_strerror(error), yaml);
    hr_diagnostics_free(d);
    return table;
}

void hrt_refused(const char *yaml, const char *fragment) {
    hr_table *table = NULL;
    hr_diagnostics *d = NULL;
    char *all = joined(hrt_mesh, yaml);
    int error = load(&table, &d, all);
    cr_assert_eq(error, HR_ECONFIG, "accepted: %s", yaml);
    cr_assert_null(table);
    bool found = false;
    for (size_t i = 0; i < hr_diagnostics_count(d) && !found; i++) {
        char line[1024];
        hr_diagnostic_format(line, sizeof(line), hr_diagnostics_get(d, i));
        found = strstr(line, fragment) != NULL;
    }
    if (!found)
        print_findings(d);
    cr_assert(found, "no finding has '%s'", fragment);
    hr_diagnostics_free(d);
    free(all);
}

/* ---- comparing ---- */

static bool covers(const json_t *actual, const json_t *expected, char *path, size_t len);

static bool covers_object(const json_t *actual, const json_t *expected, char *path, size_t len) {
    const char *key;
    json_t *value;
    if (!json_is_object(actual))
        return false;
    json_object_foreach((json_t *)expected, key, value) {
        size_t n = len + (size_t)snprintf(path + len, 256 - len, ".%.60s", key);
        const json_t *have = json_object_get(actual, key);
        if (have == NULL || !covers(have, value, path, n))
            return false;
    }
    path[len] = '\0';
    return true;
}

static bool covers_array(const json_t *actual, const json_t *expected, char *path, size_t len) {
    if (!json_is_array(actual) || json_array_size(actual) != json_array_size(expected))
        return false;
    for (size_t i = 0; i < json_array_size(expected); i++) {
        size_t n = len + (size_t)snprintf(path + len, 256 - len, "[%zu]", i);
        if (!covers(json_array_get(actual, i), json_array_get(expected, i), path, n))
            return false;
    }
    path[len] = '\0';
    return true;
}

static bool covers(const json_t *actual, const json_t *expected, char *path, size_t len) {
    if (len > 180)
        return false;
    if (json_is_object(expected))
        return covers_object(actual, expected, path, len);
    if (json_is_array(expected))
        return covers_array(actual, expected, path, len);
    if (json_is_number(expected))
        return json_is_number(actual) && fabs(json_number_value(actual) - json_number_value(expected)) < 1e-9;
    return json_equal(actual, expected);
}

static void compare(const char *yaml, const char *line, hr_str answer, const char *expected_text) {
    json_error_t error;
    json_t *actual = json_loadb(answer.p, answer.len, 0, &error);
    cr_assert_not_null(actual, "the answer is no JSON: %s: %.*s", error.text, (int)answer.len, answer.p);
    json_t *expected = json_loads(expected_text, 0, &error);
    cr_assert_not_null(expected, "the expectation is no JSON: %s: %s", error.text, expected_text);
    char path[512] = "";
    bool ok = covers(actual, expected, path, 0);
    cr_expect(ok, "differs at %s\n  request  %s\n  expected %s\n  decision %.*s\n%s", path, line, expected_text,
              (int)answer.len, answer.p, yaml);
    json_decref(actual);
    json_decref(expected);
}

void hrt_expect(const char *yaml, const char *line, const char *expected) {
    hr_table *table = hrt_load(yaml);
    cli_view defaults = {0};
    cli_batch *batch = cli_batch_new(table, &defaults);
    compare(yaml, line, cli_batch_line(batch, line, strlen(line)), expected);
    cli_batch_free(batch);
    hr_table_unref(table);
}

void hrt_expect_in_mesh(const char *yaml, const char *line, const char *expected) {
    char *all = joined(hrt_mesh, yaml);
    hrt_expect(all, line, expected);
    free(all);
}

bool hrt_matches(const char *match, const char *line) {
    char *yaml, *all;
    cr_assert(asprintf(&yaml,
                       "apiVersion: networking.istio.io/v1\n"
                       "kind: VirtualService\n"
                       "metadata: {name: vs}\n"
                       "spec:\n"
                       "  hosts: [reviews, foo.com]\n"
                       "  http:\n"
                       "  - match: [%s]\n"
                       "    route: [{destination: {host: reviews, subset: v1}}]\n"
                       "  - route: [{destination: {host: reviews, subset: v2}}]\n",
                       match) > 0);
    all = joined(hrt_mesh, yaml);
    hr_table *table = hrt_load(all);
    cli_view defaults = {0};
    cli_batch *batch = cli_batch_new(table, &defaults);
    hr_str answer = cli_batch_line(batch, line, strlen(line));
    json_t *decision = json_loadb(answer.p, answer.len, 0, NULL);
    const char *subset = json_string_value(json_object_get(json_object_get(decision, "destination"), "subset"));
    cr_assert_not_null(subset, "%s: %.*s", line, (int)answer.len, answer.p);
    bool first = strcmp(subset, "v1") == 0;
    cr_assert(first || strcmp(subset, "v2") == 0);
    json_decref(decision);
    cli_batch_free(batch);
    hr_table_unref(table);
    free(all);
    free(yaml);
    return first;
}
