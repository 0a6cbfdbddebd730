/*
 * HTTP/1.1 codec without I/O: bytes in, messages out, and back.
 *
 * Reading one message on a connection:
 *
 *     sv_http1_scan scan = {0};
 *     // after each read, until the head is complete:
 *     r = sv_http1_find_request(&head_len, &scan, buf, len, max_head, &why);
 *     request.fields = room; request.max_fields = N;
 *     r = sv_http1_parse_request(&request, buf, head_len, secure, &why);
 *     sv_http1_body_init(&body, request.framing, request.content_length);
 *     // for the bytes after the head, and after each further read:
 *     r = sv_http1_body_decode(&body, bytes, n, &piece, &why);
 *
 * Answers are read alike with sv_http1_find_response and sv_http1_parse_response. Messages are
 * written with an sv_http1_writer.
 *
 * Conventions:
 *  - The codec is pure: no sockets, no allocation, no clock, no global state. The caller owns all
 *    memory. Functions are thread-safe on different objects.
 *  - Strings are hr_str ranges of the caller's buffer. They stay valid while the buffer does.
 *  - A result is SV_HTTP1_DONE, SV_HTTP1_MORE (well-formed so far, more bytes are needed) or a
 *    negative error. On an error *why is a static sentence fragment for logs and answers. After an
 *    error the connection must not be read further: the end of the message is not known.
 *
 * What two parsers of a chain may read differently (RFC 9112 section 11.2) is an error, never
 * repaired: more than one Content-Length or Transfer-Encoding, both together, a transfer coding
 * other than a single "chunked", chunk sizes that are not hexadecimal, lines that end in a bare LF,
 * folded fields, fields without a name, blanks before a colon, control characters. docs/http.md has
 * the table.
 */
#ifndef SV_HTTP1_H
#define SV_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <headerroute/headerroute.h>

typedef enum sv_http1_result {
    SV_HTTP1_DONE = 1,
    SV_HTTP1_MORE = 0,
    SV_HTTP1_MALFORMED = -1, /* a request is answered with 400 */
    SV_HTTP1_TOO_LARGE = -2, /* the head exceeds max_head bytes or max_fields fields: 431 */
    SV_HTTP1_CONNECT = -3    /* the method is CONNECT, which these servers do not offer: 405 */
} sv_http1_result;

/* How the end of a body is found (RFC 9112 section 6.3). */
typedef enum sv_http1_framing {
    SV_HTTP1_NO_BODY = 0,
    SV_HTTP1_LENGTH,     /* Content-Length */
    SV_HTTP1_CHUNKED,    /* Transfer-Encoding: chunked */
    SV_HTTP1_UNTIL_CLOSE /* answers only: the body ends with the connection */
} sv_http1_framing;

/* ---- finding the end of a head ----------------------------------------------------------- */

/* What was looked at so far, so that a head that arrives byte by byte costs linear time. Zero it
 * before each message. The buffer may move and grow between calls, but must keep its content. */
typedef struct sv_http1_scan {
    size_t looked_at; /* bytes that need not be looked at again */
    size_t start;     /* of the start line, past empty lines */
    bool in_fields;   /* the start line is complete */
} sv_http1_scan;

/* Looks for the end of a request's head in buf[0..len). On SV_HTTP1_DONE *head_len is the length of
 * the head with its final empty line and with up to two empty lines before the request line
 * (RFC 9112 section 2.2 asks servers to ignore at least one). Malformed lines are reported as soon
 * as they can be recognized, not when the head is complete. */
sv_http1_result sv_http1_find_request(size_t *head_len, sv_http1_scan *scan, const char *buf,
                                      size_t len, size_t max_head, const char **why);
/* The same for an answer, before which no empty line is allowed. */
sv_http1_result sv_http1_find_response(size_t *head_len, sv_http1_scan *scan, const char *buf,
                                       size_t len, size_t max_head, const char **why);

/* ---- requests ---------------------------------------------------------------------------- */

