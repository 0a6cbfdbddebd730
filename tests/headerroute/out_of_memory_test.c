/*
 * Every allocation of a call fails once, in turn: the call says so, gives back all that it had, and
 * what was there before still works.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include <headerroute/headerroute.h>

/* The C library's own functions, behind the ones below (glibc exports them for this). */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

/* While it watches: how many allocations go well before one fails, and how many blocks are held. */
static bool watching, failed;
static long until_failure, held;

/* C++ is spared unless a test says otherwise, as RE2 loses blocks when one of its constructors
 * throws; the C library's qsort is always, as it makes do without. */
typedef enum caller_kind { OURS, CXX, QSORT } caller_kind;
static bool cxx_fails;

static caller_kind kind_of(const void *caller) {
    static struct {
        const void *caller;
        caller_kind kind;
    } known[4096]; /* few places allocate, and each many times */
    size_t slot = ((uintptr_t)caller >> 1) % 4096;
    if (known[slot].caller == caller)
        return known[slot].kind;
    Dl_info other;
    caller_kind kind = OURS;
    watching = false; /* dladdr may allocate */
    if (dladdr(caller, &other) != 0) {
        if (strstr(other.dli_fname, "/libre2.so") != NULL ||
            strstr(other.dli_fname, "/libstdc++.so") != NULL)
            kind = CXX;
        else if (other.dli_sname != NULL && strcmp(other.dli_sname, "qsort_r") == 0)
            kind = QSORT;
    }
    watching = true;
    known[slot].caller = caller;
    known[slot].kind = kind;
    return kind;
}

static bool is_spared(const void *caller) {
    caller_kind kind = kind_of(caller);
    return kind == QSORT || (kind == CXX && !cxx_fails);
}

static bool must_fail(const void *caller) {
    if (!watching || until_failure < 0 || is_spared(caller) || until_failure-- > 0)
        return false;
    failed = true;
    errno = ENOMEM;
    return true;
}

static void *counted(void *p) {
    held += watching && p != NULL;
    return p;
}

/* Seen by the shared libraries too. */
#pragma GCC visibility push(default)
void *malloc(size_t n) {
    return must_fail(__builtin_return_address(0)) ? NULL : counted(__libc_malloc(n));
}
void *calloc(size_t n, size_t size) {
    return must_fail(__builtin_return_address(0)) ? NULL : counted(__libc_calloc(n, size));
}
void *realloc(void *p, size_t n) {
    if (must_fail(__builtin_return_address(0)))
        return NULL;
    return p != NULL ? __libc_realloc(p, n) : counted(__libc_realloc(NULL, n));
}
void free(void *p) {
    held -= watching && p != NULL;
    __libc_free(p);
}
#pragma GCC visibility pop

static void watch(long successes) {
    until_failure = successes;
    failed = false;
    held = 0;
    watching = true;
}

/* ---- loading ---- */

static void load_all(const char *const *paths, size_t n_paths, long step) {
    hr_load_options options = HR_LOAD_OPTIONS_INIT;
    options.lint = options.expand_rollouts = 1;
    hr_table *warm; /* what is made once for a process is there from now on */
    cr_assert_eq(hr_table_load_paths(&warm, NULL, paths, n_paths, &options), HR_OK);
    hr_table_unref(warm);
    long n = 0;
    for (;; n += step) {
        hr_table *table;
        hr_diagnostics *d;
        watch(n);
        int error = hr_table_load_paths(&table, &d, paths, n_paths, &options);
        bool ran_out = failed;
        until_failure = -1;
        hr_diagnostics_free(d);
        hr_table_unref(table);
        watching = false;
        cr_assert_eq(error, ran_out ? HR_ENOMEM : HR_OK, "allocation %ld: %s", n,
                     hr_strerror(error));
        cr_assert(cxx_fails || held == 0, "allocation %ld: %ld blocks are lost", n, held);
        if (!ran_out)
            break;
    }
    cr_expect_gt(n, 50);
}

Test(out_of_memory, a_load_reports_it_and_frees_everything) {
    const char *paths[] = {HR_SOURCE_DIR "/tests/headerroute/fixtures/everything.yaml"};
    load_all(paths, 1, 1);
}

