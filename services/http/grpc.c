/* gRPC's status codes, timeouts and messages, as HTTP/2 carries them. */
#include "grpc.h"

#include <string.h>

#define STR(text)                                                                                  \
    { text, sizeof(text) - 1 }

static const struct {
    const char *name;
    hr_str digits;
    int http; /* google/rpc/code.proto */
} codes[SV_GRPC_STATUSES] = {
    [SV_GRPC_OK] = {"OK", STR("0"), 200},
    [SV_GRPC_CANCELLED] = {"CANCELLED", STR("1"), 499},
    [SV_GRPC_UNKNOWN] = {"UNKNOWN", STR("2"), 500},
    [SV_GRPC_INVALID_ARGUMENT] = {"INVALID_ARGUMENT", STR("3"), 400},
    [SV_GRPC_DEADLINE_EXCEEDED] = {"DEADLINE_EXCEEDED", STR("4"), 504},
    [SV_GRPC_NOT_FOUND] = {"NOT_FOUND", STR("5"), 404},
    [SV_GRPC_ALREADY_EXISTS] = {"ALREADY_EXISTS", STR("6"), 409},
    [SV_GRPC_PERMISSION_DENIED] = {"PERMISSION_DENIED", STR("7"), 403},
    [SV_GRPC_RESOURCE_EXHAUSTED] = {"RESOURCE_EXHAUSTED", STR("8"), 429},
    [SV_GRPC_FAILED_PRECONDITION] = {"FAILED_PRECONDITION", STR("9"), 400},
    [SV_GRPC_ABORTED] = {"ABORTED", STR("10"), 409},
    [SV_GRPC_OUT_OF_RANGE] = {"OUT_OF_RANGE", STR("11"), 400},
    [SV_GRPC_UNIMPLEMENTED] = {"UNIMPLEMENTED", STR("12"), 501},
    [SV_GRPC_INTERNAL] = {"INTERNAL", STR("13"), 500},
    [SV_GRPC_UNAVAILABLE] = {"UNAVAILABLE", STR("14"), 503},
    [SV_GRPC_DATA_LOSS] = {"DATA_LOSS", STR("15"), 500},
    [SV_GRPC_UNAUTHENTICATED] = {"UNAUTHENTICATED", STR("16"), 401},
};

static int known(int status) {
    return status >= 0 && status < SV_GRPC_STATUSES ? status : SV_GRPC_UNKNOWN;
}

const char *sv_grpc_status_name(int status) {
    return codes[known(status)].name;
}

hr_str sv_grpc_status_digits(int status) {
    return codes[known(status)].digits;
}

int sv_grpc_http_of_status(int status) {
    return codes[known(status)].http;
}

bool sv_grpc_parse_status(int *status, hr_str value) {
    for (int i = 0; i < SV_GRPC_STATUSES; i++) {
        if (codes[i].digits.len != value.len || memcmp(codes[i].digits.p, value.p, value.len) != 0)
            continue;
        *status = i;
        return true;
    }
    return false;
}

sv_grpc_status sv_grpc_status_of_http(int http_status) {
    switch (http_status) {
    case 400:
        return SV_GRPC_INTERNAL;
    case 401:
        return SV_GRPC_UNAUTHENTICATED;
    case 403:
        return SV_GRPC_PERMISSION_DENIED;
    case 404:
        return SV_GRPC_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return SV_GRPC_UNAVAILABLE;
    default:
        return SV_GRPC_UNKNOWN;
    }
}

bool sv_grpc_is_content_type(hr_str content_type) {
    static const char grpc[] = "application/grpc";
    size_t len = sizeof(grpc) - 1;
    if (content_type.len < len || memcmp(content_type.p, grpc, len) != 0)
        return false;
    return content_type.len == len || content_type.p[len] == '+' || content_type.p[len] == ';';
}

/* Nanoseconds; 0: it is not a unit. */
static uint64_t unit_ns(char unit) {
    switch (unit) {
    case 'H':
        return 3600000000000u;
    case 'M':
        return 60000000000u;
    case 'S':
        return 1000000000u;
    case 'm':
        return 1000000u;
    case 'u':
        return 1000u;
    case 'n':
        return 1u;
    default:
        return 0;
    }
}

bool sv_grpc_parse_timeout(uint64_t *ns, hr_str value) {
    uint64_t n = 0;
    if (value.len < 2 || value.len > 9)
        return false;
    uint64_t unit = unit_ns(value.p[value.len - 1]);
    for (size_t i = 0; i + 1 < value.len; i++) {
        if (value.p[i] < '0' || value.p[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(value.p[i] - '0');
    }
    if (unit == 0)
        return false;
    *ns = n > UINT64_MAX / unit ? UINT64_MAX : n * unit;
    return true;
}

hr_str sv_grpc_encode_message(char *to, hr_str text) {
    static const char digits[] = "0123456789ABCDEF";
    char *at = to;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c >= 0x20 && c <= 0x7E && c != '%') {
            *at++ = (char)c;
            continue;
        }
        *at++ = '%';
        *at++ = digits[c >> 4];
        *at++ = digits[c & 15];
    }
    return (hr_str){to, (size_t)(at - to)};
}
