#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "gateway.h"
#include "reload.h"
#include "ui.h"
#include "watch.h"

#define DEFAULT_LISTEN "127.0.0.1:5000"

static int parse_prefix(void *field, const char *text, char *why, size_t why_size) {
    const char *wrong = gw_ui_check_prefix(text);
    if (wrong != NULL) {
        snprintf(why, why_size, "%s", wrong);
        return -1;
    }
    *(const char **)field = text;
    return 0;
}

#define FIELD(name) offsetof(gw_options, name)
static const hr_flag gateway_flags[] = {
    {.name = "file",
     .letter = 'f',
     .kind = HR_FLAG_LIST,
     .value_name = "PATH",
     .offset = FIELD(files),
     .help =
         "A YAML file, or a folder of them, with Istio's and Kubernetes' resources. Repeatable."},
    {.name = "gateway",
     .kind = HR_FLAG_TEXT,
     .value_name = "mesh|NS/NAME",
     .offset = FIELD(gateway),
     .default_text = "the only Gateway loaded, else mesh",
     .help = "Whose routes to follow: those of a caller's sidecar, or those of a Gateway."},
    {.name = "gateway-port",
     .kind = HR_FLAG_INT,
     .value_name = "N",
     .offset = FIELD(gateway_port),
     .min = 1,
     .max = 65535,
     .default_text = "80, or the port of the Gateway's first HTTP server",
     .help = "The Service port that is called, or the port of the Gateway's server."},
    {.name = "namespace",
     .kind = HR_FLAG_TEXT,
     .value_name = "NS",
     .offset = FIELD(namespace_),
     .default_text = "default, or the Gateway's own",
     .help = "The namespace this gateway stands in."},
    {.name = "locality",
     .kind = HR_FLAG_TEXT,
     .value_name = "REGION/ZONE/SUBZONE",
     .offset = FIELD(locality),
     .default_text = "by the topology labels of the gateway's pod",
     .help = "Where this gateway runs, for localityLbSetting."},
    {.name = "admin",
     .kind = HR_FLAG_TEXT,
     .value_name = "ADDR:PORT",
     .offset = FIELD(admin),
     .default_text = "off",
     .help = "Where the administrator finds /ready, /metrics, /config, /clusters, /dns and "
             "/explain."},
    {.name = "dns-server",
     .kind = HR_FLAG_TEXT,
     .value_name = "ADDR[:PORT]",
     .offset = FIELD(dns_server),
     .default_text = "the system's",
     .help = "Who is asked for the addresses of endpoints that are names; several with commas."},
    {.name = "ui",
     .kind = HR_FLAG_CUSTOM,
     .value_name = "PREFIX",
     .offset = FIELD(ui),
     .default_text = "off",
     .parse = parse_prefix,
     .help = "Serve the web page under this path, before any route."},
    {.name = "ui-samples",
     .kind = HR_FLAG_TEXT,
     .value_name = "DIR",
     .offset = FIELD(ui_samples),
     .default_text = "none",
     .help = "A folder of pictures that the page offers."},
};

static double read_counter(void *cell) {
    return (double)atomic_load((_Atomic uint64_t *)cell);
}

static double read_good(void *cell) {
    return atomic_load((_Atomic int *)cell);
}

