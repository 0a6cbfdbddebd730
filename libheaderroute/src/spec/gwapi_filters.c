/* Filters of HTTPRoute and GRPCRoute, read, checked, and written as a VirtualService's fields: what
 * Istio's control plane makes of them (pilot/pkg/config/kube/gateway/conversion.go). */
#include "gwapi_filters.h"

#include <stddef.h>

#include "common_fields.h"
#include "name_rules.h"
#include "regex.h"
#include "resources.h"
#include "text.h"

typedef enum filter_type {
    FILTER_NONE = 0,
    FILTER_REQUEST_HEADERS,
    FILTER_RESPONSE_HEADERS,
    FILTER_MIRROR,
    FILTER_REDIRECT,
    FILTER_REWRITE,
    FILTER_CORS,
    FILTER_EXTERNAL_AUTH,
    FILTER_EXTENSION,
    FILTER_TYPES
} filter_type;

static const hr_enum filter_types[] = {{"RequestHeaderModifier", FILTER_REQUEST_HEADERS},
                                       {"ResponseHeaderModifier", FILTER_RESPONSE_HEADERS},
                                       {"RequestMirror", FILTER_MIRROR},
                                       {"RequestRedirect", FILTER_REDIRECT},
                                       {"URLRewrite", FILTER_REWRITE},
                                       {"CORS", FILTER_CORS},
                                       {"ExternalAuth", FILTER_EXTERNAL_AUTH},
                                       {"ExtensionRef", FILTER_EXTENSION},
                                       {NULL, 0}};

/* The member of a filter of each type. */
static const char *const filter_members[FILTER_TYPES] = {
    [FILTER_REQUEST_HEADERS] = "requestHeaderModifier",
    [FILTER_RESPONSE_HEADERS] = "responseHeaderModifier",
    [FILTER_MIRROR] = "requestMirror",
    [FILTER_REDIRECT] = "requestRedirect",
    [FILTER_REWRITE] = "urlRewrite",
    [FILTER_CORS] = "cors",
    [FILTER_EXTERNAL_AUTH] = "externalAuth",
    [FILTER_EXTENSION] = "extensionRef",
};

typedef struct filter {
    int type;
    hr_spec_headers headers;
    hr_spec_redirect *redirect;
    hr_spec_rewrite *rewrite;
    hr_spec_cors_policy *cors;
    hr_spec_gwapi_mirror *mirror;
    hr_pos pos;
} filter;

/* ---- header modifiers ---- */

typedef struct header_value {
    hr_str name, value;
} header_value;

static void check_header_value(hr_reader *r, const hr_node *node, void *out) {
    const header_value *header = out;
    if (node->kind != HR_NODE_MAP)
        return;
    if (!hr_is_header_name(header->name))
        hr_field_error(r, node, "name", "\"%.*s\" is not a valid header name",
                       (int)header->name.len, header->name.p == NULL ? "" : header->name.p);
    const hr_node *value = hr_field_get(node, "value");
    if (value == NULL)
        hr_reader_error(r, node, "value is required");
    else if (value->kind == HR_NODE_STRING && !hr_is_authority_header(header->name))
        hr_check_header_format(r, value);
}

static const hr_field header_value_fields[] = {
    {"name", hr_read_string, offsetof(header_value, name), 0, NULL, 0},
    {"value", hr_read_string, offsetof(header_value, value), 0, NULL, 0},
};
static const hr_schema header_value_schema =
    HR_SCHEMA("HTTPHeader", header_value_fields, header_value, NULL, check_header_value);

typedef struct header_list {
    header_value *v;
    size_t n;
} header_list;

/* hr_pair * and count. Of names that differ in letter case alone the first counts. */
static void read_header_list(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    header_list list = {0};
    const hr_field items = {
        "", NULL, offsetof(header_list, v), offsetof(header_list, n), &header_value_schema, 0};
    hr_read_list(r, node, &list, &items);
    hr_pair *pairs = list.n == 0 ? NULL : hr_reader_alloc(r, list.n, sizeof(*pairs));
    if (pairs == NULL)
        return;
    size_t n = 0;
    for (size_t i = 0; i < list.n; i++) {
        hr_str name = hr_arena_lower(r->arena, list.v[i].name);
        size_t k = 0;
        while (k < n && !hr_str_eq(pairs[k].name, name))
            k++;
        if (k == n)
            pairs[n++] = (hr_pair){name, list.v[i].value};
    }
    *(hr_pair **)(void *)((char *)base + field->offset) = pairs;
    *(size_t *)(void *)((char *)base + field->count) = n;
}

