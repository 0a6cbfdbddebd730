/*
 * predict over gRPC: inference.GRPCInferenceService, grpc.health.v1.Health and server reflection,
 * on the ports of REST. The messages are those of proto/.
 */
#ifndef SV_PREDICT_GRPC_SERVICE_H
#define SV_PREDICT_GRPC_SERVICE_H

#include <pb_decode.h>
#include <pb_encode.h>

#include "answer_grpc.h"
#include "grpc.h"
#include "grpc_frame.h"
#include "predict.h"

/* Answers a gRPC call, at once or later. */
void sv_predict_grpc(sv_predict *predict, sv_exchange *ex);
/* For sv_listener: true for a call whose messages are read as they come. */
bool sv_predict_grpc_streams(const sv_exchange *ex);
/* For sv_service. */
int sv_predict_grpc_status_of(int http_status);
/* Calls by method and status, at /metrics. */
void sv_predict_grpc_define_metrics(sv_metrics *metrics);

/* ---- for its other files ---- */

/* Answers with a message of at most 512 bytes. */
void sv_grpc_answer_message(sv_exchange *ex, const pb_msgdesc_t *fields, const void *message);
/* Reads a message. False: it is malformed, and the call is answered. */
bool sv_grpc_read_message(sv_exchange *ex, sv_bytes from, const pb_msgdesc_t *fields,
                          void *message);
/* True if the server is neither starting nor draining. */
bool sv_predict_is_ready(const sv_exchange *ex);

#endif
