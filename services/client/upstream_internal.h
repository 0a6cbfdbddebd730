/* What upstream.c and upstream_write.c (exchanges) and upstream_pool.c (endpoints, connections,
 * blocks) share. */
#ifndef SV_UPSTREAM_INTERNAL_H
#define SV_UPSTREAM_INTERNAL_H

#include <netdb.h>
#include <netinet/in.h>

#include <openssl/ssl.h>

#include "trailers.h"
#include "upstream.h"
#include "upstream_http2.h"

/* Of one name; more are passed over. "localhost" has two, of which often only one is served. */
#define SV_UP_MAX_ADDRESSES 8

typedef struct sv_up_block {
    struct sv_up_block *next; /* in the loop's list of free ones */
    size_t start, end;        /* content that is not consumed */
    size_t size;
    char bytes[];
} sv_up_block;

typedef struct sv_up_conn {
    sv_up_endpoint *endpoint;
    sv_sock *sock;
    sv_up_exchange *exchange;         /* NULL: idle */
    struct sv_up_conn *newer, *older; /* in the endpoint's idle list */
    uint64_t opened_at, idle_until;
    uint32_t n_requests;
    int peer_idle_s; /* timeout in the peer's Keep-Alive field; -1 if absent */
    int encrypting;  /* the TCP connection stands, and the TLS handshake is under way */
    void (*on_written)(struct sv_up_conn *conn, bool ok);
} sv_up_conn;

struct sv_up_loop {
    sv_loop *net;
    sv_timers *timers; /* the loop's */
    sv_up_block *free_blocks;
    size_t n_free_blocks, n_blocks; /* kept for reuse; held by exchanges */
    char *http2_out;                /* upstream_http2.c's; NULL: none */
    sv_up_stats *stats;
};

struct sv_up_endpoint {
    sv_up_loop *up;
    size_t refs;
    sv_up_settings settings; /* defaults filled in */
    char *name;              /* "host:port" */
    size_t host_len;
    uint16_t port;
    /* Addresses. A literal has one and never changes. */
    struct sv_up_address {
        struct sockaddr_storage sa;
        socklen_t len;
    } addresses[SV_UP_MAX_ADDRESSES];
    size_t n_addresses; /* 0: not known yet */
    size_t current;     /* the one that connections are opened to */
    int is_name;
    uint64_t looked_up_at;
    sv_lookup *lookup;
    sv_up_exchange *waiting; /* list of exchanges that wait for the address */
    /* Idle connections. */
    sv_up_conn *newest, *oldest;
    size_t n_idle;
    sv_timer idle_timer;
    SSL_SESSION *session; /* to resume; NULL: none yet */
    sv_up_http2 *http2;   /* connections of HTTP/2, the newest first */
    size_t http2_streams; /* that the peer allowed last on one of them; 0: not known */
};

struct sv_up_exchange {
    sv_up_endpoint *endpoint;
    sv_up_conn *conn;
    const sv_up_request *request;
    sv_up_request request_copy;
    sv_up_data_fn on_data;
    sv_up_error_fn on_error;
    void *ctx;
    sv_up_exchange *next_waiting;
    sv_timer timer;
    uint64_t phase_until; /* connecting, first byte or idle; 0: none */
    sv_up_error phase_error;

    sv_up_block
        *in; /* being read into: [start, end) is content, or head bytes before the head is done */
    sv_up_block *shown; /* what the consumer looks at */
    sv_http1_scan scan;
    char *head_text; /* of the request, while it is being written */
    char chunk_line[SV_HTTP1_CHUNK_SIZE];
    unsigned writing : 1, last_piece : 1; /* of a body that comes in pieces */
    sv_up_error error;                    /* 0: none yet */
    const char *why;
    unsigned n_informational;
    size_t addresses_left; /* that may still be tried */
    unsigned waiting : 1, connecting : 1, reused : 1, retried : 1, sent : 1, written : 1,
        received : 1;
    unsigned head_done : 1, complete : 1, first_shown : 1, busy : 1, over : 1, reading_stopped : 1;
    unsigned tunnel : 1;
    unsigned tell_error : 1; /* failed where callbacks are not allowed; the timer reports it */
    sv_up_sent_fn on_sent;   /* of a tunnel */
    void *sent_ctx;
    sv_http1_body body;
    sv_trailers trailers;
    char *end_text;      /* of a body with trailers, while it is being written */
    sv_up_stream stream; /* HTTP/2 */
    sv_http1_response head;
    hr_pair fields[SV_UP_MAX_FIELDS]; /* of head */
    char error_text[320];
};

/* Of one loop, 8 MiB: from here on no exchange reads ahead of its consumer, and blocks are smaller.
 */
