/* The administrator's listener: what the gateway knows of itself. */
#include "admin.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "answer_error.h"
#include "aside.h"
#include "explain.h"
#include "json_out.h"
#include "listeners.h"

static void admin_put(sv_text *json, const char *name, hr_str value) {
    sv_json_member(json, name, value.p, value.len);
}

static void write_config(gw_aside *aside) {
    const gateway *g = aside->gateway;
    const gw_config *config = aside->config;
    sv_text *json = &aside->json;
    hr_stats stats = HR_STATS_INIT;
    hr_table_stats(&stats, config->table);
    sv_text_printf(json, "{\"generation\":%llu,\"good\":%s", (unsigned long long)config->generation,
                   atomic_load(&g->config_good) ? "true" : "false");
    sv_text_str(json, ",\"files\":[");
    for (size_t i = 0; i < g->options.files.n; i++) {
        const char *file = g->options.files.v[i];
        sv_text_str(json, i > 0 ? "," : "");
        sv_json_string(json, file, strlen(file));
    }
    sv_text_str(json, "],\"view\":{\"gateway\":");
    sv_json_string(json, config->view_options.gateway.p, config->view_options.gateway.len);
    if (g->options.n_maps == 0)
        sv_json_member_int(json, "port", config->view_options.port);
    admin_put(json, "namespace", config->view_options.namespace_);
    sv_text_printf(
        json,
        "},\"virtual_services\":%zu,\"destination_rules\":%zu,\"gateways\":%zu,\"services\":%zu,"
        "\"service_entries\":%zu,\"workloads\":%zu,\"routes\":%zu,\"table_bytes\":%zu,\"clusters\":"
        "[",
        stats.virtual_services, stats.destination_rules, stats.gateways, stats.services,
        stats.service_entries, stats.workloads, stats.routes, stats.bytes);
    for (size_t c = 0; c < config->n_clusters; c++) {
        const hr_cluster *cluster = config->clusters[c].cluster;
        sv_text_str(json, c > 0 ? ",{\"name\":" : "{\"name\":");
        sv_json_string(json, cluster->name.p, cluster->name.len);
        admin_put(json, "source", cluster->source_file);
        sv_json_member_int(json, "line", cluster->source_line);
        sv_json_member_str(json, "load_balancer", hr_lb_name(cluster->policy->lb));
        sv_json_member_int(json, "connect_timeout_ms", cluster->policy->connect_timeout_ms);
        sv_json_member_int(json, "endpoints", (int64_t)cluster->n_endpoints);
        sv_text_str(json, "}");
    }
    sv_text_str(json, "]");
    if (g->options.n_maps == 0)
        gw_routes_json(json, config->listeners[0].view);
    else
        gw_listeners_json(json, g, config);
    sv_text_str(json, "}");
}

static void answer_config(sv_exchange *ex) {
    gw_answer_aside(ex, GW_ASIDE_CONFIG, write_config, (hr_str){NULL, 0});
}

static void answer_clusters(sv_exchange *ex) {
    gw_loop *loop = ex->loop->data;
    const gw_config *config = loop->current->config;
    sv_text json = {0};
    sv_text_str(&json, "[");
    for (size_t c = 0; c < config->n_clusters; c++) {
        const gw_cluster *cluster = &config->clusters[c];
        sv_text_str(&json, c > 0 ? ",{\"name\":" : "{\"name\":");
        sv_json_string(&json, cluster->cluster->name.p, cluster->cluster->name.len);
        sv_text_str(&json, ",\"endpoints\":[");
        for (size_t i = 0; i < cluster->cluster->n_endpoints; i++) {
            gw_endpoint *e = cluster->endpoints[i];
            sv_text_str(&json, i > 0 ? ",{\"address\":" : "{\"address\":");
            sv_json_string(&json, e->name, strlen(e->name));
            admin_put(&json, "name", cluster->cluster->endpoints[i]->name);
            sv_json_member_int(&json, "weight", cluster->cluster->endpoints[i]->weight);
            sv_json_member_int(&json, "active",
                               atomic_load_explicit(&e->active, memory_order_relaxed));
            sv_json_member_int(&json, "requests",
                               (int64_t)atomic_load_explicit(&e->requests, memory_order_relaxed));
            sv_json_member_int(&json, "failures",
                               (int64_t)atomic_load_explicit(&e->failures, memory_order_relaxed));
            sv_text_printf(&json, ",\"ejected\":%s}",
                           atomic_load(&e->ejected_until) != 0 ? "true" : "false");
        }
        gw_shared *shared = cluster->shared;
        sv_text_str(&json, "]");
        sv_json_member_int(&json, "connections", atomic_load(&shared->connections));
        sv_json_member_int(&json, "requests", atomic_load(&shared->requests));
        sv_json_member_int(&json, "pending", atomic_load(&shared->pending));
        sv_json_member_int(&json, "overflows", (int64_t)atomic_load(&shared->overflows));
        sv_json_member_int(&json, "ejections", (int64_t)atomic_load(&shared->ejections));
        sv_text_str(&json, "}");
    }
    sv_text_str(&json, "]");
    sv_answer_text(ex, 200, &json);
}

