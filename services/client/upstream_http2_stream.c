/* Streams of HTTP/2 connections to endpoints: requests, bodies both ways, and how streams end. */
#include "upstream_http2_stream.h"

#include <stdlib.h>
#include <string.h>

#include "decimal.h"
#include "upstream_exchange.h"
#include "upstream_http2.h"
#include "upstream_pool.h"
#include "upstream_write.h"

/* Fields added to those of the request: content-length, te. */
#define FIELDS_ADDED 2

/* ---- members ----------------------------------------------------------------------------- */

void sv_up_stream_join(sv_up_http2 *c, sv_up_exchange *ex) {
    sv_up_stream *s = &ex->stream;
    free(s->head_text);
    *s = (sv_up_stream){.conn = c, .next = c->members, .link = &c->members};
    if (s->next != NULL)
        s->next->stream.link = &s->next;
    c->members = ex;
    c->n_members++;
    c->n_requests++;
}

static void forget_news(sv_up_exchange *ex) {
    sv_up_stream *s = &ex->stream;
    if (s->news_link == NULL)
        return;
    *s->news_link = s->next_news;
    if (s->next_news != NULL)
        s->next_news->stream.news_link = s->news_link;
    else
        s->conn->last_news = s->news_link;
    s->news_link = NULL;
}

static void add_news(sv_up_exchange *ex) {
    sv_up_stream *s = &ex->stream;
    sv_up_http2 *c = s->conn;
    if (s->news_link != NULL || c == NULL)
        return;
    s->next_news = NULL;
    s->news_link = c->news != NULL ? c->last_news : &c->news;
    *s->news_link = ex;
    c->last_news = &s->next_news;
}

/* The exchange has no more to do with the connection. */
static void stream_detach(sv_up_exchange *ex) {
    sv_up_stream *s = &ex->stream;
    sv_up_http2 *c = s->conn;
    if (s->on != NULL) {
        sv_http2_set_data(s->on, NULL);
        sv_http2_reset(s->on, SV_HTTP2_CANCEL);
        sv_up_http2_mark(c);
    }
    forget_news(ex);
    if (c->reporting == ex)
        c->reporting = NULL;
    *s->link = s->next;
    if (s->next != NULL)
        s->next->stream.link = s->link;
    s->conn = NULL;
    s->on = NULL;
    c->n_members--;
    c->idle_since = sv_timers_now();
}

void sv_up_http2_leave(sv_up_exchange *ex) {
    sv_up_http2 *c = ex->stream.conn;
    if (c == NULL)
        return;
    stream_detach(ex);
    sv_up_http2_mark(c); /* it may be idle now */
}

/* ---- requests ---------------------------------------------------------------------------- */

static bool body_length(const sv_up_request *r, uint64_t *length) {
    *length = r->source != NULL ? r->source->length : r->body.len;
    return r->source != NULL ? r->source->has_length : r->body.p != NULL;
}

static sv_http2_stream *stream_submit(sv_up_exchange *ex, bool has_content) {
    const sv_up_request *r = ex->request;
    hr_pair *fields = sv_alloc((r->n_fields + FIELDS_ADDED) * sizeof(*fields));
    char digits[SV_DECIMAL_MAX];
    uint64_t length;
    size_t n = r->n_fields;
    if (n > 0)
        memcpy(fields, r->fields, n * sizeof(*fields));
    if (body_length(r, &length))
        fields[n++] = (hr_pair){HR_STR("content-length"),
                                {digits, (size_t)(sv_put_uint(digits, length) - digits)}};
    if (r->te_trailers)
        fields[n++] = (hr_pair){HR_STR("te"), HR_STR("trailers")};
    const sv_http2_request request = {.method = r->method,
                                      .scheme = ex->endpoint->settings.tls != NULL ? HR_STR("https")
                                                                                   : HR_STR("http"),
                                      .authority = r->authority,
                                      .path = r->path,
                                      .fields = fields,
                                      .n_fields = n,
                                      .has_content = has_content};
    sv_http2_stream *stream = sv_http2_submit_request(ex->stream.conn->h2, &request, ex);
    free(fields);
    return stream;
}

