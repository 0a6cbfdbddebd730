/* HTTPRetry, HTTPFaultInjection, CorsPolicy and HTTPMirrorPolicy: the policies of a route, read and
 * checked. */
#include "http_policies.h"

#include <stddef.h>
#include <string.h>

#include "common_fields.h"
#include "name_rules.h"
#include "scalar.h"
#include "text.h"

/* ---- Percent ---- */

static void check_percentage(hr_reader *r, const hr_node *node, const char *field, double value,
                             double least) {
    if (value == -1 && hr_field_get(node, field) == NULL)
        return;
    if (value < 0 || value > 100)
        hr_field_error(r, node, field, "%g is not a valid percentage; expected 0 to 100", value);
    else if (value > 0 && value < least)
        hr_field_error(r, node, field, "%g is too small; expected 0, or at least %g", value, least);
}

/* Percent: `{}` is 0 %, which differs from an absent field. */
static void init_percent(void *out) {
    *(double *)out = 0;
}

static const hr_field percent_fields[] = {{"value", hr_read_double, 0, 0, NULL, 0}};

const hr_schema hr_percent_schema =
    HR_SCHEMA("Percent", percent_fields, double, init_percent, NULL);

/* ---- HTTPMirrorPolicy ---- */

static void check_mirror(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_mirror *mirror = out;
    if (hr_field_get(node, "destination") == NULL)
        hr_reader_error(r, node, "destination is required");
    check_percentage(r, node, "percentage", mirror->percentage, 0);
}

static void init_mirror(void *out) {
    ((hr_spec_mirror *)out)->percentage = -1;
}

static const hr_field mirror_policy_fields[] = {
    {"destination", hr_read_message, offsetof(hr_spec_mirror, destination), 0,
     &hr_destination_schema, 0},
    {"percentage", hr_read_message, offsetof(hr_spec_mirror, percentage), 0, &hr_percent_schema, 0},
};

const hr_schema hr_mirror_schema = HR_SCHEMA_WITH_POS("HTTPMirrorPolicy", mirror_policy_fields,
                                                      hr_spec_mirror, init_mirror, check_mirror);

/* `mirror` is a bare Destination; its percentage is a field of the route. */
void hr_read_mirror(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_spec_mirror *m = hr_reader_alloc(r, 1, sizeof(*m));
    if (m == NULL)
        return;
    *(hr_spec_mirror **)(void *)((char *)base + field->offset) = m;
    m->percentage = -1;
    m->pos = hr_reader_pos(r, node);
    hr_read_fields(r, node, &m->destination, &hr_destination_schema);
}

/* ---- HTTPRetry ---- */

static bool is_known_status(int64_t code) {
    return (code >= 100 && code <= 103) || (code >= 200 && code <= 208) || code == 226 ||
           (code >= 300 && code <= 308 && code != 306) || (code >= 400 && code <= 418) ||
           (code >= 421 && code <= 426) || code == 428 || code == 429 || code == 431 ||
           code == 451 || (code >= 500 && code <= 508) || code == 510 || code == 511;
}

static int is_retry_condition(hr_str s) {
    static const char *const known[] = {"5xx",
                                        "gateway-error",
                                        "reset",
                                        "reset-before-request",
                                        "connect-failure",
                                        "retriable-4xx",
                                        "refused-stream",
                                        "retriable-status-codes",
                                        "retriable-headers",
                                        "envoy-ratelimited",
                                        "http3-post-connect-failure",
                                        "cancelled",
                                        "deadline-exceeded",
                                        "internal",
                                        "resource-exhausted",
                                        "unavailable"};
    int64_t code;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (hr_str_eq_c(s, known[i]))
            return 1;
    return s.len == 3 && strspn(s.p, "0123456789") >= 3 && hr_scalar_int(&code, s) &&
           is_known_status(code);
}

static void check_retries(hr_reader *r, const hr_node *node, void *out) {
    hr_spec_retries *retries = out;
    retries->has_attempts = hr_field_get(node, "attempts") != NULL;
    if (retries->attempts < 0)
        hr_field_error(r, node, "attempts", "must not be negative");
    if (retries->attempts == 0) {
        static const char *const idle[] = {"perTryTimeout", "retryOn", "retryRemoteLocalities"};
        for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++)
            if (hr_field_get(node, idle[i]) != NULL && (i != 1 || retries->retry_on.len > 0))
                hr_field_error(r, node, idle[i],
                               "is not allowed with 0 attempts, which disable retries");
    }
    hr_str on = retries->retry_on;
    for (size_t from = 0; on.len > 0 && from <= on.len;) {
        size_t comma = hr_str_find(on, ',', from);
        hr_str condition = hr_str_from_to(on, from, comma);
        if (!is_retry_condition(condition))
            hr_field_error(r, node, "retryOn",
                           "\"%.*s\" is neither a retry condition nor an HTTP status",
                           (int)condition.len, condition.p);
        from = comma + 1;
    }
}

