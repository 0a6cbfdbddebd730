/* Admission of VirtualServices: rules between the fields of a route, and between routes and hosts. */
#include "validate.h"

#include <string.h>

#include "names.h"
#include "syntax.h"
#include "text.h"

/* ---- HTTPRoute, by itself ---- */

/* Authority may be settled in one place of the route only: rewrite, or one header operation. */
static void check_one_authority(hr_reader *r, const hr_node *node, const hr_http_route *route) {
    int n = route->rewrite != NULL && route->rewrite->authority.len > 0;
    const hr_header_operations *request = &route->headers.request;
    for (size_t i = 0; i < request->n_set + request->n_add; i++) {
        const hr_pair *pair = i < request->n_set ? &request->set[i] : &request->add[i - request->n_set];
        if (!hr_is_authority_header(pair->name))
            continue;
        if (n > 0) {
            hr_field_error(r, node, "headers", "the authority is set more than once: by \"%.*s\" as well",
                           (int)pair->name.len, pair->name.p);
            return;
        }
        n = pair->value.len > 0;
    }
}

void hr_check_http_route(hr_reader *r, const hr_node *node, void *out) {
    const hr_http_route *route = out;
    if (hr_field_get(node, "mirrorPercent") != NULL) {
        hr_field_warn(r, node, "mirrorPercent", "is deprecated; use mirrorPercentage");
        if (route->mirror_percent > 100)
            hr_field_error(r, node, "mirrorPercent", "%lld is no percentage; wants 0 to 100",
                           (long long)route->mirror_percent);
    }
    if (hr_field_get(node, "mirrorPercentage") != NULL &&
        (route->mirror_percentage < 0 || route->mirror_percentage > 100))
        hr_field_error(r, node, "mirrorPercentage", "%g is no percentage; wants 0 to 100", route->mirror_percentage);
    check_one_authority(r, node, route);
    hr_check_route_list(r, node);
    for (size_t i = 0; route->redirect != NULL && route->redirect->prefix_rewrite.len > 0 && i < route->n_match; i++)
        if (route->match[i].uri.kind == HR_SM_EXACT || route->match[i].uri.kind == HR_SM_REGEX ||
            route->match[i].uri.kind == HR_SM_PRESENCE) {
            hr_field_error(r, node, "redirect", "prefixRewrite wants every uri match to be a prefix; match[%zu] is not",
                           i);
            break;
        }
}

/* ---- HTTPRoute, as part of a root, a delegate or neither ---- */

static int given(const hr_node *map, const char *field) {
    const hr_node *value = hr_field_get(map, field);
    return value != NULL && !(value->kind == HR_NODE_LIST && value->u.children.n == 0);
}

static void exclude(hr_reader *r, const hr_node *route, const char *action, const char *const *others, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (given(route, others[i]))
            hr_field_error(r, route, others[i], "excludes \"%s\": a route has only one of them", action);
}

static void check_conflicts(hr_reader *r, const hr_node *route, int delegate) {
    static const char *const beside_redirect[] = {"route", "fault", "rewrite", "directResponse"};
    static const char *const beside_response[] = {"route", "fault", "rewrite"};
    static const char *const beside_delegate[] = {"redirect", "route"};
    if (route->kind != HR_NODE_MAP)
        return;
    if (given(route, "delegate") && !delegate) {
        exclude(r, route, "delegate", beside_delegate, 2);
        return;
    }
    if (given(route, "delegate"))
        hr_field_error(r, route, "delegate", "a VirtualService without hosts is a delegate itself, and may not delegate");
    if (given(route, "redirect"))
        exclude(r, route, "redirect", beside_redirect, 4);
    else if (given(route, "directResponse"))
        exclude(r, route, "directResponse", beside_response, 3);
    else if (!given(route, "route") && !given(route, "delegate"))
        hr_reader_error(r, route, "a route wants one of route, redirect, directResponse and delegate");
    if (given(route, "mirror") && given(route, "mirrors"))
        hr_field_error(r, route, "mirrors", "excludes \"mirror\": a route has only one of them");
}

