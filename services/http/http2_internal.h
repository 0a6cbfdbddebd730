/* What the files of the HTTP/2 codec share. Inside services/http only. */
#ifndef SV_HTTP2_INTERNAL_H
#define SV_HTTP2_INTERNAL_H

#include <nghttp2/nghttp2.h>

#include "http2.h"

/* Pseudo-header fields that a message may have. */
typedef enum sv_http2_pseudo {
    SV_PSEUDO_METHOD,
    SV_PSEUDO_SCHEME,
    SV_PSEUDO_AUTHORITY,
    SV_PSEUDO_PATH,
    SV_PSEUDO_STATUS,
    SV_PSEUDO_PROTOCOL, /* RFC 8441 section 4 */
    SV_N_PSEUDO
} sv_http2_pseudo;

/* The head, or the trailers, that are being received. There is one at a time on a connection
 * (RFC 9113 section 4.3). */
typedef struct sv_http2_head {
    nghttp2_rcbuf **strings; /* that `fields` and `pseudo` point into */
    size_t n_strings;
    hr_pair *fields;
    size_t n_fields, max_fields;
    hr_str pseudo[SV_N_PSEUDO];
    size_t size, max_size; /* all that has been decoded, and what a message may have */
    bool too_large;
    const char *malformed; /* the reason, or NULL */
    char *cookie;          /* the cookies joined, or NULL */
} sv_http2_head;

/* Of a frame (RFC 9113 section 4.1). */
#define SV_HTTP2_FRAME_HEADER 9

/* The place between two pieces of input. */
typedef struct sv_http2_scan {
    size_t payload; /* bytes left of a frame */
    size_t n_header;
    unsigned char header[SV_HTTP2_FRAME_HEADER];
    bool in_head;  /* CONTINUATION must follow */
    bool is_block; /* the frame is of a head */
    size_t block;  /* bytes of the head's frames so far */
} sv_http2_scan;

struct sv_http2_stream {
    sv_http2 *h2;
    int32_t id;
    void *data;
    sv_http2_stream *next, **link;
    size_t unconsumed;   /* bytes of content that the window of the connection waits for */
    size_t unopened;     /* the same, of the window of the stream */
    bool is_head_method; /* the request is a HEAD */
    bool has_final_head; /* the head of the request, or of the answer that is not interim */
    bool received_end;   /* the peer's message is complete */
    bool sent_end;       /* a server: the answer is complete */
    bool detached;       /* reset by this end: no events but `closed` */
    bool reset_by_peer;
    bool head_sent;   /* of the request, by a client */
    bool unprocessed; /* once it is closed */
    /* content to be sent */
    hr_str parts[SV_HTTP2_MAX_PARTS];
    size_t part, n_parts, left;
    bool writing;  /* `parts` are not taken wholly, or `drained` is due */
    bool final;    /* `parts` are the last */
    bool deferred; /* libnghttp2 waits for sv_http2_write */
    const hr_pair *trailers;
    size_t n_trailers;
    sv_http2_stream *next_drained;
    bool in_drained;
};

struct sv_http2 {
    nghttp2_session *session;
    const sv_http2_events *events;
    void *ctx;
    sv_http2_options options;
    sv_http2_head head;
    sv_http2_scan scan;
    sv_http2_stream *streams;
    size_t n_streams;
    sv_http2_stream *drained; /* whose `drained` event is due */
    const char *failure;
    bool terminated;        /* GOAWAY with an error was submitted */
    bool has_settings;      /* of the peer */
    int resets;             /* credit */
    int useless;            /* credit */
    const uint8_t *pending; /* a frame that did not fit into the last output */
    size_t n_pending;
    char *out, *out_end; /* during sv_http2_send */
};

/* http2_head.c */
/* Set max_fields and max_size before. */
void sv_http2_head_begin(sv_http2_head *head);
/* Counts a field. False: so much has been decoded that the connection must end. */
bool sv_http2_head_count(sv_http2_head *head, nghttp2_rcbuf *name, nghttp2_rcbuf *value);
/* Takes the field that was counted. */
void sv_http2_head_add(sv_http2_head *head, nghttp2_rcbuf *name, nghttp2_rcbuf *value);
sv_http1_result sv_http2_head_request(sv_http1_request *request, sv_http2_head *head, bool ended,
                                      const char **why);
sv_http1_result sv_http2_head_response(sv_http1_response *response, sv_http2_head *head, bool ended,
                                       const char **why);
/* Releases all memory. */
void sv_http2_head_end(sv_http2_head *head);

/* http2_output.c */
extern const nghttp2_data_source_read_callback sv_http2_read_content;
int sv_http2_send_content(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *framehd,
                          size_t length, nghttp2_data_source *source, void *user_data);

/* http2.c */
sv_http2_stream *sv_http2_stream_new(sv_http2 *h2, int32_t id);
void sv_http2_stream_free(sv_http2_stream *stream);

#endif
