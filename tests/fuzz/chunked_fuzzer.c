/*
 * Chunked bodies, on any bytes. The first byte is the size of the pieces, the rest is the body and
 * what follows it. Besides the sanitizers: the result, the content and the trailers do not depend
 * on the pieces, and what is accepted, picohttpparser accepts too, with the same content and the
 * same end.
 */
#include <stdlib.h>
#include <string.h>

#include "http1_messages.h"

struct outcome {
    sv_http1_result result;
    char *content, *trailers;
    size_t n, used, n_trailers;
};

static void run(struct outcome *o, const char *text, size_t len, size_t step) {
    sv_http1_body body;
    char *piece = malloc(len + 1);
    const char *why = NULL;
    *o = (struct outcome){
        .result = SV_HTTP1_MORE, .content = malloc(len + 1), .trailers = malloc(len + 1)};
    sv_http1_body_init(&body, SV_HTTP1_CHUNKED, 0);
    for (size_t at = 0; o->result == SV_HTTP1_MORE && at < len;) {
        sv_http1_piece got;
        size_t n = len - at < step ? len - at : step;
        memcpy(piece, text + at, n);
        o->result = sv_http1_body_decode(&body, piece, n, &got, &why);
        if (o->result < 0)
            break;
        if (got.n > 0 && (got.content < piece || got.content + got.n > piece + n))
            abort();
        memcpy(o->content + o->n, got.content, got.n);
        o->n += got.n;
        if (got.n_trailers > 0)
            memcpy(o->trailers + o->n_trailers, got.trailers, got.n_trailers);
        o->n_trailers += got.n_trailers;
        o->used += got.used;
        at += n;
    }
    if (o->result < 0 && why == NULL)
        abort();
    free(piece);
}

/* What was accepted as a section of trailers can be read as one. */
static void check_trailers(const struct outcome *o) {
    hr_pair fields[64];
    size_t n;
    const char *why;
    sv_http1_result result =
        sv_http1_parse_trailers(fields, &n, 64, o->trailers, o->n_trailers, &why);
    if (result != SV_HTTP1_DONE && result != SV_HTTP1_TOO_LARGE)
        abort();
    for (size_t i = 0; i < n; i++)
        if (!sv_http_is_token(fields[i].name))
            abort();
}

static void compare(const char *text, size_t len, const struct outcome *o) {
    char *copy = malloc(len + 1);
    size_t n = len;
    long surplus = 0;
    memcpy(copy, text, len);
    if (reference_chunked(copy, &n, &surplus) && (surplus < 0 || (size_t)surplus != len - o->used ||
                                                  n != o->n || memcmp(copy, o->content, n) != 0))
        abort();
    free(copy);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    struct outcome whole, pieces;
    if (size < 2)
        return 0;
    const char *text = (const char *)data + 1;
    run(&whole, text, size - 1, size);
    run(&pieces, text, size - 1, (size_t)data[0] + 1);
    if (whole.result != pieces.result)
        abort();
    if (whole.result == SV_HTTP1_DONE) {
        if (whole.n != pieces.n || whole.used != pieces.used ||
            memcmp(whole.content, pieces.content, whole.n) != 0)
            abort();
        if (whole.n_trailers != pieces.n_trailers ||
            memcmp(whole.trailers, pieces.trailers, whole.n_trailers) != 0)
            abort();
        check_trailers(&whole);
        compare(text, size - 1, &whole);
    }
    free(whole.content);
    free(pieces.content);
    free(whole.trailers);
    free(pieces.trailers);
    return 0;
}
