/* The memory that a picture takes, and the largest picture that memory suffices for. */
#include "estimate.h"

#include "start.h"

/* Beyond the engine: the picture (3 bytes a pixel) and the mask stay throughout; afterwards the
 * cut-out (up to 4), its PNG and that in base64 take the engine's place. */
#define PICTURE_AND_MASK 4
#define CUTOUT_AND_CODES 16

/* The plane of alpha, and what is left of a pixel of four channels if the allocator cannot use it.
 */
#define ALPHA_KEPT 2

/* The mask as a PNG, and that in base64. */
#define STATE_CODES 3

/* WebP's encoder works on a copy of the pixels; its lossless one, which writes masks and alpha,
 * takes up to 20 bytes a pixel. */
#define WEBP_CODES 32

void sv_predict_set_start(grabcut_options *options, const sv_predict_request *request,
                          int32_t width, int32_t height) {
    options->iterations = (int32_t)request->iterations;
    options->seed = (uint64_t)request->seed;
    static const grabcut_mode modes[] = {[SV_MODE_INIT] = GRABCUT_INIT_WITH_MASK,
                                         [SV_MODE_EVAL] = GRABCUT_EVAL,
                                         [SV_MODE_FREEZE] = GRABCUT_EVAL_FREEZE_MODEL};
    if (sv_start_has_mask(request))
        options->mode = modes[request->mode];
    else
        options->rect = sv_start_rect(&request->rect, width, height);
}

int64_t sv_predict_bytes(const sv_predict *predict, int32_t width, int32_t height,
                         const sv_predict_request *request, int64_t decoding, int64_t mask_decoding,
                         int64_t answer) {
    grabcut_options options = GRABCUT_OPTIONS_INIT;
    int64_t pixels = (int64_t)width * height;
    uint64_t engine = 0;
    sv_predict_set_start(&options, request, width, height);
    if (grabcut_estimate(predict->engine, &engine, width, height, &options) != GRABCUT_OK ||
        engine > INT64_MAX / 2 || mask_decoding > INT64_MAX / 2)
        return INT64_MAX;
    int64_t codes = request->form == SV_FORM_WEBP ? WEBP_CODES : CUTOUT_AND_CODES;
    codes += request->state ? STATE_CODES : 0;
    int64_t after = codes * pixels + answer;
    after = mask_decoding > after ? mask_decoding : after;
    int64_t kept = PICTURE_AND_MASK + (request->respect_alpha ? ALPHA_KEPT : 0);
    int64_t bytes = kept * pixels + ((int64_t)engine > after ? (int64_t)engine : after);
    return decoding > bytes ? decoding : bytes;
}

int64_t sv_predict_pixels(const sv_predict *predict, int64_t bytes) {
    int64_t low = 0, high = INT32_MAX;
    /* A given rect is all of a picture of its size. Pictures that are not square need more for
     * their borders: a hundredth, unless they are strips. */
    bytes -= bytes / 100;
    while (low < high) {
        int64_t middle = low + (high - low + 1) / 2;
        int32_t side = 1;
        while ((int64_t)side * side < middle)
            ++side;
        sv_predict_request request = {.rect = predict->options.rect,
                                      .iterations = predict->options.iterations};
        if (!request.rect.automatic)
            request.rect.rect = (grabcut_rect){0, 0, side, side};
        if (sv_predict_bytes(predict, side, side, &request, 0, 0, 0) <= bytes)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}
