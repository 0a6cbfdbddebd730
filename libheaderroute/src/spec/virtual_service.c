/* VirtualService: networking/v1alpha3/virtual_service.proto of Istio's API, and the admission rules
 * of its hosts. */
#include "virtual_service.h"

#include <stddef.h>
#include <string.h>

#include "common_fields.h"
#include "host_names.h"
#include "http_route.h"
#include "l4_route.h"
#include "name_rules.h"
#include "resources.h"
#include "text.h"

/* ---- hosts ---- */

static int list_has_name(const hr_str_list *list, const char *name) {
    for (size_t i = 0; i < list->n; i++)
        if (hr_str_eq_c(list->v[i], name))
            return 1;
    return 0;
}

/* Whether a match of a TLS route lists SNI hosts. */
static int has_sni(const hr_node *spec) {
    const hr_node *routes = hr_field_get(spec, "tls");
    if (routes == NULL || routes->kind != HR_NODE_LIST)
        return 0;
    for (const hr_node *route = routes->u.children.first; route != NULL; route = route->next) {
        const hr_node *matches = hr_field_get(route, "match");
        if (matches == NULL || matches->kind != HR_NODE_LIST)
            continue;
        for (const hr_node *match = matches->u.children.first; match != NULL; match = match->next)
            if (hr_field_is_filled(match, "sniHosts"))
                return 1;
    }
    return 0;
}

static const char *host_mistake(hr_str host, int at_gateway, int sni) {
    if (at_gateway && sni && hr_str_starts(host, HR_STR("outbound_")) && host.len <= HR_DOMAIN_MAX)
        return hr_is_generated_sni(host) ? NULL : "expected outbound_.PORT_.SUBSET_.HOST";
    const char *mistake = hr_domain_mistake(host, true);
    return mistake != NULL && hr_is_ip(host) ? NULL : mistake;
}

/* The host that covers this one, or is the same: looks up every "*" + suffix of it. */
static const hr_node *covering_host(const hr_map *hosts, const hr_node *item) {
    char text[1 + HR_DOMAIN_MAX];
    hr_str host = item->u.text; /* not longer than HR_DOMAIN_MAX: it is valid */
    memcpy(text + 1, host.p, host.len);
    for (size_t i = 0; i <= host.len; i++) {
        text[i] = '*';
        hr_str wild = {text + i, host.len - i + 1};
        const hr_node *other = i == 1 && host.p[0] == '*' ? NULL : hr_map_get(hosts, wild);
        if (other != NULL)
            return other;
    }
    const hr_node *same = hr_map_get(hosts, host);
    return same == item ? NULL : same;
}

/* Reports overlapping hosts, at the narrower of the two. */
static void check_overlaps(hr_reader *r, const hr_node *list) {
    hr_map hosts = {0};
    hr_path step;
    for (const hr_node *item = list->u.children.first; item != NULL; item = item->next)
        hr_map_add(r->document, &hosts, item->u.text, item);
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL;
         item = hr_items_next(r, &step, item)) {
        const hr_node *other = covering_host(&hosts, item);
        if (other == NULL)
            continue;
        hr_reader_error(r, item, "\"%.*s\" overlaps with \"%.*s\" of the same VirtualService",
                        (int)item->u.text.len, item->u.text.p, (int)other->u.text.len,
                        other->u.text.p);
    }
}

