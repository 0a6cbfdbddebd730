/* Kubernetes' own kinds: what its API server would refuse, as far as routing hangs on it. */
#include "validate.h"

#include "names.h"
#include "syntax.h"
#include "text.h"

#define MOST_PORTS 1000

static void check_service_port(hr_reader *r, const hr_node *item, const hr_service *service, size_t index) {
    const hr_port_spec *port = &service->ports[index];
    if (item->kind != HR_NODE_MAP)
        return;
    if (hr_field_get(item, "port") == NULL)
        hr_reader_error(r, item, "a Service's port wants a number in \"port\"");
    if (port->name.len == 0 && service->n_ports > 1)
        hr_reader_error(r, item, "of several ports each wants a name");
    if (port->protocol.len > 0 && !hr_str_eq_c(port->protocol, "TCP") && !hr_str_eq_c(port->protocol, "UDP") &&
        !hr_str_eq_c(port->protocol, "SCTP"))
        hr_field_error(r, item, "protocol", "\"%.*s\" is not one of TCP, UDP, SCTP; HTTP is told by name or appProtocol",
                       (int)port->protocol.len, port->protocol.p);
    for (size_t i = 0; i < index && index < MOST_PORTS; i++) {
        const hr_port_spec *other = &service->ports[i];
        if (port->name.len > 0 && hr_str_eq(other->name, port->name))
            hr_field_error(r, item, "name", "the port name \"%.*s\" is given twice", (int)port->name.len, port->name.p);
        if (port->number != 0 && other->number == port->number &&
            hr_str_eq(other->protocol.len == 0 ? HR_STR("TCP") : other->protocol,
                      port->protocol.len == 0 ? HR_STR("TCP") : port->protocol))
            hr_field_error(r, item, "port", "the port %u is given twice", port->number);
    }
}

void hr_check_service(hr_reader *r, const hr_node *spec, void *out) {
    const hr_service *service = out;
    int headless = hr_str_eq_c(service->cluster_ip, "None"), by_name = hr_str_eq_c(service->type, "ExternalName");
    static const char *const types[] = {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"};
    int known = service->type.len == 0;
    for (size_t i = 0; i < 4; i++)
        known |= hr_str_eq_c(service->type, types[i]);
    if (!known)
        hr_field_error(r, spec, "type", "\"%.*s\" is not one of ClusterIP, NodePort, LoadBalancer, ExternalName",
                       (int)service->type.len, service->type.p);
    if (service->cluster_ip.len > 0 && !headless && !hr_is_ip(service->cluster_ip))
        hr_field_error(r, spec, "clusterIP", "\"%.*s\" is no address and not None", (int)service->cluster_ip.len,
                       service->cluster_ip.p);
    if (by_name && service->external_name.len == 0)
        hr_reader_error(r, spec, "a Service of type ExternalName wants externalName");
    if (service->n_ports == 0 && !headless && !by_name)
        hr_reader_error(r, spec, "a Service wants at least one port");
    const hr_node *list = hr_field_get(spec, "ports");
    hr_path name = {.up = r->path, .name = HR_STR("ports")}, step;
    r->path = &name;
    for (const hr_node *item = service->n_ports > 0 ? hr_items_begin(r, &step, list) : NULL; item != NULL;
         item = hr_items_next(r, &step, item))
        check_service_port(r, item, service, step.index);
    r->path = name.up;
}

void hr_check_slice_endpoint(hr_reader *r, const hr_node *node, void *out) {
    const hr_slice_endpoint *endpoint = out;
    if (endpoint->addresses.n == 0)
        hr_reader_error(r, node, "an endpoint wants at least one address");
}

void hr_check_endpoint_slice(hr_reader *r, const hr_node *resource, void *out) {
    const hr_endpoint_slice *slice = out;
    const hr_node *list = hr_field_get(resource, "endpoints");
    int by_name = hr_str_eq_c(slice->address_type, "FQDN");
    if (slice->address_type.len == 0)
        hr_reader_error(r, resource, "an EndpointSlice wants an addressType: IPv4, IPv6 or FQDN");
    else if (!by_name && !hr_str_eq_c(slice->address_type, "IPv4") && !hr_str_eq_c(slice->address_type, "IPv6"))
        hr_field_error(r, resource, "addressType", "\"%.*s\" is not one of IPv4, IPv6, FQDN",
                       (int)slice->address_type.len, slice->address_type.p);
    if (slice->service_name.len == 0)
        hr_reader_warn(r, resource, "without the label kubernetes.io/service-name it belongs to no Service");
    hr_path name = {.up = r->path, .name = HR_STR("endpoints")}, step;
    r->path = &name;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL && !by_name;
         item = hr_items_next(r, &step, item)) {
        const hr_node *addresses = hr_field_get(item, "addresses");
        hr_path deeper = {.up = r->path, .name = HR_STR("addresses")}, inner;
        r->path = &deeper;
        for (const hr_node *a = hr_items_begin(r, &inner, addresses); a != NULL; a = hr_items_next(r, &inner, a))
            if (a->kind == HR_NODE_STRING && !hr_is_ip(a->u.text))
                hr_reader_error(r, a, "\"%.*s\" is no address", (int)a->u.text.len, a->u.text.p);
        r->path = deeper.up;
    }
    r->path = name.up;
}