#define O(member) offsetof(hr_spec_header_operations, member)
static const hr_field modifier_fields[] = {
    {"set", read_header_list, O(set), O(n_set), NULL, 0},
    {"add", read_header_list, O(add), O(n_add), NULL, 0},
    {"remove", hr_read_header_removals, 0, 0, NULL, 0},
};
static const hr_schema modifier_schema =
    HR_SCHEMA_WITH_POS("HTTPHeaderFilter", modifier_fields, hr_spec_header_operations, NULL, NULL);
#undef O

static void read_modifier(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_read_message(r, node, base, field);
    ((filter *)base)->headers.present = true;
}

/* ---- paths of redirects and rewrites ---- */

typedef struct path_modifier {
    int type; /* 0: unset, 1 ReplaceFullPath, 2 ReplacePrefixMatch */
    hr_str full, prefix;
} path_modifier;

static const hr_enum path_modifier_types[] = {
    {"ReplaceFullPath", 1}, {"ReplacePrefixMatch", 2}, {NULL, 0}};

static void check_path_modifier(hr_reader *r, const hr_node *node, void *out) {
    const path_modifier *path = out;
    if (node->kind != HR_NODE_MAP)
        return;
    if (hr_field_get(node, "type") == NULL)
        hr_reader_error(r, node, "type is required: ReplaceFullPath or ReplacePrefixMatch");
    if (path->type == 1 && path->full.p == NULL)
        hr_reader_error(r, node, "replaceFullPath is required for the type ReplaceFullPath");
    if (path->type == 2 && path->prefix.p == NULL)
        hr_reader_error(r, node, "replacePrefixMatch is required for the type ReplacePrefixMatch");
    if (path->type == 1 && path->prefix.p != NULL)
        hr_field_error(r, node, "replacePrefixMatch",
                       "is not allowed with the type ReplaceFullPath");
    if (path->type == 2 && path->full.p != NULL)
        hr_field_error(r, node, "replaceFullPath",
                       "is not allowed with the type ReplacePrefixMatch");
}

static const hr_field path_modifier_fields[] = {
    {"type", hr_read_enum, offsetof(path_modifier, type), 0, path_modifier_types, 0},
    {"replaceFullPath", hr_read_string, offsetof(path_modifier, full), 0, NULL, 0},
    {"replacePrefixMatch", hr_read_string, offsetof(path_modifier, prefix), 0, NULL, 0},
};
static const hr_schema path_modifier_schema =
    HR_SCHEMA("HTTPPathModifier", path_modifier_fields, path_modifier, NULL, check_path_modifier);

static path_modifier read_path_modifier(hr_reader *r, const hr_node *node) {
    path_modifier path = {0};
    if (hr_reader_expect(r, node, HR_NODE_MAP))
        hr_read_fields(r, node, &path, &path_modifier_schema);
    return path;
}

/* ---- RequestRedirect ---- */

static void read_redirect_path(hr_reader *r, const hr_node *node, void *base,
                               const hr_field *field) {
    hr_spec_redirect *redirect = base;
    path_modifier path = read_path_modifier(r, node);
    (void)field;
    redirect->uri = path.type == 1 ? path.full : (hr_str){0};
    redirect->prefix_rewrite = path.type == 2 ? path.prefix : (hr_str){0};
}

static void init_gwapi_redirect(void *out) {
    ((hr_spec_redirect *)out)->redirect_code = 302;
}

