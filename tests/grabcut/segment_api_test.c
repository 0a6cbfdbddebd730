/* What every engine can rely on: calls that reach it have been checked. */
#include <grabcut/grabcut.h>

#include <criterion/criterion.h>
#include <limits.h>
#include <math.h>
#include <string.h>

typedef struct recorder {
    grabcut_engine engine;
    int segments, estimates;
    const grabcut_options *seen;
} recorder;

static int record_segment(const grabcut_engine *self, grabcut_image *mask,
                          const grabcut_image *image, const grabcut_options *opts,
                          grabcut_errbuf *err) {
    recorder *r = (recorder *)(uintptr_t)self;
    (void)mask, (void)image, (void)err;
    r->segments++;
    r->seen = opts;
    return GRABCUT_OK;
}

static int record_estimate(const grabcut_engine *self, uint64_t *out, int32_t width, int32_t height,
                           const grabcut_options *opts) {
    recorder *r = (recorder *)(uintptr_t)self;
    (void)opts;
    r->estimates++;
    *out = 10 * (uint64_t)width * (uint64_t)height;
    return GRABCUT_OK;
}

enum { WIDTH = 8, HEIGHT = 6 };

typedef struct call {
    recorder recorder;
    uint8_t pixels[HEIGHT][WIDTH * 3], values[HEIGHT][WIDTH];
    grabcut_image image, mask;
    grabcut_models models;
    grabcut_options opts;
    grabcut_errbuf err;
} call;

/* A model with one component of unit covariance. */
static void learn(double *model) {
    model[0] = 1;
    model[20] = model[24] = model[28] = 1;
}

static void good_call(call *c) {
    static const grabcut_options defaults = GRABCUT_OPTIONS_INIT;
    memset(c, 0, sizeof(*c));
    c->recorder.engine =
        (grabcut_engine){GRABCUT_ENGINE_VERSION, "recorder", record_segment, record_estimate};
    c->image = (grabcut_image){c->pixels[0], WIDTH, HEIGHT, 3, WIDTH * 3};
    c->mask = (grabcut_image){c->values[0], WIDTH, HEIGHT, 1, WIDTH};
    c->opts = defaults;
    c->opts.rect = (grabcut_rect){1, 1, 4, 4};
    c->opts.models = &c->models;
    learn(c->models.background);
    learn(c->models.foreground);
    c->values[2][2] = GRABCUT_FGD;
}

static int run(call *c) {
    return grabcut_segment(&c->recorder.engine, &c->mask, &c->image, &c->opts, &c->err);
}