Test(out_of_memory, a_load_of_a_mesh_reports_it) {
    const char *paths[] = {HR_SOURCE_DIR "/tests/headerroute/fixtures/batch.yaml"};
    load_all(paths, 1, 1);
}

Test(out_of_memory, a_load_of_a_repository_reports_it) {
    const char *paths[] = {HR_SOURCE_DIR "/tests/headerroute/fixtures/repository.yaml"};
    load_all(paths, 1, 1);
}

Test(out_of_memory, a_load_of_endpoints_reports_it) {
    const char *paths[] = {HR_SOURCE_DIR "/tests/headerroute/fixtures/endpoints.yaml"};
    load_all(paths, 1, 1);
}

Test(out_of_memory, a_load_of_the_gateway_api_reports_it) {
    const char *paths[] = {HR_SOURCE_DIR "/tests/headerroute/fixtures/gateway-api.yaml"};
    load_all(paths, 1, 1);
}

Test(out_of_memory, a_load_of_listener_sets_and_backend_tls_policies_reports_it) {
    const char *paths[] = {HR_SOURCE_DIR "/tests/headerroute/fixtures/backend-tls.yaml"};
    load_all(paths, 1, 1);
}

Test(out_of_memory, a_load_of_canaries_reports_it) {
    const char *paths[] = {HR_SOURCE_DIR "/tests/headerroute/fixtures/canaries.yaml"};
    load_all(paths, 1, 1);
}

Test(out_of_memory, a_load_of_folders_reports_it) {
    const char *paths[] = {HR_SOURCE_DIR "/k8s/base", HR_SOURCE_DIR "/k8s/local"};
    load_all(paths, 2, 5);
}

/* Whatever RE2 then loses. */
Test(out_of_memory, a_load_of_regexes_reports_it, .disabled = !RE2_SURVIVES) {
    const char *paths[] = {HR_SOURCE_DIR "/tests/headerroute/fixtures/everything.yaml"};
    cxx_fails = true;
    load_all(paths, 1, 1);
}

/* ---- conversions ---- */

static void convert_all(const char *path, hr_dialect to) {
    hr_conversion *c;
    hr_source source = {.path = path};
    /* what is made once for a process is there from now on */
    cr_assert_eq(hr_convert(&c, NULL, &source, 1, NULL, to), HR_OK);
    hr_conversion_free(c);
    long n = 0;
    for (;; n++) {
        watch(n);
        int error = hr_convert(&c, NULL, &source, 1, NULL, to);
        bool ran_out = failed;
        until_failure = -1;
        hr_conversion_free(c);
        watching = false;
        cr_assert_eq(error, ran_out ? HR_ENOMEM : HR_OK, "allocation %ld: %s", n,
                     hr_strerror(error));
        cr_assert(held == 0, "allocation %ld: %ld blocks are lost", n, held);
        if (!ran_out)
            break;
    }
    cr_expect_gt(n, 50);
}

Test(out_of_memory, a_conversion_reports_it) {
    convert_all(HR_SOURCE_DIR "/tests/headerroute/fixtures/convert/what-is-lost.in.yaml",
                HR_DIALECT_GATEWAY_API);
    convert_all(HR_SOURCE_DIR "/tests/headerroute/fixtures/convert/httproutes.in.yaml",
                HR_DIALECT_ISTIO);
}

/* ---- views ---- */

static hr_table *loaded(const char *path) {
    hr_table *table;
    cr_assert_eq(hr_table_load_paths(&table, NULL, &path, 1, NULL), HR_OK);
    return table;
}

static hr_table *mesh(void) {
    return loaded(HR_SOURCE_DIR "/tests/headerroute/fixtures/batch.yaml");
}

