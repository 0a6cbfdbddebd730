/*
 * Writes rule tables of a given size and kind for the benchmark, with requests that match them
 * evenly.
 */
#include "tables.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUBSETS 10

const char *const bench_kind_names[BENCH_KINDS] = {"exact header", "path prefix", "regex", "mixed"};

typedef struct text {
    char *p;
    size_t len, capacity;
} text;

__attribute__((format(printf, 2, 3))) static void put(text *t, const char *format, ...) {
    va_list args;
    if (t->capacity - t->len < 512) {
        t->capacity = t->capacity == 0 ? 1 << 16 : t->capacity * 2;
        t->p = realloc(t->p, t->capacity);
        if (t->p == NULL)
            abort();
    }
    va_start(args, format);
    t->len += (size_t)vsnprintf(t->p + t->len, t->capacity - t->len, format, args);
    va_end(args);
}

/* Which matcher rule i of a mixed table has. */
static bench_kind kind_of(bench_kind kind, size_t i) {
    static const bench_kind mix[] = {BENCH_HEADER, BENCH_PREFIX, BENCH_HEADER, BENCH_PREFIX,
                                     BENCH_HEADER, BENCH_PREFIX, BENCH_HEADER, BENCH_PREFIX,
                                     BENCH_HEADER, BENCH_REGEX};
    return kind == BENCH_MIXED ? mix[i % 10] : kind;
}

static void put_rule(text *t, bench_kind kind, size_t i) {
    switch (kind_of(kind, i)) {
    case BENCH_HEADER:
        put(t, "  - match:\n    - headers:\n        x-tenant:\n          exact: tenant-%06zu\n", i);
        break;
    case BENCH_PREFIX:
        put(t, "  - match:\n    - uri:\n        prefix: /tenant-%06zu/\n", i);
        break;
    default:
        put(t,
            "  - match:\n    - headers:\n        x-tenant:\n          regex: "
            "tenant-%06zu(-[a-z]+)?\n",
            i);
        break;
    }
    put(t, "    route:\n    - destination:\n        host: shop\n        subset: v%zu\n",
        i % SUBSETS);
}

char *bench_yaml(bench_kind kind, size_t n) {
    text t = {0};
    put(&t, "apiVersion: v1\nkind: Service\nmetadata:\n  name: shop\nspec:\n  selector:\n    app: "
            "shop\n"
            "  ports:\n  - name: http\n    port: 80\n---\n");
    put(&t, "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata:\n  name: "
            "shop\nspec:\n"
            "  host: shop\n  subsets:\n");
    for (size_t s = 0; s < SUBSETS; s++)
        put(&t, "  - name: v%zu\n    labels:\n      version: v%zu\n", s, s);
    for (size_t s = 0; s < SUBSETS; s++)
        put(&t,
            "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: shop-%zu\n  labels:\n    app: "
            "shop\n"
            "    version: v%zu\nstatus:\n  podIP: 10.0.0.%zu\n",
            s, s, s + 1);
    put(&t, "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: "
            "shop\nspec:\n"
            "  hosts:\n  - shop\n  http:\n");
    for (size_t i = 0; i < n; i++)
        put_rule(&t, kind, i);
    put(&t, "  - route:\n    - destination:\n        host: shop\n");
    return t.p;
}

static void put_services(text *t) {
    put(t, "apiVersion: v1\nkind: Service\nmetadata:\n  name: shop\nspec:\n  selector:\n    app: "
           "shop\n  ports:\n  - name: http\n    port: 80\n");
    for (size_t s = 0; s < SUBSETS; s++)
        put(t,
            "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: shop-%zu\nspec:\n  selector:\n"
            "    app: shop\n    version: v%zu\n  ports:\n  - name: http\n    port: 80\n"
            "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: shop-%zu\n  labels:\n    app: "
            "shop\n"
            "    version: v%zu\nstatus:\n  podIP: 10.0.0.%zu\n",
            s, s, s, s, s + 1);
}

static void put_http_route(text *t, bench_kind kind, size_t i) {
    if (i % 16 == 0)
        put(t,
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata:\n"
            "  name: shop-%06zu\nspec:\n  parentRefs:\n  - group: \"\"\n    kind: Service\n"
            "    name: shop\n  rules:\n",
            i);
    if (kind == BENCH_HEADER)
        put(t,
            "  - matches:\n    - headers:\n      - name: x-tenant\n        value: tenant-%06zu\n",
            i);
    else
        put(t, "  - matches:\n    - path:\n        value: /tenant-%06zu\n", i);
    put(t, "    backendRefs:\n    - name: shop-%zu\n      port: 80\n", i % SUBSETS);
}

static void put_virtual_service_rule(text *t, bench_kind kind, size_t i) {
    if (i == 0)
        put(t, "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: "
               "shop\nspec:\n  hosts:\n  - shop\n  http:\n");
    if (kind == BENCH_HEADER)
        put(t, "  - match:\n    - headers:\n        x-tenant:\n          exact: tenant-%06zu\n", i);
    else
        put(t, "  - match:\n    - uri:\n        prefix: /tenant-%06zu/\n", i);
    put(t, "    route:\n    - destination:\n        host: shop-%zu\n", i % SUBSETS);
}

char *bench_language_yaml(bench_language language, bench_kind kind, size_t n) {
    text t = {0};
    put_services(&t);
    for (size_t i = 0; i < n; i++)
        if (language == BENCH_HTTP_ROUTE)
            put_http_route(&t, kind, i);
        else
            put_virtual_service_rule(&t, kind, i);
    return t.p;
}

void bench_request_init(bench_request *out, bench_kind kind, size_t i) {
    bench_kind aimed = kind_of(kind, i);
    snprintf(out->key, sizeof(out->key), "tenant-%06zu",
             aimed == BENCH_PREFIX ? (size_t)999999 : i);
    snprintf(out->path, sizeof(out->path),
             aimed == BENCH_PREFIX ? "/tenant-%06zu/items?page=2" : "/items?page=%zu", i);
    const hr_pair headers[] = {
        {HR_STR("user-agent"),
         HR_STR("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")},
        {HR_STR("accept"), HR_STR("application/json")},
        {HR_STR("accept-encoding"), HR_STR("gzip, deflate, br")},
        {HR_STR("content-type"), HR_STR("application/json")},
        {HR_STR("content-length"), HR_STR("1432")},
        {HR_STR("x-request-id"), HR_STR("0f8fad5b-d9cb-469f-a165-70867728950e")},
        {HR_STR("traceparent"), HR_STR("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")},
        {HR_STR("x-tenant"), hr_str_from(out->key)},
        {HR_STR("cache-control"), HR_STR("no-cache")},
    };
    memcpy(out->headers, headers, sizeof(headers));
    out->request = (hr_request){
        .version = HR_REQUEST_VERSION,
        .method = HR_STR("POST"),
        .scheme = HR_STR("http"),
        .authority = HR_STR("shop"),
        .path = hr_str_from(out->path),
        .headers = out->headers,
        .n_headers = sizeof(headers) / sizeof(headers[0]),
    };
}
