/* HTTPRoute and GRPCRoute of the Kubernetes Gateway API: how they are read, with the defaults and
 * the requirements of the API server. Matches, timeouts and retries are written as the fields of a
 * VirtualService that Istio's control plane makes of them. */
#include "gwapi_route.h"

#include <inttypes.h>
#include <stddef.h>

#include "common_fields.h"
#include "name_rules.h"
#include "resources.h"
#include "text.h"

enum { TYPE_EXACT, TYPE_PREFIX, TYPE_REGEX };

static const hr_enum path_types[] = {{"Exact", TYPE_EXACT},
                                     {"PathPrefix", TYPE_PREFIX},
                                     {"RegularExpression", TYPE_REGEX},
                                     {NULL, 0}};
static const hr_enum value_types[] = {
    {"Exact", TYPE_EXACT}, {"RegularExpression", TYPE_REGEX}, {NULL, 0}};

/* ---- paths ---- */

typedef struct path_match {
    int type;
    hr_str value;
} path_match;

static void init_path(void *out) {
    *(path_match *)out = (path_match){TYPE_PREFIX, HR_STR("/")};
}

/* What the API server refuses in the path of an Exact or PathPrefix match. */
static const char *path_match_mistake(hr_str path) {
    static const char *const parts[] = {"//", "/./", "/../", "%2f", "%2F", "#"};
    static const char *const ends[] = {"/..", "/."};
    if (path.len == 0 || path.p[0] != '/')
        return "must begin with \"/\"";
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        for (size_t at = 0; at < path.len; at++)
            if (hr_str_starts(hr_str_tail(path, at), hr_str_from(parts[i])))
                return "must not contain \"//\", \"/./\", \"/../\", \"%2F\" or \"#\"";
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (hr_str_ends(path, hr_str_from(ends[i])))
            return "must not end with \"/..\" or \"/.\"";
    return NULL;
}

static void check_path_match(hr_reader *r, const hr_node *node, void *out) {
    const path_match *path = out;
    const hr_node *value = hr_field_get(node, "value");
    const char *mistake = path->type == TYPE_REGEX ? NULL : path_match_mistake(path->value);
    if (node->kind != HR_NODE_MAP)
        return;
    if (path->value.len > 1024)
        hr_field_error(r, node, "value", "is too long: at most 1024 characters are allowed");
    else if (mistake != NULL)
        hr_field_error(r, node, "value", "%s, got \"%.*s\"", mistake, (int)path->value.len,
                       path->value.p == NULL ? "" : path->value.p);
    else if (path->type == TYPE_REGEX && path->value.len == 0)
        hr_field_error(r, node, "value",
                       "the regular expression must not be empty: the API server accepts it, and "
                       "Envoy refuses the configuration that Istio makes of it");
    else if (path->type == TYPE_REGEX)
        hr_check_regex(r, value == NULL ? node : value, path->value);
}

static const hr_field path_fields[] = {
    {"type", hr_read_enum, offsetof(path_match, type), 0, path_types, 0},
    {"value", hr_read_string, offsetof(path_match, value), 0, NULL, 0},
};
static const hr_schema path_schema =
    HR_SCHEMA("HTTPPathMatch", path_fields, path_match, init_path, check_path_match);

static void set_path(hr_spec_gwapi_match *out, const path_match *path, hr_pos pos) {
    static const hr_sm_kind kinds[] = {
        [TYPE_EXACT] = HR_SM_EXACT, [TYPE_PREFIX] = HR_SM_PATH_PREFIX, [TYPE_REGEX] = HR_SM_REGEX};
    hr_str value = path->value;
    bool root = path->type == TYPE_PREFIX && hr_str_eq_c(value, "/");
    if (path->type == TYPE_PREFIX && !root && hr_str_ends(value, HR_STR("/")))
        value.len--;
    out->match.uri = (hr_string_match){root ? HR_SM_PREFIX : kinds[path->type], value, pos};
    out->path_length = value.len;
}

