/* Counts metrics per thread and prints them in the Prometheus text format. */
#include "metrics.h"

#include "memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_out.h"

#define MAX_SERIES 96
#define MAX_SLOTS 1024 /* a counter or gauge takes one, a histogram one a bucket and two more */
#define MAX_CODE 600

static const char *const methods[] = {"GET",    "HEAD",    "POST",  "PUT",
                                      "DELETE", "OPTIONS", "PATCH", "other"};
#define N_METHODS (sizeof(methods) / sizeof(methods[0]))

typedef struct series {
    sv_metric_kind kind;
    const char *name, *labels, *help;
    const double *bounds;
    size_t n_bounds;
    size_t slot;
    double (*read)(void *ctx);
    void *ctx;
} series;

/* One writer, many readers: relaxed atomics cost what plain stores cost. Sums of seconds are kept
 * in nanoseconds. */
struct sv_metric_cells {
    sv_metric_cells *next;
    const sv_metrics *metrics;
    _Atomic int64_t slots[MAX_SLOTS];
    _Atomic uint64_t requests[N_METHODS][MAX_CODE];
};

struct sv_metrics {
    series series[MAX_SERIES];
    size_t n_series, n_slots;
    sv_server_metrics server;
    _Atomic(sv_metric_cells *) cells; /* a list that only grows, at its head: read without a lock */
    struct {
        void (*write)(void *ctx, sv_metrics *metrics, void *out);
        void *ctx;
    } hooks[8];
    size_t n_hooks;
};

const double sv_seconds_buckets[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                     0.25,   0.5,   1,      2.5,   5,    10,    30,   60};
const size_t sv_seconds_buckets_count = sizeof(sv_seconds_buckets) / sizeof(sv_seconds_buckets[0]);

static sv_metric define(sv_metrics *metrics, series def, size_t slots) {
    if (metrics->n_series == MAX_SERIES || metrics->n_slots + slots > MAX_SLOTS) {
        fprintf(stderr, "too many metrics: %s\n", def.name);
        abort();
    }
    def.slot = metrics->n_slots;
    metrics->n_slots += slots;
    metrics->series[metrics->n_series] = def;
    return (sv_metric)metrics->n_series++;
}

sv_metric sv_metrics_counter(sv_metrics *metrics, const char *name, const char *labels,
                             const char *help) {
    return define(metrics,
                  (series){.kind = SV_COUNTER, .name = name, .labels = labels, .help = help}, 1);
}

sv_metric sv_metrics_gauge(sv_metrics *metrics, const char *name, const char *labels,
                           const char *help) {
    return define(metrics, (series){.kind = SV_GAUGE, .name = name, .labels = labels, .help = help},
                  1);
}

sv_metric sv_metrics_histogram(sv_metrics *metrics, const char *name, const char *labels,
                               const char *help, const double *bounds, size_t n_bounds) {
    series def = {.kind = SV_HISTOGRAM,
                  .name = name,
                  .labels = labels,
                  .help = help,
                  .bounds = bounds,
                  .n_bounds = n_bounds};
    return define(metrics, def, n_bounds + 2);
}

void sv_metrics_read(sv_metrics *metrics, sv_metric_kind kind, const char *name, const char *labels,
                     const char *help, double (*read)(void *ctx), void *ctx) {
    define(
        metrics,
        (series){
            .kind = kind, .name = name, .labels = labels, .help = help, .read = read, .ctx = ctx},
        0);
}

void sv_metrics_hook(sv_metrics *metrics, void (*write)(void *ctx, sv_metrics *metrics, void *out),
                     void *ctx) {
    if (metrics->n_hooks == sizeof(metrics->hooks) / sizeof(metrics->hooks[0]))
        abort();
    metrics->hooks[metrics->n_hooks].write = write;
    metrics->hooks[metrics->n_hooks++].ctx = ctx;
}

sv_metrics *sv_metrics_new(void) {
    sv_metrics *metrics = sv_alloc(sizeof(*metrics));
    memset(metrics, 0, sizeof(*metrics));
    metrics->server = (sv_server_metrics){
        .connections_total = sv_metrics_counter(metrics, "headerroute_http_connections_total", NULL,
                                                "Connections accepted."),
        .connections = sv_metrics_gauge(metrics, "headerroute_http_connections", NULL,
                                        "Connections open now."),
        .requests_active = sv_metrics_gauge(metrics, "headerroute_http_requests_active", NULL,
                                            "Requests whose answer has not been sent wholly."),
        .request_seconds =
            sv_metrics_histogram(metrics, "headerroute_http_request_duration_seconds", NULL,
                                 "From the complete request head to the last byte of the answer.",
                                 sv_seconds_buckets, sv_seconds_buckets_count),
        .received_bytes = sv_metrics_counter(metrics, "headerroute_http_request_body_bytes_total",
                                             NULL, "Bytes of request bodies received."),
        .sent_bytes = sv_metrics_counter(metrics, "headerroute_http_response_body_bytes_total",
                                         NULL, "Bytes of answers' bodies sent."),
        .refused = sv_metrics_counter(
            metrics, "headerroute_http_refused_requests_total", NULL,
            "Requests refused before a handler saw them: bad framing, too large, "
            "or no memory left for the upload."),
    };
    return metrics;
}

void sv_metrics_free(sv_metrics *metrics) {
    if (metrics == NULL)
        return;
    for (sv_metric_cells *cells = metrics->cells, *next; cells != NULL; cells = next) {
        next = cells->next;
        free(cells);
    }
    free(metrics);
}

