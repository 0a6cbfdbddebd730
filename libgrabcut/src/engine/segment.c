/*
 * Checks the arguments of grabcut_segment and grabcut_estimate, so that all engines refuse the same
 * calls with the same codes.
 */
#include "fail.h"
#include "image.h"
#include "rect.h"

#include <float.h>

static int is_eval(grabcut_mode mode) {
    return mode == GRABCUT_EVAL || mode == GRABCUT_EVAL_FREEZE_MODEL;
}

static int check_options(const grabcut_engine *engine, const grabcut_options *opts,
                         grabcut_errbuf *err) {
    if (!engine || engine->version != GRABCUT_ENGINE_VERSION || !engine->segment ||
        !engine->estimate) {
        return grabcut_fail(err, GRABCUT_EINVAL, "the engine is NULL or has an unknown version");
    }
    if (!opts || opts->version != GRABCUT_OPTIONS_VERSION) {
        return grabcut_fail(err, GRABCUT_EINVAL, "the options are NULL or have an unknown version");
    }
    if ((unsigned)opts->mode > GRABCUT_EVAL_FREEZE_MODEL) {
        return grabcut_fail(err, GRABCUT_EINVAL, "unknown mode %d", (int)opts->mode);
    }
    if ((unsigned)opts->simd > GRABCUT_SIMD_AVX2) {
        return grabcut_fail(err, GRABCUT_EINVAL, "unknown SIMD level %d", (int)opts->simd);
    }
    if (opts->iterations < 1) {
        return grabcut_fail(err, GRABCUT_EINVAL, "iterations is %d, it must be at least 1",
                            (int)opts->iterations);
    }
    if (opts->threads < 1) {
        return grabcut_fail(err, GRABCUT_EINVAL, "threads is %d, it must be at least 1",
                            (int)opts->threads);
    }
    return GRABCUT_OK;
}

static int check_images(const grabcut_image *mask, const grabcut_image *image,
                        grabcut_errbuf *err) {
    if (!grabcut_image_valid(image) || image->channels != 3) {
        return grabcut_fail(err, GRABCUT_EINVAL, "the image must have pixels in 3 channels");
    }
    if (!grabcut_image_valid(mask) || mask->channels != 1) {
        return grabcut_fail(err, GRABCUT_EINVAL, "the mask must have pixels in 1 channel");
    }
    if (mask->width != image->width || mask->height != image->height) {
        return grabcut_fail(err, GRABCUT_EINVAL, "the mask is %dx%d, the image is %dx%d",
                            (int)mask->width, (int)mask->height, (int)image->width,
                            (int)image->height);
    }
    return GRABCUT_OK;
}

/* Cuts the rect as cv::grabCut does, and refuses the two starts that it cannot use. */
static int check_rect(const grabcut_rect *rect, int32_t width, int32_t height,
                      grabcut_errbuf *err) {
    grabcut_rect r;
    if (grabcut_rect_effective(&r, rect, width, height)) {
        return grabcut_fail(err, GRABCUT_ERECT,
                            "the rect %d,%d,%d,%d is empty or outside the image of %dx%d",
                            (int)rect->x, (int)rect->y, (int)rect->width, (int)rect->height,
                            (int)width, (int)height);
    }
    if (r.width == width && r.height == height) {
        return grabcut_fail(err, GRABCUT_ENOBACKGROUND,
                            "the rect covers the whole image of %dx%d: no background is left",
                            (int)width, (int)height);
    }
    return GRABCUT_OK;
}

static int check_mask(const grabcut_image *mask, grabcut_mode mode, grabcut_errbuf *err) {
    int has_background = 0, has_foreground = 0;
    for (size_t y = 0; y < (size_t)mask->height; y++) {
        const uint8_t *row = mask->data + y * mask->stride;
        uint8_t all = 0, lowest = 1;
        for (size_t x = 0; x < (size_t)mask->width; x++) {
            all |= row[x];
            lowest &= row[x];
        }
        if (all > 3) {
            return grabcut_fail(err, GRABCUT_EINVAL, "row %zu of the mask holds a value above 3",
                                y);
        }
        has_foreground |= all & 1;
        has_background |= !lowest;
    }
    /* If the models are given, nothing is learned from the start mask. */
    if (mode != GRABCUT_INIT_WITH_MASK) {
        return GRABCUT_OK;
    }
    if (!has_background) {
        return grabcut_fail(err, GRABCUT_ENOBACKGROUND, "no pixel of the mask is background");
    }
    if (!has_foreground) {
        return grabcut_fail(err, GRABCUT_ENOFOREGROUND, "no pixel of the mask is foreground");
    }
    return GRABCUT_OK;
}