static void read_path(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    path_match path;
    (void)field;
    init_path(&path);
    if (hr_reader_expect(r, node, HR_NODE_MAP))
        hr_read_fields(r, node, &path, &path_schema);
    set_path(base, &path, hr_reader_pos(r, node));
}

/* ---- headers and query parameters ---- */

typedef struct value_match {
    int type;
    hr_str name, value;
    hr_pos pos;
} value_match;

static void check_value_match(hr_reader *r, const hr_node *node, void *out) {
    const value_match *m = out;
    if (node->kind != HR_NODE_MAP)
        return;
    if (!hr_is_header_name(m->name))
        hr_field_error(r, node, "name", "\"%.*s\" is not a valid name", (int)m->name.len,
                       m->name.p == NULL ? "" : m->name.p);
    const hr_node *value = hr_field_get(node, "value");
    if (value == NULL)
        hr_reader_error(r, node, "value is required");
    else if (m->value.len == 0)
        hr_field_error(r, node, "value", "must not be empty");
    else if (m->type == TYPE_REGEX)
        hr_check_regex(r, value, m->value);
}

static const hr_field value_match_fields[] = {
    {"type", hr_read_enum, offsetof(value_match, type), 0, value_types, 0},
    {"name", hr_read_string, offsetof(value_match, name), 0, NULL, 0},
    {"value", hr_read_string, offsetof(value_match, value), 0, NULL, 0},
};
static const hr_schema value_match_schema =
    HR_SCHEMA_WITH_POS("HTTPHeaderMatch", value_match_fields, value_match, NULL, check_value_match);

typedef struct value_match_list {
    value_match *v;
    size_t n;
} value_match_list;

/* hr_named_match * and count. */
static void read_values(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    value_match_list list = {0};
    const hr_field items = {
        "", NULL, offsetof(value_match_list, v), offsetof(value_match_list, n), &value_match_schema,
        0};
    hr_read_list(r, node, &list, &items);
    hr_named_match *matches = list.n == 0 ? NULL : hr_reader_alloc(r, list.n, sizeof(*matches));
    if (matches == NULL)
        return;
    for (size_t i = 0; i < list.n; i++) {
        const value_match *m = &list.v[i];
        for (size_t k = 0; k < i; k++)
            if (m->name.len > 0 && hr_str_eq(list.v[k].name, m->name)) {
                hr_reader_error(r, node, "\"%.*s\" is given twice", (int)m->name.len, m->name.p);
                break;
            }
        matches[i] = (hr_named_match){
            m->name, {m->type == TYPE_REGEX ? HR_SM_REGEX : HR_SM_EXACT, m->value, m->pos}, m->pos};
    }
    *(hr_named_match **)(void *)((char *)base + field->offset) = matches;
    *(size_t *)(void *)((char *)base + field->count) = list.n;
}

/* ---- HTTPRouteMatch ---- */

static void read_method(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    static const hr_enum methods[] = {{"GET", 0},    {"HEAD", 0},    {"POST", 0},    {"PUT", 0},
                                      {"DELETE", 0}, {"CONNECT", 0}, {"OPTIONS", 0}, {"TRACE", 0},
                                      {"PATCH", 0},  {NULL, 0}};
    int known = 0;
    const hr_field value = {"", NULL, 0, 0, methods, 0};
    (void)field;
    hr_read_enum(r, node, &known, &value);
    if (node->kind == HR_NODE_STRING)
        ((hr_spec_gwapi_match *)base)->match.method =
            (hr_string_match){HR_SM_EXACT, hr_reader_copy(r, node->u.text), hr_reader_pos(r, node)};
}

static void init_http_match(void *out) {
    path_match path;
    init_path(&path);
    set_path(out, &path, (hr_pos){0});
}

#define M(member) offsetof(hr_spec_gwapi_match, match.member)
static const hr_field http_match_fields[] = {
    {"path", read_path, 0, 0, NULL, 0},
    {"headers", read_values, M(headers), M(n_headers), NULL, 0},
    {"queryParams", read_values, M(query_params), M(n_query_params), NULL, 0},
    {"method", read_method, 0, 0, NULL, 0},
};
static const hr_schema http_match_schema = HR_SCHEMA_AT(
    "HTTPRouteMatch", http_match_fields, hr_spec_gwapi_match, M(pos), -1, init_http_match, NULL);