void sv_up_stream_open(sv_up_exchange *ex) {
    const sv_up_request *r = ex->request;
    sv_up_stream *s = &ex->stream;
    bool has_content = r->source != NULL || r->body.len > 0;
    s->on = stream_submit(ex, has_content);
    sv_up_http2_mark(s->conn);
    if (s->on == NULL) { /* no memory, or no identifier is left */
        s->error = SV_UP_REFUSED;
        s->unprocessed = true;
        s->why = "the connection takes no more streams";
        add_news(ex);
        return;
    }
    s->before_settings = !sv_http2_has_settings(s->conn->h2);
    ex->sent = 1;
    if (r->source != NULL) {
        sv_up_http2_more(ex);
        return;
    }
    if (has_content)
        sv_http2_write(s->on, &r->body, 1, true, NULL, 0);
    ex->written = 1;
    sv_up_enter_phase(ex, SV_UP_FIRST_BYTE_TIMEOUT, r->first_byte_timeout_ms);
}

/* The last piece stays with the caller until the exchange ends, and counts as sent. */
void sv_up_http2_more(sv_up_exchange *ex) {
    const sv_up_source *source = ex->request->source;
    sv_up_stream *s = &ex->stream;
    bool last = false;
    size_t n_trailers = 0;
    if (s->on == NULL || source == NULL || ex->writing || ex->written)
        return;
    hr_str piece = source->next(source->ctx, &last);
    if (piece.len > 0 || last) {
        const hr_pair *trailers =
            last && source->trailers != NULL ? source->trailers(source->ctx, &n_trailers) : NULL;
        ex->writing = !last;
        ex->written = last;
        sv_http2_write(s->on, &piece, 1, last, trailers, n_trailers);
        sv_up_http2_mark(s->conn);
    }
    sv_up_enter_upload_phase(ex);
    if (last)
        source->taken(source->ctx);
}

static void stream_on_drained(void *ctx, sv_http2_stream *stream) {
    sv_up_exchange *ex = sv_http2_data(stream);
    (void)ctx;
    if (ex == NULL)
        return;
    ex->stream.drained = true;
    add_news(ex);
}

/* ---- answers ----------------------------------------------------------------------------- */

static void note_error(sv_up_exchange *ex, sv_up_error error, const char *why) {
    if (ex->complete || ex->stream.error != 0)
        return;
    ex->stream.error = error;
    ex->stream.why = why;
    add_news(ex);
}

static hr_str stream_copy(char **at, hr_str s) {
    hr_str made = {*at, s.len};
    if (s.len > 0)
        memcpy(*at, s.p, s.len);
    *at += s.len;
    return made;
}

static size_t stream_size(const hr_pair *fields, size_t n) {
    size_t size = 0;
    for (size_t i = 0; i < n; i++)
        size += fields[i].name.len + fields[i].value.len;
    return size;
}

/* A copy of the fields' strings, which the caller frees. */
static char *stream_copy_fields(hr_pair *out, const hr_pair *fields, size_t n) {
    char *text = sv_alloc(stream_size(fields, n) + 1), *at = text;
    for (size_t i = 0; i < n; i++) {
        out[i].name = stream_copy(&at, fields[i].name);
        out[i].value = stream_copy(&at, fields[i].value);
    }
    return text;
}

static void stream_keep_head(sv_up_exchange *ex, const sv_http1_response *response) {
    ex->head = *response;
    ex->head.reason = (hr_str){NULL, 0};
    ex->head.fields = ex->fields;
    ex->head.max_fields = SV_UP_MAX_FIELDS;
    ex->stream.head_text = stream_copy_fields(ex->fields, response->fields, response->n_fields);
    ex->head_done = 1;
    add_news(ex);
}

