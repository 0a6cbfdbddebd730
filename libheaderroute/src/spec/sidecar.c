/* Sidecar: networking/v1alpha3/sidecar.proto of Istio's API. */
#include "sidecar.h"

#include <stddef.h>

#include "common_fields.h"
#include "name_rules.h"
#include "resources.h"
#include "text.h"

/* ---- egress listeners ---- */

/* "ns/host", where ns is `*`, `.`, `~` or a namespace that may have a '~' before it. */
static void check_egress_host(hr_reader *r, const hr_node *item) {
    hr_str text = item->u.text;
    size_t slash = hr_str_find(text, '/', 0);
    if (slash == text.len || hr_str_has(hr_str_tail(text, slash + 1), '/')) {
        hr_reader_error(r, item, "\"%.*s\": expected NAMESPACE/HOST, for example \"./*\"",
                        (int)text.len, text.p);
        return;
    }
    hr_str namespace_ = hr_str_of(text.p, slash), host = hr_str_tail(text, slash + 1);
    if (hr_str_starts(namespace_, HR_STR("~")))
        namespace_ = hr_str_tail(namespace_, 1);
    if (namespace_.len > 0 && !hr_str_eq_c(namespace_, "*") && !hr_str_eq_c(namespace_, ".") &&
        !hr_is_label(namespace_))
        hr_reader_error(
            r, item,
            "\"%.*s\" is not a valid namespace; expected \"*\", \".\", \"~\" or the name "
            "of a namespace before the '/'",
            (int)namespace_.len, namespace_.p);
    const char *mistake = hr_str_eq_c(host, "*") ? NULL : hr_domain_mistake(host, true);
    if (mistake != NULL)
        hr_reader_error(r, item, "\"%.*s\" is not a valid host: %s", (int)host.len, host.p,
                        mistake);
}

static void check_egress(hr_reader *r, const hr_node *node, void *out) {
    const hr_node *list = hr_field_get(node, "hosts");
    hr_path name = {.up = r->path, .name = HR_STR("hosts")}, step;
    const hr_spec_egress *egress = out;
    if (egress->hosts.n == 0)
        hr_reader_error(r, node, "hosts is required: at least one, for example \"./*\"");
    r->path = &name;
    for (const hr_node *item = egress->hosts.n == 0 ? NULL : hr_items_begin(r, &step, list);
         item != NULL; item = hr_items_next(r, &step, item))
        if (item->kind == HR_NODE_STRING)
            check_egress_host(r, item);
    r->path = name.up;
}

#define E(member) offsetof(hr_spec_egress, member)
static const hr_field sidecar_port_fields[] = {
    {"number", hr_read_port, E(port), 0, NULL, 0},
    {"protocol", hr_read_string, E(protocol), 0, NULL, 0},
    {"name", hr_read_nothing, 0, 0, NULL, 0},
    {"targetPort", hr_read_nothing, 0, 0, NULL, 0},
};

static const hr_schema sidecar_port_schema = {
    "SidecarPort", HR_FIELDS(sidecar_port_fields), sizeof(hr_spec_egress), -1, E(has_port), 0, NULL,
    NULL};

/* How the connection gets to the proxy: the rules that it then meets are the same. */
static const hr_enum capture_modes[] = {{"DEFAULT", 0}, {"IPTABLES", 1}, {"NONE", 2}, {NULL, 0}};

static void read_capture_mode(hr_reader *r, const hr_node *node, void *base,
                              const hr_field *field) {
    int mode;
    (void)base;
    hr_read_enum(r, node, &mode, &(hr_field){.name = field->name, .arg = capture_modes});
}

static const hr_field egress_fields[] = {
    {"port", hr_read_message, 0, 0, &sidecar_port_schema, 0},
    {"bind", hr_read_nothing, 0, 0, NULL, 0},
    {"captureMode", read_capture_mode, 0, 0, NULL, 0},
    {"hosts", hr_read_strings, E(hosts), 0, NULL, 0},
};

static const hr_schema egress_schema = {
    "IstioEgressListener", HR_FIELDS(egress_fields), sizeof(hr_spec_egress), E(pos), -1, 0, NULL,
    check_egress};
#undef E

/* ---- Sidecar ---- */

#define S(member) offsetof(hr_spec_sidecar, member)
static const hr_field sidecar_selector_fields[] = {
    {"labels", hr_read_selector, S(selector), S(n_selector), NULL, 0},
};

