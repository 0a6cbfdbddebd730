/*
 * One request on its way through the gateway. It goes forward only, from stage to stage:
 *
 *     gw_look_ahead   what its body says is known
 *     gw_route        routed: the decision is made
 *     gw_apply_faults filtered: faults
 *     gw_act          what the decision asks for; most often gw_forward, else an answer
 *     gw_forward      what goes upstream is known
 *     gw_try          admitted by the connection pool, and tried; retries come back here
 *     gw_begin_answer answering
 *
 * Every stage ends in the next one, or with an outcome (gw_end), and is a file that includes those
 * of the stages after it only.
 */
#ifndef SV_GATEWAY_REQUEST_H
#define SV_GATEWAY_REQUEST_H

#include "gateway.h"
#include "outcome.h"
#include "tunnel.h"

/* Endpoints that were tried and failed, to be avoided; more tries than this avoid only the first
 * ones. */
#define GW_MAX_TRIED 16
/* Values of formatter commands that are known before routing. */
#define GW_MAX_FACTS 5

struct gw_request {
    sv_exchange *ex;
    gw_loop *loop;
    gw_loop_config *lc;
    const gw_listener *listener; /* of lc, that the connection was made to */
    gw_scratch *scratch;
    gw_request *older, *newer;

    hr_connection connection;
    hr_pair facts[GW_MAX_FACTS];
    hr_request in; /* as rules see it: with what a proxy sets before routing */
    hr_decision decision;
    hr_upstream up;
    sv_up_request out;   /* as it is sent */
    sv_up_source source; /* of its body, where that comes in pieces */

    hr_str *body_values; /* one for each body rule of the gateway; absent where there is none */
    sv_body_reader *reader;

    gw_outcome outcome;
    const char *details;    /* instead of the outcome's; NULL: these */
    hr_pair *attempt_count; /* among the fields of `out` */

    sv_relay relay;
    int upgrade;          /* a WebSocket is asked for */
    hr_str websocket_key; /* that the client did not send, as it speaks HTTP/2; absent: it did */
    sv_tunnel *tunnel;    /* once it is open */
    sv_timer timer;       /* delay of a fault; back-off */
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

hr_str gw_peer_address(gw_request *r); /* the client's, as text; absent if it has none */
/* 1 if all of the body that has come is still held. */
int gw_can_send_again(const gw_request *r);
/* True if the request goes to this cluster over HTTP/2. */
bool gw_speaks_http2(const gw_request *r, const hr_cluster *cluster);

#endif
