/* gRPC's server reflection (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md). */
#ifndef HR_PREDICT_GRPC_REFLECTION_H
#define HR_PREDICT_GRPC_REFLECTION_H

#include "exchange.h"

/* Serves the call: a stream of requests, each with an answer. Its body must be streamed. */
void hr_grpc_reflect(hr_exchange *ex);

#endif
