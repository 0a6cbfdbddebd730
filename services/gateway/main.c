/* Parses the flags of headerroute-gateway, checks them and runs the server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "access_log.h"
#include "admin.h"
#include "aside.h"
#include "candidate.h"
#include "check.h"
#include "config.h"
#include "entry.h"
#include "gateway.h"
#include "listen.h"
#include "listeners.h"
#include "loop_life.h"
#include "reload.h"
#include "run.h"
#include "samples.h"
#include "ui.h"
#include "watch.h"

#define DEFAULT_LISTEN "127.0.0.1:5000"

#define MAX_MIRROR_BYTES ((int64_t)24 << 20) /* of the copies under way, in all loops */

/* ---- flags ---- */

static int gateway_keep(void *field, const char *text, const char *wrong, char *why,
                        size_t why_size) {
    if (wrong != NULL) {
        snprintf(why, why_size, "%s", wrong);
        return -1;
    }
    *(const char **)field = text;
    return 0;
}

static bool is_name(const char *text, size_t len) {
    return len > 0 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.") >= len;
}

static int parse_gateway(void *field, const char *text, char *why, size_t why_size) {
    size_t ns = strcspn(text, "/");
    bool named =
        text[ns] == '/' && is_name(text, ns) && is_name(text + ns + 1, strlen(text + ns + 1));
    return gateway_keep(field, text,
                        named || strcmp(text, "mesh") == 0 ? NULL : "must be mesh or NS/NAME", why,
                        why_size);
}

static int parse_namespace(void *field, const char *text, char *why, size_t why_size) {
    return gateway_keep(field, text,
                        is_name(text, strlen(text)) ? NULL : "is not a valid namespace name", why,
                        why_size);
}

static const char *const repeated_headers[] = {"joined", "each", NULL};

static int parse_admin(void *field, const char *text, char *why, size_t why_size) {
    struct sockaddr_storage address;
    socklen_t len;
    *(const char **)field = text;
    return sv_parse_address(&address, &len, text, why, why_size);
}

static int parse_prefix(void *field, const char *text, char *why, size_t why_size) {
    return gateway_keep(field, text, gw_ui_check_prefix(text), why, why_size);
}

static int parse_folder(void *field, const char *text, char *why, size_t why_size) {
    struct stat st;
    bool folder = stat(text, &st) == 0 && S_ISDIR(st.st_mode);
    return gateway_keep(field, text, folder ? NULL : "is not a folder", why, why_size);
}

