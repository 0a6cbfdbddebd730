/* The table of the ways in which requests end. Statuses, flags, details and bodies are Envoy's. */
#include "outcome.h"

#include <string.h>

static const hr_pair overloaded[] = {{{"x-envoy-overloaded", 18}, {"true", 4}},
                                     {{"retry-after", 11}, {"1", 1}}};

#define BEFORE(reason) "upstream_reset_before_response_started{" reason "}"
#define AFTER(reason) "upstream_reset_after_response_started{" reason "}"
#define TERMINATION AFTER("connection_termination")

static const gw_ending endings[GW_OUTCOMES] = {
    [GW_ANSWERED] = {.details = "via_upstream"},
    [GW_NO_ROUTE] = {404, "NR", "route_not_found"},
    [GW_UNKNOWN_HOST] = {502, NULL, "unknown_host"},
    [GW_NO_CLUSTER] = {503, "NC", "cluster_not_found"},
    [GW_NO_ENDPOINT] = {503, "UH", "no_healthy_upstream", .body = "no healthy upstream"},
    [GW_BAD_REQUEST] = {400, NULL, "malformed_request"},
    [GW_REGEX_LIMIT] = {431, NULL, "regex_limit"},
    [GW_NO_HOST] = {400, NULL, "missing_host_header"},
    [GW_NO_MEMORY] = {500, NULL, "out_of_memory"},
    [GW_CLIENT_LEFT] = {503, "DC", "downstream_remote_disconnect"},
    [GW_TOO_MANY_TUNNELS] = {503, "UO", "too_many_tunnels", .body = "too many WebSockets are open",
                             .extra = overloaded, .n_extra = 2},
    [GW_OVERFLOW] = {503, "UO", BEFORE("overflow"), .body = "overflow", .is_reset = 1,
                     .extra = overloaded, .n_extra = 1},
    [GW_TIMEOUT] = {504, "UT", "response_timeout", .body = "upstream request timeout"},
    [GW_TRY_TIMEOUT] = {504, "UT", "upstream_per_try_timeout", .body = "upstream request timeout"},
    [GW_UNREACHABLE] = {503, "UF", BEFORE("remote_connection_failure"), TERMINATION,
                        "remote connection failure", 1},
    [GW_CONNECT_TIMEOUT] = {503, "UF", BEFORE("connection_timeout"), TERMINATION,
                            "connection timeout", 1},
    [GW_DISCONNECTED] = {503, "UC", BEFORE("connection_termination"), TERMINATION,
                         "connection termination", 1},
    [GW_PROTOCOL_ERROR] = {502, "UPE", BEFORE("protocol_error"), AFTER("protocol_error"),
                           "protocol error", 1},
    [GW_FAULT] = {0, "FI", "fault_filter_abort", .body = "fault filter abort"},
    [GW_PREFLIGHT] = {200, NULL, "cors_response"},
    [GW_DIRECT] = {0, NULL, "direct_response"},
};

const gw_ending *gw_ending_of(gw_outcome outcome) {
    return &endings[outcome];
}

gw_outcome gw_outcome_of_error(hr_up_error error) {
    switch (error) {
    case HR_UP_CONNECT_TIMEOUT:
        return GW_CONNECT_TIMEOUT;
    case HR_UP_RESET:
    case HR_UP_CLOSED:
        return GW_DISCONNECTED;
    case HR_UP_PROTOCOL:
        return GW_PROTOCOL_ERROR;
    case HR_UP_FIRST_BYTE_TIMEOUT:
    case HR_UP_IDLE_TIMEOUT:
    case HR_UP_DEADLINE:
        return GW_TIMEOUT;
    default: /* HR_UP_RESOLVE, HR_UP_CONNECT, HR_UP_TLS */
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
