/* Rule tables for the benchmark: YAML of n rules of one kind, and requests that hit them evenly. */
#ifndef HR_BENCH_TABLES_H
#define HR_BENCH_TABLES_H

#include <stddef.h>

#include <headerroute/headerroute.h>

typedef enum bench_kind {
    BENCH_HEADER,
    BENCH_PREFIX,
    BENCH_REGEX,
    BENCH_MIXED,
    BENCH_KINDS
} bench_kind;
extern const char *const bench_kind_names[BENCH_KINDS];

/* One VirtualService of n rules and a catch-all, its Service, DestinationRule and pods. Free with
 * free(). */
char *bench_yaml(bench_kind kind, size_t n);

/* The same rules in each language: a VirtualService, and HTTPRoutes of 16 rules, the most that one
 * may have, whose parent is the Service. Destinations are Services, which both languages have.
 * `kind` is BENCH_HEADER or BENCH_PREFIX. Free with free(). */
typedef enum bench_language { BENCH_VIRTUAL_SERVICE, BENCH_HTTP_ROUTE } bench_language;
char *bench_language_yaml(bench_language language, bench_kind kind, size_t n);

/* A request as a browser behind a proxy sends it, aimed at rule `i`. Strings live in `room`. */
typedef struct bench_request {
    hr_request request;
    hr_pair headers[9];
    char path[64], key[48];
} bench_request;
void bench_request_init(bench_request *out, bench_kind kind, size_t i);

#endif
