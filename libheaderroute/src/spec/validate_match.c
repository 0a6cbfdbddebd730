/* Admission of what a rule matches: StringMatch, HTTPMatchRequest, L4MatchAttributes, TLSMatchAttributes. */
#include "validate.h"

#include "syntax.h"
#include "text.h"

static const hr_node *value_of(const hr_node *match, const char *field) {
    const hr_node *value = hr_field_get(match, field);
    return value != NULL && value->kind == HR_NODE_STRING ? value : NULL;
}

static void check_field_regex(hr_reader *r, const hr_node *match) {
    const hr_node *regex = value_of(match, "regex");
    hr_path step = {.up = r->path, .name = HR_STR("regex")};
    if (regex == NULL)
        return;
    r->path = &step;
    hr_check_regex(r, regex, regex->u.text);
    r->path = step.up;
}

void hr_check_uri_match(hr_reader *r, const hr_node *node, void *out) {
    (void)out;
    check_field_regex(r, node);
}

void hr_check_string_match(hr_reader *r, const hr_node *node, void *out) {
    (void)out;
    const hr_node *prefix = value_of(node, "prefix");
    if (prefix != NULL && prefix->u.text.len == 0)
        hr_field_error(r, node, "prefix", "may not be empty; {} matches any value");
    check_field_regex(r, node);
}

void hr_check_without_match(hr_reader *r, const hr_node *node, void *out) {
    const hr_node *regex = value_of(node, "regex");
    if (regex == NULL || !hr_str_eq_c(regex->u.text, "*"))
        hr_check_string_match(r, node, out);
}

void hr_check_origin_match(hr_reader *r, const hr_node *node, void *out) {
    const hr_string_match *match = out;
    if (match->kind == HR_SM_PRESENCE || match->value.len == 0)
        hr_reader_error(r, node, "an origin wants a non-empty exact, prefix or regex");
    else
        check_field_regex(r, node);
}

void hr_check_match_name(hr_reader *r, const hr_node *key) {
    static const char *const pseudo[] = {":method", ":scheme", ":authority", ":path", ":status"};
    hr_str name = key->u.text;
    for (size_t i = 0; i < sizeof(pseudo) / sizeof(pseudo[0]); i++)
        if (hr_str_eq_c(name, pseudo[i]))
            return;
    if (hr_is_jwt_claim(name))
        hr_reader_error(r, key, "claims of a JWT cannot be evaluated here; match an ordinary header");
    else if (!hr_is_header_name(name))
        hr_reader_error(r, key, "\"%.*s\" is no name of a header", (int)name.len, name.p);
}

void hr_check_match(hr_reader *r, const hr_node *node, void *out) {
    const hr_match_request *match = out;
    if (match->port > 65535)
        hr_field_error(r, node, "port", "%u is no port; wants 1 to 65535", match->port);
    if (match->source_namespace.len > 0 && !hr_is_label(match->source_namespace))
        hr_field_error(r, node, "sourceNamespace", "\"%.*s\" is no namespace", (int)match->source_namespace.len,
                       match->source_namespace.p);
}

/* ---- TCP and TLS ---- */

static void check_subnets(hr_reader *r, const hr_node *match) {
    const hr_node *list = hr_field_get(match, "destinationSubnets");
    hr_path name = {.up = r->path, .name = HR_STR("destinationSubnets")}, step;
    if (list == NULL)
        return;
    r->path = &name;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL; item = hr_items_next(r, &step, item))
        if (item->kind == HR_NODE_STRING && !hr_is_subnet(item->u.text))
            hr_reader_error(r, item, "\"%.*s\" is no address and no CIDR block", (int)item->u.text.len,
                            item->u.text.p);
    r->path = name.up;
}

static void check_l4_port(hr_reader *r, const hr_node *match) {
    const hr_node *port = hr_field_get(match, "port");
    int64_t number;
    if (port != NULL && hr_node_int(&number, port) && number > 65535)
        hr_field_error(r, match, "port", "%lld is no port; wants 1 to 65535", (long long)number);
}

void hr_check_tcp_match(hr_reader *r, const hr_node *node, void *out) {
    (void)out;
    check_subnets(r, node);
    check_l4_port(r, node);
}

void hr_check_tls_match(hr_reader *r, const hr_node *node, void *out) {
    hr_check_tcp_match(r, node, out);
    const hr_node *hosts = hr_field_get(node, "sniHosts");
    if (hosts == NULL || (hosts->kind == HR_NODE_LIST && hosts->u.children.n == 0))
        hr_reader_error(r, node, "a TLS match wants at least one name in sniHosts");
}