/* ---- GRPCRouteMatch ---- */

typedef struct grpc_method {
    int type;
    hr_str service, method;
} grpc_method;

static const hr_field grpc_method_fields[] = {
    {"type", hr_read_enum, offsetof(grpc_method, type), 0, value_types, 0},
    {"service", hr_read_string, offsetof(grpc_method, service), 0, NULL, 0},
    {"method", hr_read_string, offsetof(grpc_method, method), 0, NULL, 0},
};
static const hr_schema grpc_method_schema =
    HR_SCHEMA("GRPCMethodMatch", grpc_method_fields, grpc_method, NULL, NULL);

/* "/SERVICE/METHOD" as Istio matches it: without a method a path prefix or a pattern, without a
 * service a pattern. */
static void set_grpc_path(hr_reader *r, const hr_node *node, hr_spec_gwapi_match *out,
                          const grpc_method *m) {
    bool regex = m->type == TYPE_REGEX || m->service.len == 0;
    hr_str service = m->service.p == NULL ? HR_STR("[^/]+") : m->service;
    hr_str method = m->method.p != NULL ? m->method : regex ? HR_STR(".+") : HR_STR("");
    hr_str path = hr_arena_printf(r->arena, "/%.*s/%.*s", (int)service.len, service.p,
                                  (int)method.len, method.p);
    hr_pos pos = hr_reader_pos(r, node);
    out->path_length = path.len;
    if (regex && path.p != NULL)
        hr_check_regex(r, node, path);
    if (regex)
        out->match.uri = (hr_string_match){HR_SM_REGEX, path, pos};
    else if (m->method.len > 0)
        out->match.uri = (hr_string_match){HR_SM_EXACT, path, pos};
    else if (path.p != NULL)
        out->match.uri = (hr_string_match){HR_SM_PATH_PREFIX, hr_str_of(path.p, path.len - 1), pos};
}

/* Characters of an exact service or method. */
static bool is_grpc_name(hr_str s, bool dots) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool digit = c >= '0' && c <= '9';
        bool inside = i > 0 && s.p[i - 1] != '.';
        if (!letter && !(digit && inside) && !(dots && c == '.' && inside && i + 1 < s.len))
            return false;
    }
    return s.len > 0;
}

static void read_grpc_method(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    grpc_method m = {0};
    (void)field;
    if (!hr_reader_expect(r, node, HR_NODE_MAP))
        return;
    hr_read_fields(r, node, &m, &grpc_method_schema);
    if (m.service.len == 0 && m.method.len == 0 &&
        (m.type == TYPE_EXACT || (m.service.p == NULL && m.method.p == NULL)))
        hr_reader_error(r, node, "one or both of service and method is required");
    else if (m.type == TYPE_EXACT && m.service.len > 0 && !is_grpc_name(m.service, true))
        hr_field_error(r, node, "service", "\"%.*s\" is not the name of a gRPC service",
                       (int)m.service.len, m.service.p);
    else if (m.type == TYPE_EXACT && m.method.len > 0 && !is_grpc_name(m.method, false))
        hr_field_error(r, node, "method", "\"%.*s\" is not the name of a gRPC method",
                       (int)m.method.len, m.method.p);
    else
        set_grpc_path(r, node, base, &m);
}

static const hr_field grpc_match_fields[] = {
    {"method", read_grpc_method, 0, 0, NULL, 0},
    {"headers", read_values, M(headers), M(n_headers), NULL, 0},
};
static const hr_schema grpc_match_schema =
    HR_SCHEMA_AT("GRPCRouteMatch", grpc_match_fields, hr_spec_gwapi_match, M(pos), -1, NULL, NULL);
#undef M

/* ---- backends ---- */

static void init_gwapi_backend(void *out) {
    hr_spec_gwapi_backend *backend = out;
    backend->ref.group = HR_STR("");
    backend->ref.kind = HR_STR("Service");
    backend->weight = 1;
}