static void check_virtual_hosts(hr_reader *r, const hr_node *spec,
                                const hr_spec_virtual_service *vs, int at_gateway) {
    const hr_node *list = hr_field_get(spec, "hosts");
    size_t before = hr_diagnostics_errors(r->d);
    int sni = has_sni(spec);
    hr_path name = {.up = r->path, .name = HR_STR("hosts")}, step;
    r->path = &name;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL;
         item = hr_items_next(r, &step, item)) {
        if (item->kind != HR_NODE_STRING)
            continue;
        hr_str host = item->u.text;
        const char *mistake = host_mistake(host, at_gateway, sni);
        if (mistake != NULL)
            hr_reader_error(r, item, "\"%.*s\" is not a valid host: %s", (int)host.len, host.p,
                            mistake);
        else if (!at_gateway && hr_str_eq_c(host, "*"))
            hr_reader_error(
                r, item,
                "\"*\" is not allowed in the mesh; list hosts, or only Gateways in spec.gateways");
    }
    if (list != NULL && list->kind == HR_NODE_LIST && hr_diagnostics_errors(r->d) == before &&
        vs->hosts.n == list->u.children.n)
        check_overlaps(r, list);
    r->path = name.up;
}

/* ---- SNI hosts of TLS routes ---- */

static void check_sni_host(hr_reader *r, const hr_node *item, const hr_spec_virtual_service *vs,
                           int at_gateway) {
    hr_str sni = item->u.text;
    if (hr_is_ip(sni)) {
        hr_reader_warn(
            r, item, "an IP address is not a server name (RFC 6066); most clients do not send it");
        return;
    }
    const char *mistake = host_mistake(sni, at_gateway, 1);
    if (mistake != NULL) {
        hr_reader_error(r, item, "\"%.*s\" is not a valid server name: %s", (int)sni.len, sni.p,
                        mistake);
        return;
    }
    for (size_t i = 0; i < vs->hosts.n; i++)
        if (hr_host_subset_of(sni, vs->hosts.v[i]))
            return;
    hr_reader_error(r, item, "\"%.*s\" is not covered by the hosts of the VirtualService",
                    (int)sni.len, sni.p);
}

static void check_tls_routes(hr_reader *r, const hr_node *spec, const hr_spec_virtual_service *vs) {
    const hr_node *tls = hr_field_get(spec, "tls");
    hr_path in_tls = {.up = r->path, .name = HR_STR("tls")}, route_step;
    int at_gateway = !list_has_name(&vs->gateways, "mesh");
    r->path = &in_tls;
    for (const hr_node *route = hr_items_begin(r, &route_step, tls); route != NULL;
         route = hr_items_next(r, &route_step, route)) {
        hr_path in_match = {.up = r->path, .name = HR_STR("match")}, match_step;
        r->path = &in_match;
        for (const hr_node *match = hr_items_begin(r, &match_step, hr_field_get(route, "match"));
             match != NULL; match = hr_items_next(r, &match_step, match)) {
            hr_path in_sni = {.up = r->path, .name = HR_STR("sniHosts")}, step;
            r->path = &in_sni;
            for (const hr_node *item = hr_items_begin(r, &step, hr_field_get(match, "sniHosts"));
                 item != NULL; item = hr_items_next(r, &step, item))
                if (item->kind == HR_NODE_STRING)
                    check_sni_host(r, item, vs, at_gateway);
            r->path = in_sni.up;
        }
        r->path = in_match.up;
    }
    r->path = in_tls.up;
}

/* ---- VirtualService ---- */

static void check_routes(hr_reader *r, const hr_node *spec, bool delegate) {
    hr_path name = {.up = r->path, .name = HR_STR("http")}, step;
    r->path = &name;
    for (const hr_node *route = hr_items_begin(r, &step, hr_field_get(spec, "http")); route != NULL;
         route = hr_items_next(r, &step, route))
        hr_check_http_route_role(r, route, delegate);
    r->path = name.up;
}

/* Sidecars do not validate tokens of their applications' requests. */
static void check_claim_keys(hr_reader *r, const hr_node *match, const char *field) {
    hr_path name = {.up = r->path, .name = hr_str_from(field)}, step;
    const hr_node *map = hr_field_get(match, field);
    r->path = &name;
    if (map != NULL && map->kind == HR_NODE_MAP)
        for (const hr_node *key = hr_keys_begin(r, &step, map); key != NULL;
             key = hr_keys_next(r, &step, key))
            if (hr_is_jwt_claim(key->u.text))
                hr_reader_error(r, key,
                                "claims of a JWT are matched by gateways only; spec.gateways must "
                                "not be empty or contain mesh");
    r->path = name.up;
}

