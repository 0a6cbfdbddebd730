/* What upstream.c and upstream_write.c (exchanges) and upstream_pool.c (endpoints, connections,
 * blocks) share. */
#ifndef HR_SERVICES_UPSTREAM_INTERNAL_H
#define HR_SERVICES_UPSTREAM_INTERNAL_H

#include <netdb.h>
#include <netinet/in.h>

#include <openssl/ssl.h>

#include "trailers.h"
#include "upstream.h"
#include "upstream_http2.h"

/* Of one name; more are passed over. "localhost" has two, of which often only one is served. */
#define HR_UP_MAX_ADDRESSES 8

typedef struct hr_up_block {
    struct hr_up_block *next; /* in the loop's list of free ones */
    size_t start, end;        /* content that is not consumed */
    char bytes[];             /* HR_UP_BLOCK */
} hr_up_block;

typedef struct hr_up_conn {
    hr_up_endpoint *endpoint;
    sv_sock *sock;
    hr_up_exchange *exchange;         /* NULL: idle */
    struct hr_up_conn *newer, *older; /* in the endpoint's idle list */
    uint64_t opened_at, idle_until;
    uint32_t n_requests;
    int peer_idle_s; /* timeout in the peer's Keep-Alive field; -1 if absent */
    int encrypting;  /* the TCP connection stands, and the TLS handshake is under way */
    void (*on_written)(struct hr_up_conn *conn, bool ok);
} hr_up_conn;

struct hr_up_loop {
    sv_loop *net;
    hr_timers *timers; /* the loop's */
    hr_up_block *free_blocks;
    size_t n_free_blocks, n_blocks; /* kept for reuse; held by exchanges */
    char *http2_out;                /* upstream_http2.c's; NULL: none */
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
    sv_lookup *lookup;
    hr_up_exchange *waiting; /* list of exchanges that wait for the address */
    /* Idle connections. */
    hr_up_conn *newest, *oldest;
    size_t n_idle;
    hr_timer idle_timer;
    SSL_SESSION *session; /* to resume; NULL: none yet */
    hr_up_http2 *http2;   /* connections of HTTP/2, the newest first */
    size_t http2_streams; /* that the peer allowed last on one of them; 0: not known */
};

struct hr_up_exchange {
    hr_up_endpoint *endpoint;
    hr_up_conn *conn;
    const hr_up_request *request;
    hr_up_request request_copy;
    hr_up_data_fn on_data;
    hr_up_error_fn on_error;
    void *ctx;
    hr_up_exchange *next_waiting;
    hr_timer timer;
    uint64_t phase_until; /* connecting, first byte or idle; 0: none */
    hr_up_error phase_error;

    hr_up_block
        *in; /* being read into: [start, end) is content, or head bytes before the head is done */
    hr_up_block *shown; /* what the consumer looks at */
    sv_http1_scan scan;
    char *head_text; /* of the request, while it is being written */
    char chunk_line[SV_HTTP1_CHUNK_SIZE];
    unsigned writing : 1, last_piece : 1; /* of a body that comes in pieces */
    hr_up_error error;                    /* 0: none yet */
    const char *why;
    unsigned n_informational;
    size_t addresses_left; /* that may still be tried */
    unsigned waiting : 1, connecting : 1, reused : 1, retried : 1, sent : 1, written : 1,
        received : 1;
    unsigned head_done : 1, complete : 1, first_shown : 1, busy : 1, over : 1, reading_stopped : 1;
    unsigned tunnel : 1;
    unsigned tell_error : 1; /* failed where callbacks are not allowed; the timer reports it */
    hr_up_sent_fn on_sent;   /* of a tunnel */
    void *sent_ctx;
    sv_http1_body body;
    hr_trailers trailers;
    char *end_text;      /* of a body with trailers, while it is being written */
    hr_up_stream stream; /* HTTP/2 */
    sv_http1_response head;
    hr_pair fields[HR_UP_MAX_FIELDS]; /* of head */
    char error_text[320];
};

#define HR_UP_DEFAULT_IDLE_TIMEOUT_MS 60000

static inline uint32_t hr_up_idle_timeout(const hr_up_exchange *exchange) {
    uint32_t ms = exchange->request->idle_timeout_ms;
    return ms > 0 ? ms : HR_UP_DEFAULT_IDLE_TIMEOUT_MS;
}

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
/* The options of its socket that the endpoint's settings ask for. */
void hr_up_conn_keep_alive(const hr_up_endpoint *endpoint, int fd);
/* Counts a connection that is opened (1) or closed (-1). */
void hr_up_conn_count(const hr_up_endpoint *endpoint, int by);
/* Starts a look-up where the address is missing or old. Returns 1 if there is an address to use. */
int hr_up_endpoint_resolve(hr_up_endpoint *endpoint);

/* ---- upstream_tls.c ---- */
/* For a connection of this endpoint, in connect state; NULL: no memory. */
SSL *hr_up_tls_connect(hr_up_endpoint *endpoint, bool http2);
/* After the handshake: NULL if the peer is who it should be, else why not. */
const char *hr_up_tls_check(const hr_up_endpoint *endpoint, SSL *ssl);

/* ---- upstream_write.c ---- */
/* On a connection that is ready. */
void hr_up_write_request(hr_up_exchange *exchange);

/* The wait of a body that comes in pieces. */
void hr_up_enter_upload_phase(hr_up_exchange *exchange);

/* ---- upstream.c, called by upstream_write.c and upstream_http2.c ---- */
/* The current wait and its limit; 0: no limit. */
void hr_up_enter_phase(hr_up_exchange *exchange, hr_up_error error, uint32_t ms);
/* The connection has ended before the answer. */
void hr_up_broken(hr_up_exchange *exchange, hr_up_error error, const char *why);
/* Ends the exchange with an error, which is reported behind the content that has come. */
void hr_up_fail(hr_up_exchange *exchange, hr_up_error error, const char *why);
/* The same, where no callback may be called. */
void hr_up_fail_later(hr_up_exchange *exchange, hr_up_error error, const char *why);
/* Sends the request on another connection; false if that was done before, or if its body is no
 * longer held. */
bool hr_up_try_again(hr_up_exchange *exchange);
/* Reports what there is, if the consumer is ready for it. May free the exchange. */
void hr_up_show(hr_up_exchange *exchange);
/* Informational answers before the one that counts; a peer that sends them for ever is broken. */
#define HR_UP_MAX_INFORMATIONAL 16
#define HR_UP_MAX_HEAD ((size_t)63 << 10)

/* ---- upstream.c, called by the pool ---- */
/* `connected` 0: it cannot be reached. */
void hr_up_exchange_connected(hr_up_exchange *exchange, int connected);
/* The handshake failed; `why` may be on the caller's stack. */
void hr_up_exchange_tls_failed(hr_up_exchange *exchange, const char *why);
void hr_up_exchange_readable(hr_up_exchange *exchange);
/* The look-up is over; `why` NULL: the endpoint has its address. Takes the exchange off the list.
 */
void hr_up_exchange_resolved(hr_up_exchange *exchange, const char *why);

#endif
