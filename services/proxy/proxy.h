/*
 * headerroute-proxy: the fixed hop before one predict server. It assigns a job_id to every request,
 * forwards the request, and reports the health of both servers.
 */
#ifndef SV_PROXY_H
#define SV_PROXY_H

#include "answer.h"
#include "exchange.h"
#include "forward.h"
#include "server.h"
#include "upstream.h"
#include "upstream_metrics.h"
#include "url.h"

typedef struct proxy_options {
    sv_predict_url predict;
    int64_t timeout_ms;
    int64_t connect_timeout_ms;
    int64_t health_timeout_ms;
} proxy_options;

/* What all loops share. */
typedef struct proxy {
    proxy_options options;
    sv_up_registry upstreams;
    sv_metric upstream_seconds;
} proxy;

/* What one loop has. */
typedef struct proxy_loop {
    proxy *proxy;
    sv_timers *timers;
    sv_up_loop *up;
    sv_up_endpoint *predict;
} proxy_loop;

#endif