typedef struct sv_http1_request {
    /* Set by the caller before parsing: room for fields. */
    hr_pair *fields;
    size_t max_fields;

    size_t n_fields;   /* in order; names in lower case, values without blanks around them */
    hr_str method;     /* any token; case matters */
    hr_str target;     /* as received */
    hr_str path;       /* origin-form with its query, "/..." or "*" */
    hr_str authority;  /* of an absolute target, else of Host; absent in HTTP/1.0 without either */
    int minor_version; /* 0 to 9, 1 until it was read; treat those above 1 as 1 (RFC 9112
                          section 2.3) */
    sv_http1_framing framing;
    uint64_t content_length; /* 0 unless framing is SV_HTTP1_LENGTH */
    bool keep_alive;         /* by version and Connection (RFC 9112 section 9.3) */
    bool expect_continue;    /* Expect: 100-continue, and the version is above 1.0 */
    bool expect_other;       /* an expectation that is not known: answer 417 */
    hr_str upgrade; /* the protocols asked for; absent in HTTP/1.0, and where Connection does not
                       name Upgrade (RFC 9110 section 7.8) */
} sv_http1_request;

/* Parses a whole head as found by sv_http1_find_request. Lower-cases field names in place, and
 * moves the authority of a target such as "http://a?x=1" by a byte to make room for the "/" of its
 * path. `secure`: the connection is encrypted, and an absolute target must be https instead of
 * http. An absolute target replaces the value of Host (RFC 9112 section 3.2.2).
 *
 * After an error the members that were read before it are set, for the log: method, target, path
 * and fields are absent or empty where they were not reached. */
sv_http1_result sv_http1_parse_request(sv_http1_request *request, char *buf, size_t head_len,
                                       bool secure, const char **why);

/* Adjusts all ranges of a parsed request after its buffer has moved from `from` (which may be freed
 * by now) to `to`. Ranges outside [from, from + len) stay. */
void sv_http1_request_moved(sv_http1_request *request, uintptr_t from, size_t len, char *to);

/* ---- answers ----------------------------------------------------------------------------- */

typedef struct sv_http1_response {
    hr_pair *fields; /* set by the caller, with max_fields */
    size_t max_fields;

    size_t n_fields; /* end-to-end fields in order; see sv_http_strip_hop_by_hop */
    int minor_version;
    int status;    /* 100 to 599 */
    hr_str reason; /* may be empty */
    sv_http1_framing framing;
    bool has_content_length;  /* also where no body follows: HEAD, 304 */
    uint64_t content_length;  /* 0 unless has_content_length */
    bool keep_alive;          /* the peer takes another request on this connection */
    int keep_alive_timeout_s; /* of "Keep-Alive: timeout=N"; -1: none */
    hr_str upgrade;           /* of a 101: the protocol; absent otherwise */
} sv_http1_response;

/* What the parser must know of the request that is answered. */
typedef struct sv_http1_context {
    bool request_is_head;
    bool upgrade_requested; /* a 101 is an error without it */
} sv_http1_context;

/* Parses a whole head as found by sv_http1_find_response. Lower-cases field names in place. */
sv_http1_result sv_http1_parse_response(sv_http1_response *response, char *buf, size_t head_len,
                                        const sv_http1_context *context, const char **why);

/* ---- bodies ------------------------------------------------------------------------------ */

/* The state of a section of field lines: trailers, between two pieces. */
typedef struct sv_http1_lines {
    int state;
    size_t bytes; /* of the section so far */
} sv_http1_lines;

/* The state of one body. Its members are the codec's own. */
typedef struct sv_http1_body {
    sv_http1_framing framing;
    int state;
    int digits;         /* of the chunk size read so far */
    size_t line_bytes;  /* of the chunk line */
    uint64_t remaining; /* of the body (SV_HTTP1_LENGTH) or of the chunk */
    sv_http1_lines trailers;
} sv_http1_body;

/* What a piece of input holds. */
typedef struct sv_http1_piece {
    char *content;  /* within the input */
    size_t n;       /* bytes of content; 0: framing alone */
    size_t used;    /* bytes of input that belong to the message; less than all only when it ends */
    char *trailers; /* bytes of the trailer section, with its final empty line, in the input */
    size_t n_trailers; /* 0: none */
} sv_http1_piece;

void sv_http1_body_init(sv_http1_body *body, sv_http1_framing framing, uint64_t content_length);

