/*
 * HTTP client for gateway and proxy: one request to one endpoint. Connections of HTTP/1.1 are kept
 * for the next request, those of HTTP/2 are shared by requests at the same time.
 *
 *     sv_up_loop *up = sv_up_loop_new(loop, &stats); // one per loop
 *     sv_up_endpoint *ep = sv_up_endpoint_new(up, "predict-server1", 5010, &settings);
 *     sv_up_exchange *ex = sv_up_start(ep, &request, on_data, on_error, me);
 *     // on_data(ex, bytes, n, final): sv_up_head(ex) has status and fields; sv_up_continue(ex) for
 * more sv_up_free(ex); // at any time; cancels
 *
 * Everything belongs to the loop's thread. Callbacks are never called from within sv_up_start or
 * sv_up_free; sv_up_continue may call on_data or on_error at once, and may itself be called in
 * on_data.
 *
 * What it holds to:
 *  - answers are parsed strictly (http1.h); a malformed one is SV_UP_PROTOCOL;
 *  - idle connections are reused last-in first-out and stay in epoll, so that a peer's close is
 * seen at once; one that fails all the same before any byte of the answer came is replaced, once,
 * by a fresh one, if the request is idempotent (RFC 9110 section 9.2.2) or nothing of it was sent;
 *  - memory of an exchange is two blocks of SV_UP_BLOCK bytes at most, whatever the answer's
 * length: no more is read from the peer until the consumer asks for it. Where many answers wait for
 * their consumers, it is one block, with HTTP/1.1 of half the size;
 *  - the request body is the caller's: whole, so that it can be sent again, or in pieces as they
 * come.
 *
 * With HTTP/2 (upstream_http2.h) it is the same interface. What differs:
 *  - without TLS a connection begins with the preface (prior knowledge), with TLS ALPN offers h2;
 *  - a stream has a window of SV_UP_BLOCK bytes, which opens as the consumer asks for more;
 *  - a request that the peer has not acted on (GOAWAY, or more streams than its first SETTINGS
 * allow) is sent again, once, whatever its method.
 */
#ifndef SV_UPSTREAM_H
#define SV_UPSTREAM_H

#include <stdatomic.h>

#include <headerroute/headerroute.h>

#include "budget.h"
#include "http1.h"
#include "memory.h"
#include "net.h"

/* Header fields of an answer; one with more is malformed. */
#define SV_UP_MAX_FIELDS 128

/* Half of it, and a large answer costs a third more: the peer is woken for every piece. */
#define SV_UP_BLOCK 131072

typedef struct sv_up_loop sv_up_loop;
typedef struct sv_up_endpoint sv_up_endpoint;
typedef struct sv_up_exchange sv_up_exchange;
typedef struct sv_up_tls sv_up_tls;

typedef enum sv_up_error {
    SV_UP_RESOLVE = 1,     /* the name has no address */
    SV_UP_CONNECT,         /* refused, unreachable */
    SV_UP_CONNECT_TIMEOUT, /* of connection and TLS handshake together */
    SV_UP_TLS,             /* the handshake failed, or the certificate is not accepted */
    SV_UP_RESET,           /* the connection broke before the answer was whole */
    SV_UP_CLOSED,          /* the peer closed the connection before it answered */
    SV_UP_PROTOCOL,        /* the answer is malformed or ends too early */
    SV_UP_REFUSED,         /* HTTP/2: the peer has not acted on the request (REFUSED_STREAM) */
    SV_UP_STREAM_RESET,    /* HTTP/2: the peer has reset the stream with another code */
    SV_UP_FIRST_BYTE_TIMEOUT,
    SV_UP_IDLE_TIMEOUT, /* the answer stopped coming */
    SV_UP_DEADLINE,     /* the request's deadline has passed */
    SV_UP_OVERLOAD      /* no bytes are left for the head of an answer */
} sv_up_error;

/* A short phrase for logs: "connect", "protocol", ... */
const char *sv_up_error_name(sv_up_error error);

