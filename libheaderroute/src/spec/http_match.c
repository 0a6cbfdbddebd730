/* StringMatch and HTTPMatchRequest: how they are read, and what admission requires of them. */
#include "http_match.h"

#include <stddef.h>

#include "common_fields.h"
#include "name_rules.h"
#include "text.h"

/* ---- the rows of HR_MATCH_FIELDS at run time ---- */

#define COUNT_PATH(member) 0
#define COUNT_STRING(member) 0
#define COUNT_MAP(member) offsetof(hr_match_request, n_##member)
#define NO_KEYS false
#define HEADER_NAMES true
#define QUERY_NAMES false
#define MATCHES false
#define EXCLUDES true
#define FIELD(type, member, name, cond, keys, sense, value)                                        \
    {name,                                                                                         \
     HR_MATCH_TYPE_##type,                                                                         \
     HR_COND_##cond,                                                                               \
     keys,                                                                                         \
     sense,                                                                                        \
     offsetof(hr_match_request, member),                                                           \
     COUNT_##type(member)},

const hr_match_field hr_match_fields[HR_MATCH_FIELD_COUNT] = {HR_MATCH_FIELDS(FIELD)};

#undef NO_KEYS
#undef HEADER_NAMES
#undef QUERY_NAMES
#undef MATCHES
#undef EXCLUDES

/* ---- StringMatch ---- */

static void read_match_value(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_string_match *m = base;
    m->kind = (hr_sm_kind)field->count;
    if (hr_reader_expect(r, node, HR_NODE_STRING))
        m->value = hr_reader_copy(r, node->u.text);
}

/* `count` is the kind */
static const hr_field string_match_fields[] = {
    {"exact", read_match_value, 0, HR_SM_EXACT, NULL, 1},
    {"prefix", read_match_value, 0, HR_SM_PREFIX, NULL, 1},
    {"regex", read_match_value, 0, HR_SM_REGEX, NULL, 1},
};

static void init_string_match(void *out) {
    ((hr_string_match *)out)->kind = HR_SM_PRESENCE;
}

static const hr_node *value_of(const hr_node *match, const char *field) {
    const hr_node *value = hr_field_get(match, field);
    return value != NULL && value->kind == HR_NODE_STRING ? value : NULL;
}

static void check_field_regex(hr_reader *r, const hr_node *match) {
    const hr_node *regex = value_of(match, "regex");
    hr_path step = {.up = r->path, .name = HR_STR("regex")};
    if (regex == NULL)
        return;
    r->path = &step;
    hr_check_regex(r, regex, regex->u.text);
    r->path = step.up;
}

static void check_uri_match(hr_reader *r, const hr_node *node, void *out) {
    (void)out;
    check_field_regex(r, node);
}

static void check_string_match(hr_reader *r, const hr_node *node, void *out) {
    (void)out;
    const hr_node *prefix = value_of(node, "prefix");
    if (prefix != NULL && prefix->u.text.len == 0)
        hr_field_error(r, node, "prefix", "must not be empty; use {} to match any value");
    check_field_regex(r, node);
}

static void check_without_match(hr_reader *r, const hr_node *node, void *out) {
    const hr_node *regex = value_of(node, "regex");
    if (regex == NULL || !hr_str_eq_c(regex->u.text, "*"))
        check_string_match(r, node, out);
}

static void check_origin_match(hr_reader *r, const hr_node *node, void *out) {
    const hr_string_match *match = out;
    if (match->kind == HR_SM_PRESENCE || match->value.len == 0)
        hr_reader_error(r, node, "a non-empty exact, prefix or regex is required");
    else
        check_field_regex(r, node);
}

#define STRING_MATCH(check)                                                                        \
    {                                                                                              \
        "StringMatch", HR_FIELDS(string_match_fields), sizeof(hr_string_match),                    \
            offsetof(hr_string_match, pos), -1, 0, init_string_match, (check)                      \
    }
const hr_schema hr_string_match_schema = STRING_MATCH(check_string_match);
static const hr_schema uri_match_schema = STRING_MATCH(check_uri_match);
static const hr_schema without_match_schema = STRING_MATCH(check_without_match);
const hr_schema hr_origin_match_schema = STRING_MATCH(check_origin_match);

void hr_read_named_matches(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    if (!hr_reader_expect(r, node, HR_NODE_MAP) || node->u.children.n == 0)
        return;
    hr_named_match *matches = hr_reader_alloc(r, node->u.children.n, sizeof(*matches));
    if (matches == NULL)
        return;
    *(hr_named_match **)(void *)((char *)base + field->offset) = matches;
    *(size_t *)(void *)((char *)base + field->count) = node->u.children.n;
    hr_path step;
    for (const hr_node *key = hr_keys_begin(r, &step, node); key != NULL;
         key = hr_keys_next(r, &step, key)) {
        matches->name = hr_reader_copy(r, key->u.text);
        matches->pos = hr_reader_pos(r, key);
        hr_read_fields(r, key->value, &matches->match, field->arg);
        matches++;
    }
}

/* Istio makes an empty matcher of the metadata of {} and a regex of "*", and Envoy refuses both. */
static void check_claim(hr_reader *r, const hr_node *key) {
    const hr_node *value = key->value;
    const hr_node *regex = hr_node_get(value, HR_STR("regex"));
    if (r->serves)
        hr_reader_error(r, key,
                        "claims of a JWT are not supported: headerroute-gateway does not validate "
                        "tokens; match an ordinary header");
    else if (value->kind == HR_NODE_MAP && value->u.children.n == 0)
        hr_reader_error(r, key,
                        "Envoy refuses {} for a claim of a JWT; use exact, prefix or regex, for "
                        "example regex: '.*'");
    else if (regex != NULL && regex->kind == HR_NODE_STRING && hr_str_eq_c(regex->u.text, "*"))
        hr_reader_error(r, key, "Envoy refuses the regex \"*\" for a claim of a JWT; use '.*'");
}

static void check_match_name(hr_reader *r, const hr_node *key) {
    static const char *const pseudo[] = {":method", ":scheme", ":authority", ":path", ":status"};
    hr_str name = key->u.text;
    for (size_t i = 0; i < sizeof(pseudo) / sizeof(pseudo[0]); i++)
        if (hr_str_eq_c(name, pseudo[i]))
            return;
    if (hr_is_jwt_claim(name))
        check_claim(r, key);
    else if (!hr_is_header_name(name))
        hr_reader_error(r, key, "\"%.*s\" is not a valid header name", (int)name.len, name.p);
}

static void read_header_matches(hr_reader *r, const hr_node *node, void *base,
                                const hr_field *field) {
    hr_path step;
    hr_read_named_matches(r, node, base, field);
    for (const hr_node *key = hr_keys_begin(r, &step, node); key != NULL;
         key = hr_keys_next(r, &step, key))
        check_match_name(r, key);
}

/* Envoy's limits of QueryParameterMatcher.name; Istio passes other names on, and Envoy refuses the
 * routes. */
static void read_query_matches(hr_reader *r, const hr_node *node, void *base,
                               const hr_field *field) {
    enum { LONGEST = 1024 };
    hr_path step;
    hr_read_named_matches(r, node, base, field);
    for (const hr_node *key = hr_keys_begin(r, &step, node); key != NULL;
         key = hr_keys_next(r, &step, key))
        if (key->u.text.len == 0 || key->u.text.len > LONGEST)
            hr_reader_error(r, key,
                            "Envoy refuses this name of a query parameter: it must have 1 to %d "
                            "bytes",
                            LONGEST);
}

/* ---- HTTPMatchRequest ---- */

#define READ_NO_KEYS hr_read_message
#define READ_HEADER_NAMES read_header_matches
#define READ_QUERY_NAMES read_query_matches
#define SCHEMA_PATH_MATCHES uri_match_schema
#define SCHEMA_STRING_MATCHES hr_string_match_schema
#define SCHEMA_MAP_MATCHES hr_string_match_schema
#define SCHEMA_MAP_EXCLUDES without_match_schema
#define READ(type, member, name, cond, keys, sense, value)                                         \
    {name,                                                                                         \
     READ_##keys,                                                                                  \
     offsetof(hr_match_request, member),                                                           \
     COUNT_##type(member),                                                                         \
     &SCHEMA_##type##_##sense,                                                                     \
     0},
#define M(member) offsetof(hr_match_request, member)

static const hr_field match_fields[] = {
    HR_MATCH_FIELDS(READ){"name", hr_read_string, M(name), 0, NULL, 0},
    {"port", hr_read_uint32, M(port), 0, NULL, 0},
    {"sourceLabels", hr_read_labels, M(source_labels), M(n_source_labels), NULL, 0},
    {"gateways", hr_read_gateways, M(gateways), 0, NULL, 0},
    {"sourceNamespace", hr_read_string, M(source_namespace), 0, NULL, 0},
    {"ignoreUriCase", hr_read_bool, M(ignore_uri_case), 0, NULL, 0},
    {"statPrefix", hr_read_string, M(stat_prefix), 0, NULL, 0},
};
#undef M

static void check_match(hr_reader *r, const hr_node *node, void *out) {
    const hr_match_request *match = out;
    if (match->port > 65535)
        hr_field_error(r, node, "port", "%u is not a valid port; expected 1 to 65535", match->port);
    if (match->source_namespace.len > 0 && !hr_is_label(match->source_namespace))
        hr_field_error(r, node, "sourceNamespace", "\"%.*s\" is not a valid namespace",
                       (int)match->source_namespace.len, match->source_namespace.p);
}

const hr_schema hr_match_schema =
    HR_SCHEMA_WITH_POS("HTTPMatchRequest", match_fields, hr_match_request, NULL, check_match);
