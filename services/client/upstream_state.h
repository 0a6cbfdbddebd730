/* The state of the upstream client: endpoints, connections, exchanges and their streams. Inside the
 * client only. */
#ifndef SV_UPSTREAM_STATE_H
#define SV_UPSTREAM_STATE_H

#include <netdb.h>
#include <netinet/in.h>

#include <openssl/ssl.h>

#include "http2.h"
#include "trailers.h"
#include "upstream.h"

/* Informational answers before the one that counts; a peer that sends them for ever is broken. */
#define SV_UP_MAX_INFORMATIONAL 16
#define SV_UP_MAX_HEAD ((size_t)63 << 10)

typedef struct sv_up_http2 sv_up_http2;

/* What an exchange has of its stream. */
typedef struct sv_up_stream {
    sv_up_http2 *conn;    /* NULL: none */
    sv_http2_stream *on;  /* NULL: not opened yet, or closed */
    sv_up_exchange *next; /* among the connection's */
    sv_up_exchange **link;
    sv_up_exchange *next_news;  /* among those that something has come of */
    sv_up_exchange **news_link; /* NULL if not among them */
    bool drained;               /* the last piece of the body is sent */
    bool before_settings;       /* opened before the peer's SETTINGS had come */
    sv_up_error error;          /* 0: none */
    bool unprocessed;           /* with the error: the request may be sent again */
    const char *why;
    char *head_text; /* strings of the answer's head */
} sv_up_stream;

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
    sv_budget *held;
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
    size_t reserved;   /* bytes taken for a head that is incomplete */
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

#endif
