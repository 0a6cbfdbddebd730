/*
 * Answers of upstream servers, on any bytes. The first byte is the context (HEAD, upgrade) and the
 * size of the pieces, the rest the answer. Besides the sanitizers: the result and the content do
 * not depend on the pieces, and a head that is accepted, picohttpparser accepts too, and reads
 * alike.
 */
#include <stdlib.h>
#include <string.h>

#include "http1_messages.h"

#define MAX_FIELDS 64
#define MAX_HEAD 4096

struct outcome {
    sv_http1_result result;
    size_t head_len;
    int status;
    size_t body_len;
    char *body;
};

static sv_http1_result read_head(sv_http1_response *head, char *buf, size_t *have, size_t *head_len,
                                 const char *text, size_t len, const sv_http1_context *context,
                                 size_t step, const char **why) {
    sv_http1_scan scan = {0};
    sv_http1_result result = SV_HTTP1_MORE;
    while (result == SV_HTTP1_MORE && *have < len) {
        size_t n = len - *have < step ? len - *have : step;
        memcpy(buf + *have, text + *have, n);
        *have += n;
        result = sv_http1_find_response(head_len, &scan, buf, *have, MAX_HEAD, why);
    }
    if (result == SV_HTTP1_DONE)
        result = sv_http1_parse_response(head, buf, *head_len, context, why);
    return result;
}

static void read_body(struct outcome *o, const sv_http1_response *head, char *piece, size_t n,
                      const char *text, size_t len, size_t at, size_t step, const char **why) {
    sv_http1_body body;
    sv_http1_piece got;
    sv_http1_body_init(&body, head->framing, head->content_length);
    for (;;) {
        o->result = sv_http1_body_decode(&body, piece, n, &got, why);
        if (o->result < 0)
            return;
        memcpy(o->body + o->body_len, got.content, got.n);
        o->body_len += got.n;
        if (o->result == SV_HTTP1_DONE || at == len)
            break;
        n = len - at < step ? len - at : step;
        memcpy(piece, text + at, n);
        at += n;
    }
    if (o->result == SV_HTTP1_MORE)
        o->result = sv_http1_body_eof(&body, why);
}

static void compare(const char *text, size_t head_len, int status) {
    static reference_head reference;
    if (text[sizeof("HTTP/1.1 200") - 1] == '\r')
        return; /* an empty reason without its blank, which picohttpparser refuses */
    if (reference_response(&reference, text, head_len) &&
        (reference.length != (int)head_len || reference.status != status))
        abort();
}

static struct outcome run(const char *text, size_t len, const sv_http1_context *context,
                          size_t step) {
    hr_pair fields[MAX_FIELDS];
    sv_http1_response head = {.fields = fields, .max_fields = MAX_FIELDS};
    struct outcome o = {.body = malloc(len + 1)};
    char *buf = malloc(len + 1), *piece = malloc(len + 1);
    size_t have = 0;
    const char *why = NULL;
    o.result = read_head(&head, buf, &have, &o.head_len, text, len, context, step, &why);
    if (o.result == SV_HTTP1_DONE) {
        o.status = head.status;
        compare(text, o.head_len, head.status);
        memcpy(piece, buf + o.head_len, have - o.head_len);
        read_body(&o, &head, piece, have - o.head_len, text, len, have, step, &why);
    }
    if (o.result < 0 && why == NULL)
        abort();
    free(buf);
    free(piece);
    return o;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    if (size < 2)
        return 0;
    sv_http1_context context = {data[0] & 1, (data[0] >> 1) & 1};
    const char *text = (const char *)data + 1;
    struct outcome whole = run(text, size - 1, &context, size);
    struct outcome pieces = run(text, size - 1, &context, (size_t)(data[0] >> 2) + 1);
    /* A refused answer may have passed on more of its content in small pieces: only the verdict
     * counts. */
    if (whole.result != pieces.result || whole.status != pieces.status)
        abort();
    if (whole.result == SV_HTTP1_DONE &&
        (whole.body_len != pieces.body_len || memcmp(whole.body, pieces.body, whole.body_len) != 0))
        abort();
    free(whole.body);
    free(pieces.body);
    return 0;
}
