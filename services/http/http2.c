/* HTTP/2 connections: the session of libnghttp2, its events, and the limits on a peer. */
#include <stdlib.h>
#include <string.h>

#include "http2_internal.h"

/* Acknowledgements of PING and SETTINGS that wait because the peer does not read. */
#define MAX_OUTBOUND_ACKS 100
/* Bytes of the compression state of what is sent. A quarter of the usual size holds the fields that
 * repeat. */
#define MAX_TABLE 1024
/* Entries of a SETTINGS frame. */
#define MAX_SETTINGS 32

/* Streams that end in an error: the peer resets them, or makes this end reset them
 * (CVE-2023-44487, CVE-2025-8671). A proxy cancels that many at once if
 * many users leave; streams that complete give credit. */
#define RESET_CREDIT 200
#define RESET_REFILL 50

/* Frames that carry neither a message nor content. */
#define USELESS_CREDIT 1000
#define USELESS_REFILL 200
/* What a frame with content, in either direction, gives: Envoy allows as many WINDOW_UPDATEs
 * (max_inbound_window_update_frames_per_data_frame_sent). */
#define DATA_CREDIT 10
/* What a request gives (Envoy's max_inbound_priority_frames_per_stream). */
#define HEAD_CREDIT 100

/* Bytes of a name and a value that libnghttp2 decodes at most. */
#define MAX_FIELD ((size_t)128 << 10)

#define MIN_WINDOW 65535

/* ---- credit ------------------------------------------------------------------------------ */

void sv_http2_fail(sv_http2 *h2, uint32_t code, const char *why) {
    if (h2->terminated)
        return;
    h2->terminated = true;
    h2->failure = why;
    nghttp2_session_terminate_session(h2->session, code);
}

static int more_credit(int credit, int more, int max) {
    return credit + more < max ? credit + more : max;
}

static void earn(sv_http2 *h2, int credit) {
    h2->useless = more_credit(h2->useless, credit, USELESS_CREDIT);
}

static void spend(sv_http2 *h2) {
    if (--h2->useless < 0)
        sv_http2_fail(h2, NGHTTP2_ENHANCE_YOUR_CALM, "too many frames without use");
}

void sv_http2_refill(sv_http2 *h2) {
    h2->resets = more_credit(h2->resets, RESET_REFILL, RESET_CREDIT);
    earn(h2, USELESS_REFILL);
}

/* ---- streams ----------------------------------------------------------------------------- */

static void close_stream(sv_http2_stream *stream, uint32_t code) {
    sv_http2 *h2 = stream->h2;
    if (h2->events->closed != NULL)
        h2->events->closed(h2->ctx, stream, code);
    sv_http2_stream_free(stream);
}

/* ---- heads ------------------------------------------------------------------------------- */

static sv_http2_stream *stream_of(nghttp2_session *session, const nghttp2_frame *frame) {
    return nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *ctx) {
    sv_http2 *h2 = ctx;
    sv_http2_head_begin(&h2->head);
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    sv_http2_stream *stream = sv_http2_stream_new(h2, frame->hd.stream_id);
    if (stream == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    nghttp2_session_set_stream_user_data(session, stream->id, stream);
    return 0;
}

static int count_field(sv_http2 *h2, nghttp2_rcbuf *name, nghttp2_rcbuf *value) {
    if (sv_http2_head_count(&h2->head, name, value))
        return 0;
    sv_http2_fail(h2, NGHTTP2_ENHANCE_YOUR_CALM, "a head unfolds to more than is decoded");
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                     nghttp2_rcbuf *value, uint8_t flags, void *ctx) {
    sv_http2 *h2 = ctx;
    (void)session, (void)frame, (void)flags;
    int result = count_field(h2, name, value);
    if (result == 0)
        sv_http2_head_add(&h2->head, name, value);
    return result;
}

/* Without this callback libnghttp2 would drop the field and go on. */
static int on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
                             nghttp2_rcbuf *name, nghttp2_rcbuf *value, uint8_t flags, void *ctx) {
    sv_http2 *h2 = ctx;
    (void)session, (void)frame, (void)flags;
    h2->head.malformed = "a header field contains a character that is not allowed";
    return count_field(h2, name, value);
}

static void end_message(sv_http2_stream *stream, const hr_pair *trailers, size_t n) {
    sv_http2 *h2 = stream->h2;
    stream->received_end = true;
    if (!stream->detached && h2->events->end != NULL)
        h2->events->end(h2->ctx, stream, trailers, n);
}

