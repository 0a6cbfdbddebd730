/* BackendTLSPolicy of the Kubernetes Gateway API: how it is read. What the API server requires of
 * it is in the schema of its CustomResourceDefinition. */
#include "backend_tls_policy.h"

#include <stddef.h>

#include "common_fields.h"
#include "resources.h"
#include "text.h"

#define F(member) offsetof(hr_spec_gwapi_reference, member)
static const hr_field target_fields[] = {
    {"group", hr_read_string, F(group), 0, NULL, 0},
    {"kind", hr_read_string, F(kind), 0, NULL, 0},
    {"name", hr_read_string, F(name), 0, NULL, 0},
    {"sectionName", hr_read_string, F(section), 0, NULL, 0},
};
static const hr_schema target_schema =
    HR_SCHEMA_WITH_POS("LocalPolicyTargetReferenceWithSectionName", target_fields,
                       hr_spec_gwapi_reference, NULL, NULL);

static const hr_field object_fields[] = {
    {"group", hr_read_string, F(group), 0, NULL, 0},
    {"kind", hr_read_string, F(kind), 0, NULL, 0},
    {"name", hr_read_string, F(name), 0, NULL, 0},
};
static const hr_schema object_schema =
    HR_SCHEMA_WITH_POS("LocalObjectReference", object_fields, hr_spec_gwapi_reference, NULL, NULL);
#undef F

/* One of subjectAltNames: `type` says which of the two counts. */
typedef struct subject_name {
    hr_str type, hostname, uri;
} subject_name;

static const hr_field subject_name_fields[] = {
    {"type", hr_read_string, offsetof(subject_name, type), 0, NULL, 0},
    {"hostname", hr_read_string, offsetof(subject_name, hostname), 0, NULL, 0},
    {"uri", hr_read_string, offsetof(subject_name, uri), 0, NULL, 0},
};
static const hr_schema subject_name_schema =
    HR_SCHEMA("SubjectAltName", subject_name_fields, subject_name, NULL, NULL);

typedef struct subject_names {
    subject_name *v;
    size_t n;
} subject_names;

static void read_subject_names(hr_reader *r, const hr_node *node, void *base,
                               const hr_field *field) {
    hr_spec_backend_tls_policy *out = base;
    const hr_field list = {.offset = offsetof(subject_names, v),
                           .count = offsetof(subject_names, n),
                           .arg = &subject_name_schema};
    subject_names names = {0};
    (void)field;
    hr_read_list(r, node, &names, &list);
    out->subject_names.v = hr_reader_alloc(r, names.n, sizeof(*out->subject_names.v));
    for (size_t i = 0; out->subject_names.v != NULL && i < names.n; i++) {
        const subject_name *name = &names.v[i];
        if (hr_str_eq_c(name->type, "Hostname"))
            out->subject_names.v[out->subject_names.n++] = name->hostname;
        else if (hr_str_eq_c(name->type, "URI"))
            out->subject_names.v[out->subject_names.n++] = name->uri;
    }
}

#define P(member) offsetof(hr_spec_backend_tls_policy, member)
static const hr_field validation_fields[] = {
    {"caCertificateRefs", hr_read_list, P(ca_certificates), P(n_ca_certificates), &object_schema,
     0},
    {"wellKnownCACertificates", hr_read_string, P(well_known), 0, NULL, 0},
    {"hostname", hr_read_string, P(hostname), 0, NULL, 0},
    {"subjectAltNames", read_subject_names, 0, 0, NULL, 0},
};
static const hr_schema validation_schema = HR_SCHEMA(
    "BackendTLSPolicyValidation", validation_fields, hr_spec_backend_tls_policy, NULL, NULL);

static const hr_field policy_fields[] = {
    {"targetRefs", hr_read_list, P(targets), P(n_targets), &target_schema, 0},
    {"validation", hr_read_message, 0, 0, &validation_schema, 0},
    {"options", hr_read_nothing, 0, 0, NULL, 0},
};
#undef P
static const hr_schema policy_schema =
    HR_SCHEMA("BackendTLSPolicySpec", policy_fields, hr_spec_backend_tls_policy, NULL, NULL);

void hr_read_backend_tls_policy(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_spec_backend_tls_policy *policy = HR_APPEND(r, backend_tls_policies);
    if (policy == NULL)
        return;
    policy->meta = *meta;
    policy->pos = hr_reader_pos(r, resource);
    for (size_t i = 0; i < meta->n_annotations; i++)
        policy->ignored |=
            hr_str_eq_c(meta->annotations[i].name, "istio.io/ignore-policy-attachment") &&
            hr_str_eq_nocase(meta->annotations[i].value, HR_STR("true"));
    hr_read_spec(r, resource, policy, &policy_schema);
}
