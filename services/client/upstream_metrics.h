/* The upstream client's numbers on /metrics. */
#ifndef HR_SERVICES_UPSTREAM_METRICS_H
#define HR_SERVICES_UPSTREAM_METRICS_H

#include "metrics.h"
#include "upstream.h"

#define HR_UP_MAX_LOOPS 256

/* The numbers of every loop; they outlive the loops, so that they can be read at any time. */
typedef struct hr_up_registry {
    hr_up_stats loops[HR_UP_MAX_LOOPS];
} hr_up_registry;

/* `registry` must outlive the metrics. Before hr_server_run. */
void hr_up_metrics(hr_metrics *metrics, hr_up_registry *registry);

#endif
