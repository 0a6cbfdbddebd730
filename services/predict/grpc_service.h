/*
 * predict over gRPC: inference.GRPCInferenceService, grpc.health.v1.Health and server reflection,
 * on the ports of REST. The messages are those of proto/.
 */
#ifndef HR_PREDICT_GRPC_SERVICE_H
#define HR_PREDICT_GRPC_SERVICE_H

#include <pb_decode.h>
#include <pb_encode.h>

#include "answer_grpc.h"
#include "grpc.h"
#include "grpc_frame.h"
#include "predict.h"

/* Answers a gRPC call, at once or later. */
void hr_predict_grpc(hr_predict *predict, hr_exchange *ex);
/* For hr_listener: true for a call whose messages are read as they come. */
bool hr_predict_grpc_streams(const hr_exchange *ex);
/* For hr_service. */
int hr_predict_grpc_status_of(int http_status);
/* Calls by method and status, at /metrics. */
void hr_predict_grpc_define_metrics(hr_metrics *metrics);

/* ---- for its other files ---- */

/* Answers with a message of at most 512 bytes. */
void hr_grpc_answer_message(hr_exchange *ex, const pb_msgdesc_t *fields, const void *message);
/* Reads a message. False: it is malformed, and the call is answered. */
bool hr_grpc_read_message(hr_exchange *ex, hr_bytes from, const pb_msgdesc_t *fields,
                          void *message);
/* True if the server is neither starting nor draining. */
bool hr_predict_is_ready(const hr_exchange *ex);

#endif
