/* The listeners on the port of a view: server names, modes of TLS and certificates. */
#include "view_listeners.h"

#include "gateway.h"
#include "gateway_server.h"
#include "gwapi_facts.h"
#include "gwapi_gateway.h"
#include "gwapi_listeners.h"
#include "text.h"

hr_str hr_view_server_name(hr_arena *arena, hr_str host) {
    size_t slash = hr_str_find(host, '/', 0);
    return hr_arena_lower(arena, slash < host.len ? hr_str_tail(host, slash + 1) : host);
}

typedef HR_LIST(hr_server_certificate) certificate_list;

static hr_str full_secret_name(hr_view_build *vb, hr_str namespace_, hr_str name) {
    return hr_arena_printf(vb->arena, "%.*s/%.*s", (int)namespace_.len, namespace_.p, (int)name.len,
                           name.p);
}

static void add_secret(hr_view_build *vb, certificate_list *out, hr_str namespace_, hr_str name) {
    hr_server_certificate certificate = {.secret = full_secret_name(vb, namespace_, name)};
    HR_PUSH(vb->arena, out, certificate);
}

/* ---- Gateway API ---- */

static void fill_by_listener(hr_view_build *vb, hr_listener *out, certificate_list *list,
                             const hr_mesh_listener *l) {
    const hr_spec_listener *spec = l->spec;
    out->verifies_clients = l->gateway->has_frontend_tls;
    for (size_t i = 0; i < spec->n_tls_options; i++)
        if (hr_str_eq_c(spec->tls_options[i].name, "gateway.istio.io/tls-terminate-mode"))
            out->tls_mode = spec->tls_options[i].value;
    for (size_t i = 0; i < spec->n_certificates; i++) {
        const hr_spec_gwapi_reference *ref = &spec->certificates[i];
        if (hr_listener_may_use(vb->table, l, ref))
            add_secret(vb, list, hr_listener_secret_namespace(l, ref), ref->name);
    }
}

/* ---- Istio ---- */

static int version_of_tls(int istios) {
    return istios == 0 ? 0 : istios + 9; /* TLSV1_0 is 1 */
}

/* Secrets are in the namespace of the proxies, whatever the Gateway's is. */
static void fill_by_server(hr_view_build *vb, hr_listener *out, certificate_list *list,
                           const hr_spec_server_tls *tls) {
    hr_str ns = vb->view->namespace_;
    out->min_tls_version = version_of_tls(tls->min_version);
    out->max_tls_version = version_of_tls(tls->max_version);
    out->restricts_ciphers = tls->cipher_suites.n > 0;
    if (tls->credential_name.len > 0)
        add_secret(vb, list, ns, tls->credential_name);
    for (size_t i = 0; i < tls->credential_names.n; i++)
        add_secret(vb, list, ns, tls->credential_names.v[i]);
    hr_server_certificate files = {.certificate_file = tls->server_certificate,
                                   .private_key_file = tls->private_key};
    if (list->n == 0 && tls->server_certificate.len > 0)
        HR_PUSH(vb->arena, list, files);
    for (size_t i = 0; i < tls->n_certificates; i++) {
        files.certificate_file = tls->certificates[i].server_certificate;
        files.private_key_file = tls->certificates[i].private_key;
        HR_PUSH(vb->arena, list, files);
    }
}

/* ---- both ---- */

void hr_view_listener_fill(hr_view_build *vb, hr_listener *out, const hr_mesh_gateway *gateway,
                           const hr_spec_server *server, const hr_mesh_listener *listener) {
    certificate_list list = {0};
    *out = (hr_listener){.gateway = gateway->id,
                         .name = server->name,
                         .protocol = server->protocol,
                         .port = (uint16_t)server->port,
                         .terminates_tls =
                             !hr_server_is_http(server) && hr_server_terminates_tls(server),
                         .tls_mode = server->tls_mode,
                         .source_file = server->pos.file,
                         .source_line = server->pos.line};
    hr_str *names = HR_ARRAY(vb->arena, hr_str, server->hosts.n);
    for (size_t i = 0; names != NULL && i < server->hosts.n; i++)
        names[out->n_server_names++] = hr_view_server_name(vb->arena, server->hosts.v[i]);
    out->server_names = names;
    if (listener != NULL)
        fill_by_listener(vb, out, &list, listener);
    else if (server->tls != NULL)
        fill_by_server(vb, out, &list, server->tls);
    out->certificates = list.v;
    out->n_certificates = list.n;
}

size_t hr_view_listener_count(const hr_view *view) {
    return view == NULL ? 0 : view->n_served;
}

const hr_listener *hr_view_listener(const hr_view *view, size_t index) {
    return index < hr_view_listener_count(view) ? &view->served[index] : NULL;
}
