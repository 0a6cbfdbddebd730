#include <stdio.h>
#include <stdlib.h>

#include "gateway.h"

#define FIELD(name) offsetof(gw_options, name)
static const hr_flag gateway_flags[] = {
    {.name = "file", .letter = 'f', .kind = HR_FLAG_LIST, .value_name = "PATH", .offset = FIELD(files),
     .help = "A YAML file, or a folder of them, with Istio's and Kubernetes' resources. Repeatable."},
    {.name = "gateway", .kind = HR_FLAG_TEXT, .value_name = "mesh|NS/NAME", .offset = FIELD(gateway),
     .default_text = "the only Gateway loaded, else mesh",
     .help = "Whose routes to follow: those of a caller's sidecar, or those of a Gateway."},
    {.name = "gateway-port", .kind = HR_FLAG_INT, .value_name = "N", .offset = FIELD(gateway_port), .min = 1, .max = 65535,
     .default_text = "80, or the port of the Gateway's first HTTP server",
     .help = "The Service port that is called, or the port of the Gateway's server."},
    {.name = "namespace", .kind = HR_FLAG_TEXT, .value_name = "NS", .offset = FIELD(namespace_),
     .default_text = "default, or the Gateway's own",
     .help = "The namespace this gateway stands in."},
};

int main(int argc, char **argv) {
    static gateway self;
    hr_server_options server = HR_SERVER_OPTIONS_INIT;
    const hr_flag_set sets[] = {
        {gateway_flags, sizeof(gateway_flags) / sizeof(gateway_flags[0]), &self.options},
        {hr_server_flags, hr_server_flags_count, &server},
    };
    int code = hr_flags_parse(sets, 2, argc, argv, "headerroute-gateway",
                              "Routes HTTP requests as Istio's VirtualServices and DestinationRules say.");
    if (code != HR_FLAGS_RUN)
        return code;
    if (self.options.files.n == 0) {
        fprintf(stderr, "headerroute-gateway: no configuration: give at least one -f PATH\n");
        return 2;
    }
    hr_server_options_settle(&server, "127.0.0.1:5000");
    self.config = gw_config_load(&self.options, NULL, 1);
    if (self.config == NULL)
        return 1;

    hr_metrics *metrics = hr_metrics_new();
    self.upstream_seconds =
        hr_metrics_histogram(metrics, "headerroute_upstream_seconds", NULL,
                             "Time from a request's arrival to the head of the upstream server's answer.",
                             hr_seconds_buckets, hr_seconds_buckets_count);
    hr_up_metrics(metrics, &self.upstreams);
    hr_listener *listeners = calloc(server.listen.n, sizeof(*listeners));
    for (size_t i = 0; i < server.listen.n; i++)
        listeners[i] = (hr_listener){server.listen.v[i], gw_on_request};
    hr_service service = {.program = "headerroute-gateway", .ctx = &self, .loop_start = gw_loop_start,
                          .loop_stop = gw_loop_stop, .refusal_body = gw_refusal_body};
    code = hr_server_run(&service, listeners, server.listen.n, &server, metrics);
    gw_config_unref(self.config);
    hr_metrics_free(metrics);
    free(listeners);
    return code;
}
