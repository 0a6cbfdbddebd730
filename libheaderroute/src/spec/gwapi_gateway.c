/* GatewayClass, Gateway and ListenerSet of the Kubernetes Gateway API: how they are read, and what
 * the API server requires of them. */
#include "gwapi_gateway.h"

#include <stddef.h>

#include "common_fields.h"
#include "name_rules.h"
#include "resources.h"
#include "text.h"

/* ---- GatewayClass ---- */

#define C(member) offsetof(hr_spec_gateway_class, member)
static const hr_field class_fields[] = {
    {"controllerName", hr_read_string, C(controller_name), 0, NULL, 0},
    {"parametersRef", hr_read_nothing, 0, 0, NULL, 0},
    {"description", hr_read_nothing, 0, 0, NULL, 0},
};
#undef C

static void check_class(hr_reader *r, const hr_node *spec, void *out) {
    const hr_spec_gateway_class *class = out;
    if (class->controller_name.len == 0)
        hr_reader_error(r, spec,
                        "controllerName is required, for example "
                        "istio.io/gateway-controller");
}

static const hr_schema class_schema =
    HR_SCHEMA("GatewayClassSpec", class_fields, hr_spec_gateway_class, NULL, check_class);

void hr_read_gateway_class(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_spec_gateway_class *class = HR_APPEND(r, gateway_classes);
    if (class == NULL)
        return;
    class->meta = *meta;
    class->pos = hr_reader_pos(r, resource);
    hr_read_spec(r, resource, class, &class_schema);
}

/* ---- label selectors ---- */

static const hr_enum operators[] = {
    {"In", 0}, {"NotIn", 1}, {"Exists", 2}, {"DoesNotExist", 3}, {NULL, 0}};

static void check_requirement(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_requirement *requirement = out;
    if (requirement->key.len == 0)
        hr_reader_error(r, node, "key is required");
    if (hr_field_get(node, "operator") == NULL)
        hr_reader_error(r, node, "operator is required: In, NotIn, Exists or DoesNotExist");
    else if (requirement->op < 2 && requirement->values.n == 0)
        hr_reader_error(r, node, "values is required for In and NotIn");
    else if (requirement->op >= 2 && requirement->values.n > 0)
        hr_field_error(r, node, "values", "must be empty for Exists and DoesNotExist");
}

static const hr_field requirement_fields[] = {
    {"key", hr_read_string, offsetof(hr_spec_requirement, key), 0, NULL, 0},
    {"operator", hr_read_enum, offsetof(hr_spec_requirement, op), 0, operators, 0},
    {"values", hr_read_strings, offsetof(hr_spec_requirement, values), 0, NULL, 0},
};
static const hr_schema requirement_schema = HR_SCHEMA_WITH_POS(
    "LabelSelectorRequirement", requirement_fields, hr_spec_requirement, NULL, check_requirement);

#define S(member) offsetof(hr_spec_label_selector, member)
static const hr_field selector_fields[] = {
    {"matchLabels", hr_read_labels, S(labels), S(n_labels), NULL, 0},
    {"matchExpressions", hr_read_list, S(requirements), S(n_requirements), &requirement_schema, 0},
};
static const hr_schema selector_schema = HR_SCHEMA_AT(
    "LabelSelector", selector_fields, hr_spec_label_selector, S(pos), S(present), NULL, NULL);
#undef S

static const hr_str *label_of(const hr_pair *labels, size_t n, hr_str key) {
    for (size_t i = 0; i < n; i++)
        if (hr_str_eq(labels[i].name, key))
            return &labels[i].value;
    return NULL;
}

static bool requirement_holds(const hr_spec_requirement *q, const hr_str *value) {
    bool listed = false;
    for (size_t i = 0; value != NULL && i < q->values.n && !listed; i++)
        listed = hr_str_eq(q->values.v[i], *value);
    switch (q->op) {
    case 0:
        return listed;
    case 1:
        return !listed;
    case 2:
        return value != NULL;
    default:
        return value == NULL;
    }
}

