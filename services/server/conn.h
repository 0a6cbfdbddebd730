/* A downstream connection and a listening socket. For services/server and the tunnel of
 * services/relay only. */
#ifndef SV_CONN_H
#define SV_CONN_H

#include "http1.h"
#include "server.h"
#include "trailers.h"

/* A head and a small body come with one read of this size, into the first buffer of a connection.
 */
#define SV_FIRST_READ ((size_t)32 << 10)

/* The address of one end of a connection, as text. */
typedef struct sv_peer {
    size_t len;         /* of "address:port"; 0: it has none */
    size_t address_len; /* of the address alone */
    char text[72];      /* an IPv6 address may have a zone of 16 characters */
} sv_peer;

typedef enum sv_stage {
    SV_STAGE_HANDSHAKE, /* of TLS */
    SV_STAGE_HEAD,      /* between two requests, or within a head */
    SV_STAGE_BODY,
    SV_STAGE_STREAMED, /* the request is a handler's, and its body is still coming */
    SV_STAGE_HANDLED,  /* the request is a handler's */
    SV_STAGE_HTTP2,    /* conn_http2.c has the connection */
    SV_STAGE_TUNNEL,   /* the protocol was switched: the connection is a tunnel's */
    SV_STAGE_LINGER    /* the answer is sent, the rest of the request is thrown away */
} sv_stage;

typedef struct sv_conn_http2 sv_conn_http2;
typedef struct sv_conn sv_conn;
struct sv_conn {
    sv_server_loop *loop;
    const sv_listener *listener;
    sv_sock *sock;
    sv_stage stage;
    sv_exchange *ex; /* the request whose head is complete, or NULL */
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
    sv_trailers trailers;

    bool continues; /* the client waits for "100 Continue" */
    bool chunked;   /* the answer is sent in chunks */
    char chunk_line[SV_HTTP1_CHUNK_SIZE];
    size_t linger_left;
    /* While it is a tunnel's. */
    void (*on_readable)(sv_conn *conn);
    void (*on_written)(sv_conn *conn, bool ok);
    void (*on_cut)(sv_conn *conn);
    void *tunnel;

    bool leaving;                /* its listener is closed, or another: it ends once it is idle */
    uint64_t leaving_ns;         /* since when */
    bool http1;                  /* a request of HTTP/1.1 has come */
    struct sv_conn_http2 *http2; /* in SV_STAGE_HTTP2; then `in` is for output */

    sv_peer peer, local; /* made when they are first asked for */
    sv_conn *next, **link;
};

/* A listening socket of one loop. */
typedef struct sv_listening {
    sv_server_loop *loop;
    const sv_listener *listener;
    sv_watch *watch;
    int fd; /* the watch's */
    struct sv_listening *next;
} sv_listening;

const sv_peer *sv_conn_peer(sv_conn *conn);
/* This end's, in the same form. */
const sv_peer *sv_conn_local(sv_conn *conn);
/* Its listener is closed: it ends once it is idle. Nothing new if it leaves already. */
void sv_conn_leave(sv_conn *conn, uint64_t now);

#endif
