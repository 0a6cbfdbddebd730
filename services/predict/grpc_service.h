/*
 * predict over gRPC: inference.GRPCInferenceService, grpc.health.v1.Health and server reflection,
 * on the ports of REST. The messages are those of proto/.
 */
#ifndef SV_PREDICT_GRPC_SERVICE_H
#define SV_PREDICT_GRPC_SERVICE_H

#include "predict.h"

/* Answers a gRPC call, at once or later. */
void sv_predict_grpc(sv_predict *predict, sv_exchange *ex);
/* For sv_listener: true for a call whose messages are read as they come. */
bool sv_predict_grpc_streams(const sv_exchange *ex);
/* For sv_service. */
int sv_predict_grpc_status_of(int http_status);
/* Calls by method and status, at /metrics. */
void sv_predict_grpc_define_metrics(sv_metrics *metrics);

#endif
