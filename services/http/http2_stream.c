/* Streams of an HTTP/2 connection: their memory, and what either end asks of one. */
#include <stdlib.h>

#include "http2_internal.h"

sv_http2_stream *sv_http2_stream_new(sv_http2 *h2, int32_t id) {
    sv_http2_stream *stream = calloc(1, sizeof(*stream));
    if (stream == NULL)
        return NULL;
    stream->h2 = h2;
    stream->id = id;
    stream->next = h2->streams;
    stream->link = &h2->streams;
    if (stream->next != NULL)
        stream->next->link = &stream->next;
    h2->streams = stream;
    h2->n_streams++;
    return stream;
}

static void forget_drained(sv_http2_stream *stream) {
    for (sv_http2_stream **at = &stream->h2->drained; *at != NULL; at = &(*at)->next_drained) {
        if (*at != stream)
            continue;
        *at = stream->next_drained;
        return;
    }
}

void sv_http2_stream_free(sv_http2_stream *stream) {
    if (stream->in_drained)
        forget_drained(stream);
    *stream->link = stream->next;
    if (stream->next != NULL)
        stream->next->link = stream->link;
    stream->h2->n_streams--;
    free(stream);
}

void sv_http2_set_data(sv_http2_stream *stream, void *data) {
    stream->data = data;
}

void *sv_http2_data(const sv_http2_stream *stream) {
    return stream->data;
}

int32_t sv_http2_stream_id(const sv_http2_stream *stream) {
    return stream->id;
}

/* The part of n that was not accounted for before. */
static size_t settle_part(size_t *waiting, size_t n) {
    size_t part = n < *waiting ? n : *waiting;
    *waiting -= part;
    return part;
}

void sv_http2_consume_connection(sv_http2_stream *stream, size_t n) {
    size_t part = settle_part(&stream->unconsumed, n);
    if (part > 0)
        nghttp2_session_consume_connection(stream->h2->session, part);
}

static void consume_stream(sv_http2_stream *stream, size_t n) {
    size_t part = settle_part(&stream->unopened, n);
    if (part > 0)
        nghttp2_session_consume_stream(stream->h2->session, stream->id, part);
}

void sv_http2_consume(sv_http2_stream *stream, size_t n) {
    sv_http2_consume_connection(stream, n);
    consume_stream(stream, n);
}

static size_t not_negative(int32_t n) {
    return n > 0 ? (size_t)n : 0;
}

size_t sv_http2_open_window(sv_http2_stream *stream, size_t room, size_t window) {
    nghttp2_session *session = stream->h2->session;
    int32_t id = stream->id;
    size_t open = not_negative(nghttp2_session_get_stream_local_window_size(session, id));
    size_t size = not_negative(nghttp2_session_get_stream_effective_local_window_size(session, id));
    if (window > size && room >= open + (window - size) &&
        nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, id, (int32_t)window) ==
            0) {
        open += window - size;
        size = window;
    }
    size_t more = room > open ? room - open : 0;
    if (more > stream->unopened)
        more = stream->unopened;
    if (more == 0 || (open > 0 && more < size / 2) ||
        nghttp2_submit_window_update(session, NGHTTP2_FLAG_NONE, id, (int32_t)more) != 0)
        return open;
    stream->unopened -= more;
    return open + more;
}

bool sv_http2_is_reset_by_peer(const sv_http2_stream *stream) {
    return stream->reset_by_peer;
}

bool sv_http2_is_unprocessed(const sv_http2_stream *stream) {
    return stream->unprocessed;
}

void sv_http2_reset(sv_http2_stream *stream, sv_http2_code code) {
    if (stream->detached)
        return;
    stream->detached = true;
    nghttp2_submit_rst_stream(stream->h2->session, NGHTTP2_FLAG_NONE, stream->id, code);
}