/* Without a port the redirect keeps the listener's, or has the scheme's own if it names one. */
static void check_gwapi_redirect(hr_reader *r, const hr_node *node, void *out) {
    hr_spec_redirect *redirect = out;
    if (redirect->port == 0)
        redirect->derive_port = redirect->scheme.p != NULL ? 1 : 2;
    if (redirect->scheme.p != NULL && !hr_str_eq_c(redirect->scheme, "http") &&
        !hr_str_eq_c(redirect->scheme, "https"))
        hr_field_error(r, node, "scheme", "\"%.*s\" is not a valid scheme: expected http or https",
                       (int)redirect->scheme.len, redirect->scheme.p);
    uint32_t code = redirect->redirect_code;
    if (code != 301 && code != 302 && code != 303 && code != 307 && code != 308)
        hr_field_error(r, node, "statusCode",
                       "%u is not a valid status: expected 301, 302, 303, 307 or 308", code);
}

#define R(member) offsetof(hr_spec_redirect, member)
static const hr_field gwapi_redirect_fields[] = {
    {"scheme", hr_read_string, R(scheme), 0, NULL, 0},
    {"hostname", hr_gwapi_read_hostname, R(authority), 0, NULL, 0},
    {"path", read_redirect_path, 0, 0, NULL, 0},
    {"port", hr_read_port, R(port), 0, NULL, 0},
    {"statusCode", hr_read_uint32, R(redirect_code), 0, NULL, 0},
};
static const hr_schema gwapi_redirect_schema =
    HR_SCHEMA_WITH_POS("HTTPRequestRedirectFilter", gwapi_redirect_fields, hr_spec_redirect,
                       init_gwapi_redirect, check_gwapi_redirect);
#undef R

/* ---- URLRewrite ---- */

static hr_str without_final_slash(hr_str path) {
    return hr_str_ends(path, HR_STR("/")) ? hr_str_of(path.p, path.len - 1) : path;
}

/* Replaces the whole path by a regular expression, whose replacement may have no escapes. */
static void set_full_path(hr_reader *r, const hr_node *node, hr_spec_rewrite *rewrite,
                          hr_str path) {
    char why[256];
    rewrite->regex_match = HR_STR("/.*");
    rewrite->regex_rewrite = path.p == NULL ? HR_STR("") : path;
    hr_check_regex(r, node, rewrite->regex_match);
    hr_regex *regex = hr_map_get(&r->out->regexes, rewrite->regex_match);
    int rc = regex == NULL ? HR_OK
                           : hr_regex_prepare_rewrite(regex, rewrite->regex_match,
                                                      rewrite->regex_rewrite, why, sizeof(why));
    if (rc == HR_ENOMEM)
        hr_arena_fail(r->arena);
    else if (rc != HR_OK)
        hr_field_error(r, node, "replaceFullPath",
                       "has a backslash, which Envoy would take for a group: %s", why);
}

static void read_rewrite_path(hr_reader *r, const hr_node *node, void *base,
                              const hr_field *field) {
    hr_spec_rewrite *rewrite = base;
    path_modifier path = read_path_modifier(r, node);
    (void)field;
    if (path.type == 1)
        set_full_path(r, node, rewrite, path.full);
    if (path.type == 2)
        rewrite->uri = without_final_slash(path.prefix);
    if (path.type == 2 && rewrite->uri.len == 0)
        rewrite->uri = HR_STR("/");
}

static const hr_field gwapi_rewrite_fields[] = {
    {"hostname", hr_gwapi_read_hostname, offsetof(hr_spec_rewrite, authority), 0, NULL, 0},
    {"path", read_rewrite_path, 0, 0, NULL, 0},
};
static const hr_schema gwapi_rewrite_schema =
    HR_SCHEMA_WITH_POS("HTTPURLRewriteFilter", gwapi_rewrite_fields, hr_spec_rewrite, NULL, NULL);

/* ---- CORS ---- */

/* A pattern of the load; absent if an allocation fails. */
static hr_str keep_pattern(hr_reader *r, const hr_node *node, hr_str pattern) {
    hr_check_regex(r, node, pattern);
    return pattern;
}

/* An origin with a wildcard inside, as a regular expression. */
static hr_str origin_pattern(hr_reader *r, hr_str origin) {
    char *p = hr_reader_alloc(r, origin.len * 2 + 3, 1);
    size_t n = 0;
    if (p == NULL)
        return HR_STR("^$");
    p[n++] = '^';
    for (size_t i = 0; i < origin.len; i++) {
        if (origin.p[i] == '*')
            p[n++] = '.';
        else if (strchr("\\.+?()|[]{}^$", origin.p[i]) != NULL)
            p[n++] = '\\';
        p[n++] = origin.p[i];
    }
    p[n++] = '$';
    return hr_str_of(p, n);
}