static void check_gwapi_backend(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_gwapi_backend *backend = out;
    hr_gwapi_check_reference(r, node, &backend->ref);
    if (node->kind == HR_NODE_MAP && backend->ref.group.len == 0 &&
        hr_str_eq_c(backend->ref.kind, "Service") && hr_field_get(node, "port") == NULL)
        hr_reader_error(r, node, "port is required if the backend is a Service");
    if (backend->weight > 1000000)
        hr_field_error(r, node, "weight", "%" PRId64 " is too large: at most 1000000 is allowed",
                       backend->weight);
}

#define B(member) offsetof(hr_spec_gwapi_backend, member)
#define BACKEND_FIELDS(read_filters_of)                                                            \
    {"group", hr_read_string, B(ref.group), 0, NULL, 0},                                           \
        {"kind", hr_read_string, B(ref.kind), 0, NULL, 0},                                         \
        {"namespace", hr_read_string, B(ref.namespace_), 0, NULL, 0},                              \
        {"name", hr_read_string, B(ref.name), 0, NULL, 0},                                         \
        {"port", hr_read_port, B(ref.port), 0, NULL, 0},                                           \
        {"weight", hr_read_count, B(weight), 0, NULL, 0},                                          \
        {"filters", read_filters_of, B(filters), 0, NULL, 0},
static const hr_field backend_fields[] = {BACKEND_FIELDS(hr_gwapi_read_backend_filters)};
static const hr_schema backend_schema =
    HR_SCHEMA_AT("HTTPBackendRef", backend_fields, hr_spec_gwapi_backend, B(ref.pos), -1,
                 init_gwapi_backend, check_gwapi_backend);
#undef B

/* ---- timeouts and retries ---- */

/* A duration of the Gateway API (GEP-2257): up to four numbers of at most five digits, each with h,
 * m, s or ms. */
static bool is_gateway_duration(hr_str s) {
    size_t parts = 0, i = 0;
    while (i < s.len && parts < 4) {
        size_t digits = 0;
        while (i < s.len && s.p[i] >= '0' && s.p[i] <= '9') {
            digits++;
            i++;
        }
        if (digits == 0 || digits > 5 || i == s.len)
            return false;
        bool ms = s.p[i] == 'm' && i + 1 < s.len && s.p[i + 1] == 's';
        if (s.p[i] != 'h' && s.p[i] != 'm' && s.p[i] != 's')
            return false;
        i += ms ? 2 : 1;
        parts++;
    }
    return parts > 0 && i == s.len;
}

/* int64_t, nanoseconds */
static void read_gateway_duration(hr_reader *r, const hr_node *node, void *base,
                                  const hr_field *field) {
    int64_t *out = (int64_t *)(void *)((char *)base + field->offset);
    if (!hr_reader_expect(r, node, HR_NODE_STRING))
        return;
    if (!is_gateway_duration(node->u.text) || !hr_parse_duration(out, node->u.text))
        hr_reader_error(r, node,
                        "\"%.*s\" is not a valid duration: expected for example \"10s\", \"1m30s\" "
                        "or \"500ms\"",
                        (int)node->u.text.len, node->u.text.p);
}

static void check_timeouts(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_gwapi_rule *rule = out;
    if (rule->request_timeout_ns > 0 && rule->backend_timeout_ns > rule->request_timeout_ns)
        hr_field_error(r, node, "backendRequest", "must not be longer than request");
}

static const hr_field timeouts_fields[] = {
    {"request", read_gateway_duration, offsetof(hr_spec_gwapi_rule, request_timeout_ns), 0, NULL,
     0},
    {"backendRequest", read_gateway_duration, offsetof(hr_spec_gwapi_rule, backend_timeout_ns), 0,
     NULL, 0},
};
static const hr_schema timeouts_schema =
    HR_SCHEMA("HTTPRouteTimeouts", timeouts_fields, hr_spec_gwapi_rule, NULL, check_timeouts);