static void view_all(hr_table *table, hr_str gateway, hr_str namespace_, uint16_t port) {
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    options.gateway = gateway;
    options.namespace_ = namespace_;
    options.port = port;
    long n = 0;
    for (;; n++) {
        hr_view *view;
        watch(n);
        int error = hr_view_new(&view, table, &options);
        bool ran_out = failed;
        until_failure = -1;
        hr_view_unref(view);
        watching = false;
        cr_assert_eq(error, ran_out ? HR_ENOMEM : HR_OK, "allocation %ld: %s", n,
                     hr_strerror(error));
        cr_assert_eq(held, 0, "allocation %ld: %ld blocks are lost", n, held);
        if (!ran_out)
            break;
    }
    cr_expect_gt(n, 3);
    hr_table_unref(table);
}

Test(out_of_memory, a_view_reports_it) {
    view_all(mesh(), HR_STR("mesh"), (hr_str){0}, 80);
    view_all(mesh(), HR_STR("default/web"), (hr_str){0}, 443);
    view_all(mesh(), HR_STR("edge/to-https"), (hr_str){0}, 8080);
}

Test(out_of_memory, a_view_of_the_gateway_api_reports_it) {
    static const char path[] = HR_SOURCE_DIR "/tests/headerroute/fixtures/gateway-api.yaml";
    view_all(loaded(path), HR_STR("infra/gw"), (hr_str){0}, 80);
    view_all(loaded(path), HR_STR("mesh"), HR_STR("shop"), 80);
}

Test(out_of_memory, a_view_with_a_sidecar_and_workloads_reports_it) {
    static const char path[] = HR_SOURCE_DIR "/tests/headerroute/fixtures/repository.yaml";
    view_all(loaded(path), HR_STR("mesh"), HR_STR("shop"), 80);
    view_all(loaded(path), HR_STR("mesh"), HR_STR("shop"), 8080);
    view_all(loaded(path), HR_STR("mesh"), HR_STR("other"), 80);
}

Test(out_of_memory, rings_report_it) {
    static const char yaml[] =
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: m}\nspec: "
        "{hosts: [m.example.com], "
        "resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], "
        "endpoints: [{address: 10.0.0.1}, {address: 10.0.0.2}, {address: 10.0.0.3}]}\n"
        "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: m}\n"
        "spec: {host: m.example.com, trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: "
        "true}}}}\n";
    hr_source source = {.name = "m.yaml", .text = HR_STR(yaml)};
    hr_endpoint_state states[3] = {{.unusable = 1}};
    hr_table *table;
    hr_view *view;
    cr_assert_eq(hr_table_load(&table, NULL, &source, 1, NULL), HR_OK);
    cr_assert_eq(hr_view_new(&view, table, NULL), HR_OK);
    const hr_cluster *cluster = hr_view_cluster(view, 0);
    cr_assert_eq(cluster->n_endpoints, 3);
    long n = 0;
    for (bool ran_out = true; ran_out; n++) {
        hr_rings *rings;
        watch(n);
        int error = hr_rings_new(&rings, cluster, states);
        ran_out = failed;
        until_failure = -1;
        hr_rings_free(rings);
        watching = false;
        cr_assert_eq(error, ran_out ? HR_ENOMEM : HR_OK, "allocation %ld: %s", n,
                     hr_strerror(error));
        cr_assert_eq(held, 0, "allocation %ld: %ld blocks are lost", n, held);
    }
    cr_expect_gt(n, 2);
    hr_view_unref(view);
    hr_table_unref(table);
}

/* ---- requests ---- */

static void ignore(void *ctx, const hr_trace_event *event) {
    (void)ctx;
    (void)event;
}

/* Everything that a scratch grows for. */
static int ask(const hr_view *view, const hr_request *request, hr_scratch *scratch) {
    static const hr_pair answer[] = {{{"server", 6}, {"x", 1}}};
    hr_decision d = HR_DECISION_INIT;
    hr_response response = {
        .version = HR_RESPONSE_VERSION, .status = 200, .headers = answer, .n_headers = 1};
    hr_upstream upstream = HR_UPSTREAM_INIT;
    hr_str json;
    const hr_pair *headers;
    size_t n;
    uint64_t hash;
    int error = hr_explain(&d, view, request, scratch, ignore, NULL);
    if (error == HR_OK)
        error = hr_route(&d, view, request, scratch);
    if (error == HR_OK && d.action == HR_ACTION_ROUTE)
        error = hr_upstream_request(&upstream, &d, request, scratch);
    if (error == HR_OK)
        error = hr_response_headers(&headers, &n, &d, request, &response, scratch);
    if (error == HR_OK)
        error = hr_request_hash(&hash, &d, request, HR_STR("10.0.0.1"), scratch);
    if (error == HR_OK || error == HR_ENOENT)
        error = hr_decision_json(&json, &d, request, scratch);
    return error;
}

