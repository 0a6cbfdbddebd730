/* HTTPRetry, HTTPFaultInjection, CorsPolicy and HTTPMirrorPolicy: the policies of a route, read and
 * checked. */
#ifndef HR_HTTP_POLICIES_H
#define HR_HTTP_POLICIES_H

#include "http_match.h"
#include "route_destination.h"

typedef struct hr_spec_retries {
    int64_t attempts; /* 0 if absent */
    bool has_attempts;
    int64_t per_try_timeout_ns, backoff_ns;                   /* -1: unset */
    hr_str retry_on;                                          /* absent where unset */
    int retry_remote_localities, retry_ignore_previous_hosts; /* -1 unset, 0, 1 */
    hr_pos pos;
} hr_spec_retries;

typedef struct hr_spec_fault {
    bool has_delay, has_abort;
    int64_t fixed_delay_ns;    /* -1: unset */
    double delay_percentage;   /* -1: no `percentage` */
    int32_t delay_percent;     /* the deprecated integer */
    int32_t abort_http_status; /* 0: unset */
    hr_str abort_grpc_status;
    double abort_percentage; /* -1: no `percentage` */
    hr_pos pos, delay_pos, abort_pos;
} hr_spec_fault;

typedef struct hr_spec_mirror {
    hr_spec_destination destination;
    double percentage; /* -1: unset */
    hr_pos pos;
} hr_spec_mirror;

typedef struct hr_spec_cors_policy {
    hr_string_match *allow_origins;
    size_t n_allow_origins;
    hr_str_list allow_origin; /* deprecated: exact strings */
    hr_str_list allow_methods, allow_headers, expose_headers;
    int64_t max_age_ns;       /* -1: unset */
    int allow_credentials;    /* -1 unset, 0, 1 */
    int unmatched_preflights; /* 0 unspecified, 1 FORWARD, 2 IGNORE */
    hr_pos pos;
} hr_spec_cors_policy;

extern const hr_schema hr_percent_schema; /* double */
extern const hr_schema hr_retries_schema;
extern const hr_schema hr_fault_schema;
extern const hr_schema hr_mirror_schema;
extern const hr_schema hr_cors_schema;

/* The field `mirror` of an HTTPRoute: a bare Destination, read into a hr_spec_mirror *. */
void hr_read_mirror(hr_reader *r, const hr_node *node, void *base, const hr_field *field);

#endif
