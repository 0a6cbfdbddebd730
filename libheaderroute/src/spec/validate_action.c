/* Admission of what a rule does: destinations, headers, redirect, direct response, rewrite, retries, fault,
 * CORS, mirrors. */
#include "validate.h"

#include <string.h>

#include "format_command.h"
#include "regex.h"
#include "scalar.h"
#include "syntax.h"
#include "text.h"

/* ---- Destination ---- */

static void check_subset_name(hr_reader *r, const hr_node *node, const char *field, hr_str name) {
    if (!hr_is_label(name))
        hr_field_error(r, node, field, "\"%.*s\" is no name of a subset: letters, digits and '-'", (int)name.len,
                       name.p);
}

void hr_check_destination(hr_reader *r, const hr_node *node, void *out) {
    const hr_destination *destination = out;
    const hr_node *port = hr_field_get(node, "port");
    const char *mistake = hr_domain_mistake(destination->host, true);
    if (destination->host_pos.line == 0)
        hr_reader_error(r, node, "a destination wants a host");
    else if (hr_str_eq_c(destination->host, "*"))
        hr_field_error(r, node, "host", "\"*\" is no destination; name a service");
    else if (mistake != NULL)
        hr_field_error(r, node, "host", "\"%.*s\" is no host: %s", (int)destination->host.len,
                       destination->host.p == NULL ? "" : destination->host.p, mistake);
    if (destination->subset.len > 0)
        check_subset_name(r, node, "subset", destination->subset);
    if (port != NULL && port->kind == HR_NODE_MAP && hr_field_get(port, "number") == NULL)
        hr_field_error(r, node, "port", "wants a number from 1 to 65535");
}

/* Rules of a list of weighted destinations. */
void hr_check_route_list(hr_reader *r, const hr_node *route) {
    const hr_node *list = hr_field_get(route, "route");
    hr_path name = {.up = r->path, .name = HR_STR("route")}, step;
    uint64_t total = 0;
    if (list == NULL || list->kind != HR_NODE_LIST)
        return;
    r->path = &name;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL; item = hr_items_next(r, &step, item)) {
        const hr_node *weight = hr_field_get(item, "weight");
        int64_t w = 0;
        if (item->kind == HR_NODE_MAP && hr_field_get(item, "destination") == NULL)
            hr_reader_error(r, item, "wants a destination");
        if (weight != NULL && weight->kind == HR_NODE_STRING)
            hr_scalar_int(&w, weight->u.text); /* protobuf's JSON takes a quoted number as well */
        else if (weight != NULL)
            hr_node_int(&w, weight);
        total += w > 0 ? (uint64_t)w : 0;
    }
    r->path = name.up;
    if (list->u.children.n > 1 && total == 0)
        hr_field_error(r, route, "route",
                       "no destination has a weight: of several destinations, those without one get nothing");
    else if (total > UINT32_MAX)
        hr_field_error(r, route, "route", "the weights add up to more than %u, which Envoy refuses", UINT32_MAX);
}

/* ---- header operations ---- */

static void check_operation_name(hr_reader *r, const hr_node *node, int authority_allowed) {
    hr_str name = node->u.text;
    if (name.len == 0)
        hr_reader_error(r, node, "a header's name may not be empty");
    else if (hr_is_authority_header(name) && !authority_allowed)
        hr_reader_error(r, node, "\"%.*s\" can only be set or added to requests", (int)name.len, name.p);
    else if (name.p[0] == ':' && !hr_is_authority_header(name))
        hr_reader_error(r, node, "\"%.*s\" cannot be changed by header operations", (int)name.len, name.p);
}

/* Envoy refuses the whole route table for one command that it does not have. */
static void check_commands(hr_reader *r, const hr_node *value) {
    hr_str where, format = value->u.text;
    const char *mistake = hr_format_error(&where, format);
    if (mistake != NULL) {
        hr_reader_error(r, value, "\"%.*s\" %s; Envoy would refuse the whole route table", (int)where.len, where.p, mistake);
        return;
    }
    hr_str unknown = hr_format_unknown(format, r->serves);
    if (unknown.p == NULL)
        return;
    if (r->serves)
        hr_reader_error(r, value, "the value of %%%.*s%% is not known here", (int)unknown.len, unknown.p);
    else
        hr_reader_warn(r, value, "%%%.*s%% is not evaluated: the header is shown without it", (int)unknown.len, unknown.p);
}

