/* A decision as one line of JSON: every key of docs/decision.schema.json, always. */
#include "forward.h"
#include "json_writer.h"

/* ---- the parts of a decision ---- */

static void put_identity(hr_json_writer *w, const hr_decision *d) {
    hr_json_str(w, "action", hr_str_from(hr_action_name(d->action)));
    hr_json_str(w, "virtual_service", d->virtual_service);
    hr_json_str(w, "route_name", d->route_name);
    hr_json_int_or_null(w, "route_index", d->route_index, d->route_index >= 0);
    hr_json_int_or_null(w, "match_index", d->match_index, d->match_index >= 0);
    hr_json_place(w, d->source_file, d->source_line);
    hr_json_str(w, "delegate", d->delegate);
    hr_json_int_or_null(w, "root_route_index", d->root_route_index, d->root_route_index >= 0);
}

static void put_endpoints(hr_json_writer *w, const hr_cluster *cluster) {
    hr_json_key(w, "endpoints");
    hr_json_open(w, '[');
    for (size_t i = 0; cluster != NULL && i < cluster->n_endpoints; i++) {
        const hr_endpoint *e = cluster->endpoints[i];
        hr_json_comma(w);
        hr_json_open(w, '{');
        hr_json_str(w, "name", e->name);
        hr_json_str(w, "address", e->address);
        hr_json_int(w, "port", e->port);
        hr_json_map(w, "labels", e->labels, e->n_labels);
        hr_json_int(w, "weight", e->weight);
        hr_json_close(w, '}');
    }
    hr_json_close(w, ']');
}

/* Workloads are named where no resource lists pods. */
static void put_workloads(hr_json_writer *w, const hr_cluster *cluster) {
    hr_json_bool(w, "endpoints_known", cluster == NULL || cluster->endpoints_known != 0);
    hr_json_key(w, "workloads");
    hr_json_open(w, '[');
    for (size_t i = 0; cluster != NULL && i < cluster->n_workloads; i++) {
        const hr_workload *workload = &cluster->workloads[i];
        hr_json_comma(w);
        hr_json_open(w, '{');
        hr_json_str(w, "kind", workload->kind);
        hr_json_str(w, "name", workload->name);
        hr_json_place(w, workload->file, workload->line);
        hr_json_close(w, '}');
    }
    hr_json_close(w, ']');
}

static void put_cluster(hr_json_writer *w, const hr_decision *d) {
    hr_json_str(w, "cluster", d->cluster_name);
    if (d->destination_host.p == NULL) {
        hr_json_null(w, "destination");
    } else {
        hr_json_key(w, "destination");
        hr_json_open(w, '{');
        hr_json_str(w, "host", d->destination_host);
        hr_json_str(w, "subset", d->destination_subset);
        hr_json_int(w, "port", d->destination_port);
        hr_json_close(w, '}');
    }
    hr_json_map(w, "labels", d->cluster == NULL ? NULL : d->cluster->labels,
                d->cluster == NULL ? 0 : d->cluster->n_labels);
    put_endpoints(w, d->cluster);
    put_workloads(w, d->cluster);
}

/* A request that is answered here has no upstream. */
static bool has_upstream(const hr_decision *d) {
    return d->action == HR_ACTION_PASSTHROUGH ||
           (d->action == HR_ACTION_ROUTE && d->local_reply.status == 0);
}

/* One of those that the proxy set before it looked at routes, not changed since. */
static bool is_of_proxy(const hr_request *request, const hr_pair *header) {
    for (size_t i = request->n_headers - request->n_proxy_headers; i < request->n_headers; i++)
        if (request->headers[i].name.p == header->name.p &&
            request->headers[i].value.p == header->value.p)
            return true;
    return false;
}

static void put_headers(hr_json_writer *w, const hr_upstream *upstream, const hr_request *request) {
    hr_json_key(w, "headers");
    hr_json_open(w, '[');
    for (size_t i = 0; i < upstream->n_headers; i++)
        if (!is_of_proxy(request, &upstream->headers[i]))
            hr_json_pair(w, upstream->headers[i].name, upstream->headers[i].value);
    hr_json_close(w, ']');
    hr_json_key(w, "proxy_headers");
    hr_json_open(w, '{');
    for (size_t i = 0; i < upstream->n_headers; i++)
        if (is_of_proxy(request, &upstream->headers[i]))
            hr_json_map_item(w, upstream->headers[i].name, upstream->headers[i].value);
    hr_json_close(w, '}');
}

