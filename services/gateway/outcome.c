/* The table of the ways in which requests end. Statuses, flags, details and bodies are Envoy's
 * (gRPC's DEADLINE_EXCEEDED since Envoy's change 44479). */
#include "outcome.h"

#include <string.h>

#include "grpc.h"

static const hr_pair overloaded[] = {{{"x-envoy-overloaded", 18}, {"true", 4}},
                                     {{"retry-after", 11}, {"1", 1}}};

#define BEFORE(reason) "upstream_reset_before_response_started{" reason "}"
#define AFTER(reason) "upstream_reset_after_response_started{" reason "}"
#define TERMINATION AFTER("connection_termination")

static const gw_ending endings[GW_OUTCOMES] = {
    [GW_ANSWERED] = {.details = "via_upstream"},
    [GW_NO_ROUTE] = {.status = 404, .flag = "NR", .details = "route_not_found"},
    [GW_UNKNOWN_HOST] = {.status = 502, .details = "unknown_host"},
    [GW_NO_CLUSTER] = {.status = 503, .flag = "NC", .details = "cluster_not_found"},
    [GW_NO_ENDPOINT] = {.status = 503,
                        .flag = "UH",
                        .details = "no_healthy_upstream",
                        .body = "no healthy upstream"},
    [GW_BAD_REQUEST] = {.status = 400, .details = "malformed_request"},
    [GW_REGEX_LIMIT] = {.status = 431, .details = "regex_limit"},
    [GW_NO_HOST] = {.status = 400, .details = "missing_host_header"},
    [GW_NO_MEMORY] = {.status = 500, .details = "out_of_memory"},
    [GW_CLIENT_LEFT] = {.status = 503, .flag = "DC", .details = "downstream_remote_disconnect"},
    [GW_TOO_MANY_TUNNELS] = {.status = 503,
                             .flag = "UO",
                             .details = "too_many_tunnels",
                             .body = "too many WebSockets are open",
                             .extra = overloaded,
                             .n_extra = 2},
    [GW_OVERLOADED] = {.status = 503,
                       .flag = "UO",
                       .details = "overload",
                       .body = "too much is being held at the moment",
                       .extra = overloaded,
                       .n_extra = 2},
    [GW_UNKNOWN_PROTOCOL] = {.status = 501,
                             .details = "upgrade_failed",
                             .body = "this protocol is not spoken here"},
    [GW_OVERFLOW] = {.status = 503,
                     .flag = "UO",
                     .details = BEFORE("overflow"),
                     .body = "overflow",
                     .is_reset = 1,
                     .extra = overloaded,
                     .n_extra = 1},
    [GW_TIMEOUT] = {.status = 504,
                    .flag = "UT",
                    .details = "response_timeout",
                    .body = "upstream request timeout",
                    .grpc_status = SV_GRPC_DEADLINE_EXCEEDED},
    [GW_TRY_TIMEOUT] = {.status = 504,
                        .flag = "UT",
                        .details = "upstream_per_try_timeout",
                        .body = "upstream request timeout",
                        .grpc_status = SV_GRPC_DEADLINE_EXCEEDED},
    [GW_UNREACHABLE] = {.status = 503,
                        .flag = "UF",
                        .details = BEFORE("remote_connection_failure"),
                        .cut = TERMINATION,
                        .body = "remote connection failure",
                        .is_reset = 1},
    [GW_CONNECT_TIMEOUT] = {.status = 503,
                            .flag = "UF",
                            .details = BEFORE("connection_timeout"),
                            .cut = TERMINATION,
                            .body = "connection timeout",
                            .is_reset = 1},
    [GW_DISCONNECTED] = {.status = 503,
                         .flag = "UC",
                         .details = BEFORE("connection_termination"),
                         .cut = TERMINATION,
                         .body = "connection termination",
                         .is_reset = 1},
    [GW_PROTOCOL_ERROR] = {.status = 502,
                           .flag = "UPE",
                           .details = BEFORE("protocol_error"),
                           .cut = AFTER("protocol_error"),
                           .body = "protocol error",
                           .is_reset = 1},
    [GW_STREAM_RESET] = {.status = 503,
                         .flag = "UR",
                         .details = BEFORE("remote_reset"),
                         .cut = AFTER("remote_reset"),
                         .body = "remote reset",
                         .is_reset = 1},
    [GW_STREAM_REFUSED] = {.status = 503,
                           .flag = "UR",
                           .details = BEFORE("remote_refused_stream_reset"),
                           .body = "remote refused stream reset",
                           .is_reset = 1},
    [GW_FAULT] = {.status = 0,
                  .flag = "FI",
                  .details = "fault_filter_abort",
                  .body = "fault filter abort"},
    [GW_PREFLIGHT] = {.status = 200, .details = "cors_response"},
    [GW_DIRECT] = {.status = 0, .details = "direct_response"},
};

const gw_ending *gw_ending_of(gw_outcome outcome) {
    return &endings[outcome];
}

gw_outcome gw_outcome_of_error(sv_up_error error) {
    switch (error) {
    case SV_UP_CONNECT_TIMEOUT:
        return GW_CONNECT_TIMEOUT;
    case SV_UP_RESET:
    case SV_UP_CLOSED:
        return GW_DISCONNECTED;
    case SV_UP_PROTOCOL:
        return GW_PROTOCOL_ERROR;
    case SV_UP_STREAM_RESET:
        return GW_STREAM_RESET;
    case SV_UP_REFUSED:
        return GW_STREAM_REFUSED;
    case SV_UP_OVERLOAD:
        return GW_OVERLOADED;
    case SV_UP_FIRST_BYTE_TIMEOUT:
    case SV_UP_IDLE_TIMEOUT:
    case SV_UP_DEADLINE:
        return GW_TIMEOUT;
    default: /* SV_UP_RESOLVE, SV_UP_CONNECT, SV_UP_TLS */
        return GW_UNREACHABLE;
    }
}

gw_outcome gw_outcome_of_reply(const hr_local_reply *reply) {
    static const gw_outcome outcomes[] = {GW_NO_ROUTE, GW_NO_CLUSTER, GW_NO_ENDPOINT};
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        const char *flag = endings[outcomes[i]].flag;
        if (reply->flag.len == strlen(flag) && memcmp(reply->flag.p, flag, reply->flag.len) == 0)
            return outcomes[i];
    }
    return GW_DIRECT;
}