#define FIELD(name) offsetof(gw_options, name)
static const sv_flag gateway_flags[] = {
    {.name = "file",
     .letter = 'f',
     .kind = SV_FLAG_LIST,
     .value_name = "PATH",
     .offset = FIELD(files),
     .help =
         "A YAML file, or a folder of them, with Istio's and Kubernetes' resources. Repeatable."},
    {.name = "gateway",
     .kind = SV_FLAG_CUSTOM,
     .value_name = "mesh|NS/NAME",
     .offset = FIELD(gateway),
     .parse = parse_gateway,
     .default_text = "the only Gateway loaded, else mesh",
     .help = "Whose routes to follow: those of a caller's sidecar, or those of a Gateway."},
    {.name = "gateway-port",
     .kind = SV_FLAG_INT,
     .value_name = "N",
     .offset = FIELD(gateway_port),
     .min = 1,
     .max = 65535,
     .default_text = "80, or the port of the Gateway's first HTTP server",
     .help = "The Service port that is called, or the port of the Gateway's server."},
    {.name = "map",
     .kind = SV_FLAG_LIST,
     .value_name = "PORT=ADDR:PORT",
     .offset = FIELD(map_flags),
     .help = "Serve the Gateway's listeners on this port at this address, with the certificates "
             "that they name, instead of one listener at --listen. Repeatable."},
    {.name = "namespace",
     .kind = SV_FLAG_CUSTOM,
     .value_name = "NS",
     .offset = FIELD(namespace_),
     .parse = parse_namespace,
     .default_text = "default, or the Gateway's own",
     .help = "The namespace this gateway stands in."},
    {.name = "locality",
     .kind = SV_FLAG_TEXT,
     .value_name = "REGION/ZONE/SUBZONE",
     .offset = FIELD(locality),
     .default_text = "by the topology labels of the gateway's pod",
     .help = "Where this gateway runs, for localityLbSetting."},
    {.name = "trusted-proxies",
     .kind = SV_FLAG_INT,
     .value_name = "N",
     .offset = FIELD(trusted_proxies),
     .min = 0,
     .max = 1000,
     .help = "Proxies in front whose x-forwarded-for and x-forwarded-proto are believed (Istio's "
             "numTrustedProxies)."},
    {.name = "repeated-headers",
     .kind = SV_FLAG_CHOICE,
     .offset = FIELD(repeated_headers),
     .choices = repeated_headers,
     .help = "How a header that comes more than once is matched: its values joined (Envoy up to "
             "1.38), or one by one (Envoy from 1.39 on)."},
    {.name = "admin",
     .kind = SV_FLAG_CUSTOM,
     .value_name = "ADDR:PORT",
     .offset = FIELD(admin),
     .parse = parse_admin,
     .default_text = "off",
     .help = "Serve /ready, /metrics, /config, /clusters, /dns and /explain to the "
             "administrator."},
    {.name = "admin-host",
     .kind = SV_FLAG_LIST,
     .value_name = "NAME",
     .offset = FIELD(admin_hosts),
     .help = "Accept this host name on --admin, besides localhost and addresses."},
    {.name = "status",
     .kind = SV_FLAG_CUSTOM,
     .value_name = "ADDR:PORT",
     .offset = FIELD(status),
     .parse = parse_admin,
     .default_text = "off",
     .help = "Serve /ready and /metrics, for probes and Prometheus, and nothing else."},
    {.name = "tls-cert",
     .kind = SV_FLAG_TEXT,
     .value_name = "FILE",
     .offset = FIELD(tls_cert),
     .default_text = "none: the listeners are not encrypted",
     .help = "Accept TLS at every --listen address with this certificate chain (PEM); read again "
             "when it changes and on SIGHUP."},
    {.name = "tls-key",
     .kind = SV_FLAG_TEXT,
     .value_name = "FILE",
     .offset = FIELD(tls_key),
     .default_text = "none",
     .help = "The certificate's private key (PEM, without pass phrase)."},
    {.name = "tls-handshake-timeout",
     .kind = SV_FLAG_SECONDS,
     .value_name = "S",
     .offset = FIELD(tls_handshake_ms),
     .min = 100,
     .max = 600000,
     .help = "Close a connection whose TLS handshake takes longer."},
    {.name = "tunnel-idle-timeout",
     .kind = SV_FLAG_SECONDS,
     .value_name = "S",
     .offset = FIELD(tunnel_idle_ms),
     .min = 100,
     .max = 864000000,
     .help = "A WebSocket on which nothing went either way for this long is closed."},
    {.name = "max-tunnels",
     .kind = SV_FLAG_INT,
     .value_name = "N",
     .offset = FIELD(max_tunnels),
     .min = 1,
     .max = 1000000,
     .default_text = "a quarter of --max-connections",
     .help = "Limit the WebSockets that are open or requested; answer 503 with Retry-After "
             "beyond it. Each that is open takes 224 KiB of --max-upload-bytes."},
    {.name = "body-header",
     .kind = SV_FLAG_LIST,
     .value_name = "NAME=PATH",
     .offset = FIELD(body_headers),
     .help = "Set this header from the body before routing: PATH is $.MEMBER[.MEMBER]... of a JSON "
             "object, or model_name for the model in an Open Inference Protocol path. Repeatable."},
    {.name = "access-log-header",
     .kind = SV_FLAG_LIST,
     .value_name = "NAME",
     .offset = FIELD(log_headers),
     .help =
         "Write this request header into each line of the access log, as a member of that name. "
         "Up to 32 times; 1 KiB of each value."},
    {.name = "body-look-ahead",
     .kind = SV_FLAG_BYTES,
     .value_name = "N",
     .offset = FIELD(body_look_ahead),
     .min = 1,
     .max = 16 << 20,
     .help = "Look for --body-header members in this many bytes of a body."},
    {.name = "max-regex-bytes",
     .kind = SV_FLAG_BYTES,
     .value_name = "BYTES",
     .offset = FIELD(max_regex_bytes),
     .min = 4096,
     .max = (int64_t)1 << 40,
     .help = "Bytes that the regexes of the rules are run on for one request, without the first "
             "KiB of each value; beyond it: 431."},
    {.name = "body-buffer-bytes",
     .kind = SV_FLAG_BYTES,
     .value_name = "N",
     .offset = FIELD(body_buffer_bytes),
     .min = 0,
     .max = (int64_t)1 << 30,
     .help = "Hold a request body up to this size for retries and mirrors; a larger one is "
             "streamed and sent once."},
    {.name = "dns-server",
     .kind = SV_FLAG_TEXT,
     .value_name = "ADDR[:PORT]",
     .offset = FIELD(dns_server),
     .default_text = "the system's",
     .help = "Who is asked for the addresses of endpoints that are names; several with commas."},
    {.name = "ui",
     .kind = SV_FLAG_CUSTOM,
     .value_name = "PREFIX",
     .offset = FIELD(ui),
     .default_text = "off",
     .parse = parse_prefix,
     .help = "Serve the web page under this path, before any route."},
    {.name = "ui-samples",
     .kind = SV_FLAG_CUSTOM,
     .value_name = "DIR",
     .offset = FIELD(ui_samples),
     .parse = parse_folder,
     .default_text = "none",
     .help = "A folder of pictures that the page offers."},
    {.name = "ui-diff-memory",
     .kind = SV_FLAG_BYTES,
     .value_name = "BYTES",
     .offset = FIELD(ui_diff_memory),
     .min = 4 << 20,
     .max = (int64_t)1 << 40,
     .help = "Memory of the process in which the page compares a candidate with the loaded rules."},
    {.name = "ui-diff-seconds",
     .kind = SV_FLAG_SECONDS,
     .value_name = "S",
     .offset = FIELD(ui_diff_ms),
     .min = 1000,
     .max = 3600000,
     .help = "CPU time of that process, rounded up; three times as much passes at most."},
};