static void init_retry(void *out) {
    hr_spec_retries *retry = out;
    retry->attempts = 2;
    retry->has_attempts = true;
    retry->per_try_timeout_ns = retry->backoff_ns = -1;
    retry->retry_remote_localities = retry->retry_ignore_previous_hosts = -1;
}

/* The statuses behind the failures of connections, on which Istio always retries. */
static void read_retry_codes(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_spec_retries *retry = base;
    hr_str on = HR_STR("connect-failure,refused-stream,unavailable,cancelled");
    hr_path step;
    (void)field;
    if (!hr_reader_expect(r, node, HR_NODE_LIST))
        return;
    for (const hr_node *item = hr_items_begin(r, &step, node); item != NULL;
         item = hr_items_next(r, &step, item)) {
        int32_t code = 0;
        size_t before = hr_diagnostics_errors(r->d);
        hr_read_int32(r, item, &code, &(hr_field){0});
        if (hr_diagnostics_errors(r->d) == before && (code < 400 || code > 599))
            hr_reader_error(r, item, "%d is not a valid status to retry: expected 400 to 599",
                            code);
        on = hr_arena_printf(r->arena, "%.*s,%d", (int)on.len, on.p == NULL ? "" : on.p, code);
    }
    retry->retry_on = on;
}

/* Istio keeps the last 32 bits of what may have 64: the sign of these decides, too. */
static void read_attempts(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    int64_t attempts = 0;
    (void)field;
    hr_read_uint64(r, node, &attempts, &(hr_field){0});
    int64_t kept = attempts & UINT32_MAX;
    ((hr_spec_retries *)base)->attempts = kept > INT32_MAX ? kept - UINT32_MAX - 1 : kept;
}

static void check_retry(hr_reader *r, const hr_node *node, void *out) {
    hr_spec_retries *retry = out;
    (void)r;
    (void)node;
    if (retry->retry_on.p == NULL)
        retry->retry_on = HR_STR("connect-failure,refused-stream,unavailable,cancelled");
}

#define T(member) offsetof(hr_spec_retries, member)
static const hr_field retry_fields[] = {
    {"codes", read_retry_codes, 0, 0, NULL, 0},
    {"attempts", read_attempts, 0, 0, NULL, 0},
    {"backoff", read_gateway_duration, T(backoff_ns), 0, NULL, 0},
};
#undef T
static const hr_schema retry_schema =
    HR_SCHEMA_WITH_POS("HTTPRouteRetry", retry_fields, hr_spec_retries, init_retry, check_retry);

/* ---- rules ---- */

static void read_persistence(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    (void)base;
    (void)field;
    hr_reader_warn(r, node,
                   "is not evaluated: Istio's control plane ignores it, and so does the decision");
}

/* What the prefix is that a filter replaces must be certain. */
static void check_replaced_prefix(hr_reader *r, const hr_node *node,
                                  const hr_spec_gwapi_rule *rule) {
    const hr_spec_gwapi_match *m = rule->matches;
    bool one = rule->default_match ||
               (rule->n_matches == 1 &&
                (m->match.uri.kind == HR_SM_PATH_PREFIX || m->match.uri.kind == HR_SM_PREFIX));
    if (rule->filters.replaces_prefix && !one)
        hr_field_error(r, node, "filters",
                       "replacePrefixMatch requires the rule to have exactly one match, with a "
                       "path of the type PathPrefix");
}

static void check_http_rule(hr_reader *r, const hr_node *node, void *out) {
    hr_spec_gwapi_rule *rule = out;
    if (node->kind != HR_NODE_MAP)
        return;
    rule->default_match = hr_field_get(node, "matches") == NULL;
    check_replaced_prefix(r, node, rule);
    if (rule->filters.redirect != NULL && rule->n_backends > 0)
        hr_field_error(r, node, "backendRefs",
                       "is not allowed beside a filter of the type RequestRedirect");
}

