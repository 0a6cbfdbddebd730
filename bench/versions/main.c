/*
 * One case by which run.py compares two versions of the libraries: the decisions of bench/route, or
 * a cut of a photo. Prints the median nanoseconds of its rounds; callgrind counts what the
 * functions measured_... call. Compiles also against versions from before structs had versions.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <grabcut/grabcut.h>

#include "tables.h"

#define N_DECISIONS 256
#define N_REQUESTS 64

static void fail(const char *what) {
    fprintf(stderr, "bench: %s\n", what);
    exit(2);
}

static hr_decision empty_decision(void) {
#ifdef HR_DECISION_INIT
    return (hr_decision)HR_DECISION_INIT;
#else
    return (hr_decision){0};
#endif
}

static hr_request empty_request(void) {
#ifdef HR_REQUEST_INIT
    return (hr_request)HR_REQUEST_INIT;
#else
    return (hr_request){0};
#endif
}

/* ---- rounds ---- */

#define MAX_ROUNDS 1000

typedef struct clock_rounds {
    double seconds[MAX_ROUNDS];
    size_t n, wanted;
} clock_rounds;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void print_median(clock_rounds *c, size_t operations) {
    qsort(c->seconds, c->n, sizeof(c->seconds[0]), by_size);
    printf("%.1f\n", c->seconds[c->n / 2] * 1e9 / (double)operations);
}

/* ---- decisions ---- */

__attribute__((noinline)) static void measured_decisions(hr_decision *out, const hr_view *view,
                                                         const bench_request *requests, size_t n,
                                                         hr_scratch *scratch) {
    for (size_t i = 0; i < N_DECISIONS; i++)
        if (hr_route(out, view, &requests[i % n].request, scratch) != HR_OK)
            fail("a request was refused");
}

static void decide(clock_rounds *clock, hr_table *table, const hr_view_options *options,
                   const bench_request *requests, size_t n) {
    hr_view *view;
    hr_scratch *scratch;
    hr_decision d = empty_decision();
    if (hr_view_new(&view, table, options) != HR_OK || hr_scratch_new(&scratch) != HR_OK)
        fail("no view");
    for (size_t i = 0; i < n; i++)
        if (hr_route(&d, view, &requests[i].request, scratch) != HR_OK ||
            d.action != HR_ACTION_ROUTE)
            fail("a request does not reach a destination");
    while (clock->n < clock->wanted) {
        double from = now();
        measured_decisions(&d, view, requests, n, scratch);
        clock->seconds[clock->n++] = now() - from;
    }
    print_median(clock, N_DECISIONS);
    hr_scratch_free(scratch);
    hr_view_unref(view);
    hr_table_unref(table);
}

/* The demo's rules and the request of its client. */
static void decide_demo(clock_rounds *clock, bool headers_checked) {
    const char *paths[] = {"k8s/base", "k8s/local"};
    const hr_pair headers[] = {{HR_STR("User-Agent"), HR_STR("python-requests/2.28.1")},
                               {HR_STR("Accept-Encoding"), HR_STR("gzip, deflate")},
                               {HR_STR("Accept"), HR_STR("*/*")},
                               {HR_STR("Connection"), HR_STR("keep-alive")},
                               {HR_STR("Content-Type"), HR_STR("application/json")},
                               {HR_STR("target"), HR_STR("condition1")},
                               {HR_STR("Content-Length"), HR_STR("131872")}};
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    options.port = 5000;
    bench_request request = {.request = empty_request()};
    request.request.method = HR_STR("POST");
    request.request.scheme = HR_STR("http");
    request.request.authority = HR_STR("proxy-server:5000");
    request.request.path = HR_STR("/predict?job_id=0a1b2c");
    request.request.headers = headers;
    request.request.n_headers = sizeof(headers) / sizeof(headers[0]);
    request.request.headers_checked = headers_checked;
    hr_table *table;
    if (hr_table_load_paths(&table, NULL, paths, 2, NULL) != HR_OK)
        fail("the demo's rules do not load: run in the repository's root");
    decide(clock, table, &options, &request, 1);
}

static void decide_table(clock_rounds *clock, bench_kind kind, size_t n) {
    static bench_request requests[N_REQUESTS];
    char *yaml = bench_yaml(kind, n);
    hr_source source = {.name = "bench.yaml", .text = hr_str_from(yaml)};
    hr_load_options limits = HR_LOAD_OPTIONS_INIT;
    limits.max_bytes = limits.max_nodes = (size_t)1 << 30;
    hr_table *table;
    if (hr_table_load(&table, NULL, &source, 1, &limits) != HR_OK)
        fail("the rules do not load");
    for (size_t i = 0; i < N_REQUESTS; i++)
        bench_request_init(&requests[i], kind, i * 2654435761u % n);
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    decide(clock, table, &options, requests, N_REQUESTS);
    free(yaml);
}

/* ---- a cut ---- */

__attribute__((noinline)) static int measured_cut(grabcut_image *mask, const grabcut_image *image,
                                                  const grabcut_options *options) {
    return grabcut_segment(grabcut_engine_fast(), mask, image, options, NULL);
}

static void cut(clock_rounds *clock, const char *path, grabcut_simd simd) {
    static unsigned char bytes[1 << 20];
    FILE *f = fopen(path, "rb");
    size_t len = f == NULL ? 0 : fread(bytes, 1, sizeof(bytes), f);
    grabcut_image image, mask;
    if (grabcut_decode(&image, bytes, len, NULL, NULL) != GRABCUT_OK ||
        grabcut_image_alloc(&mask, image.width, image.height, 1) != GRABCUT_OK)
        fail("the photo cannot be read: run in the repository's root");
    fclose(f);
    int32_t x = image.width / 20, y = image.height / 20;
    grabcut_options options = GRABCUT_OPTIONS_INIT;
    options.simd = simd;
    options.rect = (grabcut_rect){x, y, image.width - 2 * x, image.height - 2 * y};
    while (clock->n < clock->wanted) {
        double from = now();
        if (measured_cut(&mask, &image, &options) != GRABCUT_OK)
            fail("the cut failed");
        clock->seconds[clock->n++] = now() - from;
    }
    print_median(clock, 1);
    grabcut_image_free(&mask);
    grabcut_image_free(&image);
}

int main(int argc, char **argv) {
    static clock_rounds clock;
    clock.wanted = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    const char *name = argc > 2 ? argv[2] : "", *of = argc > 3 ? argv[3] : "";
    if (clock.wanted < 1 || clock.wanted > MAX_ROUNDS)
        fail("usage: bench-versions ROUNDS demo [checked] | rules KIND N | portable|avx2 PHOTO");
    if (strcmp(name, "demo") == 0)
        decide_demo(&clock, strcmp(of, "checked") == 0);
    else if (strcmp(name, "rules") == 0 && argc == 5)
        decide_table(&clock, (bench_kind)strtoul(of, NULL, 10), strtoul(argv[4], NULL, 10));
    else if (strcmp(name, "portable") == 0)
        cut(&clock, of, GRABCUT_SIMD_PORTABLE);
    else if (strcmp(name, "avx2") == 0)
        cut(&clock, of, GRABCUT_SIMD_AVX2);
    else
        fail("unknown case");
    return 0;
}