/* Refused with a code and a sentence, before the engine is asked. */
#define REFUSED(change, code, sentence)                                                            \
    do {                                                                                           \
        call c;                                                                                    \
        good_call(&c);                                                                             \
        change;                                                                                    \
        int rc_ = run(&c);                                                                         \
        cr_expect_eq(rc_, code, "%s: %d %s", #change, rc_, c.err.text);                            \
        cr_expect_not_null(strstr(c.err.text, sentence), "%s: %s", #change, c.err.text);           \
        cr_expect_eq(c.recorder.segments, 0, #change);                                             \
    } while (0)

#define PASSED(change)                                                                             \
    do {                                                                                           \
        call c;                                                                                    \
        good_call(&c);                                                                             \
        change;                                                                                    \
        int rc_ = run(&c);                                                                         \
        cr_expect_eq(rc_, GRABCUT_OK, "%s: %d %s", #change, rc_, c.err.text);                      \
        cr_expect_str_empty(c.err.text);                                                           \
        cr_expect_eq(c.recorder.segments, 1, #change);                                             \
        cr_expect_eq(c.recorder.seen, &c.opts);                                                    \
    } while (0)

Test(segment_api, a_good_call_reaches_the_engine) {
    PASSED((void)0);
    PASSED(c.opts.mode = GRABCUT_INIT_WITH_MASK);
    PASSED(c.opts.mode = GRABCUT_EVAL);
    PASSED(c.opts.mode = GRABCUT_EVAL_FREEZE_MODEL);
    PASSED(c.opts.models = NULL);
    PASSED(c.opts.iterations = INT_MAX);
}

Test(segment_api, null_arguments_are_refused) {
    call c;
    good_call(&c);
    const grabcut_engine *engine = &c.recorder.engine;
    cr_expect_eq(grabcut_segment(NULL, &c.mask, &c.image, &c.opts, NULL), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_segment(engine, NULL, &c.image, &c.opts, NULL), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_segment(engine, &c.mask, NULL, &c.opts, NULL), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_segment(engine, &c.mask, &c.image, NULL, NULL), GRABCUT_EINVAL);
    cr_expect_eq(c.recorder.segments, 0);
    REFUSED(c.image.data = NULL, GRABCUT_EINVAL, "3 channels");
    REFUSED(c.mask.data = NULL, GRABCUT_EINVAL, "1 channel");
}

Test(segment_api, other_versions_are_refused) {
    REFUSED(c.recorder.engine.version = 2, GRABCUT_EINVAL, "version");
    REFUSED(c.recorder.engine.segment = NULL, GRABCUT_EINVAL, "engine");
    REFUSED(c.recorder.engine.estimate = NULL, GRABCUT_EINVAL, "engine");
    REFUSED(c.opts.version = 0, GRABCUT_EINVAL, "version");
}

Test(segment_api, options_out_of_range_are_refused) {
    REFUSED(c.opts.iterations = 0, GRABCUT_EINVAL, "iterations is 0");
    REFUSED(c.opts.iterations = -3, GRABCUT_EINVAL, "iterations is -3");
    REFUSED(c.opts.threads = 0, GRABCUT_EINVAL, "threads is 0");
    REFUSED(c.opts.mode = (grabcut_mode)4, GRABCUT_EINVAL, "mode 4");
    REFUSED(c.opts.mode = (grabcut_mode)-1, GRABCUT_EINVAL, "mode -1");
    REFUSED(c.opts.simd = (grabcut_simd)3, GRABCUT_EINVAL, "SIMD level 3");
}

Test(segment_api, pictures_that_do_not_fit_are_refused) {
    REFUSED(c.image.channels = 4, GRABCUT_EINVAL, "3 channels");
    REFUSED(c.image.stride = WIDTH * 3 - 1, GRABCUT_EINVAL, "3 channels");
    REFUSED(c.image.width = 0, GRABCUT_EINVAL, "3 channels");
    REFUSED(c.mask.channels = 3, GRABCUT_EINVAL, "1 channel");
    REFUSED(c.mask.stride = 0, GRABCUT_EINVAL, "1 channel");
    REFUSED(c.mask.height = HEIGHT - 1, GRABCUT_EINVAL, "mask is 8x5, the image is 8x6");
}

Test(segment_api, a_rect_is_taken_as_opencv_takes_it) {
    PASSED((c.opts.rect = (grabcut_rect){0, 0, WIDTH, HEIGHT - 1}));
    PASSED((c.opts.rect = (grabcut_rect){WIDTH - 1, HEIGHT - 1, 1, 1}));
    PASSED((c.opts.rect = (grabcut_rect){2, 2, INT_MAX, INT_MAX}));
    /* Moved to 0, the size stays. */
    PASSED((c.opts.rect = (grabcut_rect){-100, -100, 3, 3}));
    PASSED((c.opts.rect = (grabcut_rect){INT_MIN, INT_MIN, 3, 3}));
    REFUSED((c.opts.rect = (grabcut_rect){0, 0, 0, 0}), GRABCUT_ERECT, "empty or outside");
    REFUSED((c.opts.rect = (grabcut_rect){2, 2, 3, 0}), GRABCUT_ERECT, "2,2,3,0");
    REFUSED((c.opts.rect = (grabcut_rect){2, 2, -3, 3}), GRABCUT_ERECT, "outside");
    REFUSED((c.opts.rect = (grabcut_rect){WIDTH, 2, 3, 3}), GRABCUT_ERECT, "outside");
    REFUSED((c.opts.rect = (grabcut_rect){INT_MAX, 2, 3, 3}), GRABCUT_ERECT, "outside");
    REFUSED((c.opts.rect = (grabcut_rect){0, 0, WIDTH, HEIGHT}), GRABCUT_ENOBACKGROUND,
            "whole image");
    REFUSED((c.opts.rect = (grabcut_rect){-5, -5, 100, 100}), GRABCUT_ENOBACKGROUND, "whole image");
}

Test(segment_api, the_mask_is_no_input_with_a_rect) {
    PASSED(memset(c.values, 200, sizeof(c.values)));
}

Test(segment_api, a_mask_must_hold_both_sides_to_learn_from) {
    REFUSED((c.opts.mode = GRABCUT_INIT_WITH_MASK, memset(c.values, 0, sizeof(c.values))),
            GRABCUT_ENOFOREGROUND, "foreground");
    REFUSED((c.opts.mode = GRABCUT_INIT_WITH_MASK, memset(c.values, 2, sizeof(c.values))),
            GRABCUT_ENOFOREGROUND, "foreground");
    REFUSED((c.opts.mode = GRABCUT_INIT_WITH_MASK, memset(c.values, 3, sizeof(c.values))),
            GRABCUT_ENOBACKGROUND, "background");
    REFUSED((c.opts.mode = GRABCUT_INIT_WITH_MASK, memset(c.values, 1, sizeof(c.values))),
            GRABCUT_ENOBACKGROUND, "background");
    PASSED((c.opts.mode = GRABCUT_INIT_WITH_MASK, memset(c.values, 3, sizeof(c.values)),
            c.values[HEIGHT - 1][WIDTH - 1] = GRABCUT_PR_BGD));
    PASSED((c.opts.mode = GRABCUT_EVAL, memset(c.values, 3, sizeof(c.values))));
    PASSED((c.opts.mode = GRABCUT_EVAL, memset(c.values, 0, sizeof(c.values))));
}

Test(segment_api, a_mask_value_above_3_is_refused) {
    for (int mode = GRABCUT_INIT_WITH_MASK; mode <= GRABCUT_EVAL_FREEZE_MODEL; mode++) {
        REFUSED((c.opts.mode = (grabcut_mode)mode, c.values[5][7] = 4), GRABCUT_EINVAL,
                "row 5 of the mask");
        REFUSED((c.opts.mode = (grabcut_mode)mode, c.values[0][0] = 255), GRABCUT_EINVAL,
                "row 0 of the mask");
    }
}

Test(segment_api, carrying_on_needs_learnt_models) {
    for (int mode = GRABCUT_EVAL; mode <= GRABCUT_EVAL_FREEZE_MODEL; mode++) {
        REFUSED((c.opts.mode = (grabcut_mode)mode, c.opts.models = NULL), GRABCUT_EINVAL, "models");
        REFUSED((c.opts.mode = (grabcut_mode)mode,
                 memset(&c.models.foreground, 0, sizeof(c.models.foreground))),
                GRABCUT_EINVAL, "models");
        REFUSED((c.opts.mode = (grabcut_mode)mode,
                 memset(&c.models.background, 0, sizeof(c.models.background))),
                GRABCUT_EINVAL, "models");
        REFUSED((c.opts.mode = (grabcut_mode)mode, c.models.background[28] = 0), GRABCUT_EINVAL,
                "models");
        REFUSED((c.opts.mode = (grabcut_mode)mode, c.models.background[64] = NAN), GRABCUT_EINVAL,
                "models");
    }
    /* What an iteration leaves that found no foreground: no weights, old means. */
    PASSED((c.opts.mode = GRABCUT_EVAL, c.models.foreground[0] = 0));
}

Test(segment_api, max_bytes_is_held_against_the_engines_estimate) {
    REFUSED(c.opts.max_bytes = 10 * WIDTH * HEIGHT - 1, GRABCUT_ENOMEM,
            "480 bytes, the limit is 479");
    PASSED(c.opts.max_bytes = 10 * WIDTH * HEIGHT);
}

Test(segment_api, estimate_asks_the_engine) {
    call c;
    uint64_t bytes = 1;
    good_call(&c);
    const grabcut_engine *engine = &c.recorder.engine;
    cr_expect_eq(grabcut_estimate(engine, &bytes, 100, 50, &c.opts), GRABCUT_OK);
    cr_expect_eq(bytes, 50000);
    cr_expect_eq(grabcut_estimate(engine, NULL, 100, 50, &c.opts), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_estimate(engine, &bytes, 0, 50, &c.opts), GRABCUT_EINVAL);
    cr_expect_eq(bytes, 0);
    cr_expect_eq(grabcut_estimate(engine, &bytes, 100, -1, &c.opts), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_estimate(engine, &bytes, 100, 50, NULL), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_estimate(NULL, &bytes, 100, 50, &c.opts), GRABCUT_EINVAL);
}

Test(segment_api, every_code_has_a_phrase) {
    for (int code = GRABCUT_OK; code >= GRABCUT_EINTERNAL; code--) {
        cr_expect_str_neq(grabcut_strerror(code), grabcut_strerror(1), "%d", code);
    }
    cr_expect_str_eq(grabcut_strerror(1), "unknown error");
    cr_expect_str_eq(grabcut_version(), GRABCUT_VERSION);
}