/* ---- TCPRoute, TLSRoute ---- */

static void check_l4_route(hr_reader *r, const hr_node *node) {
    if (!given(node, "route"))
        hr_reader_error(r, node, "wants a route");
    hr_check_route_list(r, node);
}

void hr_check_tcp_route(hr_reader *r, const hr_node *node, void *out) {
    (void)out;
    check_l4_route(r, node);
}

void hr_check_tls_route(hr_reader *r, const hr_node *node, void *out) {
    (void)out;
    if (!given(node, "match"))
        hr_reader_error(r, node, "a TLS route wants at least one match");
    check_l4_route(r, node);
}

/* ---- VirtualService ---- */

static int list_has(const hr_str_list *list, const char *name) {
    for (size_t i = 0; i < list->n; i++)
        if (hr_str_eq_c(list->v[i], name))
            return 1;
    return 0;
}

/* Some match of a TLS route names SNI hosts. */
static int has_sni(const hr_node *spec) {
    const hr_node *routes = hr_field_get(spec, "tls");
    if (routes == NULL || routes->kind != HR_NODE_LIST)
        return 0;
    for (const hr_node *route = routes->u.children.first; route != NULL; route = route->next) {
        const hr_node *matches = hr_field_get(route, "match");
        if (matches == NULL || matches->kind != HR_NODE_LIST)
            continue;
        for (const hr_node *match = matches->u.children.first; match != NULL; match = match->next)
            if (given(match, "sniHosts"))
                return 1;
    }
    return 0;
}

static const char *host_mistake(hr_str host, int at_gateway, int sni) {
    if (at_gateway && sni && hr_str_starts(host, HR_STR("outbound_")) && host.len <= HR_DOMAIN_MAX)
        return hr_is_generated_sni(host) ? NULL : "a generated SNI name reads outbound_.PORT_.SUBSET_.HOST";
    const char *mistake = hr_domain_mistake(host, true);
    return mistake != NULL && hr_is_ip(host) ? NULL : mistake;
}

/* The host that covers this one, or is the same: every "*" + suffix of it is looked up. */
static const hr_node *covering(const hr_map *hosts, const hr_node *item) {
    char text[1 + HR_DOMAIN_MAX];
    hr_str host = item->u.text; /* no longer: it is valid */
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

/* Overlapping hosts, at the narrower of the two. */
static void check_overlaps(hr_reader *r, const hr_node *list) {
    hr_map hosts = {0};
    hr_path step;
    for (const hr_node *item = list->u.children.first; item != NULL; item = item->next)
        hr_map_add(r->document, &hosts, item->u.text, item);
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL; item = hr_items_next(r, &step, item)) {
        const hr_node *other = covering(&hosts, item);
        if (other == NULL)
            continue;
        hr_reader_error(r, item, "\"%.*s\" overlaps with \"%.*s\" of the same VirtualService",
                        (int)item->u.text.len, item->u.text.p, (int)other->u.text.len, other->u.text.p);
    }
}

static void check_hosts(hr_reader *r, const hr_node *spec, const hr_virtual_service *vs, int at_gateway) {
    const hr_node *list = hr_field_get(spec, "hosts");
    size_t before = hr_diagnostics_errors(r->d);
    int sni = has_sni(spec);
    hr_path name = {.up = r->path, .name = HR_STR("hosts")}, step;
    r->path = &name;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL; item = hr_items_next(r, &step, item)) {
        if (item->kind != HR_NODE_STRING)
            continue;
        hr_str host = item->u.text;
        const char *mistake = host_mistake(host, at_gateway, sni);
        if (mistake != NULL)
            hr_reader_error(r, item, "\"%.*s\" is no host: %s", (int)host.len, host.p, mistake);
        else if (!at_gateway && hr_str_eq_c(host, "*"))
            hr_reader_error(r, item,
                            "\"*\" is not allowed in the mesh: name hosts, or list Gateways only in spec.gateways");
    }
    if (list != NULL && list->kind == HR_NODE_LIST && hr_diagnostics_errors(r->d) == before &&
        vs->hosts.n == list->u.children.n)
        check_overlaps(r, list);
    r->path = name.up;
}

