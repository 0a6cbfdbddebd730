/*
 * Prometheus metrics (text format 0.0.4). Each loop counts in cells of its own, so counting takes
 * no lock and no cache line is shared; reading adds the cells up.
 *
 * Names follow Prometheus' conventions: prefix headerroute_, base units (seconds, bytes), _total
 * for counters.
 */
#ifndef HR_SERVICES_METRICS_H
#define HR_SERVICES_METRICS_H

#include <stddef.h>
#include <stdint.h>

typedef enum hr_metric_kind { HR_COUNTER, HR_GAUGE, HR_HISTOGRAM } hr_metric_kind;

typedef struct hr_metrics hr_metrics;
typedef struct hr_metric_cells hr_metric_cells; /* one loop's, or one worker's */
typedef int hr_metric;                          /* index of a time series */

hr_metrics *hr_metrics_new(void);
void hr_metrics_free(hr_metrics *metrics);

/* Definitions: before hr_server_run, on the main thread. Strings must be static. `labels` is what
 * goes between the braces ("phase=\"decode\"") or NULL; series of one name must follow each other.
 */
hr_metric hr_metrics_counter(hr_metrics *metrics, const char *name, const char *labels,
                             const char *help);
/* A gauge that cells move up and down. */
hr_metric hr_metrics_gauge(hr_metrics *metrics, const char *name, const char *labels,
                           const char *help);
/* `bounds` are upper bounds in ascending order, without +Inf. */
hr_metric hr_metrics_histogram(hr_metrics *metrics, const char *name, const char *labels,
                               const char *help, const double *bounds, size_t n_bounds);
/* A value read when the metrics are. `kind` is HR_COUNTER or HR_GAUGE. */
void hr_metrics_read(hr_metrics *metrics, hr_metric_kind kind, const char *name, const char *labels,
                     const char *help, double (*read)(void *ctx), void *ctx);
/* Registers a function that appends metrics kept outside this registry. It is called each time the
 * metrics are read. */
void hr_metrics_hook(hr_metrics *metrics, void (*write)(void *ctx, hr_metrics *metrics, void *out),
                     void *ctx);
void hr_metrics_printf(void *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Cells for one more thread; freed with the metrics. Any thread, at any time after the definitions.
 */
hr_metric_cells *hr_metrics_cells(hr_metrics *metrics);

/* Only by the thread that the cells belong to. */
void hr_metric_add(hr_metric_cells *cells, hr_metric metric, int64_t by);
void hr_metric_observe(hr_metric_cells *cells, hr_metric metric, double value);

/* The whole text, in malloc'ed memory of *len bytes. */
char *hr_metrics_text(hr_metrics *metrics, size_t *len);

/* Buckets for seconds that most durations here fall into: 0.5 ms to 60 s. */
extern const double hr_seconds_buckets[];
extern const size_t hr_seconds_buckets_count;

/* What every server counts; defined by hr_metrics_new. */
typedef struct hr_server_metrics {
    hr_metric connections_total, connections, requests_active, request_seconds;
    hr_metric received_bytes, sent_bytes, refused;
} hr_server_metrics;
const hr_server_metrics *hr_metrics_of_server(const hr_metrics *metrics);
/* requests by code and method: counted apart, as there are many */
void hr_metric_request(hr_metric_cells *cells, int status, const char *method, size_t method_len);

#endif
