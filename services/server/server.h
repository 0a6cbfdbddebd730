/*
 * The listening side of every server: sockets, one event loop a thread, limits, drain. A program
 * describes itself in an sv_service and calls sv_server_run (run.h).
 *
 * Threads: on_request, loop_start, loop_stop and everything that belongs to one sv_server_loop run
 * on that loop's thread and must not block. Functions that other threads may call say so.
 */
#ifndef SV_SERVER_H
#define SV_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "budget.h"
#include "json_out.h"
#include "log.h"
#include "memory.h"
#include "metrics.h"
#include "net.h"
#include "options.h"

typedef struct sv_server sv_server;
typedef struct sv_server_loop sv_server_loop;
typedef struct sv_exchange sv_exchange;

/* Of an HTTP date: "Sun, 06 Nov 1994 08:49:37 GMT". */
#define SV_DATE_SIZE 29

/* A message to a loop from any thread: embed it, send it with sv_server_post, and `run` is called
 * on the loop's thread. The sender's memory must live until then. */
typedef struct sv_server_message sv_server_message;
struct sv_server_message {
    sv_message super;
    sv_server_loop *loop; /* set by sv_server_post */
    void (*run)(sv_server_loop *loop, sv_server_message *message);
};

/* One thread with its event loop. */
struct sv_server_loop {
    sv_loop *net;
    sv_server *server;
    unsigned index;         /* from 0 */
    void *data;             /* the service's own */
    sv_metric_cells *cells; /* this loop's counters; written here only */
    size_t connections;     /* open downstream connections */
    size_t active; /* requests whose head is complete and whose answer has not been sent wholly */

    /* the server's own */
    struct sv_conn *conns; /* list of all */
    size_t n_more_streams; /* of HTTP/2 that are served, beyond the first of each connection */
    struct sv_h2_stream *http2_waiting, **http2_last; /* list: requests without a place */
    struct sv_conn_http2 *http2_marked; /* list: connections that are written to in this turn */
    struct sv_exchange *over;           /* list: they end at the end of this turn */
    struct sv_listening *listening;
    size_t n_lingering;
    size_t load_peak;  /* connections and active requests, since the last tick */
    size_t crowd_peak; /* the same since memory was last returned to the system */
    sv_timer tick;
    sv_pool_cache pools;
    void *buffers; /* of connections, kept for reuse */
    size_t n_buffers;
    uint64_t date_second; /* of `date` */
    char date[SV_DATE_SIZE + 1];
    sv_text log_line; /* the memory of the last one */
    bool accepting, draining;
    uint64_t drain_ns; /* when draining began */
    bool out_of_files; /* accepting has failed; it is tried again when something may have changed */
};

typedef struct sv_listener sv_listener;
struct sv_listener {
    const char *address; /* "127.0.0.1:5000", "[::1]:5000"; port 0 takes a free one */
    /* Called once the request is there with its whole body; or, if `streams`, with its head, and as
     * much of the body as came with it. */
    void (*on_request)(sv_exchange *ex);
    bool streams;
    /* HTTP/2 only, where `streams` is false: whether the body of this request is streamed
     * nevertheless. NULL: no body is. */
    bool (*streams_request)(const sv_exchange *ex);
    /* HTTP/2: takes WebSockets (RFC 8441). `on_request` sees a GET with request.upgrade and without
     * a body; what the client sends comes as that of a body that is streamed. */
    bool tunnels;
    struct sv_tls *tls; /* TLS context of the connections; NULL for plaintext */
    /* If it is not NULL, decides for each connection instead of `tls`, on the loop's thread: a TLS
     * session in accept state, or NULL for plaintext. False: the connection is closed. */
    bool (*accept)(sv_server_loop *loop, const sv_listener *listener, SSL **out);
    void (*on_handshake)(sv_server_loop *loop,
                         const sv_listener *listener); /* of those; NULL allowed */
    size_t number;                                     /* the service's own */
    bool closed; /* does not listen from the start: see relisten.h */
};

typedef struct sv_service {
    const char *program; /* "headerroute-predict": in messages */
    void *ctx;           /* the service's own, shared by all loops */
    /* Both may be NULL. loop_start: before the loop accepts; anything but 0 ends the program (exit
     * 1). loop_stop: no connection is left. */
    int (*loop_start)(sv_server_loop *loop, void *ctx);
    void (*loop_stop)(sv_server_loop *loop, void *ctx);
    /* Called on the main thread; NULL allowed. `before_drain` is called after the signal, while the
     * server still serves as before: it ends what opens and closes listeners. `on_drain` is called
     * when draining begins. `on_cancel` is called when the drain times out and must cancel the work
     * still running. */
    void (*before_drain)(void *ctx);
    void (*on_drain)(void *ctx);
    void (*on_cancel)(void *ctx);
    /* The loops have ended: end the threads that still post to them. False: one cannot be ended;
     * then the process leaves without freeing what that thread may still touch. NULL allowed. */
    bool (*on_stopped)(void *ctx);
    /* The body of an answer with which the server itself refuses a request (bad framing, too
     * large); in the pool or static. NULL: the failure form of sv_error_json. */
    hr_str (*refusal_body)(sv_exchange *ex, int status, const char *detail,
                           const char **content_type);
    /* The gRPC status for an answer with this HTTP status. NULL: sv_grpc_status_of_http. */
    int (*grpc_status_of)(int http_status);
} sv_service;

/* Any thread. True once draining has begun: after before_drain. */
bool sv_server_draining(const sv_server *server);
/* Any thread. True once every loop accepts. */
bool sv_server_ready(const sv_server *server);
const sv_server_options *sv_server_options_of(const sv_server *server);
const sv_service *sv_server_service(const sv_server *server);
sv_metrics *sv_server_metrics_of(const sv_server *server);
sv_budget *sv_server_uploads(sv_server *server);
/* What this hop adds to Via: "1.1 NAME". */
hr_str sv_server_via(const sv_server *server);
size_t sv_server_loops(const sv_server *server);
sv_server_loop *sv_server_nth_loop(sv_server *server, size_t index);

/* The loop's thread: the current time as an HTTP date (RFC 9110 section 5.6.7). */
hr_str sv_server_date(sv_server_loop *loop);

/* Any thread. False: the loop has ended, and the message is still the caller's. */
bool sv_server_post(sv_server_loop *loop, sv_server_message *message);

#endif
