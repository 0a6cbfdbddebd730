/*
 * The strict response parser on any bytes. The first byte is the context (HEAD, upgrade) and the
 * size of the pieces, the rest the answer. Besides the sanitizers: what is read in one piece and
 * what is read in small ones must be the same result and the same content.
 */
#include <stdlib.h>
#include <string.h>

#include "upstream_parser.h"

struct outcome {
    hr_resp_result result;
    int status;
    size_t body_len;
    char *body;
};

static struct outcome run(const char *text, size_t len, const hr_resp_context *context,
                          size_t step) {
    struct outcome o = {HR_RESP_INCOMPLETE, 0, 0, malloc(len + 1)};
    char *buf = malloc(len + 1), *piece = malloc(len + 1);
    size_t at = 0, have = 0, scanned = 0, head_len = 0, surplus;
    const char *why = NULL;
    static hr_resp_head head;
    while (o.result == HR_RESP_INCOMPLETE && at < len) {
        size_t n = len - at < step ? len - at : step;
        memcpy(buf + have, text + at, n);
        at += n;
        have += n;
        o.result = hr_resp_find_head(&head_len, &scanned, buf, have, 4096, &why);
    }
    if (o.result == HR_RESP_COMPLETE)
        o.result = hr_resp_parse_head(&head, buf, head_len, context, &why);
    if (o.result == HR_RESP_COMPLETE) {
        hr_resp_body body;
        size_t n = have - head_len;
        o.status = head.status;
        hr_resp_body_init(&body, &head);
        memcpy(piece, buf + head_len, n);
        for (;;) {
            size_t lead = step < len ? n : 0; /* in pieces: what frames them taken by itself */
            o.result = hr_resp_body_lead(&body, piece, &lead, &why);
            if (o.result == HR_RESP_ERROR)
                break;
            n -= lead;
            o.result = hr_resp_body_feed(&body, piece + lead, &n, &surplus, &why);
            if (o.result == HR_RESP_ERROR)
                break;
            memcpy(o.body + o.body_len, piece + lead, n);
            o.body_len += n;
            if (o.result == HR_RESP_COMPLETE || at == len)
                break;
            n = len - at < step ? len - at : step;
            memcpy(piece, text + at, n);
            at += n;
        }
        if (o.result == HR_RESP_INCOMPLETE)
            o.result = hr_resp_body_eof(&body, &why);
    }
    if (o.result == HR_RESP_ERROR && why == NULL)
        abort();
    free(buf);
    free(piece);
    return o;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    if (size < 2)
        return 0;
    hr_resp_context context = {data[0] & 1, (data[0] >> 1) & 1};
    const char *text = (const char *)data + 1;
    struct outcome whole = run(text, size - 1, &context, size);
    struct outcome pieces = run(text, size - 1, &context, (size_t)(data[0] >> 2) + 1);
    /* A refused answer may have passed on more of its content in small pieces: only the verdict
     * counts. */
    if (whole.result != pieces.result || whole.status != pieces.status)
        abort();
    if (whole.result == HR_RESP_COMPLETE &&
        (whole.body_len != pieces.body_len || memcmp(whole.body, pieces.body, whole.body_len) != 0))
        abort();
    free(whole.body);
    free(pieces.body);
    return 0;
}