static void check_values(hr_reader *r, const hr_node *operations, const char *field, int authority_allowed) {
    const hr_node *map = hr_field_get(operations, field);
    hr_path name = {.up = r->path, .name = hr_str_from(field)}, step;
    if (map == NULL)
        return;
    r->path = &name;
    for (const hr_node *key = hr_keys_begin(r, &step, map); key != NULL; key = hr_keys_next(r, &step, key)) {
        check_operation_name(r, key, authority_allowed);
        if (key->value->kind != HR_NODE_STRING)
            continue;
        const char *mistake = hr_header_value_mistake(key->value->u.text);
        if (mistake != NULL)
            hr_reader_error(r, key->value, "the value %s", mistake);
        else if (!hr_is_authority_header(key->u.text)) /* its value is taken literally */
            check_commands(r, key->value);
    }
    r->path = name.up;
}

static void check_operations(hr_reader *r, const hr_node *operations, int authority_allowed) {
    const hr_node *list = hr_field_get(operations, "remove");
    hr_path name = {.up = r->path, .name = HR_STR("remove")}, step;
    check_values(r, operations, "set", authority_allowed);
    check_values(r, operations, "add", authority_allowed);
    r->path = &name;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL; item = hr_items_next(r, &step, item))
        if (item->kind == HR_NODE_STRING)
            check_operation_name(r, item, 0);
    r->path = name.up;
}

void hr_check_request_headers(hr_reader *r, const hr_node *node, void *out) {
    (void)out;
    check_operations(r, node, 1);
}

void hr_check_response_headers(hr_reader *r, const hr_node *node, void *out) {
    (void)out;
    check_operations(r, node, 0);
}

/* ---- percentages ---- */

static void check_percentage(hr_reader *r, const hr_node *node, const char *field, double value, double least) {
    if (value == -1 && hr_field_get(node, field) == NULL)
        return;
    if (value < 0 || value > 100)
        hr_field_error(r, node, field, "%g is no percentage; wants 0 to 100", value);
    else if (value > 0 && value < least)
        hr_field_error(r, node, field, "%g is too small; wants 0, or at least %g", value, least);
}

void hr_check_mirror(hr_reader *r, const hr_node *node, void *out) {
    const hr_mirror_spec *mirror = out;
    if (hr_field_get(node, "destination") == NULL)
        hr_reader_error(r, node, "a mirror wants a destination");
    check_percentage(r, node, "percentage", mirror->percentage, 0);
}

/* ---- redirect, direct response, rewrite ---- */

void hr_check_redirect(hr_reader *r, const hr_node *node, void *out) {
    const hr_redirect *redirect = out;
    uint32_t code = redirect->redirect_code;
    if (redirect->uri.len > 0 && redirect->prefix_rewrite.len > 0)
        hr_field_error(r, node, "prefixRewrite", "excludes \"uri\": only one of them may be given");
    if (redirect->uri.len == 0 && redirect->prefix_rewrite.len == 0 && redirect->authority.len == 0 &&
        redirect->scheme.len == 0 && hr_field_get(node, "port") == NULL && hr_field_get(node, "derivePort") == NULL)
        hr_reader_error(r, node, "a redirect wants at least one of uri, prefixRewrite, authority, port, scheme");
    if (code != 0 && (code < 300 || code > 399))
        hr_field_error(r, node, "redirectCode", "%u is no redirect; wants 301, 302, 303, 307 or 308", code);
    else if (code != 0 && code != 301 && code != 302 && code != 303 && code != 307 && code != 308)
        hr_field_error(r, node, "redirectCode",
                       "%u passes Istio, but Envoy refuses the routes; wants 301, 302, 303, 307 or 308", code);
    if (redirect->scheme.len > 0 && !hr_str_eq_c(redirect->scheme, "http") && !hr_str_eq_c(redirect->scheme, "https"))
        hr_field_error(r, node, "scheme", "wants \"http\" or \"https\", not \"%.*s\"", (int)redirect->scheme.len,
                       redirect->scheme.p);
    if (redirect->port > 65535)
        hr_field_error(r, node, "port", "%u is no port; wants 1 to 65535", redirect->port);
}

