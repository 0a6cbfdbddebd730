/* Health checking by gRPC, grpc.health.v1.Health
 * (https://github.com/grpc/grpc/blob/master/doc/health-checking.md). */
#ifndef SV_PREDICT_GRPC_HEALTH_H
#define SV_PREDICT_GRPC_HEALTH_H

#include "predict.h"

/* True if the server is neither starting nor draining. */
bool sv_predict_is_ready(const sv_exchange *ex);

/* Both answer the call; `message` is the request. */
void sv_grpc_health_check(sv_predict *predict, sv_exchange *ex, sv_bytes message);
void sv_grpc_health_watch(sv_predict *predict, sv_exchange *ex, sv_bytes message);

/* The watches of one loop, for sv_server_loop.data. */
void *sv_grpc_watches_new(void);
void sv_grpc_watches_free(sv_server_loop *loop, void *watches);

#endif
