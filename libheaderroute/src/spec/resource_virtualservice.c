/* VirtualService: networking/v1alpha3/virtual_service.proto of Istio's API. */
#include "kinds.h"

#include <stddef.h>

#include "validate.h"

#define AT(type, member) offsetof(type, member)
#define NO_POS (-1)

/* ---- Destination ---- */

static const hr_field port_selector_fields[] = {{"number", hr_read_port, 0, 0, NULL, 0}};
static const hr_schema port_selector_schema = {
    "PortSelector", HR_FIELDS(port_selector_fields), sizeof(uint32_t), NO_POS, -1, 0, NULL, NULL};

static void read_port_selector(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_destination *out = base;
    (void)field;
    out->port_pos = hr_reader_pos(r, node);
    hr_read_fields(r, node, &out->port, &port_selector_schema);
}

static void read_host(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    ((hr_destination *)base)->host_pos = hr_reader_pos(r, node);
    hr_read_string(r, node, base, field);
}

static void read_subset(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    ((hr_destination *)base)->subset_pos = hr_reader_pos(r, node);
    hr_read_string(r, node, base, field);
}

static const hr_field destination_fields[] = {
    {"host", read_host, AT(hr_destination, host), 0, NULL, 0},
    {"subset", read_subset, AT(hr_destination, subset), 0, NULL, 0},
    {"port", read_port_selector, 0, 0, NULL, 0},
};
static const hr_schema destination_schema = {
    "Destination", HR_FIELDS(destination_fields), sizeof(hr_destination), AT(hr_destination, pos), -1, 0, NULL,
    hr_check_destination};

/* ---- Headers ---- */

#define O(member) AT(hr_header_operations, member)
static void read_remove(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_str_list list = {0};
    hr_header_operations *out = base;
    (void)field;
    hr_read_strings(r, node, &list, &(hr_field){0});
    out->remove = list.v;
    out->n_remove = list.n;
}

static const hr_field operations_fields[] = {
    {"set", hr_read_pairs, O(set), O(n_set), NULL, 0},
    {"add", hr_read_pairs, O(add), O(n_add), NULL, 0},
    {"remove", read_remove, 0, 0, NULL, 0},
};
#undef O
#define OPERATIONS(check) \
    {"HeaderOperations", HR_FIELDS(operations_fields), sizeof(hr_header_operations), \
     AT(hr_header_operations, pos), -1, 0, NULL, (check)}
static const hr_schema request_schema = OPERATIONS(hr_check_request_headers);
static const hr_schema response_schema = OPERATIONS(hr_check_response_headers);
static const hr_field headers_fields[] = {
    {"request", hr_read_message, AT(hr_headers_spec, request), 0, &request_schema, 0},
    {"response", hr_read_message, AT(hr_headers_spec, response), 0, &response_schema, 0},
};
static const hr_schema headers_schema = {
    "Headers", HR_FIELDS(headers_fields), sizeof(hr_headers_spec), AT(hr_headers_spec, pos),
    AT(hr_headers_spec, present), 0, NULL, NULL};

/* ---- HTTPRouteDestination, HTTPMirrorPolicy, Percent ---- */

static const hr_field route_destination_fields[] = {
    {"destination", hr_read_message, AT(hr_route_destination, destination), 0, &destination_schema, 0},
    {"weight", hr_read_count, AT(hr_route_destination, weight), 0, NULL, 0},
    {"headers", hr_read_message, AT(hr_route_destination, headers), 0, &headers_schema, 0},
};
static const hr_schema route_destination_schema = {
    "HTTPRouteDestination", HR_FIELDS(route_destination_fields), sizeof(hr_route_destination),
    AT(hr_route_destination, pos), -1, 0, NULL, NULL};

/* Percent: `{}` is 0 %, which differs from an absent one. */
static void init_percent(void *out) {
    *(double *)out = 0;
}
static const hr_field percent_fields[] = {{"value", hr_read_double, 0, 0, NULL, 0}};
static const hr_schema percent_schema = {
    "Percent", HR_FIELDS(percent_fields), sizeof(double), NO_POS, -1, 0, init_percent, NULL};

static void init_mirror(void *out) {
    ((hr_mirror_spec *)out)->percentage = -1;
}
static const hr_field mirror_policy_fields[] = {
    {"destination", hr_read_message, AT(hr_mirror_spec, destination), 0, &destination_schema, 0},
    {"percentage", hr_read_message, AT(hr_mirror_spec, percentage), 0, &percent_schema, 0},
};
static const hr_schema mirror_policy_schema = {
    "HTTPMirrorPolicy", HR_FIELDS(mirror_policy_fields), sizeof(hr_mirror_spec), AT(hr_mirror_spec, pos), -1,
    0, init_mirror, hr_check_mirror};

