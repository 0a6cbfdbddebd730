/* A listener for each host of each server: a listener has one hostname. */
#include "gateway_listeners.h"

#include "gateway.h"
#include "resources.h"
#include "service.h"
#include "text.h"

/* A Gateway that is being written. */
typedef struct listener_writer {
    hr_conversion_state *s;
    const hr_spec_gateway *gateway;
    hr_yaml_text t;
    size_t n_listeners;
} listener_writer;

static void lost(listener_writer *w, hr_pos pos, size_t server, const char *part,
                 const char *sentence) {
    hr_str field = hr_arena_printf(w->s->arena, "spec.servers[%zu].%s", server, part);
    if (field.p != NULL)
        hr_diag_warn(w->s->found, pos, field.p, "%s", sentence);
}

/* The protocol of a listener; NULL: the Gateway API has none for it that routes HTTP. */
static const char *protocol_of(const hr_spec_server *server) {
    bool terminates = server->has_tls && (hr_str_eq_c(server->tls_mode, "SIMPLE") ||
                                          hr_str_eq_c(server->tls_mode, "MUTUAL") ||
                                          hr_str_eq_c(server->tls_mode, "OPTIONAL_MUTUAL"));
    hr_str protocol = server->protocol;
    if (!server->has_tls || (server->https_redirect && server->tls_mode.len == 0)) {
        bool http = hr_str_eq_c(protocol, "HTTP") || hr_str_eq_c(protocol, "HTTP2") ||
                    hr_str_eq_c(protocol, "GRPC");
        return http ? "HTTP" : NULL;
    }
    return terminates && hr_str_eq_c(protocol, "HTTPS") ? "HTTPS" : NULL;
}

/* Settings of TLS that only an option or policy of an implementation has. */
static void lose_tls_settings(listener_writer *w, const hr_spec_server_tls *tls, hr_pos pos,
                              size_t index) {
    if (tls->min_version != 0 || tls->max_version != 0)
        lost(w, pos, index, "tls.minProtocolVersion",
             "a listener has no versions of TLS: Istio takes its defaults, 1.2 and 1.3");
    if (tls->cipher_suites.n > 0)
        lost(w, pos, index, "tls.cipherSuites",
             "write them as the option gateway.istio.io/tls-cipher-suites of the listener's tls");
    if (tls->subject_alt_names.n + tls->verify_certificate_spki.n + tls->verify_certificate_hash.n >
        0)
        lost(w, pos, index, "tls.subjectAltNames",
             "a listener does not compare the certificates of clients with names or hashes");
    if (tls->credential_names.n > 1 || tls->n_certificates > 1)
        lost(w, pos, index, "tls.credentialNames",
             "the listener has one certificate: add the others to its certificateRefs");
}

static void put_tls(listener_writer *w, const hr_spec_server *server, size_t index) {
    const hr_spec_server_tls *tls = server->tls;
    hr_str name = tls == NULL ? (hr_str){0} : tls->credential_name;
    if (tls != NULL)
        lose_tls_settings(w, tls, server->pos, index);
    if (name.len == 0 && tls != NULL && tls->credential_names.n > 0)
        name = tls->credential_names.v[0];
    if (!hr_str_eq_c(server->tls_mode, "SIMPLE"))
        lost(w, server->pos, index, "tls.mode",
             "the listener does not ask clients for a certificate: set spec.tls.frontend of the "
             "Gateway");
    if (name.len == 0) {
        lost(w, server->pos, index, "tls",
             "a listener needs a Secret, and the server names files: the listener refers to the "
             "Secret \"certificate\"");
        name = HR_STR("certificate");
    }
    hr_yaml_put(&w->t, ", tls: {certificateRefs: [{name: ");
    hr_yaml_put_scalar(&w->t, name);
    hr_yaml_put(&w->t, "}]}");
}

/* Which namespaces may attach routes: the part of a host in front of its slash. */
static void put_allowed(listener_writer *w, hr_str ns) {
    if (ns.len == 0 || hr_str_eq_c(ns, "*")) {
        hr_yaml_put(&w->t, ", allowedRoutes: {namespaces: {from: All}}");
        return;
    }
    if (hr_str_eq_c(ns, ".") || hr_str_eq(ns, w->gateway->meta.namespace_))
        return;
    hr_yaml_put(&w->t, ", allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: "
                       "{kubernetes.io/metadata.name: ");
    hr_yaml_put_scalar(&w->t, ns);
    hr_yaml_put(&w->t, "}}}}");
}

