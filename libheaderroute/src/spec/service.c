/* Service of Kubernetes: only the fields that routing needs, and what the API server would refuse
 * in them. */
#include "service.h"

#include <stddef.h>

#include "common_fields.h"
#include "host_names.h"
#include "resources.h"
#include "text.h"

#define MOST_PORTS 1000

static void check_service_port(hr_reader *r, const hr_node *item, const hr_spec_service *service,
                               size_t index) {
    const hr_spec_port *port = &service->ports[index];
    if (item->kind != HR_NODE_MAP)
        return;
    if (hr_field_get(item, "port") == NULL)
        hr_reader_error(r, item, "port is required: expected a number");
    if (port->name.len == 0 && service->n_ports > 1)
        hr_reader_error(r, item, "name is required if there are several ports");
    if (port->protocol.len > 0 && !hr_str_eq_c(port->protocol, "TCP") &&
        !hr_str_eq_c(port->protocol, "UDP") && !hr_str_eq_c(port->protocol, "SCTP"))
        hr_field_error(r, item, "protocol",
                       "\"%.*s\" is not one of TCP, UDP, SCTP; declare HTTP by the port's name or "
                       "by appProtocol",
                       (int)port->protocol.len, port->protocol.p);
    bool name = false, number = false;
    for (size_t i = 0; i < index && index < MOST_PORTS; i++) {
        const hr_spec_port *other = &service->ports[i];
        name |= port->name.len > 0 && hr_str_eq(other->name, port->name);
        number |= port->number != 0 && other->number == port->number &&
                  hr_str_eq(other->protocol.len == 0 ? HR_STR("TCP") : other->protocol,
                            port->protocol.len == 0 ? HR_STR("TCP") : port->protocol);
    }
    if (name)
        hr_field_error(r, item, "name", "the port name \"%.*s\" is given twice",
                       (int)port->name.len, port->name.p);
    if (number)
        hr_field_error(r, item, "port", "the port %u is given twice", port->number);
}

static void check_service(hr_reader *r, const hr_node *spec, void *out) {
    const hr_spec_service *service = out;
    int headless = hr_str_eq_c(service->cluster_ip, "None"),
        by_name = hr_str_eq_c(service->type, "ExternalName");
    static const char *const types[] = {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"};
    int known = service->type.len == 0;
    for (size_t i = 0; i < 4; i++)
        known |= hr_str_eq_c(service->type, types[i]);
    if (!known)
        hr_field_error(r, spec, "type",
                       "\"%.*s\" is not one of ClusterIP, NodePort, LoadBalancer, ExternalName",
                       (int)service->type.len, service->type.p);
    if (service->cluster_ip.len > 0 && !headless && !hr_is_ip(service->cluster_ip))
        hr_field_error(r, spec, "clusterIP", "\"%.*s\" is neither an IP address nor None",
                       (int)service->cluster_ip.len, service->cluster_ip.p);
    if (by_name && service->external_name.len == 0)
        hr_reader_error(r, spec, "externalName is required with type ExternalName");
    if (service->n_ports == 0 && !headless && !by_name)
        hr_reader_error(r, spec, "at least one port is required");
    const hr_node *list = hr_field_get(spec, "ports");
    hr_path name = {.up = r->path, .name = HR_STR("ports")}, step;
    r->path = &name;
    for (const hr_node *item = service->n_ports > 0 ? hr_items_begin(r, &step, list) : NULL;
         item != NULL; item = hr_items_next(r, &step, item))
        check_service_port(r, item, service, step.index);
    r->path = name.up;
}

#define P(member) offsetof(hr_spec_port, member)

/* IntOrString */
static void read_target_port(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_spec_port *port = base;
    (void)field;
    if (node->kind == HR_NODE_STRING)
        port->target_port_name = hr_reader_copy(r, node->u.text);
    else
        hr_read_port(r, node, base, &(hr_field){.offset = P(target_port)});
}

static const hr_field service_port_fields[] = {
    {"name", hr_read_string, P(name), 0, NULL, 0},
    {"protocol", hr_read_string, P(protocol), 0, NULL, 0},
    {"appProtocol", hr_read_string, P(app_protocol), 0, NULL, 0},
    {"port", hr_read_port, P(number), 0, NULL, 0},
    {"targetPort", read_target_port, 0, 0, NULL, 0},
};

static const hr_schema service_port_schema = {
    "ServicePort", HR_FIELDS(service_port_fields), sizeof(hr_spec_port), P(pos), -1, 1, NULL, NULL};
#undef P

#define S(member) offsetof(hr_spec_service, member)
static const hr_field service_fields[] = {
    {"type", hr_read_string, S(type), 0, NULL, 0},
    {"clusterIP", hr_read_string, S(cluster_ip), 0, NULL, 0},
    {"clusterIPs", hr_read_strings, S(cluster_ips), 0, NULL, 0},
    {"externalName", hr_read_string, S(external_name), 0, NULL, 0},
    {"selector", hr_read_labels, S(selector), S(n_selector), NULL, 0},
    {"publishNotReadyAddresses", hr_read_bool, S(publish_not_ready_addresses), 0, NULL, 0},
    {"trafficDistribution", hr_read_string, S(traffic_distribution), 0, NULL, 0},
    {"ports", hr_read_list, S(ports), S(n_ports), &service_port_schema, 0},
};
#undef S
static const hr_schema service_schema =
    HR_SCHEMA_LAX("ServiceSpec", service_fields, hr_spec_service, NULL, check_service);

static hr_str trimmed(const char *begin, const char *end) {
    while (begin < end && (*begin == ' ' || *begin == '\t'))
        begin++;
    while (end > begin && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return (hr_str){begin, (size_t)(end - begin)};
}

/* networking.istio.io/exportTo: namespaces, separated by commas. */
static void read_export_annotation(hr_reader *r, hr_spec_service *service) {
    for (size_t i = 0; i < service->meta.n_annotations; i++) {
        if (!hr_str_eq(service->meta.annotations[i].name, HR_STR("networking.istio.io/exportTo")))
            continue;
        hr_str text = service->meta.annotations[i].value;
        size_t commas = 0;
        for (size_t c = 0; c < text.len; c++)
            commas += text.p[c] == ',';
        service->export_to.pos = service->pos;
        service->export_to.v = hr_reader_alloc(r, commas + 1, sizeof(hr_str));
        if (service->export_to.v == NULL)
            return;
        const char *end = text.p + text.len;
        for (const char *begin = text.p, *comma; begin <= end; begin = comma + 1) {
            comma = begin;
            while (comma < end && *comma != ',')
                comma++;
            hr_str name = trimmed(begin, comma);
            if (name.len > 0)
                service->export_to.v[service->export_to.n++] = name;
        }
    }
}

void hr_read_service(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_spec_service *service = HR_APPEND(r, services);
    if (service == NULL)
        return;
    service->meta = *meta;
    service->pos = hr_reader_pos(r, resource);
    read_export_annotation(r, service);
    hr_read_spec(r, resource, service, &service_schema);
}
