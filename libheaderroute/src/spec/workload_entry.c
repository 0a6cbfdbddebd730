/* WorkloadEntry: networking/v1alpha3/workload_entry.proto of Istio's API, alone or inside a
 * ServiceEntry. */
#include "workload_entry.h"

#include <stddef.h>

#include "common_fields.h"
#include "host_names.h"
#include "name_rules.h"
#include "resources.h"
#include "scalar.h"
#include "text.h"

static const char unix_scheme[] = "unix://";

static bool has_port_name(const hr_spec_ports *ports, hr_str name) {
    for (size_t i = 0; i < ports->n; i++)
        if (hr_str_eq(ports->v[i].name, name))
            return true;
    return false;
}

void hr_check_entry_ports(hr_reader *r, const hr_node *node, const hr_spec_ports *declared) {
    const hr_node *ports = hr_field_get(node, "ports");
    hr_path name = {.up = r->path, .name = HR_STR("ports")}, step;
    r->path = &name;
    for (const hr_node *key = hr_keys_begin(r, &step, ports); key != NULL;
         key = hr_keys_next(r, &step, key)) {
        int64_t number = 0;
        if (!hr_is_label(key->u.text))
            hr_reader_error(r, key,
                            "\"%.*s\" is not a valid port name; expected letters, digits and '-'",
                            (int)key->u.text.len, key->u.text.p);
        else if (declared != NULL && !has_port_name(declared, key->u.text))
            hr_reader_error(r, key, "the ServiceEntry has no port \"%.*s\"", (int)key->u.text.len,
                            key->u.text.p);
        if (hr_node_int(&number, key->value) && (number < 1 || number > 65535))
            hr_reader_error(r, key->value, "%lld is not a valid port; expected 1 to 65535",
                            (long long)number);
    }
    r->path = name.up;
}

void hr_check_entry_address(hr_reader *r, const hr_node *node,
                            const hr_spec_workload_entry *workload, bool names_allowed) {
    hr_str address = workload->address;
    if (address.len == 0 && workload->network.len == 0) {
        hr_reader_error(r, node, "address is required");
        return;
    }
    if (address.len == 0) {
        hr_reader_warn(r, node, "has a network but no address");
        return;
    }
    if (hr_str_starts(address, HR_STR(unix_scheme))) {
        hr_field_error(r, node, "address", "Unix sockets are not supported; use an IP address");
        return;
    }
    if (hr_is_ip(address))
        return;
    const char *mistake =
        names_allowed ? hr_domain_mistake(address, false) : "expected an IP address";
    if (mistake != NULL)
        hr_field_error(r, node, "address", "\"%.*s\" is not a valid address: %s", (int)address.len,
                       address.p, mistake);
}

static void check_workload_entry(hr_reader *r, const hr_node *spec, void *out) {
    hr_check_entry_address(r, spec, out, 1);
    hr_check_entry_ports(r, spec, NULL);
}

#define W(member) offsetof(hr_spec_workload_entry, member)

static void read_named_ports(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_spec_workload_entry *entry = base;
    (void)field;
    if (!hr_reader_expect(r, node, HR_NODE_MAP) || node->u.children.n == 0)
        return;
    entry->ports = hr_reader_alloc(r, node->u.children.n, sizeof(*entry->ports));
    if (entry->ports == NULL)
        return;
    hr_path step;
    for (const hr_node *key = hr_keys_begin(r, &step, node); key != NULL;
         key = hr_keys_next(r, &step, key)) {
        entry->ports[entry->n_ports].name = hr_reader_copy(r, key->u.text);
        hr_read_uint32(r, key->value, &entry->ports[entry->n_ports++].number, &(hr_field){0});
    }
}

static const hr_field workload_fields[] = {
    {"address", hr_read_string, W(address), 0, NULL, 0},
    {"ports", read_named_ports, 0, 0, NULL, 0},
    {"labels", hr_read_labels, W(labels), W(n_labels), NULL, 0},
    {"network", hr_read_string, W(network), 0, NULL, 0},
    {"locality", hr_read_string, W(locality), 0, NULL, 0},
    {"weight", hr_read_uint32, W(weight), 0, NULL, 0},
    {"serviceAccount", hr_read_string, W(service_account), 0, NULL, 0},
};

const hr_schema hr_inline_workload_schema =
    HR_SCHEMA_WITH_POS("WorkloadEntry", workload_fields, hr_spec_workload_entry, NULL, NULL);
#undef W
static const hr_schema workload_entry_schema =
    HR_SCHEMA("WorkloadEntry", workload_fields, hr_spec_workload_entry, NULL, check_workload_entry);

void hr_read_workload_entry(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_spec_workload_entry *entry = HR_APPEND(r, workload_entries);
    if (entry == NULL)
        return;
    entry->meta = *meta;
    hr_read_spec(r, resource, entry, &workload_entry_schema);
    entry->pos = hr_reader_pos(r, resource);
}
