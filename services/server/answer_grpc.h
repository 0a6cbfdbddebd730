/*
 * Answers to gRPC calls over HTTP/2 (gRPC's PROTOCOL-HTTP2.md). The same rules as in answer.h: each
 * call is answered exactly once, and all answers carry x-request-id, Via and Server-Timing, as
 * metadata.
 */
#ifndef SV_ANSWER_GRPC_H
#define SV_ANSWER_GRPC_H

#include "exchange.h"

/* Answers with a status and no message ("Trailers-Only"). `detail` becomes grpc-message; it is
 * copied. */
void sv_answer_grpc_status(sv_exchange *ex, int grpc_status, const char *detail);
/* The same for an error of HTTP, by the service's mapping (sv_service.grpc_status_of). */
void sv_answer_grpc_error(sv_exchange *ex, int http_status, const char *detail);
/* Answers a unary call with a message, which must live as long as the exchange, and OK. */
void sv_answer_grpc(sv_exchange *ex, hr_str message);

/* A stream of messages, each with its prefix (sv_grpc_write_prefix). `on_sent` is called each time
 * a message was taken by the client's connection; until then the message must stay, and nothing
 * more may be sent. */
void sv_answer_grpc_start(sv_exchange *ex, void (*on_sent)(sv_exchange *ex));
void sv_answer_grpc_send(sv_exchange *ex, hr_str message);
void sv_answer_grpc_end(sv_exchange *ex, int grpc_status, const char *detail);

#endif
