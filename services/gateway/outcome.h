/* How requests end: one row for each way, with status, response flag, details, body and headers. */
#ifndef SV_GATEWAY_OUTCOME_H
#define SV_GATEWAY_OUTCOME_H

#include <headerroute/headerroute.h>

#include "upstream.h"

typedef enum gw_outcome {
    GW_PENDING = 0,
    GW_ANSWERED, /* by the endpoint */
    GW_NO_ROUTE,
    GW_UNKNOWN_HOST, /* an address that the configuration does not name is never connected to */
    GW_NO_CLUSTER,
    GW_NO_ENDPOINT,
    GW_BAD_REQUEST,
    GW_REGEX_LIMIT, /* too many bytes times regexes: --max-regex-bytes */
    GW_NO_HOST,     /* HTTP/1.0 */
    GW_NO_MEMORY,
    GW_CLIENT_LEFT,
    GW_TOO_MANY_TUNNELS,
    GW_OVERLOADED,       /* no bytes of --max-upload-bytes are left for the answer */
    GW_UNKNOWN_PROTOCOL, /* :protocol of an extended CONNECT (RFC 8441) */
    GW_OVERFLOW,         /* of the cluster's connection pool */
    GW_TIMEOUT,          /* of the route */
    GW_TRY_TIMEOUT,
    GW_UNREACHABLE,
    GW_CONNECT_TIMEOUT,
    GW_DISCONNECTED,
    GW_PROTOCOL_ERROR,
    GW_STREAM_RESET,
    GW_STREAM_REFUSED,
    GW_FAULT,
    GW_PREFLIGHT,
    GW_DIRECT, /* redirects, and answers that the route has */
    GW_OUTCOMES
} gw_outcome;

typedef struct gw_ending {
    int status;          /* 0: the decision's */
    const char *flag;    /* Envoy's response flag; NULL: none */
    const char *details; /* Envoy's response code details */
    const char *cut;     /* the same if the answer had begun; NULL: the same */
    const char *body;    /* NULL: none; or the reason of a reset, for a sentence */
    int is_reset;
    int grpc_status;      /* for gRPC clients; 0: the one that corresponds to the HTTP status */
    const hr_pair *extra; /* headers */
    size_t n_extra;
} gw_ending;

const gw_ending *gw_ending_of(gw_outcome outcome);
/* What an error of an upstream exchange is. A deadline is the route's here. */
gw_outcome gw_outcome_of_error(sv_up_error error);
/* What an answer is that the decision itself asks for, by its response flag. */
gw_outcome gw_outcome_of_reply(const hr_local_reply *reply);

#endif