static void put_listener(listener_writer *w, const hr_spec_server *server, size_t index,
                         const char *protocol, hr_str host) {
    size_t slash = hr_str_find(host, '/', 0);
    hr_str ns = slash < host.len ? hr_str_of(host.p, slash) : (hr_str){0};
    hr_str name = slash < host.len ? hr_str_tail(host, slash + 1) : host;
    bool wild = name.len > 1 && name.p[0] == '*' && name.p[1] != '.';
    if (wild) {
        lost(w, server->pos, index, "hosts",
             "a listener has no hostname with a wildcard inside of a label: the host is left out");
        return;
    }
    hr_yaml_put(&w->t, "  - {name: listener-%zu, port: %u, protocol: %s", w->n_listeners++,
                (unsigned)server->port, protocol);
    if (!hr_str_eq_c(name, "*")) {
        hr_yaml_put(&w->t, ", hostname: ");
        hr_yaml_put_scalar(&w->t, hr_arena_lower(w->s->arena, name));
    }
    if (strcmp(protocol, "HTTPS") == 0)
        put_tls(w, server, index);
    put_allowed(w, ns);
    hr_yaml_put(&w->t, "}\n");
}

static void put_listeners_of(listener_writer *w, size_t index) {
    const hr_spec_server *server = &w->gateway->servers[index];
    const char *protocol = protocol_of(server);
    if (protocol == NULL) {
        lost(w, server->pos, index, "port.protocol",
             "a server that does not read HTTP is not converted");
        return;
    }
    if (server->https_redirect)
        lost(w, server->pos, index, "tls.httpsRedirect",
             "a listener does not redirect: attach an HTTPRoute with a RequestRedirect to https");
    if (server->bind.len > 0)
        lost(w, server->pos, index, "bind", "a listener binds to all addresses");
    for (size_t i = 0; i < server->hosts.n; i++)
        put_listener(w, server, index, protocol, server->hosts.v[i]);
}

/* ---- the proxies ---- */

static bool selects_pods_of(const hr_spec_gateway *gateway, const hr_spec_service *svc) {
    for (size_t i = 0; i < gateway->n_selector; i++) {
        bool found = false;
        for (size_t k = 0; k < svc->n_selector; k++)
            found |= hr_str_eq(svc->selector[k].name, gateway->selector[i].name) &&
                     hr_str_eq(svc->selector[k].value, gateway->selector[i].value);
        if (!found)
            return false;
    }
    return gateway->n_selector > 0;
}

/* The proxies stay those that run, if their Service is in the Gateway's namespace. */
static void put_addresses(listener_writer *w) {
    const hr_resources *r = w->s->table->resources;
    hr_str ns = w->gateway->meta.namespace_;
    for (size_t i = 0; i < r->n_services; i++)
        if (hr_str_eq(r->services[i].meta.namespace_, ns) &&
            selects_pods_of(w->gateway, &r->services[i])) {
            hr_yaml_put(&w->t, "  addresses:\n  - {type: Hostname, value: ");
            hr_yaml_put_scalar(&w->t, hr_arena_printf(w->s->arena, "%.*s.%.*s.svc.%.*s",
                                                      HR_S(r->services[i].meta.name), HR_S(ns),
                                                      HR_S(w->s->table->domain)));
            hr_yaml_put(&w->t, "}\n");
            return;
        }
    hr_diag_warn(w->s->found, w->gateway->pos, "spec.selector",
                 "a Gateway of the Gateway API selects no pods: Istio starts proxies of its own "
                 "for it, with a Service of their own");
}

static void convert_gateway(hr_conversion_state *s, const hr_spec_gateway *gateway) {
    listener_writer w = {.s = s, .gateway = gateway};
    hr_str ns = gateway->meta.namespace_, name = gateway->meta.name;
    if (hr_conversion_has(s, "Gateway", ns, name)) {
        hr_diag_warn(s->found, gateway->pos, "metadata.name",
                     "a Gateway of the Gateway API has this name: it is not converted");
        return;
    }
    w.t = hr_conversion_begin(s, "gateway.networking.k8s.io/v1", "Gateway", ns, name);
    hr_yaml_put(&w.t, "spec:\n  gatewayClassName: istio\n");
    put_addresses(&w);
    hr_yaml_put(&w.t, "  listeners:\n");
    for (size_t i = 0; i < gateway->n_servers && !hr_arena_failed(s->arena); i++)
        put_listeners_of(&w, i);
    if (w.n_listeners == 0)
        return;
    hr_conversion_add(s, "Gateway", ns, name, &w.t);
    hr_conversion_remove(s, "Gateway.istio", &gateway->meta);
}

void hr_convert_gateways(hr_conversion_state *s) {
    const hr_resources *r = s->table->resources;
    for (size_t i = 0; i < r->n_gateways && !hr_arena_failed(s->arena); i++)
        convert_gateway(s, &r->gateways[i]);
}