static const hr_schema sidecar_selector_schema = {"WorkloadSelector",
                                                  HR_FIELDS(sidecar_selector_fields),
                                                  sizeof(hr_spec_sidecar),
                                                  -1,
                                                  S(has_selector),
                                                  0,
                                                  NULL,
                                                  NULL};

static const hr_enum outbound_modes[] = {
    {"REGISTRY_ONLY", HR_OUTBOUND_REGISTRY_ONLY}, {"ALLOW_ANY", HR_OUTBOUND_ALLOW_ANY}, {NULL, 0}};

static void read_egress_proxy(hr_reader *r, const hr_node *node, void *base,
                              const hr_field *field) {
    (void)base, (void)field;
    hr_reader_warn(r, node,
                   "is not evaluated: requests to unknown hosts are shown as passed through");
}

static const hr_field outbound_fields[] = {
    {"mode", hr_read_enum, S(outbound), 0, outbound_modes, 0},
    {"egressProxy", read_egress_proxy, 0, 0, NULL, 0},
};

static const hr_schema outbound_schema = {"OutboundTrafficPolicy",
                                          HR_FIELDS(outbound_fields),
                                          sizeof(hr_spec_sidecar),
                                          -1,
                                          S(has_outbound),
                                          0,
                                          NULL,
                                          NULL};

static void check_port_of_egress(hr_reader *r, const hr_node *item, const hr_spec_sidecar *sidecar,
                                 size_t index) {
    const hr_spec_egress *egress = &sidecar->egress[index];
    if (!egress->has_port && index + 1 < sidecar->n_egress)
        hr_reader_error(r, item, "only the last listener may have no port");
    for (size_t i = 0; i < index && egress->has_port; i++)
        if (sidecar->egress[i].has_port && sidecar->egress[i].port == egress->port)
            hr_field_error(r, item, "port", "the port %u is given twice", egress->port);
    if (egress->has_port && hr_str_eq_nocase(egress->protocol, HR_STR("HTTP_PROXY")))
        hr_field_warn(r, item, "port",
                      "is not evaluated as an HTTP proxy: only services on this port are seen");
}

static void check_sidecar(hr_reader *r, const hr_node *spec, void *out) {
    const hr_spec_sidecar *sidecar = out;
    const hr_node *list = hr_field_get(spec, "egress");
    hr_path name = {.up = r->path, .name = HR_STR("egress")}, step;
    if (sidecar->n_egress == 0 && !sidecar->has_outbound && !hr_field_is_filled(spec, "ingress") &&
        !hr_field_is_given(spec, "inboundConnectionPool"))
        hr_reader_error(r, spec,
                        "is empty: expected egress, ingress, outboundTrafficPolicy or "
                        "inboundConnectionPool");
    if (sidecar->has_selector && sidecar->n_selector == 0)
        hr_field_warn(r, spec, "workloadSelector",
                      "without labels selects every workload of the namespace");
    r->path = &name;
    for (const hr_node *item = sidecar->n_egress == 0 ? NULL : hr_items_begin(r, &step, list);
         item != NULL; item = hr_items_next(r, &step, item))
        check_port_of_egress(r, item, sidecar, step.index);
    r->path = name.up;
}

static const hr_field sidecar_fields[] = {
    {"workloadSelector", hr_read_message, 0, 0, &sidecar_selector_schema, 0},
    {"ingress", hr_read_nothing, 0, 0, NULL, 0},
    {"egress", hr_read_list, S(egress), S(n_egress), &egress_schema, 0},
    {"inboundConnectionPool", hr_read_nothing, 0, 0, NULL, 0},
    {"outboundTrafficPolicy", hr_read_message, 0, 0, &outbound_schema, 0},
};
#undef S

static const hr_schema sidecar_schema = {
    "Sidecar", HR_FIELDS(sidecar_fields), sizeof(hr_spec_sidecar), -1, -1, 0, NULL, check_sidecar};

void hr_read_sidecar(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_spec_sidecar *sidecar = HR_APPEND(r, sidecars);
    if (sidecar == NULL)
        return;
    sidecar->meta = *meta;
    sidecar->pos = hr_reader_pos(r, resource);
    hr_read_spec(r, resource, sidecar, &sidecar_schema);
}