/* `mirror` is a bare Destination; its percentage stands beside it in the route. */
static void read_mirror(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_mirror_spec *m = hr_reader_alloc(r, 1, sizeof(*m));
    if (m == NULL)
        return;
    *(hr_mirror_spec **)(void *)((char *)base + field->offset) = m;
    m->percentage = -1;
    m->pos = hr_reader_pos(r, node);
    hr_read_fields(r, node, &m->destination, &destination_schema);
}

/* ---- HTTPRedirect, HTTPDirectResponse, HTTPRewrite ---- */

static const hr_enum derive_port[] = {{"FROM_PROTOCOL_DEFAULT", 1}, {"FROM_REQUEST_PORT", 2}, {NULL, 0}};
#define R(member) AT(hr_redirect, member)
static const hr_field redirect_fields[] = {
    {"uri", hr_read_string, R(uri), 0, NULL, 0},
    {"authority", hr_read_string, R(authority), 0, NULL, 0},
    {"port", hr_read_uint32, R(port), 0, NULL, 1},
    {"derivePort", hr_read_enum, R(derive_port), 0, derive_port, 1},
    {"scheme", hr_read_string, R(scheme), 0, NULL, 0},
    {"redirectCode", hr_read_uint32, R(redirect_code), 0, NULL, 0},
    {"prefixRewrite", hr_read_string, R(prefix_rewrite), 0, NULL, 0},
};
#undef R
static const hr_schema redirect_schema = {
    "HTTPRedirect", HR_FIELDS(redirect_fields), sizeof(hr_redirect), AT(hr_redirect, pos), -1, 0, NULL,
    hr_check_redirect};

static int base64_digit(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 4648, padded, as Go's encoding/json reads a []byte: line breaks are passed over. */
static int decode_base64(char *out, size_t *n, hr_str text) {
    unsigned bits = 0, digits = 0, pads = 0;
    *n = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        if (c == '\n' || c == '\r')
            continue;
        int digit = base64_digit(c);
        if (c == '=' ? digits % 4 < 2 : digit < 0 || pads > 0)
            return 0;
        pads += c == '=';
        bits = bits << 6 | (unsigned)(c == '=' ? 0 : digit);
        if (++digits % 4 != 0)
            continue;
        for (unsigned b = 0; b < 3 - pads; b++)
            out[(*n)++] = (char)(bits >> (16 - 8 * b));
        if (pads > 0 && i + 1 < text.len && text.p[i + 1] != '\n' && text.p[i + 1] != '\r')
            return 0;
        bits = 0;
    }
    return digits % 4 == 0;
}

static void read_bytes(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    (void)field;
    if (!hr_reader_wants(r, node, HR_NODE_STRING))
        return;
    char *bytes = hr_reader_alloc(r, node->u.text.len / 4 * 3 + 4, 1);
    if (bytes == NULL)
        return;
    hr_str *body = base;
    body->p = bytes;
    if (!decode_base64(bytes, &body->len, node->u.text))
        hr_reader_error(r, node, "is not base64");
}

static const hr_field body_fields[] = {
    {"string", hr_read_string, 0, 0, NULL, 1},
    {"bytes", read_bytes, 0, 0, NULL, 1},
};
static const hr_schema body_schema = {
    "HTTPBody", HR_FIELDS(body_fields), sizeof(hr_str), NO_POS, -1, 0, NULL, NULL};
static const hr_field direct_response_fields[] = {
    {"status", hr_read_uint32, AT(hr_direct_response, status), 0, NULL, 0},
    {"body", hr_read_message, AT(hr_direct_response, body), 0, &body_schema, 0},
};
static const hr_schema direct_response_schema = {
    "HTTPDirectResponse", HR_FIELDS(direct_response_fields), sizeof(hr_direct_response),
    AT(hr_direct_response, pos), -1, 0, NULL, hr_check_direct_response};

