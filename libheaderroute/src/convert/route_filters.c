/* Rewrites, redirects, mirrors, CORS and header operations of a rule as filters of an HTTPRoute. */
#include "route_filters.h"

#include "route_backends.h"
#include "text.h"

/* ---- header operations ---- */

static void put_pairs(hr_yaml_text *t, const char *name, const hr_pair *pairs, size_t n) {
    if (n == 0)
        return;
    hr_yaml_put_comma(t);
    hr_yaml_put(t, "%s: [", name);
    for (size_t i = 0; i < n; i++) {
        hr_yaml_put_comma(t);
        hr_yaml_put(t, "{name: ");
        hr_yaml_put_scalar(t, pairs[i].name);
        hr_yaml_put(t, ", value: ");
        hr_yaml_put_scalar(t, pairs[i].value);
        hr_yaml_put(t, "}");
    }
    hr_yaml_put(t, "]");
}

/* The pairs whose names are those of headers: HTTPRoutes cannot set the authority or the path. */
static size_t usual_pairs(hr_route_writer *w, hr_pair **out, const hr_pair *pairs, size_t n,
                          hr_pos pos) {
    size_t kept = 0;
    *out = HR_ARRAY(w->s->arena, hr_pair, n);
    for (size_t i = 0; *out != NULL && i < n; i++) {
        if (pairs[i].name.len > 0 && pairs[i].name.p[0] != ':' &&
            !hr_str_eq_c(hr_arena_lower(w->s->arena, pairs[i].name), "host"))
            (*out)[kept++] = pairs[i];
        else
            hr_route_lost(w, pos, "headers",
                          "HTTPRoute does not change the header %.*s: it stays as it was received",
                          HR_S(pairs[i].name));
    }
    return kept;
}

static void put_operations(hr_route_writer *w, hr_yaml_text *t, const char *type,
                           const char *member, const hr_spec_header_operations *o,
                           const char *indent) {
    hr_pair *set, *add;
    size_t n_set = usual_pairs(w, &set, o->set, o->n_set, o->pos);
    size_t n_add = usual_pairs(w, &add, o->add, o->n_add, o->pos);
    if (n_set + n_add + o->n_remove == 0)
        return;
    if (indent == NULL)
        hr_yaml_put_comma(t);
    hr_yaml_put(t, "%s{type: %s, %s: {", indent == NULL ? "" : indent, type, member);
    put_pairs(t, "set", set, n_set);
    put_pairs(t, "add", add, n_add);
    hr_yaml_put_list(t, "remove", o->remove, o->n_remove);
    hr_yaml_put(t, "}}%s", indent == NULL ? "" : "\n");
}

void hr_route_put_headers(hr_route_writer *w, hr_yaml_text *t, const hr_spec_headers *headers,
                          const char *indent) {
    put_operations(w, t, "RequestHeaderModifier", "requestHeaderModifier", &headers->request,
                   indent);
    put_operations(w, t, "ResponseHeaderModifier", "responseHeaderModifier", &headers->response,
                   indent);
}

/* ---- redirects and rewrites ---- */

static void put_hostname(hr_route_writer *w, hr_yaml_text *t, hr_str authority, hr_pos pos,
                         const char *part, uint32_t *port) {
    size_t colon = hr_str_find(authority, ':', 0);
    if (authority.len == 0)
        return;
    hr_yaml_put_comma(t);
    hr_yaml_put(t, "hostname: ");
    hr_yaml_put_scalar(t, hr_arena_lower(w->s->arena, hr_str_of(authority.p, colon)));
    for (size_t i = colon + 1; port != NULL && i < authority.len; i++)
        *port = *port * 10 + (uint32_t)(authority.p[i] - '0');
    if (port == NULL && colon < authority.len)
        hr_route_lost(w, pos, part, "a hostname has no port: the authority is sent without it");
}

static void put_redirect(hr_route_writer *w, hr_yaml_text *t, const hr_spec_redirect *r) {
    uint32_t port = 0, code = r->redirect_code == 0 ? 301 : r->redirect_code;
    hr_yaml_put(t, "    - type: RequestRedirect\n      requestRedirect: {");
    if (hr_str_eq_c(r->scheme, "http") || hr_str_eq_c(r->scheme, "https"))
        hr_yaml_put(t, "scheme: %.*s", HR_S(r->scheme));
    put_hostname(w, t, r->authority, r->pos, "redirect.authority", &port);
    port = r->port != 0 ? r->port : port;
    if (port != 0) {
        hr_yaml_put_comma(t);
        hr_yaml_put(t, "port: %u", (unsigned)port);
    }
    if (r->uri.len > 0) {
        hr_yaml_put_comma(t);
        hr_yaml_put(t, "path: {type: ReplaceFullPath, replaceFullPath: ");
        hr_yaml_put_scalar(t, r->uri);
        hr_yaml_put(t, "}");
    }
    hr_yaml_put_comma(t);
    hr_yaml_put(t, "statusCode: %u}\n", (unsigned)code);
}

