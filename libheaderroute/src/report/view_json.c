/* The compiled form of a view as JSON: which rules are in force, with their conditions and actions.
 */
#include "json_writer.h"
#include "match.h"

/* ---- conditions ---- */

static const char *match_name(uint8_t match) {
    switch (match) {
    case HR_SM_EXACT:
        return hr_string_match_kind_name(HR_MATCH_EXACT);
    case HR_SM_PREFIX:
        return hr_string_match_kind_name(HR_MATCH_PREFIX);
    case HR_SM_REGEX:
        return hr_string_match_kind_name(HR_MATCH_REGEX);
    default:
        return "present";
    }
}

static void put_route_path(hr_json_writer *w, const hr_view_route *route) {
    if (route->path_kind == HR_SM_NONE)
        return;
    hr_json_comma(w);
    hr_json_open(w, '{');
    hr_json_str(w, "field", HR_STR("uri"));
    hr_json_null(w, "name");
    hr_json_str(w, "match", hr_str_from(match_name(route->path_kind)));
    hr_json_str(w, "value", route->path);
    hr_json_bool(w, "not", false);
    hr_json_bool(w, "ignore_case", route->ignore_case && route->path_kind != HR_SM_REGEX);
    hr_json_close(w, '}');
}

/* Kinds without a row of their own are special headers. */
static const char *field_name(const hr_cond *cond) {
    for (size_t i = 0; i < HR_MATCH_FIELD_COUNT; i++)
        if (hr_match_fields[i].cond == (hr_cond_kind)cond->kind)
            return hr_match_fields[i].name;
    return "headers";
}

static void put_cond(hr_json_writer *w, const hr_cond *cond) {
    bool never = cond->kind == HR_COND_NEVER || cond->kind == HR_COND_STRIPPED;
    hr_json_comma(w);
    hr_json_open(w, '{');
    hr_json_str(w, "field", hr_str_from(field_name(cond)));
    hr_json_str(w, "name", cond->name);
    hr_json_str(w, "match", never ? HR_STR("never") : hr_str_from(match_name(cond->match)));
    hr_json_str(w, "value", cond->match == HR_SM_PRESENCE ? (hr_str){0} : cond->value);
    hr_json_bool(w, "not", cond->invert);
    hr_json_bool(w, "ignore_case", false);
    hr_json_close(w, '}');
}

static void put_conditions(hr_json_writer *w, const hr_view_route *route) {
    hr_json_key(w, "match");
    hr_json_open(w, '[');
    put_route_path(w, route);
    for (size_t i = 0; i < route->n_conds; i++)
        put_cond(w, &route->conds[i]);
    hr_json_close(w, ']');
}

/* ---- actions ---- */

static void put_target(hr_json_writer *w, const hr_target *target, uint64_t weight) {
    const hr_decision *d = &target->decision;
    hr_json_comma(w);
    hr_json_open(w, '{');
    hr_json_str(w, "cluster", d->cluster_name);
    hr_json_bool(w, "known", d->cluster != NULL);
    hr_json_int(w, "weight", (int64_t)weight);
    hr_json_str(w, "authority", target->authority);
    hr_json_header_ops(w, "request_headers", d->request_headers, d->n_request_headers);
    hr_json_header_ops(w, "response_headers", d->response_headers, d->n_response_headers);
    hr_json_close(w, '}');
}

static void put_targets(hr_json_writer *w, const hr_view_action *plan) {
    uint64_t before = 0;
    hr_json_key(w, "targets");
    hr_json_open(w, '[');
    for (size_t i = 0; plan->kind == HR_ACTION_ROUTE && i < plan->n_targets; i++) {
        put_target(w, &plan->targets[i],
                   plan->n_targets == 1 ? 1 : plan->targets[i].weight_end - before);
        before = plan->targets[i].weight_end;
    }
    hr_json_close(w, ']');
}

static void put_rewrite(hr_json_writer *w, const hr_view_action *plan) {
    hr_json_key(w, "rewrite");
    if (plan->prefix_rewrite.p == NULL && plan->regex == NULL) {
        hr_json_raw(w, "null");
        return;
    }
    hr_json_open(w, '{');
    hr_json_str(w, "prefix", plan->prefix_rewrite);
    hr_json_str(w, "regex_substitution", plan->regex == NULL ? (hr_str){0} : plan->substitution);
    hr_json_close(w, '}');
}

static void put_redirect(hr_json_writer *w, const hr_view_action *plan, const hr_decision *d) {
    const hr_view_redirect *r = &plan->redirect;
    hr_json_key(w, "redirect");
    if (plan->kind != HR_ACTION_REDIRECT) {
        hr_json_raw(w, "null");
        return;
    }
    hr_json_open(w, '{');
    hr_json_int(w, "code", d->redirect_code);
    hr_json_str(w, "scheme", r->https ? HR_STR("https") : r->scheme);
    hr_json_str(w, "host", r->host);
    hr_json_int_or_null(w, "port", r->port, r->port != 0);
    hr_json_str(w, "path", r->path);
    hr_json_str(w, "prefix", r->prefix_rewrite);
    hr_json_close(w, '}');
}

static void put_direct_response(hr_json_writer *w, const hr_view_action *plan,
                                const hr_decision *d) {
    hr_json_key(w, "direct_response");
    if (plan->kind != HR_ACTION_DIRECT_RESPONSE) {
        hr_json_raw(w, "null");
        return;
    }
    hr_json_open(w, '{');
    hr_json_int(w, "status", d->direct_response_status);
    hr_json_str(w, "body", d->direct_response_body);
    hr_json_close(w, '}');
}

