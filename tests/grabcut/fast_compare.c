/* Runs the fast engine and cv::grabCut on the same call and compares their masks and energies. */
#include "fast_compare.h"

#include "exact_cut.h"
#include "pipeline.h"

#include <grabcut/opencv.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct state {
    grabcut_image mask;
    grabcut_models models;
    int rc;
} state;

static uint8_t *pixel(const grabcut_image *image, int x, int y) {
    return image->data + (size_t)y * image->stride + (size_t)x * (size_t)image->channels;
}

static void copy_state(state *to, const grabcut_image *mask, const grabcut_models *models) {
    if (grabcut_image_alloc(&to->mask, mask->width, mask->height, 1))
        abort();
    for (int y = 0; y < mask->height; y++)
        memcpy(pixel(&to->mask, 0, y), pixel(mask, 0, y), (size_t)mask->width);
    to->models = *models;
    to->rc = 0;
}

static void run(const grabcut_engine *engine, state *s, const grabcut_image *image,
                grabcut_options opts) {
    opts.models = &s->models;
    opts.workspace = NULL;
    opts.progress = NULL;
    s->rc = grabcut_segment(engine, &s->mask, image, &opts, NULL);
}

static int differing(const grabcut_image *a, const grabcut_image *b) {
    int n = 0;
    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width; x++)
            n += *pixel(a, x, y) != *pixel(b, x, y);
    return n;
}

/* -log of a mixture's likelihood, with the operations of the reference in their order; INFINITY
 * where it underflows. */
static double cost(const double *model, const uint8_t *c) {
    double sum = 0;
    for (int k = 0; k < 5; k++) {
        const double *mean = model + 5 + 3 * k, *v = model + 20 + 9 * k;
        if (model[k] <= 0)
            continue;
        double det = v[0] * (v[4] * v[8] - v[5] * v[7]) - v[1] * (v[3] * v[8] - v[5] * v[6]) +
                     v[2] * (v[3] * v[7] - v[4] * v[6]);
        double f = 1.0 / det;
        double inv[9] = {(v[4] * v[8] - v[5] * v[7]) * f, -(v[1] * v[8] - v[2] * v[7]) * f,
                         (v[1] * v[5] - v[2] * v[4]) * f, -(v[3] * v[8] - v[5] * v[6]) * f,
                         (v[0] * v[8] - v[2] * v[6]) * f, -(v[0] * v[5] - v[2] * v[3]) * f,
                         (v[3] * v[7] - v[4] * v[6]) * f, -(v[0] * v[7] - v[1] * v[6]) * f,
                         (v[0] * v[4] - v[1] * v[3]) * f};
        double d[3] = {c[0] - mean[0], c[1] - mean[1], c[2] - mean[2]};
        double m = d[0] * (d[0] * inv[0] + d[1] * inv[3] + d[2] * inv[6]) +
                   d[1] * (d[0] * inv[1] + d[1] * inv[4] + d[2] * inv[7]) +
                   d[2] * (d[0] * inv[2] + d[1] * inv[5] + d[2] * inv[8]);
        sum += model[k] * (1.0 / sqrt(det) * exp(-0.5 * m));
    }
    return -log(sum);
}

static double squared_distance(const uint8_t *a, const uint8_t *b) {
    double s = 0;
    for (int i = 0; i < 3; i++)
        s += (double)(a[i] - b[i]) * (a[i] - b[i]);
    return s;
}

static const int NEAR_X[4] = {-1, -1, 0, 1}, NEAR_Y[4] = {0, -1, -1, -1};

static double beta_of(const grabcut_image *image) {
    double sum = 0, w = image->width, h = image->height;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++)
            for (int k = 0; k < 4; k++) {
                int nx = x + NEAR_X[k], ny = y + NEAR_Y[k];
                if (nx >= 0 && ny >= 0 && nx < image->width)
                    sum += squared_distance(pixel(image, x, y), pixel(image, nx, ny));
            }
    return sum > 0 ? 1.f / (2 * sum / (4 * w * h - 3 * w - 3 * h + 2)) : 0;
}

/* 1 if every number of the models is the same. */
static int same_models(const state *ours, const state *theirs, int iteration,
                       compare_report *report) {
    for (int side = 0; side < 2; side++)
        for (int i = 0; i < GRABCUT_MODEL_DOUBLES; i++) {
            double a = side ? ours->models.foreground[i] : ours->models.background[i];
            double b = side ? theirs->models.foreground[i] : theirs->models.background[i];
            if (a == b)
                continue;
            snprintf(report->why, sizeof report->why,
                     "iteration %d, model %d, number %d: %.17g and %.17g", iteration, side, i, a,
                     b);
            return 0;
        }
    return 1;
}