static hr_string_match origin_match(hr_reader *r, const hr_node *node) {
    hr_str origin = hr_reader_copy(r, node->u.text);
    hr_string_match match = {.kind = HR_SM_EXACT, .value = origin, .pos = hr_reader_pos(r, node)};
    size_t star = hr_str_find(origin, '*', 0);
    if (hr_str_eq_c(origin, "*")) {
        match.kind = HR_SM_REGEX;
        match.value = keep_pattern(r, node, HR_STR("^[a-zA-Z][a-zA-Z0-9+.-]*://[^/\\s?#]+$"));
    } else if (star < origin.len && star + 1 == origin.len) {
        match.kind = HR_SM_PREFIX;
        match.value = hr_str_of(origin.p, star);
    } else if (star < origin.len) {
        match.kind = HR_SM_REGEX;
        match.value = keep_pattern(r, node, origin_pattern(r, origin));
    }
    return match;
}

static void read_origins(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_spec_cors_policy *cors = base;
    (void)field;
    if (!hr_reader_expect(r, node, HR_NODE_LIST) || node->u.children.n == 0)
        return;
    cors->allow_origins = hr_reader_alloc(r, node->u.children.n, sizeof(*cors->allow_origins));
    hr_path step;
    for (const hr_node *item = cors->allow_origins == NULL ? NULL : hr_items_begin(r, &step, node);
         item != NULL; item = hr_items_next(r, &step, item))
        if (hr_reader_expect(r, item, HR_NODE_STRING) && item->u.text.len > 0)
            cors->allow_origins[cors->n_allow_origins++] = origin_match(r, item);
}

static void init_gwapi_cors(void *out) {
    hr_spec_cors_policy *cors = out;
    cors->max_age_ns = INT64_C(5000000000);
    cors->allow_credentials = -1;
    cors->unmatched_preflights = 2;
}

static void read_max_age(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_spec_cors_policy *cors = base;
    int32_t seconds = 0;
    size_t before = hr_diagnostics_errors(r->d);
    (void)field;
    hr_read_int32(r, node, &seconds, &(hr_field){0});
    if (hr_diagnostics_errors(r->d) == before && seconds < 1)
        hr_reader_error(r, node, "%d is not a valid age: expected at least 1 second", seconds);
    cors->max_age_ns = (int64_t)seconds * 1000000000;
}

static void read_credentials(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    bool allowed = false;
    (void)field;
    hr_read_bool(r, node, &allowed, &(hr_field){0});
    ((hr_spec_cors_policy *)base)->allow_credentials = allowed ? 1 : -1;
}

#define C(member) offsetof(hr_spec_cors_policy, member)
static const hr_field gwapi_cors_fields[] = {
    {"allowOrigins", read_origins, 0, 0, NULL, 0},
    {"allowCredentials", read_credentials, 0, 0, NULL, 0},
    {"allowMethods", hr_read_strings, C(allow_methods), 0, NULL, 0},
    {"allowHeaders", hr_read_strings, C(allow_headers), 0, NULL, 0},
    {"exposeHeaders", hr_read_strings, C(expose_headers), 0, NULL, 0},
    {"maxAge", read_max_age, 0, 0, NULL, 0},
};
#undef C
static const hr_schema gwapi_cors_schema = HR_SCHEMA_WITH_POS(
    "HTTPCORSFilter", gwapi_cors_fields, hr_spec_cors_policy, init_gwapi_cors, NULL);

/* ---- RequestMirror ---- */

typedef struct fraction {
    int32_t numerator, denominator;
} fraction;

static void init_fraction(void *out) {
    ((fraction *)out)->denominator = 100;
}

static void check_fraction(hr_reader *r, const hr_node *node, void *out) {
    const fraction *f = out;
    if (node->kind != HR_NODE_MAP)
        return;
    if (hr_field_get(node, "numerator") == NULL)
        hr_reader_error(r, node, "numerator is required");
    if (f->denominator < 1)
        hr_field_error(r, node, "denominator", "must be at least 1, got %d", f->denominator);
    else if (f->numerator < 0 || f->numerator > f->denominator)
        hr_field_error(r, node, "numerator", "must be 0 to the denominator %d, got %d",
                       f->denominator, f->numerator);
}

