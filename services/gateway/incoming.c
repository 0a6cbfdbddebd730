/* The request as it is routed: what the client sent, with what a proxy sets before it looks at
 * routes. */
#include "incoming.h"

#include <string.h>

#include "body_in.h"
#include "config.h"
#include "decimal.h"
#include "loop.h"
#include "upgrade.h"

/* te once a line, content-length, what asks for an upgrade with its key; what the body says comes
 * on top. */
#define FIELDS_ADDED (2 + GW_UPGRADE_FIELDS)

static int is_te(const hr_pair *field) {
    return field->name.len == 2 && memcmp(field->name.p, "te", 2) == 0;
}

static size_t te_lines(const sv_http1_request *request) {
    size_t n = 0;
    for (size_t i = 0; i < request->n_fields; i++)
        n += is_te(&request->fields[i]) != 0;
    return n;
}

static hr_str decimal(char *text, uint64_t value) {
    return (hr_str){text, (size_t)(sv_put_uint(text, value) - text)};
}

/* A client's own field of a name that the body sets would be believed by rules: it is removed, also
 * where the body sets none. Of several values for one name the first is taken. */
static size_t set_body_fields(const gw_request *r, hr_pair *fields, size_t n) {
    const gateway *g = r->loop->gateway;
    for (size_t rule = 0; rule < g->n_body_rules; rule++) {
        size_t kept = 0;
        for (size_t i = 0; i < n; i++)
            if (!sv_body_rule_sets(&g->body_rules[rule], fields[i].name))
                fields[kept++] = fields[i];
        n = kept;
    }
    for (size_t rule = 0; rule < g->n_body_rules; rule++) {
        hr_str name = sv_str(g->body_rules[rule].name);
        bool is_set = false;
        for (size_t i = 0; i < n && !is_set; i++)
            is_set = sv_body_rule_sets(&g->body_rules[rule], fields[i].name);
        if (r->body_values[rule].p != NULL && !is_set)
            fields[n++] = (hr_pair){name, r->body_values[rule]};
    }
    return n;
}

/* End-to-end fields, and those hop-by-hop ones that Envoy leaves to rules. */
static void client_fields(gw_request *r, hr_request *raw) {
    sv_exchange *ex = r->ex;
    const sv_http1_request *request = &ex->request;
    size_t n, n_te = te_lines(request);
    size_t spare = FIELDS_ADDED + n_te + r->loop->gateway->n_body_rules;
    hr_pair *fields = sv_forward_fields(ex, &n, spare);
    n = set_body_fields(r, fields, n);
    for (size_t i = 0; n_te > 0 && i < request->n_fields; i++)
        if (is_te(&request->fields[i]))
            fields[n++] = request->fields[i];
    if (request->framing == SV_HTTP1_LENGTH)
        fields[n++] =
            (hr_pair){HR_STR("content-length"), decimal(r->length_text, request->content_length)};
    if (r->upgrade) { /* rules may ask for it, as Envoy leaves it to them */
        n = gw_upgrade_fields(fields, n);
        n = gw_upgrade_key(r, fields, n);
    }
    raw->headers = fields;
    raw->n_headers = n;
}

static void add_fact(gw_request *r, const char *command, hr_str value) {
    r->facts[r->connection.n_facts++] = (hr_pair){hr_str_from(command), value};
}

static void add_facts(gw_request *r) {
    const sv_exchange *ex = r->ex;
    const char *tls = sv_exchange_tls_version(ex);
    r->connection.facts = r->facts;
    add_fact(r, "HOSTNAME", hr_str_from(sv_server_options_of(ex->loop->server)->name));
    add_fact(r, "BYTES_RECEIVED", decimal(r->received_text, sv_body_received(ex)));
    add_fact(r, "REQUEST_DURATION",
             decimal(r->duration_text, (sv_now_ns() - ex->start_ns) / 1000000));
    if (tls == NULL)
        return;
    add_fact(r, "DOWNSTREAM_TLS_VERSION", hr_str_from(tls));
    add_fact(r, "DOWNSTREAM_TLS_CIPHER", hr_str_from(sv_exchange_tls_cipher(ex)));
}

/* A Gateway's proxies give every request an id of their own, a sidecar keeps its application's. */
static void settle_id(gw_request *r) {
    sv_exchange *ex = r->ex;
    if (gw_config_is_gateway(r->lc->config) && sv_request_header(ex, "x-request-id").len > 0)
        ex->request_id = sv_make_request_id(ex->pool);
    r->connection.request_id = ex->request_id;
}

static void describe_connection(gw_request *r) {
    const sv_exchange *ex = r->ex;
    hr_connection *c = &r->connection;
    *c = (hr_connection)HR_CONNECTION_INIT;
    c->peer_address = gw_peer_address(r);
    c->peer_port = sv_exchange_peer_port(ex);
    c->local_address = sv_exchange_local_address(ex, &c->local_port);
    c->trusted_proxies = (unsigned)r->loop->gateway->options.trusted_proxies;
    c->protocol = sv_exchange_protocol(ex);
    if (r->listener->port != 0)
        c->server_name = sv_exchange_server_name(ex);
    c->start_time_us = (int64_t)ex->start_wall_us;
    settle_id(r);
    add_facts(r);
}

int gw_build_request(gw_request *r) {
    sv_exchange *ex = r->ex;
    hr_request raw = HR_REQUEST_INIT;
    size_t size = 0;
    client_fields(r, &raw);
    describe_connection(r);
    raw.method = ex->request.method;
    raw.scheme = ex->secure ? HR_STR("https") : HR_STR("http");
    raw.authority = ex->request.authority;
    raw.path = ex->request.path;
    raw.draws = (hr_draws){gw_draw(r->loop), gw_draw(r->loop), gw_draw(r->loop), gw_draw(r->loop)};
    raw.connection = &r->connection;
    const hr_view *view = r->listener->view;
    if (hr_edge_request(&r->in, view, &raw, NULL, &size) != HR_ENOSPC)
        return -1;
    void *memory = sv_pool_alloc(ex->pool, size);
    return hr_edge_request(&r->in, view, &raw, memory, &size) == HR_OK ? 0 : -1;
}