static double read_counter(void *cell) {
    return (double)atomic_load((_Atomic uint64_t *)cell);
}

static double read_good(void *cell) {
    return atomic_load((_Atomic int *)cell);
}

static double read_not_after(void *tls) {
    return (double)sv_tls_not_after(tls);
}

static double read_tls_connections(void *tls) {
    return (double)sv_tls_connections(tls);
}

static double read_handshakes(void *tls) {
    return (double)sv_tls_handshakes(tls);
}

static void gateway_define_metrics(gateway *g, sv_metrics *m) {
    g->upstream_seconds = sv_metrics_histogram(
        m, "headerroute_upstream_seconds", NULL,
        "Time from sending a request on to the head of the upstream server's answer.",
        sv_seconds_buckets, sv_seconds_buckets_count);
    g->retries =
        sv_metrics_counter(m, "headerroute_gateway_retries_total", NULL, "Tries after the first.");
    g->mirrors_sent = sv_metrics_counter(m, "headerroute_gateway_mirrors_total", NULL,
                                         "Copies of requests sent to mirrors.");
    g->mirrors_dropped = sv_metrics_counter(m, "headerroute_gateway_mirrors_dropped_total", NULL,
                                            "Copies not sent: no endpoint, or too many under way.");
    sv_metrics_read(m, SV_COUNTER, "headerroute_gateway_reloads_total", "result=\"ok\"",
                    "Configurations loaded anew.", read_counter, &g->reloads);
    sv_metrics_read(m, SV_COUNTER, "headerroute_gateway_reloads_total", "result=\"failed\"",
                    "Configurations loaded anew.", read_counter, &g->reloads_failed);
    sv_metrics_read(m, SV_GAUGE, "headerroute_gateway_config_generation", NULL,
                    "Which configuration is in force; the first is 1.", read_counter,
                    &g->generation);
    sv_metrics_read(m, SV_GAUGE, "headerroute_gateway_config_good", NULL,
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
        sv_metrics_read(m, SV_COUNTER, "headerroute_gateway_dns_lookups_total", results[i].labels,
                        "Look-ups of endpoints that are names.", read_counter,
                        (void *)results[i].count);
    sv_metrics_read(m, SV_COUNTER, "headerroute_gateway_dns_changes_total", NULL,
                    "Look-ups that found other addresses than the one before.", read_counter,
                    (void *)&dns->changes);
    sv_up_metrics(m, &g->upstreams);
    g->tunnels = sv_metrics_counter(m, "headerroute_gateway_tunnels_total", NULL,
                                    "WebSockets that were opened.");
    g->tunnels_open =
        sv_metrics_gauge(m, "headerroute_gateway_tunnels", NULL, "WebSockets that are open.");
    g->tunnels_refused = sv_metrics_counter(m, "headerroute_gateway_tunnels_refused_total", NULL,
                                            "WebSockets refused because --max-tunnels were open.");
    gw_maps_metrics(g, m);
    if (g->tls == NULL)
        return;
    sv_metrics_read(m, SV_GAUGE, "headerroute_tls_certificate_not_after_seconds", NULL,
                    "When the listeners' certificate ends, in seconds since 1970.", read_not_after,
                    g->tls);
    sv_metrics_read(m, SV_GAUGE, "headerroute_tls_certificate_good", NULL,
                    "1 if certificate and key as they stand are in force, 0 if older ones are.",
                    read_good, &g->tls_good);
    sv_metrics_read(m, SV_COUNTER, "headerroute_tls_reloads_total", "result=\"ok\"",
                    "Certificates read anew.", read_counter, &g->tls_reloads);
    sv_metrics_read(m, SV_COUNTER, "headerroute_tls_reloads_total", "result=\"failed\"",
                    "Certificates read anew.", read_counter, &g->tls_reloads_failed);
    sv_metrics_read(m, SV_COUNTER, "headerroute_tls_connections_total", NULL,
                    "Connections accepted for TLS.", read_tls_connections, g->tls);
    sv_metrics_read(m, SV_COUNTER, "headerroute_tls_handshakes_total", NULL,
                    "TLS handshakes completed.", read_handshakes, g->tls);
}

/* 0, or the exit code after a sentence. */
static int prepare_tls(gateway *g) {
    const gw_options *o = &g->options;
    char why[512];
    if ((o->tls_cert == NULL) != (o->tls_key == NULL)) {
        fprintf(stderr,
                "headerroute-gateway: --tls-cert and --tls-key come together: %s is missing\n",
                o->tls_cert == NULL ? "--tls-cert" : "--tls-key");
        return 2;
    }
    if (o->tls_cert == NULL)
        return 0;
    g->tls_fingerprint = gw_tls_fingerprint(o);
    g->tls = sv_tls_new(o->tls_cert, o->tls_key, why, sizeof(why));
    if (g->tls == NULL) {
        fprintf(stderr, "headerroute-gateway: error: %s\n", why);
        return 1;
    }
    atomic_store(&g->tls_good, 1);
    return 0;
}

/* In lower case, for the server's options. 0, or the exit code after a sentence. */
static int parse_log_headers(const gateway *self, sv_server_options *server) {
    enum { MOST = 32 };
    static char names[MOST][256];
    static const char *list[MOST];
    const sv_text_list *texts = &self->options.log_headers;
    const char *why = texts->n > MOST ? "comes more than 32 times" : NULL, *text = "";
    for (size_t i = 0; i < texts->n && why == NULL; i++) {
        text = texts->v[i];
        if (strlen(text) >= sizeof(names[i])) {
            why = "is longer than 255 bytes";
            break;
        }
        for (size_t k = 0; text[k] != '\0'; k++)
            names[i][k] = text[k] >= 'A' && text[k] <= 'Z' ? (char)(text[k] | 0x20) : text[k];
        why = sv_log_check_header(names[i]);
        list[i] = names[i];
        for (size_t k = 0; k < i && why == NULL; k++)
            if (strcmp(names[k], names[i]) == 0)
                why = "is given twice";
    }
    server->log_headers = list;
    server->n_log_headers = texts->n;
    if (why == NULL)
        return 0;
    fprintf(stderr, "headerroute-gateway: --access-log-header: '%s' %s\n", text, why);
    return 2;
}

/* For --check: asks the server that runs already. */
static int check_running(sv_server_options *server, const gateway *self) {
    if (self->options.status != NULL)
        return sv_check_ready("headerroute-gateway", self->options.status);
    if (self->options.admin != NULL)
        return sv_check_ready("headerroute-gateway", self->options.admin);
    if (self->options.n_maps > 0) {
        fprintf(stderr, "headerroute-gateway: --check with --map needs --status or --admin\n");
        return 2;
    }
    sv_server_options_settle(server, DEFAULT_LISTEN);
    return sv_check_answers("headerroute-gateway", server->listen.v[0],
                            self->options.tls_cert != NULL);
}

/* Certificates, names and rules. 0, or the exit code after a line on stderr. */
static int load_all(gateway *self) {
    int code = prepare_tls(self);
    if (code != 0)
        return code;
    self->loaded_fingerprint = gw_watch_fingerprint(self->options.files.v, self->options.files.n);
    char why[256];
    self->dns = gw_dns_new(self->options.dns_server, why, sizeof(why));
    if (self->dns == NULL) {
        fprintf(stderr, "headerroute-gateway: names cannot be looked up: %s\n", why);
        return 1;
    }
    self->config = gw_config_load(&self->options, self->dns, NULL, 1, &self->loaded_files);
    if (self->config == NULL) {
        gw_files_free(&self->loaded_files);
        gw_dns_free(self->dns);
        return 1;
    }
    gw_dns_keep(self->dns);
    atomic_store(&self->generation, 1);
    atomic_store(&self->config_good, 1);
    if (self->options.ui_samples == NULL)
        return 0;
    self->samples = gw_samples_load(self->options.ui_samples);
    if (self->samples == NULL)
        fprintf(stderr, "headerroute-gateway: --ui-samples: out of memory\n");
    return self->samples == NULL;
}

/* All listeners of the gateway; freed by the caller. */
static sv_listener *listeners_of(size_t *n, const gateway *self, const sv_server_options *server) {
    size_t n_maps = self->options.n_maps;
    sv_listener *listeners = calloc(server->listen.n + n_maps + 2, sizeof(*listeners));
    *n = n_maps;
    if (listeners != NULL)
        gw_maps_listen(listeners, self);
    for (; n_maps == 0 && listeners != NULL && *n < server->listen.n; ++*n)
        listeners[*n] = (sv_listener){.address = server->listen.v[*n],
                                      .on_request = gw_on_request,
                                      .tls = self->tls,
                                      .streams = true,
                                      .tunnels = true};
    if (listeners == NULL)
        return NULL;
    if (self->options.admin != NULL)
        listeners[(*n)++] =
            (sv_listener){.address = self->options.admin, .on_request = gw_on_admin_request};
    if (self->options.status != NULL)
        listeners[(*n)++] =
            (sv_listener){.address = self->options.status, .on_request = gw_on_status_request};
    return listeners;
}

static int parse_body_rules(gateway *self) {
    const sv_text_list *texts = &self->options.body_headers;
    char why[128];
    self->body_rules = sv_alloc_zeroed(texts->n * sizeof(*self->body_rules));
    for (; self->n_body_rules < texts->n; self->n_body_rules++) {
        const char *text = texts->v[self->n_body_rules];
        if (sv_body_rule_parse(&self->body_rules[self->n_body_rules], text, why, sizeof(why)) == 0)
            continue;
        fprintf(stderr, "headerroute-gateway: --body-header: %s, not '%s'\n", why, text);
        return 2;
    }
    return 0;
}

static void before_drain(void *ctx) {
    gateway *g = ctx;
    pthread_mutex_lock(&g->diff_mutex);
    g->diff_over = true;
    pthread_mutex_unlock(&g->diff_mutex);
    gw_aside_stop_diff(g, "this server is shutting down");
    gw_reload_stop(g);
}

/* 0, or the exit code after a sentence. */
static int parse_maps(gateway *self, const sv_server_options *server) {
    char why[256];
    if (gw_maps_parse(&self->options, why, sizeof(why)) != 0) {
        fprintf(stderr, "headerroute-gateway: --map: %s\n", why);
        return 2;
    }
    self->map_facts = sv_alloc_zeroed((self->options.n_maps + 1) * sizeof(*self->map_facts));
    const char *conflict = gw_maps_conflict(&self->options, server);
    if (conflict == NULL)
        return 0;
    fprintf(stderr, "headerroute-gateway: %s\n", conflict);
    return 2;
}

static void release_all(gateway *g, sv_metrics *metrics, sv_listener *listeners) {
    gw_reload_dispose(g);
    gw_files_free(&g->loaded_files);
    gw_config_unref(g->config);
    gw_samples_free(g->samples);
    sv_tls_free(g->tls);
    gw_dns_free(g->dns);
    sv_metrics_free(metrics);
    free(listeners);
    free(g->body_rules);
    free(g->options.maps);
    free(g->map_facts);
}

/* Until a signal ends it; releases all. */
static int run_gateway(gateway *g, sv_server_options *server) {
    sv_metrics *metrics = sv_metrics_new();
    gateway_define_metrics(g, metrics);
    size_t n_listeners;
    sv_listener *listeners = listeners_of(&n_listeners, g, server);
    sv_service service = {.program = "headerroute-gateway",
                          .ctx = g,
                          .loop_start = gw_loop_start,
                          .loop_stop = gw_loop_stop,
                          .before_drain = before_drain,
                          .on_stopped = gw_aside_stop,
                          .refusal_body = gw_refusal_body};
    if (gw_reload_prepare(g) != 0)
        return 1;
    int code = sv_server_run(&service, listeners, n_listeners, server, metrics);
    release_all(g, metrics, listeners);
    return code;
}

int main(int argc, char **argv) {
    static gateway self = {.options = {.tls_handshake_ms = 10000,
                                       .body_buffer_bytes = 512 << 10,
                                       .body_look_ahead = SV_BODY_LOOK_AHEAD,
                                       .tunnel_idle_ms = 3600000,
                                       .max_regex_bytes = 128 << 10,
                                       .repeated_headers = HR_REPEATED_EACH,
                                       .ui_diff_ms = 10000,
                                       .ui_diff_memory = 24 << 20}};
    static sv_server_options server = SV_SERVER_OPTIONS_INIT;
    const sv_flag_set sets[] = {
        {gateway_flags, sizeof(gateway_flags) / sizeof(gateway_flags[0]), &self.options},
        {sv_server_flags, sv_server_flags_count, &server},
    };
    if (argc > 0 && strcmp(argv[0], GW_CANDIDATE_PROGRAM) == 0)
        return gw_candidate_main(argc, argv);
    int code =
        sv_flags_parse(sets, 2, argc, argv, "headerroute-gateway",
                       "Routes HTTP requests as Istio's VirtualServices and DestinationRules say.");
    if (code != SV_FLAGS_RUN)
        return code;
    code = parse_maps(&self, &server);
    if (code != 0)
        return code;
    if (server.check)
        return check_running(&server, &self);
    if (self.options.files.n == 0) {
        fprintf(stderr, "headerroute-gateway: no configuration: give at least one -f PATH\n");
        return 2;
    }
    code = parse_body_rules(&self);
    if (code == 0)
        code = parse_log_headers(&self, &server);
    if (code != 0)
        return code;
    sv_server_options_settle(&server, DEFAULT_LISTEN);
    pthread_mutex_init(&self.mutex, NULL);
    pthread_mutex_init(&self.diff_mutex, NULL);
    if (self.options.max_tunnels == 0)
        self.options.max_tunnels = (server.max_connections + 3) / 4;
    sv_budget_init(&self.mirror_bytes, MAX_MIRROR_BYTES);
    server.handshake_timeout_ms = self.options.tls_handshake_ms;
    code = load_all(&self);
    if (code != 0)
        return code;
    return run_gateway(&self, &server);
}
