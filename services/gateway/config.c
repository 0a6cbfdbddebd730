/* Loads configurations, resolves their endpoints and keeps endpoint state across reloads. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_out.h"
#include "listener_tls.h"
#include "log.h"
#include "refuse.h"
#include "str.h"
#include "texts.h"
#include "upstream_tls.h"
#include "watch.h"

/* How long names that are new may hold a configuration up. */
#define FIRST_ANSWERS_MS 3000

/* ---- endpoints ---- */

static gw_endpoint *endpoint_new(const hr_endpoint *endpoint) {
    gw_endpoint *e = calloc(1, sizeof(*e));
    size_t size = endpoint->address.len + sizeof("[]:65535");
    if (e == NULL || (e->name = malloc(size)) == NULL) {
        free(e);
        return NULL;
    }
    int v6 = memchr(endpoint->address.p, ':', endpoint->address.len) != NULL;
    snprintf(e->name, size, v6 ? "[%.*s]:%u" : "%.*s:%u", (int)endpoint->address.len,
             endpoint->address.p, (unsigned)endpoint->port);
    e->born_at = sv_timers_now();
    atomic_init(&e->references, 1);
    return e;
}

static void endpoint_unref(gw_endpoint *e) {
    if (e == NULL || atomic_fetch_sub_explicit(&e->references, 1, memory_order_acq_rel) != 1)
        return;
    free(e->name);
    free(e);
}

/* What the previous configuration knows of the same address in the same cluster. */
static gw_endpoint *endpoint_of(const gw_config *previous, const hr_cluster *cluster,
                                const hr_endpoint *endpoint) {
    gw_endpoint *fresh = endpoint_new(endpoint);
    if (previous == NULL || fresh == NULL)
        return fresh;
    size_t c = gw_config_find(previous, cluster->name);
    size_t n = c < previous->n_clusters ? previous->clusters[c].cluster->n_endpoints : 0;
    for (size_t i = 0; i < n; i++) {
        gw_endpoint *known = previous->clusters[c].endpoints[i];
        if (strcmp(known->name, fresh->name) != 0)
            continue;
        endpoint_unref(fresh);
        atomic_fetch_add_explicit(&known->references, 1, memory_order_relaxed);
        return known;
    }
    return fresh;
}

static gw_shared *shared_of(const gw_config *previous, const hr_cluster *cluster) {
    size_t c = previous != NULL ? gw_config_find(previous, cluster->name) : 0;
    if (previous != NULL && c < previous->n_clusters) {
        atomic_fetch_add_explicit(&previous->clusters[c].shared->references, 1,
                                  memory_order_relaxed);
        return previous->clusters[c].shared;
    }
    gw_shared *shared = calloc(1, sizeof(*shared));
    if (shared != NULL)
        atomic_init(&shared->references, 1);
    return shared;
}

static void shared_unref(gw_shared *shared) {
    if (shared != NULL &&
        atomic_fetch_sub_explicit(&shared->references, 1, memory_order_acq_rel) == 1)
        free(shared);
}

static int is_limited(const hr_traffic_policy *p) {
    return p->max_connections >= 0 || p->http1_max_pending_requests >= 0 ||
           p->http2_max_requests >= 0 || p->max_retries >= 0;
}

/* ---- what is refused ---- */

