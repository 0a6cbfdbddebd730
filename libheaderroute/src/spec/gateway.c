/* Gateway: networking/v1alpha3/gateway.proto of Istio's API, with its servers and their TLS
 * settings. */
#include "gateway.h"

#include <stddef.h>

#include "common_fields.h"
#include "host_names.h"
#include "name_rules.h"
#include "protocol.h"
#include "resources.h"
#include "text.h"

/* ---- Server: hosts, port, bind ---- */

static const char unix_scheme[] = "unix://";

static void check_server_host(hr_reader *r, const hr_node *item) {
    hr_str host = item->u.text;
    size_t slash = hr_str_find(host, '/', 0);
    if (slash < host.len) {
        hr_str namespace_ = hr_str_from_to(host, 0, slash);
        if (!hr_str_eq_c(namespace_, "*") && !hr_str_eq_c(namespace_, ".") &&
            !hr_is_label(namespace_))
            hr_reader_error(r, item,
                            "\"%.*s\" is not a valid namespace; expected \"*\", \".\" or the name "
                            "of a namespace before the '/'",
                            (int)namespace_.len, namespace_.p);
        host = hr_str_tail(host, slash + 1);
    }
    const char *mistake = hr_domain_mistake(host, true);
    if (hr_str_eq_c(host, "*") || (mistake != NULL && hr_is_ip(host)))
        return;
    if (mistake != NULL)
        hr_reader_error(r, item, "\"%.*s\" is not a valid host: %s", (int)host.len, host.p,
                        mistake);
    else if (!hr_str_has(host, '.'))
        hr_reader_error(
            r, item,
            "\"%.*s\" is a short name; expected a fully qualified one, such as %.*s.example.com",
            (int)host.len, host.p, (int)host.len, host.p);
    else if (host.p[0] == '*' && host.p[1] != '.')
        hr_reader_error(r, item, "\"%.*s\": a '*' must be a whole label", (int)host.len, host.p);
}

static void check_server_hosts(hr_reader *r, const hr_node *server) {
    const hr_node *list = hr_field_get(server, "hosts");
    hr_path name = {.up = r->path, .name = HR_STR("hosts")}, step;
    if (list == NULL || (list->kind == HR_NODE_LIST && list->u.children.n == 0))
        hr_reader_error(r, server, "at least one host is required; \"*\" matches any host");
    r->path = &name;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL;
         item = hr_items_next(r, &step, item))
        if (item->kind == HR_NODE_STRING)
            check_server_host(r, item);
    r->path = name.up;
}

static int binds_unix_socket(const hr_spec_server *server) {
    return hr_str_starts(server->bind, HR_STR(unix_scheme));
}

static void check_server_bind(hr_reader *r, const hr_node *node, const hr_spec_server *server) {
    hr_str bind = server->bind;
    if (bind.len == 0)
        return;
    if (!binds_unix_socket(server)) {
        if (!hr_is_ip(bind))
            hr_field_error(r, node, "bind", "\"%.*s\" is not an IP address", (int)bind.len, bind.p);
        return;
    }
    hr_str path = hr_str_tail(bind, sizeof(unix_scheme) - 1);
    if (path.len == 0 || (path.p[0] != '@' && (path.p[0] != '/' || path.p[path.len - 1] == '/')))
        hr_field_error(r, node, "bind", "\"%.*s\" is not the absolute path of a socket",
                       (int)path.len, path.p);
    if (server->port != 0)
        hr_field_error(r, node, "port", "must be 0 with a Unix socket");
}

