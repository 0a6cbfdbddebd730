/* Gateway: networking/v1alpha3/gateway.proto of Istio's API. */
#include "kinds.h"

#include <stddef.h>

#include "validate.h"

#define S(member) offsetof(hr_server, member)

static const hr_field port_fields[] = {
    {"number", hr_read_uint32, S(port), 0, NULL, 0},
    {"protocol", hr_read_string, S(protocol), 0, NULL, 0},
    {"name", hr_read_string, S(port_name), 0, NULL, 0},
    {"targetPort", hr_read_uint32, S(target_port), 0, NULL, 0},
};
static const hr_schema port_schema = {
    "Port", HR_FIELDS(port_fields), sizeof(hr_server), S(port_pos), S(has_port), 0, NULL, NULL};

/* Certificates and ciphers do not route: they are read for their mistakes. */
static const hr_field certificate_fields[] = {
    {"serverCertificate", hr_read_string, offsetof(hr_tls_certificate, server_certificate), 0, NULL, 0},
    {"privateKey", hr_read_string, offsetof(hr_tls_certificate, private_key), 0, NULL, 0},
    {"caCertificates", hr_read_string, offsetof(hr_tls_certificate, ca_certificates), 0, NULL, 0},
};
static const hr_schema certificate_schema = {
    "ServerTLSSettings.TLSCertificate", HR_FIELDS(certificate_fields), sizeof(hr_tls_certificate), -1, -1, 0,
    NULL, NULL};

#define T(member) offsetof(hr_server_tls, member)
static const hr_enum modes[] = {{"PASSTHROUGH", 0}, {"SIMPLE", 1}, {"MUTUAL", 2}, {"AUTO_PASSTHROUGH", 3},
                                {"ISTIO_MUTUAL", 4}, {"OPTIONAL_MUTUAL", 5}, {NULL, 0}};
static const hr_enum versions[] = {{"TLS_AUTO", 0}, {"TLSV1_0", 1}, {"TLSV1_1", 2}, {"TLSV1_2", 3},
                                   {"TLSV1_3", 4}, {NULL, 0}};
static const hr_field tls_fields[] = {
    {"httpsRedirect", hr_read_bool, T(https_redirect), 0, NULL, 0},
    {"mode", hr_read_enum, T(mode), 0, modes, 0},
    {"serverCertificate", hr_read_string, T(server_certificate), 0, NULL, 0},
    {"privateKey", hr_read_string, T(private_key), 0, NULL, 0},
    {"caCertificates", hr_read_string, T(ca_certificates), 0, NULL, 0},
    {"caCrl", hr_read_string, T(ca_crl), 0, NULL, 0},
    {"credentialName", hr_read_string, T(credential_name), 0, NULL, 0},
    {"credentialNames", hr_read_strings, T(credential_names), 0, NULL, 0},
    {"caCertCredentialName", hr_read_string, T(ca_cert_credential_name), 0, NULL, 0},
    {"tlsCertificates", hr_read_list, T(certificates), T(n_certificates), &certificate_schema, 0},
    {"subjectAltNames", hr_read_strings, T(subject_alt_names), 0, NULL, 0},
    {"verifyCertificateSpki", hr_read_strings, T(verify_certificate_spki), 0, NULL, 0},
    {"verifyCertificateHash", hr_read_strings, T(verify_certificate_hash), 0, NULL, 0},
    {"minProtocolVersion", hr_read_enum, T(min_version), 0, versions, 0},
    {"maxProtocolVersion", hr_read_enum, T(max_version), 0, versions, 0},
    {"cipherSuites", hr_read_strings, T(cipher_suites), 0, NULL, 0},
    {"insecureSkipVerify", hr_read_bool_value, T(insecure_skip_verify), 0, NULL, 0},
};
static void init_tls(void *out) {
    ((hr_server_tls *)out)->insecure_skip_verify = -1;
}
static const hr_schema tls_schema = {
    "ServerTLSSettings", HR_FIELDS(tls_fields), sizeof(hr_server_tls), T(pos), -1, 0, init_tls, NULL};
#undef T

static void read_tls(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_server *server = base;
    hr_read_pointer(r, node, base, field);
    if (server->tls == NULL)
        return;
    server->has_tls = true;
    server->https_redirect = server->tls->https_redirect;
    const hr_node *mode = hr_node_get(node, HR_STR("mode"));
    if (mode != NULL && mode->kind != HR_NODE_NULL && server->tls->mode >= 0 && server->tls->mode <= 5)
        server->tls_mode = hr_str_from(modes[server->tls->mode].name);
}

static const hr_field server_fields[] = {
    {"port", hr_read_message, 0, 0, &port_schema, 0},
    {"bind", hr_read_string, S(bind), 0, NULL, 0},
    {"hosts", hr_read_strings, S(hosts), 0, NULL, 0},
    {"tls", read_tls, S(tls), 0, &tls_schema, 0},
    {"defaultEndpoint", hr_read_string, S(default_endpoint), 0, NULL, 0},
    {"name", hr_read_string, S(name), 0, NULL, 0},
};
static const hr_schema server_schema = {
    "Server", HR_FIELDS(server_fields), sizeof(hr_server), S(pos), -1, 0, NULL, hr_check_server};
#undef S

#define G(member) offsetof(hr_gateway, member)
static const hr_field gateway_fields[] = {
    {"servers", hr_read_list, G(servers), G(n_servers), &server_schema, 0},
    {"selector", hr_read_pairs, G(selector), G(n_selector), NULL, 0},
};
#undef G
static const hr_schema gateway_schema = {
    "Gateway", HR_FIELDS(gateway_fields), sizeof(hr_gateway), -1, -1, 0, NULL, hr_check_gateway};

void hr_read_gateway(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_gateway *gateway = HR_APPEND(r, gateways);
    if (gateway == NULL)
        return;
    gateway->meta = *meta;
    gateway->pos = hr_reader_pos(r, resource);
    hr_read_spec(r, resource, gateway, &gateway_schema);
}
