/* gRPC calls, which the proxy passes on to predict. */
#ifndef PROXY_CALLS_H
#define PROXY_CALLS_H

#include "exchange.h"

/* True if the request is a call, whose body is streamed. */
bool proxy_is_grpc(const sv_exchange *ex);
/* Passes it on. */
void proxy_on_grpc(sv_exchange *ex);

#endif