static const hr_field fraction_fields[] = {
    {"numerator", hr_read_int32, offsetof(fraction, numerator), 0, NULL, 0},
    {"denominator", hr_read_int32, offsetof(fraction, denominator), 0, NULL, 0},
};
static const hr_schema fraction_schema =
    HR_SCHEMA("Fraction", fraction_fields, fraction, init_fraction, check_fraction);

static void read_fraction(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    fraction f = {0, 100};
    (void)field;
    if (!hr_reader_expect(r, node, HR_NODE_MAP))
        return;
    hr_read_fields(r, node, &f, &fraction_schema);
    if (f.denominator > 0)
        ((hr_spec_gwapi_mirror *)base)->percentage = 100.0 * f.numerator / f.denominator;
}

static void read_mirror_percent(hr_reader *r, const hr_node *node, void *base,
                                const hr_field *field) {
    int64_t percent = 0;
    (void)field;
    hr_read_percent(r, node, &percent, &(hr_field){0});
    ((hr_spec_gwapi_mirror *)base)->percentage = (double)percent;
}

static void init_gwapi_mirror(void *out) {
    ((hr_spec_gwapi_mirror *)out)->percentage = -1;
}

static void check_gwapi_mirror(hr_reader *r, const hr_node *node, void *out) {
    (void)out;
    if (node->kind == HR_NODE_MAP && hr_field_get(node, "backendRef") == NULL)
        hr_reader_error(r, node, "backendRef is required");
}

static const hr_field gwapi_mirror_fields[] = {
    {"backendRef", hr_read_message, offsetof(hr_spec_gwapi_mirror, backend), 0,
     &hr_gwapi_backend_schema, 0},
    {"percent", read_mirror_percent, 0, 0, NULL, 1},
    {"fraction", read_fraction, 0, 0, NULL, 1},
};
static const hr_schema gwapi_mirror_schema =
    HR_SCHEMA_WITH_POS("HTTPRequestMirrorFilter", gwapi_mirror_fields, hr_spec_gwapi_mirror,
                       init_gwapi_mirror, check_gwapi_mirror);

/* ---- a filter ---- */

static void check_filter(hr_reader *r, const hr_node *node, void *out) {
    const filter *f = out;
    if (node->kind != HR_NODE_MAP)
        return;
    if (hr_field_get(node, "type") == NULL) {
        hr_reader_error(r, node, "type is required, for example RequestHeaderModifier");
        return;
    }
    for (int t = FILTER_REQUEST_HEADERS; t < FILTER_TYPES && f->type != FILTER_NONE; t++) {
        const hr_node *member = hr_field_get(node, filter_members[t]);
        if (t == f->type && member == NULL)
            hr_reader_error(r, node, "%s is required for a filter of this type", filter_members[t]);
        else if (t != f->type && member != NULL)
            hr_field_error(r, node, filter_members[t], "is not allowed in a filter of this type");
    }
}

#define F(member) offsetof(filter, member)
static const hr_field filter_fields[] = {
    {"type", hr_read_enum, F(type), 0, filter_types, 0},
    {"requestHeaderModifier", read_modifier, F(headers.request), 0, &modifier_schema, 0},
    {"responseHeaderModifier", read_modifier, F(headers.response), 0, &modifier_schema, 0},
    {"requestMirror", hr_read_pointer, F(mirror), 0, &gwapi_mirror_schema, 0},
    {"requestRedirect", hr_read_pointer, F(redirect), 0, &gwapi_redirect_schema, 0},
    {"urlRewrite", hr_read_pointer, F(rewrite), 0, &gwapi_rewrite_schema, 0},
    {"cors", hr_read_pointer, F(cors), 0, &gwapi_cors_schema, 0},
    {"externalAuth", hr_read_nothing, 0, 0, NULL, 0},
    {"extensionRef", hr_read_nothing, 0, 0, NULL, 0},
};
#undef F
static const hr_schema filter_schema =
    HR_SCHEMA_WITH_POS("HTTPRouteFilter", filter_fields, filter, NULL, check_filter);

/* ---- a list of filters ---- */

