/* Protocols of ports, as Istio spells them. */
#ifndef HR_PROTOCOL_H
#define HR_PROTOCOL_H

#include <stdbool.h>

#include <headerroute/headerroute.h>

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

/* The protocol of a name in any letter case; HR_PROTO_UNSUPPORTED if Istio does not know the name.
 */
hr_proto hr_proto_parse(hr_str s);
bool hr_proto_is_http(hr_proto p);
bool hr_proto_is_tls(hr_proto p);

#endif
