/* Outlier detection: endpoints that fail are ejected for a while. */
#ifndef SV_GATEWAY_OUTLIER_H
#define SV_GATEWAY_OUTLIER_H

#include "gateway.h"

/* Notes what an endpoint did. `status` 0: it failed before it answered. */
void gw_outlier_note(const gw_cluster *cluster, gw_endpoint *endpoint, int status);
/* Lets ejected endpoints return when their time is up; loop 0 only. */
void gw_outlier_sweep(const gw_config *config);
/* Refreshes what a pick goes by: ejection and warm-up. */
void gw_outlier_states(const gw_cluster *cluster, hr_endpoint_state *states);

#endif
