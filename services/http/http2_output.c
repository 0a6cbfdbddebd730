/* What an HTTP/2 connection sends: heads, content by reference, trailers. */
#include <stdlib.h>
#include <string.h>

#include "http2_internal.h"

/* Content is not sent in smaller pieces only because the output is nearly full. */
#define MIN_CONTENT 512

/* ---- heads ------------------------------------------------------------------------------- */

static nghttp2_nv nv_of(hr_str name, hr_str value) {
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name.p, (uint8_t *)(uintptr_t)value.p, name.len,
                        value.len, NGHTTP2_NV_FLAG_NONE};
}

static void add_fields(nghttp2_nv *at, const hr_pair *fields, size_t n) {
    for (size_t i = 0; i < n; i++)
        at[i] = nv_of(fields[i].name, fields[i].value);
}

static nghttp2_data_provider content_of(sv_http2_stream *stream) {
    return (nghttp2_data_provider){.source = {.ptr = stream},
                                   .read_callback = sv_http2_read_content};
}

/* What cannot be submitted, for want of memory, cannot be answered. */
static void check(sv_http2_stream *stream, int result) {
    if (result != 0)
        sv_http2_reset(stream, SV_HTTP2_INTERNAL_ERROR);
}

static int submit_head(sv_http2_stream *stream, int status, const nghttp2_nv *nv, size_t n,
                       bool has_content) {
    nghttp2_session *session = stream->h2->session;
    nghttp2_data_provider content = content_of(stream);
    if (status < 200)
        return nghttp2_submit_headers(session, NGHTTP2_FLAG_NONE, stream->id, NULL, nv, n, NULL);
    return nghttp2_submit_response(session, stream->id, nv, n, has_content ? &content : NULL);
}

void sv_http2_respond(sv_http2_stream *stream, int status, const hr_pair *fields, size_t n_fields,
                      bool has_content) {
    char text[3] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10),
                    (char)('0' + status % 10)};
    if (stream->detached)
        return;
    nghttp2_nv *nv = malloc((n_fields + 1) * sizeof(*nv));
    if (nv == NULL) {
        check(stream, NGHTTP2_ERR_NOMEM);
        return;
    }
    nv[0] = nv_of(HR_STR(":status"), (hr_str){text, sizeof(text)});
    add_fields(nv + 1, fields, n_fields);
    check(stream, submit_head(stream, status, nv, n_fields + 1, has_content));
    free(nv);
}

sv_http2_stream *sv_http2_submit_request(sv_http2 *h2, const sv_http2_request *request,
                                         void *data) {
    nghttp2_nv *nv = malloc((request->n_fields + 4) * sizeof(*nv));
    sv_http2_stream *stream = sv_http2_stream_new(h2, 0);
    if (nv == NULL || stream == NULL)
        goto failed;
    nghttp2_data_provider content = content_of(stream);
    nv[0] = nv_of(HR_STR(":method"), request->method);
    nv[1] = nv_of(HR_STR(":scheme"), request->scheme);
    nv[2] = nv_of(HR_STR(":authority"), request->authority);
    nv[3] = nv_of(HR_STR(":path"), request->path);
    add_fields(nv + 4, request->fields, request->n_fields);
    stream->data = data;
    stream->is_head_method = request->method.len == 4 && memcmp(request->method.p, "HEAD", 4) == 0;
    stream->id = nghttp2_submit_request(h2->session, NULL, nv, request->n_fields + 4,
                                        request->has_content ? &content : NULL, stream);
    if (stream->id > 0) {
        free(nv);
        return stream;
    }
failed:
    free(nv);
    if (stream != NULL)
        sv_http2_stream_free(stream);
    return NULL;
}

/* ---- content ----------------------------------------------------------------------------- */

void sv_http2_write(sv_http2_stream *stream, const hr_str *parts, size_t n, bool final,
                    const hr_pair *trailers, size_t n_trailers) {
    stream->part = stream->n_parts = stream->left = 0;
    for (size_t i = 0; i < n; i++) {
        if (parts[i].len == 0)
            continue;
        stream->parts[stream->n_parts++] = parts[i];
        stream->left += parts[i].len;
    }
    stream->writing = true;
    stream->final = final;
    stream->trailers = trailers;
    stream->n_trailers = n_trailers;
    if (stream->deferred)
        nghttp2_session_resume_data(stream->h2->session, stream->id);
    stream->deferred = false;
}

size_t sv_http2_unsent(const sv_http2_stream *stream) {
    return stream->left;
}

