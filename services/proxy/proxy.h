/*
 * headerroute-proxy: the fixed hop before one predict server. It assigns a job_id to every request,
 * forwards the request, and reports the health of both servers.
 */
#ifndef HR_SERVICES_PROXY_H
#define HR_SERVICES_PROXY_H

#include "answer.h"
#include "exchange.h"
#include "forward.h"
#include "server.h"
#include "upstream.h"
#include "upstream_metrics.h"

/* Where predict is: PREDICT_SERVER_URL taken apart. Strings point into the flag's text. */
typedef struct hr_predict_url {
    hr_str host;      /* a name or a literal without brackets */
    hr_str authority; /* as written: the Host of what is sent there */
    hr_str base;      /* of every path, without a slash at its end; may be empty */
    uint16_t port;
} hr_predict_url;

/* 0, or -1 with a sentence in `why`. */
int hr_predict_url_parse(hr_predict_url *out, const char *text, char *why, size_t why_size);

typedef struct proxy_options {
    hr_predict_url predict;
    int64_t timeout_ms;
    int64_t connect_timeout_ms;
    int64_t health_timeout_ms;
} proxy_options;

/* What all loops share. */
typedef struct proxy {
    proxy_options options;
    hr_up_registry upstreams;
    hr_metric upstream_seconds;
} proxy;

/* What one loop has. */
typedef struct proxy_loop {
    proxy *proxy;
    hr_timers *timers;
    hr_up_loop *up;
    hr_up_endpoint *predict;
} proxy_loop;

/* Answers one request. */
void proxy_on_request(hr_exchange *ex);

#endif
