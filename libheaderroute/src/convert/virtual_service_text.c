/* Matches, actions and policies in the fields of VirtualService; what Istio does to HTTPRoutes
 * inside of Envoy only, such as matching segments of paths, is written with the fields that there
 * are. */
#include "virtual_service_text.h"

#include "gwapi_facts.h"
#include "gwapi_reference.h"
#include "http_route.h"
#include "text.h"

/* ---- matches ---- */

static void put_string_match(hr_yaml_text *t, const hr_string_match *m) {
    static const char *const kinds[] = {
        [HR_SM_EXACT] = "exact", [HR_SM_PREFIX] = "prefix", [HR_SM_REGEX] = "regex"};
    if (m->kind == HR_SM_NONE || m->kind > HR_SM_REGEX) {
        hr_yaml_put(t, "{}");
        return;
    }
    hr_yaml_put(t, "{%s: ", kinds[m->kind]);
    hr_yaml_put_scalar(t, m->value);
    hr_yaml_put(t, "}");
}

static void put_named_matches(hr_yaml_text *t, const char *name, const hr_named_match *list,
                              size_t n) {
    if (n == 0)
        return;
    hr_yaml_put_comma(t);
    hr_yaml_put(t, "%s: {", name);
    for (size_t i = 0; i < n; i++) {
        hr_yaml_put_comma(t);
        hr_yaml_put_scalar(t, list[i].name);
        hr_yaml_put(t, ": ");
        put_string_match(t, &list[i].match);
    }
    hr_yaml_put(t, "}");
}

static void put_match(hr_yaml_text *t, const hr_match_request *m, const hr_string_match *uri,
                      uint32_t port) {
    hr_yaml_put(t, "    - {");
    if (uri->kind != HR_SM_NONE) {
        hr_yaml_put(t, "uri: ");
        put_string_match(t, uri);
    }
    if (m->method.kind != HR_SM_NONE) {
        hr_yaml_put_comma(t);
        hr_yaml_put(t, "method: ");
        put_string_match(t, &m->method);
    }
    put_named_matches(t, "headers", m->headers, m->n_headers);
    put_named_matches(t, "queryParams", m->query_params, m->n_query_params);
    if (port != 0) {
        hr_yaml_put_comma(t);
        hr_yaml_put(t, "port: %u", (unsigned)port);
    }
    hr_yaml_put(t, "}\n");
}

/* ---- header operations ---- */

static void put_pair_map(hr_yaml_text *t, const char *name, const hr_pair *pairs, size_t n) {
    if (n == 0)
        return;
    hr_yaml_put_comma(t);
    hr_yaml_put(t, "%s: {", name);
    for (size_t i = 0; i < n; i++) {
        hr_yaml_put_comma(t);
        hr_yaml_put_scalar(t, pairs[i].name);
        hr_yaml_put(t, ": ");
        hr_yaml_put_scalar(t, pairs[i].value);
    }
    hr_yaml_put(t, "}");
}

static void put_header_operations(hr_yaml_text *t, const char *name,
                                  const hr_spec_header_operations *o) {
    if (o->n_set + o->n_add + o->n_remove == 0)
        return;
    hr_yaml_put_comma(t);
    hr_yaml_put(t, "%s: {", name);
    put_pair_map(t, "set", o->set, o->n_set);
    put_pair_map(t, "add", o->add, o->n_add);
    hr_yaml_put_list(t, "remove", o->remove, o->n_remove);
    hr_yaml_put(t, "}");
}

static void put_all_headers(hr_yaml_text *t, const char *indent, const hr_spec_headers *headers) {
    if (headers->request.n_set + headers->request.n_add + headers->request.n_remove +
            headers->response.n_set + headers->response.n_add + headers->response.n_remove ==
        0)
        return;
    hr_yaml_put(t, "%sheaders: {", indent);
    put_header_operations(t, "request", &headers->request);
    put_header_operations(t, "response", &headers->response);
    hr_yaml_put(t, "}\n");
}

/* ---- destinations ---- */

static void put_vs_destination(hr_yaml_text *t, const hr_spec_destination *to) {
    hr_yaml_put(t, "destination: {host: ");
    hr_yaml_put_scalar(t, to->host);
    if (to->port != 0)
        hr_yaml_put(t, ", port: {number: %u}", (unsigned)to->port);
    hr_yaml_put(t, "}");
}

/* Whether the backend answers 500 for its share. */
static bool is_bad(const hr_conversion_state *s, const hr_spec_route_destination *to) {
    const hr_gwapi *gwapi = s->table->gwapi;
    if (to->destination.host.len == 0)
        return true;
    for (size_t i = 0; i < gwapi->bad_backends.n; i++)
        if (!gwapi->bad_backends.v[i].mirror &&
            gwapi->bad_backends.v[i].ref->pos.line == to->pos.line &&
            gwapi->bad_backends.v[i].ref->pos.column == to->pos.column &&
            hr_str_eq(gwapi->bad_backends.v[i].ref->pos.file, to->pos.file))
            return true;
    return false;
}