static void note_drained(sv_http2_stream *stream) {
    sv_http2 *h2 = stream->h2;
    stream->writing = false;
    if (stream->final || stream->in_drained)
        return;
    stream->in_drained = true;
    stream->next_drained = h2->drained;
    h2->drained = stream;
}

static bool submit_trailers(sv_http2_stream *stream) {
    nghttp2_nv *nv = malloc(stream->n_trailers * sizeof(*nv));
    if (nv == NULL)
        return false;
    add_fields(nv, stream->trailers, stream->n_trailers);
    int result = nghttp2_submit_trailer(stream->h2->session, stream->id, nv, stream->n_trailers);
    free(nv);
    return result == 0;
}

/* How much of `left` goes into the next frame; 0: the output must be emptied first. */
static size_t content_room(const sv_http2_stream *stream, size_t max) {
    size_t room = (size_t)(stream->h2->out_end - stream->h2->out);
    size_t wanted = stream->left < max ? stream->left : max;
    if (room < SV_HTTP2_FRAME_HEADER + (wanted < MIN_CONTENT ? wanted : MIN_CONTENT))
        return 0;
    return wanted < room - SV_HTTP2_FRAME_HEADER ? wanted : room - SV_HTTP2_FRAME_HEADER;
}

static ssize_t read_content(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length,
                            uint32_t *flags, nghttp2_data_source *source, void *ctx) {
    sv_http2_stream *stream = source->ptr;
    (void)session, (void)id, (void)buf, (void)ctx;
    if (!stream->writing) {
        stream->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    size_t n = content_room(stream, length);
    if (n == 0 && stream->left > 0)
        return NGHTTP2_ERR_PAUSE;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (n < stream->left || !stream->final) {
        if (stream->left > 0)
            return (ssize_t)n;
        note_drained(stream); /* a piece without content */
        stream->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (stream->n_trailers > 0) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        if (!submit_trailers(stream))
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    return (ssize_t)n;
}

const nghttp2_data_source_read_callback sv_http2_read_content = read_content;

static void take_content(sv_http2_stream *stream, size_t n) {
    sv_http2 *h2 = stream->h2;
    stream->left -= n;
    while (n > 0) {
        hr_str *part = &stream->parts[stream->part];
        size_t step = part->len < n ? part->len : n;
        memcpy(h2->out, part->p, step);
        h2->out += step;
        part->p += step;
        part->len -= step;
        n -= step;
        if (part->len == 0)
            stream->part++;
    }
    if (stream->left == 0)
        note_drained(stream);
}

int sv_http2_send_content(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *framehd,
                          size_t length, nghttp2_data_source *source, void *user_data) {
    sv_http2 *h2 = user_data;
    (void)session, (void)frame; /* which is never padded */
    if ((size_t)(h2->out_end - h2->out) < SV_HTTP2_FRAME_HEADER + length)
        return NGHTTP2_ERR_WOULDBLOCK;
    memcpy(h2->out, framehd, SV_HTTP2_FRAME_HEADER);
    h2->out += SV_HTTP2_FRAME_HEADER;
    take_content(source->ptr, length);
    return 0;
}

/* ---- output ------------------------------------------------------------------------------ */

/* True if a pending frame was taken wholly. */
static bool take_pending(sv_http2 *h2) {
    size_t room = (size_t)(h2->out_end - h2->out);
    size_t n = h2->n_pending < room ? h2->n_pending : room;
    if (n == 0)
        return h2->n_pending == 0;
    memcpy(h2->out, h2->pending, n);
    h2->out += n;
    h2->pending += n;
    h2->n_pending -= n;
    return h2->n_pending == 0;
}

static void report_drained(sv_http2 *h2) {
    for (sv_http2_stream *stream; (stream = h2->drained) != NULL;) {
        h2->drained = stream->next_drained;
        stream->in_drained = false;
        if (!stream->detached && h2->events->drained != NULL)
            h2->events->drained(h2->ctx, stream);
    }
}

size_t sv_http2_send(sv_http2 *h2, char *buf, size_t size) {
    h2->out = buf;
    h2->out_end = buf + size;
    while (take_pending(h2)) {
        ssize_t n = nghttp2_session_mem_send(h2->session, &h2->pending);
        if (n < 0 && h2->failure == NULL)
            h2->failure = nghttp2_strerror((int)n);
        if (n <= 0)
            break;
        h2->n_pending = (size_t)n;
    }
    size_t n = (size_t)(h2->out - buf);
    h2->out = h2->out_end = NULL;
    report_drained(h2);
    return n;
}
