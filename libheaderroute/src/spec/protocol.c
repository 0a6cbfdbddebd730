/* Protocols of ports, as Istio spells them. */
#include "protocol.h"

#include "text.h"

hr_spec_protocol hr_spec_protocol_parse(hr_str s) {
    static const struct {
        hr_str name;
        hr_spec_protocol protocol;
    } known[] = {
        {{"tcp", 3}, HR_SPEC_PROTOCOL_TCP},     {{"udp", 3}, HR_SPEC_PROTOCOL_UDP},
        {{"grpc", 4}, HR_SPEC_PROTOCOL_GRPC},   {{"grpc-web", 8}, HR_SPEC_PROTOCOL_GRPC_WEB},
        {{"http", 4}, HR_SPEC_PROTOCOL_HTTP},   {{"http_proxy", 10}, HR_SPEC_PROTOCOL_HTTP_PROXY},
        {{"http2", 5}, HR_SPEC_PROTOCOL_HTTP2}, {{"https", 5}, HR_SPEC_PROTOCOL_HTTPS},
        {{"tls", 3}, HR_SPEC_PROTOCOL_TLS},     {{"mongo", 5}, HR_SPEC_PROTOCOL_MONGO},
        {{"redis", 5}, HR_SPEC_PROTOCOL_REDIS}, {{"mysql", 5}, HR_SPEC_PROTOCOL_MYSQL},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (hr_str_eq_nocase(s, known[i].name))
            return known[i].protocol;
    return HR_SPEC_PROTOCOL_UNSUPPORTED;
}

bool hr_spec_protocol_is_http(hr_spec_protocol p) {
    return p == HR_SPEC_PROTOCOL_HTTP || p == HR_SPEC_PROTOCOL_HTTP2 ||
           p == HR_SPEC_PROTOCOL_HTTP_PROXY || p == HR_SPEC_PROTOCOL_GRPC ||
           p == HR_SPEC_PROTOCOL_GRPC_WEB;
}

bool hr_spec_protocol_is_tls(hr_spec_protocol p) {
    return p == HR_SPEC_PROTOCOL_HTTPS || p == HR_SPEC_PROTOCOL_TLS;
}
