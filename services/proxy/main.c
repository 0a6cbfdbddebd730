/* headerroute-proxy: its flags and its start. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "handlers.h"
#include "proxy.h"
#include "url.h"

static int parse_url(void *field, const char *text, char *why, size_t why_size) {
    return hr_predict_url_parse(field, text, why, why_size);
}

#define FIELD(name) offsetof(proxy_options, name)
static const hr_flag proxy_flags[] = {
    {.name = "predict-server-url",
     .kind = HR_FLAG_CUSTOM,
     .value_name = "URL",
     .offset = FIELD(predict),
     .also_env = "PREDICT_SERVER_URL",
     .default_text = "http://127.0.0.1:5010",
     .parse = parse_url,
     .help = "The predict server that requests are passed on to."},
    {.name = "predict-timeout",
     .kind = HR_FLAG_SECONDS,
     .value_name = "SECONDS",
     .offset = FIELD(timeout_ms),
     .min = 1,
     .max = 3600000,
     .help = "How long predict may take for a request; then the answer is 504."},
    {.name = "connect-timeout",
     .kind = HR_FLAG_SECONDS,
     .value_name = "SECONDS",
     .offset = FIELD(connect_timeout_ms),
     .min = 1,
     .max = 3600000,
     .help = "How long a connection to predict may take; then the answer is 502."},
    {.name = "health-timeout",
     .kind = HR_FLAG_SECONDS,
     .value_name = "SECONDS",
     .offset = FIELD(health_timeout_ms),
     .min = 1,
     .max = 3600000,
     .help = "How long predict may take to report its health; then it is \"ng\"."},
};

static int proxy_loop_start(hr_loop *loop, void *ctx) {
    proxy *p = ctx;
    proxy_loop *self = calloc(1, sizeof(*self));
    if (self == NULL)
        return -1;
    hr_up_settings settings = {.connect_timeout_ms = (uint32_t)p->options.connect_timeout_ms};
    self->proxy = p;
    self->timers = sv_loop_timers(loop->net);
    self->up = hr_up_loop_new(loop->net, &p->upstreams.loops[loop->index]);
    if (self->up == NULL) {
        free(self);
        return -1;
    }
    self->predict =
        hr_up_endpoint_new(self->up, p->options.predict.host, p->options.predict.port, &settings);
    loop->data = self;
    return 0;
}

static void proxy_loop_stop(hr_loop *loop, void *ctx) {
    proxy_loop *self = loop->data;
    (void)ctx;
    hr_up_endpoint_unref(self->predict);
    hr_up_loop_free(self->up);
    free(self);
    loop->data = NULL;
}

int main(int argc, char **argv) {
    static proxy self = {
        .options = {.timeout_ms = 10000, .connect_timeout_ms = 2000, .health_timeout_ms = 2000}};
    static hr_server_options server = HR_SERVER_OPTIONS_INIT;
    char why[256];
    hr_predict_url_parse(&self.options.predict, "http://127.0.0.1:5010", why, sizeof(why));
    hr_flag_set sets[] = {
        {proxy_flags, sizeof(proxy_flags) / sizeof(proxy_flags[0]), &self.options},
        {hr_server_flags, hr_server_flags_count, &server},
    };
    int code = hr_flags_parse(
        sets, 2, argc, argv, "headerroute-proxy",
        "Gives every request a job_id, passes it on to one predict server and its answer back.");
    if (code != HR_FLAGS_RUN)
        return code;
    hr_server_options_settle(&server, "0.0.0.0:5000");

    hr_metrics *metrics = hr_metrics_new();
    self.upstream_seconds =
        hr_metrics_histogram(metrics, "headerroute_upstream_seconds", NULL,
                             "Time from passing a request on to the head of predict's answer.",
                             hr_seconds_buckets, hr_seconds_buckets_count);
    hr_up_metrics(metrics, &self.upstreams);

    hr_listener *listeners = calloc(server.listen.n, sizeof(*listeners));
    for (size_t i = 0; i < server.listen.n; i++)
        listeners[i] = (hr_listener){.address = server.listen.v[i],
                                     .on_request = proxy_on_request,
                                     .streams_request = proxy_is_grpc};
    hr_service service = {.program = "headerroute-proxy",
                          .ctx = &self,
                          .loop_start = proxy_loop_start,
                          .loop_stop = proxy_loop_stop};
    code = hr_server_run(&service, listeners, server.listen.n, &server, metrics);
    hr_metrics_free(metrics);
    free(listeners);
    return code;
}
