/* Protocols of ports, as Istio spells them. */
#ifndef HR_PROTOCOL_H
#define HR_PROTOCOL_H

#include <stdbool.h>

#include <headerroute/headerroute.h>

typedef enum hr_spec_protocol {
    HR_SPEC_PROTOCOL_UNSUPPORTED = 0,
    HR_SPEC_PROTOCOL_TCP,
    HR_SPEC_PROTOCOL_UDP,
    HR_SPEC_PROTOCOL_GRPC,
    HR_SPEC_PROTOCOL_GRPC_WEB,
    HR_SPEC_PROTOCOL_HTTP,
    HR_SPEC_PROTOCOL_HTTP_PROXY,
    HR_SPEC_PROTOCOL_HTTP2,
    HR_SPEC_PROTOCOL_HTTPS,
    HR_SPEC_PROTOCOL_TLS,
    HR_SPEC_PROTOCOL_MONGO,
    HR_SPEC_PROTOCOL_REDIS,
    HR_SPEC_PROTOCOL_MYSQL
} hr_spec_protocol;

/* The protocol of a name in any letter case; HR_SPEC_PROTOCOL_UNSUPPORTED if Istio does not know
 * the name.
 */
hr_spec_protocol hr_spec_protocol_parse(hr_str s);
bool hr_spec_protocol_is_http(hr_spec_protocol p);
bool hr_spec_protocol_is_tls(hr_spec_protocol p);

#endif