/* Decodes n bytes that follow the head. Content is left where it is if it lies in one stretch, else
 * moved together in place. SV_HTTP1_DONE: the message ends after piece->used bytes; a body without
 * content is done at the first call, also with n = 0. Chunk extensions are checked and
 * dropped, trailers are checked and left where they are, behind the content; a chunk line of more
 * than 1 KiB and trailers of more than SV_HTTP1_MAX_TRAILERS bytes are malformed. */
#define SV_HTTP1_MAX_TRAILERS ((size_t)16 << 10)
sv_http1_result sv_http1_body_decode(sv_http1_body *body, char *buf, size_t n,
                                     sv_http1_piece *piece, const char **why);

/* Parses the whole trailer section, pieces put together. */
sv_http1_result sv_http1_parse_trailers(hr_pair *fields, size_t *n, size_t max, char *text,
                                        size_t len, const char **why);

/* The connection has ended: SV_HTTP1_DONE if the body may end so, else SV_HTTP1_MALFORMED. */
sv_http1_result sv_http1_body_eof(const sv_http1_body *body, const char **why);

/* ---- fields ------------------------------------------------------------------------------ */

/* Elements of all Connection fields of one message together; more are malformed. Envoy refuses a
 * request with ten (MAX_ALLOWED_NOMINATED_HEADERS in its source/common/http/utility.cc). */
#define SV_HTTP_MAX_NOMINATED 9

/* Removes what concerns one connection only (RFC 9110 section 7.6.1): Connection and the fields it
 * names, Keep-Alive, Proxy-Connection, TE, Trailer, Transfer-Encoding, Upgrade, and Content-Length,
 * which each hop writes itself. Names must be in lower case. Returns the new count: 0 if Connection
 * has more than SV_HTTP_MAX_NOMINATED elements. Linear in the length of the Connection fields plus
 * the number of fields. */
size_t sv_http_strip_hop_by_hop(hr_pair *fields, size_t n);

/* True if it is a token of RFC 9110 section 5.6.2: a method, the name of a field. */
bool sv_http_is_token(hr_str s);
/* True if the comma-separated list has that token, in any letter case. */
bool sv_http_list_has_token(hr_str list, hr_str token);
/* Takes the next element off a comma-separated list; false at its end. Empty elements are skipped
 * (RFC 9110 section 5.6.1). */
bool sv_http_list_next(hr_str *element, hr_str *list);

/* ---- writing ----------------------------------------------------------------------------- */

/* Writes into the caller's memory [at, end). A write beyond `end` writes nothing and sets `full`.
 * Names and values are written as given: they must come from a parser or be checked before. */
typedef struct sv_http1_writer {
    char *at, *end;
    bool full;
} sv_http1_writer;

/* Bytes that n fields take. */
size_t sv_http1_fields_size(const hr_pair *fields, size_t n);
/* Bytes that a start line takes besides method and target, or besides the reason. */
#define SV_HTTP1_LINE_SIZE 24
/* Bytes of a content-length field. */
#define SV_HTTP1_LENGTH_SIZE 40

void sv_http1_write_request_line(sv_http1_writer *w, hr_str method, hr_str target);
void sv_http1_write_status_line(sv_http1_writer *w, int minor_version, int status, hr_str reason);
void sv_http1_write_field(sv_http1_writer *w, hr_str name, hr_str value);
void sv_http1_write_fields(sv_http1_writer *w, const hr_pair *fields, size_t n);
void sv_http1_write_content_length(sv_http1_writer *w, uint64_t length);
/* The empty line that ends a head. */
void sv_http1_write_end(sv_http1_writer *w);

/* What precedes the n > 0 bytes of a chunk. Returns its length, at most SV_HTTP1_CHUNK_SIZE. */
#define SV_HTTP1_CHUNK_SIZE 18
size_t sv_http1_chunk_line(char *buf, size_t n);
/* What follows the bytes of a chunk, and ends the body if it is the last. */
hr_str sv_http1_chunk_end(bool last);
/* The size line of the last chunk: trailers and sv_http1_write_end follow. */
void sv_http1_write_last_chunk(sv_http1_writer *w);
/* Ends a body without chunks, or one whose last chunk was ended with `last` false. */
hr_str sv_http1_last_chunk(void);

#endif
