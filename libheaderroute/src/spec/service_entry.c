/* ServiceEntry: networking/v1alpha3/service_entry.proto of Istio's API, and its admission rules. */
#include "service_entry.h"

#include <stddef.h>

#include "common_fields.h"
#include "name_rules.h"
#include "protocol.h"
#include "resources.h"
#include "text.h"

enum { RESOLUTION_NONE, STATIC, DNS, DNS_ROUND_ROBIN };

#define MOST_PORTS 1000

static void check_entry_hosts(hr_reader *r, const hr_node *spec,
                              const hr_spec_service_entry *entry) {
    const hr_node *list = hr_field_get(spec, "hosts");
    int by_name = (entry->resolution == DNS || entry->resolution == DNS_ROUND_ROBIN) &&
                  entry->n_endpoints == 0;
    hr_path name = {.up = r->path, .name = HR_STR("hosts")}, step;
    if (entry->hosts.n == 0)
        hr_field_error(r, spec, "hosts", "at least one host is required");
    r->path = &name;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL;
         item = hr_items_next(r, &step, item)) {
        if (item->kind != HR_NODE_STRING)
            continue;
        hr_str host = item->u.text;
        const char *mistake = hr_domain_mistake(host, true);
        if (hr_str_eq_c(host, "*"))
            hr_reader_error(r, item, "\"*\" is not allowed as the host of a ServiceEntry");
        else if (mistake != NULL)
            hr_reader_error(r, item, "\"%.*s\" is not a valid host: %s", (int)host.len, host.p,
                            mistake);
        else if (by_name && host.p[0] == '*')
            hr_reader_error(
                r, item,
                "a wildcard cannot be resolved by DNS; add endpoints, or use resolution NONE");
        else if (host.p[0] == '*' && host.p[1] != '.')
            hr_reader_warn(r, item, "\"%.*s\": a '*' should be a whole label", (int)host.len,
                           host.p);
        else if (by_name && hr_domain_mistake(host, false) != NULL)
            hr_reader_error(r, item, "\"%.*s\" cannot be resolved by DNS: %s", (int)host.len,
                            host.p, hr_domain_mistake(host, false));
    }
    r->path = name.up;
}

static void check_entry_addresses(hr_reader *r, const hr_node *spec,
                                  const hr_spec_service_entry *entry) {
    const hr_node *list = hr_field_get(spec, "addresses");
    hr_path name = {.up = r->path, .name = HR_STR("addresses")}, step;
    r->path = &name;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL;
         item = hr_items_next(r, &step, item)) {
        if (item->kind != HR_NODE_STRING)
            continue;
        if (!hr_is_subnet(item->u.text))
            hr_reader_error(r, item, "\"%.*s\" is neither an IP address nor a CIDR block",
                            (int)item->u.text.len, item->u.text.p);
        else if (hr_str_has(item->u.text, '/') && entry->resolution != RESOLUTION_NONE &&
                 entry->resolution != STATIC)
            hr_reader_error(r, item, "a CIDR block requires resolution NONE or STATIC");
    }
    r->path = name.up;
}

/* Reports that an earlier port has the name or the number, each once. */
static void check_port_is_new(hr_reader *r, const hr_node *item, const hr_spec_service_entry *entry,
                              size_t index) {
    const hr_spec_port *port = &entry->ports[index];
    bool name = false, number = false;
    for (size_t i = 0; i < index && index < MOST_PORTS; i++) {
        name |= port->name.len > 0 && hr_str_eq(entry->ports[i].name, port->name);
        number |= port->number != 0 && entry->ports[i].number == port->number;
    }
    if (name)
        hr_field_error(r, item, "name", "the port name \"%.*s\" is given twice",
                       (int)port->name.len, port->name.p);
    if (number)
        hr_field_error(r, item, "number", "the port %u is given twice", port->number);
}

static void check_entry_port(hr_reader *r, const hr_node *item, const hr_spec_service_entry *entry,
                             size_t index) {
    const hr_spec_port *port = &entry->ports[index];
    if (item->kind != HR_NODE_MAP)
        return;
    if (!hr_is_label(port->name))
        hr_field_error(r, item, "name",
                       port->name.len == 0
                           ? "name is required%.*s"
                           : "\"%.*s\" is not a valid port name; expected letters, digits and '-'",
                       (int)port->name.len, port->name.p == NULL ? "" : port->name.p);
    if (hr_field_get(item, "number") == NULL)
        hr_reader_error(r, item, "number is required");
    if (port->protocol.len > 0 &&
        hr_spec_protocol_parse(port->protocol) == HR_SPEC_PROTOCOL_UNSUPPORTED)
        hr_field_error(r, item, "protocol",
                       "\"%.*s\" is not one of HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB, TLS, TCP, UDP, "
                       "MONGO, REDIS, MYSQL",
                       (int)port->protocol.len, port->protocol.p);
    check_port_is_new(r, item, entry, index);
}

static void check_entry_ports(hr_reader *r, const hr_node *spec,
                              const hr_spec_service_entry *entry) {
    const hr_node *list = hr_field_get(spec, "ports");
    hr_path name = {.up = r->path, .name = HR_STR("ports")}, step;
    r->path = &name;
    for (const hr_node *item = entry->n_ports > 0 ? hr_items_begin(r, &step, list) : NULL;
         item != NULL; item = hr_items_next(r, &step, item))
        check_entry_port(r, item, entry, step.index);
    r->path = name.up;
    for (size_t i = 0;
         entry->resolution != RESOLUTION_NONE && entry->hosts.n > 1 && i < entry->n_ports; i++) {
        hr_spec_protocol protocol = hr_spec_protocol_parse(entry->ports[i].protocol);
        if (!hr_spec_protocol_is_http(protocol) && !hr_spec_protocol_is_tls(protocol)) {
            hr_field_error(r, spec, "hosts",
                           "several hosts require ports of HTTP or TLS; port %u is neither",
                           entry->ports[i].number);
            break;
        }
    }
}

