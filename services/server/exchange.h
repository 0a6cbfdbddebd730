/*
 * One request and its answer, from the last byte of the head to the log line. Lives in a memory
 * pool of its own and ends with it; only its loop touches it.
 *
 * Handlers see HTTP messages here, not the protocol that carries them: that is the carrier's.
 */
#ifndef SV_EXCHANGE_H
#define SV_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "http1.h"
#include "memory.h"
#include "str.h"

typedef struct sv_server_loop sv_server_loop;
typedef struct sv_exchange sv_exchange;

#define SV_MAX_TIMINGS 8

/* Why the server itself refuses, found while the request was read. */
typedef struct sv_refusal {
    int status;         /* 0: not refused */
    const char *detail; /* a sentence */
    int retry_after_s;  /* 0: no Retry-After */
} sv_refusal;

/* How a protocol carries an exchange. All are called on the loop's thread. */
typedef struct sv_carrier {
    /* Sends the next piece of the answer; while !ex->head_sent, the head goes first. `final`: the
     * trailers of ex->answer follow. sv_exchange_sent is called once the parts are no longer
     * needed, perhaps at once. At most one write is under way. */
    void (*write)(sv_exchange *ex, const hr_str *parts, size_t n, bool final);
    /* Sends an informational answer; copies the fields. */
    void (*inform)(sv_exchange *ex, int status, const hr_pair *fields, size_t n);
    /* The rest of the answer will not come, and the client must notice. The exchange is over. */
    void (*abort)(sv_exchange *ex);
    /* There is room for more of the body. */
    void (*resume_body)(sv_exchange *ex);
    /* The client has closed the connection or reset the stream. */
    bool (*peer_gone)(const sv_exchange *ex);
    /* The exchange is over: calls sv_exchange_end, and goes on with the connection. */
    void (*end)(sv_exchange *ex);
} sv_carrier;

/* The body of a request on its way in: body_in.c's own. */
typedef struct sv_body_in {
    char *store;     /* NULL: the body lies in the carrier's memory */
    size_t size;     /* of the store */
    size_t limit;    /* of the store's growth */
    size_t reserved; /* bytes taken from the upload budget */
    size_t lent;     /* bytes after `taken` that the handler is sending */
    uint64_t length, taken;
    bool streams, starved;
    bool tunnel; /* the bytes of another protocol, over HTTP/2 */
} sv_body_in;

/* Bytes that may be changed. */
typedef struct sv_bytes {
    char *p;
    size_t len;
} sv_bytes;

/* The head of the answer, as it is built. */
typedef struct sv_answer_head {
    int status;
    hr_pair *fields; /* names in lower case; without the connection's own and content-length */
    size_t n_fields, capacity;
    uint64_t content_length; /* SV_UNKNOWN_LENGTH: not known before the end */
    const hr_pair *trailers; /* sent after the content, where the protocol has a place for them */
    size_t n_trailers;
} sv_answer_head;

#define SV_UNKNOWN_LENGTH UINT64_MAX

struct sv_exchange {
    sv_server_loop *loop;
    struct sv_conn *conn;
    const sv_carrier *carrier;
    void *stream;  /* the carrier's own */
    sv_pool *pool; /* memory that lives as long as the exchange */
    sv_http1_request
        request;    /* with all fields of its head; strings live as long as the exchange */
    bool secure;    /* the client's connection is encrypted */
    bool http2;     /* the request came over HTTP/2 */
    bool has_body;  /* false: the request announced none */
    bool body_done; /* all of the body has come */
    /* What is held of the body; a handler may change it. The whole body, unless the listener
     * streams bodies. */
    sv_bytes body;
    /* Of the request, once body_done; names in lower case. None where bodies are not streamed. */
    const hr_pair *trailers;
    size_t n_trailers;
    uint64_t body_offset; /* bytes of the body before `body`, which are no longer held */
    sv_answer_head answer;
    bool keep_alive;     /* the connection takes another request; a handler may clear it */
    uint64_t bytes_sent; /* of the answer's content */
    const struct sv_listener *listener;
    uint64_t start_ns;      /* CLOCK_MONOTONIC, when the head was complete */
    uint64_t start_wall_us; /* CLOCK_REALTIME */
    hr_str request_id;      /* x-request-id, as it came or made here */

    /* For the access log. Strings must live as long as the request. */
    const char *response_flags; /* Envoy's, "UF,URX"; NULL: none */
    const char *details;        /* Envoy's response code details, "via_upstream"; NULL: none */
    hr_str upstream_host, upstream_cluster, route_name, job_id;
    uint64_t upstream_ns; /* time to the upstream's first byte; 0: none */
    hr_str grpc_status;   /* the digits of grpc-status in the answer; {NULL, 0}: it has none */

    /* Server-Timing entries, in order */
    struct {
        const char *name;
        double ms;
    } timings[SV_MAX_TIMINGS];
    size_t n_timings;

