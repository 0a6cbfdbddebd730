/* Exports the counters of the upstream client as metrics. */
#include "upstream_metrics.h"

#include <stddef.h>

static const struct row {
    size_t offset;
    const char *name, *type, *help;
} rows[] = {
    {offsetof(sv_up_stats, requests), "requests_total", "counter",
     "Requests begun towards an upstream server, retries on a fresh connection not counted."},
    {offsetof(sv_up_stats, active), "requests_active", "gauge",
     "Requests under way towards an upstream server."},
    {offsetof(sv_up_stats, connects), "connects_total", "counter", "Connections begun."},
    {offsetof(sv_up_stats, connect_failures), "connect_failures_total", "counter",
     "Requests that found no address or no connection."},
    {offsetof(sv_up_stats, connections), "connections", "gauge",
     "Open connections, idle ones included."},
    {offsetof(sv_up_stats, reused), "connections_reused_total", "counter",
     "Requests that took an idle connection."},
    {offsetof(sv_up_stats, stale_retries), "stale_retries_total", "counter",
     "Idle connections found closed by the peer only after they were taken."},
    {offsetof(sv_up_stats, protocol_errors), "protocol_errors_total", "counter",
     "Answers refused because they were malformed."},
    {offsetof(sv_up_stats, resets), "resets_total", "counter",
     "Connections that broke before the answer was whole."},
    {offsetof(sv_up_stats, timeouts), "timeouts_total", "counter",
     "Requests that ran into a timeout or their deadline."},
};

static void write_text(void *ctx, sv_metrics *metrics, void *out) {
    sv_up_registry *registry = ctx;
    (void)metrics;
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < SV_UP_MAX_LOOPS; i++) {
            const char *stats = (const char *)&registry->loops[i];
            const _Atomic uint64_t *cell =
                (const _Atomic uint64_t *)(const void *)(stats + rows[r].offset);
            sum += atomic_load_explicit(cell, memory_order_relaxed);
        }
        sv_metrics_printf(out,
                          "# HELP headerroute_upstream_%s %s\n# TYPE headerroute_upstream_%s "
                          "%s\nheaderroute_upstream_%s %llu\n",
                          rows[r].name, rows[r].help, rows[r].name, rows[r].type, rows[r].name,
                          (unsigned long long)sum);
    }
}

void sv_up_metrics(sv_metrics *metrics, sv_up_registry *registry) {
    sv_metrics_hook(metrics, write_text, registry);
}