static void put_routes(hr_conversion_state *s, hr_yaml_text *t, const hr_spec_http_route *http) {
    size_t bad = 0;
    for (size_t i = 0; i < http->n_route; i++)
        bad += is_bad(s, &http->route[i]);
    if (http->n_route > 0 && bad == http->n_route) {
        hr_yaml_put(t, "    directResponse: {status: 500}\n");
        return;
    }
    if (http->n_route > 0)
        hr_yaml_put(t, "    route:\n");
    for (size_t i = 0; i < http->n_route; i++) {
        const hr_spec_route_destination *to = &http->route[i];
        if (is_bad(s, to)) {
            hr_conversion_lost(s, to->pos, "spec.rules.backendRefs",
                               "a VirtualService has no destination that answers 500: the share "
                               "goes to the other destinations");
            continue;
        }
        hr_yaml_put(t, "    - ");
        put_vs_destination(t, &to->destination);
        hr_yaml_put(t, "\n");
        if (http->n_route - bad > 1)
            hr_yaml_put(t, "      weight: %lld\n", (long long)to->weight);
        put_all_headers(t, "      ", &to->headers);
    }
}

/* ---- redirects and rewrites ---- */

static void put_text_member(hr_yaml_text *t, const char *name, hr_str value) {
    if (value.len == 0)
        return;
    hr_yaml_put_comma(t);
    hr_yaml_put(t, "%s: ", name);
    hr_yaml_put_scalar(t, value);
}

static void put_vs_redirect(hr_conversion_state *s, hr_yaml_text *t, const hr_spec_redirect *r) {
    static const char *const derived[] = {"", "FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"};
    hr_yaml_put(t, "    redirect: {");
    put_text_member(t, "uri", r->uri);
    put_text_member(t, "authority", r->authority);
    put_text_member(t, "scheme", r->scheme);
    if (r->port != 0 || r->derive_port != 0)
        hr_yaml_put_comma(t);
    if (r->port != 0)
        hr_yaml_put(t, "port: %u", (unsigned)r->port);
    else if (r->derive_port != 0)
        hr_yaml_put(t, "derivePort: %s", derived[r->derive_port]);
    if (r->redirect_code != 0) {
        hr_yaml_put_comma(t);
        hr_yaml_put(t, "redirectCode: %u", (unsigned)r->redirect_code);
    }
    hr_yaml_put(t, "}\n");
    if (r->prefix_rewrite.p != NULL)
        hr_conversion_lost(s, r->pos, "spec.rules.filters.requestRedirect.path",
                           "a VirtualService does not replace a prefix in a redirect: the path is "
                           "kept");
}

static void put_vs_rewrite(hr_yaml_text *t, const hr_spec_rewrite *r, const char *behind) {
    hr_yaml_put(t, "    rewrite: {");
    if (r->uri.len > 0) {
        hr_yaml_put(t, "uri: ");
        bool slash = hr_str_ends(r->uri, HR_STR("/"));
        hr_yaml_text uri = {.arena = t->arena};
        hr_yaml_put_str(&uri, r->uri);
        hr_yaml_put(&uri, "%s", slash ? "" : behind);
        hr_yaml_put_scalar(t, hr_yaml_text_of(&uri));
    }
    if (r->regex_match.len > 0) {
        hr_yaml_put(t, "uriRegexRewrite: {match: ");
        hr_yaml_put_scalar(t, r->regex_match);
        hr_yaml_put(t, ", rewrite: ");
        hr_yaml_put_scalar(t, r->regex_rewrite);
        hr_yaml_put(t, "}");
    }
    put_text_member(t, "authority", r->authority);
    hr_yaml_put(t, "}\n");
}

/* ---- policies ---- */

static void put_policies(hr_yaml_text *t, const hr_spec_http_route *http) {
    const hr_spec_retries *r = http->retries;
    if (http->timeout_ns > 0) {
        hr_yaml_put(t, "    timeout: ");
        hr_conversion_put_duration(t, http->timeout_ns);
        hr_yaml_put(t, "\n");
    }
    if (r == NULL)
        return;
    hr_yaml_put(t, "    retries: {attempts: %lld", (long long)r->attempts);
    if (r->per_try_timeout_ns > 0) {
        hr_yaml_put(t, ", perTryTimeout: ");
        hr_conversion_put_duration(t, r->per_try_timeout_ns);
    }
    put_text_member(t, "retryOn", r->retry_on);
    if (r->backoff_ns > 0) {
        hr_yaml_put(t, ", backoff: ");
        hr_conversion_put_duration(t, r->backoff_ns);
    }
    hr_yaml_put(t, "}\n");
}

