/* A decision as one line of JSON: every key of docs/decision.schema.json, always. */
#include <math.h>
#include <stdio.h>

#include "forward.h"

typedef struct writer {
    hr_sbuf s;
    bool first; /* nothing was written yet into the innermost array or object */
} writer;

/* Length of the UTF-8 character at p; 0: these bytes are none. */
static size_t utf8_len(const unsigned char *p, size_t left) {
    static const struct {
        unsigned char from, to, second_from, second_to;
        size_t len;
    } forms[] = {{0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
                 {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
                 {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4}};
    if (p[0] < 0x80)
        return 1;
    for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
        if (p[0] < forms[f].from || p[0] > forms[f].to)
            continue;
        if (left < forms[f].len || p[1] < forms[f].second_from || p[1] > forms[f].second_to)
            return 0;
        for (size_t i = 2; i < forms[f].len; i++)
            if ((p[i] & 0xC0) != 0x80)
                return 0;
        return forms[f].len;
    }
    return 0;
}

static void put_escape(writer *w, unsigned char c) {
    char text[8];
    int n = snprintf(text, sizeof(text), "\\u%04x", c);
    hr_sbuf_put(&w->s, hr_str_of(text, (size_t)n));
}

static void put_char(writer *w, hr_str s, size_t *i) {
    unsigned char c = (unsigned char)s.p[*i];
    size_t len = utf8_len((const unsigned char *)s.p + *i, s.len - *i);
    if (c == '"' || c == '\\') {
        hr_sbuf_put_c(&w->s, '\\');
        hr_sbuf_put_c(&w->s, (char)c);
    } else if (c < 0x20 || c == 0x7F || len == 0) { /* a byte that is no UTF-8 is read as Latin-1 */
        put_escape(w, c);
        len = 1;
    } else {
        hr_sbuf_put(&w->s, hr_str_of(s.p + *i, len));
    }
    *i += len;
}

static void put_text(writer *w, hr_str s) {
    hr_sbuf_put_c(&w->s, '"');
    for (size_t i = 0; i < s.len;) {
        size_t plain = i;
        while (plain < s.len && (unsigned char)s.p[plain] >= 0x20 && (unsigned char)s.p[plain] < 0x7F &&
               s.p[plain] != '"' && s.p[plain] != '\\')
            plain++;
        hr_sbuf_put(&w->s, hr_str_from_to(s, i, plain));
        i = plain;
        if (i < s.len)
            put_char(w, s, &i);
    }
    hr_sbuf_put_c(&w->s, '"');
}

static void put_raw(writer *w, const char *text) {
    hr_sbuf_put(&w->s, hr_str_from(text));
}

static void comma(writer *w) {
    if (!w->first)
        hr_sbuf_put_c(&w->s, ',');
    w->first = false;
}

static void open(writer *w, char c) {
    hr_sbuf_put_c(&w->s, c);
    w->first = true;
}

static void close(writer *w, char c) {
    hr_sbuf_put_c(&w->s, c);
    w->first = false;
}

static void key(writer *w, const char *name) {
    comma(w);
    hr_sbuf_put_c(&w->s, '"');
    put_raw(w, name);
    put_raw(w, "\":");
}

static void value_str(writer *w, hr_str s) {
    if (s.p == NULL)
        put_raw(w, "null");
    else
        put_text(w, s);
}

static void put_str(writer *w, const char *name, hr_str s) {
    key(w, name);
    value_str(w, s);
}

static void put_int(writer *w, const char *name, int64_t value) {
    key(w, name);
    hr_sbuf_put_int(&w->s, value);
}

static void put_int_or_null(writer *w, const char *name, int64_t value, bool has) {
    if (has) {
        put_int(w, name, value);
        return;
    }
    key(w, name);
    put_raw(w, "null");
}

static void put_bool(writer *w, const char *name, bool value) {
    key(w, name);
    put_raw(w, value ? "true" : "false");
}

static void put_null(writer *w, const char *name) {
    key(w, name);
    put_raw(w, "null");
}

static void put_number(writer *w, const char *name, double value) {
    char text[40];
    key(w, name);
    int n = snprintf(text, sizeof(text), "%.17g", value);
    for (int digits = 1; digits < 17; digits++) { /* the shortest text that reads back as the number */
        char shorter[40];
        int len = snprintf(shorter, sizeof(shorter), "%.*g", digits, value);
        double back;
        if (sscanf(shorter, "%lf", &back) == 1 && fabs(back - value) <= 0) {
            hr_sbuf_put(&w->s, hr_str_of(shorter, (size_t)len));
            return;
        }
    }
    hr_sbuf_put(&w->s, hr_str_of(text, (size_t)n));
}

static void put_strings(writer *w, const char *name, const hr_str *v, size_t n) {
    key(w, name);
    open(w, '[');
    for (size_t i = 0; i < n; i++) {
        comma(w);
        value_str(w, v[i]);
    }
    close(w, ']');
}

static void put_codes(writer *w, const char *name, const uint16_t *v, size_t n) {
    key(w, name);
    open(w, '[');
    for (size_t i = 0; i < n; i++) {
        comma(w);
        hr_sbuf_put_int(&w->s, v[i]);
    }
    close(w, ']');
}

static void put_pairs(writer *w, const char *name, const hr_pair *v, size_t n) {
    key(w, name);
    open(w, '[');
    for (size_t i = 0; i < n; i++) {
        comma(w);
        open(w, '[');
        comma(w);
        value_str(w, v[i].name);
        comma(w);
        put_text(w, v[i].value);
        close(w, ']');
    }
    close(w, ']');
}

static void put_map(writer *w, const char *name, const hr_pair *v, size_t n) {
    key(w, name);
    open(w, '{');
    for (size_t i = 0; i < n; i++) {
        comma(w);
        put_text(w, v[i].name);
        hr_sbuf_put_c(&w->s, ':');
        put_text(w, v[i].value);
    }
    close(w, '}');
}

/* ---- the parts of a decision ---- */

static void put_identity(writer *w, const hr_decision *d) {
    static const char *const actions[] = {"route", "redirect", "direct_response", "no_route", "passthrough"};
    put_str(w, "action", hr_str_from(actions[d->action]));
    put_str(w, "virtual_service", d->virtual_service);
    put_str(w, "route_name", d->route_name);
    put_int_or_null(w, "route_index", d->route_index, d->route_index >= 0);
    put_int_or_null(w, "match_index", d->match_index, d->match_index >= 0);
    key(w, "source");
    if (d->source_file.p == NULL) {
        put_raw(w, "null");
        return;
    }
    hr_str place = {0};
    hr_sbuf s = hr_sbuf_begin(w->s.scratch, d->source_file.len + 16);
    hr_sbuf_put(&s, d->source_file);
    hr_sbuf_put_c(&s, ':');
    hr_sbuf_put_int(&s, d->source_line);
    place = hr_sbuf_end(&s);
    w->s.failed = w->s.failed || s.failed;
    value_str(w, place);
}

static void put_endpoints(writer *w, const hr_cluster *cluster) {
    key(w, "endpoints");
    open(w, '[');
    for (size_t i = 0; cluster != NULL && i < cluster->n_endpoints; i++) {
        const hr_endpoint *e = &cluster->endpoints[i];
        comma(w);
        open(w, '{');
        put_str(w, "name", e->name);
        put_str(w, "address", e->address);
        put_int(w, "port", e->port);
        put_map(w, "labels", e->labels, e->n_labels);
        put_int(w, "weight", e->weight);
        close(w, '}');
    }
    close(w, ']');
}

static void put_cluster(writer *w, const hr_decision *d) {
    put_str(w, "cluster", d->cluster_name);
    if (d->destination_host.p == NULL) {
        put_null(w, "destination");
    } else {
        key(w, "destination");
        open(w, '{');
        put_str(w, "host", d->destination_host);
        put_str(w, "subset", d->destination_subset);
        put_int(w, "port", d->destination_port);
        close(w, '}');
    }
    put_map(w, "labels", d->cluster == NULL ? NULL : d->cluster->labels,
            d->cluster == NULL ? 0 : d->cluster->n_labels);
    put_endpoints(w, d->cluster);
}

/* Nobody upstream sees a request that is answered here. */
static bool has_upstream(const hr_decision *d) {
    return d->action == HR_ACTION_PASSTHROUGH || (d->action == HR_ACTION_ROUTE && d->local_reply.status == 0);
}

static void put_upstream(writer *w, const hr_decision *d, const hr_upstream *upstream) {
    if (!has_upstream(d)) {
        put_null(w, "upstream");
        return;
    }
    key(w, "upstream");
    open(w, '{');
    put_str(w, "path", upstream->path);
    put_str(w, "authority", upstream->authority);
    put_pairs(w, "headers", upstream->headers, upstream->n_headers);
    close(w, '}');
}

static void put_retries(writer *w, const hr_retry_policy *r) {
    if (r == NULL) {
        put_null(w, "retries");
        return;
    }
    key(w, "retries");
    open(w, '{');
    put_int(w, "attempts", r->attempts);
    put_strings(w, "retry_on", r->retry_on, r->n_retry_on);
    put_codes(w, "status_codes", r->status_codes, r->n_status_codes);
    put_int_or_null(w, "per_try_timeout_ms", r->per_try_timeout_ms, r->per_try_timeout_ms >= 0);
    put_int(w, "backoff_ms", r->backoff_ms);
    put_bool(w, "remote_localities", r->remote_localities != 0);
    put_bool(w, "ignore_previous_hosts", r->ignore_previous_hosts != 0);
    close(w, '}');
}

static void put_replies(writer *w, const hr_decision *d) {
    if (d->redirect_code == 0) {
        put_null(w, "redirect");
    } else {
        key(w, "redirect");
        open(w, '{');
        put_int(w, "code", d->redirect_code);
        put_str(w, "location", d->redirect_location);
        close(w, '}');
    }
    if (d->action != HR_ACTION_DIRECT_RESPONSE) {
        put_null(w, "direct_response");
    } else {
        key(w, "direct_response");
        open(w, '{');
        put_int(w, "status", d->direct_response_status);
        put_str(w, "body", d->direct_response_body);
        close(w, '}');
    }
    if (d->local_reply.status == 0) {
        put_null(w, "local_reply");
    } else {
        key(w, "local_reply");
        open(w, '{');
        put_int(w, "status", d->local_reply.status);
        put_str(w, "flag", d->local_reply.flag);
        put_str(w, "body", d->local_reply.body);
        close(w, '}');
    }
}

static void put_header_ops(writer *w, const char *name, const hr_header_ops *const *levels, size_t n) {
    key(w, name);
    open(w, '[');
    for (size_t i = 0; i < n; i++) {
        comma(w);
        open(w, '{');
        put_strings(w, "remove", levels[i]->remove, levels[i]->n_remove);
        put_pairs(w, "set", levels[i]->set, levels[i]->n_set);
        put_pairs(w, "add", levels[i]->add, levels[i]->n_add);
        close(w, '}');
    }
    close(w, ']');
}

static void put_mirrors(writer *w, const hr_decision *d) {
    key(w, "mirrors");
    open(w, '[');
    for (size_t i = 0; i < d->n_mirrors; i++) {
        comma(w);
        open(w, '{');
        put_str(w, "cluster", d->mirrors[i].cluster_name);
        put_number(w, "percentage", d->mirrors[i].percentage);
        put_bool(w, "fires", d->mirrors[i].fires != 0);
        close(w, '}');
    }
    close(w, ']');
}

static void put_fault(writer *w, const hr_decision *d) {
    if (d->delay_ms < 0 && d->abort_status == 0 && d->abort_grpc_status.p == NULL) {
        put_null(w, "fault");
        return;
    }
    key(w, "fault");
    open(w, '{');
    put_int_or_null(w, "delay_ms", d->delay_ms, d->delay_ms >= 0);
    put_bool(w, "delay_fires", d->delay_fires != 0);
    put_int_or_null(w, "abort_status", d->abort_status, d->abort_status != 0);
    put_str(w, "abort_grpc_status", d->abort_grpc_status);
    put_bool(w, "abort_fires", d->abort_fires != 0);
    close(w, '}');
}

static void put_cors(writer *w, const hr_decision *d) {
    static const char *const kinds[] = {
        [HR_MATCH_EXACT] = "exact", [HR_MATCH_PREFIX] = "prefix", [HR_MATCH_REGEX] = "regex"};
    const hr_cors_policy *c = d->cors;
    if (c == NULL) {
        put_null(w, "cors");
        return;
    }
    key(w, "cors");
    open(w, '{');
    key(w, "allow_origins");
    open(w, '[');
    for (size_t i = 0; i < c->n_allow_origins; i++) {
        comma(w);
        open(w, '{');
        put_str(w, kinds[c->allow_origins[i].kind], c->allow_origins[i].value);
        close(w, '}');
    }
    close(w, ']');
    put_strings(w, "allow_methods", c->allow_methods, c->n_allow_methods);
    put_strings(w, "allow_headers", c->allow_headers, c->n_allow_headers);
    put_strings(w, "expose_headers", c->expose_headers, c->n_expose_headers);
    put_int_or_null(w, "max_age_s", c->max_age_s, c->max_age_s >= 0);
    if (c->allow_credentials < 0)
        put_null(w, "allow_credentials");
    else
        put_bool(w, "allow_credentials", c->allow_credentials != 0);
    put_bool(w, "forward_unmatched_preflights", c->forward_unmatched_preflights != 0);
    put_bool(w, "origin_allowed", d->cors_origin_allowed != 0);
    put_bool(w, "preflight", d->cors_preflight != 0);
    close(w, '}');
}

static void put_hash_policy(writer *w, const hr_decision *d) {
    static const char *const kinds[] = {[HR_HASH_HEADER] = "header",
                                        [HR_HASH_COOKIE] = "cookie",
                                        [HR_HASH_SOURCE_IP] = "source_ip",
                                        [HR_HASH_QUERY_PARAMETER] = "query_parameter"};
    key(w, "hash_policy");
    open(w, '[');
    for (size_t i = 0; i < d->n_hash_policy; i++) {
        const hr_hash_policy *h = &d->hash_policy[i];
        comma(w);
        open(w, '{');
        put_str(w, "kind", hr_str_from(kinds[h->kind]));
        put_str(w, "name", h->name);
        put_int_or_null(w, "ttl_ms", h->ttl_ms, h->ttl_ms >= 0);
        put_str(w, "path", h->path);
        close(w, '}');
    }
    close(w, ']');
    static const char *const lbs[] = {
        [HR_LB_LEAST_REQUEST] = "LEAST_REQUEST", [HR_LB_ROUND_ROBIN] = "ROUND_ROBIN",
        [HR_LB_RANDOM] = "RANDOM",               [HR_LB_PASSTHROUGH] = "PASSTHROUGH",
        [HR_LB_RING_HASH] = "RING_HASH",         [HR_LB_MAGLEV] = "MAGLEV"};
    put_str(w, "load_balancer", d->has_lb ? hr_str_from(lbs[d->lb]) : (hr_str){0});
}

int hr_decision_json(hr_str *out, const hr_decision *d, const hr_request *request, hr_scratch *scratch) {
    if (out != NULL)
        *out = (hr_str){0};
    if (out == NULL || d == NULL || request == NULL || scratch == NULL)
        return HR_EINVAL;
    hr_upstream upstream = {0};
    int error = has_upstream(d) ? hr_upstream_request(&upstream, d, request, scratch) : HR_OK;
    if (error != HR_OK)
        return error;
    writer w = {.s = hr_sbuf_begin(scratch, 2048), .first = true};
    open(&w, '{');
    put_identity(&w, d);
    put_cluster(&w, d);
    put_upstream(&w, d, &upstream);
    put_int_or_null(&w, "timeout_ms", d->timeout_ms, d->timeout_ms >= 0);
    put_retries(&w, d->retries);
    put_replies(&w, d);
    put_header_ops(&w, "request_headers", d->request_headers, d->n_request_headers);
    put_header_ops(&w, "response_headers", d->response_headers, d->n_response_headers);
    put_mirrors(&w, d);
    put_fault(&w, d);
    put_cors(&w, d);
    put_hash_policy(&w, d);
    close(&w, '}');
    *out = hr_sbuf_end(&w.s);
    return out->p == NULL ? HR_ENOMEM : HR_OK;
}
