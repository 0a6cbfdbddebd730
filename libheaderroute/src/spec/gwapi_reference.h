/* References of the Kubernetes Gateway API: parentRefs, backendRefs, certificateRefs, and the kinds
 * that a ReferenceGrant names. */
#ifndef HR_GWAPI_REFERENCE_H
#define HR_GWAPI_REFERENCE_H

#include "reader.h"

/* The group of the Gateway API. */
#define HR_GWAPI_GROUP "gateway.networking.k8s.io"

typedef struct hr_spec_gwapi_reference {
    hr_str group, kind;      /* never absent: defaults are filled in */
    hr_str namespace_, name; /* namespace_ is absent where unset */
    hr_str section;          /* sectionName; absent where unset */
    uint32_t port;           /* 0: unset */
    hr_pos pos;
} hr_spec_gwapi_reference;

extern const hr_schema hr_gwapi_parent_schema;         /* ParentReference: a Gateway by default */
extern const hr_schema hr_gwapi_parent_gateway_schema; /* ParentGatewayReference */
extern const hr_schema hr_gwapi_backend_schema; /* BackendObjectReference: a Service by default */
extern const hr_schema hr_gwapi_secret_schema;  /* SecretObjectReference: a Secret by default */

/* Checks what each reference requires: a name, and a kind that is not empty. */
void hr_gwapi_check_reference(hr_reader *r, const hr_node *node,
                              const hr_spec_gwapi_reference *ref);

/* Checks a hostname of the Gateway API: a DNS name in lower case, "*." allowed in front. */
void hr_gwapi_check_hostname(hr_reader *r, const hr_node *node);
void hr_gwapi_read_hostname(hr_reader *r, const hr_node *node, void *base, const hr_field *field);

#endif
