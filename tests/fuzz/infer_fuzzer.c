/*
 * An inference request on any bytes: the first two say where its JSON ends. Besides the sanitizers:
 * what is found lies within the body or its copy, is as long as its shape says, and can be answered
 * in no more memory than was said before.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "infer_read.h"
#include "infer_write.h"

static void inside(const void *p, size_t n, const char *body, size_t len) {
    const char *at = p;
    if (n > 0 && (at < body || at + n > body + len))
        abort();
}

static void write_answer(const sv_infer *infer) {
    uint8_t mask[6] = {0, 1, 2, 3, 1, 0}, cutout[18] = {0, 9, 10, 99, 100, 255}, png[7] = "\x89PNG";
    const grabcut_image mask_image = {mask, 3, 2, 1, 3}, cutout_image = {cutout, 3, 2, 3, 9};
    const sv_infer_result result = {&mask_image, &cutout_image, png, sizeof(png)};
    size_t len, json_len;
    char *text = sv_infer_write(&len, &json_len, infer, &result);
    if (text == NULL || json_len > len || (int64_t)len > sv_infer_answer_bytes(infer, 6))
        abort();
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sv_infer infer;
    char why[256];
    if (size < 2)
        return 0;
    size_t len = size - 2, json_len = (size_t)(data[0] | data[1] << 8);
    if (json_len == 65535)
        json_len = len;
    char *body = malloc(len + 1);
    memcpy(body, data + 2, len);
    if (sv_infer_read(&infer, body, len, json_len, why, sizeof(why)) != 0) {
        if (why[0] == '\0' || infer.owned != NULL || infer.file != NULL || infer.pixels != NULL)
            abort();
    } else if (infer.pixels != NULL) {
        inside(infer.pixels, (size_t)infer.width * (size_t)infer.height * 3, body, len);
    } else if (infer.owned == NULL) {
        inside(infer.file, infer.file_len, body, len);
    }
    if (infer.pixels != NULL || infer.file != NULL)
        write_answer(&infer);
    free(infer.owned);
    free(body);
    return 0;
}
