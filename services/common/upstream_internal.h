/* What upstream.c (exchanges) and upstream_pool.c (endpoints, connections, blocks) share. */
#ifndef HR_SERVICES_UPSTREAM_INTERNAL_H
#define HR_SERVICES_UPSTREAM_INTERNAL_H

#include <netdb.h>
#include <netinet/in.h>

#include <openssl/ssl.h>

#include "upstream.h"

/* Of one name; more are passed over. "localhost" has two, of which often only one is served. */
#define HR_UP_MAX_ADDRESSES 8

typedef struct hr_up_block {
    struct hr_up_block *next; /* in the loop's list of free ones */
    size_t start, end;        /* content that is not consumed */
    char bytes[];             /* HR_UP_BLOCK */
} hr_up_block;

typedef struct hr_up_conn {
    hr_up_endpoint *endpoint;
    h2o_socket_t *socket;
    hr_up_exchange *exchange;         /* NULL: idle */
    struct hr_up_conn *newer, *older; /* in the endpoint's idle list */
    uint64_t opened_at, idle_until;
    uint32_t n_requests;
    int peer_idle_s; /* of the peer's Keep-Alive; -1: not told */
    /* TLS; NULL: none */
    SSL *ssl;
    int handshaking;
    hr_timer again; /* OpenSSL may hold bytes of which epoll does not tell */
    h2o_iovec_t unsent[2];
    size_t n_unsent;
    h2o_socket_cb on_written;
} hr_up_conn;

struct hr_up_loop {
    h2o_loop_t *loop;
    h2o_multithread_receiver_t *getaddr;
    hr_timers *timers;
    hr_up_block *free_blocks;
    size_t n_free_blocks, n_blocks; /* kept for reuse; held by exchanges */
    hr_up_stats *stats;
};

struct hr_up_endpoint {
    hr_up_loop *up;
    size_t refs;
    hr_up_settings settings; /* defaults filled in */
    char *name;              /* "host:port" */
    size_t host_len;
    uint16_t port;
    /* Addresses. A literal has one and never changes. */
    struct hr_up_address {
        struct sockaddr_storage sa;
        socklen_t len;
    } addresses[HR_UP_MAX_ADDRESSES];
    size_t n_addresses; /* 0: not known yet */
    size_t current;     /* the one that connections are opened to */
    int is_name;
    uint64_t looked_up_at;
    h2o_hostinfo_getaddr_req_t *lookup;
    hr_up_exchange *waiting; /* list of exchanges that wait for the address */
    /* Idle connections. */
    hr_up_conn *newest, *oldest;
    size_t n_idle;
    hr_timer idle_timer;
    SSL_SESSION *session; /* to resume; NULL: none yet */
};

/* Only the loop writes; others read at any time. */
static inline void hr_up_count(_Atomic uint64_t *counter, int by) {
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + (uint64_t)(int64_t)by, memory_order_relaxed);
}

/* ---- upstream_pool.c, called by exchanges ---- */
hr_up_block *hr_up_block_take(hr_up_loop *up);
void hr_up_block_give(hr_up_loop *up, hr_up_block *block);

/* The newest idle connection that is still good, or NULL. `careful`: look whether the peer has
 * closed it although no event came yet. */
hr_up_conn *hr_up_conn_reuse(hr_up_endpoint *endpoint, int careful);
/* A new connection under way (hr_up_exchange_connected is called), or NULL if the system refuses at
 * once. */
hr_up_conn *hr_up_conn_open(hr_up_endpoint *endpoint, hr_up_exchange *exchange);
/* After a complete exchange: keeps it for the next, or closes it. */
void hr_up_conn_release(hr_up_conn *conn, int reusable);
void hr_up_conn_close(hr_up_conn *conn);
/* Reads again after h2o_socket_read_stop. */
void hr_up_conn_resume(hr_up_conn *conn);
/* Starts a look-up where the address is missing or old. Returns 1 if there is an address to use. */
int hr_up_endpoint_resolve(hr_up_endpoint *endpoint);

/* ---- upstream_tls.c: bytes over a connection, encrypted or not ---- */
/* As read and sendmsg: -1 with errno (EAGAIN: later), 0 at the end. */
ssize_t hr_up_conn_recv(hr_up_conn *conn, char *buf, size_t size);
ssize_t hr_up_conn_send(hr_up_conn *conn, const h2o_iovec_t *pieces, size_t n_pieces);
/* Moves past `done` bytes: the index of the first piece with something left, which is cut down. */
size_t hr_up_skip(h2o_iovec_t *pieces, size_t n_pieces, size_t done);
/* Writes at most two pieces, which must stay; then calls `cb`, never at once. */
void hr_up_conn_write(hr_up_conn *conn, h2o_iovec_t *pieces, size_t n_pieces, h2o_socket_cb cb);
/* Nothing more will be written; the peer learns of it. */
void hr_up_conn_finish(hr_up_conn *conn);
/* 1 if nothing has come that was not read: neither bytes nor the end. */
int hr_up_conn_is_silent(hr_up_conn *conn);
/* Makes conn->ssl for a socket that is connected. -1: no memory. */
int hr_up_conn_encrypt(hr_up_conn *conn);
/* Goes on with the handshake; ends in hr_up_exchange_connected or hr_up_exchange_tls_failed. */
void hr_up_conn_handshake(hr_up_conn *conn);
/* Before the socket is closed. */
void hr_up_conn_decrypt_end(hr_up_conn *conn);

/* ---- upstream.c, called by the pool ---- */
void hr_up_exchange_connected(hr_up_exchange *exchange, const char *err);
/* The handshake failed; `why` may be on the caller's stack. */
void hr_up_exchange_tls_failed(hr_up_exchange *exchange, const char *why);
void hr_up_exchange_readable(hr_up_exchange *exchange);
/* The look-up is over; `why` NULL: the endpoint has its address. Takes the exchange off the list.
 */
void hr_up_exchange_resolved(hr_up_exchange *exchange, const char *why);

#endif
