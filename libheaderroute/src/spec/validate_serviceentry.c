/* Admission of ServiceEntries and WorkloadEntries. */
#include "validate.h"

#include "names.h"
#include "syntax.h"
#include "text.h"

static const char unix_prefix[] = "unix://";

/* ---- ports and addresses ---- */

static int names_port(const hr_service_entry *entry, hr_str name) {
    for (size_t i = 0; i < entry->n_ports; i++)
        if (hr_str_eq(entry->ports[i].name, name))
            return 1;
    return 0;
}

/* `entry` is NULL for a WorkloadEntry by itself. */
static void check_endpoint_ports(hr_reader *r, const hr_node *node, const hr_service_entry *entry) {
    const hr_node *ports = hr_field_get(node, "ports");
    hr_path name = {.up = r->path, .name = HR_STR("ports")}, step;
    r->path = &name;
    for (const hr_node *key = hr_keys_begin(r, &step, ports); key != NULL; key = hr_keys_next(r, &step, key)) {
        int64_t number = 0;
        if (!hr_is_label(key->u.text))
            hr_reader_error(r, key, "\"%.*s\" is no name of a port: letters, digits and '-'", (int)key->u.text.len,
                            key->u.text.p);
        else if (entry != NULL && !names_port(entry, key->u.text))
            hr_reader_error(r, key, "the ServiceEntry has no port \"%.*s\"", (int)key->u.text.len, key->u.text.p);
        if (hr_node_int(&number, key->value) && (number < 1 || number > 65535))
            hr_reader_error(r, key->value, "%lld is no port; wants 1 to 65535", (long long)number);
    }
    r->path = name.up;
}

static void check_address(hr_reader *r, const hr_node *node, const hr_workload_entry *workload, int names_allowed) {
    hr_str address = workload->address;
    if (address.len == 0 && workload->network.len == 0) {
        hr_reader_error(r, node, "wants an address");
        return;
    }
    if (address.len == 0) {
        hr_reader_warn(r, node, "has a network and no address");
        return;
    }
    if (hr_str_starts(address, HR_STR(unix_prefix))) {
        hr_field_error(r, node, "address", "unix sockets are not supported here; give an IP address");
        return;
    }
    if (hr_is_ip(address))
        return;
    const char *mistake = names_allowed ? hr_domain_mistake(address, false) : "it is not an IP address";
    if (mistake != NULL)
        hr_field_error(r, node, "address", "\"%.*s\" is no address: %s", (int)address.len, address.p, mistake);
}

void hr_check_workload_entry(hr_reader *r, const hr_node *spec, void *out) {
    check_address(r, spec, out, 1);
    check_endpoint_ports(r, spec, NULL);
}

/* ---- ServiceEntry ---- */

enum { RESOLUTION_NONE, STATIC, DNS, DNS_ROUND_ROBIN };
#define MOST_PORTS 1000

static void check_hosts(hr_reader *r, const hr_node *spec, const hr_service_entry *entry) {
    const hr_node *list = hr_field_get(spec, "hosts");
    int by_name = (entry->resolution == DNS || entry->resolution == DNS_ROUND_ROBIN) && entry->n_endpoints == 0;
    hr_path name = {.up = r->path, .name = HR_STR("hosts")}, step;
    if (entry->hosts.n == 0)
        hr_reader_error(r, spec, "a ServiceEntry wants at least one host");
    r->path = &name;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL; item = hr_items_next(r, &step, item)) {
        if (item->kind != HR_NODE_STRING)
            continue;
        hr_str host = item->u.text;
        const char *mistake = hr_domain_mistake(host, true);
        if (hr_str_eq_c(host, "*"))
            hr_reader_error(r, item, "\"*\" is no host of a ServiceEntry");
        else if (mistake != NULL)
            hr_reader_error(r, item, "\"%.*s\" is no host: %s", (int)host.len, host.p, mistake);
        else if (by_name && host.p[0] == '*')
            hr_reader_error(r, item, "a wildcard cannot be resolved by DNS: give endpoints, or resolution NONE");
        else if (host.p[0] == '*' && host.p[1] != '.')
            hr_reader_warn(r, item, "\"%.*s\": a '*' should be a whole label", (int)host.len, host.p);
        else if (by_name && hr_domain_mistake(host, false) != NULL)
            hr_reader_error(r, item, "\"%.*s\" cannot be resolved by DNS: %s", (int)host.len, host.p,
                            hr_domain_mistake(host, false));
    }
    r->path = name.up;
}