static void put_rewrite(hr_route_writer *w, hr_yaml_text *t, const hr_spec_rewrite *r,
                        hr_path_form form) {
    if (r->regex_match.len > 0)
        hr_route_lost(w, r->pos, "rewrite.uriRegexRewrite",
                      "HTTPRoute does not rewrite by a regular expression: the path is not "
                      "rewritten");
    if (r->uri.len == 0 && r->authority.len == 0)
        return;
    hr_yaml_put(t, "    - type: URLRewrite\n      urlRewrite: {");
    put_hostname(w, t, r->authority, r->pos, "rewrite.authority", NULL);
    if (r->uri.len > 0) {
        const char *type = form == HR_PATH_WHOLE ? "ReplaceFullPath" : "ReplacePrefixMatch";
        const char *member = form == HR_PATH_WHOLE ? "replaceFullPath" : "replacePrefixMatch";
        hr_yaml_put_comma(t);
        hr_yaml_put(t, "path: {type: %s, %s: ", type, member);
        hr_yaml_put_scalar(t, r->uri);
        hr_yaml_put(t, "}");
    }
    hr_yaml_put(t, "}\n");
}

/* ---- mirrors ---- */

static void put_mirror(hr_route_writer *w, hr_yaml_text *t, const hr_spec_mirror *m,
                       double percentage) {
    hr_yaml_put(t, "    - type: RequestMirror\n      requestMirror: {backendRef: {");
    hr_route_put_backend(w, t, &m->destination, "mirror");
    hr_yaml_put(t, "}");
    double whole = (double)(long long)percentage;
    if (percentage >= 0 && percentage < 100 && percentage - whole == 0)
        hr_yaml_put(t, ", percent: %lld", (long long)percentage);
    else if (percentage >= 0 && percentage < 100)
        hr_yaml_put(t, ", fraction: {numerator: %lld, denominator: 1000000}",
                    (long long)(percentage * 10000 + 0.5));
    hr_yaml_put(t, "}\n");
}

static void put_route_mirrors(hr_route_writer *w, hr_yaml_text *t) {
    const hr_spec_http_route *http = w->entry->http;
    double single = http->mirror_percentage >= 0 ? http->mirror_percentage
                    : http->mirror_percent >= 0  ? (double)http->mirror_percent
                                                 : -1;
    if (http->mirror != NULL)
        put_mirror(w, t, http->mirror, single);
    for (size_t i = 0; i < http->n_mirrors; i++)
        put_mirror(w, t, &http->mirrors[i], http->mirrors[i].percentage);
}

/* ---- CORS ---- */

static void put_origins(hr_route_writer *w, hr_yaml_text *t, const hr_spec_cors_policy *cors) {
    hr_yaml_put(t, "allowOrigins: [");
    for (size_t i = 0; i < cors->allow_origin.n; i++) {
        hr_yaml_put_comma(t);
        hr_yaml_put_scalar(t, cors->allow_origin.v[i]);
    }
    for (size_t i = 0; i < cors->n_allow_origins; i++) {
        const hr_string_match *origin = &cors->allow_origins[i];
        bool any = origin->kind == HR_SM_REGEX && hr_str_eq_c(origin->value, ".*");
        if (origin->kind != HR_SM_EXACT && !any) {
            hr_route_lost(w, origin->pos, "corsPolicy.allowOrigins",
                          "HTTPRoute has origins and wildcards only: this origin is left out, and "
                          "its requests get no CORS headers");
            continue;
        }
        hr_yaml_put_comma(t);
        hr_yaml_put_scalar(t, any ? HR_STR("*") : origin->value);
    }
    hr_yaml_put(t, "]");
}

static void put_cors(hr_route_writer *w, hr_yaml_text *t, const hr_spec_cors_policy *cors) {
    hr_yaml_put(t, "    - type: CORS\n      cors: {");
    put_origins(w, t, cors);
    hr_yaml_put_list(t, "allowMethods", cors->allow_methods.v, cors->allow_methods.n);
    hr_yaml_put_list(t, "allowHeaders", cors->allow_headers.v, cors->allow_headers.n);
    hr_yaml_put_list(t, "exposeHeaders", cors->expose_headers.v, cors->expose_headers.n);
    if (cors->allow_credentials > 0)
        hr_yaml_put(t, ", allowCredentials: true");
    if (cors->max_age_ns >= 1000000000)
        hr_yaml_put(t, ", maxAge: %lld", (long long)(cors->max_age_ns / 1000000000));
    else
        hr_route_lost(w, cors->pos, "corsPolicy.maxAge",
                      "HTTPRoute has a maxAge of 5 seconds where none is given");
    hr_yaml_put(t, "}\n");
    if (cors->unmatched_preflights != 2)
        hr_route_lost(w, cors->pos, "corsPolicy.unmatchedPreflights",
                      "a preflight of another origin is answered by the proxy and not forwarded");
}

/* ---- all ---- */

void hr_route_put_filters(hr_route_writer *w, hr_yaml_text *t, hr_path_form form) {
    const hr_spec_http_route *http = w->entry->http;
    hr_yaml_text own = {.arena = w->s->arena};
    if (http->cors_policy != NULL)
        put_cors(w, &own, http->cors_policy);
    hr_route_put_headers(w, &own, &http->headers, "    - ");
    if (http->redirect != NULL)
        put_redirect(w, &own, http->redirect);
    else if (http->rewrite != NULL)
        put_rewrite(w, &own, http->rewrite, form);
    if (http->redirect == NULL)
        put_route_mirrors(w, &own);
    if (own.n > 0) {
        hr_yaml_put(t, "    filters:\n");
        hr_yaml_put_str(t, hr_yaml_text_of(&own));
    }
}
