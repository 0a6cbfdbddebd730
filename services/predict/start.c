/* Where a segmentation starts: at a rect, or at a mask with strokes drawn over it. */
#include "start.h"

#include <stdio.h>
#include <string.h>

#include "strokes.h"

bool sv_start_has_mask(const sv_predict_request *request) {
    return request->mask.p != NULL || request->strokes.p != NULL;
}

grabcut_rect sv_start_rect(const sv_rect_choice *choice, int32_t width, int32_t height) {
    grabcut_rect rect = choice->rect;
    if (choice->automatic)
        return grabcut_rect_inset(width, height, SV_PREDICT_INSET_PERCENT);
    if (grabcut_rect_clamp(&rect, width, height) != GRABCUT_OK)
        rect = (grabcut_rect){0, 0, 0, 0};
    return rect;
}

static int refuse_mask(int status, const char *detail, char *why, size_t why_size) {
    snprintf(why, why_size, "mask: %s", detail);
    return status;
}

static int refuse_mask_code(int code, const grabcut_errbuf *err, char *why, size_t why_size) {
    const char *text = err->text[0] != '\0' ? err->text : grabcut_strerror(code);
    return refuse_mask(code == GRABCUT_ENOMEM ? 503 : 422, text, why, why_size);
}

int sv_start_probe(int64_t *decoding, const sv_predict_request *request, int32_t width,
                   int32_t height, char *why, size_t why_size) {
    grabcut_probe probe = GRABCUT_PROBE_INIT;
    grabcut_errbuf err = {""};
    uint64_t bytes = 0;
    char detail[120];
    *decoding = 0;
    if (request->mask.p == NULL)
        return 0;
    int code = grabcut_probe_header(&probe, request->mask.p, request->mask.len, &err);
    if (code == GRABCUT_OK && probe.format != GRABCUT_FORMAT_PNG)
        return refuse_mask(422, "the file must be a PNG, which is exact", why, why_size);
    if (code == GRABCUT_OK && (probe.width != width || probe.height != height)) {
        snprintf(detail, sizeof(detail), "it has %d x %d pixels, the picture has %d x %d",
                 probe.width, probe.height, width, height);
        return refuse_mask(422, detail, why, why_size);
    }
    if (code == GRABCUT_OK)
        code = grabcut_decode_estimate(&bytes, request->mask.p, request->mask.len, NULL, &err);
    *decoding = bytes < INT64_MAX ? (int64_t)bytes : INT64_MAX;
    return code == GRABCUT_OK ? 0 : refuse_mask_code(code, &err, why, why_size);
}

typedef struct stop_question {
    bool (*stop)(void *ctx);
    void *ctx;
} stop_question;

static int stops_mask(void *ctx) {
    const stop_question *question = ctx;
    return question->stop(question->ctx);
}

static int fill_from_file(grabcut_image *mask, sv_bytes file, stop_question *stop, char *why,
                          size_t why_size) {
    grabcut_decode_options options = GRABCUT_DECODE_OPTIONS_INIT;
    grabcut_errbuf err = {""};
    grabcut_image grey;
    options.ignore_orientation = 1;
    options.cancel = stops_mask;
    options.cancel_ctx = stop;
    int code = grabcut_decode_estimate(&options.max_bytes, file.p, file.len, &options, &err);
    if (code == GRABCUT_OK)
        code = grabcut_decode(&grey, file.p, file.len, &options, &err);
    if (code == GRABCUT_OK) {
        code = grabcut_mask_from_grey(mask, &grey, &err);
        grabcut_image_free(&grey);
    }
    return code == GRABCUT_OK ? 0 : refuse_mask_code(code, &err, why, why_size);
}

/* As GRABCUT_INIT_WITH_RECT does. */
static void fill_from_rect(grabcut_image *mask, const sv_rect_choice *choice) {
    grabcut_rect rect = sv_start_rect(choice, mask->width, mask->height);
    for (int32_t y = 0; y < mask->height; ++y)
        memset(mask->data + (size_t)y * mask->stride, GRABCUT_BGD, (size_t)mask->width);
    for (int32_t y = 0; y < rect.height; ++y)
        memset(mask->data + (size_t)(rect.y + y) * mask->stride + rect.x, GRABCUT_PR_FGD,
               (size_t)rect.width);
}

int sv_start_fill(grabcut_image *mask, const sv_predict_request *request, bool (*stop)(void *ctx),
                  void *ctx, char *why, size_t why_size) {
    if (request->mask.p != NULL) {
        stop_question question = {stop, ctx};
        int status = fill_from_file(mask, request->mask, &question, why, why_size);
        if (status != 0)
            return status;
    } else {
        fill_from_rect(mask, &request->rect);
    }
    if (request->strokes.p == NULL)
        return 0;
    return sv_strokes_draw(mask, request->strokes.p, request->strokes.len, stop, ctx, why,
                           why_size) == 0
               ? 0
               : 400;
}
