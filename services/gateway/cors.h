/* CORS: preflights, and the fields of other answers. */
#ifndef SV_GATEWAY_CORS_H
#define SV_GATEWAY_CORS_H

#include "request.h"

#define GW_CORS_FIELDS 3

/* Answers a preflight. */
void gw_preflight(gw_request *r);
/* Appends what CORS says on an answer, at most GW_CORS_FIELDS. The new count. */
size_t gw_cors_fields(gw_request *r, hr_pair *fields, size_t n);

#endif
