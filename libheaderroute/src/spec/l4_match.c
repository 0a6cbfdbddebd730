/* Admission of L4MatchAttributes and TLSMatchAttributes: what TCP and TLS routes match. */
#include "syntax.h"
#include "text.h"
#include "validate.h"

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
