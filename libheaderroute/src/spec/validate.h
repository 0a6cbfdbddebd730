/*
 * Istio's admission: what its webhook refuses is refused here, at the place of the field. Checks of one
 * message hang at its schema and run while it is read, when every node is still at hand; checks across
 * resources are hr_resources_validate. Facts: pkg/config/validation of istio/istio.
 */
#ifndef HR_VALIDATE_H
#define HR_VALIDATE_H

#include "kinds.h"

/* ---- kinds of fields that several messages have ---- */

void hr_read_period(hr_reader *r, const hr_node *node, void *base, const hr_field *field);  /* int64_t, ns: at least 1 ms, whole ms */
void hr_read_port(hr_reader *r, const hr_node *node, void *base, const hr_field *field);    /* uint32_t, 1 to 65535 */
void hr_read_count(hr_reader *r, const hr_node *node, void *base, const hr_field *field);   /* int64_t of an int32, not negative */
void hr_read_percent(hr_reader *r, const hr_node *node, void *base, const hr_field *field); /* int64_t, 0 to 100 */
void hr_read_labels(hr_reader *r, const hr_node *node, void *base, const hr_field *field);  /* hr_pair * and count */
void hr_read_selector(hr_reader *r, const hr_node *node, void *base, const hr_field *field); /* hr_pair * and count, no '*' */
void hr_read_gateways(hr_reader *r, const hr_node *node, void *base, const hr_field *field); /* hr_str_list of Gateway names */

/* ---- parts of checks ---- */

/* A pattern of RE2, at most 1024 bytes, not empty. */
void hr_check_regex(hr_reader *r, const hr_node *node, hr_str pattern);
/* `what` is told in the message: "host", "destination host", ... */
void hr_check_domain(hr_reader *r, const hr_node *node, const char *what, hr_str name, int wildcard);
/* The list `exportTo` of a resource. `nowhere`: `~` is allowed (ServiceEntry). `own_only`: nothing beyond
 * the own namespace (a DestinationRule with a selector). */
void hr_check_export_to(hr_reader *r, const hr_node *spec, hr_str namespace_, int nowhere, int own_only);

/* ---- messages that others contain ---- */

extern const hr_schema hr_match_schema;        /* hr_match_request */
extern const hr_schema hr_origin_match_schema; /* hr_string_match of corsPolicy.allowOrigins */

/* ---- checks of messages: hr_schema.check ---- */

void hr_check_destination(hr_reader *r, const hr_node *node, void *out);
void hr_check_request_headers(hr_reader *r, const hr_node *node, void *out);
void hr_check_response_headers(hr_reader *r, const hr_node *node, void *out);
void hr_check_mirror(hr_reader *r, const hr_node *node, void *out);
void hr_check_redirect(hr_reader *r, const hr_node *node, void *out);
void hr_check_direct_response(hr_reader *r, const hr_node *node, void *out);
void hr_check_rewrite(hr_reader *r, const hr_node *node, void *out);
void hr_check_retries(hr_reader *r, const hr_node *node, void *out);
void hr_check_fault(hr_reader *r, const hr_node *node, void *out);
void hr_check_delay(hr_reader *r, const hr_node *node, void *out);
void hr_check_abort(hr_reader *r, const hr_node *node, void *out);
void hr_check_cors(hr_reader *r, const hr_node *node, void *out);
void hr_check_route_list(hr_reader *r, const hr_node *route); /* `route` of an HTTP, TCP or TLS route */
void hr_check_http_route(hr_reader *r, const hr_node *node, void *out);
void hr_check_tls_route(hr_reader *r, const hr_node *node, void *out);
void hr_check_tcp_route(hr_reader *r, const hr_node *node, void *out);
void hr_check_tls_match(hr_reader *r, const hr_node *node, void *out);
void hr_check_tcp_match(hr_reader *r, const hr_node *node, void *out);
void hr_check_virtual_service(hr_reader *r, const hr_node *spec, void *out);

void hr_check_hash(hr_reader *r, const hr_node *node, void *out);
void hr_check_cookie(hr_reader *r, const hr_node *node, void *out);
void hr_check_maglev(hr_reader *r, const hr_node *node, void *out);
void hr_check_warmup(hr_reader *r, const hr_node *node, void *out);
void hr_check_load_balancer(hr_reader *r, const hr_node *node, void *out);
void hr_check_http2_keepalive(hr_reader *r, const hr_node *node, void *out);
void hr_check_tcp_pool(hr_reader *r, const hr_node *node, void *out);
void hr_check_http_pool(hr_reader *r, const hr_node *node, void *out);
void hr_check_pool(hr_reader *r, const hr_node *node, void *out);
void hr_check_outlier(hr_reader *r, const hr_node *node, void *out);
void hr_check_client_tls(hr_reader *r, const hr_node *node, void *out);
void hr_check_policy(hr_reader *r, const hr_node *node, void *out);
void hr_check_port_policy(hr_reader *r, const hr_node *node, void *out);
void hr_check_subset(hr_reader *r, const hr_node *node, void *out);
void hr_check_destination_rule(hr_reader *r, const hr_node *spec, void *out);

void hr_check_server(hr_reader *r, const hr_node *node, void *out);
void hr_check_gateway(hr_reader *r, const hr_node *spec, void *out);

void hr_check_workload_entry(hr_reader *r, const hr_node *spec, void *out);
void hr_check_service_entry(hr_reader *r, const hr_node *spec, void *out);

void hr_check_service(hr_reader *r, const hr_node *spec, void *out);
void hr_check_slice_endpoint(hr_reader *r, const hr_node *node, void *out);
void hr_check_endpoint_slice(hr_reader *r, const hr_node *resource, void *out);

#endif
