/* The addresses of --map: flags, sockets that open and close with the configuration, and facts. */
#include "listeners.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "entry.h"
#include "json_out.h"
#include "listen.h"
#include "loop.h"
#include "relisten.h"
#include "tls_set.h"

/* ---- flags ---- */

static int parse_map(gw_map *out, const char *text, char *why, size_t why_size) {
    struct sockaddr_storage address;
    socklen_t len;
    char *end;
    long port = text[0] >= '1' && text[0] <= '9' ? strtol(text, &end, 10) : 0;
    if (port < 1 || port > 65535 || *end != '=') {
        snprintf(why, why_size,
                 "'%s' is not a port of a listener and an address such as 80=127.0.0.1:8080", text);
        return -1;
    }
    *out = (gw_map){(uint16_t)port, end + 1};
    return sv_parse_address(&address, &len, out->address, why, why_size);
}

int gw_maps_parse(gw_options *options, char *why, size_t why_size) {
    const sv_text_list *flags = &options->map_flags;
    if (flags->n == 0)
        return 0;
    if (flags->n > GW_MAX_MAPS) {
        snprintf(why, why_size, "at most %d are allowed", GW_MAX_MAPS);
        return -1;
    }
    options->maps = sv_alloc_zeroed(flags->n * sizeof(*options->maps));
    for (; options->n_maps < flags->n; options->n_maps++) {
        gw_map *map = &options->maps[options->n_maps];
        if (parse_map(map, flags->v[options->n_maps], why, why_size) != 0)
            return -1;
        for (size_t i = 0; i < options->n_maps; i++)
            if (options->maps[i].port == map->port) {
                snprintf(why, why_size, "port %u is given twice", (unsigned)map->port);
                return -1;
            }
    }
    return 0;
}

const char *gw_maps_conflict(const gw_options *options, const sv_server_options *server) {
    if (options->n_maps == 0)
        return NULL;
    if (server->listen.n > 0)
        return "--listen and --map cannot be combined: --map names the addresses";
    if (options->gateway_port != 0)
        return "--gateway-port and --map cannot be combined: --map names the ports";
    if (options->tls_cert != NULL || options->tls_key != NULL)
        return "--tls-cert and --map cannot be combined: the listeners name their certificates";
    return NULL;
}

/* ---- connections ---- */

/* What is accepted fits the configuration by which this loop routes. */
static bool accept_for(sv_server_loop *loop, const sv_listener *sv, SSL **out) {
    const gw_loop *own = loop->data;
    const gw_listener *listener = &own->current->config->listeners[sv->number];
    if (listener->view == NULL)
        return false;
    if (listener->tls == NULL)
        return true;
    *out = sv_tls_set_accept(listener->tls);
    atomic_fetch_add_explicit(&own->gateway->map_facts[sv->number].connections, 1,
                              memory_order_relaxed);
    return *out != NULL;
}

static void on_map_handshake(sv_server_loop *loop, const sv_listener *sv) {
    const gw_loop *own = loop->data;
    atomic_fetch_add_explicit(&own->gateway->map_facts[sv->number].handshakes, 1,
                              memory_order_relaxed);
}

void gw_maps_listen(sv_listener *out, const gateway *g) {
    for (size_t i = 0; i < g->options.n_maps; i++)
        out[i] = (sv_listener){.address = g->options.maps[i].address,
                               .on_request = gw_on_request,
                               .accept = accept_for,
                               .on_handshake = on_map_handshake,
                               .number = i,
                               .closed = g->config->listeners[i].view == NULL,
                               .streams = true,
                               .tunnels = true};
}

/* ---- reload ---- */

static void close_bound(gw_new_listeners *added, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (added->fds[i] >= 0)
            close(added->fds[i]);
}

int gw_listeners_bind(gw_new_listeners *out, const gateway *g, const gw_config *config, char *why,
                      size_t why_size) {
    for (size_t i = 0; i < g->options.n_maps; i++) {
        out->fds[i] = -1;
        if (config->listeners[i].view == NULL || sv_listener_is_open(g->server, i))
            continue;
        out->fds[i] = sv_listener_bind(g->server, i, why, why_size);
        if (out->fds[i] < 0) {
            close_bound(out, i);
            out->blocked = i;
            return -1;
        }
    }
    return 0;
}

