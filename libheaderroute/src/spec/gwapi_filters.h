/* Filters of HTTPRoute and GRPCRoute: what a rule or a backend does to requests and answers. */
#ifndef HR_GWAPI_FILTERS_H
#define HR_GWAPI_FILTERS_H

#include "gwapi_reference.h"
#include "header_operations.h"
#include "http_action.h"
#include "http_policies.h"

typedef struct hr_spec_gwapi_mirror {
    hr_spec_gwapi_reference backend;
    double percentage; /* -1: unset */
    hr_pos pos;
} hr_spec_gwapi_mirror;

/* All filters of a list, in the forms that a VirtualService has for them. Pointers are NULL where
 * the filter is absent. */
typedef struct hr_spec_gwapi_filters {
    hr_spec_headers headers;
    hr_spec_redirect *redirect;
    hr_spec_rewrite *rewrite; /* `uri` replaces the matched prefix; "/" removes it */
    bool replaces_prefix;     /* of the redirect or the rewrite */
    hr_spec_cors_policy *cors;
    hr_spec_gwapi_mirror *mirrors;
    size_t n_mirrors;
    hr_str unsupported; /* the type of a filter that Istio does not have; absent: none */
    hr_pos unsupported_pos;
} hr_spec_gwapi_filters;

/* Readers of the list `filters`, into a hr_spec_gwapi_filters. */
void hr_gwapi_read_http_filters(hr_reader *r, const hr_node *node, void *base,
                                const hr_field *field);
void hr_gwapi_read_grpc_filters(hr_reader *r, const hr_node *node, void *base,
                                const hr_field *field);
/* Those of a backend: of the filters, only header modifiers are supported by Istio. */
void hr_gwapi_read_backend_filters(hr_reader *r, const hr_node *node, void *base,
                                   const hr_field *field);

#endif