static void check_server_port(hr_reader *r, const hr_node *server_node,
                              const hr_spec_server *server) {
    const hr_node *port = hr_field_get(server_node, "port");
    if (port == NULL) {
        hr_reader_error(r, server_node, "port is required");
        return;
    }
    if (port->kind != HR_NODE_MAP)
        return;
    hr_path step = {.up = r->path, .name = HR_STR("port")};
    r->path = &step;
    if (hr_field_get(port, "protocol") == NULL)
        hr_reader_error(r, port,
                        "protocol is required: expected HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB, TLS, "
                        "TCP, MONGO, REDIS or MYSQL");
    else if (hr_spec_protocol_parse(server->protocol) == HR_SPEC_PROTOCOL_UNSUPPORTED)
        hr_field_error(r, port, "protocol",
                       "\"%.*s\" is not one of HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB, TLS, TCP, "
                       "MONGO, REDIS, MYSQL",
                       (int)server->protocol.len,
                       server->protocol.p == NULL ? "" : server->protocol.p);
    if (hr_field_get(port, "number") == NULL && !binds_unix_socket(server))
        hr_reader_error(r, port, "number is required: expected 1 to 65535");
    else if (server->port > 65535 || (server->port == 0 && !binds_unix_socket(server)))
        hr_field_error(r, port, "number", "%u is not a valid port; expected 1 to 65535",
                       server->port);
    if (server->target_port > 0)
        hr_field_error(r, port, "targetPort", "has no effect on a Gateway; remove it");
    if (server->port_name.len == 0)
        hr_reader_error(r, port, "name is required");
    r->path = step.up;
}

/* ---- ServerTLSSettings ---- */

enum { PASSTHROUGH, SIMPLE, MUTUAL, AUTO_PASSTHROUGH, ISTIO_MUTUAL, OPTIONAL_MUTUAL };