static void on_request_head(sv_http2_stream *stream, bool ended) {
    sv_http2 *h2 = stream->h2;
    sv_http1_request request;
    const char *why = NULL;
    sv_http1_result result = sv_http2_head_request(&request, &h2->head, ended, &why);
    stream->has_final_head = true;
    stream->is_head_method = request.method.len == 4 && memcmp(request.method.p, "HEAD", 4) == 0;
    earn(h2, HEAD_CREDIT);
    h2->events->request(h2->ctx, stream, &request, result, why);
}

static void on_response_head(sv_http2_stream *stream, bool ended) {
    sv_http2 *h2 = stream->h2;
    sv_http1_response response;
    const char *why = NULL;
    sv_http1_result result = sv_http2_head_response(&response, &h2->head, ended, &why);
    stream->has_final_head = response.status >= 200;
    earn(h2, HEAD_CREDIT);
    h2->events->response(h2->ctx, stream, &response, result, why);
}

/* Trailers that break a rule cannot be answered: the answer may be under way. */
static void on_trailers(sv_http2_stream *stream) {
    const sv_http2_head *head = &stream->h2->head;
    if (head->too_large || head->malformed != NULL)
        sv_http2_reset(stream, SV_HTTP2_PROTOCOL_ERROR);
    else
        end_message(stream, head->fields, head->n_fields);
}

static void on_head(sv_http2_stream *stream, bool ended) {
    sv_http2 *h2 = stream->h2;
    if (stream->detached) {
        /* nothing more comes of it */
    } else if (stream->has_final_head) {
        on_trailers(stream);
    } else {
        if (h2->options.client)
            on_response_head(stream, ended);
        else
            on_request_head(stream, ended);
        if (ended)
            end_message(stream, NULL, 0);
    }
    sv_http2_head_end(&h2->head);
}

/* ---- other frames ------------------------------------------------------------------------ */

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                         size_t n, void *ctx) {
    sv_http2 *h2 = ctx;
    sv_http2_stream *stream = nghttp2_session_get_stream_user_data(session, id);
    (void)flags;
    earn(h2, DATA_CREDIT);
    if (stream == NULL || stream->detached) {
        nghttp2_session_consume(session, id, n);
        return 0;
    }
    stream->unopened += n;
    if (h2->options.windows_apart)
        nghttp2_session_consume_connection(session, n);
    else
        stream->unconsumed += n;
    h2->events->data(h2->ctx, stream, (const char *)bytes, n);
    return 0;
}

static void on_connection_frame(sv_http2 *h2, const nghttp2_frame *frame) {
    bool is_ack = frame->hd.flags & NGHTTP2_FLAG_ACK; /* of PING and SETTINGS alike */
    if (frame->hd.type == NGHTTP2_SETTINGS && !is_ack)
        h2->has_settings = true;
    else if (frame->hd.type == NGHTTP2_PING && is_ack && h2->events->pong != NULL)
        h2->events->pong(h2->ctx);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *ctx) {
    sv_http2_stream *stream = frame->hd.stream_id != 0 ? stream_of(session, frame) : NULL;
    bool ended = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    if (frame->hd.stream_id == 0)
        on_connection_frame(ctx, frame);
    if (stream == NULL)
        return 0;
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        stream->reset_by_peer = true;
    if (frame->hd.type == NGHTTP2_HEADERS)
        on_head(stream, ended);
    else if (frame->hd.type == NGHTTP2_DATA && ended)
        end_message(stream, NULL, 0);
    return 0;
}

/* A peer may name any code when it resets a stream that is not complete. */
static uint32_t settled_code(const sv_http2_stream *stream, uint32_t code) {
    bool complete = stream->h2->options.client ? stream->received_end : stream->sent_end;
    return code == NGHTTP2_NO_ERROR && !complete ? NGHTTP2_CANCEL : code;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *ctx) {
    sv_http2 *h2 = ctx;
    sv_http2_stream *stream = nghttp2_session_get_stream_user_data(session, id);
    if (stream == NULL)
        return 0;
    if (stream->unconsumed > 0)
        nghttp2_session_consume_connection(session, stream->unconsumed);
    code = settled_code(stream, code);
    stream->unprocessed =
        h2->options.client && (code == NGHTTP2_REFUSED_STREAM || !stream->head_sent);
    if (code == NGHTTP2_NO_ERROR)
        h2->resets = more_credit(h2->resets, 1, RESET_CREDIT);
    else if (!h2->options.client && --h2->resets < 0)
        sv_http2_fail(h2, NGHTTP2_ENHANCE_YOUR_CALM, "too many streams were reset");
    nghttp2_session_set_stream_user_data(session, id, NULL);
    close_stream(stream, code);
    return 0;
}

