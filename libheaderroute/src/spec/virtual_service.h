/* VirtualService: networking/v1alpha3/virtual_service.proto of Istio's API, and the admission rules
 * of its hosts. */
#ifndef HR_VIRTUAL_SERVICE_H
#define HR_VIRTUAL_SERVICE_H

#include "http_route.h"
#include "meta.h"

typedef struct hr_spec_virtual_service {
    hr_meta meta;
    hr_str_list hosts, gateways, export_to;
    hr_spec_http_route *http;
    size_t n_http;
    size_t n_tcp, n_tls; /* only counted: these routes never decide an HTTP request */
    hr_pos pos;
} hr_spec_virtual_service;

/* `resource` is the whole document; `meta` is its metadata, with the default namespace filled in.
 */
void hr_read_virtual_service(hr_reader *r, const hr_node *resource, const hr_meta *meta);

#endif