bool hr_label_selector_takes(const hr_spec_label_selector *selector, hr_str name,
                             const hr_pair *labels, size_t n_labels) {
    hr_str named = HR_STR("kubernetes.io/metadata.name");
    for (size_t i = 0; i < selector->n_labels; i++) {
        const hr_pair *want = &selector->labels[i];
        const hr_str *value =
            hr_str_eq(want->name, named) ? &name : label_of(labels, n_labels, want->name);
        if (value == NULL || !hr_str_eq(*value, want->value))
            return false;
    }
    for (size_t i = 0; i < selector->n_requirements; i++) {
        const hr_spec_requirement *q = &selector->requirements[i];
        if (!requirement_holds(q, hr_str_eq(q->key, named) ? &name
                                                           : label_of(labels, n_labels, q->key)))
            return false;
    }
    return true;
}

/* ---- listeners ---- */

static const hr_enum tls_modes[] = {{"Terminate", 0}, {"Passthrough", 1}, {NULL, 0}};
static const hr_enum routes_from_names[] = {{"Same", HR_ROUTES_FROM_SAME},
                                            {"All", HR_ROUTES_FROM_ALL},
                                            {"Selector", HR_ROUTES_FROM_SELECTOR},
                                            {"None", HR_ROUTES_FROM_NONE},
                                            {NULL, 0}};

#define L(member) offsetof(hr_spec_listener, member)
static const hr_field tls_fields[] = {
    {"mode", hr_read_enum, L(tls_mode), 0, tls_modes, 0},
    {"certificateRefs", hr_read_list, L(certificates), L(n_certificates), &hr_gwapi_secret_schema,
     0},
    {"options", hr_read_pairs, L(tls_options), L(n_tls_options), NULL, 0},
};
static const hr_schema tls_schema =
    HR_SCHEMA_AT("ListenerTLSConfig", tls_fields, hr_spec_listener, -1, L(has_tls), NULL, NULL);

static void init_route_kind(void *out) {
    ((hr_spec_route_kind *)out)->group = HR_STR(HR_GWAPI_GROUP);
}

static void check_route_kind(hr_reader *r, const hr_node *node, void *out) {
    if (((const hr_spec_route_kind *)out)->kind.len == 0)
        hr_reader_error(r, node, "kind is required, for example HTTPRoute");
}

static const hr_field route_kind_fields[] = {
    {"group", hr_read_string, offsetof(hr_spec_route_kind, group), 0, NULL, 0},
    {"kind", hr_read_string, offsetof(hr_spec_route_kind, kind), 0, NULL, 0},
};
static const hr_schema route_kind_schema = HR_SCHEMA_WITH_POS(
    "RouteGroupKind", route_kind_fields, hr_spec_route_kind, init_route_kind, check_route_kind);

static const hr_field namespaces_fields[] = {
    {"from", hr_read_enum, L(from), 0, routes_from_names, 0},
    {"selector", hr_read_message, L(selector), 0, &selector_schema, 0},
};
static const hr_schema namespaces_schema =
    HR_SCHEMA("RouteNamespaces", namespaces_fields, hr_spec_listener, NULL, NULL);

static const hr_field allowed_fields[] = {
    {"namespaces", hr_read_message, 0, 0, &namespaces_schema, 0},
    {"kinds", hr_read_list, L(kinds), L(n_kinds), &route_kind_schema, 0},
};
static const hr_schema allowed_schema =
    HR_SCHEMA("AllowedRoutes", allowed_fields, hr_spec_listener, NULL, NULL);

static void check_listener_tls(hr_reader *r, const hr_node *node, const hr_spec_listener *l) {
    bool https = hr_str_eq_c(l->protocol, "HTTPS");
    bool plain = hr_str_eq_c(l->protocol, "HTTP") || hr_str_eq_c(l->protocol, "TCP") ||
                 hr_str_eq_c(l->protocol, "UDP");
    if (l->has_tls && plain)
        hr_field_error(r, node, "tls", "is not allowed for the protocol %.*s", (int)l->protocol.len,
                       l->protocol.p);
    if (l->has_tls && https && l->tls_mode == 1)
        hr_field_error(r, node, "tls", "the mode must be Terminate for the protocol HTTPS");
    if (l->has_tls && l->tls_mode == 0 && l->n_certificates == 0 && l->n_tls_options == 0)
        hr_field_error(r, node, "tls",
                       "certificateRefs or options is required if the mode is Terminate");
    if (l->hostname.len > 0 && (hr_str_eq_c(l->protocol, "TCP") || hr_str_eq_c(l->protocol, "UDP")))
        hr_field_error(r, node, "hostname", "is not allowed for the protocol %.*s",
                       (int)l->protocol.len, l->protocol.p);
}