static void ask_all(const hr_view *view, const hr_request *request) {
    long n = 0;
    for (;; n++) {
        hr_scratch *scratch;
        watch(n);
        int error = hr_scratch_new(&scratch);
        if (error == HR_OK)
            error = ask(view, request, scratch);
        bool ran_out = failed;
        until_failure = -1;
        int again =
            scratch == NULL ? HR_OK : ask(view, request, scratch); /* with memory it works again */
        hr_scratch_free(scratch);
        watching = false;
        cr_assert_eq(error, ran_out ? HR_ENOMEM : HR_OK, "allocation %ld: %s", n,
                     hr_strerror(error));
        cr_assert_eq(again, HR_OK, "allocation %ld, with memory again: %s", n, hr_strerror(again));
        cr_assert_eq(held, 0, "allocation %ld: %ld blocks are lost", n, held);
        if (!ran_out)
            break;
    }
    cr_expect_gt(n, 2);
}

Test(out_of_memory, a_request_reports_it) {
    hr_table *table = mesh();
    hr_view *view;
    cr_assert_eq(hr_view_new(&view, table, NULL), HR_OK);
    static char path[20000] = "/t/", value[20000];
    memset(path + 3, 'p', sizeof(path) - 4);
    memset(value, 'v', sizeof(value) - 1);
    const hr_pair headers[] = {
        {HR_STR("x-tenant"), HR_STR("one")},     {HR_STR("cookie"), HR_STR("user=me")},
        {HR_STR("accept"), hr_str_from(value)},  {HR_STR("accept"), hr_str_from(value)},
        {HR_STR("x-debug"), hr_str_from(value)}, {HR_STR("x-debug"), hr_str_from(value)}};
    hr_request request = {.version = HR_REQUEST_VERSION,
                          .authority = HR_STR("shop"),
                          .path = hr_str_from(path),
                          .headers = headers,
                          .n_headers = 6};
    ask_all(view, &request);
    request.path = HR_STR("/old/way");
    ask_all(view, &request);
    request.path = hr_str_from(path);
    request.path.len = 3; /* a path alone, nothing joined */
    request.n_headers = 2;
    ask_all(view, &request);
    hr_view_unref(view);
    hr_table_unref(table);
}

/* ---- differences ---- */

static hr_table *rules(const char *http) {
    static const char head[] =
        "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\nspec: {ports: [{name: http, port: "
        "80}]}\n"
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: shop}\n"
        "spec:\n  hosts: [shop, '*.example.com']\n  http:\n";
    char yaml[4096];
    snprintf(yaml, sizeof(yaml), "%s%s", head, http);
    hr_source source = {.name = "shop.yaml", .text = hr_str_from(yaml)};
    hr_table *table;
    cr_assert_eq(hr_table_load(&table, NULL, &source, 1, NULL), HR_OK);
    return table;
}

