/* Sidecar: networking/v1alpha3/sidecar.proto of Istio's API, without its ingress listeners, which
 * do not choose where a request goes. */
#ifndef HR_SIDECAR_H
#define HR_SIDECAR_H

#include "meta.h"

typedef enum hr_spec_outbound { HR_OUTBOUND_REGISTRY_ONLY, HR_OUTBOUND_ALLOW_ANY } hr_spec_outbound;

/* IstioEgressListener: what the proxies see on a port, or on all that no other listener has. */
typedef struct hr_spec_egress {
    bool has_port;
    uint32_t port;
    hr_str protocol;
    hr_str_list hosts; /* "namespace/host"; a namespace that begins with '~' excludes */
    hr_pos pos;
} hr_spec_egress;

typedef struct hr_spec_sidecar {
    hr_meta meta;
    bool has_selector;
    hr_pair *selector;
    size_t n_selector;
    hr_spec_egress *egress;
    size_t n_egress;
    bool has_outbound;
    int outbound; /* hr_spec_outbound */
    hr_pos pos;
} hr_spec_sidecar;

void hr_read_sidecar(hr_reader *r, const hr_node *resource, const hr_meta *meta);

#endif