static void check_entry_endpoints(hr_reader *r, const hr_node *spec,
                                  const hr_spec_service_entry *entry) {
    const hr_node *list = hr_field_get(spec, "endpoints");
    hr_path name = {.up = r->path, .name = HR_STR("endpoints")}, step;
    if (entry->has_selector && entry->n_endpoints > 0)
        hr_field_error(r, spec, "workloadSelector", "cannot be combined with \"endpoints\"");
    if (entry->resolution == RESOLUTION_NONE && entry->n_endpoints > 0)
        hr_field_error(r, spec, "endpoints",
                       "is not allowed with resolution NONE; use STATIC or DNS");
    if (entry->resolution == RESOLUTION_NONE && entry->has_selector)
        hr_field_warn(r, spec, "workloadSelector", "has no effect with resolution NONE");
    if (entry->resolution == DNS_ROUND_ROBIN && entry->n_endpoints > 1)
        hr_field_error(r, spec, "endpoints",
                       "at most one endpoint is allowed with DNS_ROUND_ROBIN");
    r->path = &name;
    const hr_spec_ports declared = {entry->ports, entry->n_ports};
    const hr_spec_workload_entry *workload = entry->endpoints;
    int looked = entry->n_endpoints > 0 && entry->resolution != RESOLUTION_NONE;
    for (const hr_node *item = looked ? hr_items_begin(r, &step, list) : NULL; item != NULL;
         item = hr_items_next(r, &step, item), workload++) {
        if (item->kind != HR_NODE_MAP)
            continue;
        hr_check_entry_address(r, item, workload, entry->resolution != STATIC);
        hr_check_entry_ports(r, item, &declared);
    }
    r->path = name.up;
}

static void check_service_entry(hr_reader *r, const hr_node *spec, void *out) {
    const hr_spec_service_entry *entry = out;
    if (entry->has_selector && entry->n_selector == 0)
        hr_field_warn(r, spec, "workloadSelector",
                      "without labels selects every workload of the namespace");
    check_entry_hosts(r, spec, entry);
    check_entry_addresses(r, spec, entry);
    check_entry_ports(r, spec, entry);
    check_entry_endpoints(r, spec, entry);
    hr_check_export_to(r, spec, entry->meta.namespace_, 1, 0);
}

#define P(member) offsetof(hr_spec_port, member)
static const hr_field port_fields[] = {
    {"number", hr_read_port, P(number), 0, NULL, 0},
    {"protocol", hr_read_string, P(protocol), 0, NULL, 0},
    {"name", hr_read_string, P(name), 0, NULL, 0},
    {"targetPort", hr_read_port, P(target_port), 0, NULL, 0},
};
#undef P
static const hr_schema port_schema =
    HR_SCHEMA_WITH_POS("ServicePort", port_fields, hr_spec_port, NULL, NULL);

#define S(member) offsetof(hr_spec_service_entry, member)
static const hr_enum locations[] = {{"MESH_EXTERNAL", 0}, {"MESH_INTERNAL", 1}, {NULL, 0}};

static const hr_enum resolutions[] = {
    {"NONE", 0}, {"STATIC", 1}, {"DNS", 2}, {"DNS_ROUND_ROBIN", 3}, {"DYNAMIC_DNS", 4}, {NULL, 0}};

static void read_resolution(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_read_enum(r, node, base, field);
    if (((hr_spec_service_entry *)base)->resolution == 4)
        hr_reader_error(r, node, "DYNAMIC_DNS is not supported; use DNS or DNS_ROUND_ROBIN");
}

static const hr_field selector_fields[] = {
    {"labels", hr_read_selector, S(selector), S(n_selector), NULL, 0},
};

static const hr_schema selector_schema =
    HR_SCHEMA_AT("WorkloadSelector", selector_fields, hr_spec_service_entry, S(selector_pos),
                 S(has_selector), NULL, NULL);

static const hr_field entry_fields[] = {
    {"hosts", hr_read_strings, S(hosts), 0, NULL, 0},
    {"addresses", hr_read_strings, S(addresses), 0, NULL, 0},
    {"ports", hr_read_list, S(ports), S(n_ports), &port_schema, 0},
    {"location", hr_read_enum, S(location), 0, locations, 0},
    {"resolution", read_resolution, S(resolution), 0, resolutions, 0},
    {"endpoints", hr_read_list, S(endpoints), S(n_endpoints), &hr_inline_workload_schema, 0},
    {"workloadSelector", hr_read_message, 0, 0, &selector_schema, 0},
    {"exportTo", hr_read_strings, S(export_to), 0, NULL, 0},
    {"subjectAltNames", hr_read_strings, S(subject_alt_names), 0, NULL, 0},
};
#undef S
static const hr_schema entry_schema =
    HR_SCHEMA("ServiceEntry", entry_fields, hr_spec_service_entry, NULL, check_service_entry);

void hr_read_service_entry(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_spec_service_entry *entry = HR_APPEND(r, service_entries);
    if (entry == NULL)
        return;
    entry->meta = *meta;
    entry->pos = hr_reader_pos(r, resource);
    hr_read_spec(r, resource, entry, &entry_schema);
}
