/* TCPRoute and TLSRoute: read for their mistakes and counted; they never decide an HTTP request. */
#include "l4_route.h"

#include <stddef.h>

#include "common_fields.h"
#include "name_rules.h"
#include "route_destination.h"
#include "scalar.h"
#include "text.h"

/* ---- L4MatchAttributes, TLSMatchAttributes ---- */

typedef struct l4_match {
    hr_str_list destination_subnets, sni_hosts, gateways;
    uint32_t port;
    hr_str source_subnet, source_namespace;
    hr_pair *source_labels;
    size_t n_source_labels;
} l4_match;

static void check_destination_subnets(hr_reader *r, const hr_node *match) {
    const hr_node *list = hr_field_get(match, "destinationSubnets");
    hr_path name = {.up = r->path, .name = HR_STR("destinationSubnets")}, step;
    if (list == NULL)
        return;
    r->path = &name;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL;
         item = hr_items_next(r, &step, item))
        if (item->kind == HR_NODE_STRING && !hr_is_subnet(item->u.text))
            hr_reader_error(r, item, "\"%.*s\" is neither an IP address nor a CIDR block",
                            (int)item->u.text.len, item->u.text.p);
    r->path = name.up;
}

static void check_l4_port(hr_reader *r, const hr_node *match) {
    const hr_node *port = hr_field_get(match, "port");
    int64_t number;
    if (port != NULL && hr_node_int(&number, port) && number > 65535)
        hr_field_error(r, match, "port", "%lld is not a valid port; expected 1 to 65535",
                       (long long)number);
}

static void check_tcp_match(hr_reader *r, const hr_node *node, void *out) {
    (void)out;
    check_destination_subnets(r, node);
    check_l4_port(r, node);
}

static void check_tls_match(hr_reader *r, const hr_node *node, void *out) {
    check_tcp_match(r, node, out);
    const hr_node *hosts = hr_field_get(node, "sniHosts");
    if (hosts == NULL || (hosts->kind == HR_NODE_LIST && hosts->u.children.n == 0))
        hr_reader_error(r, node, "sniHosts is required");
}

#define M(member) offsetof(l4_match, member)
static const hr_field tcp_match_fields[] = {
    {"destinationSubnets", hr_read_strings, M(destination_subnets), 0, NULL, 0},
    {"port", hr_read_uint32, M(port), 0, NULL, 0},
    {"sourceSubnet", hr_read_string, M(source_subnet), 0, NULL, 0},
    {"sourceLabels", hr_read_labels, M(source_labels), M(n_source_labels), NULL, 0},
    {"gateways", hr_read_gateways, M(gateways), 0, NULL, 0},
    {"sourceNamespace", hr_read_string, M(source_namespace), 0, NULL, 0},
};

static const hr_schema tcp_match_schema =
    HR_SCHEMA("L4MatchAttributes", tcp_match_fields, l4_match, NULL, check_tcp_match);

static const hr_field tls_match_fields[] = {
    {"sniHosts", hr_read_strings, M(sni_hosts), 0, NULL, 0},
    {"destinationSubnets", hr_read_strings, M(destination_subnets), 0, NULL, 0},
    {"port", hr_read_uint32, M(port), 0, NULL, 0},
    {"sourceLabels", hr_read_labels, M(source_labels), M(n_source_labels), NULL, 0},
    {"gateways", hr_read_gateways, M(gateways), 0, NULL, 0},
    {"sourceNamespace", hr_read_string, M(source_namespace), 0, NULL, 0},
};
#undef M
static const hr_schema tls_match_schema =
    HR_SCHEMA("TLSMatchAttributes", tls_match_fields, l4_match, NULL, check_tls_match);

/* ---- TCPRoute, TLSRoute ---- */

typedef struct l4_route {
    l4_match *match;
    size_t n_match;
    hr_spec_route_destination *route;
    size_t n_route;
} l4_route;

typedef struct l4_list {
    l4_route *v;
    size_t n;
} l4_list;

static void check_l4_route(hr_reader *r, const hr_node *node) {
    if (!hr_field_is_filled(node, "route"))
        hr_reader_error(r, node, "route is required");
    hr_check_route_list(r, node);
}

static void check_tcp_route(hr_reader *r, const hr_node *node, void *out) {
    (void)out;
    check_l4_route(r, node);
}

static void check_tls_route(hr_reader *r, const hr_node *node, void *out) {
    (void)out;
    if (!hr_field_is_filled(node, "match"))
        hr_reader_error(r, node, "at least one match is required");
    check_l4_route(r, node);
}

static const hr_field tcp_fields[] = {
    {"match", hr_read_list, offsetof(l4_route, match), offsetof(l4_route, n_match),
     &tcp_match_schema, 0},
    {"route", hr_read_list, offsetof(l4_route, route), offsetof(l4_route, n_route),
     &hr_l4_destination_schema, 0},
};

static const hr_schema tcp_route_schema =
    HR_SCHEMA("TCPRoute", tcp_fields, l4_route, NULL, check_tcp_route);

static const hr_field tls_fields[] = {
    {"match", hr_read_list, offsetof(l4_route, match), offsetof(l4_route, n_match),
     &tls_match_schema, 0},
    {"route", hr_read_list, offsetof(l4_route, route), offsetof(l4_route, n_route),
     &hr_l4_destination_schema, 0},
};

static const hr_schema tls_route_schema =
    HR_SCHEMA("TLSRoute", tls_fields, l4_route, NULL, check_tls_route);

static void count_l4_routes(hr_reader *r, const hr_node *node, void *base, const hr_field *field,
                            const hr_schema *schema) {
    l4_list list = {0};
    hr_read_list(r, node, &list, &(hr_field){.count = offsetof(l4_list, n), .arg = schema});
    *(size_t *)(void *)((char *)base + field->offset) = list.n;
}

void hr_read_tcp_routes(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    count_l4_routes(r, node, base, field, &tcp_route_schema);
}

void hr_read_tls_routes(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    count_l4_routes(r, node, base, field, &tls_route_schema);
}
