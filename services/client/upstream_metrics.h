/* The upstream client's numbers on /metrics. */
#ifndef SV_UPSTREAM_METRICS_H
#define SV_UPSTREAM_METRICS_H

#include "metrics.h"
#include "upstream.h"

#define SV_UP_MAX_LOOPS 256

/* The numbers of every loop; they outlive the loops, so that they can be read at any time. */
typedef struct sv_up_registry {
    sv_up_stats loops[SV_UP_MAX_LOOPS];
} sv_up_registry;

/* `registry` must outlive the metrics. Before sv_server_run. */
void sv_up_metrics(sv_metrics *metrics, sv_up_registry *registry);

#endif
