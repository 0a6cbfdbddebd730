/* HTTPRoute and GRPCRoute of the Kubernetes Gateway API (gateway.networking.k8s.io). */
#ifndef HR_GWAPI_ROUTE_H
#define HR_GWAPI_ROUTE_H

#include <string.h>

#include "gwapi_filters.h"
#include "http_match.h"
#include "meta.h"

typedef struct hr_spec_gwapi_backend { /* HTTPBackendRef, GRPCBackendRef */
    hr_spec_gwapi_reference ref;
    int64_t weight; /* 1 if absent */
    hr_spec_gwapi_filters filters;
} hr_spec_gwapi_backend;

/* One of `matches`, as the match of a VirtualService that it becomes. A path prefix has the kind
 * HR_SM_PATH_PREFIX and no slash at its end; "/" is HR_SM_PREFIX. */
typedef struct hr_spec_gwapi_match {
    hr_match_request match;
    size_t path_length; /* as Istio counts it where it orders matches */
} hr_spec_gwapi_match;

typedef struct hr_spec_gwapi_rule {
    hr_str name; /* absent where unset */
    hr_spec_gwapi_match *matches;
    size_t n_matches;
    bool default_match; /* `matches` is absent: the API server adds one, the prefix "/" */
    hr_spec_gwapi_filters filters;
    hr_spec_gwapi_backend *backends;
    size_t n_backends;
    int64_t request_timeout_ns, backend_timeout_ns; /* 0: none */
    hr_spec_retries *retry;                         /* without its per-try timeout; or NULL */
    hr_pos pos;
} hr_spec_gwapi_rule;

typedef struct hr_spec_gwapi_route {
    hr_meta meta; /* its kind is "HTTPRoute" or "GRPCRoute" */
    hr_spec_gwapi_reference *parents;
    size_t n_parents;
    hr_str_list hostnames;
    hr_spec_gwapi_rule *rules; /* one that matches all requests if an HTTPRoute has none */
    size_t n_rules;
    hr_pos pos;
} hr_spec_gwapi_route;

static inline bool hr_gwapi_is_grpc(const hr_spec_gwapi_route *route) {
    return strcmp(route->meta.kind, "GRPCRoute") == 0;
}

/* `resource` is the whole document; `meta` is its metadata, with the default namespace filled in.
 */
void hr_read_gwapi_http_route(hr_reader *r, const hr_node *resource, const hr_meta *meta);
void hr_read_gwapi_grpc_route(hr_reader *r, const hr_node *resource, const hr_meta *meta);

#endif