/* The two cuts of one iteration beside the minimum that a third solver finds (exact_cut.h). */
static compare_result judge(const compare_case *c, const state *ours, const state *theirs,
                            int iteration, compare_report *report) {
    const grabcut_image *image = &c->image;
    const int w = image->width, h = image->height;
    const double beta = beta_of(image);
    if (!same_models(ours, theirs, iteration, report))
        return COMPARE_DIFFERS;
    exact_cut cut;
    exact_cut_init(&cut, w, h);
    uint8_t *a = malloc((size_t)(w * h)), *b = malloc((size_t)(w * h));
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const uint8_t *color = pixel(image, x, y);
            const int label = *pixel(&theirs->mask, x, y), at = y * w + x;
            a[at] = *pixel(&ours->mask, x, y) & 1;
            b[at] = (uint8_t)(label & 1);
            if (label & 2)
                exact_cut_terminal(&cut, at,
                                   cost(ours->models.background, color) -
                                       cost(ours->models.foreground, color));
            else
                exact_cut_fix(&cut, at, label & 1);
            for (int k = 0; k < 4; k++) {
                int nx = x + NEAR_X[k], ny = y + NEAR_Y[k];
                if (nx < 0 || ny < 0 || nx >= w)
                    continue;
                double gamma = NEAR_X[k] && NEAR_Y[k] ? 50 / sqrtf(2.0f) : 50;
                exact_cut_link(&cut, at, k,
                               gamma * exp(-beta * squared_distance(color, pixel(image, nx, ny))));
            }
        }
    exact_result result;
    exact_cut_judge(&cut, a, b, &result);
    exact_cut_free(&cut);
    free(a);
    free(b);
    snprintf(report->why, sizeof report->why,
             "iteration %d: %d pixels differ; above the minimum: %.3g, the reference %.3g; %s",
             iteration, differing(&ours->mask, &theirs->mask), result.excess[0], result.excess[1],
             result.unique ? "one minimum" : "several minima");
    if (!result.minimal[0] || (result.minimal[1] && result.unique))
        return COMPARE_DIFFERS;
    return result.minimal[1] ? COMPARE_TIE : COMPARE_LOWER;
}

/* As many threads as the call allows, however small the image. */
static void run_eagerly(state *s, const grabcut_image *image, grabcut_options opts) {
    const gc_fast_engine eager = gc_fast_engine_of(1);
    run(&eager.super, s, image, opts);
}

static compare_result step_by_step(const compare_case *c, compare_report *report) {
    state theirs;
    copy_state(&theirs, &c->mask, &c->models);
    compare_result result = COMPARE_DIFFERS;
    snprintf(report->why, sizeof report->why, "the whole call differs, but no iteration of it");
    grabcut_options opts = c->opts;
    opts.iterations = 1;
    for (int i = 0; i < c->opts.iterations; i++) {
        state ours;
        copy_state(&ours, &theirs.mask, &theirs.models);
        run(grabcut_engine_opencv(), &theirs, &c->image, opts);
        run_eagerly(&ours, &c->image, opts);
        int same = ours.rc == theirs.rc && differing(&ours.mask, &theirs.mask) == 0;
        if (!same)
            result = judge(c, &ours, &theirs, i, report);
        grabcut_image_free(&ours.mask);
        if (!same)
            break;
        if (opts.mode != GRABCUT_EVAL_FREEZE_MODEL)
            opts.mode = GRABCUT_EVAL;
    }
    grabcut_image_free(&theirs.mask);
    return result;
}

compare_result compare_engines(const compare_case *c, compare_report *report) {
    state ours, theirs;
    memset(report, 0, sizeof *report);
    copy_state(&ours, &c->mask, &c->models);
    copy_state(&theirs, &c->mask, &c->models);
    run_eagerly(&ours, &c->image, c->opts);
    run(grabcut_engine_opencv(), &theirs, &c->image, c->opts);
    report->differing = differing(&ours.mask, &theirs.mask);
    compare_result result = COMPARE_SAME;
    if (ours.rc != theirs.rc) {
        snprintf(report->why, sizeof report->why, "fast: %s; opencv: %s", grabcut_strerror(ours.rc),
                 grabcut_strerror(theirs.rc));
        result = COMPARE_DIFFERS;
    } else if (report->differing ||
               (ours.rc == 0 && !same_models(&ours, &theirs, c->opts.iterations, report))) {
        result = step_by_step(c, report);
    }
    grabcut_image_free(&ours.mask);
    grabcut_image_free(&theirs.mask);
    return result;
}

void compare_case_free(compare_case *c) {
    grabcut_image_free(&c->image);
    grabcut_image_free(&c->mask);
}
