/* Gateway: networking/v1alpha3/gateway.proto of Istio's API, with its servers and their TLS
 * settings. */
#ifndef HR_GATEWAY_H
#define HR_GATEWAY_H

#include "meta.h"

typedef struct hr_spec_certificate {
    hr_str server_certificate, private_key, ca_certificates;
} hr_spec_certificate;

/* ServerTLSSettings. All but the mode and the redirect is read for validation only. */
typedef struct hr_spec_server_tls {
    bool https_redirect;
    int mode; /* 0 PASSTHROUGH (also where unset), 1 SIMPLE, 2 MUTUAL, 3 AUTO_PASSTHROUGH, 4
                 ISTIO_MUTUAL, 5 OPTIONAL_MUTUAL */
    hr_str server_certificate, private_key, ca_certificates, ca_crl, credential_name,
        ca_cert_credential_name;
    hr_str_list credential_names, subject_alt_names, verify_certificate_spki,
        verify_certificate_hash;
    hr_str_list cipher_suites;
    hr_spec_certificate *certificates;
    size_t n_certificates;
    int min_version, max_version; /* 0 TLS_AUTO, 1 to 4: TLSV1_0 to TLSV1_3 */
    int insecure_skip_verify;     /* -1 unset */
    hr_pos pos;
} hr_spec_server_tls;

typedef struct hr_spec_server {
    uint32_t port, target_port; /* target_port 0: unset */
    hr_str port_name, protocol, bind, name;
    hr_str_list hosts;
    bool has_port, has_tls, https_redirect;
    hr_str tls_mode;         /* by name; absent if unset */
    hr_spec_server_tls *tls; /* NULL if absent */
    hr_str default_endpoint; /* no effect in Istio either */
    hr_pos pos, port_pos;
} hr_spec_server;

typedef struct hr_spec_gateway {
    hr_meta meta;
    hr_spec_server *servers;
    size_t n_servers;
    hr_pair *selector;
    size_t n_selector;
    hr_pos pos;
} hr_spec_gateway;

/* `resource` is the whole document; `meta` is its metadata, with the default namespace filled in.
 */
void hr_read_gateway(hr_reader *r, const hr_node *resource, const hr_meta *meta);

#endif