static const hr_field regex_rewrite_fields[] = {
    {"match", hr_read_string, AT(hr_rewrite, regex_match), 0, NULL, 0},
    {"rewrite", hr_read_string, AT(hr_rewrite, regex_rewrite), 0, NULL, 0},
};
static void init_regex_rewrite(void *out) {
    hr_rewrite *rewrite = out; /* given, so its strings are empty rather than absent */
    rewrite->regex_match = rewrite->regex_rewrite = HR_STR("");
}
static const hr_schema regex_rewrite_schema = {
    "RegexRewrite", HR_FIELDS(regex_rewrite_fields), sizeof(hr_rewrite), NO_POS, -1, 0, init_regex_rewrite,
    NULL};
static const hr_field rewrite_fields[] = {
    {"uri", hr_read_string, AT(hr_rewrite, uri), 0, NULL, 0},
    {"authority", hr_read_string, AT(hr_rewrite, authority), 0, NULL, 0},
    {"uriRegexRewrite", hr_read_message, 0, 0, &regex_rewrite_schema, 0},
};
static const hr_schema rewrite_schema = {
    "HTTPRewrite", HR_FIELDS(rewrite_fields), sizeof(hr_rewrite), AT(hr_rewrite, pos), -1, 0, NULL,
    hr_check_rewrite};

/* ---- HTTPRetry, HTTPFaultInjection, CorsPolicy, Delegate ---- */

static void init_retries(void *out) {
    hr_retries *retries = out;
    retries->per_try_timeout_ns = retries->backoff_ns = -1;
    retries->retry_remote_localities = retries->retry_ignore_previous_hosts = -1;
}
#define R(member) AT(hr_retries, member)
static const hr_field retries_fields[] = {
    {"attempts", hr_read_int64, R(attempts), 0, NULL, 0},
    {"perTryTimeout", hr_read_period, R(per_try_timeout_ns), 0, NULL, 0},
    {"retryOn", hr_read_string, R(retry_on), 0, NULL, 0},
    {"retryRemoteLocalities", hr_read_bool_value, R(retry_remote_localities), 0, NULL, 0},
    {"retryIgnorePreviousHosts", hr_read_bool_value, R(retry_ignore_previous_hosts), 0, NULL, 0},
    {"backoff", hr_read_period, R(backoff_ns), 0, NULL, 0},
};
#undef R
static const hr_schema retries_schema = {
    "HTTPRetry", HR_FIELDS(retries_fields), sizeof(hr_retries), AT(hr_retries, pos), -1, 0, init_retries,
    hr_check_retries};

static const hr_field delay_fields[] = {
    {"percent", hr_read_int32, AT(hr_fault, delay_percent), 0, NULL, 0},
    {"fixedDelay", hr_read_period, AT(hr_fault, fixed_delay_ns), 0, NULL, 1},
    {"exponentialDelay", hr_read_refused, 0, 0, "Istio does not support exponentialDelay; use fixedDelay", 1},
    {"percentage", hr_read_message, AT(hr_fault, delay_percentage), 0, &percent_schema, 0},
};
static const hr_schema delay_schema = {
    "HTTPFaultInjection.Delay", HR_FIELDS(delay_fields), sizeof(hr_fault), AT(hr_fault, delay_pos),
    AT(hr_fault, has_delay), 0, NULL, hr_check_delay};
static const hr_field abort_fields[] = {
    {"httpStatus", hr_read_int32, AT(hr_fault, abort_http_status), 0, NULL, 1},
    {"grpcStatus", hr_read_string, AT(hr_fault, abort_grpc_status), 0, NULL, 1},
    {"http2Error", hr_read_refused, 0, 0, "Istio does not support http2Error; use httpStatus or grpcStatus", 1},
    {"percentage", hr_read_message, AT(hr_fault, abort_percentage), 0, &percent_schema, 0},
};
static const hr_schema abort_schema = {
    "HTTPFaultInjection.Abort", HR_FIELDS(abort_fields), sizeof(hr_fault), AT(hr_fault, abort_pos),
    AT(hr_fault, has_abort), 0, NULL, hr_check_abort};
static void init_fault(void *out) {
    hr_fault *fault = out;
    fault->fixed_delay_ns = -1;
    fault->delay_percentage = fault->abort_percentage = -1;
}
static const hr_field fault_fields[] = {
    {"delay", hr_read_message, 0, 0, &delay_schema, 0},
    {"abort", hr_read_message, 0, 0, &abort_schema, 0},
};
static const hr_schema fault_schema = {
    "HTTPFaultInjection", HR_FIELDS(fault_fields), sizeof(hr_fault), AT(hr_fault, pos), -1, 0, init_fault,
    hr_check_fault};

