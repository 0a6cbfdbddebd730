/* Health checking by gRPC, grpc.health.v1.Health
 * (https://github.com/grpc/grpc/blob/master/doc/health-checking.md). */
#ifndef HR_PREDICT_GRPC_HEALTH_H
#define HR_PREDICT_GRPC_HEALTH_H

#include "predict.h"

/* Both answer the call; `message` is the request. */
void hr_grpc_health_check(hr_predict *predict, hr_exchange *ex, hr_bytes message);
void hr_grpc_health_watch(hr_predict *predict, hr_exchange *ex, hr_bytes message);

/* The watches of one loop, for hr_loop.data. */
void *hr_grpc_watches_new(void);
void hr_grpc_watches_free(hr_loop *loop, void *watches);

#endif
