/* Gateways, HTTPRoutes and GRPCRoutes of the Gateway API as Istio's control plane converts them. */
#ifndef HR_GWAPI_H
#define HR_GWAPI_H

#include "table.h"

/* Fills what a table has of the Gateway API. The registry must have been built. */
void hr_gwapi_build(hr_arena *arena, hr_table *table);

#endif
