/* gRPC's server reflection (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md). */
#ifndef SV_PREDICT_GRPC_REFLECTION_H
#define SV_PREDICT_GRPC_REFLECTION_H

#include "exchange.h"

/* Serves the call: a stream of requests, each with an answer. Its body must be streamed. */
void sv_grpc_reflect(sv_exchange *ex);

#endif