const sv_server_metrics *sv_metrics_of_server(const sv_metrics *metrics) {
    return &metrics->server;
}

sv_metric_cells *sv_metrics_cells(sv_metrics *metrics) {
    sv_metric_cells *cells = calloc(1, sizeof(*cells));
    if (cells == NULL)
        abort();
    cells->metrics = metrics;
    cells->next = atomic_load(&metrics->cells);
    while (!atomic_compare_exchange_weak(&metrics->cells, &cells->next, cells))
        ;
    return cells;
}

static void bump(_Atomic int64_t *slot, int64_t by) {
    atomic_store_explicit(slot, atomic_load_explicit(slot, memory_order_relaxed) + by,
                          memory_order_relaxed);
}

void sv_metric_add(sv_metric_cells *cells, sv_metric metric, int64_t by) {
    bump(&cells->slots[cells->metrics->series[metric].slot], by);
}

void sv_metric_observe(sv_metric_cells *cells, sv_metric metric, double value) {
    const series *s = &cells->metrics->series[metric];
    size_t bucket = 0;
    while (bucket < s->n_bounds && value > s->bounds[bucket])
        ++bucket;
    bump(&cells->slots[s->slot + bucket], 1);
    bump(&cells->slots[s->slot + s->n_bounds + 1], (int64_t)llround(value * 1e9));
}

void sv_metric_request(sv_metric_cells *cells, int status, const char *method, size_t method_len) {
    size_t m = 0;
    while (m < N_METHODS - 1 &&
           !(strlen(methods[m]) == method_len && memcmp(methods[m], method, method_len) == 0))
        ++m;
    if (status < 0 || status >= MAX_CODE)
        status = 0;
    _Atomic uint64_t *cell = &cells->requests[m][status];
    atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

/* ---- the text ---- */

static int64_t sum_slot(const sv_metrics *metrics, size_t slot) {
    int64_t sum = 0;
    for (const sv_metric_cells *cells = metrics->cells; cells != NULL; cells = cells->next)
        sum += atomic_load_explicit(&cells->slots[slot], memory_order_relaxed);
    return sum;
}

static void write_head(sv_text *text, const char *name, sv_metric_kind kind, const char *help) {
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    sv_text_printf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kinds[kind]);
}

static void write_histogram(sv_text *text, const sv_metrics *metrics, const series *s) {
    int64_t count = 0;
    const char *labels = s->labels != NULL ? s->labels : "", *comma = s->labels != NULL ? "," : "";
    for (size_t i = 0; i <= s->n_bounds; ++i) {
        count += sum_slot(metrics, s->slot + i);
        if (i < s->n_bounds)
            sv_text_printf(text, "%s_bucket{%s%sle=\"%g\"} %" PRId64 "\n", s->name, labels, comma,
                           s->bounds[i], count);
        else
            sv_text_printf(text, "%s_bucket{%s%sle=\"+Inf\"} %" PRId64 "\n", s->name, labels, comma,
                           count);
    }
    const char *open = s->labels != NULL ? "{" : "", *close = s->labels != NULL ? "}" : "";
    sv_text_printf(text, "%s_sum%s%s%s %.9g\n", s->name, open, labels, close,
                   (double)sum_slot(metrics, s->slot + s->n_bounds + 1) / 1e9);
    sv_text_printf(text, "%s_count%s%s%s %" PRId64 "\n", s->name, open, labels, close, count);
}

static void write_requests(sv_text *text, const sv_metrics *metrics) {
    static const char name[] = "headerroute_http_requests_total";
    write_head(
        text, name, SV_COUNTER,
        "Requests by method and status code of the answer; code 0: the client left before it.");
    for (size_t m = 0; m < N_METHODS; ++m) {
        for (size_t code = 0; code < MAX_CODE; ++code) {
            uint64_t sum = 0;
            for (const sv_metric_cells *cells = metrics->cells; cells != NULL; cells = cells->next)
                sum += atomic_load_explicit(&cells->requests[m][code], memory_order_relaxed);
            if (sum != 0)
                sv_text_printf(text, "%s{code=\"%zu\",method=\"%s\"} %" PRIu64 "\n", name, code,
                               methods[m], sum);
        }
    }
}

void sv_metrics_printf(void *out, const char *fmt, ...) {
    char line[1024];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    if (n > 0)
        sv_text_bytes(out, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

char *sv_metrics_text(sv_metrics *metrics, size_t *len) {
    sv_text text = {0};
    const char *last = "";
    for (size_t i = 0; i < metrics->n_series; ++i) {
        const series *s = &metrics->series[i];
        if (strcmp(last, s->name) != 0)
            write_head(&text, s->name, s->kind, s->help);
        last = s->name;
        if (s->kind == SV_HISTOGRAM) {
            write_histogram(&text, metrics, s);
            continue;
        }
        const char *open = s->labels != NULL ? "{" : "", *close = s->labels != NULL ? "}" : "";
        sv_text_printf(&text, "%s%s%s%s ", s->name, open, s->labels != NULL ? s->labels : "",
                       close);
        if (s->read != NULL)
            sv_text_printf(&text, "%.17g\n", s->read(s->ctx));
        else
            sv_text_printf(&text, "%" PRId64 "\n", sum_slot(metrics, s->slot));
    }
    write_requests(&text, metrics);
    for (size_t i = 0; i < metrics->n_hooks; ++i)
        metrics->hooks[i].write(metrics->hooks[i].ctx, metrics, &text);
    *len = text.len;
    return text.p;
}
