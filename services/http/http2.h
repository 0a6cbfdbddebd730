/*
 * HTTP/2 codec without I/O, on libnghttp2: bytes in, messages out, and back. Its messages are those
 * of http1.h, so that what handles a request does not depend on the version that carried it.
 *
 * One sv_http2 is one connection, of a server or of a client:
 *
 *     sv_http2 *h2 = sv_http2_new(&options, &events, me);
 *     // after each read:
 *     sv_http2_receive(h2, bytes, n);                // calls events
 *     // then, and whenever something was submitted, until it returns 0:
 *     n = sv_http2_send(h2, buf, sizeof(buf));       // calls events; write the n bytes
 *     if (sv_http2_is_finished(h2))
 *         close the connection;
 *
 * Conventions:
 *  - No sockets, no clock, no global state. Functions are thread-safe on different objects.
 *  - Events are called from within sv_http2_receive and sv_http2_send only. They may call every
 *    function but these two and sv_http2_free.
 *  - A stream is valid until its `closed` event. Streams that are open when the connection is freed
 *    get that event, too.
 *  - Ranges that an event passes are valid during the call.
 *
 * Heads are checked like those of HTTP/1.1, on top of the rules of RFC 9113 section 8 that
 * libnghttp2 enforces: lower-case names, no connection-specific fields, pseudo-header fields first
 * and once, content-length equal to the length of the content. A head that breaks these rules
 * resets its stream; one that breaks a rule of ours comes as an event with the error, to be
 * answered.
 *
 * Limits: the size and the number of fields of a head, the number of streams, and the windows bound
 * the memory of a connection. What a client can repeat without end (RST_STREAM, PING, SETTINGS,
 * WINDOW_UPDATE, PRIORITY, empty DATA) is bounded by credit: useful frames and sv_http2_refill give
 * credit, and the connection ends with ENHANCE_YOUR_CALM when it is used up.
 */
#ifndef SV_HTTP2_H
#define SV_HTTP2_H

#include "http1.h"

/* With these bytes a client begins HTTP/2 on a connection (RFC 9113 section 3.4). */
#define SV_HTTP2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SV_HTTP2_PREFACE_LEN ((size_t)24)

/* Error codes of RFC 9113 section 7. */
typedef enum sv_http2_code {
    SV_HTTP2_NO_ERROR = 0,
    SV_HTTP2_PROTOCOL_ERROR = 1,
    SV_HTTP2_INTERNAL_ERROR = 2,
    SV_HTTP2_REFUSED_STREAM = 7,
    SV_HTTP2_CANCEL = 8,
    SV_HTTP2_ENHANCE_YOUR_CALM = 11
} sv_http2_code;

typedef struct sv_http2 sv_http2;
typedef struct sv_http2_stream sv_http2_stream;

typedef struct sv_http2_options {
    bool client;                /* this end makes the requests */
    size_t max_head;            /* bytes of a head's names and values, and 32 for each field */
    size_t max_fields;          /* of a head, pseudo-header fields apart */
    uint32_t max_streams;       /* that the peer may open at a time */
    uint32_t stream_window;     /* bytes of content that a stream may bring before it is consumed */
    uint32_t connection_window; /* the same of all streams together, at least 64 KiB */
    /* The window of all streams is opened again as content comes, and only those of the streams
     * wait until it is consumed: a stream whose content is not consumed does not stop the others.
     */
    bool windows_apart;
    /* A server: announces that it takes the extended CONNECT of RFC 8441. Without it such a request
     * resets its stream. */
    bool extended_connect;
} sv_http2_options;

/* Any may be NULL where it cannot come or does not matter. */
typedef struct sv_http2_events {
    /* A server: the head of a request. `framing` is SV_HTTP1_NO_BODY, SV_HTTP1_LENGTH, or
     * SV_HTTP1_CHUNKED if the length is not known. There is always a field `host`, made from
     * :authority where it was absent, and one `cookie` at most. minor_version is 1. An error is
     * reported as by sv_http1_parse_request.
     *
     * An extended CONNECT comes as the request that it replaces: a GET whose `upgrade` is
     * :protocol. Its framing is SV_HTTP1_CHUNKED, and its content are the bytes of that protocol.
     * Only such a request has `upgrade`. */
    void (*request)(void *ctx, sv_http2_stream *stream, const sv_http1_request *request,
                    sv_http1_result result, const char *why);
    /* A client: the head of an answer, also an interim one (status below 200). */
    void (*response)(void *ctx, sv_http2_stream *stream, const sv_http1_response *response,
                     sv_http1_result result, const char *why);
    /* Content. Call sv_http2_consume once it is no longer held. */
    void (*data)(void *ctx, sv_http2_stream *stream, const char *bytes, size_t n);
    /* The message of the peer is complete. `trailers` may be empty. */
    void (*end)(void *ctx, sv_http2_stream *stream, const hr_pair *trailers, size_t n);
    /* All content given to sv_http2_write has been taken; only if `final` was false. */
    void (*drained)(void *ctx, sv_http2_stream *stream);
    /* The stream is over. SV_HTTP2_NO_ERROR: the answer is complete, at a client and at a server.
     * Otherwise `code` says why it is not, SV_HTTP2_CANCEL if the peer gave no reason. */
    void (*closed)(void *ctx, sv_http2_stream *stream, uint32_t code);
    /* The peer has answered sv_http2_ping. */
    void (*pong)(void *ctx);
} sv_http2_events;

