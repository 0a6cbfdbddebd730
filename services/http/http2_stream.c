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

void sv_http2_consume(sv_http2_stream *stream, size_t n) {
    sv_http2 *h2 = stream->h2;
    size_t known = n < stream->unconsumed ? n : stream->unconsumed;
    stream->unconsumed -= known;
    if (known == 0)
        return;
    if (h2->options.windows_apart)
        nghttp2_session_consume_stream(h2->session, stream->id, known);
    else
        nghttp2_session_consume(h2->session, stream->id, known);
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
