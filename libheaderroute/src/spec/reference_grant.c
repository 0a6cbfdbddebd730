/* ReferenceGrant of the Kubernetes Gateway API, read, checked and asked. */
#include "reference_grant.h"

#include <stddef.h>

#include "common_fields.h"
#include "resources.h"
#include "text.h"

#define F(member) offsetof(hr_spec_gwapi_reference, member)

static void check_from(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_gwapi_reference *from = out;
    if (node->kind != HR_NODE_MAP)
        return;
    if (hr_field_get(node, "group") == NULL)
        hr_reader_error(r, node, "group is required, for example " HR_GWAPI_GROUP);
    if (from->kind.len == 0)
        hr_reader_error(r, node, "kind is required, for example HTTPRoute");
    if (from->namespace_.len == 0)
        hr_reader_error(r, node, "namespace is required");
}

static void check_to(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_gwapi_reference *to = out;
    if (node->kind != HR_NODE_MAP)
        return;
    if (hr_field_get(node, "group") == NULL)
        hr_reader_error(r, node, "group is required: \"\" for Service and Secret");
    if (to->kind.len == 0)
        hr_reader_error(r, node, "kind is required, for example Service");
}

static const hr_field from_fields[] = {
    {"group", hr_read_string, F(group), 0, NULL, 0},
    {"kind", hr_read_string, F(kind), 0, NULL, 0},
    {"namespace", hr_read_string, F(namespace_), 0, NULL, 0},
};
static const hr_schema from_schema = HR_SCHEMA_WITH_POS("ReferenceGrantFrom", from_fields,
                                                        hr_spec_gwapi_reference, NULL, check_from);

static const hr_field to_fields[] = {
    {"group", hr_read_string, F(group), 0, NULL, 0},
    {"kind", hr_read_string, F(kind), 0, NULL, 0},
    {"name", hr_read_string, F(name), 0, NULL, 0},
};
static const hr_schema to_schema =
    HR_SCHEMA_WITH_POS("ReferenceGrantTo", to_fields, hr_spec_gwapi_reference, NULL, check_to);
#undef F

static void check_grant(hr_reader *r, const hr_node *spec, void *out) {
    (void)out;
    if (!hr_field_is_filled(spec, "from"))
        hr_reader_error(r, spec, "from is required");
    if (!hr_field_is_filled(spec, "to"))
        hr_reader_error(r, spec, "to is required");
}

#define G(member) offsetof(hr_spec_reference_grant, member)
static const hr_field grant_fields[] = {
    {"from", hr_read_list, G(from), G(n_from), &from_schema, 0},
    {"to", hr_read_list, G(to), G(n_to), &to_schema, 0},
};
#undef G
static const hr_schema grant_schema =
    HR_SCHEMA("ReferenceGrant", grant_fields, hr_spec_reference_grant, NULL, check_grant);

void hr_read_reference_grant(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_spec_reference_grant *grant = HR_APPEND(r, reference_grants);
    if (grant == NULL)
        return;
    grant->meta = *meta;
    grant->pos = hr_reader_pos(r, resource);
    hr_read_spec(r, resource, grant, &grant_schema);
}

bool hr_reference_grant_allows(const hr_spec_reference_grant *grant, hr_str from_kind, hr_str from,
                               hr_str to_group, hr_str to_kind, hr_str name) {
    bool granted = false;
    for (size_t i = 0; i < grant->n_from && !granted; i++)
        granted = hr_str_eq_c(grant->from[i].group, HR_GWAPI_GROUP) &&
                  hr_str_eq(grant->from[i].kind, from_kind) &&
                  hr_str_eq(grant->from[i].namespace_, from);
    for (size_t i = 0; granted && i < grant->n_to; i++)
        if (hr_str_eq(grant->to[i].group, to_group) && hr_str_eq(grant->to[i].kind, to_kind) &&
            (grant->to[i].name.p == NULL || hr_str_eq(grant->to[i].name, name)))
            return true;
    return false;
}