Test(out_of_memory, differences) {
    hr_table *before = rules("  - {match: [{uri: {regex: '/a[0-9]*'}, headers: {x: {regex: "
                             "'[a-m]+'}}}], route: [{destination: {host: shop}}]}\n"
                             "  - {match: [{queryParams: {q: {exact: '1'}}}, {authority: {prefix: "
                             "shop}}], redirect: {uri: /b}}\n"
                             "  - {route: [{destination: {host: shop}}], rewrite: "
                             "{uriRegexRewrite: {match: '[0-9]+', rewrite: x}}}\n");
    hr_table *after = rules("  - {match: [{uri: {regex: '/a[1-9]+'}, withoutHeaders: {x: {regex: "
                            "'b*'}}}], route: [{destination: {host: shop}}], timeout: 1s}\n"
                            "  - {match: [{queryParams: {q: {exact: '1'}}}, {authority: {regex: "
                            "'.*shop'}}], redirect: {uri: /c}}\n"
                            "  - {route: [{destination: {host: shop}}], rewrite: {uriRegexRewrite: "
                            "{match: '[a-f]+', rewrite: x}}}\n");
    hr_diff *warm;
    cr_assert_eq(hr_diff_new(&warm, before, after, NULL), HR_OK);
    cr_expect_gt(hr_diff_region_count(warm), 3);
    hr_diff_free(warm);
    long n = 0;
    for (bool ran_out = true; ran_out; n++) {
        hr_diff *diff;
        watch(n);
        int error = hr_diff_new(&diff, before, after, NULL);
        ran_out = failed;
        until_failure = -1;
        hr_diff_free(diff);
        watching = false;
        cr_assert_eq(error, ran_out ? HR_ENOMEM : HR_OK, "allocation %ld: %s", n,
                     hr_strerror(error));
        cr_assert_eq(held, 0, "allocation %ld: %ld blocks are lost", n, held);
    }
    cr_expect_gt(n, 20);
    hr_table_unref(before);
    hr_table_unref(after);
}

Test(out_of_memory, reaching_leaves_nothing) {
    hr_table *table =
        rules("  - {match: [{uri: {prefix: /a}, headers: {x: {regex: '[a-m]+'}}}], "
              "route: [{destination: {host: shop}}]}\n"
              "  - {match: [{headers: {x: {regex: '[a-z]+'}}}], redirect: {uri: /b}}\n"
              "  - {match: [{headers: {x: {exact: a}}}], redirect: {uri: /c}}\n");
    const hr_where within = {
        .field = HR_STR("path"), .op = HR_WHERE_REGEX, .value = HR_STR("/[a-c]/.*")};
    hr_reach_options options = HR_REACH_OPTIONS_INIT;
    hr_view *view;
    hr_reach *warm;
    options.within = &within;
    options.n_within = 1;
    cr_assert_eq(hr_view_new(&view, table, NULL), HR_OK);
    cr_assert_eq(hr_reach_new(&warm, view, &options), HR_OK);
    cr_expect_gt(hr_reach_count(warm), 3);
    hr_reach_free(warm);
    long n = 0;
    for (bool ran_out = true; ran_out; n++) {
        hr_reach *reach;
        watch(n);
        int error = hr_reach_new(&reach, view, &options);
        ran_out = failed;
        until_failure = -1;
        hr_reach_free(reach);
        watching = false;
        cr_assert_eq(error, ran_out ? HR_ENOMEM : HR_OK, "allocation %ld: %s", n,
                     hr_strerror(error));
        cr_assert_eq(held, 0, "allocation %ld: %ld blocks are lost", n, held);
    }
    cr_expect_gt(n, 10);
    hr_view_unref(view);
    hr_table_unref(table);
}

static int pass_over(void *ctx, const hr_neighbours *pair) {
    *(size_t *)ctx += hr_diff_region_count(pair->diff);
    return HR_OK;
}

Test(out_of_memory, order_of_rules) {
    hr_table *table =
        rules("  - {match: [{uri: {prefix: /a}, headers: {x: {regex: '[a-m]+'}}}], "
              "route: [{destination: {host: shop}}]}\n"
              "  - {match: [{headers: {x: {regex: '[a-z]+'}}}], redirect: {uri: /b}}\n"
              "  - {match: [{headers: {y: {exact: a}}}], redirect: {uri: /c}}\n");
    size_t regions = 0;
    cr_assert_eq(hr_order_find(table, NULL, pass_over, &regions), HR_OK);
    cr_expect_gt(regions, 1);
    long n = 0;
    for (bool ran_out = true; ran_out; n++) {
        watch(n);
        int error = hr_order_find(table, NULL, pass_over, &regions);
        ran_out = failed;
        until_failure = -1;
        watching = false;
        cr_assert_eq(error, ran_out ? HR_ENOMEM : HR_OK, "allocation %ld: %s", n,
                     hr_strerror(error));
        cr_assert_eq(held, 0, "allocation %ld: %ld blocks are lost", n, held);
    }
    cr_expect_gt(n, 20);
    hr_table_unref(table);
}
