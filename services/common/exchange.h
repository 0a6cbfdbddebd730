/*
 * One request and its answer, from the last byte of the head to the log line. Lives in a memory
 * pool of its own and ends with it; only its loop touches it.
 *
 * Handlers see HTTP messages here, not the protocol that carried them: HTTP/1.1 today.
 */
#ifndef HR_SERVICES_EXCHANGE_H
#define HR_SERVICES_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "http1.h"
#include "memory.h"

typedef struct hr_loop hr_loop;
typedef struct hr_exchange hr_exchange;

#define HR_MAX_TIMINGS 8

/* Why the server itself refuses, found while the request was read. */
typedef struct hr_refusal {
    int status;         /* 0: not refused */
    const char *detail; /* a sentence */
    int retry_after_s;  /* 0: no Retry-After */
} hr_refusal;

/* Bytes that may be changed. */
typedef struct hr_bytes {
    char *p;
    size_t len;
} hr_bytes;

/* The head of the answer, as it is built. */
typedef struct hr_answer_head {
    int status;
    hr_pair *fields; /* names in lower case; without the connection's own and content-length */
    size_t n_fields, capacity;
    uint64_t content_length; /* HR_UNKNOWN_LENGTH: not known before the end */
} hr_answer_head;

#define HR_UNKNOWN_LENGTH UINT64_MAX

struct hr_exchange {
    hr_loop *loop;
    struct hr_conn *conn;
    sv_pool *pool; /* memory that lives as long as the exchange */
    sv_http1_request
        request;   /* with all fields of its head; strings live as long as the exchange */
    bool secure;   /* the client's connection is encrypted */
    bool has_body; /* false: the request announced none */
    hr_bytes body; /* the whole body; a handler may change it */
    hr_answer_head answer;
    bool keep_alive;     /* the connection takes another request; a handler may clear it */
    uint64_t bytes_sent; /* of the answer's content */
    const struct hr_listener *listener;
    uint64_t start_ns;      /* CLOCK_MONOTONIC, when the head was complete */
    uint64_t start_wall_us; /* CLOCK_REALTIME */
    hr_str request_id;      /* x-request-id, as it came or made here */

    /* For the access log. Strings must live as long as the request. */
    const char *response_flags; /* Envoy's, "UF,URX"; NULL: none */
    const char *details;        /* Envoy's response code details, "via_upstream"; NULL: none */
    hr_str upstream_host, upstream_cluster, route_name, job_id;
    uint64_t upstream_ns; /* time to the upstream's first byte; 0: none */

    /* Server-Timing entries, in order */
    struct {
        const char *name;
        double ms;
    } timings[HR_MAX_TIMINGS];
    size_t n_timings;

    void *data;                      /* the service's */
    void (*on_end)(hr_exchange *ex); /* called when the request ends, however it does; NULL: none */

    /* the server's own */
    hr_refusal refusal;
    uint64_t tunnelled; /* bytes received after the protocol was switched */
    size_t head_len;    /* of the request */
    size_t reserved;    /* bytes taken from the upload budget */
    bool answered, gone;
    bool over;             /* ends at the end of this turn of the loop: nothing more is sent */
    bool head_sent, final; /* of the answer */
    bool chunked;          /* the answer is sent in chunks */
    char chunk_line[SV_HTTP1_CHUNK_SIZE];
    void (*on_sent)(hr_exchange *ex); /* called when a piece that is not the last is sent */
    uint64_t answer_ns;               /* when the answer was begun */
    hr_exchange *next_over;
    struct hr_relay *relay; /* that answers; NULL: none */
};

/* Monotonic clock in nanoseconds. */
uint64_t hr_now_ns(void);

/* The status of the answer; 0 before there is one, or when the client left without it. */
int hr_exchange_status(const hr_exchange *ex);

/* The client has gone: its FIN or RST has come. */
bool hr_exchange_peer_gone(const hr_exchange *ex);

/* Ends the exchange of a client that has gone, and its connection. Must not be touched after it. */
void hr_exchange_abandon(hr_exchange *ex);

/* Milliseconds since the head was complete. */
double hr_exchange_elapsed_ms(const hr_exchange *ex);

/* The client's address as text, while the connection lasts; {NULL, 0} if it has none. */
hr_str hr_exchange_peer_address(const hr_exchange *ex);

/* This end's address and port on the connection; the address is {NULL, 0} if it has none. */
hr_str hr_exchange_local_address(const hr_exchange *ex, uint16_t *port);
/* The client's port; 0 if it has none. */
uint16_t hr_exchange_peer_port(const hr_exchange *ex);
/* Of an encrypted connection, "TLSv1.3" and the cipher's name; NULL if it is not encrypted. */
const char *hr_exchange_tls_version(const hr_exchange *ex);
const char *hr_exchange_tls_cipher(const hr_exchange *ex);

/* A random x-request-id in the pool. */
hr_str hr_make_request_id(sv_pool *pool);

/* Adds a Server-Timing entry; more than HR_MAX_TIMINGS are passed over. `name` must be a token. */
void hr_exchange_timing(hr_exchange *ex, const char *name, double ms);

/* The value of a request header (lower-case name), or {NULL, 0}. The first one where there are
 * many. */
hr_str hr_request_header(const hr_exchange *ex, const char *name);

/* The path without its query, and the query without its '?' ({NULL, 0} where none), as the client
 * sent them. */
hr_str hr_request_path(const hr_exchange *ex);
hr_str hr_request_query(const hr_exchange *ex);
/* True for GET and HEAD. */
bool hr_request_is_get(const hr_exchange *ex);
bool hr_request_is_head(const hr_exchange *ex);

/* RFC 3986 section 2.1, into `buf`, with a zero behind it ('+' stays '+'): buf has len + 1 bytes,
 * and may be p. False: a bad escape. */
bool hr_percent_decode(hr_str *out, char *buf, const char *p, size_t len);

/* The value of a query parameter, percent-decoded ('+' stays '+'), in the exchange's pool, with
 * a zero behind it. 1 found, 0 absent, -1 malformed (a bad escape, or given twice). */
int hr_query_parameter(hr_str *out, const hr_exchange *ex, const char *name);

/* ---- strings ---- */

/* The number of these decimal digits; SIZE_MAX if it is not one. */
size_t hr_str_to_size(hr_str s);

/* True if s is this zero-terminated text. */
bool hr_str_is(hr_str s, const char *text);
/* The same in any letter case. */
bool hr_str_is_nocase(hr_str s, const char *text);

#endif