static void init_retries(void *out) {
    hr_spec_retries *retries = out;
    retries->per_try_timeout_ns = retries->backoff_ns = -1;
    retries->retry_remote_localities = retries->retry_ignore_previous_hosts = -1;
}

#define R(member) offsetof(hr_spec_retries, member)
static const hr_field retries_fields[] = {
    {"attempts", hr_read_int64, R(attempts), 0, NULL, 0},
    {"perTryTimeout", hr_read_period, R(per_try_timeout_ns), 0, NULL, 0},
    {"retryOn", hr_read_string, R(retry_on), 0, NULL, 0},
    {"retryRemoteLocalities", hr_read_bool_value, R(retry_remote_localities), 0, NULL, 0},
    {"retryIgnorePreviousHosts", hr_read_bool_value, R(retry_ignore_previous_hosts), 0, NULL, 0},
    {"backoff", hr_read_period, R(backoff_ns), 0, NULL, 0},
};
#undef R

const hr_schema hr_retries_schema =
    HR_SCHEMA_WITH_POS("HTTPRetry", retries_fields, hr_spec_retries, init_retries, check_retries);

/* ---- HTTPFaultInjection ---- */

static void check_delay(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_fault *fault = out;
    check_percentage(r, node, "percentage", fault->delay_percentage, 0.0001);
    if (hr_field_get(node, "percent") != NULL)
        hr_field_warn(r, node, "percent", "is deprecated; use percentage");
    if (fault->delay_percentage == -1 && (fault->delay_percent < 0 || fault->delay_percent > 100))
        hr_field_error(r, node, "percent", "%d is not a valid percentage; expected 0 to 100",
                       fault->delay_percent);
}

static const hr_field delay_fields[] = {
    {"percent", hr_read_int32, offsetof(hr_spec_fault, delay_percent), 0, NULL, 0},
    {"fixedDelay", hr_read_period, offsetof(hr_spec_fault, fixed_delay_ns), 0, NULL, 1},
    {"exponentialDelay", hr_read_refused, 0, 0,
     "Istio does not support exponentialDelay; use fixedDelay", 1},
    {"percentage", hr_read_message, offsetof(hr_spec_fault, delay_percentage), 0,
     &hr_percent_schema, 0},
};

static const hr_schema delay_schema = HR_SCHEMA_AT(
    "HTTPFaultInjection.Delay", delay_fields, hr_spec_fault, offsetof(hr_spec_fault, delay_pos),
    offsetof(hr_spec_fault, has_delay), NULL, check_delay);

