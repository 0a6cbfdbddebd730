/*
 * After warm-up hr_route allocates nothing and takes no lock: the allocator and the locks of
 * pthreads are replaced by ones that count. What RE2 does within itself is counted apart: it keeps
 * its automata behind a lock and may still add states to them.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness.h"

/* ---- the counters ---- */

typedef struct counts {
    size_t allocations, locks;
} counts;

static bool watching;
static counts ours, re2s;

/* Whose call it is. The library is linked into this program; RE2, and the C++ runtime that
 * allocates for it, are shared libraries. */
static counts *of(const void *caller) {
    Dl_info self, other;
    if (!watching)
        return NULL;
    watching = false; /* dladdr may call what is counted */
    bool foreign = dladdr((const void *)&watching, &self) != 0 && dladdr(caller, &other) != 0 &&
                   (strstr(other.dli_fname, "/libre2.so") != NULL ||
                    strstr(other.dli_fname, "/libstdc++.so") != NULL);
    watching = true;
    return foreign ? &re2s : &ours;
}

static void count_allocation(const void *caller) {
    counts *c = of(caller);
    if (c != NULL)
        c->allocations++;
}

static void count_lock(const void *caller) {
    counts *c = of(caller);
    if (c != NULL)
        c->locks++;
}

#define CALLER __builtin_return_address(0)

/* The C library's own functions, behind the ones below (glibc exports them for this). */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t alignment, size_t n);
void __libc_free(void *p);

/* Seen by the shared libraries too. */
#pragma GCC visibility push(default)
void *malloc(size_t n) {
    count_allocation(CALLER);
    return __libc_malloc(n);
}
void *calloc(size_t n, size_t size) {
    count_allocation(CALLER);
    return __libc_calloc(n, size);
}
void *realloc(void *p, size_t n) {
    count_allocation(CALLER);
    return __libc_realloc(p, n);
}
void *aligned_alloc(size_t alignment, size_t n) {
    count_allocation(CALLER);
    return __libc_memalign(alignment, n);
}
int posix_memalign(void **out, size_t alignment, size_t n) {
    count_allocation(CALLER);
    *out = __libc_memalign(alignment, n);
    return *out == NULL ? 12 /* ENOMEM */ : 0;
}
void free(void *p) {
    if (p != NULL)
        count_allocation(CALLER);
    __libc_free(p);
}