static void init_cors(void *out) {
    hr_cors_spec *cors = out;
    cors->max_age_ns = -1;
    cors->allow_credentials = -1;
}
static const hr_enum unmatched_preflights[] = {{"UNSPECIFIED", 0}, {"FORWARD", 1}, {"IGNORE", 2}, {NULL, 0}};
#define C(member) AT(hr_cors_spec, member)
static const hr_field cors_fields[] = {
    {"allowOrigin", hr_read_strings, C(allow_origin), 0, NULL, 0},
    {"allowOrigins", hr_read_list, C(allow_origins), C(n_allow_origins), &hr_origin_match_schema, 0},
    {"allowMethods", hr_read_strings, C(allow_methods), 0, NULL, 0},
    {"allowHeaders", hr_read_strings, C(allow_headers), 0, NULL, 0},
    {"exposeHeaders", hr_read_strings, C(expose_headers), 0, NULL, 0},
    {"maxAge", hr_read_period, C(max_age_ns), 0, NULL, 0},
    {"allowCredentials", hr_read_bool_value, C(allow_credentials), 0, NULL, 0},
    {"unmatchedPreflights", hr_read_enum, C(unmatched_preflights), 0, unmatched_preflights, 0},
};
#undef C
static const hr_schema cors_schema = {
    "CorsPolicy", HR_FIELDS(cors_fields), sizeof(hr_cors_spec), AT(hr_cors_spec, pos), -1, 0, init_cors,
    hr_check_cors};

#define R(member) AT(hr_http_route, member)
static const hr_field delegate_fields[] = {
    {"name", hr_read_string, R(delegate_name), 0, NULL, 0},
    {"namespace", hr_read_string, R(delegate_namespace), 0, NULL, 0},
};
static const hr_schema delegate_schema = {
    "Delegate", HR_FIELDS(delegate_fields), sizeof(hr_http_route), NO_POS, R(has_delegate), 0, NULL, NULL};

/* ---- HTTPRoute ---- */

static void init_route(void *out) {
    hr_http_route *route = out;
    route->timeout_ns = -1;
    route->mirror_percentage = -1;
    route->mirror_percent = -1;
}
static const hr_field route_fields[] = {
    {"name", hr_read_string, R(name), 0, NULL, 0},
    {"match", hr_read_list, R(match), R(n_match), &hr_match_schema, 0},
    {"route", hr_read_list, R(route), R(n_route), &route_destination_schema, 0},
    {"redirect", hr_read_pointer, R(redirect), 0, &redirect_schema, 0},
    {"directResponse", hr_read_pointer, R(direct_response), 0, &direct_response_schema, 0},
    {"delegate", hr_read_message, 0, 0, &delegate_schema, 0},
    {"rewrite", hr_read_pointer, R(rewrite), 0, &rewrite_schema, 0},
    {"timeout", hr_read_period, R(timeout_ns), 0, NULL, 0},
    {"retries", hr_read_pointer, R(retries), 0, &retries_schema, 0},
    {"fault", hr_read_pointer, R(fault), 0, &fault_schema, 0},
    {"mirror", read_mirror, R(mirror), 0, NULL, 0},
    {"mirrors", hr_read_list, R(mirrors), R(n_mirrors), &mirror_policy_schema, 0},
    {"mirrorPercent", hr_read_uint32_value, R(mirror_percent), 0, NULL, 0},
    {"mirrorPercentage", hr_read_message, R(mirror_percentage), 0, &percent_schema, 0},
    {"corsPolicy", hr_read_pointer, R(cors_policy), 0, &cors_schema, 0},
    {"headers", hr_read_message, R(headers), 0, &headers_schema, 0},
};
#undef R
static const hr_schema route_schema = {
    "HTTPRoute", HR_FIELDS(route_fields), sizeof(hr_http_route), AT(hr_http_route, pos), -1, 0, init_route,
    hr_check_http_route};

/* ---- TCPRoute, TLSRoute: read for their mistakes and counted; they never decide an HTTP request ---- */

typedef struct l4_match {
    hr_str_list destination_subnets, sni_hosts, gateways;
    uint32_t port;
    hr_str source_subnet, source_namespace;
    hr_pair *source_labels;
    size_t n_source_labels;
} l4_match;

typedef struct l4_route {
    l4_match *match;
    size_t n_match;
    hr_route_destination *route;
    size_t n_route;
} l4_route;

typedef struct l4_list {
    l4_route *v;
    size_t n;
} l4_list;

