/* Lists the request headers that Envoy stores inline or removes before it looks at routes. */
#include "header_kinds.h"

#include "text.h"

/* The index of `name` in a sorted list, or -1. Asked for every header of every request, of which
 * few begin like a name of the list. */
static int sorted_index(hr_str name, const char *const *names, int n) {
    for (int i = 0; name.len > 0 && i < n && names[i][0] <= name.p[0]; i++)
        if (names[i][0] == name.p[0] && hr_str_eq_c(name, names[i]))
            return i;
    return -1;
}

int hr_header_inline_number(hr_str name) {
    static const char *const names[] = {
        "accept",
        "accept-encoding",
        "access-control-request-headers",
        "access-control-request-method",
        "access-control-request-private-network",
        "authorization",
        "cache-control",
        "content-encoding",
        "content-type",
        "expect",
        "grpc-accept-encoding",
        "grpc-timeout",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "origin",
        "pragma",
        "referer",
        "user-agent",
        "via",
        "x-client-trace-id",
        "x-envoy-attempt-count",
        "x-envoy-decorator-operation",
        "x-envoy-downstream-service-cluster",
        "x-envoy-original-path",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-proto",
        "x-request-id",
    };
    _Static_assert(sizeof(names) / sizeof(names[0]) == HR_INLINE_HEADERS, "one number a name");
    return sorted_index(name, names, HR_INLINE_HEADERS);
}

bool hr_header_is_inline(hr_str name) {
    return hr_header_inline_number(name) >= 0;
}

bool hr_header_is_stripped(hr_str name) {
    static const char *const names[] = {
        "connection",
        "keep-alive",
        "proxy-connection",
        "x-envoy-expected-rq-timeout-ms",
        "x-envoy-force-trace",
        "x-envoy-internal",
        "x-envoy-ip-tags",
        "x-envoy-max-retries",
        "x-envoy-retry-grpc-on",
        "x-envoy-retry-on",
        "x-envoy-upstream-alt-stat-name",
        "x-envoy-upstream-rq-per-try-timeout-ms",
        "x-envoy-upstream-rq-timeout-alt-response",
        "x-envoy-upstream-rq-timeout-ms",
    };
    return sorted_index(name, names, sizeof(names) / sizeof(names[0])) >= 0;
}
