/*
 * gRPC over HTTP/2, the parts that need no I/O: status codes, their HTTP counterparts, timeouts and
 * the encoding of messages for people. The source is gRPC's "gRPC over HTTP2" (PROTOCOL-HTTP2.md)
 * and "HTTP to gRPC Status Code Mapping".
 *
 * All functions are pure and thread-safe. Strings are hr_str ranges of the caller's.
 */
#ifndef SV_GRPC_H
#define SV_GRPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <headerroute/headerroute.h>

/* The codes of gRPC's "Status codes and their use in gRPC". */
typedef enum sv_grpc_status {
    SV_GRPC_OK = 0,
    SV_GRPC_CANCELLED = 1,
    SV_GRPC_UNKNOWN = 2,
    SV_GRPC_INVALID_ARGUMENT = 3,
    SV_GRPC_DEADLINE_EXCEEDED = 4,
    SV_GRPC_NOT_FOUND = 5,
    SV_GRPC_ALREADY_EXISTS = 6,
    SV_GRPC_PERMISSION_DENIED = 7,
    SV_GRPC_RESOURCE_EXHAUSTED = 8,
    SV_GRPC_FAILED_PRECONDITION = 9,
    SV_GRPC_ABORTED = 10,
    SV_GRPC_OUT_OF_RANGE = 11,
    SV_GRPC_UNIMPLEMENTED = 12,
    SV_GRPC_INTERNAL = 13,
    SV_GRPC_UNAVAILABLE = 14,
    SV_GRPC_DATA_LOSS = 15,
    SV_GRPC_UNAUTHENTICATED = 16
} sv_grpc_status;

/* Codes are 0 to SV_GRPC_STATUSES - 1. */
#define SV_GRPC_STATUSES 17

/* "OK", "NOT_FOUND": static. "UNKNOWN" for any other number. */
const char *sv_grpc_status_name(int status);

/* The code as decimal digits, as in grpc-status: static. Those of SV_GRPC_UNKNOWN for any other
 * number. */
hr_str sv_grpc_status_digits(int status);

/* Reads the value of grpc-status into *status. False: it is not one of the codes. */
bool sv_grpc_parse_status(int *status, hr_str value);

/* The code that corresponds to an HTTP answer without grpc-status: 400 INTERNAL, 401
 * UNAUTHENTICATED, 403 PERMISSION_DENIED, 404 UNIMPLEMENTED, 429, 502, 503 and 504 UNAVAILABLE,
 * others UNKNOWN. Envoy's local replies to gRPC requests carry it, too. */
sv_grpc_status sv_grpc_status_of_http(int http_status);

/* The HTTP status that has the same meaning, by the comments of google/rpc/code.proto: Envoy counts
 * gRPC answers by it in outlier detection and in its metrics. */
int sv_grpc_http_of_status(int status);

/* True if a content-type is gRPC's: "application/grpc", alone or followed by "+" or ";". That of
 * gRPC-Web is not. */
bool sv_grpc_is_content_type(hr_str content_type);

/* Reads grpc-timeout: at most 8 digits and a unit of H, M, S, m, u or n. *ns is in nanoseconds, and
 * UINT64_MAX where it would be larger. False: the value is malformed. */
bool sv_grpc_parse_timeout(uint64_t *ns, hr_str value);

/* Writes grpc-message: bytes other than printable ASCII, and '%', are percent-encoded. `to` has
 * room for SV_GRPC_MESSAGE_SIZE(text.len) bytes; the result is a range of it. */
#define SV_GRPC_MESSAGE_SIZE(len) ((len) * (size_t)3)
hr_str sv_grpc_encode_message(char *to, hr_str text);

#endif