static void note_head_sent(sv_http2_stream *stream) {
    if (stream != NULL)
        stream->head_sent = true;
}

/* An answer that is complete before its request: the client need not send the rest (RFC 9113
 * section 8.1). */
static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *ctx) {
    sv_http2 *h2 = ctx;
    bool ends = (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
                (frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
    if (frame->hd.type == NGHTTP2_DATA)
        earn(h2, DATA_CREDIT);
    if (frame->hd.type == NGHTTP2_HEADERS && h2->options.client)
        note_head_sent(stream_of(session, frame));
    if (!ends || h2->options.client)
        return 0;
    sv_http2_stream *stream = stream_of(session, frame);
    if (stream != NULL)
        stream->sent_end = true;
    if (stream != NULL && !stream->received_end)
        sv_http2_reset(stream, SV_HTTP2_NO_ERROR);
    return 0;
}

/* ---- frame headers ----------------------------------------------------------------------- */

/* libnghttp2 drops frames of unknown types and of closed streams without a word, so their headers
 * are read here. Heads, their continuations and content are limited elsewhere. */
static void count_frame(sv_http2 *h2, const unsigned char *header) {
    sv_http2_scan *scan = &h2->scan;
    bool empty = (header[0] | header[1] | header[2]) == 0;
    bool ends = header[4] & NGHTTP2_FLAG_END_STREAM;
    scan->is_block = header[3] == NGHTTP2_HEADERS || header[3] == NGHTTP2_CONTINUATION;
    switch (header[3]) {
    case NGHTTP2_HEADERS:
        scan->block = 0;
        /* fall through */
    case NGHTTP2_CONTINUATION:
        scan->in_head = (header[4] & NGHTTP2_FLAG_END_HEADERS) == 0;
        return;
    case NGHTTP2_DATA:
        if (empty && !ends)
            spend(h2);
        return;
    default:
        spend(h2);
        return;
    }
}

static void count_frames(sv_http2 *h2, const char *bytes, size_t n) {
    sv_http2_scan *scan = &h2->scan;
    for (size_t at = 0; at < n;) {
        size_t skip = scan->payload < n - at ? scan->payload : n - at;
        scan->payload -= skip;
        scan->block += scan->is_block ? skip : 0;
        at += skip;
        while (at < n && scan->payload == 0 && scan->n_header < SV_HTTP2_FRAME_HEADER)
            scan->header[scan->n_header++] = (unsigned char)bytes[at++];
        if (scan->n_header < SV_HTTP2_FRAME_HEADER)
            continue;
        scan->n_header = 0;
        scan->payload =
            (size_t)scan->header[0] << 16 | (size_t)scan->header[1] << 8 | (size_t)scan->header[2];
        count_frame(h2, scan->header);
    }
}

/* Streams beyond max_streams are refused by libnghttp2 until the peer has acknowledged SETTINGS: it
 * makes no stream of them, but a RST_STREAM that waits to be sent. */
static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error,
                            void *ctx) {
    sv_http2 *h2 = ctx;
    (void)session;
    (void)frame;
    if (error == NGHTTP2_ERR_REFUSED_STREAM && !h2->options.client && --h2->resets < 0)
        sv_http2_fail(h2, NGHTTP2_ENHANCE_YOUR_CALM, "too many streams were reset");
    return 0;
}

/* ---- life -------------------------------------------------------------------------------- */

static nghttp2_session_callbacks *make_callbacks(void) {
    nghttp2_session_callbacks *c;
    if (nghttp2_session_callbacks_new(&c) != 0)
        return NULL;
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(c, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback2(c, on_invalid_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data_chunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, on_frame_sent);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(c, on_invalid_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_stream_close);
    nghttp2_session_callbacks_set_send_data_callback(c, sv_http2_send_content);
    return c;
}

static nghttp2_option *make_option(void) {
    nghttp2_option *option;
    if (nghttp2_option_new(&option) != 0)
        return NULL;
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_max_outbound_ack(option, MAX_OUTBOUND_ACKS);
    nghttp2_option_set_max_settings(option, MAX_SETTINGS);
    nghttp2_option_set_max_deflate_dynamic_table_size(option, MAX_TABLE);
    return option;
}

static int open_session(sv_http2 *h2) {
    nghttp2_session_callbacks *callbacks = make_callbacks();
    nghttp2_option *option = make_option();
    int result = NGHTTP2_ERR_NOMEM;
    if (callbacks != NULL && option != NULL && h2->options.client)
        result = nghttp2_session_client_new2(&h2->session, callbacks, h2, option);
    else if (callbacks != NULL && option != NULL)
        result = nghttp2_session_server_new2(&h2->session, callbacks, h2, option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    return result;
}

static int announce_settings(sv_http2 *h2) {
    const sv_http2_options *o = &h2->options;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, o->max_streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, o->stream_window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)o->max_head},
        /* Each end has its own last one. */
        o->client ? (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_PUSH, 0}
                  : (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
    };
    size_t n = sizeof(settings) / sizeof(settings[0]);
    bool has_last = o->client || o->extended_connect;
    int result =
        nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings, has_last ? n : n - 1);
    if (result == 0 && o->connection_window > MIN_WINDOW)
        result = nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0,
                                                       (int32_t)o->connection_window);
    return result;
}

