/* gRPC calls, which the proxy passes on to predict. */
#ifndef PROXY_CALLS_H
#define PROXY_CALLS_H

#include "exchange.h"

/* Passes a call on, whose body is streamed. */
void proxy_on_grpc(sv_exchange *ex);

#endif
