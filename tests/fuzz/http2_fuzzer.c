/*
 * An HTTP/2 connection on any bytes. The first byte says which end this is, whether the preface and
 * empty settings precede the rest, whether requests are answered, and the size of the pieces.
 * Besides the sanitizers: events keep their order, and what comes of them does not depend on the
 * pieces.
 */
#include <stdlib.h>
#include <string.h>

#include "http2.h"

#define OUTPUT 2048

struct end {
    sv_http2 *h2;
    size_t heads, bytes, ends, trailers;
    bool answers;
};

static const hr_str content = {"0123456789", 10};
static const hr_pair trailer = {{"t", 1}, {"1", 1}};

/* The state of a stream: how far its message is. */
enum { NOTHING = 0, HEAD = 1, ENDED = 2 };

static void advance(sv_http2_stream *stream, uintptr_t from, uintptr_t to) {
    if ((uintptr_t)sv_http2_data(stream) != from)
        abort();
    sv_http2_set_data(stream, (void *)to);
}

static void check_fields(const hr_pair *fields, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!sv_http_is_token(fields[i].name))
            abort();
        for (size_t j = 0; j < fields[i].value.len; j++)
            if (strchr("\r\n", fields[i].value.p[j]) != NULL)
                abort();
    }
}

static void on_request(void *ctx, sv_http2_stream *stream, const sv_http1_request *request,
                       sv_http1_result result, const char *why) {
    struct end *end = ctx;
    end->heads++;
    advance(stream, NOTHING, HEAD);
    if ((result != SV_HTTP1_DONE) != (why != NULL))
        abort();
    if (result == SV_HTTP1_DONE) {
        check_fields(request->fields, request->n_fields);
        if (request->authority.p == NULL || request->path.len == 0)
            abort();
        if (request->upgrade.p != NULL &&
            (!sv_http_is_token(request->upgrade) || request->framing != SV_HTTP1_CHUNKED))
            abort();
    }
}

static void on_response(void *ctx, sv_http2_stream *stream, const sv_http1_response *response,
                        sv_http1_result result, const char *why) {
    struct end *end = ctx;
    end->heads++;
    if ((result != SV_HTTP1_DONE) != (why != NULL))
        abort();
    if (result == SV_HTTP1_DONE)
        check_fields(response->fields, response->n_fields);
    if (response->status >= 200 || result != SV_HTTP1_DONE)
        advance(stream, NOTHING, HEAD);
    if (result != SV_HTTP1_DONE)
        sv_http2_reset(stream, SV_HTTP2_PROTOCOL_ERROR);
}

static void on_data(void *ctx, sv_http2_stream *stream, const char *bytes, size_t n) {
    struct end *end = ctx;
    (void)bytes;
    advance(stream, HEAD, HEAD);
    end->bytes += n;
    sv_http2_consume(stream, n);
}

static void on_end(void *ctx, sv_http2_stream *stream, const hr_pair *trailers, size_t n) {
    struct end *end = ctx;
    advance(stream, HEAD, ENDED);
    check_fields(trailers, n);
    end->ends++;
    end->trailers += n;
    if (!end->answers)
        return;
    sv_http2_respond(stream, 200, NULL, 0, true);
    sv_http2_write(stream, &content, 1, true, &trailer, 1);
}

static const sv_http2_events events = {
    .request = on_request, .response = on_response, .data = on_data, .end = on_end};

static void send_all(struct end *end) {
    char out[OUTPUT];
    while (sv_http2_send(end->h2, out, sizeof(out)) > 0)
        ;
}

static void open_requests(struct end *end) {
    const sv_http2_request get = {.method = HR_STR("GET"),
                                  .scheme = HR_STR("http"),
                                  .authority = HR_STR("a"),
                                  .path = HR_STR("/")};
    for (int i = 0; i < 3; i++)
        sv_http2_submit_request(end->h2, &get, NULL);
}

static bool feed(struct end *end, const char *bytes, size_t n, size_t step) {
    for (size_t at = 0; at < n; at += step) {
        bool ok = sv_http2_receive(end->h2, bytes + at, n - at < step ? n - at : step);
        send_all(end);
        if (!ok || sv_http2_is_finished(end->h2))
            return false;
    }
    return true;
}

/* False: the connection failed or finished, at a place that depends on the pieces. */
static bool run(struct end *end, unsigned char how, const char *bytes, size_t n, size_t step) {
    static const char preface[] = SV_HTTP2_PREFACE "\0\0\0\4\0\0\0\0";
    const sv_http2_options options = {.client = how & 1,
                                      .max_head = 2048,
                                      .max_fields = 16,
                                      .max_streams = 10,
                                      .stream_window = 65535,
                                      .connection_window = 65535,
                                      .extended_connect = true};
    *end = (struct end){.answers = (how & 5) == 4};
    end->h2 = sv_http2_new(&options, &events, end);
    if (end->h2 == NULL)
        abort();
    if (options.client)
        open_requests(end);
    send_all(end);
    bool ok = true;
    if ((how & 2) && !options.client)
        ok = feed(end, preface, sizeof(preface), sizeof(preface));
    ok = ok && feed(end, bytes, n, step);
    sv_http2_free(end->h2);
    return ok;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    struct end whole, pieces;
    if (size < 2)
        return 0;
    const char *bytes = (const char *)data + 1;
    bool ok = run(&whole, data[0], bytes, size - 1, size);
    if (!run(&pieces, data[0], bytes, size - 1, (size_t)(data[0] >> 3) + 1) || !ok)
        return 0;
    if (whole.heads != pieces.heads || whole.ends != pieces.ends ||
        whole.trailers != pieces.trailers)
        abort();
    return 0;
}
