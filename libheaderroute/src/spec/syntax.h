/*
 * What names and values may look like: the rules of Istio's admission (pkg/config/validation, labels and
 * protocol of istio/istio), which differ here and there from the RFCs.
 */
#ifndef HR_SYNTAX_H
#define HR_SYNTAX_H

#include <stdbool.h>

#include <headerroute/headerroute.h>

/* A DNS-1123 label in either letter case, at most 63 bytes. */
bool hr_is_label(hr_str s);
/* A label, or `*`, or a label behind `*` or `*-`. */
bool hr_is_wildcard_label(hr_str s);
/* Key and value of a Kubernetes label. */
bool hr_is_label_key(hr_str s);
bool hr_is_label_value(hr_str s);

/* Longer names are none (as Istio has it, which counts a final dot). */
#define HR_DOMAIN_MAX 255
/* NULL if the name is a domain name, else what is wrong with it. With `wildcard` the first label may be
 * one of hr_is_wildcard_label. The last label may be empty (a trailing dot), and may not be a number. */
const char *hr_domain_mistake(hr_str name, bool wildcard);
/* An SNI name that Istio makes by itself: outbound_.PORT_.SUBSET_.HOST */
bool hr_is_generated_sni(hr_str name);

/* ADDRESS or ADDRESS/BITS, as Go's netip reads them. */
bool hr_is_subnet(hr_str s);

/* RFC 9110 token. */
bool hr_is_header_name(hr_str s);
/* NULL if the value is an Envoy header format: no control characters, every % in a pair, commands closed;
 * else what is wrong with it. */
const char *hr_header_value_mistake(hr_str value);
/* `@request.auth.claims.a.b` or `@request.auth.claims[a][b]`: a claim of a validated JWT. */
bool hr_is_jwt_claim(hr_str header);
/* `:authority` or `host`. */
bool hr_is_authority_header(hr_str s);

typedef enum hr_proto {
    HR_PROTO_UNSUPPORTED = 0,
    HR_PROTO_TCP,
    HR_PROTO_UDP,
    HR_PROTO_GRPC,
    HR_PROTO_GRPC_WEB,
    HR_PROTO_HTTP,
    HR_PROTO_HTTP_PROXY,
    HR_PROTO_HTTP2,
    HR_PROTO_HTTPS,
    HR_PROTO_TLS,
    HR_PROTO_MONGO,
    HR_PROTO_REDIS,
    HR_PROTO_MYSQL
} hr_proto;
/* In any letter case. */
hr_proto hr_proto_parse(hr_str s);
bool hr_proto_is_http(hr_proto p);
bool hr_proto_is_tls(hr_proto p);

/* A status that Go's net/http has a text for: what Istio takes for a code in retryOn. */
bool hr_is_known_status(int64_t code);
/* "NOT_FOUND" and the like. */
bool hr_is_grpc_status(hr_str s);

#endif