#define LOCK(name, type)                                                                           \
    int name(type *lock) {                                                                         \
        static int (*next)(type *);                                                                \
        if (next == NULL)                                                                          \
            *(void **)(&next) = dlsym(RTLD_NEXT, #name);                                           \
        count_lock(CALLER);                                                                        \
        return next(lock);                                                                         \
    }
LOCK(pthread_mutex_lock, pthread_mutex_t)
LOCK(pthread_mutex_trylock, pthread_mutex_t)
LOCK(pthread_rwlock_rdlock, pthread_rwlock_t)
LOCK(pthread_rwlock_wrlock, pthread_rwlock_t)
LOCK(pthread_spin_lock, pthread_spinlock_t)
#pragma GCC visibility pop

static void watch(void) {
    ours = re2s = (counts){0};
    watching = true;
}

/* ---- what is asked ---- */

typedef struct asked {
    const char *name;
    hr_request request;
    int error;
    hr_action action;
    bool regex; /* RE2 has a say */
} asked;

#define HEADERS(...)                                                                               \
    .headers = (const hr_pair[]){__VA_ARGS__},                                                     \
    .n_headers = sizeof((hr_pair[]){__VA_ARGS__}) / sizeof(hr_pair)
#define S(literal)                                                                                 \
    { (literal), sizeof(literal) - 1 }
#define H(name, value)                                                                             \
    { S(name), S(value) }
#define TO(host, target) .version = HR_REQUEST_VERSION, .authority = S(host), .path = S(target)

static const asked asks[] = {
    {"an exact path, ignoring case",
     {TO("shop", "/T/A"), HEADERS(H("X-Tenant", "one"))},
     0,
     0,
     true},
    {"two weighted destinations",
     {TO("shop", "/t/a?x=y"), HEADERS(H("x-tenant", "one")), .draws = {.weight = 0.9}},
     0,
     0,
     true},
    {"a query parameter", {.method = S("POST"), TO("shop:80", "/x?tenant=one")}, 0, 0, true},
    {"a fault and a mirror",
     {TO("shop", "/faulty"), .draws = {.abort = 0.1, .mirror = 0.05}},
     0,
     0,
     true},
    {"a redirect whose Location is made",
     {TO("shop", "/old/way?q=1")},
     0,
     HR_ACTION_REDIRECT,
     true},
    {"a direct response whose Location is made",
     {TO("shop", "/say/what")},
     0,
     HR_ACTION_DIRECT_RESPONSE,
     true},
    {"a delegate", {TO("shop", "/deep/er/1")}, 0, 0, true},
    {"a header that comes twice",
     {TO("shop", "/2"), HEADERS(H("x-tenant", "one"), H("x-tenant", "two"))},
     0,
     0,
     true},
    {"a path to normalise", {TO("shop", "/a/../%41/./b%2fc")}, 0, 0, true},
    {"a wildcard host", {TO("Any.wild.EXAMPLE.com", "/say")}, 0, HR_ACTION_DIRECT_RESPONSE, true},
    {"a service without rules", {TO("cart.prod", "/")}, 0, 0, false},
    {"an unknown host", {TO("unknown.example.net", "/")}, 0, HR_ACTION_PASSTHROUGH, false},
    {"a regex", {TO("shop", "/r/1234567890")}, 0, HR_ACTION_REDIRECT, true},
    {"CORS",
     {.method = S("OPTIONS"),
      TO("shop", "/cors"),
      HEADERS(H("origin", "https://a"), H("access-control-request-method", "PUT"))},
     0,
     0,
     true},
    {"a path that no server takes", {TO("shop", "/%00")}, HR_EREQUEST, 0, false},
    {"an empty header name", {TO("shop", "/"), HEADERS(H("", "x"))}, HR_EREQUEST, 0, false},
};
#define N_ASKS (sizeof(asks) / sizeof(asks[0]))

static hr_table *load_files(const char *const *paths, size_t n) {
    hr_table *table;
    cr_assert_eq(hr_table_load_paths(&table, NULL, paths, n, NULL), HR_OK);
    return table;
}

static hr_view *view_of(hr_table *table, uint16_t port, hr_str gateway) {
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    options.port = port;
    options.gateway = gateway;
    options.source_labels = &(hr_pair){HR_STR("app"), HR_STR("web")};
    options.n_source_labels = 1;
    hr_view *view;
    cr_assert_eq(hr_view_new(&view, table, &options), HR_OK);
    return view;
}

static void route(const hr_view *view, const asked *a, hr_scratch *scratch) {
    hr_decision d = HR_DECISION_INIT;
    int error = hr_route(&d, view, &a->request, scratch);
    if (error != a->error || (error == HR_OK && d.action != a->action)) {
        watching = false;
        cr_assert_fail("%s: error %d, action %d", a->name, error, (int)d.action);
    }
}

static void nothing_of_ours(const char *name) {
    cr_expect_eq(ours.allocations, 0, "%s: %zu allocations", name, ours.allocations);
    cr_expect_eq(ours.locks, 0, "%s: %zu locks", name, ours.locks);
}

Test(allocations, are_counted) {
    watch();
    free(malloc(1));
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    watching = false;
    pthread_mutex_unlock(&lock);
    cr_expect_eq(ours.allocations, 2);
    cr_expect_eq(ours.locks, 1);
}

Test(allocations, hr_route_has_none_once_it_is_warm) {
    const char *paths[] = {HR_SOURCE_DIR "/tests/headerroute/fixtures/batch.yaml"};
    hr_table *table = load_files(paths, 1);
    hr_view *view = view_of(table, 80, HR_STR("mesh"));
    hr_scratch *scratch;
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    for (int warm = 0; warm < 2; warm++)
        for (size_t i = 0; i < N_ASKS; i++)
            route(view, &asks[i], scratch);
    size_t locks_of_re2 = 0;
    for (size_t i = 0; i < N_ASKS; i++) {
        watch();
        for (int round = 0; round < 50; round++)
            route(view, &asks[i], scratch);
        watching = false;
        nothing_of_ours(asks[i].name);
        cr_expect_eq(re2s.allocations, 0, "%s: RE2 allocates %zu times", asks[i].name,
                     re2s.allocations);
        cr_expect(asks[i].regex || re2s.locks == 0, "%s: RE2 locks %zu times", asks[i].name,
                  re2s.locks);
        locks_of_re2 += re2s.locks;
    }
    /* That its automaton's lock is seen at all shows that locks of the libraries underneath are
     * counted. */
    cr_expect(locks_of_re2 > 0 || !RE2_LOCKS_ARE_SEEN);
    printf("RE2's own: %zu locks in %zu decisions, no allocation\n", locks_of_re2, 50 * N_ASKS);
    hr_scratch_free(scratch);
    hr_view_unref(view);
    hr_table_unref(table);
}

Test(allocations, the_system_of_the_demo_has_none) {
    const char *paths[] = {HR_SOURCE_DIR "/k8s/base", HR_SOURCE_DIR "/k8s/local"};
    hr_table *table = load_files(paths, 2);
    hr_view *view = view_of(table, 5000, HR_STR("mesh"));
    hr_scratch *scratch;
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    const asked demo[] = {
        {"target: condition1",
         {TO("proxy-server:5000", "/predict"), HEADERS(H("target", "condition1"))},
         0,
         0,
         false},
        {"another target",
         {TO("proxy-server:5000", "/predict"), HEADERS(H("target", "else"))},
         0,
         0,
         false},
    };
    for (int warm = 0; warm < 2; warm++)
        for (size_t i = 0; i < 2; i++)
            route(view, &demo[i], scratch);
    for (size_t i = 0; i < 2; i++) {
        watch();
        for (int round = 0; round < 50; round++)
            route(view, &demo[i], scratch);
        watching = false;
        nothing_of_ours(demo[i].name);
        cr_expect_eq(re2s.allocations + re2s.locks, 0, "%s: RE2 is asked", demo[i].name);
    }
    hr_scratch_free(scratch);
    hr_view_unref(view);
    hr_table_unref(table);
}

/* Beyond the point where routes are filed under what they ask for: the index has its turn. */
static char *many_rules(size_t n) {
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    char *mesh = hrt_mesh();
    fprintf(out,
            "%s\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: "
            "many}\n"
            "spec:\n  hosts: [reviews]\n  http:\n",
            mesh);
    free(mesh);
    for (size_t i = 0; i < n; i++)
        fprintf(out,
                "  - match: [{uri: {prefix: /p%zu/}}, {headers: {x-%zu: {exact: v}}}, {uri: "
                "{exact: /E%zu}, ignoreUriCase: true}]\n"
                "    route: [{destination: {host: reviews}}]\n",
                i, i % 20, i);
    fclose(out);
    return text;
}

Test(allocations, an_index_has_none) {
    char *yaml = many_rules(1000);
    hr_table *table = hrt_load(yaml);
    free(yaml);
    hr_view *view = view_of(table, 80, HR_STR("mesh"));
    hr_scratch *scratch;
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    const asked some[] = {
        {"a prefix", {TO("reviews", "/p999/x")}, 0, 0, false},
        {"a header", {TO("reviews", "/"), HEADERS(H("accept", "a"), H("X-17", "v"))}, 0, 0, false},
        {"a header twice",
         {TO("reviews", "/"), HEADERS(H("x-17", "v"), H("x-17", "w"))},
         0,
         HR_ACTION_NO_ROUTE,
         false},
        {"an exact path in another case", {TO("reviews", "/e500")}, 0, 0, false},
        {"no rule", {TO("reviews", "/nothing")}, 0, HR_ACTION_NO_ROUTE, false},
    };
    for (int round = 0; round < 100; round++) {
        if (round == 2)
            watch();
        for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
            route(view, &some[i], scratch);
    }
    watching = false;
    nothing_of_ours("a thousand rules");
    cr_expect_eq(re2s.allocations + re2s.locks, 0);
    hr_scratch_free(scratch);
    hr_view_unref(view);
    hr_table_unref(table);
}

/* Different regexes on one header, which are ruled out by the texts that they require. */
Test(allocations, regexes_with_texts_have_none) {
    char *yaml;
    size_t size;
    FILE *out = open_memstream(&yaml, &size);
    char *mesh = hrt_mesh();
    fprintf(out,
            "%s\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: "
            "many}\n"
            "spec:\n  hosts: [reviews]\n  http:\n",
            mesh);
    free(mesh);
    for (int i = 0; i < 100; i++)
        fprintf(out,
                "  - match: [{headers: {cookie: {regex: '^(.*?;)?(user=n%d)(;.*)?$'}}}]\n"
                "    route: [{destination: {host: reviews}}]\n",
                i);
    fclose(out);
    hr_table *table = hrt_load(yaml);
    free(yaml);
    hr_view *view = view_of(table, 80, HR_STR("mesh"));
    hr_scratch *scratch;
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    const asked some[] = {
        {"a cookie", {TO("reviews", "/"), HEADERS(H("cookie", "a=b;user=n99;c=d"))}, 0, 0, false},
        {"another cookie",
         {TO("reviews", "/"), HEADERS(H("cookie", "a=b;user=x;c=d"))},
         0,
         HR_ACTION_NO_ROUTE,
         false},
    };
    for (int round = 0; round < 100; round++) {
        if (round == 2)
            watch();
        for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
            route(view, &some[i], scratch);
    }
    watching = false;
    nothing_of_ours("a hundred regexes");
    cr_expect_eq(re2s.allocations, 0);
    hr_scratch_free(scratch);
    hr_view_unref(view);
    hr_table_unref(table);
}

Test(allocations, final_forms_have_none) {
    const char *paths[] = {HR_SOURCE_DIR "/tests/headerroute/fixtures/batch.yaml"};
    hr_table *table = load_files(paths, 1);
    hr_view *view = view_of(table, 80, HR_STR("mesh"));
    hr_scratch *scratch;
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    const hr_request *request = &asks[1].request;
    const hr_pair answer[] = {H("server", "x"), H("content-type", "text/plain")};
    hr_response response = {
        .version = HR_RESPONSE_VERSION, .status = 200, .headers = answer, .n_headers = 2};
    for (int round = 0; round < 20; round++) {
        hr_decision d = HR_DECISION_INIT;
        hr_upstream upstream = HR_UPSTREAM_INIT;
        const hr_pair *headers;
        size_t n;
        if (round == 3)
            watch();
        int error = hr_route(&d, view, request, scratch);
        error |= hr_upstream_request(&upstream, &d, request, scratch);
        error |= hr_response_headers(&headers, &n, &d, request, &response, scratch);
        if (error != HR_OK || upstream.path_rewritten == 0) {
            watching = false;
            cr_assert_fail("round %d: %d", round, error);
        }
    }
    watching = false;
    nothing_of_ours("final forms");
    hr_scratch_free(scratch);
    hr_view_unref(view);
    hr_table_unref(table);
}
