/* Faults and CORS. */
#ifndef SV_GATEWAY_FILTERS_H
#define SV_GATEWAY_FILTERS_H

#include "request.h"

#define GW_CORS_FIELDS 3

/* Applies faults, then calls gw_act. */
void gw_filter(gw_request *r);
void gw_preflight(gw_request *r);
/* Appends what CORS says on an answer, at most GW_CORS_FIELDS. The new count. */
size_t gw_cors_fields(gw_request *r, hr_pair *fields, size_t n);

#endif
