/* Whether a request is tried again. */
#ifndef SV_GATEWAY_RETRY_H
#define SV_GATEWAY_RETRY_H

#include "request.h"

/* 1 if the request will be tried again after this error, or (error 0) this answer. Must be
 * asked before anything went to the client. */
int gw_retry(gw_request *r, sv_up_error error, const sv_http1_response *head);

#endif