static void answer_dns(sv_exchange *ex) {
    gw_loop *loop = ex->loop->data;
    sv_text json = {0};
    gw_dns_write(loop->gateway->dns, &json);
    sv_answer_text(ex, 200, &json);
}

static void answer_explain(sv_exchange *ex) {
    gw_explain(ex, GW_ASIDE_ADMIN);
}

static const struct page {
    const char *path;
    void (*answer)(sv_exchange *ex);
} pages[] = {{"/config", answer_config},
             {"/clusters", answer_clusters},
             {"/dns", answer_dns},
             {"/explain", answer_explain}};

/* uri-host without the port, and without the brackets of an IPv6 address. */
static hr_str host_of(hr_str authority) {
    hr_str host = {authority.p, authority.len};
    if (host.len > 0 && host.p[0] == '[') {
        const char *end = memchr(host.p, ']', host.len);
        return (hr_str){host.p + 1, end != NULL ? (size_t)(end - host.p - 1) : 0};
    }
    const char *colon = memchr(host.p, ':', host.len);
    return (hr_str){host.p, colon != NULL ? (size_t)(colon - host.p) : host.len};
}

/* A web page can make a visitor's browser ask this listener for it, by a name of its own that
 * resolves to this address (DNS rebinding). The browser then sends that name: only addresses, the
 * name of loopback and the names of --admin-host are answered. */
static int is_own_host(const gateway *g, hr_str authority) {
    const sv_text_list *names = &g->options.admin_hosts;
    hr_str host = host_of(authority);
    char text[INET6_ADDRSTRLEN];
    unsigned char address[sizeof(struct in6_addr)];
    if (sv_str_is_nocase(host, "localhost"))
        return 1;
    for (size_t i = 0; i < names->n; i++)
        if (strlen(names->v[i]) == host.len && strncasecmp(names->v[i], host.p, host.len) == 0)
            return 1;
    if (host.len == 0 || host.len >= sizeof(text))
        return 0;
    memcpy(text, host.p, host.len);
    text[host.len] = '\0';
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

void gw_on_status_request(sv_exchange *ex) {
    if (!sv_answer_common(ex))
        sv_answer_error(ex, 404, "unknown path: expected /ready or /metrics");
}

void gw_on_admin_request(sv_exchange *ex) {
    const gw_loop *loop = ex->loop->data;
    if (ex->request.authority.p != NULL && !is_own_host(loop->gateway, ex->request.authority)) {
        sv_answer_error(ex, 421,
                        "Host: expected an address, localhost or a name given by --admin-host");
        return;
    }
    hr_str path = sv_request_path(ex), method = ex->request.method;
    int get = sv_str_is(method, "GET") || sv_str_is(method, "HEAD");
    if (sv_answer_common(ex))
        return;
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (!sv_str_is(path, pages[i].path))
            continue;
        if (get || (pages[i].answer == answer_explain && sv_str_is(method, "POST")))
            pages[i].answer(ex);
        else
            sv_answer_method(ex,
                             pages[i].answer == answer_explain ? "GET, HEAD, POST" : "GET, HEAD");
        return;
    }
    sv_answer_error(
        ex, 404, "unknown path: expected /ready, /metrics, /config, /clusters, /dns or /explain");
}