static void stream_on_response(void *ctx, sv_http2_stream *stream,
                               const sv_http1_response *response, sv_http1_result result,
                               const char *why) {
    sv_up_exchange *ex = sv_http2_data(stream);
    (void)ctx;
    if (ex == NULL)
        return;
    ex->received = 1;
    bool informs = result == SV_HTTP1_DONE && response->status < 200;
    if (informs && ++ex->n_informational > SV_UP_MAX_INFORMATIONAL) {
        result = SV_HTTP1_MALFORMED;
        why = "there are too many informational answers";
    }
    if (result != SV_HTTP1_DONE) {
        sv_http2_reset(stream, SV_HTTP2_PROTOCOL_ERROR);
        note_error(ex, SV_UP_PROTOCOL, why);
    } else if (!informs) {
        stream_keep_head(ex, response);
    } else if (response->status != 100 && ex->request->on_informed != NULL) {
        ex->request->on_informed(ex->ctx, response);
    }
}

/* The window of the stream is as large as a block, so there is room. */
static void stream_on_data(void *ctx, sv_http2_stream *stream, const char *bytes, size_t n) {
    sv_up_exchange *ex = sv_http2_data(stream);
    (void)ctx;
    if (ex == NULL || ex->over) {
        sv_http2_consume(stream, n);
        return;
    }
    if (ex->in == NULL)
        ex->in = sv_up_block_take(ex);
    sv_up_block *in = ex->in;
    if (n > in->size - in->end) {
        sv_http2_reset(stream, SV_HTTP2_PROTOCOL_ERROR);
        note_error(ex, SV_UP_PROTOCOL, "there is more content than the window allows");
        return;
    }
    memcpy(in->bytes + in->end, bytes, n);
    in->end += n;
    add_news(ex);
}

static void stream_keep_trailers(sv_up_exchange *ex, const hr_pair *trailers, size_t n) {
    sv_trailers *t = &ex->trailers;
    if (n == 0 || n > SV_MAX_TRAILERS || !sv_up_charge_trailers(ex, stream_size(trailers, n)))
        return;
    t->fields = sv_alloc(n * sizeof(*t->fields));
    t->text = stream_copy_fields(t->fields, trailers, n);
    n = sv_http_strip_hop_by_hop(t->fields, n);
    for (size_t i = 0; i < n; i++)
        if (sv_trailer_is_allowed(t->fields[i].name))
            t->fields[t->n++] = t->fields[i];
}

static void stream_on_end(void *ctx, sv_http2_stream *stream, const hr_pair *trailers, size_t n) {
    sv_up_exchange *ex = sv_http2_data(stream);
    (void)ctx;
    if (ex == NULL || !ex->head_done || ex->stream.error != 0)
        return;
    stream_keep_trailers(ex, trailers, n);
    ex->complete = 1;
    ex->phase_until = 0;
    add_news(ex);
}

/* ---- ends -------------------------------------------------------------------------------- */

static const char *name_of_code(uint32_t code) {
    static const char *const names[] = {"the peer reset the stream with NO_ERROR",
                                        "the peer reset the stream with PROTOCOL_ERROR",
                                        "the peer reset the stream with INTERNAL_ERROR",
                                        "the peer reset the stream with FLOW_CONTROL_ERROR",
                                        "the peer reset the stream with SETTINGS_TIMEOUT",
                                        "the peer reset the stream with STREAM_CLOSED",
                                        "the peer reset the stream with FRAME_SIZE_ERROR",
                                        "the peer refused the stream",
                                        "the peer reset the stream with CANCEL",
                                        "the peer reset the stream with COMPRESSION_ERROR",
                                        "the peer reset the stream with CONNECT_ERROR",
                                        "the peer reset the stream with ENHANCE_YOUR_CALM",
                                        "the peer reset the stream with INADEQUATE_SECURITY",
                                        "the peer reset the stream with HTTP_1_1_REQUIRED"};
    return code < sizeof(names) / sizeof(names[0]) ? names[code] : "the peer reset the stream";
}

/* What is refused by GOAWAY, or was opened before the peer could say how many streams it takes, may
 * be sent again; what the peer refuses besides is up to the retry policy. */