/* Within what learning from pixels of 8 bits can give, so that no sum of the engine overflows. */
static int model_is_in_range(const double *model) {
    const double margin = 1 + 1e-9; /* for roundings */
    const double most[3] = {margin, 255 * margin, 255.0 * 255};
    for (int i = 0; i < GRABCUT_MODEL_DOUBLES; i++) {
        double limit = most[i < 5 ? 0 : i < 20 ? 1 : 2];
        if (!(model[i] <= limit && model[i] >= (i < 20 ? 0 : -limit))) {
            return 0;
        }
    }
    return 1;
}

/* A component in use needs a covariance that can be inverted, as cv::grabCut asserts. No component
 * in use is fine (an iteration that took all foreground away leaves such a model), only zeros are
 * not. */
static int model_is_learnt(const double *model) {
    int learnt = 0;
    for (int i = 0; i < GRABCUT_MODEL_DOUBLES; i++) {
        learnt |= model[i] != 0;
    }
    for (size_t k = 0; k < 5; k++) {
        const double *c = model + 20 + 9 * k;
        double determinant = c[0] * (c[4] * c[8] - c[5] * c[7]) -
                             c[1] * (c[3] * c[8] - c[5] * c[6]) +
                             c[2] * (c[3] * c[7] - c[4] * c[6]);
        if (model[k] > 0 && !(determinant > DBL_EPSILON)) {
            return 0;
        }
    }
    return learnt;
}

int grabcut_models_check(const grabcut_models *models, grabcut_errbuf *err) {
    grabcut_clear(err);
    if (models &&
        (!model_is_in_range(models->background) || !model_is_in_range(models->foreground))) {
        return grabcut_fail(err, GRABCUT_EINVAL,
                            "the EVAL modes need models that an earlier run has learned: a weight, "
                            "mean or covariance is not within what 8-bit pixels give");
    }
    if (!models || !model_is_learnt(models->background) || !model_is_learnt(models->foreground)) {
        return grabcut_fail(err, GRABCUT_EINVAL,
                            "the EVAL modes need models that an earlier run has learned");
    }
    return GRABCUT_OK;
}

static int check_start(const grabcut_image *mask, const grabcut_options *opts,
                       grabcut_errbuf *err) {
    if (opts->mode == GRABCUT_INIT_WITH_RECT) {
        return check_rect(&opts->rect, mask->width, mask->height, err);
    }
    int rc = check_mask(mask, opts->mode, err);
    if (!rc && is_eval(opts->mode)) {
        rc = grabcut_models_check(opts->models, err);
    }
    return rc;
}

static int check_bytes(const grabcut_engine *engine, const grabcut_image *image,
                       const grabcut_options *opts, grabcut_errbuf *err) {
    uint64_t bytes = 0;
    if (opts->max_bytes == 0) {
        return GRABCUT_OK;
    }
    int rc = engine->estimate(engine, &bytes, image->width, image->height, opts);
    if (rc) {
        return grabcut_fail(err, rc, "the engine cannot estimate how much memory it needs");
    }
    if (bytes > opts->max_bytes) {
        return grabcut_fail(err, GRABCUT_ENOMEM,
                            "segmenting %dx%d pixels takes up to %llu bytes, the limit is %llu",
                            (int)image->width, (int)image->height, (unsigned long long)bytes,
                            (unsigned long long)opts->max_bytes);
    }
    return GRABCUT_OK;
}

int grabcut_segment(const grabcut_engine *engine, grabcut_image *mask, const grabcut_image *image,
                    const grabcut_options *opts, grabcut_errbuf *err) {
    int rc;
    grabcut_clear(err);
    if ((rc = check_options(engine, opts, err)) || (rc = check_images(mask, image, err)) ||
        (rc = check_start(mask, opts, err)) || (rc = check_bytes(engine, image, opts, err))) {
        return rc;
    }
    return engine->segment(engine, mask, image, opts, err);
}

int grabcut_estimate(const grabcut_engine *engine, uint64_t *out_bytes, int32_t width,
                     int32_t height, const grabcut_options *opts) {
    if (!out_bytes) {
        return GRABCUT_EINVAL;
    }
    *out_bytes = 0;
    if (width < 1 || height < 1 || check_options(engine, opts, NULL)) {
        return GRABCUT_EINVAL;
    }
    return engine->estimate(engine, out_bytes, width, height, opts);
}