static void check_addresses(hr_reader *r, const hr_node *spec, const hr_service_entry *entry) {
    const hr_node *list = hr_field_get(spec, "addresses");
    hr_path name = {.up = r->path, .name = HR_STR("addresses")}, step;
    r->path = &name;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL; item = hr_items_next(r, &step, item)) {
        if (item->kind != HR_NODE_STRING)
            continue;
        if (!hr_is_subnet(item->u.text))
            hr_reader_error(r, item, "\"%.*s\" is no address and no CIDR block", (int)item->u.text.len,
                            item->u.text.p);
        else if (hr_str_has(item->u.text, '/') && entry->resolution != RESOLUTION_NONE && entry->resolution != STATIC)
            hr_reader_error(r, item, "a CIDR block wants resolution NONE or STATIC");
    }
    r->path = name.up;
}

static void check_port(hr_reader *r, const hr_node *item, const hr_service_entry *entry, size_t index) {
    const hr_port_spec *port = &entry->ports[index];
    if (item->kind != HR_NODE_MAP)
        return;
    if (!hr_is_label(port->name))
        hr_field_error(r, item, "name", port->name.len == 0 ? "a port wants a name%.*s" : "\"%.*s\" is no name of a port: letters, digits and '-'",
                       (int)port->name.len, port->name.p == NULL ? "" : port->name.p);
    if (hr_field_get(item, "number") == NULL)
        hr_reader_error(r, item, "a port wants a number");
    if (port->protocol.len > 0 && hr_proto_parse(port->protocol) == HR_PROTO_UNSUPPORTED)
        hr_field_error(r, item, "protocol",
                       "\"%.*s\" is not one of HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB, TLS, TCP, UDP, MONGO, REDIS, MYSQL",
                       (int)port->protocol.len, port->protocol.p);
    for (size_t i = 0; i < index && index < MOST_PORTS; i++) {
        if (port->name.len > 0 && hr_str_eq(entry->ports[i].name, port->name))
            hr_field_error(r, item, "name", "the port name \"%.*s\" is given twice", (int)port->name.len, port->name.p);
        if (port->number != 0 && entry->ports[i].number == port->number)
            hr_field_error(r, item, "number", "the port %u is given twice", port->number);
    }
}

static void check_ports(hr_reader *r, const hr_node *spec, const hr_service_entry *entry) {
    const hr_node *list = hr_field_get(spec, "ports");
    hr_path name = {.up = r->path, .name = HR_STR("ports")}, step;
    r->path = &name;
    for (const hr_node *item = entry->n_ports > 0 ? hr_items_begin(r, &step, list) : NULL; item != NULL;
         item = hr_items_next(r, &step, item))
        check_port(r, item, entry, step.index);
    r->path = name.up;
    for (size_t i = 0; entry->resolution != RESOLUTION_NONE && entry->hosts.n > 1 && i < entry->n_ports; i++) {
        hr_proto protocol = hr_proto_parse(entry->ports[i].protocol);
        if (!hr_proto_is_http(protocol) && !hr_proto_is_tls(protocol)) {
            hr_field_error(r, spec, "hosts", "several hosts want ports of HTTP or TLS; port %u is neither",
                           entry->ports[i].number);
            break;
        }
    }
}

static void check_endpoints(hr_reader *r, const hr_node *spec, const hr_service_entry *entry) {
    const hr_node *list = hr_field_get(spec, "endpoints");
    hr_path name = {.up = r->path, .name = HR_STR("endpoints")}, step;
    if (entry->has_selector && entry->n_endpoints > 0)
        hr_field_error(r, spec, "workloadSelector", "excludes \"endpoints\": only one of them may be given");
    if (entry->resolution == RESOLUTION_NONE && entry->n_endpoints > 0)
        hr_field_error(r, spec, "endpoints", "makes no sense with resolution NONE; use STATIC or DNS");
    if (entry->resolution == RESOLUTION_NONE && entry->has_selector)
        hr_field_warn(r, spec, "workloadSelector", "has no effect with resolution NONE");
    if (entry->resolution == DNS_ROUND_ROBIN && entry->n_endpoints > 1)
        hr_field_error(r, spec, "endpoints", "DNS_ROUND_ROBIN takes at most one");
    r->path = &name;
    const hr_workload_entry *workload = entry->endpoints;
    int looked = entry->n_endpoints > 0 && entry->resolution != RESOLUTION_NONE;
    for (const hr_node *item = looked ? hr_items_begin(r, &step, list) : NULL; item != NULL;
         item = hr_items_next(r, &step, item), workload++) {
        if (item->kind != HR_NODE_MAP)
            continue;
        check_address(r, item, workload, entry->resolution != STATIC);
        check_endpoint_ports(r, item, entry);
    }
    r->path = name.up;
}

void hr_check_service_entry(hr_reader *r, const hr_node *spec, void *out) {
    const hr_service_entry *entry = out;
    if (entry->has_selector && entry->n_selector == 0)
        hr_field_warn(r, spec, "workloadSelector", "without labels selects every workload of the namespace");
    check_hosts(r, spec, entry);
    check_addresses(r, spec, entry);
    check_ports(r, spec, entry);
    check_endpoints(r, spec, entry);
    hr_check_export_to(r, spec, entry->meta.namespace_, 1, 0);
}