static void put_vs_cors(hr_yaml_text *t, const hr_spec_cors_policy *cors) {
    hr_yaml_put(t, "    corsPolicy: {allowOrigins: [");
    for (size_t i = 0; i < cors->n_allow_origins; i++) {
        hr_yaml_put_comma(t);
        put_string_match(t, &cors->allow_origins[i]);
    }
    hr_yaml_put(t, "]");
    hr_yaml_put_list(t, "allowMethods", cors->allow_methods.v, cors->allow_methods.n);
    hr_yaml_put_list(t, "allowHeaders", cors->allow_headers.v, cors->allow_headers.n);
    hr_yaml_put_list(t, "exposeHeaders", cors->expose_headers.v, cors->expose_headers.n);
    if (cors->max_age_ns > 0) {
        hr_yaml_put(t, ", maxAge: ");
        hr_conversion_put_duration(t, cors->max_age_ns);
    }
    if (cors->allow_credentials == 1)
        hr_yaml_put(t, ", allowCredentials: true");
    if (cors->unmatched_preflights != 0)
        hr_yaml_put(t, ", unmatchedPreflights: %s",
                    cors->unmatched_preflights == 1 ? "FORWARD" : "IGNORE");
    hr_yaml_put(t, "}\n");
}

static void put_vs_mirrors(hr_yaml_text *t, const hr_spec_http_route *http) {
    if (http->n_mirrors > 0)
        hr_yaml_put(t, "    mirrors:\n");
    for (size_t i = 0; i < http->n_mirrors; i++) {
        hr_yaml_put(t, "    - ");
        put_vs_destination(t, &http->mirrors[i].destination);
        hr_yaml_put(t, "\n");
        if (http->mirrors[i].percentage >= 0)
            hr_yaml_put(t, "      percentage: {value: %.15g}\n", http->mirrors[i].percentage);
    }
}

/* ---- a rule ---- */

static void put_vs_rule(hr_conversion_state *s, hr_yaml_text *t, const hr_spec_http_route *http,
                        hr_str matches, const char *behind) {
    hr_yaml_put(t, "  - name: ");
    hr_yaml_put_scalar(t, http->name);
    hr_yaml_put(t, "\n");
    if (matches.len > 0) {
        hr_yaml_put(t, "    match:\n");
        hr_yaml_put_str(t, matches);
    }
    if (http->redirect != NULL)
        put_vs_redirect(s, t, http->redirect);
    else if (http->direct_response != NULL)
        hr_yaml_put(t, "    directResponse: {status: %u}\n",
                    (unsigned)http->direct_response->status);
    else
        put_routes(s, t, http);
    if (http->rewrite != NULL && http->redirect == NULL)
        put_vs_rewrite(t, http->rewrite, behind);
    if (http->redirect == NULL && http->direct_response == NULL) {
        put_policies(t, http);
        put_vs_mirrors(t, http);
    }
    if (http->cors_policy != NULL)
        put_vs_cors(t, http->cors_policy);
    put_all_headers(t, "    ", &http->headers);
}

/* A prefix of segments is the path itself, or a prefix with a slash at its end. */
static void put_segment_rule(hr_conversion_state *s, hr_yaml_text *t,
                             const hr_spec_http_route *http, const hr_match_request *m,
                             uint32_t port) {
    hr_string_match whole = {HR_SM_EXACT, m->uri.value, m->uri.pos};
    hr_string_match below = {HR_SM_PREFIX, hr_arena_printf(s->arena, "%.*s/", HR_S(m->uri.value)),
                             m->uri.pos};
    bool rewrites = http->rewrite != NULL && http->rewrite->uri.len > 0;
    hr_yaml_text one = {.arena = s->arena}, two = {.arena = s->arena};
    put_match(&one, m, &whole, port);
    put_match(rewrites ? &two : &one, m, &below, port);
    put_vs_rule(s, t, http, hr_yaml_text_of(&one), "");
    if (rewrites)
        put_vs_rule(s, t, http, hr_yaml_text_of(&two), "/");
}

void hr_virtual_service_put_rule(hr_conversion_state *s, hr_yaml_text *t,
                                 const hr_mesh_http_route *entry, uint32_t port) {
    const hr_spec_http_route *http = entry->http;
    static const hr_match_request none;
    const hr_match_request *m = http->n_match == 0 ? &none : &http->match[0];
    hr_yaml_text match = {.arena = s->arena};
    port = m->port != 0 ? m->port : port;
    if (m->uri.kind == HR_SM_PATH_PREFIX) {
        put_segment_rule(s, t, http, m, port);
        return;
    }
    if (http->n_match > 0 || port != 0)
        put_match(&match, m, &m->uri, port);
    put_vs_rule(s, t, http, hr_yaml_text_of(&match), "");
}
