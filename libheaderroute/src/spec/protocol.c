/* Protocols of ports, as Istio spells them. */
#include "protocol.h"

#include "text.h"

hr_proto hr_proto_parse(hr_str s) {
    static const struct {
        hr_str name;
        hr_proto protocol;
    } known[] = {
        {{"tcp", 3}, HR_PROTO_TCP},     {{"udp", 3}, HR_PROTO_UDP},
        {{"grpc", 4}, HR_PROTO_GRPC},   {{"grpc-web", 8}, HR_PROTO_GRPC_WEB},
        {{"http", 4}, HR_PROTO_HTTP},   {{"http_proxy", 10}, HR_PROTO_HTTP_PROXY},
        {{"http2", 5}, HR_PROTO_HTTP2}, {{"https", 5}, HR_PROTO_HTTPS},
        {{"tls", 3}, HR_PROTO_TLS},     {{"mongo", 5}, HR_PROTO_MONGO},
        {{"redis", 5}, HR_PROTO_REDIS}, {{"mysql", 5}, HR_PROTO_MYSQL},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (hr_str_eq_nocase(s, known[i].name))
            return known[i].protocol;
    return HR_PROTO_UNSUPPORTED;
}

bool hr_proto_is_http(hr_proto p) {
    return p == HR_PROTO_HTTP || p == HR_PROTO_HTTP2 || p == HR_PROTO_HTTP_PROXY ||
           p == HR_PROTO_GRPC || p == HR_PROTO_GRPC_WEB;
}

bool hr_proto_is_tls(hr_proto p) {
    return p == HR_PROTO_HTTPS || p == HR_PROTO_TLS;
}
