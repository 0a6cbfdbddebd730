/* Answers by the gateway itself, with the route's operations on response headers. */
#ifndef SV_GATEWAY_REPLY_H
#define SV_GATEWAY_REPLY_H

#include "request.h"

/* By the outcome's row. */
void gw_end(gw_request *r, gw_outcome outcome);
/* With another status and body, which must outlive the request. */
void gw_end_with(gw_request *r, gw_outcome outcome, int status, hr_str body);
/* With this status for a gRPC client; any other sees a 200. */
void gw_end_grpc(gw_request *r, gw_outcome outcome, int grpc_status);
/* The answer has begun, and its rest will not come: what the log line says. */
void gw_cut(gw_request *r, gw_outcome outcome);
/* Headers only. */
void gw_answer(gw_request *r, gw_outcome outcome, const hr_pair *fields, size_t n);
void gw_redirect(gw_request *r);
void gw_direct_response(gw_request *r);
/* Adds a response flag to those the log line will show. */
void gw_flag(gw_request *r, const char *flag);
/* The operations of the decision on these headers; the same list where there are none. */
void gw_response_ops(gw_request *r, int status, const hr_pair **fields, size_t *n);

#endif