/* 0 means the default, which stands behind each. */
typedef struct sv_up_settings {
    uint32_t connect_timeout_ms; /* 10 s */
    uint32_t idle_connection_ms; /* how long a connection waits for its next request: 4 s, less than
                                    the 5 s after which common servers close theirs. A shorter
                                    "Keep-Alive: timeout" of the peer wins. */
    uint32_t max_idle;           /* idle connections kept: 256 */
    uint32_t max_requests;       /* on one connection: unlimited */
    uint64_t
        max_connection_ms; /* age after which a connection takes no further request: unlimited */
    _Atomic uint32_t *open_connections; /* counts, over all loops that share it; NULL: none. Must
                                           outlive the endpoint */
    sv_up_tls *tls; /* NULL: connections are not encrypted. The endpoint takes a reference */
    uint32_t dns_refresh_ms; /* how long a looked-up address is used: 5 s */
    /* HTTP/2 */
    uint32_t max_streams;   /* at a time on one connection: as many as the peer allows */
    uint32_t http2_idle_ms; /* without a stream: 60 s */
    uint32_t ping_interval_ms, ping_timeout_ms; /* a connection whose peer does not answer a PING in
                                                   time is closed; 0: no PINGs */
    /* TCP keep-alive; 0: the system's */
    bool tcp_keepalive;
    uint32_t tcp_keepalive_probes, tcp_keepalive_idle_s, tcp_keepalive_interval_s;
} sv_up_settings;

/* A body that comes in pieces. It must live as long as the exchange. */
typedef struct sv_up_source {
    uint64_t length; /* if has_length; else the body is sent in chunks */
    bool has_length;
    void *ctx;
    /* The bytes that have come and were not sent; they must stay until `taken` or the end of the
     * exchange. *last: they are the last. If none have come, call sv_up_more when they do. */
    hr_str (*next)(void *ctx, bool *last);
    /* They are sent. */
    void (*taken)(void *ctx);
    /* Begins again with the first byte; false if it is no longer held. */
    bool (*rewind)(void *ctx);
    /* Of a body without length, asked for with the last piece; they must stay like that. NULL:
     * there are none. */
    const hr_pair *(*trailers)(void *ctx, size_t *n);
} sv_up_source;

typedef struct sv_up_request {
    hr_str method, authority, path;
    /* Names in lower case; without Host, Content-Length and hop-by-hop fields, which are added
     * here. */
    const hr_pair *fields;
    size_t n_fields;
    hr_str body;                /* absent: none */
    const sv_up_source *source; /* instead of `body`; NULL: none */
    bool http2;                 /* speak HTTP/2; `upgrade` must be 0 */
    bool te_trailers;           /* HTTP/2: add "te: trailers" */
    int upgrade; /* the fields ask for an upgrade: a 101 switches the exchange to a tunnel */
    /* An informational answer but 100 and 101 has come; NULL allowed. Called with the exchange's
     * ctx; `head` is valid during the call. */
    void (*on_informed)(void *ctx, const sv_http1_response *head);
    /* Called with the exchange's ctx before memory for large trailers of the answer is taken;
     * false: they are dropped. NULL: all trailers are. */
    bool (*charge)(void *ctx, size_t bytes);
    uint64_t deadline_at;           /* sv_timers_now() time; 0: none */
    uint32_t first_byte_timeout_ms; /* from the start of the request; 0: none but the deadline */
    uint32_t idle_timeout_ms;       /* between two pieces of the answer; 0: 60 s */
} sv_up_request;

/* `bytes` are of the answer's body, valid until sv_up_continue or sv_up_free. The first call comes
 * as soon as the head is there (then n may be 0), later ones have n > 0 or are final. After a call
 * that is not final, nothing more comes until sv_up_continue. After the final one the exchange is
 * over. */
typedef void (*sv_up_data_fn)(void *ctx, sv_up_exchange *exchange, const char *bytes, size_t n,
                              int final);