static void put_upstream(hr_json_writer *w, const hr_decision *d, const hr_upstream *upstream,
                         const hr_request *request) {
    if (!has_upstream(d)) {
        hr_json_null(w, "upstream");
        return;
    }
    hr_json_key(w, "upstream");
    hr_json_open(w, '{');
    hr_json_str(w, "path", upstream->path);
    hr_json_str(w, "authority", upstream->authority);
    put_headers(w, upstream, request);
    hr_json_close(w, '}');
}

void hr_json_retries(hr_json_writer *w, const hr_retry_policy *r) {
    if (r == NULL) {
        hr_json_null(w, "retries");
        return;
    }
    hr_json_key(w, "retries");
    hr_json_open(w, '{');
    hr_json_int(w, "attempts", r->attempts);
    hr_json_strings(w, "retry_on", r->retry_on, r->n_retry_on);
    hr_json_codes(w, "status_codes", r->status_codes, r->n_status_codes);
    hr_json_int_or_null(w, "per_try_timeout_ms", r->per_try_timeout_ms, r->per_try_timeout_ms >= 0);
    hr_json_int(w, "backoff_ms", r->backoff_ms);
    hr_json_bool(w, "remote_localities", r->remote_localities != 0);
    hr_json_bool(w, "ignore_previous_hosts", r->ignore_previous_hosts != 0);
    hr_json_close(w, '}');
}

static void put_replies(hr_json_writer *w, const hr_decision *d) {
    if (d->redirect_code == 0) {
        hr_json_null(w, "redirect");
    } else {
        hr_json_key(w, "redirect");
        hr_json_open(w, '{');
        hr_json_int(w, "code", d->redirect_code);
        hr_json_str(w, "location", d->redirect_location);
        hr_json_close(w, '}');
    }
    if (d->action != HR_ACTION_DIRECT_RESPONSE) {
        hr_json_null(w, "direct_response");
    } else {
        hr_json_key(w, "direct_response");
        hr_json_open(w, '{');
        hr_json_int(w, "status", d->direct_response_status);
        hr_json_str(w, "body", d->direct_response_body);
        hr_json_close(w, '}');
    }
    if (d->local_reply.status == 0) {
        hr_json_null(w, "local_reply");
    } else {
        hr_json_key(w, "local_reply");
        hr_json_open(w, '{');
        hr_json_int(w, "status", d->local_reply.status);
        hr_json_str(w, "flag", d->local_reply.flag);
        hr_json_str(w, "body", d->local_reply.body);
        hr_json_close(w, '}');
    }
    hr_json_bool(w, "closes_connection", d->closes_connection != 0);
}

void hr_json_header_ops(hr_json_writer *w, const char *name, const hr_header_ops *const *levels,
                        size_t n) {
    hr_json_key(w, name);
    hr_json_open(w, '[');
    for (size_t i = 0; i < n; i++) {
        hr_json_comma(w);
        hr_json_open(w, '{');
        hr_json_strings(w, "remove", levels[i]->remove, levels[i]->n_remove);
        hr_json_pairs(w, "set", levels[i]->set, levels[i]->n_set);
        hr_json_pairs(w, "add", levels[i]->add, levels[i]->n_add);
        hr_json_close(w, '}');
    }
    hr_json_close(w, ']');
}

static void put_decision_mirrors(hr_json_writer *w, const hr_decision *d) {
    hr_json_key(w, "mirrors");
    hr_json_open(w, '[');
    for (size_t i = 0; i < d->n_mirrors; i++) {
        hr_json_comma(w);
        hr_json_open(w, '{');
        hr_json_str(w, "cluster", d->mirrors[i].cluster_name);
        hr_json_number(w, "percentage", d->mirrors[i].percentage);
        hr_json_bool(w, "fires", d->mirrors[i].fires != 0);
        hr_json_close(w, '}');
    }
    hr_json_close(w, ']');
}

static void put_decision_fault(hr_json_writer *w, const hr_decision *d) {
    if (d->delay_ms < 0 && d->abort_status == 0 && d->abort_grpc_status.p == NULL) {
        hr_json_null(w, "fault");
        return;
    }
    hr_json_key(w, "fault");
    hr_json_open(w, '{');
    hr_json_int_or_null(w, "delay_ms", d->delay_ms, d->delay_ms >= 0);
    hr_json_bool(w, "delay_fires", d->delay_fires != 0);
    hr_json_int_or_null(w, "abort_status", d->abort_status, d->abort_status != 0);
    hr_json_str(w, "abort_grpc_status", d->abort_grpc_status);
    hr_json_bool(w, "abort_fires", d->abort_fires != 0);
    hr_json_close(w, '}');
}