static void check_listener(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_listener *l = out;
    if (node->kind != HR_NODE_MAP)
        return;
    if (l->name.len == 0)
        hr_reader_error(r, node, "name is required");
    if (l->protocol.len == 0)
        hr_reader_error(r, node, "protocol is required: HTTP, HTTPS, TLS, TCP or UDP");
    if (hr_field_get(node, "port") == NULL)
        hr_reader_error(r, node, "port is required");
    check_listener_tls(r, node, l);
}

static const hr_field listener_fields[] = {
    {"name", hr_read_string, L(name), 0, NULL, 0},
    {"hostname", hr_gwapi_read_hostname, L(hostname), 0, NULL, 0},
    {"port", hr_read_port, L(port), 0, NULL, 0},
    {"protocol", hr_read_string, L(protocol), 0, NULL, 0},
    {"tls", hr_read_message, 0, 0, &tls_schema, 0},
    {"allowedRoutes", hr_read_message, 0, 0, &allowed_schema, 0},
};
#undef L
static const hr_schema listener_schema =
    HR_SCHEMA_WITH_POS("Listener", listener_fields, hr_spec_listener, NULL, check_listener);

/* ---- Gateway ---- */

static void read_address_type(hr_reader *r, const hr_node *node, void *base,
                              const hr_field *field) {
    hr_spec_gwapi_address *address = base;
    (void)field;
    if (!hr_reader_expect(r, node, HR_NODE_STRING))
        return;
    address->type = hr_str_eq_c(node->u.text, "IPAddress")  ? 0
                    : hr_str_eq_c(node->u.text, "Hostname") ? 1
                                                            : 2;
}

static const hr_field address_fields[] = {
    {"type", read_address_type, 0, 0, NULL, 0},
    {"value", hr_read_string, offsetof(hr_spec_gwapi_address, value), 0, NULL, 0},
};
static const hr_schema address_schema =
    HR_SCHEMA_WITH_POS("GatewaySpecAddress", address_fields, hr_spec_gwapi_address, NULL, NULL);

static void check_names(hr_reader *r, const hr_node *spec, const hr_spec_gwapi_gateway *gateway) {
    const hr_node *list = hr_field_get(spec, "listeners");
    hr_map names = {0};
    hr_path name = {.up = r->path, .name = HR_STR("listeners")}, step;
    if (list == NULL || list->kind != HR_NODE_LIST || gateway->n_listeners != list->u.children.n)
        return;
    r->path = &name;
    const hr_spec_listener *l = gateway->listeners;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL;
         item = hr_items_next(r, &step, item), l++) {
        const hr_spec_listener *first = hr_map_get(&names, l->name);
        if (first != NULL)
            hr_field_error(r, item, "name", "\"%.*s\" is given twice: first on line %d",
                           (int)l->name.len, l->name.p, first->pos.line);
        else
            hr_map_add(r->document, &names, l->name, l);
    }
    r->path = name.up;
}

static void check_gwapi_gateway(hr_reader *r, const hr_node *spec, void *out) {
    const hr_spec_gwapi_gateway *gateway = out;
    if (gateway->class_name.len == 0)
        hr_reader_error(r, spec, "gatewayClassName is required, for example istio");
    if (hr_field_get(spec, "listeners") == NULL)
        hr_reader_error(r, spec, "at least one listener is required");
    else if (!hr_field_is_filled(spec, "listeners"))
        hr_field_error(r, spec, "listeners", "at least one listener is required");
    if (gateway->n_listeners > 64)
        hr_field_error(r, spec, "listeners", "has %zu listeners; at most 64 are allowed",
                       gateway->n_listeners);
    check_names(r, spec, gateway);
}

