/* The upstream client's numbers on /metrics. */
#ifndef HR_SERVICES_UPSTREAM_METRICS_H
#define HR_SERVICES_UPSTREAM_METRICS_H

#include "metrics.h"
#include "upstream.h"

#define HR_UP_MAX_LOOPS 256

/* Where loops enter themselves as they start, and leave as they stop. */
typedef struct hr_up_registry {
    hr_up_loop *_Atomic loops[HR_UP_MAX_LOOPS];
} hr_up_registry;

/* `registry` must outlive the metrics. Before hr_server_run. */
void hr_up_metrics(hr_metrics *metrics, hr_up_registry *registry);

#endif