static void check_status(hr_reader *r, const hr_node *node, const char *field, int64_t status) {
    if (hr_field_get(node, field) == NULL)
        hr_reader_error(r, node, "wants a %s from 200 to 599", field);
    else if (status == 600)
        hr_field_error(r, node, field, "600 passes Istio, but Envoy refuses the routes; wants 200 to 599");
    else if (status < 200 || status > 600)
        hr_field_error(r, node, field, "%lld is no status; wants 200 to 599", (long long)status);
}

void hr_check_direct_response(hr_reader *r, const hr_node *node, void *out) {
    const hr_direct_response *response = out;
    check_status(r, node, "status", response->status);
    if (response->body.len > (size_t)1 << 20)
        hr_field_error(r, node, "body", "is larger than 1 MiB: %zu bytes", response->body.len);
    else if (response->body.len > 100u << 10)
        hr_field_warn(r, node, "body", "is large (%zu bytes): beyond 100 KiB it slows Istio's control plane",
                      response->body.len);
}

void hr_check_rewrite(hr_reader *r, const hr_node *node, void *out) {
    const hr_rewrite *rewrite = out;
    const hr_node *regex = hr_field_get(node, "uriRegexRewrite");
    if (rewrite->uri.len > 0 && regex != NULL)
        hr_field_error(r, node, "uriRegexRewrite", "excludes \"uri\": only one of them may be given");
    if (rewrite->uri.len == 0 && rewrite->authority.len == 0 && regex == NULL)
        hr_reader_error(r, node, "a rewrite wants at least one of uri, uriRegexRewrite, authority");
    if (regex == NULL || regex->kind != HR_NODE_MAP)
        return;
    hr_path step = {.up = r->path, .name = HR_STR("uriRegexRewrite")};
    hr_path deeper = {.up = &step, .name = HR_STR("match")};
    const hr_node *match = hr_field_get(regex, "match");
    r->path = &step;
    if (rewrite->regex_match.len == 0 || rewrite->regex_rewrite.len == 0) {
        hr_reader_error(r, regex, "wants both match and rewrite, and neither of them empty");
    } else if (match != NULL) {
        size_t before = hr_diagnostics_errors(r->d);
        char why[256];
        r->path = &deeper;
        hr_check_regex(r, match, rewrite->regex_match);
        r->path = &step;
        hr_regex *compiled = hr_map_get(&r->out->regexes, rewrite->regex_match);
        int rc = HR_OK;
        if (hr_diagnostics_errors(r->d) == before && compiled != NULL)
            rc = hr_regex_prepare_rewrite(compiled, rewrite->regex_match, rewrite->regex_rewrite, why, sizeof(why));
        if (rc == HR_ENOMEM)
            hr_arena_fail(r->arena);
        else if (rc != HR_OK)
            hr_field_warn(r, regex, "rewrite", "does not fit the match, and RE2 does not replace it whole: %s", why);
    }
    r->path = step.up;
}

/* ---- retries ---- */

static int is_retry_condition(hr_str s) {
    static const char *const known[] = {
        "5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "retriable-4xx",
        "refused-stream", "retriable-status-codes", "retriable-headers", "envoy-ratelimited",
        "http3-post-connect-failure", "cancelled", "deadline-exceeded", "internal", "resource-exhausted",
        "unavailable"};
    int64_t code;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (hr_str_eq_c(s, known[i]))
            return 1;
    return s.len == 3 && strspn(s.p, "0123456789") >= 3 && hr_scalar_int(&code, s) && hr_is_known_status(code);
}