#define SV_UP_MANY_BLOCKS 64

#define SV_UP_DEFAULT_IDLE_TIMEOUT_MS 60000

static inline uint32_t sv_up_idle_timeout(const sv_up_exchange *exchange) {
    uint32_t ms = exchange->request->idle_timeout_ms;
    return ms > 0 ? ms : SV_UP_DEFAULT_IDLE_TIMEOUT_MS;
}

/* Only the loop writes; others read at any time. */
static inline void sv_up_count(_Atomic uint64_t *counter, int by) {
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, now + (uint64_t)(int64_t)by, memory_order_relaxed);
}

/* ---- upstream_pool.c, called by exchanges ---- */
/* Of SV_UP_BLOCK bytes, or less where many are held. */
sv_up_block *sv_up_block_take(const sv_up_exchange *exchange);
void sv_up_block_give(sv_up_loop *up, sv_up_block *block);

/* The buffers of a new connection in the kernel, as sv_connect takes them: smaller where there are
 * many connections. */
int sv_up_buffer_size(const sv_up_loop *up);

/* The newest idle connection that is still good, or NULL. `careful`: look whether the peer has
 * closed it although no event came yet. */
sv_up_conn *sv_up_conn_reuse(sv_up_endpoint *endpoint, int careful);
/* A new connection under way (sv_up_exchange_connected is called), or NULL if the system refuses at
 * once. */
sv_up_conn *sv_up_conn_open(sv_up_endpoint *endpoint, sv_up_exchange *exchange);
/* After a complete exchange: keeps it for the next, or closes it. */
void sv_up_conn_release(sv_up_conn *conn, int reusable);
void sv_up_conn_close(sv_up_conn *conn);
/* The options of its socket that the endpoint's settings ask for. */
void sv_up_conn_keep_alive(const sv_up_endpoint *endpoint, int fd);
/* Counts a connection that is opened (1) or closed (-1). */
void sv_up_conn_count(const sv_up_endpoint *endpoint, int by);
/* Starts a look-up where the address is missing or old. Returns 1 if there is an address to use. */
int sv_up_endpoint_resolve(sv_up_endpoint *endpoint);

/* ---- upstream_tls.c ---- */
/* For a connection of this endpoint, in connect state; NULL: no memory. */
SSL *sv_up_tls_connect(sv_up_endpoint *endpoint, bool http2);
/* After the handshake: NULL if the peer is who it should be, else why not. */
const char *sv_up_tls_check(const sv_up_endpoint *endpoint, SSL *ssl);

/* ---- upstream_write.c ---- */
/* On a connection that is ready. */
void sv_up_write_request(sv_up_exchange *exchange);

/* The wait of a body that comes in pieces. */
void sv_up_enter_upload_phase(sv_up_exchange *exchange);

/* ---- upstream.c, called by upstream_write.c and upstream_http2.c ---- */
/* The current wait and its limit; 0: no limit. */
void sv_up_enter_phase(sv_up_exchange *exchange, sv_up_error error, uint32_t ms);
/* The connection has ended before the answer. */
void sv_up_broken(sv_up_exchange *exchange, sv_up_error error, const char *why);
/* Ends the exchange with an error, which is reported behind the content that has come. */
void sv_up_fail(sv_up_exchange *exchange, sv_up_error error, const char *why);
/* The same, where no callback may be called. */
void sv_up_fail_later(sv_up_exchange *exchange, sv_up_error error, const char *why);
/* Sends the request on another connection; false if that was done before, or if its body is no
 * longer held. */
bool sv_up_try_again(sv_up_exchange *exchange);
/* n bytes of trailers have come: false if the caller may not hold them. */
bool sv_up_charge_trailers(const sv_up_exchange *exchange, size_t n);
/* Reports what there is, if the consumer is ready for it. May free the exchange. */
void sv_up_show(sv_up_exchange *exchange);
/* Informational answers before the one that counts; a peer that sends them for ever is broken. */
#define SV_UP_MAX_INFORMATIONAL 16
#define SV_UP_MAX_HEAD ((size_t)63 << 10)

/* ---- upstream.c, called by the pool ---- */
/* `connected` 0: it cannot be reached. */
void sv_up_exchange_connected(sv_up_exchange *exchange, int connected);
/* The handshake failed; `why` may be on the caller's stack. */
void sv_up_exchange_tls_failed(sv_up_exchange *exchange, const char *why);
void sv_up_exchange_readable(sv_up_exchange *exchange);
/* The look-up is over; `why` NULL: the endpoint has its address. Takes the exchange off the list.
 */
void sv_up_exchange_resolved(sv_up_exchange *exchange, const char *why);

#endif
