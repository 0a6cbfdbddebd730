/*
 * One request and its answer, from the last byte of the head to the log line. Lives in the
 * request's memory pool and ends with it; only its loop touches it.
 */
#ifndef HR_SERVICES_EXCHANGE_H
#define HR_SERVICES_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include <h2o.h>

#include "upstream_parser.h"

typedef struct hr_loop hr_loop;
typedef struct hr_exchange hr_exchange;

#define HR_MAX_TIMINGS 8

/* Why the server itself refuses, found while the request was read. */
typedef struct hr_refusal {
    int status;         /* 0: not refused */
    const char *detail; /* a sentence */
    int retry_after_s;  /* 0: no Retry-After */
} hr_refusal;

struct hr_exchange {
    h2o_req_t *req;
    hr_loop *loop;
    const struct hr_listener *listener;
    uint64_t start_ns;      /* CLOCK_MONOTONIC, when the head was complete */
    uint64_t start_wall_us; /* CLOCK_REALTIME */
    h2o_iovec_t request_id; /* x-request-id, as it came or made here */

    /* For the access log; set by whoever knows. Strings must live as long as the request. */
    const char *response_flags; /* Envoy's, "UF,URX"; NULL: none */
    const char *details;        /* Envoy's response code details, "via_upstream"; NULL: none */
    h2o_iovec_t upstream_host, upstream_cluster, route_name, job_id;
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
    uint64_t tunnelled;    /* bytes received after the protocol was switched */
    bool has_host;         /* the client named one; HTTP/1.0 need not */
    size_t head_len;       /* of the request */
    size_t content_length; /* as announced; of a chunked body: what has come so far */
    bool has_content_length; /* one was announced */
    size_t reserved;       /* bytes taken from the upload budget */
    bool answered, gone;
    hr_resp_body chunked_body;
    const void *chunk_decoder; /* libh2o's, to know the body by; NULL before the first bytes */
    uint64_t answer_ns;        /* when the answer was begun */
    hr_exchange *next_upload, **link_upload; /* list of chunked uploads of this loop */
};

/* The exchange of a request, or NULL before its head is complete. */
hr_exchange *hr_exchange_of(h2o_req_t *req);

/* Monotonic clock in nanoseconds. */
uint64_t hr_now_ns(void);

/* The status of the answer; 0 before there is one, or when the client left without it. */
int hr_exchange_status(const hr_exchange *ex);

/* The peer has gone: its FIN or RST has come. libh2o does not look while a handler owns the
 * request. */
bool hr_exchange_peer_gone(const hr_exchange *ex);

/* Ends the exchange with a client that has gone. Must not be touched after it. */
void hr_exchange_abandon(hr_exchange *ex);

/* Milliseconds since the head was complete. */
double hr_exchange_elapsed_ms(const hr_exchange *ex);

/* The client's address as text, while the connection lasts; {NULL, 0} if it has none. */
h2o_iovec_t hr_exchange_peer_address(const hr_exchange *ex);

/* This end's address and port on the connection; the address is {NULL, 0} if it has none. */
h2o_iovec_t hr_exchange_local_address(const hr_exchange *ex, uint16_t *port);
/* The client's port; 0 if it has none. */
uint16_t hr_exchange_peer_port(const hr_exchange *ex);
/* Of an encrypted connection, "TLSv1.3" and the cipher's name; NULL if it is not encrypted. */
const char *hr_exchange_tls_version(const hr_exchange *ex);
const char *hr_exchange_tls_cipher(const hr_exchange *ex);

/* A random x-request-id in the pool. */
h2o_iovec_t hr_make_request_id(h2o_mem_pool_t *pool);

/* Adds a Server-Timing entry; more than HR_MAX_TIMINGS are passed over. `name` must be a token. */
void hr_exchange_timing(hr_exchange *ex, const char *name, double ms);

/* The value of a request header (lower-case name), or {NULL, 0}. The first one where there are
 * many. */
h2o_iovec_t hr_request_header(const h2o_req_t *req, const char *name);

/* The path without its query, and the query without its '?' ({NULL, 0} where none), as the client
 * sent them. */
h2o_iovec_t hr_request_path(const h2o_req_t *req);
h2o_iovec_t hr_request_query(const h2o_req_t *req);

/* RFC 3986 section 2.1, into `buf`, with a zero behind it ('+' stays '+'): buf has len + 1 bytes, and
 * may be p. False: a bad escape. */
bool hr_percent_decode(h2o_iovec_t *out, char *buf, const char *p, size_t len);

/* The value of a query parameter, percent-decoded ('+' stays '+'), in the request's pool.
 * 1 found, 0 absent, -1 malformed (a bad escape, or given twice). */
int hr_query_parameter(h2o_iovec_t *out, h2o_req_t *req, const char *name);

#endif
