/* What a server of a Gateway reads, and which hosts of a VirtualService it has. */
#include "gateway_server.h"

#include "gateway.h"
#include "host_names.h"
#include "text.h"
#include "virtual_service.h"

bool hr_server_is_http(const hr_spec_server *server) {
    return hr_mesh_protocol_parse(server->protocol) == HR_MESH_PROTOCOL_HTTP;
}

bool hr_server_terminates_tls(const hr_spec_server *server) {
    return hr_str_eq_nocase(server->protocol, HR_STR("HTTPS")) && server->has_tls &&
           !hr_str_eq_c(server->tls_mode, "PASSTHROUGH") &&
           !hr_str_eq_c(server->tls_mode, "AUTO_PASSTHROUGH");
}

hr_str hr_server_host_for(hr_str host, hr_str gateway_namespace, hr_str vs_namespace) {
    size_t slash = hr_str_find(host, '/', 0);
    if (slash == host.len)
        return host;
    hr_str ns = hr_str_of(host.p, slash), name = hr_str_tail(host, slash + 1);
    if (hr_str_eq_c(ns, "."))
        ns = gateway_namespace;
    return hr_str_eq_c(ns, "*") || hr_str_eq(ns, vs_namespace) ? name : (hr_str){0};
}

static void add_host_once(hr_arena *arena, hr_host_list *list, hr_str s) {
    for (size_t i = 0; i < list->n; i++)
        if (hr_str_eq(list->v[i], s))
            return;
    HR_PUSH(arena, list, s);
}

void hr_server_hosts(hr_arena *arena, hr_host_list *out, const hr_mesh_gateway *gateway,
                     const hr_spec_server *server, const hr_mesh_virtual_service *vs) {
    hr_str gateway_ns = gateway->resource->meta.namespace_, vs_ns = vs->resource->meta.namespace_;
    for (size_t s = 0; s < server->hosts.n; s++) {
        hr_str host = hr_server_host_for(server->hosts.v[s], gateway_ns, vs_ns);
        for (size_t h = 0; host.p != NULL && h < vs->n_hosts; h++) {
            if (hr_host_subset_of(host, vs->hosts[h]))
                add_host_once(arena, out, host);
            else if (hr_host_subset_of(vs->hosts[h], host))
                add_host_once(arena, out, vs->hosts[h]);
        }
    }
}
