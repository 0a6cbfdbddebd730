/*
 * A ModelInferRequest on any bytes. Besides the sanitizers: what is found lies within the message,
 * is as long as its shape says, a refusal has a sentence, and the answer takes no more memory than
 * was said before.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "infer_message.h"
#include "infer_write.h"

static void inside(const void *p, size_t n, const char *body, size_t len) {
    const char *at = p;
    if (at < body || at + n > body + len)
        abort();
}

static void write_answer(const sv_infer *infer) {
    uint8_t mask[6] = {0, 1, 2, 3, 1, 0}, cutout[18] = {0, 9, 127, 128, 200, 255};
    uint8_t png[7] = "\x89PNG";
    const grabcut_image mask_image = {mask, 3, 2, 1, 3}, cutout_image = {cutout, 3, 2, 3, 9};
    const sv_infer_result result = {&mask_image, &cutout_image, png, sizeof(png)};
    size_t len;
    char *message = sv_infer_write_message(&len, infer, &result);
    if (message == NULL || (int64_t)len > sv_infer_answer_bytes(infer, 6))
        abort();
    free(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sv_infer infer;
    char why[256];
    char *body = malloc(size + 1);
    if (size > 0)
        memcpy(body, data, size);
    int status = sv_infer_read_message(&infer, body, size, why, sizeof(why));
    if (status != 0) {
        if (why[0] == '\0' || infer.file != NULL || infer.pixels != NULL)
            abort();
    } else {
        if (infer.pixels != NULL)
            inside(infer.pixels, (size_t)infer.width * (size_t)infer.height * 3, body, size);
        else
            inside(infer.file, infer.file_len, body, size);
        write_answer(&infer);
    }
    free(body);
    return 0;
}