bool gw_listener_is_free(const gateway *g, size_t map) {
    char why[256];
    int fd = sv_listener_bind(g->server, map, why, sizeof(why));
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

void gw_maps_note(gateway *g, const gw_config *config) {
    for (size_t i = 0; i < g->options.n_maps; i++) {
        const gw_listener *l = &config->listeners[i];
        atomic_store(&g->map_facts[i].open, l->view != NULL);
        atomic_store(&g->map_facts[i].not_after, (uint64_t)l->not_after);
    }
}

void gw_listeners_switch(gateway *g, const gw_config *config, const gw_new_listeners *added) {
    for (size_t i = 0; i < g->options.n_maps; i++)
        if (added->fds[i] >= 0)
            sv_listener_open(g->server, i, added->fds[i]);
    for (size_t i = 0; i < g->options.n_maps; i++)
        if (config->listeners[i].view == NULL && sv_listener_is_open(g->server, i))
            sv_listener_close(g->server, i);
    gw_maps_note(g, config);
}

/* ---- facts ---- */

/* In a scratch of its own: the text may be long, and a request's scratch would keep the room. */
void gw_routes_json(sv_text *json, const hr_view *view) {
    hr_scratch *scratch = NULL;
    hr_str routes;
    if (hr_scratch_new(&scratch) != HR_OK || hr_view_json(&routes, view, scratch) != HR_OK) {
        json->failed = true;
    } else {
        sv_text_str(json, ",");
        sv_text_bytes(json, routes.p + 1, routes.len - 2); /* its members, without the braces */
    }
    hr_scratch_free(scratch);
}

/* Which Secrets and files, and nothing of what they hold. */
static void put_certificates(sv_text *json, const gw_listener *l) {
    sv_json_member_int(json, "certificate_not_after", l->not_after);
    sv_text_str(json, ",\"certificates\":[");
    for (size_t i = 0, n = 0; i < hr_view_listener_count(l->view); i++) {
        const hr_listener *of = hr_view_listener(l->view, i);
        for (size_t c = 0; c < of->n_certificates; c++, n++) {
            const hr_server_certificate *known = &of->certificates[c];
            hr_str name = known->secret.len > 0 ? known->secret : known->certificate_file;
            sv_text_str(json, n > 0 ? "," : "");
            sv_json_string(json, name.p, name.len);
        }
    }
    sv_text_str(json, "]");
}

static double read_fact(void *cell) {
    return (double)atomic_load((_Atomic uint64_t *)cell);
}

void gw_maps_metrics(gateway *g, sv_metrics *m) {
    for (size_t i = 0; i < g->options.n_maps; i++) {
        gw_map_facts *f = &g->map_facts[i];
        snprintf(f->labels, sizeof(f->labels), "port=\"%u\",address=\"%s\"",
                 (unsigned)g->options.maps[i].port, g->options.maps[i].address);
        sv_metrics_read(m, SV_GAUGE, "headerroute_gateway_listener_open", f->labels,
                        "1 if the address of a --map is bound, 0 if the Gateway has no listener on "
                        "the port.",
                        read_fact, &f->open);
        sv_metrics_read(m, SV_GAUGE, "headerroute_gateway_listener_certificate_not_after_seconds",
                        f->labels,
                        "When the first certificate of the port ends, in seconds since 1970; 0 "
                        "without TLS.",
                        read_fact, &f->not_after);
        sv_metrics_read(m, SV_COUNTER, "headerroute_gateway_listener_tls_connections_total",
                        f->labels, "Connections accepted for TLS.", read_fact, &f->connections);
        sv_metrics_read(m, SV_COUNTER, "headerroute_gateway_listener_tls_handshakes_total",
                        f->labels, "TLS handshakes completed.", read_fact, &f->handshakes);
    }
    gw_maps_note(g, g->config);
}

void gw_listeners_json(sv_text *json, const gateway *g, const gw_config *config) {
    sv_text_str(json, ",\"listeners\":[");
    for (size_t i = 0; i < config->n_listeners; i++) {
        const gw_listener *l = &config->listeners[i];
        sv_text_str(json, i > 0 ? ",{\"address\":" : "{\"address\":");
        sv_json_string(json, g->options.maps[i].address, strlen(g->options.maps[i].address));
        sv_json_member_int(json, "port", l->port);
        sv_text_printf(json, ",\"listens\":%s,\"tls\":%s", l->view != NULL ? "true" : "false",
                       l->tls != NULL ? "true" : "false");
        if (l->tls != NULL)
            put_certificates(json, l);
        if (l->view != NULL)
            gw_routes_json(json, l->view);
        sv_text_str(json, "}");
    }
    sv_text_str(json, "]");
}
