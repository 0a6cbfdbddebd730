/* Whether a request is tried again. */
#ifndef SV_GATEWAY_RETRY_H
#define SV_GATEWAY_RETRY_H

#include "request.h"

/* 1 if the request is to be tried again after this error, or (error 0) this answer; then its
 * endpoint is noted as tried. Must be asked before anything went to the client. */
int gw_retry(gw_request *r, sv_up_error error, const sv_http1_response *head);
/* Counts it among the cluster's retries until the try is over. */
void gw_retry_count(gw_request *r);
/* When it is tried again, as of sv_timers_now(): after a back-off, and at the deadline at the
 * latest. */
uint64_t gw_retry_at(gw_request *r);

#endif
