/* What the files of HTTP/2 upstream share: connections (upstream_http2.c) and their streams
 * (upstream_http2_stream.c). */
#ifndef SV_UPSTREAM_HTTP2_INTERNAL_H
#define SV_UPSTREAM_HTTP2_INTERNAL_H

#include "upstream_internal.h"

struct sv_up_http2 {
    sv_up_endpoint *endpoint;
    sv_sock *sock;
    sv_http2 *h2;              /* NULL: the connection is being established */
    sv_up_http2 *next, **link; /* among the endpoint's */
    sv_up_exchange *members;
    size_t n_members;
    sv_up_exchange *news, **last_news;
    sv_up_exchange *reporting; /* whose event its caller is handling; NULL once it has ended */
    size_t addresses_left;     /* that may still be tried */
    uint64_t opened_at, idle_since, refilled_at;
    uint64_t ping_at, pinged_at; /* when the next PING is due; since when one is not answered */
    uint32_t n_requests;
    unsigned working; /* it must not be freed */
    bool encrypting, draining, broken;
    bool write_failed; /* reading finds out why */
    sv_task task;      /* that sends */
    sv_timer timer;    /* idle time and PINGs */
    char *out;         /* what the socket has not taken yet */
};

/* The connection has something to send. */
void sv_up_http2_mark(sv_up_http2 *c);

#endif