static const char *type_name(int type) {
    for (size_t i = 0; filter_types[i].name != NULL; i++)
        if (filter_types[i].value == type)
            return filter_types[i].name;
    return "";
}

typedef struct filter_list {
    filter *v;
    size_t n;
} filter_list;

/* Mirrors may repeat, and so may extensions and what authorizes. */
static void check_repeats(hr_reader *r, const hr_node *node, const filter_list *list) {
    hr_path step;
    unsigned seen = 0;
    size_t i = 0;
    for (const hr_node *item = hr_items_begin(r, &step, node); item != NULL && i < list->n;
         item = hr_items_next(r, &step, item), i++) {
        unsigned bit = 1U << list->v[i].type;
        bool once = list->v[i].type != FILTER_MIRROR && list->v[i].type != FILTER_EXTENSION &&
                    list->v[i].type != FILTER_EXTERNAL_AUTH;
        if (once && list->v[i].type != FILTER_NONE && (seen & bit) != 0)
            hr_reader_error(r, item, "a filter of the type %s is given twice",
                            type_name(list->v[i].type));
        seen |= bit;
    }
    if ((seen & 1U << FILTER_REDIRECT) != 0 && (seen & 1U << FILTER_REWRITE) != 0)
        hr_reader_error(r, node, "RequestRedirect and URLRewrite cannot be combined");
}

static void put_filter(hr_reader *r, hr_spec_gwapi_filters *out, const filter *f,
                       unsigned supported) {
    if ((supported & 1U << f->type) == 0) {
        if (out->unsupported.p == NULL) {
            out->unsupported = hr_str_from(type_name(f->type));
            out->unsupported_pos = f->pos;
        }
        return;
    }
    out->headers.present |= f->headers.present;
    if (f->type == FILTER_REQUEST_HEADERS)
        out->headers.request = f->headers.request;
    if (f->type == FILTER_RESPONSE_HEADERS)
        out->headers.response = f->headers.response;
    if (f->redirect != NULL)
        out->redirect = f->redirect;
    if (f->rewrite != NULL)
        out->rewrite = f->rewrite;
    if (f->cors != NULL)
        out->cors = f->cors;
    hr_spec_gwapi_mirror *mirror =
        f->mirror == NULL
            ? NULL
            : hr_reader_append(r, &out->mirrors, &out->n_mirrors, sizeof(*out->mirrors));
    if (mirror != NULL)
        *mirror = *f->mirror;
}

static void read_filters(hr_reader *r, const hr_node *node, hr_spec_gwapi_filters *out,
                         unsigned supported) {
    filter_list list = {0};
    const hr_field items = {
        "", NULL, offsetof(filter_list, v), offsetof(filter_list, n), &filter_schema, 0};
    hr_read_list(r, node, &list, &items);
    if (list.n == 0 || list.v == NULL)
        return;
    check_repeats(r, node, &list);
    for (size_t i = 0; i < list.n; i++)
        if (list.v[i].type != FILTER_NONE)
            put_filter(r, out, &list.v[i], supported);
    out->replaces_prefix = (out->redirect != NULL && out->redirect->prefix_rewrite.p != NULL) ||
                           (out->rewrite != NULL && out->rewrite->uri.len > 0);
}

#define BIT(type) (1U << FILTER_##type)
#define HEADER_FILTERS (BIT(REQUEST_HEADERS) | BIT(RESPONSE_HEADERS))

void hr_gwapi_read_http_filters(hr_reader *r, const hr_node *node, void *base,
                                const hr_field *field) {
    read_filters(r, node, (void *)((char *)base + field->offset),
                 HEADER_FILTERS | BIT(MIRROR) | BIT(REDIRECT) | BIT(REWRITE) | BIT(CORS));
}

void hr_gwapi_read_grpc_filters(hr_reader *r, const hr_node *node, void *base,
                                const hr_field *field) {
    read_filters(r, node, (void *)((char *)base + field->offset), HEADER_FILTERS | BIT(MIRROR));
}

void hr_gwapi_read_backend_filters(hr_reader *r, const hr_node *node, void *base,
                                   const hr_field *field) {
    read_filters(r, node, (void *)((char *)base + field->offset), HEADER_FILTERS);
}