sv_http2 *sv_http2_new(const sv_http2_options *options, const sv_http2_events *events, void *ctx) {
    sv_http2 *h2 = calloc(1, sizeof(*h2));
    if (h2 == NULL)
        return NULL;
    h2->events = events;
    h2->ctx = ctx;
    h2->options = *options;
    h2->resets = RESET_CREDIT;
    h2->useless = USELESS_CREDIT;
    h2->scan.payload = options->client ? 0 : SV_HTTP2_PREFACE_LEN;
    h2->head.max_fields = options->max_fields;
    h2->head.max_size = options->max_head;
    if (open_session(h2) != 0 || announce_settings(h2) != 0) {
        sv_http2_free(h2);
        return NULL;
    }
    return h2;
}

void sv_http2_free(sv_http2 *h2) {
    if (h2 == NULL)
        return;
    while (h2->streams != NULL)
        close_stream(h2->streams, SV_HTTP2_CANCEL);
    nghttp2_session_del(h2->session);
    sv_http2_head_end(&h2->head);
    free(h2);
}

bool sv_http2_receive(sv_http2 *h2, const char *bytes, size_t n) {
    if (h2->failure != NULL)
        return false;
    count_frames(h2, bytes, n);
    ssize_t used = nghttp2_session_mem_recv(h2->session, (const uint8_t *)bytes, n);
    if (used < 0 && h2->failure == NULL)
        h2->failure = nghttp2_strerror((int)used);
    if (used < 0 && used != NGHTTP2_ERR_NOMEM)
        nghttp2_session_terminate_session(h2->session, used == NGHTTP2_ERR_FLOODED
                                                           ? NGHTTP2_ENHANCE_YOUR_CALM
                                                           : NGHTTP2_PROTOCOL_ERROR);
    return h2->failure == NULL;
}

bool sv_http2_is_finished(const sv_http2 *h2) {
    return h2->n_pending == 0 && nghttp2_session_want_read(h2->session) == 0 &&
           nghttp2_session_want_write(h2->session) == 0;
}

bool sv_http2_is_within_frame(const sv_http2 *h2) {
    return h2->scan.payload > 0 || h2->scan.n_header > 0 || h2->scan.in_head;
}

/* Fields that are complete, and the one that is being decoded: libnghttp2 has twice its bytes, as
 * Huffman's code may unfold to that. */
size_t sv_http2_head_held(const sv_http2 *h2) {
    const sv_http2_scan *scan = &h2->scan;
    const sv_http2_head *head = &h2->head;
    if (!scan->in_head && !(scan->is_block && scan->payload > 0))
        return 0;
    size_t decoded = head->size < head->max_size ? head->size : head->max_size;
    return decoded + 2 * (scan->block < MAX_FIELD ? scan->block : MAX_FIELD);
}

size_t sv_http2_streams(const sv_http2 *h2) {
    return h2->n_streams;
}

size_t sv_http2_max_streams(const sv_http2 *h2) {
    return nghttp2_session_get_remote_settings(h2->session,
                                               NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

bool sv_http2_has_settings(const sv_http2 *h2) {
    return h2->has_settings;
}

bool sv_http2_takes_streams(const sv_http2 *h2) {
    return h2->failure == NULL && nghttp2_session_check_request_allowed(h2->session);
}

void sv_http2_ping(sv_http2 *h2) {
    (void)nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, NULL);
}

const char *sv_http2_failure(const sv_http2 *h2) {
    return h2->failure;
}

void sv_http2_shutdown(sv_http2 *h2, bool last) {
    if (h2->terminated)
        return;
    if (!last)
        nghttp2_submit_shutdown_notice(h2->session);
    else
        nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(h2->session),
                              NGHTTP2_NO_ERROR, NULL, 0);
}
