/* Admission of Gateways. */
#include "validate.h"

#include "names.h"
#include "syntax.h"
#include "text.h"

static const char unix_prefix[] = "unix://";

static void check_host(hr_reader *r, const hr_node *item) {
    hr_str host = item->u.text;
    size_t slash = hr_str_find(host, '/', 0);
    if (slash < host.len) {
        hr_str namespace_ = hr_str_from_to(host, 0, slash);
        if (!hr_str_eq_c(namespace_, "*") && !hr_str_eq_c(namespace_, ".") && !hr_is_label(namespace_))
            hr_reader_error(r, item, "\"%.*s\" is no namespace; wants \"*\", \".\" or a namespace before the '/'",
                            (int)namespace_.len, namespace_.p);
        host = hr_str_tail(host, slash + 1);
    }
    const char *mistake = hr_domain_mistake(host, true);
    if (hr_str_eq_c(host, "*") || (mistake != NULL && hr_is_ip(host)))
        return;
    if (mistake != NULL)
        hr_reader_error(r, item, "\"%.*s\" is no host: %s", (int)host.len, host.p, mistake);
    else if (!hr_str_has(host, '.'))
        hr_reader_error(r, item, "\"%.*s\" is a short name; a Gateway wants full ones, like %.*s.example.com",
                        (int)host.len, host.p, (int)host.len, host.p);
    else if (host.p[0] == '*' && host.p[1] != '.')
        hr_reader_error(r, item, "\"%.*s\": a '*' must be a whole label", (int)host.len, host.p);
}

static void check_hosts(hr_reader *r, const hr_node *server) {
    const hr_node *list = hr_field_get(server, "hosts");
    hr_path name = {.up = r->path, .name = HR_STR("hosts")}, step;
    if (list == NULL || (list->kind == HR_NODE_LIST && list->u.children.n == 0))
        hr_reader_error(r, server, "a server wants at least one host; \"*\" takes any");
    r->path = &name;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL; item = hr_items_next(r, &step, item))
        if (item->kind == HR_NODE_STRING)
            check_host(r, item);
    r->path = name.up;
}

static int is_unix(const hr_server *server) {
    return hr_str_starts(server->bind, HR_STR(unix_prefix));
}

static void check_bind(hr_reader *r, const hr_node *node, const hr_server *server) {
    hr_str bind = server->bind;
    if (bind.len == 0)
        return;
    if (!is_unix(server)) {
        if (!hr_is_ip(bind))
            hr_field_error(r, node, "bind", "\"%.*s\" is no address", (int)bind.len, bind.p);
        return;
    }
    hr_str path = hr_str_tail(bind, sizeof(unix_prefix) - 1);
    if (path.len == 0 || (path.p[0] != '@' && (path.p[0] != '/' || path.p[path.len - 1] == '/')))
        hr_field_error(r, node, "bind", "\"%.*s\" is no absolute path of a socket", (int)path.len, path.p);
    if (server->port != 0)
        hr_field_error(r, node, "port", "the number must be 0 with a unix socket");
}

static void check_port(hr_reader *r, const hr_node *server_node, const hr_server *server) {
    const hr_node *port = hr_field_get(server_node, "port");
    if (port == NULL) {
        hr_reader_error(r, server_node, "a server wants a port");
        return;
    }
    if (port->kind != HR_NODE_MAP)
        return;
    hr_path step = {.up = r->path, .name = HR_STR("port")};
    r->path = &step;
    if (hr_field_get(port, "protocol") == NULL)
        hr_reader_error(r, port, "wants a protocol: HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB, TLS, TCP, MONGO, REDIS or MYSQL");
    else if (hr_proto_parse(server->protocol) == HR_PROTO_UNSUPPORTED)
        hr_field_error(r, port, "protocol",
                       "\"%.*s\" is not one of HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB, TLS, TCP, MONGO, REDIS, MYSQL",
                       (int)server->protocol.len, server->protocol.p == NULL ? "" : server->protocol.p);
    if (hr_field_get(port, "number") == NULL && !is_unix(server))
        hr_reader_error(r, port, "wants a number from 1 to 65535");
    else if (server->port > 65535 || (server->port == 0 && !is_unix(server)))
        hr_field_error(r, port, "number", "%u is no port; wants 1 to 65535", server->port);
    if (server->target_port > 0)
        hr_field_error(r, port, "targetPort", "has no effect on a Gateway; leave it out");
    if (server->port_name.len == 0)
        hr_reader_error(r, port, "wants a name");
    r->path = step.up;
}

/* ---- ServerTLSSettings ---- */

enum { PASSTHROUGH, SIMPLE, MUTUAL, AUTO_PASSTHROUGH, ISTIO_MUTUAL, OPTIONAL_MUTUAL };