    void *data;                      /* the service's */
    void (*on_end)(sv_exchange *ex); /* called when the request ends, however it does; NULL: none */
    /* Called when the request is over. False: another thread uses its memory; then it ends with
     * sv_exchange_let_end. NULL means true. */
    bool (*may_end)(sv_exchange *ex);
    /* Where bodies are streamed: more of the body has come, or its end. */
    void (*on_body)(sv_exchange *ex);
    /* Where bodies are streamed: the rest of the body is malformed or too large. Stop all work on
     * the request: if no answer has begun, the server answers. */
    void (*on_cancel)(sv_exchange *ex);

    /* the server's own */
    sv_refusal refusal;
    uint64_t tunnelled; /* bytes received after the protocol was switched */
    size_t head_len;    /* of the request */
    size_t reserved;    /* bytes taken from the upload budget */
    sv_body_in in;
    bool dispatched; /* the handler has it */
    bool answered, gone;
    bool broken;           /* nothing can be sent to the client any more */
    bool over;             /* ends at the end of this turn of the loop: nothing more is sent */
    bool kept;             /* it is over, and did not end as may_end said no */
    bool head_sent, final; /* of the answer */
    void (*on_sent)(sv_exchange *ex); /* called when a piece that is not the last is sent */
    uint64_t answer_ns;               /* when the answer was begun */
    sv_exchange *next_over;
    struct sv_relay *relay;   /* that answers; NULL: none */
    struct sv_tunnel *tunnel; /* over HTTP/2; NULL: none */
};

/* Monotonic clock in nanoseconds. */
uint64_t sv_now_ns(void);

/* The status of the answer; 0 before there is one, or when the client left without it. */
int sv_exchange_status(const sv_exchange *ex);

/* Takes `bytes` from the upload budget until the exchange ends. False: there are not as many left.
 */
bool sv_exchange_reserve(sv_exchange *ex, size_t bytes);
/* Gives back bytes that were taken by sv_exchange_reserve. */
void sv_exchange_give_back(sv_exchange *ex, size_t bytes);

/* The client has gone: its FIN or RST has come. */
bool sv_exchange_peer_gone(const sv_exchange *ex);

/* The connection ends as if its listener were closed: it gets "Connection: close" or GOAWAY, and is
 * closed once it is idle. The loop's thread. */
void sv_exchange_leave(sv_exchange *ex);

/* Ends the exchange of a client that has gone, and its connection. Must not be touched after it. */
void sv_exchange_abandon(sv_exchange *ex);

/* Says that no thread uses the memory any more: an exchange that is over ends at the end of the
 * loop's turn. */
void sv_exchange_let_end(sv_exchange *ex);

/* "HTTP/1.0", "HTTP/1.1" or "HTTP/2", as Envoy names them. */
hr_str sv_exchange_protocol(const sv_exchange *ex);

/* Milliseconds since the head was complete. */
double sv_exchange_elapsed_ms(const sv_exchange *ex);

/* The client's address as text, while the connection lasts; {NULL, 0} if it has none. */
hr_str sv_exchange_peer_address(const sv_exchange *ex);

/* This end's address and port on the connection; the address is {NULL, 0} if it has none. */
hr_str sv_exchange_local_address(const sv_exchange *ex, uint16_t *port);
/* The client's port; 0 if it has none. */
uint16_t sv_exchange_peer_port(const sv_exchange *ex);
/* Of an encrypted connection, "TLSv1.3" and the cipher's name; NULL if it is not encrypted. */
const char *sv_exchange_tls_version(const sv_exchange *ex);
const char *sv_exchange_tls_cipher(const sv_exchange *ex);
/* The server name of the client's handshake (SNI), valid as long as the connection; empty if it
 * sent none, absent without TLS. */
hr_str sv_exchange_server_name(const sv_exchange *ex);

/* A random x-request-id in the pool. */
hr_str sv_make_request_id(sv_pool *pool);

/* Adds a Server-Timing entry; more than SV_MAX_TIMINGS are passed over. `name` must be a token. */
void sv_exchange_timing(sv_exchange *ex, const char *name, double ms);

/* The value of a request header (lower-case name), or {NULL, 0}. The first one where there are
 * many. */
hr_str sv_request_header(const sv_exchange *ex, const char *name);

/* True if the request is a gRPC call: it came over HTTP/2 and has gRPC's content type. The errors
 * of answer_error.h, and the server's own refusals, are then statuses. */
bool sv_exchange_is_grpc(const sv_exchange *ex);

/* The path without its query, and the query without its '?' ({NULL, 0} where none), as the client
 * sent them. */
hr_str sv_request_path(const sv_exchange *ex);
hr_str sv_request_query(const sv_exchange *ex);
/* True for GET and HEAD. */
bool sv_request_is_get(const sv_exchange *ex);
bool sv_request_is_head(const sv_exchange *ex);

/* The value of a query parameter, percent-decoded ('+' stays '+'), in the exchange's pool, with
 * a zero behind it. 1 found, 0 absent, -1 malformed (a bad escape, or given twice). */
int sv_query_parameter(hr_str *out, const sv_exchange *ex, const char *name);

#endif