static void define_metrics(gateway *g, hr_metrics *m) {
    g->upstream_seconds = hr_metrics_histogram(
        m, "headerroute_upstream_seconds", NULL,
        "Time from a request's arrival to the head of the upstream server's answer.",
        hr_seconds_buckets, hr_seconds_buckets_count);
    g->retries =
        hr_metrics_counter(m, "headerroute_gateway_retries_total", NULL, "Tries after the first.");
    g->mirrors_sent = hr_metrics_counter(m, "headerroute_gateway_mirrors_total", NULL,
                                         "Copies of requests sent to mirrors.");
    g->mirrors_dropped = hr_metrics_counter(m, "headerroute_gateway_mirrors_dropped_total", NULL,
                                            "Copies not sent: no endpoint, or too many under way.");
    hr_metrics_read(m, HR_COUNTER, "headerroute_gateway_reloads_total", "result=\"ok\"",
                    "Configurations loaded anew.", read_counter, &g->reloads);
    hr_metrics_read(m, HR_COUNTER, "headerroute_gateway_reloads_total", "result=\"failed\"",
                    "Configurations loaded anew.", read_counter, &g->reloads_failed);
    hr_metrics_read(m, HR_GAUGE, "headerroute_gateway_config_generation", NULL,
                    "Which configuration is in force; the first is 1.", read_counter,
                    &g->generation);
    hr_metrics_read(m, HR_GAUGE, "headerroute_gateway_config_good", NULL,
                    "1 if the files as they stand were loaded without error, 0 if an older "
                    "configuration is in force.",
                    read_good, &g->config_good);
    const gw_dns_stats *dns = gw_dns_stats_of(g->dns);
    const struct {
        const char *labels;
        const _Atomic uint64_t *count;
    } results[] = {{"result=\"addresses\"", &dns->answered},
                   {"result=\"none\"", &dns->empty},
                   {"result=\"failed\"", &dns->failed}};
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
        hr_metrics_read(m, HR_COUNTER, "headerroute_gateway_dns_lookups_total", results[i].labels,
                        "Look-ups of endpoints that are names.", read_counter,
                        (void *)results[i].count);
    hr_metrics_read(m, HR_COUNTER, "headerroute_gateway_dns_changes_total", NULL,
                    "Look-ups that found other addresses than the one before.", read_counter,
                    (void *)&dns->changes);
    hr_up_metrics(m, &g->upstreams);
}

int main(int argc, char **argv) {
    static gateway self;
    static hr_server_options server = HR_SERVER_OPTIONS_INIT;
    const hr_flag_set sets[] = {
        {gateway_flags, sizeof(gateway_flags) / sizeof(gateway_flags[0]), &self.options},
        {hr_server_flags, hr_server_flags_count, &server},
    };
    int code =
        hr_flags_parse(sets, 2, argc, argv, "headerroute-gateway",
                       "Routes HTTP requests as Istio's VirtualServices and DestinationRules say.");
    if (code != HR_FLAGS_RUN)
        return code;
    if (server.check && self.options.admin != NULL)
        return hr_check_ready("headerroute-gateway", self.options.admin);
    if (server.check) {
        hr_server_options_settle(&server, DEFAULT_LISTEN);
        return hr_check_answers("headerroute-gateway", server.listen.v[0]);
    }
    if (self.options.files.n == 0) {
        fprintf(stderr, "headerroute-gateway: no configuration: give at least one -f PATH\n");
        return 2;
    }
    hr_server_options_settle(&server, DEFAULT_LISTEN);
    pthread_mutex_init(&self.mutex, NULL);
    self.loaded_fingerprint = gw_watch_fingerprint(self.options.files.v, self.options.files.n);
    char why[256];
    self.dns = gw_dns_new(self.options.dns_server, why, sizeof(why));
    if (self.dns == NULL) {
        fprintf(stderr, "headerroute-gateway: names cannot be looked up: %s\n", why);
        return 1;
    }
    self.config = gw_config_load(&self.options, self.dns, NULL, 1);
    if (self.config == NULL) {
        gw_dns_free(self.dns);
        return 1;
    }
    atomic_store(&self.generation, 1);
    atomic_store(&self.config_good, 1);

    hr_metrics *metrics = hr_metrics_new();
    define_metrics(&self, metrics);
    hr_listener *listeners = calloc(server.listen.n + 1, sizeof(*listeners));
    size_t n_listeners = server.listen.n;
    for (size_t i = 0; i < n_listeners; i++)
        listeners[i] = (hr_listener){server.listen.v[i], gw_on_request};
    if (self.options.admin != NULL)
        listeners[n_listeners++] = (hr_listener){self.options.admin, gw_on_admin_request};
    hr_service service = {.program = "headerroute-gateway",
                          .ctx = &self,
                          .loop_start = gw_loop_start,
                          .loop_stop = gw_loop_stop,
                          .on_drain = gw_reload_stop,
                          .refusal_body = gw_refusal_body};
    if (gw_reload_prepare(&self) != 0)
        return 1;
    code = hr_server_run(&service, listeners, n_listeners, &server, metrics);
    gw_reload_dispose(&self);
    gw_config_unref(self.config);
    gw_dns_free(self.dns);
    hr_metrics_free(metrics);
    free(listeners);
    return code;
}
