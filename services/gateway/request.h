/*
 * One request on its way through the gateway. It goes forward only, from stage to stage:
 *
 *     gw_look_ahead   what its body says is known
 *     gw_route        routed: the decision is made
 *     gw_filter       filtered: faults
 *     gw_act          what the decision asks for; most often gw_forward, else an answer
 *     gw_forward      what goes upstream is known
 *     gw_try          admitted by the connection pool, and tried; retries come back here
 *     gw_begin_answer answering
 *
 * Every stage ends in the next one, or with an outcome (gw_end).
 */
#ifndef HR_SERVICES_GATEWAY_REQUEST_H
#define HR_SERVICES_GATEWAY_REQUEST_H

#include "gateway.h"
#include "outcome.h"
#include "tunnel.h"

/* Endpoints that were tried and failed, to be avoided; more tries than this avoid only the first
 * ones. */
#define GW_MAX_TRIED 16
/* Values of formatter commands that are known before routing. */
#define GW_MAX_FACTS 5

struct gw_request {
    hr_exchange *ex;
    gw_loop *loop;
    gw_loop_config *lc;
    gw_scratch *scratch;
    gw_request *older, *newer;

    hr_connection connection;
    hr_pair facts[GW_MAX_FACTS];
    hr_request in; /* as rules see it: with what a proxy sets before routing */
    hr_decision decision;
    hr_upstream up;
    hr_up_request out;   /* as it is sent */
    hr_up_source source; /* of its body, where that comes in pieces */

    hr_str *body_values; /* one for each body rule of the gateway; absent where there is none */
    sv_body_reader *reader;
    size_t looked_at; /* bytes of the body that the reader has seen */

    gw_outcome outcome;
    const char *details;    /* instead of the outcome's; NULL: these */
    hr_pair *attempt_count; /* among the fields of `out` */

    hr_relay relay;
    int upgrade;                                /* a WebSocket is asked for */
    hr_tunnel *tunnel;                          /* once it is open */
    hr_timer timer;                             /* delay of a fault; back-off */
    uint64_t start_ns, forward_ns, deadline_at; /* forward_ns: whole, and past the filters */

    gw_endpoint *endpoint; /* of the try under way; counted as active */
    size_t cluster, index;
    uint64_t hash; /* of the request, for a hashing balancer */
    int has_hash;
    hr_str set_cookie;         /* that keeps the client with its endpoint; absent: none */
    gw_request *next_waiting;  /* for a connection */
    uint8_t waiting, has_turn; /* in the cluster's line */
    uint8_t counted, retrying; /* counted among the cluster's requests, its retries */
    uint32_t tries;
    uint32_t tried[GW_MAX_TRIED];
    char attempt_text[12], timeout_text[24];
    char length_text[24], received_text[24], duration_text[24];
    char flags[32];
    char body[160];
};

/* What a pick goes by besides the balancer. */
typedef struct gw_avoid {
    const uint32_t *tried;
    size_t n_tried;
    int has_hash;
    uint64_t hash;
} gw_avoid;

/* affinity.c: fills hash and set_cookie by the route's hash policies. */
void gw_affinity(gw_request *r);

/* request.c */
void gw_act(gw_request *r);
hr_str gw_peer_address(gw_request *r); /* the client's, as text; absent if it has none */

/* filters.c: faults, then gw_act. */
void gw_filter(gw_request *r);
void gw_preflight(gw_request *r);
#define GW_CORS_FIELDS 3
/* Appends what CORS says on an answer, at most GW_CORS_FIELDS. The new count. */
size_t gw_cors_fields(gw_request *r, hr_pair *fields, size_t n);

/* try.c: picks an endpoint and sends the request there. */
void gw_forward(gw_request *r);
void gw_try(gw_request *r);
/* Cancels the upstream request. */
void gw_cancel(gw_request *r);
/* An endpoint of the cluster, counted as active; NULL: none is usable. The tried ones are avoided,
 * as long as there are others. */
gw_endpoint *gw_pick(gw_loop *loop, gw_loop_config *lc, size_t cluster, const gw_avoid *how,
                     size_t *index);

/* upgrade.c: sets r->upgrade if a WebSocket is asked for. 1: it is refused and answered. */
int gw_upgrade_refused(gw_request *r);
/* Appends what asks for the upgrade; room for GW_UPGRADE_FIELDS. The new count. */
#define GW_UPGRADE_FIELDS 2
size_t gw_upgrade_fields(hr_pair *fields, size_t n);
/* The upstream has agreed: answers 101 with these fields and opens the tunnel. */
void gw_upgrade(gw_request *r, const hr_pair *fields, size_t n);
/* However it ends. */
void gw_upgrade_end(gw_request *r);

/* retry.c: 1 if the request will be tried again after this error, or (error 0) this answer. Must be
 * asked before anything went to the client. */
int gw_retry(gw_request *r, hr_up_error error, const sv_http1_response *head);

/* The whole request has come: its timeouts begin. */
void gw_start_clock(gw_request *r);

/* upload.c: gives r->out its body, whole or in pieces. */
void gw_upload(gw_request *r);
/* 1 if all of the body that has come is still held. */
int gw_can_send_again(const gw_request *r);

/* mirror.c: starts the copies that the decision asks for. The whole request must have come. */
void gw_mirror_all(gw_request *r);

/* reply.c: answers by the gateway itself, with the route's operations on response headers. */
/* By the outcome's row. */
void gw_end(gw_request *r, gw_outcome outcome);
/* With another status and body, which must outlive the request. */
void gw_end_with(gw_request *r, gw_outcome outcome, int status, hr_str body);
/* With this status for a gRPC client; any other sees a 200. */
void gw_end_grpc(gw_request *r, gw_outcome outcome, int grpc_status);
/* The answer has begun, and its rest will not come: what the log line says. */
void gw_cut(gw_request *r, gw_outcome outcome);
/* Headers only. */
void gw_answer(gw_request *r, gw_outcome outcome, const hr_pair *fields, size_t n);
void gw_redirect(gw_request *r);
void gw_direct_response(gw_request *r);
/* Adds a response flag to those the log line will show. */
void gw_flag(gw_request *r, const char *flag);
/* The operations of the decision on these headers; the same list where there are none. */
void gw_response_ops(gw_request *r, int status, const hr_pair **fields, size_t *n);
/* look_ahead.c: fills r->body_values, which may take until more of the body has come, and then
 * calls gw_route. */
void gw_look_ahead(gw_request *r);
/* request.c: makes the request as rules see it, and acts on the decision. */
void gw_route(gw_request *r);
/* incoming.c: fills r->in. 0, or -1 without memory. */
int gw_build_request(gw_request *r);

#endif