static void check_istio_mutual(hr_reader *r, const hr_node *node) {
    static const char *const none[] = {"serverCertificate", "privateKey",     "caCertificates",
                                       "tlsCertificates",   "credentialName", "credentialNames"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        if (hr_field_get(node, none[i]) != NULL)
            hr_field_error(
                r, node, none[i],
                "is not allowed with mode ISTIO_MUTUAL, which uses Istio's certificates");
}

static void check_certificates(hr_reader *r, const hr_node *node, const hr_spec_server_tls *tls) {
    const char *mode = tls->mode == SIMPLE   ? "SIMPLE"
                       : tls->mode == MUTUAL ? "MUTUAL"
                                             : "OPTIONAL_MUTUAL";
    if (tls->mode != SIMPLE && tls->ca_certificates.len == 0)
        hr_field_error(r, node, "caCertificates", "is required by mode %s", mode);
    if (tls->n_certificates > 2)
        hr_field_warn(r, node, "tlsCertificates", "at most two certificates are used");
    for (size_t i = 0; i < tls->n_certificates; i++)
        if (tls->certificates[i].server_certificate.len == 0 ||
            tls->certificates[i].private_key.len == 0)
            hr_field_error(r, node, "tlsCertificates",
                           "each entry requires serverCertificate and privateKey");
    if (tls->n_certificates == 0 && tls->server_certificate.len == 0)
        hr_field_error(r, node, "serverCertificate",
                       "is required by mode %s, unless credentialName is given", mode);
    if (tls->n_certificates == 0 && tls->private_key.len == 0)
        hr_field_error(r, node, "privateKey",
                       "is required by mode %s, unless credentialName is given", mode);
}

static void check_server_tls(hr_reader *r, const hr_node *node, const hr_spec_server_tls *tls) {
    if ((tls->min_version == 1 || tls->min_version == 2) && tls->cipher_suites.n == 0)
        hr_field_warn(r, node, "minProtocolVersion",
                      "versions below TLSV1_2 require compatible cipherSuites");
    if (tls->mode == ISTIO_MUTUAL) {
        check_istio_mutual(r, node);
        return;
    }
    int pair = tls->server_certificate.len > 0 && tls->private_key.len > 0;
    int sources = pair + (tls->credential_name.len > 0) + (tls->credential_names.n > 0) +
                  (tls->n_certificates > 0);
    int passthrough = tls->mode == PASSTHROUGH || tls->mode == AUTO_PASSTHROUGH;
    if (passthrough && (sources > 0 || tls->ca_crl.len > 0 || tls->server_certificate.len > 0 ||
                        tls->private_key.len > 0 || tls->ca_certificates.len > 0))
        hr_reader_warn(r, node, "certificates have no effect with TLS passthrough");
    if (sources > 1)
        hr_reader_error(r, node,
                        "only one of credentialName, credentialNames, tlsCertificates, and "
                        "serverCertificate with privateKey is allowed");
    if (passthrough || tls->credential_name.len > 0 || tls->credential_names.n > 0)
        return;
    check_certificates(r, node, tls);
    if (tls->ca_crl.len > 0 && tls->mode == SIMPLE)
        hr_field_error(r, node, "caCrl", "is not allowed with mode SIMPLE");
}

static void check_tls_fits_protocol(hr_reader *r, const hr_node *node,
                                    const hr_spec_server *server) {
    hr_spec_protocol protocol = hr_spec_protocol_parse(server->protocol);
    const hr_spec_server_tls *tls = server->tls;
    if (protocol == HR_SPEC_PROTOCOL_UNSUPPORTED)
        return;
    if (hr_spec_protocol_is_tls(protocol) && tls == NULL)
        hr_reader_error(r, node, "tls is required with protocol %.*s", (int)server->protocol.len,
                        server->protocol.p);
    if (hr_spec_protocol_is_tls(protocol) || tls == NULL)
        return;
    if (!hr_spec_protocol_is_http(protocol))
        hr_field_error(r, node, "tls", "is not allowed with protocol %.*s; use HTTPS or TLS",
                       (int)server->protocol.len, server->protocol.p);
    else if ((tls->mode != PASSTHROUGH && tls->mode != AUTO_PASSTHROUGH) ||
             tls->ca_certificates.len > 0 || tls->private_key.len > 0 ||
             tls->server_certificate.len > 0)
        hr_field_error(r, node, "tls",
                       "only httpsRedirect is allowed on a plain HTTP server; use protocol HTTPS");
}

/* Certificates and ciphers do not affect routing: they are read for validation only. */
static const hr_field certificate_fields[] = {
    {"serverCertificate", hr_read_string, offsetof(hr_spec_certificate, server_certificate), 0,
     NULL, 0},
    {"privateKey", hr_read_string, offsetof(hr_spec_certificate, private_key), 0, NULL, 0},
    {"caCertificates", hr_read_string, offsetof(hr_spec_certificate, ca_certificates), 0, NULL, 0},
};

static const hr_schema certificate_schema = HR_SCHEMA(
    "ServerTLSSettings.TLSCertificate", certificate_fields, hr_spec_certificate, NULL, NULL);

#define T(member) offsetof(hr_spec_server_tls, member)
static const hr_enum server_tls_modes[] = {
    {"PASSTHROUGH", 0},  {"SIMPLE", 1},          {"MUTUAL", 2}, {"AUTO_PASSTHROUGH", 3},
    {"ISTIO_MUTUAL", 4}, {"OPTIONAL_MUTUAL", 5}, {NULL, 0}};

static const hr_enum tls_versions[] = {{"TLS_AUTO", 0}, {"TLSV1_0", 1}, {"TLSV1_1", 2},
                                       {"TLSV1_2", 3},  {"TLSV1_3", 4}, {NULL, 0}};

static const hr_field server_tls_fields[] = {
    {"httpsRedirect", hr_read_bool, T(https_redirect), 0, NULL, 0},
    {"mode", hr_read_enum, T(mode), 0, server_tls_modes, 0},
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
    {"minProtocolVersion", hr_read_enum, T(min_version), 0, tls_versions, 0},
    {"maxProtocolVersion", hr_read_enum, T(max_version), 0, tls_versions, 0},
    {"cipherSuites", hr_read_strings, T(cipher_suites), 0, NULL, 0},
    {"insecureSkipVerify", hr_read_bool_value, T(insecure_skip_verify), 0, NULL, 0},
};

static void init_server_tls(void *out) {
    ((hr_spec_server_tls *)out)->insecure_skip_verify = -1;
}

static const hr_schema server_tls_schema = HR_SCHEMA_WITH_POS(
    "ServerTLSSettings", server_tls_fields, hr_spec_server_tls, init_server_tls, NULL);
#undef T

static void read_server_tls(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_spec_server *server = base;
    hr_read_pointer(r, node, base, field);
    if (server->tls == NULL)
        return;
    server->has_tls = true;
    server->https_redirect = server->tls->https_redirect;
    const hr_node *mode = hr_node_get(node, HR_STR("mode"));
    if (mode != NULL && mode->kind != HR_NODE_NULL && server->tls->mode >= 0 &&
        server->tls->mode <= 5)
        server->tls_mode = hr_str_from(server_tls_modes[server->tls->mode].name);
}

/* ---- Server ---- */

static void check_server(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_server *server = out;
    check_server_hosts(r, node);
    check_server_port(r, node, server);
    check_server_bind(r, node, server);
    if (server->tls != NULL) {
        hr_path step = {.up = r->path, .name = HR_STR("tls")};
        const hr_node *tls = hr_field_get(node, "tls");
        r->path = &step;
        if (tls->kind == HR_NODE_MAP)
            check_server_tls(r, tls, server->tls);
        r->path = step.up;
        if (server->https_redirect &&
            !hr_spec_protocol_is_http(hr_spec_protocol_parse(server->protocol)))
            hr_field_warn(r, node, "tls",
                          "httpsRedirect has no effect: the server is not an HTTP server");
    }
    check_tls_fits_protocol(r, node, server);
    if (server->default_endpoint.len > 0)
        hr_field_warn(r, node, "defaultEndpoint", "has no effect in Istio");
}

#define S(member) offsetof(hr_spec_server, member)
static const hr_field port_fields[] = {
    {"number", hr_read_uint32, S(port), 0, NULL, 0},
    {"protocol", hr_read_string, S(protocol), 0, NULL, 0},
    {"name", hr_read_string, S(port_name), 0, NULL, 0},
    {"targetPort", hr_read_uint32, S(target_port), 0, NULL, 0},
};

static const hr_schema port_schema =
    HR_SCHEMA_AT("Port", port_fields, hr_spec_server, S(port_pos), S(has_port), NULL, NULL);

static const hr_field server_fields[] = {
    {"port", hr_read_message, 0, 0, &port_schema, 0},
    {"bind", hr_read_string, S(bind), 0, NULL, 0},
    {"hosts", hr_read_strings, S(hosts), 0, NULL, 0},
    {"tls", read_server_tls, S(tls), 0, &server_tls_schema, 0},
    {"defaultEndpoint", hr_read_string, S(default_endpoint), 0, NULL, 0},
    {"name", hr_read_string, S(name), 0, NULL, 0},
};

static const hr_schema server_schema =
    HR_SCHEMA_WITH_POS("Server", server_fields, hr_spec_server, NULL, check_server);
#undef S

/* ---- Gateway ---- */

static void check_gateway(hr_reader *r, const hr_node *spec, void *out) {
    const hr_spec_gateway *gateway = out;
    const hr_node *list = hr_field_get(spec, "servers");
    hr_map names = {0};
    hr_path name = {.up = r->path, .name = HR_STR("servers")}, step;
    if (!hr_is_label(gateway->meta.name))
        hr_reader_error(r, spec,
                        "\"%.*s\" is not a valid Gateway name; expected letters, digits and '-'",
                        (int)gateway->meta.name.len, gateway->meta.name.p);
    if (list == NULL || (list->kind == HR_NODE_LIST && list->u.children.n == 0))
        hr_reader_error(r, spec, "at least one server is required");
    r->path = &name;
    const hr_spec_server *server = gateway->servers;
    for (const hr_node *item = gateway->n_servers > 0 ? hr_items_begin(r, &step, list) : NULL;
         item != NULL; item = hr_items_next(r, &step, item), server++) {
        const hr_spec_server *first = hr_map_get(&names, server->port_name);
        if (server->port_name.len == 0)
            continue;
        if (first != NULL)
            hr_field_error(r, item, "port",
                           "the port name \"%.*s\" is given twice: first on line %d",
                           (int)server->port_name.len, server->port_name.p, first->pos.line);
        else
            hr_map_add(r->document, &names, server->port_name, server);
    }
    r->path = name.up;
}

#define G(member) offsetof(hr_spec_gateway, member)
static const hr_field gateway_fields[] = {
    {"servers", hr_read_list, G(servers), G(n_servers), &server_schema, 0},
    {"selector", hr_read_pairs, G(selector), G(n_selector), NULL, 0},
};
#undef G
static const hr_schema gateway_schema =
    HR_SCHEMA("Gateway", gateway_fields, hr_spec_gateway, NULL, check_gateway);

void hr_read_gateway(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_spec_gateway *gateway = HR_APPEND(r, gateways);
    if (gateway == NULL)
        return;
    gateway->meta = *meta;
    gateway->pos = hr_reader_pos(r, resource);
    hr_read_spec(r, resource, gateway, &gateway_schema);
}
