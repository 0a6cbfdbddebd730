/* BackendTLSPolicy of the Kubernetes Gateway API (gateway.networking.k8s.io). */
#ifndef HR_BACKEND_TLS_POLICY_H
#define HR_BACKEND_TLS_POLICY_H

#include "gwapi_reference.h"
#include "meta.h"

typedef struct hr_spec_backend_tls_policy {
    hr_meta meta;
    hr_spec_gwapi_reference *targets; /* targetRefs, of the policy's own namespace */
    size_t n_targets;
    hr_spec_gwapi_reference *ca_certificates; /* caCertificateRefs */
    size_t n_ca_certificates;
    hr_str well_known;         /* wellKnownCACertificates; absent where unset */
    hr_str hostname;           /* the server name, and the name that its certificate must have */
    hr_str_list subject_names; /* subjectAltNames: hostnames and URIs */
    bool ignored; /* the annotation istio.io/ignore-policy-attachment keeps Istio from it */
    hr_pos pos;
} hr_spec_backend_tls_policy;

/* `resource` is the whole document; `meta` is its metadata, with the default namespace filled in.
 */
void hr_read_backend_tls_policy(hr_reader *r, const hr_node *resource, const hr_meta *meta);

#endif
