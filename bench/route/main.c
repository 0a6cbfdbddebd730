/*
 * bench/route: nanoseconds a decision and bytes a rule, for growing tables, against a plain
 * first-match walk of the same rules; HTTPRoutes against a VirtualService; the demo's rules against
 * one XXH3 over the request's bytes; loading against libyaml's bare events. Everything in one run,
 * so that ratios mean something.
 */
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "decision.h"
#include "events.h"
#include "tables.h"
#include "threads.h"

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void fail(const char *what) {
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

static uint64_t random_state = 88172645463325252u;
static uint64_t random_next(void) { /* xorshift64 */
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static hr_table *load_text(const char *yaml) {
    hr_table *table;
    hr_diagnostics *d;
    hr_source source = {.name = "bench.yaml", .text = hr_str_from(yaml)};
    hr_load_options options = HR_LOAD_OPTIONS_INIT;
    options.max_bytes = (size_t)1 << 30;
    options.max_nodes = (size_t)1 << 30;
    if (hr_table_load(&table, &d, &source, 1, &options) != HR_OK) {
        char line[512];
        for (size_t i = 0; i < hr_diagnostics_count(d) && i < 5; i++) {
            hr_diagnostic_format(line, sizeof(line), hr_diagnostics_get(d, i));
            fprintf(stderr, "%s\n", line);
        }
        fail("the table does not load");
    }
    hr_diagnostics_free(d);
    return table;
}

/* ---- decisions ---- */

/* Seconds a decision over `n` requests in random order, repeated for `budget` seconds. */
static double time_decisions(const hr_view *view, const bench_request *requests, size_t n,
                             bool walk, double budget) {
    hr_scratch *scratch;
    hr_decision d = HR_DECISION_INIT;
    hr_route_mode mode = {.plain_walk = walk};
    if (hr_scratch_new(&scratch) != HR_OK)
        fail("no memory");
    size_t rounds = 0, done = 0;
    double start = now(), best = 1e9;
    while (rounds < 3 || now() - start < budget) {
        double from = now();
        size_t block = 0;
        while (block < 20000 && (block < 16 || now() - from < budget / 4)) {
            for (size_t i = 0; i < 16; i++, block++) {
                int error =
                    walk ? hr_route_by(&d, view, &requests[done++ % n].request, scratch, &mode)
                         : hr_route(&d, view, &requests[done++ % n].request, scratch);
                if (error != HR_OK)
                    fail("a request was refused");
            }
        }
        double each = (now() - from) / (double)block;
        best = each < best ? each : best;
        rounds++;
    }
    hr_scratch_free(scratch);
    return best;
}

/* What malloc has handed out: RE2's programs count too, which the library's own statistics do not
 * know. */
static size_t heap_bytes(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

typedef struct row {
    double ns, walk_ns;
    double bytes;
} row;

static row measure(bench_kind kind, size_t n) {
    char *yaml = bench_yaml(kind, n);
    size_t before = heap_bytes();
    hr_table *table = load_text(yaml);
    hr_view *view;
    if (hr_view_new(&view, table, NULL) != HR_OK)
        fail("no view");
    size_t after = heap_bytes();
    free(yaml);
    size_t n_requests = 4096;
    bench_request *requests = calloc(n_requests, sizeof(*requests));
    if (requests == NULL)
        fail("no memory");
    for (size_t i = 0; i < n_requests; i++)
        bench_request_init(&requests[i], kind, random_next() % n);
    row r = {
        .ns = time_decisions(view, requests, n_requests, false, 0.3) * 1e9,
        .walk_ns = time_decisions(view, requests, n_requests, true, 0.3) * 1e9,
        .bytes = (double)(after - before) / (double)n,
    };
    free(requests);
    hr_view_unref(view);
    hr_table_unref(table);
    return r;
}

static void bench_tables(size_t largest) {
    printf("%-14s %9s %12s %12s %10s %12s\n", "rules", "number", "ns/decision", "ns/walk",
           "walk/ours", "bytes/rule");
    for (int kind = 0; kind < BENCH_KINDS; kind++) {
        for (size_t n = 1; n <= largest; n *= 10) {
            row r = measure((bench_kind)kind, n);
            printf("%-14s %9zu %12.0f %12.0f %10.2f %12.0f\n", bench_kind_names[kind], n, r.ns,
                   r.walk_ns, r.walk_ns / r.ns, r.bytes);
            fflush(stdout);
        }
    }
}

/* ---- ratios: what is compared takes turns in short blocks, so that both have the machine's same
 * moods ---- */

#define ROUNDS 2000

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Nanoseconds of each block, in turn until they are sorted. */
typedef struct series {
    double v[ROUNDS];
} series;

static double least(series *s) {
    qsort(s->v, ROUNDS, sizeof(s->v[0]), by_size);
    return s->v[0];
}

static double median(series *s) {
    qsort(s->v, ROUNDS, sizeof(s->v[0]), by_size);
    return s->v[ROUNDS / 2];
}

static double median_ratio(const series *a, const series *b) {
    static series ratios;
    for (int i = 0; i < ROUNDS; i++)
        ratios.v[i] = a->v[i] / b->v[i];
    return median(&ratios);
}

static double time_block(const hr_view *view, const bench_request *requests, size_t n,
                         hr_scratch *scratch, bool walk, size_t block) {
    static size_t done;
    hr_route_mode mode = {.plain_walk = walk};
    hr_decision d = HR_DECISION_INIT;
    int error = HR_OK;
    double from = now();
    for (size_t i = 0; i < block; i++, done++)
        error |= walk ? hr_route_by(&d, view, &requests[done % n].request, scratch, &mode)
                      : hr_route(&d, view, &requests[done % n].request, scratch);
    double each = (now() - from) / (double)block * 1e9;
    if (error != HR_OK)
        fail("a request was refused");
    return each;
}

static hr_view *view_of(bench_kind kind, size_t n, bench_request *requests, size_t n_requests) {
    char *yaml = bench_yaml(kind, n);
    hr_table *table = load_text(yaml);
    hr_view *view;
    if (hr_view_new(&view, table, NULL) != HR_OK)
        fail("no view");
    free(yaml);
    hr_table_unref(table);
    for (size_t i = 0; i < n_requests; i++)
        bench_request_init(&requests[i], kind, random_next() % n);
    return view;
}

static void bench_growth(size_t largest) {
    enum { REQUESTS = 4096 };
    static bench_request few[REQUESTS], many[REQUESTS];
    static series ten, all;
    hr_scratch *scratch;
    hr_view *small = view_of(BENCH_HEADER, 10, few, REQUESTS),
            *large = view_of(BENCH_HEADER, largest, many, REQUESTS);
    if (hr_scratch_new(&scratch) != HR_OK)
        fail("no memory");
    for (int i = 0; i < ROUNDS; i++) {
        ten.v[i] = time_block(small, few, REQUESTS, scratch, false, 1024);
        all.v[i] = time_block(large, many, REQUESTS, scratch, false, 1024);
    }
    double growth = median_ratio(&all, &ten);
    printf("\nfrom 10 to %zu exact headers: %.0f to %.0f ns at best, a growth of %.2fx; median of "
           "%d ratios: %.2fx\n",
           largest, least(&ten), least(&all), least(&all) / least(&ten), ROUNDS, growth);
    hr_scratch_free(scratch);
    hr_view_unref(small);
    hr_view_unref(large);
}

/* ---- the two languages ---- */

static hr_view *view_in(bench_language language, bench_kind kind, size_t n) {
    char *yaml = bench_language_yaml(language, kind, n);
    hr_table *table = load_text(yaml);
    hr_view *view;
    if (hr_view_new(&view, table, NULL) != HR_OK)
        fail("no view");
    free(yaml);
    hr_table_unref(table);
    return view;
}

/* Both languages must send every request to the same cluster, else their times say nothing. */
static void check_same(const hr_view *a, const hr_view *b, const bench_request *requests,
                       size_t n) {
    hr_scratch *one, *other;
    hr_decision x = HR_DECISION_INIT, y = HR_DECISION_INIT;
    if (hr_scratch_new(&one) != HR_OK || hr_scratch_new(&other) != HR_OK)
        fail("no memory");
    for (size_t i = 0; i < n; i++) {
        if (hr_route(&x, a, &requests[i].request, one) != HR_OK ||
            hr_route(&y, b, &requests[i].request, other) != HR_OK)
            fail("a request was refused");
        if (x.cluster == NULL || y.cluster == NULL || x.cluster->name.len != y.cluster->name.len ||
            memcmp(x.cluster->name.p, y.cluster->name.p, x.cluster->name.len) != 0)
            fail("an HTTPRoute decides otherwise than its VirtualService");
    }
    hr_scratch_free(one);
    hr_scratch_free(other);
}

static void bench_languages(size_t n) {
    enum { REQUESTS = 4096 };
    static bench_request requests[REQUESTS];
    static series old, new;
    printf("\n");
    for (int kind = BENCH_HEADER; kind <= BENCH_PREFIX; kind++) {
        hr_scratch *scratch;
        hr_view *services = view_in(BENCH_VIRTUAL_SERVICE, (bench_kind)kind, n),
                *routes = view_in(BENCH_HTTP_ROUTE, (bench_kind)kind, n);
        for (size_t i = 0; i < REQUESTS; i++)
            bench_request_init(&requests[i], (bench_kind)kind, random_next() % n);
        check_same(services, routes, requests, REQUESTS);
        if (hr_scratch_new(&scratch) != HR_OK)
            fail("no memory");
        for (int i = 0; i < ROUNDS; i++) {
            old.v[i] = time_block(services, requests, REQUESTS, scratch, false, 1024);
            new.v[i] = time_block(routes, requests, REQUESTS, scratch, false, 1024);
        }
        double ratio = median_ratio(&new, &old);
        printf(
            "%zu rules by %s as HTTPRoutes: %.0f ns, as a VirtualService: %.0f ns at best; median "
            "of %d ratios: %.2f\n",
            n, bench_kind_names[kind], least(&new), least(&old), ROUNDS, ratio);
        hr_scratch_free(scratch);
        hr_view_unref(services);
        hr_view_unref(routes);
    }
}

/* ---- the demo's rules ---- */

static size_t serialize(char *out, size_t size, const hr_request *r) {
    size_t len = (size_t)snprintf(out, size, "%.*s %.*s HTTP/1.1\r\nhost: %.*s\r\n",
                                  (int)r->method.len, r->method.p, (int)r->path.len, r->path.p,
                                  (int)r->authority.len, r->authority.p);
    for (size_t i = 0; i < r->n_headers; i++)
        len += (size_t)snprintf(out + len, size - len, "%.*s: %.*s\r\n",
                                (int)r->headers[i].name.len, r->headers[i].name.p,
                                (int)r->headers[i].value.len, r->headers[i].value.p);
    return len + (size_t)snprintf(out + len, size - len, "\r\n");
}

static double time_hash(const char *bytes, size_t len, size_t block) {
    volatile uint64_t sink = 0;
    double from = now();
    for (size_t i = 0; i < block; i++) {
        __asm__ volatile(""
                         :
                         : "r"(bytes)
                         : "memory"); /* the bytes may have changed: hash them again */
        sink = sink ^ XXH3_64bits(bytes, len);
    }
    return (now() - from) / (double)block * 1e9;
}

static void bench_seed(const char *folder) {
    char base[512], local[512], bytes[2048];
    snprintf(base, sizeof(base), "%s/k8s/base", folder);
    snprintf(local, sizeof(local), "%s/k8s/local", folder);
    const char *paths[] = {base, local};
    hr_table *table;
    hr_view *view;
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    options.port = 5000;
    if (hr_table_load_paths(&table, NULL, paths, 2, NULL) != HR_OK ||
        hr_view_new(&view, table, &options) != HR_OK)
        fail("the demo's files do not load");
    const hr_pair headers[] = {{HR_STR("User-Agent"), HR_STR("python-requests/2.28.1")},
                               {HR_STR("Accept-Encoding"), HR_STR("gzip, deflate")},
                               {HR_STR("Accept"), HR_STR("*/*")},
                               {HR_STR("Connection"), HR_STR("keep-alive")},
                               {HR_STR("Content-Type"), HR_STR("application/json")},
                               {HR_STR("target"), HR_STR("condition1")},
                               {HR_STR("Content-Length"), HR_STR("131872")}};
    bench_request request = {.request = {.version = HR_REQUEST_VERSION,
                                         .method = HR_STR("POST"),
                                         .scheme = HR_STR("http"),
                                         .authority = HR_STR("proxy-server:5000"),
                                         .path = HR_STR("/predict?job_id=0a1b2c"),
                                         .headers = headers,
                                         .n_headers = sizeof(headers) / sizeof(headers[0])}};
    size_t len = serialize(bytes, sizeof(bytes), &request.request);
    bench_request checked = request;
    checked.request.headers_checked = 1;
    static series hash, ours, walk, parsed;
    hr_scratch *scratch;
    if (hr_scratch_new(&scratch) != HR_OK)
        fail("no memory");
    for (int i = 0; i < ROUNDS; i++) {
        hash.v[i] = time_hash(bytes, len, 2000);
        ours.v[i] = time_block(view, &request, 1, scratch, false, 500);
        walk.v[i] = time_block(view, &request, 1, scratch, true, 500);
        parsed.v[i] = time_block(view, &checked, 1, scratch, false, 500);
    }
    double to_hash = median_ratio(&ours, &hash), to_walk = median_ratio(&ours, &walk),
           parsed_to_hash = median_ratio(&parsed, &hash);
    printf("\nthe demo's rules: %.0f ns a decision at best, XXH3 over the request's head (%zu "
           "bytes) %.0f ns: ratio %.2f; "
           "medians of %d ratios: to XXH3 %.2f, to the walk %.2f\n",
           least(&ours), len, least(&hash), least(&ours) / least(&hash), ROUNDS, to_hash, to_walk);
    printf("with headers that an HTTP parser has checked: %.0f ns, ratio %.2f; median ratio %.2f\n",
           least(&parsed), least(&parsed) / least(&hash), parsed_to_hash);
    hr_scratch_free(scratch);
    hr_view_unref(view);
    hr_table_unref(table);
}

/* ---- loading ---- */

static void bench_load(bench_kind kind, size_t n) {
    char *yaml = bench_yaml(kind, n);
    size_t len = strlen(yaml);
    double events = 1e9, load = 1e9, view_time = 1e9;
    for (int round = 0; round < 3; round++) {
        double from = now();
        if (!bench_yaml_events(yaml, len))
            fail("libyaml refuses the table");
        double t = now() - from;
        events = t < events ? t : events;
        from = now();
        hr_table *table = load_text(yaml);
        t = now() - from;
        load = t < load ? t : load;
        from = now();
        hr_view *view;
        if (hr_view_new(&view, table, NULL) != HR_OK)
            fail("no view");
        t = now() - from;
        view_time = t < view_time ? t : view_time;
        hr_view_unref(view);
        hr_table_unref(table);
    }
    double mb = (double)len / 1e6;
    printf("loading %zu %s rules (%.1f MB): libyaml's events %.1f MB/s, table %.1f MB/s (%.2f of "
           "it), view in %.0f ms\n",
           n, bench_kind_names[kind], mb, mb / events, mb / load, events / load, view_time * 1e3);
    free(yaml);
}

/* ---- threads ---- */

static void bench_scaling(size_t n, size_t most) {
    static bench_request requests[4096];
    printf("\ndecisions a second by threads over one table of %zu rules:\n", n);
    for (int kind = 0; kind < BENCH_KINDS; kind++) {
        char *yaml = bench_yaml((bench_kind)kind, n);
        hr_table *table = load_text(yaml);
        hr_view *view;
        free(yaml);
        if (hr_view_new(&view, table, NULL) != HR_OK)
            fail("no view");
        for (size_t i = 0; i < 4096; i++)
            bench_request_init(&requests[i], (bench_kind)kind, random_next() % n);
        bench_threads(bench_kind_names[kind], view, requests, 4096, most);
        hr_view_unref(view);
        hr_table_unref(table);
    }
}

int main(int argc, char **argv) {
    size_t largest = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    const char *folder = argc > 2 ? argv[2] : ".";
    bench_seed(folder);
    bench_growth(largest);
    bench_languages(largest < 10000 ? largest : 10000);
    bench_tables(largest);
    bench_scaling(largest < 1000 ? largest : 1000, (size_t)sysconf(_SC_NPROCESSORS_ONLN));
    bench_load(BENCH_HEADER, largest);
    bench_load(BENCH_PREFIX, largest);
    bench_load(BENCH_REGEX, largest);
    return 0;
}