#define R(member) offsetof(hr_spec_gwapi_rule, member)
static const hr_field http_rule_fields[] = {
    {"name", hr_read_string, R(name), 0, NULL, 0},
    {"matches", hr_read_list, R(matches), R(n_matches), &http_match_schema, 0},
    {"filters", hr_gwapi_read_http_filters, R(filters), 0, NULL, 0},
    {"backendRefs", hr_read_list, R(backends), R(n_backends), &backend_schema, 0},
    {"timeouts", hr_read_message, 0, 0, &timeouts_schema, 0},
    {"retry", hr_read_pointer, R(retry), 0, &retry_schema, 0},
    {"sessionPersistence", read_persistence, 0, 0, NULL, 0},
};
static const hr_schema http_rule_schema = HR_SCHEMA_WITH_POS(
    "HTTPRouteRule", http_rule_fields, hr_spec_gwapi_rule, NULL, check_http_rule);

static const hr_field grpc_rule_fields[] = {
    {"name", hr_read_string, R(name), 0, NULL, 0},
    {"matches", hr_read_list, R(matches), R(n_matches), &grpc_match_schema, 0},
    {"filters", hr_gwapi_read_grpc_filters, R(filters), 0, NULL, 0},
    {"backendRefs", hr_read_list, R(backends), R(n_backends), &backend_schema, 0},
    {"sessionPersistence", read_persistence, 0, 0, NULL, 0},
};
#undef R
static const hr_schema grpc_rule_schema =
    HR_SCHEMA_WITH_POS("GRPCRouteRule", grpc_rule_fields, hr_spec_gwapi_rule, NULL, NULL);

/* ---- routes ---- */

static void read_route_hostnames(hr_reader *r, const hr_node *node, void *base,
                                 const hr_field *field) {
    hr_read_strings(r, node, base, field);
    hr_path step;
    for (const hr_node *item = hr_items_begin(r, &step, node); item != NULL;
         item = hr_items_next(r, &step, item))
        hr_gwapi_check_hostname(r, item);
}

#define W(member) offsetof(hr_spec_gwapi_route, member)
#define ROUTE_FIELDS(rule_schema)                                                                  \
    {"parentRefs", hr_read_list, W(parents), W(n_parents), &hr_gwapi_parent_schema, 0},            \
        {"hostnames", read_route_hostnames, W(hostnames), 0, NULL, 0},                             \
        {"rules", hr_read_list, W(rules), W(n_rules), &(rule_schema), 0},                          \
        {"useDefaultGateways", hr_read_nothing, 0, 0, NULL, 0},

/* The API server adds a rule to an HTTPRoute without rules. */
static void check_gwapi_http_route(hr_reader *r, const hr_node *spec, void *out) {
    hr_spec_gwapi_route *route = out;
    if (spec == NULL || spec->kind != HR_NODE_MAP || hr_field_get(spec, "rules") != NULL)
        return;
    route->rules = hr_reader_alloc(r, 1, sizeof(*route->rules));
    if (route->rules == NULL)
        return;
    route->n_rules = 1;
    route->rules[0] = (hr_spec_gwapi_rule){.default_match = true, .pos = hr_reader_pos(r, spec)};
}

static const hr_field http_route_fields[] = {ROUTE_FIELDS(http_rule_schema)};
static const hr_schema http_route_schema = HR_SCHEMA(
    "HTTPRouteSpec", http_route_fields, hr_spec_gwapi_route, NULL, check_gwapi_http_route);
static const hr_field grpc_route_fields[] = {ROUTE_FIELDS(grpc_rule_schema)};
static const hr_schema grpc_route_schema =
    HR_SCHEMA("GRPCRouteSpec", grpc_route_fields, hr_spec_gwapi_route, NULL, NULL);
#undef W

static void read_gwapi_route(hr_reader *r, const hr_node *resource, const hr_meta *meta,
                             const hr_schema *schema) {
    hr_spec_gwapi_route *route = HR_APPEND(r, gwapi_routes);
    if (route == NULL)
        return;
    route->meta = *meta;
    route->pos = hr_reader_pos(r, resource);
    hr_read_spec(r, resource, route, schema);
}

void hr_read_gwapi_http_route(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    read_gwapi_route(r, resource, meta, &http_route_schema);
}

void hr_read_gwapi_grpc_route(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    read_gwapi_route(r, resource, meta, &grpc_route_schema);
}