static int order_of_names(hr_str x, hr_str y) {
    int order = memcmp(x.p, y.p, x.len < y.len ? x.len : y.len);
    return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

static void print_findings(const hr_diagnostics *findings) {
    for (size_t i = 0; i < hr_diagnostics_count(findings); i++) {
        char line[2048];
        hr_diagnostic_format(line, sizeof(line), hr_diagnostics_get(findings, i));
        sv_log_print("%s", line);
    }
}

/* Filters and policies of Istio that select this gateway. */
static int refuse_resources(const hr_view *view) {
    hr_diagnostics *findings = NULL;
    int error = hr_view_unserved(&findings, view);
    print_findings(findings);
    hr_diagnostics_free(findings);
    if (error != HR_OK && error != HR_ECONFIG)
        sv_log_print("headerroute-gateway: error: %s", hr_strerror(error));
    return error != HR_OK;
}

static void print_refusal(void *ctx, const gw_refusal *refusal) {
    (void)ctx;
    sv_log_print("%.*s:%d: error: %s", (int)refusal->file.len, refusal->file.p, refusal->line,
                 refusal->message);
}

static int refuse_unsupported(const gw_config *config, const gw_options *options) {
    const gw_refuser refuser = {.maps = options->n_maps > 0,
                                .certificate = options->tls_cert != NULL,
                                .refuse = print_refusal};
    int refused = refuse_resources(gw_config_view(config));
    for (size_t i = 0; i < config->n_listeners; i++)
        refused += gw_refuse_listeners(&refuser, config->listeners[i].view);
    for (size_t i = 0; i < config->n_clusters; i++)
        refused += gw_refuse_cluster(&refuser, config->clusters[i].cluster);
    return refused;
}

/* A --map could serve the port: not if all its servers are for TCP, or pass TLS through. Without
 * names, which are looked up for views that are kept. */
static bool has_http(const gw_config *config, uint16_t port) {
    hr_view_options options = config->view_options;
    hr_view *view = NULL;
    options.port = port;
    options.resolve = NULL;
    bool found = hr_view_new(&view, config->table, &options) == HR_OK;
    hr_view_unref(view);
    return found;
}

/* Ports of the Gateway that no --map is for. */
static void name_unserved_ports(const gw_config *config, const gw_options *options) {
    hr_gateway_info info = HR_GATEWAY_INFO_INIT;
    for (size_t g = 0; hr_table_gateway(&info, config->table, g) == HR_OK; g++)
        for (size_t p = 0;
             order_of_names(info.name, config->view_options.gateway) == 0 && p < info.n_ports;
             p++) {
            bool known = false;
            for (size_t i = 0; i < options->n_maps; i++)
                known |= options->maps[i].port == info.ports[p];
            for (size_t i = 0; i < p; i++)
                known |= info.ports[i] == info.ports[p];
            if (!known && has_http(config, info.ports[p]))
                sv_log_print("headerroute-gateway: warning: Gateway %.*s: port %u is not served: "
                             "give --map %u=ADDR:PORT",
                             (int)info.name.len, info.name.p, (unsigned)info.ports[p],
                             (unsigned)info.ports[p]);
        }
}

/* Ports of --map and ports of the Gateway that do not meet. 0, or -1 after a sentence. */
static int check_ports(const gw_config *config, const gw_options *options) {
    hr_str gateway = config->view_options.gateway;
    size_t served = 0;
    for (size_t i = 0; i < options->n_maps; i++) {
        served += config->listeners[i].view != NULL;
        if (config->listeners[i].view == NULL)
            sv_log_print("headerroute-gateway: warning: --map %u=%s: Gateway %.*s has no HTTP or "
                         "HTTPS listener on port %u: nothing listens on %s",
                         (unsigned)options->maps[i].port, options->maps[i].address,
                         (int)gateway.len, gateway.p, (unsigned)options->maps[i].port,
                         options->maps[i].address);
    }
    if (options->n_maps > 0)
        name_unserved_ports(config, options);
    if (options->n_maps == 0 || served > 0)
        return 0;
    sv_log_print("headerroute-gateway: error: there is no Gateway %.*s with an HTTP or HTTPS "
                 "listener on a port of --map",
                 (int)gateway.len, gateway.p);
    return -1;
}

/* ---- loading ---- */

/* `*texts` receives what was read, if the page is served: it compares candidates with that. */
static hr_table *load_table(gw_texts **texts, const gw_options *options) {
    hr_load_options load = HR_LOAD_OPTIONS_INIT;
    load.no_resources = HR_SEVERITY_ERROR;
    load.serves = 1;
    hr_diagnostics *findings = NULL;
    hr_table *table = NULL;
    const sv_text_list *files = &options->files;
    *texts = NULL;
    int error = options->ui != NULL
                    ? gw_texts_load(&table, &findings, texts, files->v, files->n, &load)
                    : hr_table_load_paths(&table, &findings, files->v, files->n, &load);
    print_findings(findings);
    if (error != HR_OK && hr_diagnostics_errors(findings) == 0)
        sv_log_print("headerroute-gateway: error: %s", hr_strerror(error));
    hr_diagnostics_free(findings);
    return table;
}

/* Several Gateways, and none is chosen. */
static void name_gateways(const hr_table *table, const char *severity, const char *consequence) {
    sv_text names = {0};
    hr_gateway_info info = HR_GATEWAY_INFO_INIT;
    size_t n = hr_table_gateway_count(table);
    for (size_t i = 0; i < n; i++) {
        hr_table_gateway(&info, table, i);
        sv_text_str(&names, " ");
        sv_text_bytes(&names, info.name.p, info.name.len);
    }
    sv_log_print("headerroute-gateway: %s: %s, as none of the %zu Gateways is chosen by "
                 "--gateway:%s",
                 severity, consequence, n, names.failed ? "" : names.p);
    sv_text_free(&names);
}

/* For --map, whose ports are those of one Gateway. */
static int choose_gateway(hr_view_options *out, const hr_table *table) {
    size_t n = hr_table_gateway_count(table);
    hr_gateway_info info = HR_GATEWAY_INFO_INIT;
    if (out->gateway.len > 0 && !sv_str_is(out->gateway, "mesh"))
        return 0;
    if (out->gateway.len > 0)
        sv_log_print("headerroute-gateway: error: --map is for the listeners of a Gateway, not for "
                     "the mesh");
    else if (n == 0)
        sv_log_print("headerroute-gateway: error: --map: no file has a Gateway");
    else if (n > 1)
        name_gateways(table, "error", "the ports of --map are unclear");
    else if (hr_table_gateway(&info, table, 0) == HR_OK)
        return out->gateway = info.name, 0;
    return -1;
}

/* Which view: as the options say, else the only Gateway, else mesh. 0, or -1 after a sentence. */
static int choose_view(hr_view_options *out, const hr_table *table, const gw_options *options) {
    *out = (hr_view_options)HR_VIEW_OPTIONS_INIT;
    out->gateway = hr_str_from(options->gateway);
    out->port = (uint16_t)options->gateway_port;
    out->namespace_ = hr_str_from(options->namespace_);
    out->locality = hr_str_from(options->locality);
    /* Requests for unknown hosts are answered with 502. Passing them through would make the gateway
     * an open proxy. */
    out->outbound_policy = HR_REGISTRY_ONLY;
    out->repeated_headers = (hr_repeated_headers)options->repeated_headers;
    size_t n = hr_table_gateway_count(table);
    hr_gateway_info info = HR_GATEWAY_INFO_INIT;
    if (options->n_maps > 0)
        return choose_gateway(out, table);
    if (options->gateway != NULL)
        return 0;
    out->gateway = HR_STR("mesh");
    if (n == 0)
        return 0;
    if (n == 1)
        return hr_table_gateway(&info, table, 0) == HR_OK ? (out->gateway = info.name, 0) : -1;
    name_gateways(table, "warning", "the routes are mesh's");
    return 0;
}

/* 0, or -1 after a sentence. Where several ports are served, one on which the Gateway has no HTTP
 * listener has no view. */
static int make_view(gw_listener *listener, const gw_config *config) {
    hr_view_options options = config->view_options;
    hr_str gateway = options.gateway;
    if (listener->port != 0)
        options.port = listener->port;
    hr_view_unref(listener->view);
    int error = hr_view_new(&listener->view, config->table, &options);
    if (error == HR_OK || (error == HR_ENOENT && listener->port != 0))
        return 0;
    if (error == HR_ENOENT && options.port == 0)
        sv_log_print("headerroute-gateway: error: there is no Gateway %.*s with an HTTP server",
                     (int)gateway.len, gateway.p);
    else if (error == HR_ENOENT)
        sv_log_print(
            "headerroute-gateway: error: there is no Gateway %.*s with an HTTP server on port %u",
            (int)gateway.len, gateway.p, (unsigned)options.port);
    else
        sv_log_print("headerroute-gateway: error: %s", hr_strerror(error));
    return -1;
}

static int make_views(gw_config *config) {
    for (size_t i = 0; i < config->n_listeners; i++)
        if (make_view(&config->listeners[i], config) != 0)
            return -1;
    return 0;
}

/* What Istio leaves to the Host header where `sni` is not given is here the destination's host: one
 * name for all connections to an endpoint. */
static int make_tls(gw_cluster *out) {
    const hr_cluster *cluster = out->cluster;
    const hr_traffic_policy *p = cluster->policy;
    char why[512];
    if (p->tls_mode == HR_TLS_DISABLE || out->tls != NULL)
        return 0;
    int mutual = p->tls_mode == HR_TLS_MUTUAL;
    sv_up_tls_options options = {.server_name = p->tls_sni.len > 0 ? p->tls_sni : cluster->host,
                                 .ca_path = p->tls_ca_certificates,
                                 .cert_path =
                                     mutual ? p->tls_client_certificate : (hr_str){NULL, 0},
                                 .key_path = mutual ? p->tls_private_key : (hr_str){NULL, 0},
                                 .names = p->tls_subject_alt_names,
                                 .n_names = p->n_tls_subject_alt_names,
                                 .insecure = p->tls_insecure_skip_verify};
    out->tls = sv_up_tls_new(&options, why, sizeof(why));
    if (out->tls != NULL)
        return 0;
    sv_log_print("%.*s:%d: error: %.*s: trafficPolicy.tls: %s", (int)cluster->source_file.len,
                 cluster->source_file.p, cluster->source_line, (int)cluster->name.len,
                 cluster->name.p, why);
    return -1;
}

static int compare_names(const void *a, const void *b, void *ctx) {
    const gw_config *config = ctx;
    return order_of_names(config->clusters[*(const size_t *)a].cluster->name,
                          config->clusters[*(const size_t *)b].cluster->name);
}

/* A cluster of a listener's view. */
typedef struct seen_cluster {
    const hr_cluster *cluster;
    size_t *index; /* of the configuration, to be set */
    size_t order;
    size_t first; /* in the list, of the same name */
} seen_cluster;

static int seen_by_name(const void *a, const void *b) {
    const seen_cluster *x = a, *y = b;
    int order = order_of_names(x->cluster->name, y->cluster->name);
    return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

static int seen_by_order(const void *a, const void *b) {
    const seen_cluster *x = a, *y = b;
    return (x->order > y->order) - (x->order < y->order);
}

/* The clusters of all views, `n` in all; those of one name share connections, limits and ejections.
 */
static void merge_clusters(gw_config *config, seen_cluster *seen, size_t n) {
    qsort(seen, n, sizeof(*seen), seen_by_name);
    for (size_t i = 0, first = 0; i < n; i++) {
        if (order_of_names(seen[i].cluster->name, seen[first].cluster->name) != 0)
            first = i;
        seen[i].first = seen[first].order;
    }
    qsort(seen, n, sizeof(*seen), seen_by_order);
    for (size_t i = 0; i < n; i++) {
        if (seen[i].first == i) {
            *seen[i].index = config->n_clusters;
            config->clusters[config->n_clusters++].cluster = seen[i].cluster;
        } else {
            *seen[i].index = *seen[seen[i].first].index;
        }
    }
}

static int collect_clusters(gw_config *config) {
    size_t total = 0, n = 0;
    for (size_t i = 0; i < config->n_listeners; i++) {
        gw_listener *l = &config->listeners[i];
        l->n_clusters = hr_view_cluster_count(l->view);
        l->clusters = calloc(l->n_clusters + 1, sizeof(*l->clusters));
        if (l->clusters == NULL)
            return -1;
        total += l->n_clusters;
    }
    config->clusters = calloc(total + 1, sizeof(*config->clusters));
    config->by_name = calloc(total + 1, sizeof(*config->by_name));
    seen_cluster *seen = calloc(total + 1, sizeof(*seen));
    if (config->clusters == NULL || config->by_name == NULL || seen == NULL) {
        free(seen);
        return -1;
    }
    for (size_t i = 0; i < config->n_listeners; i++)
        for (size_t c = 0; c < config->listeners[i].n_clusters; c++, n++)
            seen[n] = (seen_cluster){hr_view_cluster(config->listeners[i].view, c),
                                     &config->listeners[i].clusters[c], n, 0};
    merge_clusters(config, seen, n);
    free(seen);
    for (size_t c = 0; c < config->n_clusters; c++)
        config->by_name[c] = c;
    qsort_r(config->by_name, config->n_clusters, sizeof(*config->by_name), compare_names, config);
    return 0;
}

/* `same`: the previous configuration is of the same resources, and lends what it has read of
 * certificates. */
static int fill_clusters(gw_config *config, const gw_config *previous, int same) {
    for (size_t c = 0; c < config->n_clusters; c++) {
        gw_cluster *cluster = &config->clusters[c];
        size_t n = cluster->cluster->n_endpoints;
        uint32_t ejected = 0;
        cluster->endpoints = calloc(n + 1, sizeof(*cluster->endpoints));
        for (size_t i = 0; cluster->endpoints != NULL && i < n; i++) {
            cluster->endpoints[i] =
                endpoint_of(previous, cluster->cluster, cluster->cluster->endpoints[i]);
            if (cluster->endpoints[i] == NULL)
                return -1;
            ejected += atomic_load(&cluster->endpoints[i]->ejected_until) != 0;
        }
        cluster->shared = shared_of(previous, cluster->cluster);
        cluster->limited = is_limited(cluster->cluster->policy);
        size_t before = same ? gw_config_find(previous, cluster->cluster->name) : 0;
        if (same && before < previous->n_clusters)
            cluster->tls = sv_up_tls_ref(previous->clusters[before].tls);
        if (make_tls(cluster) != 0)
            return -1;
        if (cluster->endpoints == NULL || cluster->shared == NULL)
            return -1;
        /* Ejected endpoints that this configuration no longer has do not count. */
        atomic_store(&cluster->shared->ejected, ejected);
    }
    return 0;
}

size_t gw_config_find(const gw_config *config, hr_str name) {
    size_t low = 0, high = config->n_clusters;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        hr_str other = config->clusters[config->by_name[middle]].cluster->name;
        int order = memcmp(name.p, other.p, name.len < other.len ? name.len : other.len);
        if (order == 0)
            order = (name.len > other.len) - (name.len < other.len);
        if (order == 0)
            return config->by_name[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return config->n_clusters;
}

/* Views with the addresses of all names; of new ones if they are found in time. */
static int make_resolved_views(gw_config *config, gw_dns *dns) {
    config->view_options.resolve = gw_dns_resolve;
    config->view_options.resolve_ctx = dns;
    gw_dns_begin(dns);
    if (make_views(config) != 0)
        return -1;
    if (!gw_dns_wait(dns, FIRST_ANSWERS_MS))
        return 0;
    gw_dns_take_change(dns); /* what has changed so far is in these views */
    gw_dns_begin(dns);
    return make_views(config);
}

static int make_listener_tls(gw_config *config, const gw_options *options) {
    int failed = 0;
    for (size_t i = 0; i < config->n_listeners && options->n_maps > 0; i++)
        failed |= gw_listener_tls(&config->listeners[i], config->table);
    return failed;
}

static gw_config *config_new(const gw_options *options, uint64_t generation) {
    gw_config *config = calloc(1, sizeof(*config));
    if (config == NULL)
        return NULL;
    atomic_init(&config->references, 1);
    config->generation = generation;
    config->n_listeners = options->n_maps > 0 ? options->n_maps : 1;
    config->listeners = calloc(config->n_listeners, sizeof(*config->listeners));
    if (config->listeners == NULL) {
        gw_config_unref(config);
        return NULL;
    }
    for (size_t i = 0; i < options->n_maps; i++)
        config->listeners[i].port = options->maps[i].port;
    return config;
}

/* ---- the files that it names ---- */

static int add_file(gw_files *files, hr_str path) {
    if (path.len == 0 || (path.len == 6 && memcmp(path.p, "system", 6) == 0))
        return 0;
    for (size_t i = 0; i < files->n; i++)
        if (strlen(files->v[i]) == path.len && memcmp(files->v[i], path.p, path.len) == 0)
            return 0;
    char **v = realloc(files->v, (files->n + 1) * sizeof(*v));
    if (v == NULL)
        return -1;
    files->v = v;
    v[files->n] = strndup(path.p, path.len);
    if (v[files->n] == NULL)
        return -1;
    files->n++;
    return 0;
}

/* Without --map certificates are those of the command line. */
static int add_listener_files(gw_files *out, const gw_listener *listener) {
    for (size_t i = 0; listener->port != 0 && i < hr_view_listener_count(listener->view); i++) {
        const hr_listener *l = hr_view_listener(listener->view, i);
        for (size_t c = 0; c < l->n_certificates; c++)
            if (add_file(out, l->certificates[c].certificate_file) != 0 ||
                add_file(out, l->certificates[c].private_key_file) != 0)
                return -1;
    }
    return 0;
}

/* -1: no memory, and the list is short. */
static int add_tls_files(gw_files *out, const gw_config *config) {
    for (size_t i = 0; i < config->n_listeners; i++)
        if (add_listener_files(out, &config->listeners[i]) != 0)
            return -1;
    for (size_t c = 0; c < config->n_clusters; c++) {
        const hr_traffic_policy *p = config->clusters[c].cluster->policy;
        if (p->tls_mode == HR_TLS_DISABLE)
            continue;
        if (add_file(out, p->tls_ca_certificates) != 0 ||
            add_file(out, p->tls_client_certificate) != 0 || add_file(out, p->tls_private_key) != 0)
            return -1;
    }
    return 0;
}

void gw_files_free(gw_files *files) {
    for (size_t i = 0; i < files->n; i++)
        free(files->v[i]);
    free(files->v);
    *files = (gw_files){0};
}

static void name_files(gw_files *named, const gw_config *config) {
    if (add_tls_files(named, config) != 0)
        sv_log_print(
            "headerroute-gateway: warning: memory is short: changes of certificates may go "
            "unnoticed");
    named->fingerprint = gw_watch_fingerprint((const char *const *)named->v, named->n);
}

gw_config *gw_config_load(const gw_options *options, gw_dns *dns, const gw_config *previous,
                          uint64_t generation, gw_files *named) {
    gw_config *config = config_new(options, generation);
    *named = (gw_files){0};
    if (config == NULL)
        return NULL;
    config->table = load_table(&config->texts, options);
    if (config->table == NULL || choose_view(&config->view_options, config->table, options) != 0 ||
        make_resolved_views(config, dns) != 0 || check_ports(config, options) != 0 ||
        collect_clusters(config) != 0 || refuse_unsupported(config, options) > 0) {
        gw_config_unref(config);
        return NULL;
    }
    name_files(named, config);
    if (make_listener_tls(config, options) != 0 || fill_clusters(config, previous, 0) != 0) {
        gw_config_unref(config);
        return NULL;
    }
    return config;
}

gw_config *gw_config_refresh(const gw_options *options, gw_dns *dns, const gw_config *previous) {
    gw_config *config = config_new(options, previous->generation);
    if (config == NULL)
        return NULL;
    config->table = hr_table_ref(previous->table);
    config->texts = gw_texts_ref(previous->texts);
    config->view_options = previous->view_options;
    gw_dns_begin(dns);
    for (size_t i = 0; i < config->n_listeners; i++) {
        config->listeners[i].tls = previous->listeners[i].tls;
        config->listeners[i].not_after = previous->listeners[i].not_after;
        if (config->listeners[i].tls != NULL)
            SSL_CTX_up_ref(config->listeners[i].tls);
    }
    if (make_views(config) != 0 || collect_clusters(config) != 0 ||
        fill_clusters(config, previous, 1) != 0) {
        gw_config_unref(config);
        return NULL;
    }
    gw_dns_keep(dns);
    return config;
}

const gw_listener *gw_first_listener(const gw_config *config) {
    size_t i = 0;
    while (i + 1 < config->n_listeners && config->listeners[i].view == NULL)
        i++;
    return &config->listeners[i];
}

const hr_view *gw_config_view(const gw_config *config) {
    return gw_first_listener(config)->view;
}

int gw_config_is_gateway(const gw_config *config) {
    hr_gateway_server server = HR_GATEWAY_SERVER_INIT;
    return hr_view_gateway_server(&server, gw_config_view(config)) == HR_OK;
}

const gw_listener *gw_listener_of(const gw_config *config, const sv_exchange *ex) {
    const gw_listener *listener = &config->listeners[ex->listener->number];
    bool other = listener->port != 0 && (listener->tls != NULL) != ex->secure;
    return listener->view != NULL && !other ? listener : NULL;
}

gw_config *gw_config_ref(gw_config *config) {
    atomic_fetch_add_explicit(&config->references, 1, memory_order_relaxed);
    return config;
}

void gw_config_unref(gw_config *config) {
    if (config == NULL ||
        atomic_fetch_sub_explicit(&config->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t c = 0; c < config->n_clusters && config->clusters != NULL; c++) {
        size_t n =
            config->clusters[c].cluster != NULL ? config->clusters[c].cluster->n_endpoints : 0;
        for (size_t i = 0; i < n && config->clusters[c].endpoints != NULL; i++)
            endpoint_unref(config->clusters[c].endpoints[i]);
        free(config->clusters[c].endpoints);
        shared_unref(config->clusters[c].shared);
        sv_up_tls_unref(config->clusters[c].tls);
    }
    free(config->clusters);
    free(config->by_name);
    for (size_t i = 0; i < config->n_listeners && config->listeners != NULL; i++) {
        hr_view_unref(config->listeners[i].view);
        free(config->listeners[i].clusters);
        SSL_CTX_free(config->listeners[i].tls);
    }
    free(config->listeners);
    hr_table_unref(config->table);
    gw_texts_unref(config->texts);
    free(config);
}
