/* Destination, HTTPRouteDestination and RouteDestination: where a route leads, and by which weight.
 */
#include "route_destination.h"

#include <stddef.h>

#include "common_fields.h"
#include "name_rules.h"
#include "scalar.h"
#include "text.h"

/* ---- Destination ---- */

static const hr_field port_selector_fields[] = {{"number", hr_read_port, 0, 0, NULL, 0}};

static const hr_schema port_selector_schema =
    HR_SCHEMA("PortSelector", port_selector_fields, uint32_t, NULL, NULL);

static void read_port_selector(hr_reader *r, const hr_node *node, void *base,
                               const hr_field *field) {
    hr_spec_destination *out = base;
    (void)field;
    out->port_pos = hr_reader_pos(r, node);
    hr_read_fields(r, node, &out->port, &port_selector_schema);
}

static void read_destination_host(hr_reader *r, const hr_node *node, void *base,
                                  const hr_field *field) {
    ((hr_spec_destination *)base)->host_pos = hr_reader_pos(r, node);
    hr_read_string(r, node, base, field);
}

static void read_destination_subset(hr_reader *r, const hr_node *node, void *base,
                                    const hr_field *field) {
    ((hr_spec_destination *)base)->subset_pos = hr_reader_pos(r, node);
    hr_read_string(r, node, base, field);
}

static void check_subset_name(hr_reader *r, const hr_node *node, const char *field, hr_str name) {
    if (!hr_is_label(name))
        hr_field_error(r, node, field,
                       "\"%.*s\" is not a valid subset name; expected letters, digits and '-'",
                       (int)name.len, name.p);
}

static void check_destination(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_destination *destination = out;
    const hr_node *port = hr_field_get(node, "port");
    const char *mistake = hr_domain_mistake(destination->host, true);
    if (destination->host_pos.line == 0)
        hr_reader_error(r, node, "host is required");
    else if (hr_str_eq_c(destination->host, "*"))
        hr_field_error(r, node, "host",
                       "\"*\" is not a valid destination; expected the host of a service");
    else if (mistake != NULL)
        hr_field_error(r, node, "host", "\"%.*s\" is not a valid host: %s",
                       (int)destination->host.len,
                       destination->host.p == NULL ? "" : destination->host.p, mistake);
    if (destination->subset.len > 0)
        check_subset_name(r, node, "subset", destination->subset);
    if (port != NULL && port->kind == HR_NODE_MAP && hr_field_get(port, "number") == NULL)
        hr_field_error(r, node, "port", "number is required: expected 1 to 65535");
}

static const hr_field destination_fields[] = {
    {"host", read_destination_host, offsetof(hr_spec_destination, host), 0, NULL, 0},
    {"subset", read_destination_subset, offsetof(hr_spec_destination, subset), 0, NULL, 0},
    {"port", read_port_selector, 0, 0, NULL, 0},
};

const hr_schema hr_destination_schema = HR_SCHEMA_WITH_POS(
    "Destination", destination_fields, hr_spec_destination, NULL, check_destination);

/* ---- weighted destinations ---- */

static const hr_field route_destination_fields[] = {
    {"destination", hr_read_message, offsetof(hr_spec_route_destination, destination), 0,
     &hr_destination_schema, 0},
    {"weight", hr_read_count, offsetof(hr_spec_route_destination, weight), 0, NULL, 0},
    {"headers", hr_read_message, offsetof(hr_spec_route_destination, headers), 0,
     &hr_headers_schema, 0},
};

static void note_weight(hr_reader *r, const hr_node *node, void *out) {
    hr_spec_route_destination *destination = out;
    (void)r;
    destination->has_weight = hr_field_get(node, "weight") != NULL;
}

const hr_schema hr_route_destination_schema = HR_SCHEMA_WITH_POS(
    "HTTPRouteDestination", route_destination_fields, hr_spec_route_destination, NULL, note_weight);

static const hr_field l4_destination_fields[] = {
    {"destination", hr_read_message, offsetof(hr_spec_route_destination, destination), 0,
     &hr_destination_schema, 0},
    {"weight", hr_read_count, offsetof(hr_spec_route_destination, weight), 0, NULL, 0},
};

const hr_schema hr_l4_destination_schema = HR_SCHEMA_WITH_POS(
    "RouteDestination", l4_destination_fields, hr_spec_route_destination, NULL, NULL);

/* Istio's and Envoy's rules for a list of weighted destinations. */
void hr_check_route_list(hr_reader *r, const hr_node *route) {
    const hr_node *list = hr_field_get(route, "route");
    hr_path name = {.up = r->path, .name = HR_STR("route")}, step;
    uint64_t total = 0;
    if (list == NULL || list->kind != HR_NODE_LIST)
        return;
    r->path = &name;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL;
         item = hr_items_next(r, &step, item)) {
        const hr_node *weight = hr_field_get(item, "weight");
        int64_t w = 0;
        if (item->kind == HR_NODE_MAP && hr_field_get(item, "destination") == NULL)
            hr_reader_error(r, item, "destination is required");
        if (weight != NULL && weight->kind == HR_NODE_STRING)
            hr_scalar_int(&w, weight->u.text); /* protobuf's JSON accepts a quoted number as well */
        else if (weight != NULL)
            hr_node_int(&w, weight);
        total += w > 0 ? (uint64_t)w : 0;
    }
    r->path = name.up;
    if (list->u.children.n > 1 && total == 0)
        hr_field_error(
            r, route, "route",
            "no destination has a weight: destinations without a weight receive no requests");
    else if (total > UINT32_MAX)
        hr_field_error(r, route, "route", "the weights add up to more than %u, which Envoy rejects",
                       UINT32_MAX);
}
