/*
 * Answers to gRPC calls over HTTP/2 (gRPC's PROTOCOL-HTTP2.md). The same rules as in answer.h: each
 * call is answered exactly once, and all answers carry x-request-id, Via and Server-Timing, as
 * metadata.
 */
#ifndef HR_SERVICES_ANSWER_GRPC_H
#define HR_SERVICES_ANSWER_GRPC_H

#include "exchange.h"

/* True if the request is a gRPC call: it came over HTTP/2 and has gRPC's content type. The errors
 * of answer.h, and the server's own refusals, are then statuses. */
bool hr_exchange_is_grpc(const hr_exchange *ex);

/* Answers with a status and no message ("Trailers-Only"). `detail` becomes grpc-message; it is
 * copied. */
void hr_answer_grpc_status(hr_exchange *ex, int grpc_status, const char *detail);
/* The same for an error of HTTP, by the service's mapping (hr_service.grpc_status_of). */
void hr_answer_grpc_error(hr_exchange *ex, int http_status, const char *detail);
/* Answers a unary call with a message, which must live as long as the exchange, and OK. */
void hr_answer_grpc(hr_exchange *ex, hr_str message);

/* A stream of messages, each with its prefix (sv_grpc_write_prefix). `on_sent` is called each time
 * a message was taken by the client's connection; until then the message must stay, and nothing
 * more may be sent. */
void hr_answer_grpc_start(hr_exchange *ex, void (*on_sent)(hr_exchange *ex));
void hr_answer_grpc_send(hr_exchange *ex, hr_str message);
void hr_answer_grpc_end(hr_exchange *ex, int grpc_status, const char *detail);

#endif