#define M(member) AT(l4_match, member)
static const hr_field tcp_match_fields[] = {
    {"destinationSubnets", hr_read_strings, M(destination_subnets), 0, NULL, 0},
    {"port", hr_read_uint32, M(port), 0, NULL, 0},
    {"sourceSubnet", hr_read_string, M(source_subnet), 0, NULL, 0},
    {"sourceLabels", hr_read_labels, M(source_labels), M(n_source_labels), NULL, 0},
    {"gateways", hr_read_gateways, M(gateways), 0, NULL, 0},
    {"sourceNamespace", hr_read_string, M(source_namespace), 0, NULL, 0},
};
static const hr_schema tcp_match_schema = {
    "L4MatchAttributes", HR_FIELDS(tcp_match_fields), sizeof(l4_match), NO_POS, -1, 0, NULL,
    hr_check_tcp_match};
static const hr_field tls_match_fields[] = {
    {"sniHosts", hr_read_strings, M(sni_hosts), 0, NULL, 0},
    {"destinationSubnets", hr_read_strings, M(destination_subnets), 0, NULL, 0},
    {"port", hr_read_uint32, M(port), 0, NULL, 0},
    {"sourceLabels", hr_read_labels, M(source_labels), M(n_source_labels), NULL, 0},
    {"gateways", hr_read_gateways, M(gateways), 0, NULL, 0},
    {"sourceNamespace", hr_read_string, M(source_namespace), 0, NULL, 0},
};
#undef M
static const hr_schema tls_match_schema = {
    "TLSMatchAttributes", HR_FIELDS(tls_match_fields), sizeof(l4_match), NO_POS, -1, 0, NULL,
    hr_check_tls_match};
static const hr_field l4_destination_fields[] = {
    {"destination", hr_read_message, AT(hr_route_destination, destination), 0, &destination_schema, 0},
    {"weight", hr_read_count, AT(hr_route_destination, weight), 0, NULL, 0},
};
static const hr_schema l4_destination_schema = {
    "RouteDestination", HR_FIELDS(l4_destination_fields), sizeof(hr_route_destination),
    AT(hr_route_destination, pos), -1, 0, NULL, NULL};
static const hr_field tcp_fields[] = {
    {"match", hr_read_list, AT(l4_route, match), AT(l4_route, n_match), &tcp_match_schema, 0},
    {"route", hr_read_list, AT(l4_route, route), AT(l4_route, n_route), &l4_destination_schema, 0},
};
static const hr_schema tcp_schema = {
    "TCPRoute", HR_FIELDS(tcp_fields), sizeof(l4_route), NO_POS, -1, 0, NULL, hr_check_tcp_route};
static const hr_field tls_fields[] = {
    {"match", hr_read_list, AT(l4_route, match), AT(l4_route, n_match), &tls_match_schema, 0},
    {"route", hr_read_list, AT(l4_route, route), AT(l4_route, n_route), &l4_destination_schema, 0},
};
static const hr_schema tls_schema = {
    "TLSRoute", HR_FIELDS(tls_fields), sizeof(l4_route), NO_POS, -1, 0, NULL, hr_check_tls_route};

static void read_l4(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    l4_list list = {0};
    hr_read_list(r, node, &list, &(hr_field){.count = offsetof(l4_list, n), .arg = field->arg});
    *(size_t *)(void *)((char *)base + field->offset) = list.n;
}

/* ---- VirtualService ---- */

#define V(member) AT(hr_virtual_service, member)
static const hr_field virtual_service_fields[] = {
    {"hosts", hr_read_strings, V(hosts), 0, NULL, 0},
    {"gateways", hr_read_gateways, V(gateways), 0, NULL, 0},
    {"http", hr_read_list, V(http), V(n_http), &route_schema, 0},
    {"tls", read_l4, V(n_tls), 0, &tls_schema, 0},
    {"tcp", read_l4, V(n_tcp), 0, &tcp_schema, 0},
    {"exportTo", hr_read_strings, V(export_to), 0, NULL, 0},
};
#undef V
static const hr_schema virtual_service_schema = {
    "VirtualService", HR_FIELDS(virtual_service_fields), sizeof(hr_virtual_service), NO_POS, -1, 0, NULL,
    hr_check_virtual_service};

void hr_read_virtual_service(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_virtual_service *vs = HR_APPEND(r, virtual_services);
    if (vs == NULL)
        return;
    vs->meta = *meta;
    vs->pos = hr_reader_pos(r, resource);
    hr_read_spec(r, resource, vs, &virtual_service_schema);
}
