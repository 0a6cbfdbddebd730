/* headerroute-proxy: its flags and its start. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "handlers.h"
#include "proxy.h"
#include "run.h"
#include "url.h"

static int parse_url(void *field, const char *text, char *why, size_t why_size) {
    return sv_predict_url_parse(field, text, why, why_size);
}

#define FIELD(name) offsetof(proxy_options, name)
static const sv_flag proxy_flags[] = {
    {.name = "predict-server-url",
     .kind = SV_FLAG_CUSTOM,
     .value_name = "URL",
     .offset = FIELD(predict),
     .also_env = "PREDICT_SERVER_URL",
     .default_text = "http://127.0.0.1:5010",
     .parse = parse_url,
     .help = "The predict server that requests are passed on to."},
    {.name = "predict-timeout",
     .kind = SV_FLAG_SECONDS,
     .value_name = "SECONDS",
     .offset = FIELD(timeout_ms),
     .min = 1,
     .max = 3600000,
     .help = "How long predict may take for a request; then the answer is 504."},
    {.name = "connect-timeout",
     .kind = SV_FLAG_SECONDS,
     .value_name = "SECONDS",
     .offset = FIELD(connect_timeout_ms),
     .min = 1,
     .max = 3600000,
     .help = "How long a connection to predict may take; then the answer is 502."},
    {.name = "health-timeout",
     .kind = SV_FLAG_SECONDS,
     .value_name = "SECONDS",
     .offset = FIELD(health_timeout_ms),
     .min = 1,
     .max = 3600000,
     .help = "How long predict may take to report its health; then it is \"ng\"."},
};

static int proxy_loop_start(sv_server_loop *loop, void *ctx) {
    proxy *p = ctx;
    proxy_loop *self = calloc(1, sizeof(*self));
    if (self == NULL)
        return -1;
    sv_up_settings settings = {.connect_timeout_ms = (uint32_t)p->options.connect_timeout_ms};
    self->proxy = p;
    self->timers = sv_loop_timers(loop->net);
    self->up = sv_up_loop_new(loop->net, &p->upstreams.loops[loop->index],
                              sv_server_uploads(loop->server));
    if (self->up == NULL) {
        free(self);
        return -1;
    }
    self->predict =
        sv_up_endpoint_new(self->up, p->options.predict.host, p->options.predict.port, &settings);
    loop->data = self;
    return 0;
}

static void proxy_loop_stop(sv_server_loop *loop, void *ctx) {
    proxy_loop *self = loop->data;
    (void)ctx;
    sv_up_endpoint_unref(self->predict);
    sv_up_loop_free(self->up);
    free(self);
    loop->data = NULL;
}

int main(int argc, char **argv) {
    static proxy self = {
        .options = {.timeout_ms = 10000, .connect_timeout_ms = 2000, .health_timeout_ms = 2000}};
    static sv_server_options server = SV_SERVER_OPTIONS_INIT;
    char why[256];
    sv_predict_url_parse(&self.options.predict, "http://127.0.0.1:5010", why, sizeof(why));
    sv_flag_set sets[] = {
        {proxy_flags, sizeof(proxy_flags) / sizeof(proxy_flags[0]), &self.options},
        {sv_server_flags, sv_server_flags_count, &server},
    };
    int code = sv_flags_parse(
        sets, 2, argc, argv, "headerroute-proxy",
        "Gives every request a job_id, passes it on to one predict server and its answer back.");
    if (code != SV_FLAGS_RUN)
        return code;
    sv_server_options_settle(&server, "0.0.0.0:5000");

    sv_metrics *metrics = sv_metrics_new();
    self.upstream_seconds =
        sv_metrics_histogram(metrics, "headerroute_upstream_seconds", NULL,
                             "Time from passing a request on to the head of predict's answer.",
                             sv_seconds_buckets, sv_seconds_buckets_count);
    sv_up_metrics(metrics, &self.upstreams);

    sv_listener *listeners = calloc(server.listen.n, sizeof(*listeners));
    for (size_t i = 0; i < server.listen.n; i++)
        listeners[i] = (sv_listener){.address = server.listen.v[i],
                                     .on_request = proxy_on_request,
                                     .streams_request = sv_exchange_is_grpc};
    sv_service service = {.program = "headerroute-proxy",
                          .ctx = &self,
                          .loop_start = proxy_loop_start,
                          .loop_stop = proxy_loop_stop};
    code = sv_server_run(&service, listeners, server.listen.n, &server, metrics);
    sv_metrics_free(metrics);
    free(listeners);
    return code;
}