static void stream_on_closed(void *ctx, sv_http2_stream *stream, uint32_t code) {
    sv_up_exchange *ex = sv_http2_data(stream);
    (void)ctx;
    if (ex == NULL)
        return;
    sv_up_stream *s = &ex->stream;
    s->on = NULL;
    bool by_peer = sv_http2_is_reset_by_peer(stream);
    if (sv_http2_is_unprocessed(stream)) {
        s->unprocessed = !by_peer || s->before_settings;
        note_error(ex, SV_UP_REFUSED,
                   by_peer ? name_of_code(code) : "the peer is shutting the connection down");
    } else if (by_peer) {
        note_error(ex, SV_UP_STREAM_RESET, name_of_code(code));
    } else {
        note_error(ex, SV_UP_PROTOCOL, "the answer breaks a rule of HTTP/2");
    }
    add_news(ex);
}

static void stream_on_pong(void *ctx) {
    ((sv_up_http2 *)ctx)->pinged_at = 0;
}

const sv_http2_events sv_up_http2_events = {.response = stream_on_response,
                                            .data = stream_on_data,
                                            .end = stream_on_end,
                                            .drained = stream_on_drained,
                                            .closed = stream_on_closed,
                                            .pong = stream_on_pong};

/* ---- reporting --------------------------------------------------------------------------- */

static void stream_piece_sent(sv_up_exchange *ex) {
    sv_up_http2 *c = ex->stream.conn;
    const sv_up_source *source = ex->request->source;
    ex->stream.drained = false;
    ex->writing = 0;
    c->reporting = ex;
    source->taken(source->ctx);
    if (c->reporting != ex) /* the caller has ended it */
        return;
    if (ex->head_done && !ex->busy) /* a stream that is in use in one direction is not idle */
        sv_up_enter_phase(ex, SV_UP_IDLE_TIMEOUT, sv_up_idle_timeout(ex));
    sv_up_http2_more(ex);
}

static void end_with_error(sv_up_exchange *ex) {
    const sv_up_stream *s = &ex->stream;
    sv_up_error error = s->error;
    const char *why = s->why;
    if (s->unprocessed && !ex->received && sv_up_try_again(ex))
        return;
    sv_up_fail(ex, error, why);
}

static void stream_report_one(sv_up_exchange *ex) {
    sv_up_http2 *c = ex->stream.conn;
    if (ex->stream.drained && !ex->complete) {
        stream_piece_sent(ex);
        if (c->reporting != ex)
            return;
    }
    if (ex->over) {
        stream_detach(ex);
    } else if (ex->stream.error != 0) {
        end_with_error(ex);
    } else if (ex->complete) {
        stream_detach(ex);
        sv_up_show(ex);
    } else if (ex->head_done) {
        ex->phase_until = 0; /* until the consumer asks for more */
        sv_up_show(ex);
    }
}

void sv_up_stream_report(sv_up_http2 *c) {
    for (sv_up_exchange *ex; (ex = c->news) != NULL;) {
        forget_news(ex);
        c->reporting = ex;
        stream_report_one(ex);
    }
    c->reporting = NULL;
}

void sv_up_stream_fail_all(sv_up_http2 *c, sv_up_error error, const char *why) {
    for (sv_up_exchange *ex; (ex = c->members) != NULL;) {
        stream_detach(ex);
        if (ex->over)
            continue;
        if (!ex->received && c->h2 != NULL && error != SV_UP_OVERLOAD)
            sv_up_broken(ex, error, why);
        else
            sv_up_fail(ex, error, why);
    }
}

void sv_up_http2_consume(sv_up_exchange *ex, size_t n) {
    if (ex->stream.on == NULL || ex->complete)
        return;
    sv_up_enter_phase(ex, SV_UP_IDLE_TIMEOUT, sv_up_idle_timeout(ex));
    sv_http2_consume(ex->stream.on, n);
    sv_up_http2_mark(ex->stream.conn);
}
