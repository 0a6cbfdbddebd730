/*
 * The JSON body of a request to /predict, the base64 and the strokes within it, on any bytes.
 * Besides the sanitizers: what is found lies within the text, decoding never makes more than was
 * there, what was decoded encodes to the same text again, except for the unused bits of the last
 * digit, and strokes that were checked can be drawn.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "body.h"
#include "models.h"
#include "strokes.h"

static void decode(const char *p, size_t len) {
    char *copy = malloc(len + 1), *again;
    size_t decoded = len, where;
    memcpy(copy, p, len);
    bool ok = sv_base64_decode(copy, &decoded, &where);
    if (!ok && where > len)
        abort();
    if (ok) {
        if (decoded > len / 4 * 3 || sv_base64_length(decoded) != len)
            abort();
        again = malloc(len + 1);
        sv_base64_encode(again, copy, decoded);
        size_t settled = len < 4 ? 0 : len - 4;
        if (memcmp(again, p, settled) != 0)
            abort();
        free(again);
    }
    free(copy);
}

static void inside(sv_bytes part, const char *text, size_t size) {
    if (part.p != NULL && (part.p < text || part.p + part.len > text + size))
        abort();
}

static void draw(sv_bytes strokes) {
    uint8_t values[13 * 9];
    grabcut_image mask = {values, 13, 9, 1, 13};
    char why[256] = "";
    memset(values, GRABCUT_PR_BGD, sizeof(values));
    if (sv_strokes_draw(NULL, strokes.p, strokes.len, NULL, NULL, why, sizeof(why)) != 0) {
        if (why[0] == '\0')
            abort();
        return;
    }
    if (sv_strokes_draw(&mask, strokes.p, strokes.len, NULL, NULL, why, sizeof(why)) != 0)
        abort();
    for (size_t i = 0; i < sizeof(values); ++i)
        if (values[i] > GRABCUT_PR_BGD)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const sv_predict predict = {.options = {.max_iterations = 50}};
    sv_predict_request request = {0};
    char why[256] = "";
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    decode(text, size);
    if (sv_body_read(&request, &predict, text, size, why, sizeof(why)) != 0) {
        if (why[0] == '\0')
            abort();
    } else {
        inside(request.image, text, size);
        inside(request.mask, text, size);
        inside(request.strokes, text, size);
        inside(request.bgd_model, text, size);
        inside(request.fgd_model, text, size);
        (void)sv_models_read(NULL, &request, why, sizeof(why));
        if (request.iterations > 50 || request.seed < 0)
            abort();
        if (request.strokes.p != NULL)
            draw(request.strokes);
    }
    free(text);
    return 0;
}