static bool is_grpc_status(hr_str s) {
    static const char *const known[] = {"OK",
                                        "CANCELLED",
                                        "UNKNOWN",
                                        "INVALID_ARGUMENT",
                                        "DEADLINE_EXCEEDED",
                                        "NOT_FOUND",
                                        "ALREADY_EXISTS",
                                        "PERMISSION_DENIED",
                                        "RESOURCE_EXHAUSTED",
                                        "FAILED_PRECONDITION",
                                        "ABORTED",
                                        "OUT_OF_RANGE",
                                        "UNIMPLEMENTED",
                                        "INTERNAL",
                                        "UNAVAILABLE",
                                        "DATA_LOSS",
                                        "UNAUTHENTICATED"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (hr_str_eq_c(s, known[i]))
            return true;
    return false;
}

static void check_abort(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_fault *fault = out;
    check_percentage(r, node, "percentage", fault->abort_percentage, 0.0001);
    if (hr_field_get(node, "httpStatus") != NULL && fault->abort_grpc_status.p == NULL)
        hr_check_http_status(r, node, "httpStatus", fault->abort_http_status);
    else if (hr_field_get(node, "grpcStatus") == NULL && hr_field_get(node, "http2Error") == NULL)
        hr_reader_warn(r, node, "has no effect without httpStatus or grpcStatus");
    else if (fault->abort_grpc_status.p != NULL && !is_grpc_status(fault->abort_grpc_status))
        hr_field_error(r, node, "grpcStatus",
                       "\"%.*s\" is not a gRPC status; expected a name such as NOT_FOUND",
                       (int)fault->abort_grpc_status.len, fault->abort_grpc_status.p);
}

static const hr_field abort_fields[] = {
    {"httpStatus", hr_read_int32, offsetof(hr_spec_fault, abort_http_status), 0, NULL, 1},
    {"grpcStatus", hr_read_string, offsetof(hr_spec_fault, abort_grpc_status), 0, NULL, 1},
    {"http2Error", hr_read_refused, 0, 0,
     "Istio does not support http2Error; use httpStatus or grpcStatus", 1},
    {"percentage", hr_read_message, offsetof(hr_spec_fault, abort_percentage), 0,
     &hr_percent_schema, 0},
};

static const hr_schema abort_schema = HR_SCHEMA_AT(
    "HTTPFaultInjection.Abort", abort_fields, hr_spec_fault, offsetof(hr_spec_fault, abort_pos),
    offsetof(hr_spec_fault, has_abort), NULL, check_abort);

static void check_fault(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_fault *fault = out;
    if (!fault->has_delay && !fault->has_abort)
        hr_reader_error(r, node, "delay or abort is required");
}

static void init_fault(void *out) {
    hr_spec_fault *fault = out;
    fault->fixed_delay_ns = -1;
    fault->delay_percentage = fault->abort_percentage = -1;
}

static const hr_field fault_fields[] = {
    {"delay", hr_read_message, 0, 0, &delay_schema, 0},
    {"abort", hr_read_message, 0, 0, &abort_schema, 0},
};

const hr_schema hr_fault_schema =
    HR_SCHEMA_WITH_POS("HTTPFaultInjection", fault_fields, hr_spec_fault, init_fault, check_fault);

/* ---- CorsPolicy ---- */

static int is_method(hr_str s) {
    static const char *const known[] = {"GET",    "HEAD",    "POST",    "PUT",   "PATCH",
                                        "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (hr_str_eq_c(s, known[i]))
            return 1;
    return 0;
}

static void check_cors_names(hr_reader *r, const hr_node *cors, const char *field, int methods) {
    const hr_node *list = hr_field_get(cors, field);
    hr_path name = {.up = r->path, .name = hr_str_from(field)}, step;
    r->path = &name;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL;
         item = hr_items_next(r, &step, item)) {
        if (item->kind != HR_NODE_STRING)
            continue;
        hr_str s = item->u.text;
        if (methods ? !is_method(s) : !hr_is_header_name(s))
            hr_reader_error(r, item,
                            methods ? "\"%.*s\" is not an HTTP method in upper case"
                                    : "\"%.*s\" is not a valid header name",
                            (int)s.len, s.p);
    }
    r->path = name.up;
}

static void check_cors(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_cors_policy *cors = out;
    check_cors_names(r, node, "allowMethods", 1);
    check_cors_names(r, node, "allowHeaders", 0);
    check_cors_names(r, node, "exposeHeaders", 0);
    if (cors->max_age_ns > 0 && cors->max_age_ns % 1000000000 != 0)
        hr_field_error(r, node, "maxAge", "expected whole seconds");
    if (cors->allow_origin.n > 0)
        hr_field_warn(r, node, "allowOrigin", "is deprecated; use allowOrigins");
}

static void init_cors(void *out) {
    hr_spec_cors_policy *cors = out;
    cors->max_age_ns = -1;
    cors->allow_credentials = -1;
}

static const hr_enum unmatched_preflights[] = {
    {"UNSPECIFIED", 0}, {"FORWARD", 1}, {"IGNORE", 2}, {NULL, 0}};

#define C(member) offsetof(hr_spec_cors_policy, member)
static const hr_field cors_fields[] = {
    {"allowOrigin", hr_read_strings, C(allow_origin), 0, NULL, 0},
    {"allowOrigins", hr_read_list, C(allow_origins), C(n_allow_origins), &hr_origin_match_schema,
     0},
    {"allowMethods", hr_read_strings, C(allow_methods), 0, NULL, 0},
    {"allowHeaders", hr_read_strings, C(allow_headers), 0, NULL, 0},
    {"exposeHeaders", hr_read_strings, C(expose_headers), 0, NULL, 0},
    {"maxAge", hr_read_period, C(max_age_ns), 0, NULL, 0},
    {"allowCredentials", hr_read_bool_value, C(allow_credentials), 0, NULL, 0},
    {"unmatchedPreflights", hr_read_enum, C(unmatched_preflights), 0, unmatched_preflights, 0},
};
#undef C

const hr_schema hr_cors_schema =
    HR_SCHEMA_WITH_POS("CorsPolicy", cors_fields, hr_spec_cors_policy, init_cors, check_cors);
