/* The options common to all servers, and their flags. */
#ifndef SV_OPTIONS_H
#define SV_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flags.h"
#include "log.h"

/* What is done with requests of HTTP/1.0. */
typedef enum sv_http10 { SV_HTTP10_ALLOW = 0, SV_HTTP10_REFUSE } sv_http10;

/* Options common to all servers; sv_server_flags is the table of their flags. */
typedef struct sv_server_options {
    sv_text_list listen;
    const char *name; /* of this hop, in Via and logs */
    int64_t threads;  /* 0: the CPUs this process may use */
    int64_t drain_ms;
    int64_t max_connections;
    int64_t max_body_bytes;   /* of one request */
    int64_t max_upload_bytes; /* of all requests being read or handled, together */
    int64_t max_head_bytes;   /* request line and header fields */
    int64_t
        idle_timeout_ms; /* a connection on which no request was begun for this long is closed */
    int64_t request_timeout_ms;     /* from the first to the last byte of a request */
    int64_t stall_timeout_ms;       /* closes if the client reads nothing for this long */
    int64_t handshake_timeout_ms;   /* of TLS */
    int http10;                     /* sv_http10 */
    int log_level;                  /* sv_log_level */
    const char *const *log_headers; /* in lower case: sv_log_check_header accepts each */
    size_t n_log_headers;
    bool check; /* ask the server that runs already, and leave */
} sv_server_options;

#define SV_SERVER_OPTIONS_INIT                                                                     \
    {                                                                                              \
        .drain_ms = 10000, .max_connections = 512, .max_body_bytes = 16 << 20,                     \
        .max_upload_bytes = 64 << 20, .max_head_bytes = 60 << 10, .idle_timeout_ms = 3600000,      \
        .request_timeout_ms = 60000, .stall_timeout_ms = 15000, .handshake_timeout_ms = 10000,     \
        .log_level = SV_LOG_INFO                                                                   \
    }
extern const sv_flag sv_server_flags[];
extern const size_t sv_server_flags_count;

/* Fills what flags left open: name ($POD_NAME, else the host name), threads, and `default_listen`
 * if no --listen was given. */
void sv_server_options_settle(sv_server_options *options, const char *default_listen);

#endif