static void check_sni_host(hr_reader *r, const hr_node *item, const hr_virtual_service *vs, int at_gateway) {
    hr_str sni = item->u.text;
    if (hr_is_ip(sni)) {
        hr_reader_warn(r, item, "an address is no server name (RFC 6066); most clients send none");
        return;
    }
    const char *mistake = host_mistake(sni, at_gateway, 1);
    if (mistake != NULL) {
        hr_reader_error(r, item, "\"%.*s\" is no server name: %s", (int)sni.len, sni.p, mistake);
        return;
    }
    for (size_t i = 0; i < vs->hosts.n; i++)
        if (hr_host_subset_of(sni, vs->hosts.v[i]))
            return;
    hr_reader_error(r, item, "\"%.*s\" lies outside of the VirtualService's hosts", (int)sni.len, sni.p);
}

static void check_tls(hr_reader *r, const hr_node *spec, const hr_virtual_service *vs) {
    const hr_node *tls = hr_field_get(spec, "tls");
    hr_path in_tls = {.up = r->path, .name = HR_STR("tls")}, route_step;
    int at_gateway = !list_has(&vs->gateways, "mesh");
    r->path = &in_tls;
    for (const hr_node *route = hr_items_begin(r, &route_step, tls); route != NULL;
         route = hr_items_next(r, &route_step, route)) {
        hr_path in_match = {.up = r->path, .name = HR_STR("match")}, match_step;
        r->path = &in_match;
        for (const hr_node *match = hr_items_begin(r, &match_step, hr_field_get(route, "match")); match != NULL;
             match = hr_items_next(r, &match_step, match)) {
            hr_path in_sni = {.up = r->path, .name = HR_STR("sniHosts")}, step;
            r->path = &in_sni;
            for (const hr_node *item = hr_items_begin(r, &step, hr_field_get(match, "sniHosts")); item != NULL;
                 item = hr_items_next(r, &step, item))
                if (item->kind == HR_NODE_STRING)
                    check_sni_host(r, item, vs, at_gateway);
            r->path = in_sni.up;
        }
        r->path = in_match.up;
    }
    r->path = in_tls.up;
}

static void check_routes(hr_reader *r, const hr_node *spec, int delegate) {
    hr_path name = {.up = r->path, .name = HR_STR("http")}, step;
    r->path = &name;
    for (const hr_node *route = hr_items_begin(r, &step, hr_field_get(spec, "http")); route != NULL;
         route = hr_items_next(r, &step, route))
        check_conflicts(r, route, delegate);
    r->path = name.up;
}

void hr_check_virtual_service(hr_reader *r, const hr_node *spec, void *out) {
    const hr_virtual_service *vs = out;
    int delegate = !given(spec, "hosts");
    int at_gateway = given(spec, "gateways") && !list_has(&vs->gateways, "mesh");
    static const char *const not_for_delegates[] = {"gateways", "tls", "tcp"};
    for (size_t i = 0; delegate && i < 3; i++)
        if (given(spec, not_for_delegates[i]))
            hr_field_error(r, spec, not_for_delegates[i],
                           "a VirtualService without hosts is a delegate, which has http routes only");
    check_hosts(r, spec, vs, at_gateway);
    if (!given(spec, "http") && !given(spec, "tls") && !given(spec, "tcp"))
        hr_reader_error(r, spec, "a VirtualService wants http, tls or tcp routes");
    check_routes(r, spec, delegate);
    check_tls(r, spec, vs);
    hr_check_export_to(r, spec, vs->meta.namespace_, 0, 0);
    if (given(spec, "tls"))
        hr_field_warn(r, spec, "tls", "routes TLS connections, which are not decided here: only HTTP requests are");
    if (given(spec, "tcp"))
        hr_field_warn(r, spec, "tcp", "routes TCP connections, which are not decided here: only HTTP requests are");
}