/* The exchange is over. If on_data was called before, the answer is cut short. `why` is a sentence.
 */
typedef void (*sv_up_error_fn)(void *ctx, sv_up_exchange *exchange, sv_up_error error,
                               const char *why);

/* Of one loop. Any thread may read them. */
typedef struct sv_up_stats {
    _Atomic uint64_t requests, connects, connect_failures, reused, stale_retries, protocol_errors,
        resets;
    _Atomic uint64_t timeouts;
    _Atomic uint64_t active, connections; /* now */
} sv_up_stats;

/* `stats` and `held` outlive it. From `held` comes what heads of HTTP/2 take that endpoints have
 * not ended, above 8 KiB each. NULL if memory is short. */
sv_up_loop *sv_up_loop_new(sv_loop *loop, sv_up_stats *stats, sv_budget *held);
/* All exchanges and endpoints must have been freed. */
void sv_up_loop_free(sv_up_loop *up);

/* host: an IPv4 or IPv6 literal (without brackets), or a name, which is looked up off the loop at
 * first use and again when its address is older than dns_refresh_ms; while a look-up fails, the
 * last address stays in use. Reference-counted; this gives one. */
sv_up_endpoint *sv_up_endpoint_new(sv_up_loop *up, hr_str host, uint16_t port,
                                   const sv_up_settings *settings);
sv_up_endpoint *sv_up_endpoint_ref(sv_up_endpoint *endpoint);
/* The last one closes the idle connections. An exchange holds its endpoint. */
void sv_up_endpoint_unref(sv_up_endpoint *endpoint);
/* True if the next request needs no new connection. */
bool sv_up_endpoint_has_room(const sv_up_endpoint *endpoint, bool http2);
/* "address:port" as given, zero-terminated. */
const char *sv_up_endpoint_name(const sv_up_endpoint *endpoint);

/* Sends `request`; what it points at must stay until the exchange is over. Exactly one end follows:
 * the final on_data, on_error, or sv_up_free. */
sv_up_exchange *sv_up_start(sv_up_endpoint *endpoint, const sv_up_request *request,
                            sv_up_data_fn on_data, sv_up_error_fn on_error, void *ctx);
void sv_up_continue(sv_up_exchange *exchange);
/* The source has more bytes, or its end. */
void sv_up_more(sv_up_exchange *exchange);
/* Replaces the request's deadline; 0: none. */
void sv_up_set_deadline(sv_up_exchange *exchange, uint64_t at);
void sv_up_free(sv_up_exchange *exchange);

/* The answer's head, from the first on_data on, until sv_up_continue. */
const sv_http1_response *sv_up_head(const sv_up_exchange *exchange);
/* The answer's trailers, in the final on_data, until sv_up_free. */
const hr_pair *sv_up_trailers(const sv_up_exchange *exchange, size_t *n);
/* Tunnels: after a 101 the exchange passes bytes both ways. What the peer sends comes by on_data,
 * the final one when it has closed its half; neither deadline nor idle time-out holds any more. */
int sv_up_is_tunnel(const sv_up_exchange *exchange);
/* Sends bytes: 1 if all are sent, -1 if the connection is broken, 0 if `done` follows; until then
 * they must stay, and no more may be sent. `ok` 0: the connection is broken. Where on_error comes
 * first, `done` does not. */
typedef void (*sv_up_sent_fn)(void *ctx, int ok);
int sv_up_tunnel_send(sv_up_exchange *exchange, const char *bytes, size_t n, sv_up_sent_fn done,
                      void *ctx);
/* Closes our half; the peer's bytes still come. */
void sv_up_tunnel_finish(sv_up_exchange *exchange);

/* 1 if a byte of the request may have reached the peer. */
int sv_up_sent(const sv_up_exchange *exchange);
/* 1 if a byte of the answer has come. */
int sv_up_received(const sv_up_exchange *exchange);
/* 1 if sending such a request twice does what sending it once does (RFC 9110 section 9.2.2). */
int sv_up_is_idempotent(hr_str method);

#endif
