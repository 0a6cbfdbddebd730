/* References of the Kubernetes Gateway API, read and checked. */
#include "gwapi_reference.h"

#include <stddef.h>

#include "common_fields.h"
#include "name_rules.h"
#include "text.h"

void hr_gwapi_check_reference(hr_reader *r, const hr_node *node,
                              const hr_spec_gwapi_reference *ref) {
    if (node->kind != HR_NODE_MAP)
        return;
    if (hr_field_get(node, "name") == NULL)
        hr_reader_error(r, node, "name is required");
    else if (ref->name.len == 0 || ref->name.len > 253)
        hr_field_error(r, node, "name", "must have 1 to 253 characters, got %zu", ref->name.len);
    if (ref->kind.len == 0)
        hr_field_error(r, node, "kind", "must not be empty");
    if (ref->namespace_.p != NULL && !hr_is_label(ref->namespace_))
        hr_field_error(r, node, "namespace", "\"%.*s\" is not a valid namespace",
                       (int)ref->namespace_.len, ref->namespace_.p);
}

static void check_object(hr_reader *r, const hr_node *node, void *out) {
    hr_gwapi_check_reference(r, node, out);
}

#define F(member) offsetof(hr_spec_gwapi_reference, member)
#define OBJECT_FIELDS                                                                              \
    {"group", hr_read_string, F(group), 0, NULL, 0},                                               \
        {"kind", hr_read_string, F(kind), 0, NULL, 0},                                             \
        {"namespace", hr_read_string, F(namespace_), 0, NULL, 0}, {                                \
        "name", hr_read_string, F(name), 0, NULL, 0                                                \
    }

static void init_parent(void *out) {
    hr_spec_gwapi_reference *ref = out;
    ref->group = HR_STR(HR_GWAPI_GROUP);
    ref->kind = HR_STR("Gateway");
}

static const hr_field parent_fields[] = {
    OBJECT_FIELDS,
    {"sectionName", hr_read_string, F(section), 0, NULL, 0},
    {"port", hr_read_port, F(port), 0, NULL, 0},
};
const hr_schema hr_gwapi_parent_schema = HR_SCHEMA_WITH_POS(
    "ParentReference", parent_fields, hr_spec_gwapi_reference, init_parent, check_object);

static const hr_field parent_gateway_fields[] = {OBJECT_FIELDS};
const hr_schema hr_gwapi_parent_gateway_schema =
    HR_SCHEMA_WITH_POS("ParentGatewayReference", parent_gateway_fields, hr_spec_gwapi_reference,
                       init_parent, check_object);

static void init_backend(void *out) {
    hr_spec_gwapi_reference *ref = out;
    ref->group = HR_STR("");
    ref->kind = HR_STR("Service");
}

static void check_backend(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_gwapi_reference *ref = out;
    hr_gwapi_check_reference(r, node, ref);
    if (node->kind == HR_NODE_MAP && ref->group.len == 0 && hr_str_eq_c(ref->kind, "Service") &&
        hr_field_get(node, "port") == NULL)
        hr_reader_error(r, node, "port is required if the backend is a Service");
}

static const hr_field backend_fields[] = {
    OBJECT_FIELDS,
    {"port", hr_read_port, F(port), 0, NULL, 0},
};
const hr_schema hr_gwapi_backend_schema = HR_SCHEMA_WITH_POS(
    "BackendObjectReference", backend_fields, hr_spec_gwapi_reference, init_backend, check_backend);

static void init_secret(void *out) {
    hr_spec_gwapi_reference *ref = out;
    ref->group = HR_STR("");
    ref->kind = HR_STR("Secret");
}

static const hr_field secret_fields[] = {OBJECT_FIELDS};
const hr_schema hr_gwapi_secret_schema = HR_SCHEMA_WITH_POS(
    "SecretObjectReference", secret_fields, hr_spec_gwapi_reference, init_secret, check_object);
#undef OBJECT_FIELDS
#undef F

/* ---- hostnames ---- */

static bool is_dns_name(hr_str s) {
    bool label = false; /* the character before is a letter or a digit */
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!alnum && c != '-' && c != '.')
            return false;
        bool inside = i > 0 && s.p[i - 1] != '.';
        if ((c == '.' && !label) || (c == '-' && !inside))
            return false;
        label = alnum;
    }
    return label;
}

void hr_gwapi_check_hostname(hr_reader *r, const hr_node *node) {
    if (node->kind != HR_NODE_STRING)
        return;
    hr_str name = node->u.text;
    hr_str rest = hr_str_starts(name, HR_STR("*.")) ? hr_str_tail(name, 2) : name;
    if (name.len == 0 || name.len > 253 || !is_dns_name(rest))
        hr_reader_error(r, node,
                        "\"%.*s\" is not a valid hostname: expected a DNS name in lower case, or "
                        "\"*.\" and one",
                        (int)name.len, name.p);
}

void hr_gwapi_read_hostname(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_read_string(r, node, base, field);
    hr_gwapi_check_hostname(r, node);
}