/* GatewayTLSConfig: certificates that clients must have are not part of a decision. */
static void read_gateway_tls(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    (void)r;
    *(bool *)((char *)base + field->offset) = hr_field_get(node, "frontend") != NULL;
}

#define G(member) offsetof(hr_spec_gwapi_gateway, member)
static const hr_field listener_namespaces_fields[] = {
    {"from", hr_read_enum, G(listeners_from), 0, routes_from_names, 0},
    {"selector", hr_read_message, G(listeners_selector), 0, &selector_schema, 0},
};
static const hr_schema listener_namespaces_schema =
    HR_SCHEMA("ListenerNamespaces", listener_namespaces_fields, hr_spec_gwapi_gateway, NULL, NULL);

static const hr_field allowed_listeners_fields[] = {
    {"namespaces", hr_read_message, 0, 0, &listener_namespaces_schema, 0},
};
static const hr_schema allowed_listeners_schema =
    HR_SCHEMA("AllowedListeners", allowed_listeners_fields, hr_spec_gwapi_gateway, NULL, NULL);

static const hr_field gateway_fields[] = {
    {"gatewayClassName", hr_read_string, G(class_name), 0, NULL, 0},
    {"listeners", hr_read_list, G(listeners), G(n_listeners), &listener_schema, 0},
    {"addresses", hr_read_list, G(addresses), G(n_addresses), &address_schema, 0},
    {"infrastructure", hr_read_nothing, 0, 0, NULL, 0},
    {"allowedListeners", hr_read_message, 0, 0, &allowed_listeners_schema, 0},
    {"tls", read_gateway_tls, G(has_frontend_tls), 0, NULL, 0},
    {"defaultScope", hr_read_nothing, 0, 0, NULL, 0},
};
#undef G
static const hr_schema gateway_schema =
    HR_SCHEMA("GatewaySpec", gateway_fields, hr_spec_gwapi_gateway, NULL, check_gwapi_gateway);

void hr_read_gwapi_gateway(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_spec_gwapi_gateway *gateway = HR_APPEND(r, gwapi_gateways);
    if (gateway == NULL)
        return;
    gateway->meta = *meta;
    gateway->pos = hr_reader_pos(r, resource);
    gateway->listeners_from = HR_ROUTES_FROM_NONE;
    hr_read_spec(r, resource, gateway, &gateway_schema);
}

/* ---- ListenerSet ---- */

#define E(member) offsetof(hr_spec_listener_set, member)
static const hr_field listener_set_fields[] = {
    {"parentRef", hr_read_message, E(parent), 0, &hr_gwapi_parent_gateway_schema, 0},
    {"listeners", hr_read_list, E(listeners), E(n_listeners), &listener_schema, 0},
};
#undef E
static const hr_schema listener_set_schema =
    HR_SCHEMA("ListenerSetSpec", listener_set_fields, hr_spec_listener_set, NULL, NULL);

void hr_read_listener_set(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_spec_listener_set *set = HR_APPEND(r, listener_sets);
    if (set == NULL)
        return;
    set->meta = *meta;
    set->pos = hr_reader_pos(r, resource);
    hr_read_spec(r, resource, set, &listener_set_schema);
}

/* ---- Namespace ---- */

void hr_read_namespace(hr_reader *r, const hr_node *resource) {
    const hr_node *metadata = hr_node_get(resource, HR_STR("metadata"));
    const hr_node *name = hr_node_get(metadata, HR_STR("name"));
    const hr_node *labels = hr_node_get(metadata, HR_STR("labels"));
    hr_spec_namespace *out =
        name == NULL || name->kind != HR_NODE_STRING ? NULL : HR_APPEND(r, namespaces);
    if (out == NULL)
        return;
    out->name = hr_reader_copy(r, name->u.text);
    if (labels == NULL || labels->kind != HR_NODE_MAP)
        return;
    out->labels = hr_reader_alloc(r, labels->u.children.n, sizeof(*out->labels));
    for (const hr_node *k = labels->u.children.first; out->labels != NULL && k != NULL; k = k->next)
        if (k->value->kind == HR_NODE_STRING)
            out->labels[out->n_labels++] =
                (hr_pair){hr_reader_copy(r, k->u.text), hr_reader_copy(r, k->value->u.text)};
}