static void check_claims_of_route(hr_reader *r, const hr_node *route) {
    hr_path name = {.up = r->path, .name = HR_STR("match")}, step;
    r->path = &name;
    for (const hr_node *match = hr_items_begin(r, &step, hr_field_get(route, "match"));
         match != NULL; match = hr_items_next(r, &step, match)) {
        check_claim_keys(r, match, "headers");
        check_claim_keys(r, match, "withoutHeaders");
    }
    r->path = name.up;
}

static void check_claims(hr_reader *r, const hr_node *spec) {
    hr_path name = {.up = r->path, .name = HR_STR("http")}, step;
    r->path = &name;
    for (const hr_node *route = hr_items_begin(r, &step, hr_field_get(spec, "http")); route != NULL;
         route = hr_items_next(r, &step, route))
        check_claims_of_route(r, route);
    r->path = name.up;
}

static void check_virtual_service(hr_reader *r, const hr_node *spec, void *out) {
    const hr_spec_virtual_service *vs = out;
    bool delegate = !hr_field_is_filled(spec, "hosts");
    int at_gateway = hr_field_is_filled(spec, "gateways") && !list_has_name(&vs->gateways, "mesh");
    static const char *const not_for_delegates[] = {"gateways", "tls", "tcp"};
    for (size_t i = 0; delegate && i < 3; i++)
        if (hr_field_is_filled(spec, not_for_delegates[i]))
            hr_field_error(r, spec, not_for_delegates[i],
                           "is not allowed in a delegate (a VirtualService without hosts), which "
                           "has http routes only");
    check_virtual_hosts(r, spec, vs, at_gateway);
    if (!hr_field_is_filled(spec, "http") && !hr_field_is_filled(spec, "tls") &&
        !hr_field_is_filled(spec, "tcp"))
        hr_reader_error(r, spec, "at least one of http, tls and tcp is required");
    check_routes(r, spec, delegate);
    if (!delegate && !at_gateway)
        check_claims(r, spec);
    check_tls_routes(r, spec, vs);
    hr_check_export_to(r, spec, vs->meta.namespace_, 0, 0);
    if (hr_field_is_filled(spec, "tls"))
        hr_field_warn(r, spec, "tls",
                      "is not evaluated: only HTTP requests are routed, not TLS connections");
    if (hr_field_is_filled(spec, "tcp"))
        hr_field_warn(r, spec, "tcp",
                      "is not evaluated: only HTTP requests are routed, not TCP connections");
}

#define V(member) offsetof(hr_spec_virtual_service, member)
static const hr_field virtual_service_fields[] = {
    {"hosts", hr_read_strings, V(hosts), 0, NULL, 0},
    {"gateways", hr_read_gateways, V(gateways), 0, NULL, 0},
    {"http", hr_read_list, V(http), V(n_http), &hr_http_route_schema, 0},
    {"tls", hr_read_tls_routes, V(n_tls), 0, NULL, 0},
    {"tcp", hr_read_tcp_routes, V(n_tcp), 0, NULL, 0},
    {"exportTo", hr_read_strings, V(export_to), 0, NULL, 0},
};
#undef V
static const hr_schema virtual_service_schema = HR_SCHEMA(
    "VirtualService", virtual_service_fields, hr_spec_virtual_service, NULL, check_virtual_service);

void hr_read_virtual_service(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_spec_virtual_service *vs = HR_APPEND(r, virtual_services);
    if (vs == NULL)
        return;
    vs->meta = *meta;
    vs->pos = hr_reader_pos(r, resource);
    hr_read_spec(r, resource, vs, &virtual_service_schema);
}
