/*
 * Downstream connections: accepting under a limit, closing the idle and the stalled, lingering
 * after a refusal, and letting go while draining. Inside services/common only.
 */
#ifndef HR_SERVICES_CONN_H
#define HR_SERVICES_CONN_H

#include "server.h"

/* A head and a small body come with one read of this size, into the first buffer of a connection. */
#define HR_FIRST_READ ((size_t)32 << 10)

/* The address of one end of a connection, as text. */
typedef struct hr_peer {
    size_t len;         /* of "address:port"; 0: it has none */
    size_t address_len; /* of the address alone */
    char text[72];      /* an IPv6 address may have a zone of 16 characters */
} hr_peer;

typedef struct hr_conn hr_conn;
struct hr_conn {
    hr_loop *loop;
    h2o_socket_t *sock;    /* NULL once closed */
    hr_exchange *ex;       /* the request whose head is complete, or NULL */
    uint64_t since_ns;     /* of the last change: accepted, or the last request ended */
    int linger_fd;         /* a second descriptor to outlive libh2o's, or -1 */
    SSL_CTX *ssl_ctx;      /* held: libh2o keeps the bare pointer; NULL: not encrypted */
    h2o_socket_cb on_read; /* libh2o's own, for hr_conn_drop */
    bool reads_heads;      /* hr_conn_read_head reads, not libh2o */
    size_t reserved;       /* bytes taken from the upload budget for a head that is incomplete */
    /* The connection is no longer libh2o's to end: called instead of cutting it off. May free it.
     */
    void (*on_cut)(hr_conn *conn);
    void *cut_data;
    hr_peer peer, local; /* made when they are first asked for */
    h2o_buffer_t *held; /* the socket's first buffer, where it was replaced; NULL: it was not */
    hr_conn *next, **link;
};

/* A listening socket of one loop. */
typedef struct hr_listening {
    hr_loop *loop;
    const hr_listener *listener;
    h2o_socket_t *sock;
    h2o_accept_ctx_t accept;
    struct hr_listening *next;
} hr_listening;

/* The connection that a request came by. */
hr_conn *hr_conn_of(const h2o_req_t *req);

const hr_peer *hr_conn_peer(hr_conn *conn);
/* This end's, in the same form. */
const hr_peer *hr_conn_local(hr_conn *conn);

/* While a handler owns a request, libh2o takes the connection off epoll, and puts it back for the
 * next one: two system calls a request. Watched, it stays there; what comes meanwhile (a pipelined
 * request, the end) is left unread, and only then is it taken off. */
void hr_conn_watch(hr_conn *conn);
/* Before libh2o reads again. */
void hr_conn_unwatch(hr_conn *conn);

/* For phr_parse_request: bytes of the next request's head that have come, read into the socket's
 * buffer. 0: none, or libh2o is to find out why not. */
size_t hr_conn_read_head(hr_conn *conn);
/* The rest of the request is libh2o's to read. */
void hr_conn_read_body(hr_conn *conn);

/* Takes the buffer of a head that is still incomplete from the upload budget, once it has grown.
 * False: the budget is used up. The exchange takes over what was reserved. */
bool hr_conn_reserve_head(hr_conn *conn);

/* Begins to accept on `fd`, which becomes the loop's. */
void hr_conn_listen(hr_loop *loop, const hr_listener *listener, int fd, h2o_hostconf_t **hosts);
/* Stops accepting for good. */
void hr_conn_stop_listening(hr_loop *loop);
/* Once no connection is left: handshakes point at the listener. */
void hr_conn_free_listening(hr_loop *loop);

/* Ends a connection whose request a handler owns, and the request with it, without an answer: tells
 * libh2o what it would learn from a read that fails. TLS says goodbye (close_notify). */
void hr_conn_drop(hr_conn *conn);

/* Keep the connection open for a moment after the answer, throwing away what still comes in:
 * otherwise unread bytes turn the close into a reset, which can destroy the answer on its way (RFC
 * 9112, 9.6). */
void hr_conn_linger(hr_conn *conn);

/* Closes what has been idle or stalled for too long. Called about once a second, and more often
 * while draining: then connections between two requests are closed once their grace is over. */
void hr_conn_sweep(hr_loop *loop);
/* Cuts all connections off. */
void hr_conn_cut_all(hr_loop *loop);

#endif