static void put_route_fault(hr_json_writer *w, const hr_view_action *plan, const hr_decision *d) {
    bool aborts = d->abort_status != 0 || d->abort_grpc_status.p != NULL;
    hr_json_key(w, "fault");
    if (d->delay_ms < 0 && !aborts) {
        hr_json_raw(w, "null");
        return;
    }
    hr_json_open(w, '{');
    hr_json_int_or_null(w, "delay_ms", d->delay_ms, d->delay_ms >= 0);
    hr_json_number(w, "delay_percentage", plan->delay_parts / 10000.0);
    hr_json_int_or_null(w, "abort_status", d->abort_status, d->abort_status != 0);
    hr_json_str(w, "abort_grpc_status", d->abort_grpc_status);
    hr_json_number(w, "abort_percentage", plan->abort_parts / 10000.0);
    hr_json_close(w, '}');
}

static void put_route_mirrors(hr_json_writer *w, const hr_decision *d) {
    hr_json_key(w, "mirrors");
    hr_json_open(w, '[');
    for (size_t i = 0; i < d->n_mirrors; i++) {
        hr_json_comma(w);
        hr_json_open(w, '{');
        hr_json_str(w, "cluster", d->mirrors[i].cluster_name);
        hr_json_bool(w, "known", d->mirrors[i].cluster != NULL);
        hr_json_number(w, "percentage", d->mirrors[i].percentage);
        hr_json_close(w, '}');
    }
    hr_json_close(w, ']');
}

static void put_action(hr_json_writer *w, const hr_view_action *plan) {
    const hr_decision *d = &plan->targets[0].decision;
    hr_json_key(w, "action");
    hr_json_open(w, '{');
    hr_json_str(w, "kind", hr_str_from(hr_action_name(plan->kind)));
    put_targets(w, plan);
    hr_json_int_or_null(w, "timeout_ms", plan->timeout_ms, plan->timeout_ms >= 0);
    hr_json_retries(w, d->retries);
    put_rewrite(w, plan);
    put_redirect(w, plan, d);
    put_direct_response(w, plan, d);
    put_route_fault(w, plan, d);
    put_route_mirrors(w, d);
    hr_json_bool(w, "cors", d->cors != NULL);
    hr_json_close(w, '}');
}

/* ---- routes, virtual hosts, tables ---- */

static void put_route(hr_json_writer *w, const hr_view_route *route) {
    hr_json_comma(w);
    hr_json_open(w, '{');
    hr_json_str(w, "name", route->origin->name);
    hr_json_str(w, "virtual_service",
                route->origin->vs == NULL ? (hr_str){0} : route->origin->vs->id);
    hr_json_int_or_null(w, "route_index", route->route_index, route->route_index >= 0);
    hr_json_int_or_null(w, "match_index", route->match_index, route->match_index >= 0);
    hr_json_place(w, route->origin->file, route->line);
    put_conditions(w, route);
    put_action(w, route->action);
    hr_json_close(w, '}');
}

static void put_vhost(hr_json_writer *w, const hr_view_virtual_host *vhost) {
    hr_json_comma(w);
    hr_json_open(w, '{');
    hr_json_str(w, "name", vhost->name);
    hr_json_strings(w, "domains", vhost->domains, vhost->n_domains);
    hr_json_bool(w, "require_tls", vhost->require_tls);
    hr_json_key(w, "routes");
    hr_json_open(w, '[');
    for (size_t i = 0; vhost->routes != NULL && i < vhost->routes->n; i++)
        put_route(w, &vhost->routes->v[i]);
    hr_json_close(w, ']');
    hr_json_close(w, '}');
}

static void put_table(hr_json_writer *w, const hr_route_table *table) {
    hr_json_comma(w);
    hr_json_open(w, '{');
    hr_json_strings(w, "sni_hosts", table->sni_hosts, table->n_sni_hosts);
    hr_json_key(w, "virtual_hosts");
    hr_json_open(w, '[');
    for (size_t i = 0; i < table->n_vhosts; i++)
        put_vhost(w, &table->vhosts[i]);
    hr_json_close(w, ']');
    hr_json_close(w, '}');
}

static void put_omitted(hr_json_writer *w, const hr_omitted *omitted) {
    hr_json_comma(w);
    hr_json_open(w, '{');
    hr_json_str(w, "virtual_service", omitted->virtual_service);
    hr_json_int_or_null(w, "route_index", omitted->route_index, omitted->route_index >= 0);
    hr_json_int_or_null(w, "match_index", omitted->match_index, omitted->match_index >= 0);
    hr_json_place(w, omitted->file, omitted->line);
    hr_json_str(w, "reason", omitted->reason);
    hr_json_close(w, '}');
}

int hr_view_json(hr_str *out, const hr_view *view, hr_scratch *scratch) {
    if (out != NULL)
        *out = (hr_str){0};
    if (out == NULL || view == NULL || scratch == NULL)
        return HR_EINVAL;
    if (hr_scratch_reset(scratch) != HR_OK)
        return HR_ENOMEM;
    hr_json_writer w = {.s = hr_sbuf_begin(scratch, 8192), .first = true};
    hr_json_open(&w, '{');
    hr_json_key(&w, "route_tables");
    hr_json_open(&w, '[');
    if (view->listeners != NULL)
        put_table(&w, view->listeners);
    for (size_t i = 0; i < view->n_tables; i++)
        put_table(&w, &view->tables[i]);
    hr_json_close(&w, ']');
    hr_json_key(&w, "omitted");
    hr_json_open(&w, '[');
    for (size_t i = 0; i < view->omitted.n; i++)
        put_omitted(&w, &view->omitted.v[i]);
    hr_json_close(&w, ']');
    hr_json_close(&w, '}');
    *out = hr_sbuf_end(&w.s);
    return out->p == NULL ? HR_ENOMEM : HR_OK;
}
