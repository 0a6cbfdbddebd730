/* Where a segmentation starts: at a rect, or at a mask with strokes drawn over it. */
#include "start.h"

#include <stdio.h>

#include "strokes.h"

bool sv_start_has_mask(const sv_predict_request *request) {
    return request->mask.p != NULL || request->strokes.p != NULL || request->respect_alpha;
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

static int draw_strokes(grabcut_image *mask, sv_bytes strokes, stop_question *stop, char *why,
                        size_t why_size) {
    if (strokes.p == NULL)
        return 0;
    int code = sv_strokes_draw(mask, strokes.p, strokes.len, stop->stop, stop->ctx, why, why_size);
    return code == 0 ? 0 : 400;
}

int sv_start_fill(grabcut_image *mask, const sv_predict_request *request,
                  const grabcut_image *alpha, bool (*stop)(void *ctx), void *ctx, char *why,
                  size_t why_size) {
    stop_question question = {stop, ctx};
    int status = 0;
    if (request->mask.p != NULL) {
        status = fill_from_file(mask, request->mask, &question, why, why_size);
    } else {
        grabcut_rect rect = sv_start_rect(&request->rect, mask->width, mask->height);
        (void)grabcut_mask_from_rect(mask, &rect); /* decode.c has refused an empty one */
    }
    if (status == 0)
        status = draw_strokes(mask, request->strokes, &question, why, why_size);
    if (status == 0 && alpha->data != NULL)
        (void)grabcut_mask_from_alpha(mask, alpha);
    return status;
}
