/* Looks services up by host, as a caller of one namespace sees them; protocols of ports. */
#include "registry.h"

#include "port.h"
#include "text.h"

hr_mesh_protocol hr_mesh_protocol_parse(hr_str name) {
    static const struct {
        const char *name;
        hr_mesh_protocol protocol;
    } known[] = {
        {"http", HR_MESH_PROTOCOL_HTTP}, {"http2", HR_MESH_PROTOCOL_HTTP},
        {"grpc", HR_MESH_PROTOCOL_HTTP}, {"grpc-web", HR_MESH_PROTOCOL_HTTP},
        {"tcp", HR_MESH_PROTOCOL_TCP},   {"tls", HR_MESH_PROTOCOL_TCP},
        {"https", HR_MESH_PROTOCOL_TCP}, {"mongo", HR_MESH_PROTOCOL_TCP},
        {"redis", HR_MESH_PROTOCOL_TCP}, {"mysql", HR_MESH_PROTOCOL_TCP},
        {"udp", HR_MESH_PROTOCOL_UDP},   {"http_proxy", HR_MESH_PROTOCOL_HTTP},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (hr_str_eq_nocase(name, hr_str_from(known[i].name)))
            return known[i].protocol;
    return HR_MESH_PROTOCOL_SNIFFED;
}

/* Sniffing would stall protocols whose server speaks first; Istio takes these ports for TCP. */
static bool well_known_tcp(uint32_t port) {
    return port == 25 || port == 53 || port == 3306 || port == 27017;
}

hr_mesh_protocol hr_mesh_port_protocol(const hr_spec_port *port, bool kubernetes) {
    if (!kubernetes)
        return hr_mesh_protocol_parse(port->protocol);
    if (hr_str_eq_nocase(port->protocol, HR_STR("UDP")))
        return HR_MESH_PROTOCOL_UDP;
    hr_str name = port->app_protocol.p != NULL ? port->app_protocol : port->name;
    if (port->app_protocol.p != NULL) {
        if (hr_str_eq_c(name, "kubernetes.io/h2c") || hr_str_eq_c(name, "kubernetes.io/ws"))
            return HR_MESH_PROTOCOL_HTTP;
        if (hr_str_eq_c(name, "kubernetes.io/wss"))
            return HR_MESH_PROTOCOL_TCP;
    }
    if (hr_str_starts_nocase(name, HR_STR("grpc-web")))
        return HR_MESH_PROTOCOL_HTTP;
    hr_mesh_protocol protocol =
        hr_mesh_protocol_parse(hr_str_of(name.p, hr_str_find(name, '-', 0)));
    return protocol == HR_MESH_PROTOCOL_SNIFFED && well_known_tcp(port->number)
               ? HR_MESH_PROTOCOL_TCP
               : protocol;
}

bool hr_mesh_port_is_http2(const hr_spec_port *port, bool kubernetes) {
    static const char *const names[] = {"http2", "grpc", "grpc-web"};
    hr_str name = port->protocol;
    if (kubernetes)
        name = port->app_protocol.p != NULL ? port->app_protocol : port->name;
    if (kubernetes && port->app_protocol.p != NULL && hr_str_eq_c(name, "kubernetes.io/h2c"))
        return true;
    if (kubernetes && !hr_str_starts_nocase(name, HR_STR("grpc-web")))
        name = hr_str_of(name.p, hr_str_find(name, '-', 0));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (hr_str_eq_nocase(name, hr_str_from(names[i])))
            return true;
    return kubernetes && hr_str_starts_nocase(name, HR_STR("grpc-web"));
}

const hr_mesh_port *hr_mesh_port_find(const hr_mesh_service *svc, uint32_t number) {
    for (size_t i = 0; i < svc->n_ports; i++)
        if (svc->ports[i].number == number)
            return &svc->ports[i];
    return NULL;
}

bool hr_mesh_service_visible(const hr_mesh_service *svc, hr_str namespace_) {
    if (svc->export_to == NULL || svc->export_to->n == 0)
        return true;
    bool own = hr_str_eq(svc->namespace_, namespace_);
    for (size_t i = 0; i < svc->export_to->n; i++) {
        hr_str to = svc->export_to->v[i];
        if (hr_str_eq_c(to, "*") || (own && hr_str_eq_c(to, ".")) || hr_str_eq(to, namespace_))
            return true;
    }
    return false;
}

bool hr_mesh_service_is_public(const hr_mesh_service *svc) {
    bool all = svc->export_to == NULL || svc->export_to->n == 0;
    for (size_t i = 0; !all && i < svc->export_to->n; i++)
        all = hr_str_eq_c(svc->export_to->v[i], "*");
    return all;
}

/* Whether `a` goes before `b`, which is older: Istio looks at what is exported by name first. */
static bool goes_before(const hr_mesh_service *a, const hr_mesh_service *b) {
    if (a->kubernetes != b->kubernetes)
        return a->kubernetes;
    return !hr_mesh_service_is_public(a) && hr_mesh_service_is_public(b);
}

/* The namespace whose services answer to a host: the caller's own, else that of the first, where
 * one of Kubernetes goes before ServiceEntries. */
const hr_mesh_service *
hr_registry_find_where(const hr_registry *registry, hr_str host, hr_str namespace_,
                       bool (*accepts)(const void *ctx, const hr_mesh_service *svc),
                       const void *ctx) {
    const hr_mesh_service *chain = hr_map_get(&registry->by_host, host), *best = NULL;
    for (const hr_mesh_service *svc = chain; svc != NULL; svc = svc->next) {
        if (!accepts(ctx, svc))
            continue;
        bool own = hr_str_eq(svc->namespace_, namespace_);
        bool best_own = best != NULL && hr_str_eq(best->namespace_, namespace_);
        if (best == NULL || (own && !best_own) || (own == best_own && goes_before(svc, best)))
            best = svc;
    }
    return best;
}

static bool is_visible_to(const void *ctx, const hr_mesh_service *svc) {
    const hr_str *namespace_ = ctx;
    return hr_mesh_service_visible(svc, *namespace_);
}

const hr_mesh_service *hr_registry_find(const hr_registry *registry, hr_str host,
                                        hr_str namespace_) {
    return hr_registry_find_where(registry, host, namespace_, is_visible_to, &namespace_);
}

const hr_mesh_service *hr_registry_find_for_gateway(const hr_registry *registry, hr_str host,
                                                    hr_str namespace_) {
    return hr_registry_find_where(registry, host, HR_STR(""), is_visible_to, &namespace_);
}

const hr_mesh_service *hr_registry_first_of(const hr_registry *registry, hr_str host,
                                            hr_str namespace_) {
    const hr_mesh_service *first = NULL;
    for (const hr_mesh_service *svc = hr_map_get(&registry->by_host, host); svc != NULL;
         svc = svc->next)
        if (hr_str_eq(svc->namespace_, namespace_) &&
            (first == NULL || (svc->kubernetes && !first->kubernetes)))
            first = svc;
    return first;
}