void hr_check_retries(hr_reader *r, const hr_node *node, void *out) {
    const hr_retries *retries = out;
    if (retries->attempts < 0)
        hr_field_error(r, node, "attempts", "may not be negative");
    if (retries->attempts == 0) {
        static const char *const idle[] = {"perTryTimeout", "retryOn", "retryRemoteLocalities"};
        for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++)
            if (hr_field_get(node, idle[i]) != NULL && (i != 1 || retries->retry_on.len > 0))
                hr_field_error(r, node, idle[i], "makes no sense with 0 attempts, which switch retries off");
    }
    hr_str on = retries->retry_on;
    for (size_t from = 0; on.len > 0 && from <= on.len;) {
        size_t comma = hr_str_find(on, ',', from);
        hr_str condition = hr_str_from_to(on, from, comma);
        if (!is_retry_condition(condition))
            hr_field_error(r, node, "retryOn", "\"%.*s\" is no retry condition and no HTTP status",
                           (int)condition.len, condition.p);
        from = comma + 1;
    }
}

/* ---- fault ---- */

void hr_check_fault(hr_reader *r, const hr_node *node, void *out) {
    const hr_fault *fault = out;
    if (!fault->has_delay && !fault->has_abort)
        hr_reader_error(r, node, "a fault wants a delay or an abort");
}

void hr_check_delay(hr_reader *r, const hr_node *node, void *out) {
    const hr_fault *fault = out;
    check_percentage(r, node, "percentage", fault->delay_percentage, 0.0001);
    if (hr_field_get(node, "percent") != NULL)
        hr_field_warn(r, node, "percent", "is deprecated; use percentage");
    if (fault->delay_percentage == -1 && (fault->delay_percent < 0 || fault->delay_percent > 100))
        hr_field_error(r, node, "percent", "%d is no percentage; wants 0 to 100", fault->delay_percent);
}

void hr_check_abort(hr_reader *r, const hr_node *node, void *out) {
    const hr_fault *fault = out;
    check_percentage(r, node, "percentage", fault->abort_percentage, 0.0001);
    if (hr_field_get(node, "httpStatus") != NULL && fault->abort_grpc_status.p == NULL)
        check_status(r, node, "httpStatus", fault->abort_http_status);
    else if (hr_field_get(node, "grpcStatus") == NULL && hr_field_get(node, "http2Error") == NULL)
        hr_reader_warn(r, node, "an abort without httpStatus or grpcStatus does nothing");
    else if (fault->abort_grpc_status.p != NULL && !hr_is_grpc_status(fault->abort_grpc_status))
        hr_field_error(r, node, "grpcStatus", "\"%.*s\" is no gRPC status; wants, for example, NOT_FOUND",
                       (int)fault->abort_grpc_status.len, fault->abort_grpc_status.p);
}

/* ---- CORS ---- */

static int is_method(hr_str s) {
    static const char *const known[] = {"GET",     "HEAD",    "POST",  "PUT", "PATCH", "DELETE",
                                        "CONNECT", "OPTIONS", "TRACE", "*"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (hr_str_eq_c(s, known[i]))
            return 1;
    return 0;
}

static void check_cors_names(hr_reader *r, const hr_node *cors, const char *field, int methods) {
    const hr_node *list = hr_field_get(cors, field);
    hr_path name = {.up = r->path, .name = hr_str_from(field)}, step;
    r->path = &name;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL; item = hr_items_next(r, &step, item)) {
        if (item->kind != HR_NODE_STRING)
            continue;
        hr_str s = item->u.text;
        if (methods ? !is_method(s) : !hr_is_header_name(s))
            hr_reader_error(r, item, methods ? "\"%.*s\" is no HTTP method (in capitals)" : "\"%.*s\" is no name of a header",
                            (int)s.len, s.p);
    }
    r->path = name.up;
}

void hr_check_cors(hr_reader *r, const hr_node *node, void *out) {
    const hr_cors_spec *cors = out;
    check_cors_names(r, node, "allowMethods", 1);
    check_cors_names(r, node, "allowHeaders", 0);
    check_cors_names(r, node, "exposeHeaders", 0);
    if (cors->max_age_ns > 0 && cors->max_age_ns % 1000000000 != 0)
        hr_field_error(r, node, "maxAge", "must be whole seconds");
    if (cors->allow_origin.n > 0)
        hr_field_warn(r, node, "allowOrigin", "is deprecated; use allowOrigins");
}
