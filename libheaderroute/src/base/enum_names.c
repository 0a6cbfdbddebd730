/* The names of the values of public enums, as JSON, flags and Istio's API write them. */
#include <headerroute/headerroute.h>

#define N_NAMES(names) (sizeof(names) / sizeof((names)[0]))

static const char *name_at(const char *const *names, size_t n, int value) {
    return value < 0 || (size_t)value >= n ? NULL : names[value];
}

const char *hr_error_name(int error) {
    static const char *const names[] = {"HR_OK",       "HR_EINVAL",    "HR_ENOMEM", "HR_ECONFIG",
                                        "HR_EREQUEST", "HR_ENOENT",    "HR_EIO",    "HR_ENOSPC",
                                        "HR_ELIMIT",   "HR_EAMBIGUOUS"};
    return error > 0 || error < -(int)N_NAMES(names) ? NULL
                                                     : name_at(names, N_NAMES(names), -error);
}

const char *hr_severity_name(hr_severity severity) {
    static const char *const names[] = {
        NULL, [HR_WARNING] = "warning", [HR_SEVERITY_ERROR] = "error"};
    return name_at(names, N_NAMES(names), (int)severity);
}

const char *hr_outbound_policy_name(hr_outbound_policy policy) {
    static const char *const names[] = {
        [HR_ALLOW_ANY] = "allow-any", [HR_REGISTRY_ONLY] = "registry-only"};
    return name_at(names, N_NAMES(names), (int)policy);
}

const char *hr_repeated_headers_name(hr_repeated_headers mode) {
    static const char *const names[] = {
        [HR_REPEATED_JOINED] = "joined", [HR_REPEATED_EACH] = "each"};
    return name_at(names, N_NAMES(names), (int)mode);
}

const char *hr_path_normalization_name(hr_path_normalization normalization) {
    static const char *const names[] = {[HR_PATH_NORMALIZATION_BASE] = "base",
                                        [HR_PATH_NORMALIZATION_NONE] = "none",
                                        [HR_PATH_NORMALIZATION_MERGE_SLASHES] = "merge-slashes",
                                        [HR_PATH_NORMALIZATION_DECODE_AND_MERGE_SLASHES] =
                                            "decode-and-merge-slashes"};
    return name_at(names, N_NAMES(names), (int)normalization);
}

const char *hr_lb_name(hr_lb lb) {
    static const char *const names[] = {[HR_LB_LEAST_REQUEST] = "LEAST_REQUEST",
                                        [HR_LB_ROUND_ROBIN] = "ROUND_ROBIN",
                                        [HR_LB_RANDOM] = "RANDOM",
                                        [HR_LB_PASSTHROUGH] = "PASSTHROUGH",
                                        [HR_LB_RING_HASH] = "RING_HASH",
                                        [HR_LB_MAGLEV] = "MAGLEV"};
    return name_at(names, N_NAMES(names), (int)lb);
}

const char *hr_cluster_kind_name(hr_cluster_kind kind) {
    static const char *const names[] = {[HR_CLUSTER_EDS] = "EDS",
                                        [HR_CLUSTER_STRICT_DNS] = "STRICT_DNS",
                                        [HR_CLUSTER_LOGICAL_DNS] = "LOGICAL_DNS",
                                        [HR_CLUSTER_ORIGINAL_DST] = "ORIGINAL_DST"};
    return name_at(names, N_NAMES(names), (int)kind);
}

const char *hr_tls_mode_name(hr_tls_mode mode) {
    static const char *const names[] = {[HR_TLS_DISABLE] = "DISABLE",
                                        [HR_TLS_SIMPLE] = "SIMPLE",
                                        [HR_TLS_MUTUAL] = "MUTUAL",
                                        [HR_TLS_ISTIO_MUTUAL] = "ISTIO_MUTUAL"};
    return name_at(names, N_NAMES(names), (int)mode);
}

const char *hr_upstream_protocol_name(hr_upstream_protocol protocol) {
    static const char *const names[] = {[HR_UPSTREAM_HTTP1] = "http1",
                                        [HR_UPSTREAM_HTTP2] = "http2",
                                        [HR_UPSTREAM_AS_CLIENT] = "as_client"};
    return name_at(names, N_NAMES(names), (int)protocol);
}

const char *hr_action_name(hr_action action) {
    static const char *const names[] = {[HR_ACTION_ROUTE] = "route",
                                        [HR_ACTION_REDIRECT] = "redirect",
                                        [HR_ACTION_DIRECT_RESPONSE] = "direct_response",
                                        [HR_ACTION_NO_ROUTE] = "no_route",
                                        [HR_ACTION_PASSTHROUGH] = "passthrough"};
    return name_at(names, N_NAMES(names), (int)action);
}

const char *hr_string_match_kind_name(hr_string_match_kind kind) {
    static const char *const names[] = {
        [HR_MATCH_EXACT] = "exact", [HR_MATCH_PREFIX] = "prefix", [HR_MATCH_REGEX] = "regex"};
    return name_at(names, N_NAMES(names), (int)kind);
}

const char *hr_hash_kind_name(hr_hash_kind kind) {
    static const char *const names[] = {[HR_HASH_HEADER] = "header",
                                        [HR_HASH_COOKIE] = "cookie",
                                        [HR_HASH_SOURCE_IP] = "source_ip",
                                        [HR_HASH_QUERY_PARAMETER] = "query_parameter"};
    return name_at(names, N_NAMES(names), (int)kind);
}

const char *hr_trace_kind_name(hr_trace_kind kind) {
    static const char *const names[] = {[HR_TRACE_VIRTUAL_HOST] = "virtual_host",
                                        [HR_TRACE_RULE] = "rule",
                                        [HR_TRACE_CONDITION] = "condition",
                                        [HR_TRACE_OMITTED] = "omitted"};
    return name_at(names, N_NAMES(names), (int)kind);
}
