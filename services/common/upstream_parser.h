/*
 * Strict parser of HTTP/1.1 answers: what an upstream server sends, read without trust.
 *
 * Framing errors that two parsers could read differently (RFC 9112 sections 6.3 and 11.2) are
 * errors here, never repaired: Content-Length beside Transfer-Encoding, differing Content-Lengths,
 * a transfer coding other than one "chunked", chunk sizes that are not plain hexadecimal, a line
 * that ends in a bare LF, folded lines, an answer that ends before its body does.
 *
 * Pure: no sockets, no allocation, no clock. One answer is one hr_resp_head (complete in one
 * buffer) and then one hr_resp_body fed with whatever arrives.
 */
#ifndef HR_SERVICES_UPSTREAM_PARSER_H
#define HR_SERVICES_UPSTREAM_PARSER_H

#include <headerroute/headerroute.h>

#define HR_RESP_MAX_FIELDS 128

/* Elements of all Connection fields of one message together. Envoy refuses a request with ten
 * (MAX_ALLOWED_NOMINATED_HEADERS in its source/common/http/utility.cc). */
#define HR_MAX_NOMINATED 9

typedef enum hr_resp_result {
    HR_RESP_ERROR = -1,     /* the answer is malformed; *why says how */
    HR_RESP_INCOMPLETE = 0, /* so far well-formed: more bytes are needed */
    HR_RESP_COMPLETE = 1
} hr_resp_result;

typedef enum hr_resp_framing {
    HR_RESP_NO_BODY = 0, /* 1xx, 204, 304, or the answer to HEAD */
    HR_RESP_LENGTH,      /* Content-Length */
    HR_RESP_CHUNKED,
    HR_RESP_UNTIL_CLOSE /* neither given: the body ends with the connection */
} hr_resp_framing;

/* A parsed head. Strings point into the buffer that was parsed. */
typedef struct hr_resp_head {
    int minor_version; /* of HTTP/1 */
    int status;        /* 100 to 599 */
    hr_str reason;     /* may be empty */
    hr_pair
        fields[HR_RESP_MAX_FIELDS]; /* in order; names in lower case; hop-by-hop fields removed */
    size_t n_fields;
    hr_resp_framing framing;
    int has_content_length;   /* also where no body follows: HEAD, 304 */
    uint64_t content_length;  /* 0 unless has_content_length */
    int keep_alive;           /* the peer will take another request on this connection */
    int keep_alive_timeout_s; /* of "Keep-Alive: timeout=N"; -1: not told */
    hr_str upgrade;           /* of a 101: the protocol; absent otherwise */
} hr_resp_head;

/* What the parser must know of the request. */
typedef struct hr_resp_context {
    int request_is_head;
    int upgrade_requested; /* a 101 is an error unless this is set */
} hr_resp_context;

/* Looks for the end of a head in buf[0..len). *scanned carries what was looked at between calls on
 * a growing buffer (begin with 0), so that a head that comes byte by byte costs linear time.
 * HR_RESP_COMPLETE: *head_len is the length of the head with its empty line. A bare LF, a first
 * byte that no answer begins with, or more than max_head bytes are HR_RESP_ERROR. */
hr_resp_result hr_resp_find_head(size_t *head_len, size_t *scanned, const char *buf, size_t len,
                                 size_t max_head, const char **why);

/* Parses a whole head (as found above). Lower-cases field names in place. HR_RESP_COMPLETE or
 * HR_RESP_ERROR. */
hr_resp_result hr_resp_parse_head(hr_resp_head *out, char *buf, size_t head_len,
                                  const hr_resp_context *context, const char **why);

/* The state of one body. */
typedef struct hr_resp_body {
    hr_resp_framing framing;
    int state;
    int digits;         /* of the chunk size read so far */
    size_t line_bytes;  /* of the chunk line, or of the trailers */
    uint64_t remaining; /* of the body (LENGTH) or of the chunk */
} hr_resp_body;

void hr_resp_body_init(hr_resp_body *body, const hr_resp_head *head);

/* Takes what frames the beginning of the content, at most the *len bytes at buf, and sets *len to
 * how many they are: what comes behind need not be moved then. HR_RESP_ERROR, else
 * HR_RESP_INCOMPLETE; hr_resp_body_feed tells the rest. */
hr_resp_result hr_resp_body_lead(hr_resp_body *body, const char *buf, size_t *len,
                                 const char **why);

/* Decodes in place: *len bytes of input at buf become *len bytes of content at buf. *surplus is how
 * many bytes of the input came after the end of the answer (only with HR_RESP_COMPLETE; they are
 * lost, as a connection that sends what nobody asked for is of no further use). A body without
 * content is complete at the first call, also with *len = 0. */
hr_resp_result hr_resp_body_feed(hr_resp_body *body, char *buf, size_t *len, size_t *surplus,
                                 const char **why);

/* The connection has ended: HR_RESP_COMPLETE if the body may end so, else HR_RESP_ERROR. */
hr_resp_result hr_resp_body_eof(const hr_resp_body *body, const char **why);

/* Removes from a list of fields (names in lower case) what concerns one connection only: Connection
 * and the fields it names, Keep-Alive, Proxy-Connection, TE, Trailer, Transfer-Encoding, Upgrade
 * (RFC 9110 section 7.6.1), and Content-Length, which each hop writes itself. Returns the new
 * count: 0 if Connection has more than HR_MAX_NOMINATED elements. Linear in the length of the
 * Connection fields plus the number of fields. */
size_t hr_strip_hop_by_hop(hr_pair *fields, size_t n);

/* 1 if it is a token of RFC 9110 section 5.6.2: a method, a field's name. */
int hr_is_token(hr_str s);
/* How many elements a comma-separated list has. Empty ones count only if there are more than 64
 * commas. */
size_t hr_list_count(hr_str list);

#endif