/* NULL if memory is short. Settings and preface are the first bytes to be sent. `events` must live
 * as long as the result. */
sv_http2 *sv_http2_new(const sv_http2_options *options, const sv_http2_events *events, void *ctx);
void sv_http2_free(sv_http2 *h2);

/* Handles n bytes of the peer, of a client with its preface. False: the connection has failed; send
 * what is left to be sent, which says why to the peer, and close it. */
bool sv_http2_receive(sv_http2 *h2, const char *bytes, size_t n);

/* Ends the connection with GOAWAY, as a failure; `why` is a static sentence fragment. */
void sv_http2_fail(sv_http2 *h2, uint32_t code, const char *why);
/* Bytes that are held of a head, or of trailers, whose last frame has not come; 0: there is none.
 */
size_t sv_http2_head_held(const sv_http2 *h2);

/* Fills buf with bytes to be sent and returns their number. 0: there is nothing to be sent now.
 * `size` must be at least SV_HTTP2_MIN_OUTPUT. */
#define SV_HTTP2_MIN_OUTPUT ((size_t)1 << 10)
size_t sv_http2_send(sv_http2 *h2, char *buf, size_t size);

/* True if neither side has anything to say any more: close the connection. */
bool sv_http2_is_finished(const sv_http2 *h2);

/* Open streams. */
size_t sv_http2_streams(const sv_http2 *h2);
/* True if the last input ended within a frame or between the frames of a head. */
bool sv_http2_is_within_frame(const sv_http2 *h2);
/* A client: streams that the peer allows at a time; a cautious number until its SETTINGS come. */
size_t sv_http2_max_streams(const sv_http2 *h2);
/* True once the peer's SETTINGS have come. */
bool sv_http2_has_settings(const sv_http2 *h2);
/* A client: false once either side has sent GOAWAY, or no stream identifier is left. */
bool sv_http2_takes_streams(const sv_http2 *h2);
/* Sends PING; `pong` follows. */
void sv_http2_ping(sv_http2 *h2);
/* Why the connection has failed, a static sentence fragment; NULL if it has not. */
const char *sv_http2_failure(const sv_http2 *h2);

/* Gives credit for frames without use. To be called about once a second. */
void sv_http2_refill(sv_http2 *h2);

/* Sends GOAWAY. `last` false: announces that no new stream should be opened, and streams on their
 * way are still served; true: streams that arrive from now on are not (RFC 9113 section 6.8). */
void sv_http2_shutdown(sv_http2 *h2, bool last);

/* ---- streams ----------------------------------------------------------------------------- */

/* A pointer of the caller; NULL at first. */
void sv_http2_set_data(sv_http2_stream *stream, void *data);
void *sv_http2_data(const sv_http2_stream *stream);
int32_t sv_http2_stream_id(const sv_http2_stream *stream);

/* A client: opens a stream with a request whose :authority, :path and so on come from these
 * members. `fields` has neither Host nor connection-specific fields. The strings are copied. NULL:
 * memory is short, or this connection takes no more streams. */
typedef struct sv_http2_request {
    hr_str method, scheme, authority, path;
    const hr_pair *fields;
    size_t n_fields;
    bool has_content; /* sv_http2_write follows */
} sv_http2_request;
sv_http2_stream *sv_http2_submit_request(sv_http2 *h2, const sv_http2_request *request, void *data);

/* A server: sends the head of an answer. The strings are copied. `has_content`: sv_http2_write
 * follows. With a status below 200 the answer itself is still to come. */
void sv_http2_respond(sv_http2_stream *stream, int status, const hr_pair *fields, size_t n_fields,
                      bool has_content);

/* Sends n <= SV_HTTP2_MAX_PARTS pieces of content, which must stay until `drained` or `closed`.
 * Nothing more may be written before `drained`, and nothing after `final`. `trailers` may follow
 * the final content; they must stay as long. */
#define SV_HTTP2_MAX_PARTS 4
void sv_http2_write(sv_http2_stream *stream, const hr_str *parts, size_t n, bool final,
                    const hr_pair *trailers, size_t n_trailers);

/* Bytes given to sv_http2_write that wait to be taken. */
size_t sv_http2_unsent(const sv_http2_stream *stream);

/* n bytes of content are no longer held: the peer may send as many. */
void sv_http2_consume(sv_http2_stream *stream, size_t n);

/* The same for the window of the connection alone: the content of this stream does not stop the
 * others. sv_http2_open_window follows. */
void sv_http2_consume_connection(sv_http2_stream *stream, size_t n);
/* There is room for `room` bytes of content: opens the window of the stream to no more than that,
 * and makes it `window` bytes large if there is room for as many. A window that is not closed is
 * opened by half of it or more. Returns the bytes that the peer may send. */
size_t sv_http2_open_window(sv_http2_stream *stream, size_t room, size_t window);

/* In `closed`: the peer has sent RST_STREAM. */
bool sv_http2_is_reset_by_peer(const sv_http2_stream *stream);
/* In `closed`, of a client: the peer has not acted on the request. It has refused the stream, has
 * announced so by GOAWAY, or was not sent the request (RFC 9113 section 8.7). */
bool sv_http2_is_unprocessed(const sv_http2_stream *stream);

/* Ends the stream without completing its messages. Nothing more comes of it but `closed`. */
void sv_http2_reset(sv_http2_stream *stream, sv_http2_code code);

#endif
