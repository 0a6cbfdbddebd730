/*
 * Downstream connections: accepting under a limit, reading requests, writing answers, closing the
 * idle and the stalled, lingering after a refusal, and letting go while draining. For
 * services/server and the tunnel of services/relay only.
 */
#ifndef HR_SERVICES_CONN_H
#define HR_SERVICES_CONN_H

#include "server.h"
#include "trailers.h"

/* A head and a small body come with one read of this size, into the first buffer of a connection.
 */
#define HR_FIRST_READ ((size_t)32 << 10)

/* The address of one end of a connection, as text. */
typedef struct hr_peer {
    size_t len;         /* of "address:port"; 0: it has none */
    size_t address_len; /* of the address alone */
    char text[72];      /* an IPv6 address may have a zone of 16 characters */
} hr_peer;

typedef enum hr_stage {
    HR_STAGE_HANDSHAKE, /* of TLS */
    HR_STAGE_HEAD,      /* between two requests, or within a head */
    HR_STAGE_BODY,
    HR_STAGE_STREAMED, /* the request is a handler's, and its body is still coming */
    HR_STAGE_HANDLED,  /* the request is a handler's */
    HR_STAGE_HTTP2,    /* conn_http2.c has the connection */
    HR_STAGE_TUNNEL,   /* the protocol was switched: the connection is a tunnel's */
    HR_STAGE_LINGER    /* the answer is sent, the rest of the request is thrown away */
} hr_stage;

typedef struct hr_http2 hr_http2;
typedef struct hr_conn hr_conn;
struct hr_conn {
    hr_loop *loop;
    const hr_listener *listener;
    sv_sock *sock;
    hr_stage stage;
    hr_exchange *ex; /* the request whose head is complete, or NULL */
    uint64_t
        since_ns; /* of the last change: accepted, the last request ended, the next one begun */
    bool begun;   /* the rest of a request is waited for */
    uint64_t waited_ns; /* for this request's bytes, before since_ns */

    /* The head of a request, and a body that fits, stay in this buffer until the exchange ends,
     * followed by what the client sent behind them. NULL while there is nothing. */
    char *in;
    size_t in_size, in_len;
    size_t reserved; /* bytes taken from the upload budget for a head that is incomplete */
    sv_http1_scan scan;
    size_t head_len;
    size_t end; /* of the request's content so far, in `in` */
    sv_http1_body body;
    hr_trailers trailers;

    bool continues; /* the client waits for "100 Continue" */
    bool chunked;   /* the answer is sent in chunks */
    char chunk_line[SV_HTTP1_CHUNK_SIZE];
    size_t linger_left;
    /* While it is a tunnel's. */
    void (*on_readable)(hr_conn *conn);
    void (*on_written)(hr_conn *conn, bool ok);
    void (*on_cut)(hr_conn *conn);
    void *tunnel;

    bool http1;             /* a request of HTTP/1.1 has come */
    struct hr_http2 *http2; /* in HR_STAGE_HTTP2; then `in` is for output */

    hr_peer peer, local; /* made when they are first asked for */
    hr_conn *next, **link;
};

/* A listening socket of one loop. */
typedef struct hr_listening {
    hr_loop *loop;
    const hr_listener *listener;
    sv_watch *watch;
    int fd; /* the watch's */
    struct hr_listening *next;
} hr_listening;

const hr_peer *hr_conn_peer(hr_conn *conn);
/* This end's, in the same form. */
const hr_peer *hr_conn_local(hr_conn *conn);

/* Begins to accept on `fd`, which becomes the loop's. False if memory or descriptors are short. */
bool hr_conn_listen(hr_loop *loop, const hr_listener *listener, int fd);
/* Stops accepting for good. */
void hr_conn_stop_listening(hr_loop *loop);

/* Ends the connection, and the exchange on it without an answer, at the end of the loop's turn. */
void hr_conn_drop(hr_conn *conn);

/* Closes what has been idle or stalled for too long. Called about once a second, and more often
 * while draining: then connections between two requests are closed once their grace is over. */
void hr_conn_sweep(hr_loop *loop);
/* Cuts all connections off. */
void hr_conn_cut_all(hr_loop *loop);

#endif
