/*
 * Prometheus metrics (text format 0.0.4). Each loop counts in cells of its own, so counting takes
 * no lock and no cache line is shared; reading adds the cells up.
 *
 * Names follow Prometheus' conventions: prefix headerroute_, base units (seconds, bytes), _total
 * for counters.
 */
#ifndef SV_METRICS_H
#define SV_METRICS_H

#include <stddef.h>
#include <stdint.h>

typedef enum sv_metric_kind { SV_COUNTER, SV_GAUGE, SV_HISTOGRAM } sv_metric_kind;

typedef struct sv_metrics sv_metrics;
typedef struct sv_metric_cells sv_metric_cells; /* one loop's, or one worker's */
typedef int sv_metric;                          /* index of a time series */

sv_metrics *sv_metrics_new(void);
void sv_metrics_free(sv_metrics *metrics);

/* Definitions: before sv_server_run, on the main thread. Strings must be static. `labels` is what
 * goes between the braces ("phase=\"decode\"") or NULL; series of one name must follow each other.
 */
sv_metric sv_metrics_counter(sv_metrics *metrics, const char *name, const char *labels,
                             const char *help);
/* A gauge that cells move up and down. */
sv_metric sv_metrics_gauge(sv_metrics *metrics, const char *name, const char *labels,
                           const char *help);
/* `bounds` are upper bounds in ascending order, without +Inf. */
sv_metric sv_metrics_histogram(sv_metrics *metrics, const char *name, const char *labels,
                               const char *help, const double *bounds, size_t n_bounds);
/* A value read when the metrics are. `kind` is SV_COUNTER or SV_GAUGE. */
void sv_metrics_read(sv_metrics *metrics, sv_metric_kind kind, const char *name, const char *labels,
                     const char *help, double (*read)(void *ctx), void *ctx);
/* Registers a function that appends metrics kept outside this registry. It is called each time the
 * metrics are read. */
void sv_metrics_hook(sv_metrics *metrics, void (*write)(void *ctx, sv_metrics *metrics, void *out),
                     void *ctx);
void sv_metrics_printf(void *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Cells for one more thread; freed with the metrics. Any thread, at any time after the definitions.
 */
sv_metric_cells *sv_metrics_cells(sv_metrics *metrics);

/* Only by the thread that the cells belong to. */
void sv_metric_add(sv_metric_cells *cells, sv_metric metric, int64_t by);
void sv_metric_observe(sv_metric_cells *cells, sv_metric metric, double value);

/* The whole text, in malloc'ed memory of *len bytes. */
char *sv_metrics_text(sv_metrics *metrics, size_t *len);

/* Buckets for seconds that most durations here fall into: 0.5 ms to 60 s. */
extern const double sv_seconds_buckets[];
extern const size_t sv_seconds_buckets_count;

/* What every server counts; defined by sv_metrics_new. */
typedef struct sv_server_metrics {
    sv_metric connections_total, connections, requests_active, request_seconds;
    sv_metric received_bytes, sent_bytes, refused;
} sv_server_metrics;
const sv_server_metrics *sv_metrics_of_server(const sv_metrics *metrics);
/* requests by code and method: counted apart, as there are many */
void sv_metric_request(sv_metric_cells *cells, int status, const char *method, size_t method_len);

#endif