static void check_istio_mutual(hr_reader *r, const hr_node *node) {
    static const char *const none[] = {"serverCertificate", "privateKey", "caCertificates",
                                       "tlsCertificates", "credentialName", "credentialNames"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        if (hr_field_get(node, none[i]) != NULL)
            hr_field_error(r, node, none[i], "makes no sense with ISTIO_MUTUAL, which uses Istio's certificates");
}

static void check_certificates(hr_reader *r, const hr_node *node, const hr_server_tls *tls) {
    const char *mode = tls->mode == SIMPLE ? "SIMPLE" : tls->mode == MUTUAL ? "MUTUAL" : "OPTIONAL_MUTUAL";
    if (tls->mode != SIMPLE && tls->ca_certificates.len == 0)
        hr_field_error(r, node, "caCertificates", "is wanted by %s", mode);
    if (tls->n_certificates > 2)
        hr_field_warn(r, node, "tlsCertificates", "at most two certificates are used");
    for (size_t i = 0; i < tls->n_certificates; i++)
        if (tls->certificates[i].server_certificate.len == 0 || tls->certificates[i].private_key.len == 0)
            hr_field_error(r, node, "tlsCertificates", "each wants serverCertificate and privateKey");
    if (tls->n_certificates == 0 && tls->server_certificate.len == 0)
        hr_field_error(r, node, "serverCertificate", "is wanted by %s (or credentialName)", mode);
    if (tls->n_certificates == 0 && tls->private_key.len == 0)
        hr_field_error(r, node, "privateKey", "is wanted by %s (or credentialName)", mode);
}

static void check_tls(hr_reader *r, const hr_node *node, const hr_server_tls *tls) {
    if ((tls->min_version == 1 || tls->min_version == 2) && tls->cipher_suites.n == 0)
        hr_field_warn(r, node, "minProtocolVersion", "below TLSV1_2 wants cipherSuites that are compatible with it");
    if (tls->mode == ISTIO_MUTUAL) {
        check_istio_mutual(r, node);
        return;
    }
    int pair = tls->server_certificate.len > 0 && tls->private_key.len > 0;
    int sources = pair + (tls->credential_name.len > 0) + (tls->credential_names.n > 0) + (tls->n_certificates > 0);
    int passthrough = tls->mode == PASSTHROUGH || tls->mode == AUTO_PASSTHROUGH;
    if (passthrough && (sources > 0 || tls->ca_crl.len > 0 || tls->server_certificate.len > 0 ||
                        tls->private_key.len > 0 || tls->ca_certificates.len > 0))
        hr_reader_warn(r, node, "certificates are not used where TLS passes through");
    if (sources > 1)
        hr_reader_error(r, node, "wants only one of credentialName, credentialNames, tlsCertificates, and "
                                 "serverCertificate with privateKey");
    if (passthrough || tls->credential_name.len > 0 || tls->credential_names.n > 0)
        return;
    check_certificates(r, node, tls);
    if (tls->ca_crl.len > 0 && tls->mode == SIMPLE)
        hr_field_error(r, node, "caCrl", "makes no sense with SIMPLE");
}

static void check_tls_fits(hr_reader *r, const hr_node *node, const hr_server *server) {
    hr_proto protocol = hr_proto_parse(server->protocol);
    const hr_server_tls *tls = server->tls;
    if (protocol == HR_PROTO_UNSUPPORTED)
        return;
    if (hr_proto_is_tls(protocol) && tls == NULL)
        hr_reader_error(r, node, "a server of protocol %.*s wants tls", (int)server->protocol.len, server->protocol.p);
    if (hr_proto_is_tls(protocol) || tls == NULL)
        return;
    if (!hr_proto_is_http(protocol))
        hr_field_error(r, node, "tls", "makes no sense with protocol %.*s; use HTTPS or TLS", (int)server->protocol.len,
                       server->protocol.p);
    else if ((tls->mode != PASSTHROUGH && tls->mode != AUTO_PASSTHROUGH) || tls->ca_certificates.len > 0 ||
             tls->private_key.len > 0 || tls->server_certificate.len > 0)
        hr_field_error(r, node, "tls", "a plain HTTP server takes httpsRedirect only; use protocol HTTPS");
}

void hr_check_server(hr_reader *r, const hr_node *node, void *out) {
    const hr_server *server = out;
    check_hosts(r, node);
    check_port(r, node, server);
    check_bind(r, node, server);
    if (server->tls != NULL) {
        hr_path step = {.up = r->path, .name = HR_STR("tls")};
        const hr_node *tls = hr_field_get(node, "tls");
        r->path = &step;
        if (tls->kind == HR_NODE_MAP)
            check_tls(r, tls, server->tls);
        r->path = step.up;
        if (server->https_redirect && !hr_proto_is_http(hr_proto_parse(server->protocol)))
            hr_field_warn(r, node, "tls", "httpsRedirect is for HTTP servers");
    }
    check_tls_fits(r, node, server);
    if (server->default_endpoint.len > 0)
        hr_field_warn(r, node, "defaultEndpoint", "has no effect in Istio");
}

void hr_check_gateway(hr_reader *r, const hr_node *spec, void *out) {
    const hr_gateway *gateway = out;
    const hr_node *list = hr_field_get(spec, "servers");
    hr_map names = {0};
    hr_path name = {.up = r->path, .name = HR_STR("servers")}, step;
    if (!hr_is_label(gateway->meta.name))
        hr_reader_error(r, spec, "\"%.*s\" is no name of a Gateway: letters, digits and '-'",
                        (int)gateway->meta.name.len, gateway->meta.name.p);
    if (list == NULL || (list->kind == HR_NODE_LIST && list->u.children.n == 0))
        hr_reader_error(r, spec, "a Gateway wants at least one server");
    r->path = &name;
    const hr_server *server = gateway->servers;
    for (const hr_node *item = gateway->n_servers > 0 ? hr_items_begin(r, &step, list) : NULL; item != NULL;
         item = hr_items_next(r, &step, item), server++) {
        const hr_server *first = hr_map_get(&names, server->port_name);
        if (server->port_name.len == 0)
            continue;
        if (first != NULL)
            hr_field_error(r, item, "port", "the port name \"%.*s\" is given twice: first on line %d",
                           (int)server->port_name.len, server->port_name.p, first->pos.line);
        else
            hr_map_add(r->document, &names, server->port_name, server);
    }
    r->path = name.up;
}