static void put_cors(hr_json_writer *w, const hr_decision *d) {
    const hr_cors_policy *c = d->cors;
    if (c == NULL) {
        hr_json_null(w, "cors");
        return;
    }
    hr_json_key(w, "cors");
    hr_json_open(w, '{');
    hr_json_key(w, "allow_origins");
    hr_json_open(w, '[');
    for (size_t i = 0; i < c->n_allow_origins; i++) {
        hr_json_comma(w);
        hr_json_open(w, '{');
        hr_json_str(w, hr_string_match_kind_name(c->allow_origins[i].kind),
                    c->allow_origins[i].value);
        hr_json_close(w, '}');
    }
    hr_json_close(w, ']');
    hr_json_strings(w, "allow_methods", c->allow_methods, c->n_allow_methods);
    hr_json_strings(w, "allow_headers", c->allow_headers, c->n_allow_headers);
    hr_json_strings(w, "expose_headers", c->expose_headers, c->n_expose_headers);
    hr_json_int_or_null(w, "max_age_s", c->max_age_s, c->max_age_s >= 0);
    if (c->allow_credentials < 0)
        hr_json_null(w, "allow_credentials");
    else
        hr_json_bool(w, "allow_credentials", c->allow_credentials != 0);
    hr_json_bool(w, "forward_unmatched_preflights", c->forward_unmatched_preflights != 0);
    hr_json_bool(w, "origin_allowed", d->cors_origin_allowed != 0);
    hr_json_bool(w, "preflight", d->cors_preflight != 0);
    hr_json_close(w, '}');
}

static void put_hash_policy(hr_json_writer *w, const hr_decision *d) {
    hr_json_key(w, "hash_policy");
    hr_json_open(w, '[');
    for (size_t i = 0; i < d->n_hash_policy; i++) {
        const hr_hash_policy *h = &d->hash_policy[i];
        hr_json_comma(w);
        hr_json_open(w, '{');
        hr_json_str(w, "kind", hr_str_from(hr_hash_kind_name(h->kind)));
        hr_json_str(w, "name", h->name);
        hr_json_int_or_null(w, "ttl_ms", h->ttl_ms, h->ttl_ms >= 0);
        hr_json_str(w, "path", h->path);
        hr_json_close(w, '}');
    }
    hr_json_close(w, ']');
    hr_json_str(w, "load_balancer", d->has_lb ? hr_str_from(hr_lb_name(d->lb)) : (hr_str){0});
}

int hr_decision_json(hr_str *out, const hr_decision *d, const hr_request *request,
                     hr_scratch *scratch) {
    if (out != NULL)
        *out = (hr_str){0};
    if (out == NULL || d == NULL || request == NULL || scratch == NULL ||
        request->version != HR_REQUEST_VERSION)
        return HR_EINVAL;
    hr_upstream upstream = HR_UPSTREAM_INIT;
    int error = has_upstream(d) ? hr_upstream_request(&upstream, d, request, scratch) : HR_OK;
    if (error != HR_OK)
        return error;
    const hr_str *caveats;
    size_t n_caveats;
    error = hr_decision_caveats(&caveats, &n_caveats, d, request, scratch);
    if (error != HR_OK)
        return error;
    hr_json_writer w = {.s = hr_sbuf_begin(scratch, 2048), .first = true};
    hr_json_open(&w, '{');
    put_identity(&w, d);
    put_cluster(&w, d);
    put_upstream(&w, d, &upstream, request);
    hr_json_int_or_null(&w, "timeout_ms", d->timeout_ms, d->timeout_ms >= 0);
    hr_json_retries(&w, d->retries);
    put_replies(&w, d);
    hr_json_header_ops(&w, "request_headers", d->request_headers, d->n_request_headers);
    hr_json_header_ops(&w, "response_headers", d->response_headers, d->n_response_headers);
    put_decision_mirrors(&w, d);
    put_decision_fault(&w, d);
    put_cors(&w, d);
    put_hash_policy(&w, d);
    hr_json_strings(&w, "caveats", caveats, n_caveats);
    hr_json_close(&w, '}');
    *out = hr_sbuf_end(&w.s);
    return out->p == NULL ? HR_ENOMEM : HR_OK;
}
