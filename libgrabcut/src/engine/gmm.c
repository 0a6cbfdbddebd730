/* Learning and evaluating the colour models: Rother, Kolmogorov, Blake, "GrabCut", SIGGRAPH 2004.
 */
#include "gmm.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* A learned covariance with a determinant up to here counts as singular. */
static const double SINGULAR = 1e-6;
/* With a determinant up to here it cannot be used, as the reference asserts. */
#define UNUSABLE DBL_EPSILON
/* Added to the diagonal of a singular covariance. */
static const double WHITE_NOISE = 0.01;

/* The log weight of an unused component. */
#define UNUSED (-1e9)

static double *weights(gc_gmm *gmm) {
    return gmm->model;
}

static double *mean_of(gc_gmm *gmm, int c) {
    return gmm->model + GC_COMPONENTS + 3 * c;
}

static double *covariance_of(gc_gmm *gmm, int c) {
    return gmm->model + GC_COMPONENTS * 4 + 9 * c;
}

static double determinant(const double *c) {
    return c[0] * (c[4] * c[8] - c[5] * c[7]) - c[1] * (c[3] * c[8] - c[5] * c[6]) +
           c[2] * (c[3] * c[7] - c[4] * c[6]);
}

static void invert(double *inv, const double *c, double det) {
    double f = 1.0 / det;
    inv[0] = (c[4] * c[8] - c[5] * c[7]) * f;
    inv[3] = -(c[3] * c[8] - c[5] * c[6]) * f;
    inv[6] = (c[3] * c[7] - c[4] * c[6]) * f;
    inv[1] = -(c[1] * c[8] - c[2] * c[7]) * f;
    inv[4] = (c[0] * c[8] - c[2] * c[6]) * f;
    inv[7] = -(c[0] * c[7] - c[1] * c[6]) * f;
    inv[2] = (c[1] * c[5] - c[2] * c[4]) * f;
    inv[5] = -(c[0] * c[5] - c[2] * c[3]) * f;
    inv[8] = (c[0] * c[4] - c[1] * c[3]) * f;
}

/* Appends component c to the mixture. */
static void append_component(gc_gmm *gmm, int c) {
    gc_mixture *mix = &gmm->mix;
    const double *cov = covariance_of(gmm, c);
    double det = determinant(cov);
    int i = mix->used++;
    mix->index[i] = c;
    mix->coef[i] = weights(gmm)[c];
    mix->det[i] = det;
    mix->log_norm[i] = -0.5 * log2(det);
    mix->log_weight[i] = log2(mix->coef[i]) + mix->log_norm[i];
    memcpy(mix->mean[i], mean_of(gmm, c), sizeof mix->mean[i]);
    invert(mix->inv[i], cov, det);
    const double *v = mix->inv[i];
    const double form[6] = {v[0], v[1] + v[3], v[2] + v[6], v[4], v[5] + v[7], v[8]};
    double terms = 0;
    for (int j = 0; j < 6; j++) {
        mix->form[i][j] = -0.5 * M_LOG2E * form[j];
        terms += fabs(form[j]) * 255 * 255;
    }
    /* A dozen roundings each of the form and of the reference's formula, for two components, and
     * the roundings of exp; with a margin. */
    mix->blur = fmax(mix->blur, 1e-9 + 1e-14 * terms);
}

/* No component is in use yet. */
static void empty_mixture(gc_mixture *mix) {
    memset(mix, 0, sizeof *mix);
    for (int i = 0; i < GC_COMPONENTS; i++)
        mix->log_weight[i] = UNUSED;
}

void gc_gmm_load(gc_gmm *gmm, const double *model) {
    memcpy(gmm->model, model, sizeof gmm->model);
    empty_mixture(&gmm->mix);
    for (int c = 0; c < GC_COMPONENTS; c++)
        if (weights(gmm)[c] > 0)
            append_component(gmm, c);
}

void gc_moments_add(gc_moments *sum, const gc_moments *more) {
    sum->count += more->count;
    for (int j = 0; j < 3; j++)
        sum->sum[j] += more->sum[j];
    sum->bb += more->bb;
    sum->bg += more->bg;
    sum->br += more->br;
    sum->gg += more->gg;
    sum->gr += more->gr;
    sum->rr += more->rr;
}

static void learn_component(gc_gmm *gmm, int c, const gc_moments *m, uint64_t total) {
    double inv_n = 1.0 / (double)m->count;
    double *mean = mean_of(gmm, c), *cov = covariance_of(gmm, c);
    weights(gmm)[c] = (double)m->count / (double)total;
    for (int j = 0; j < 3; j++)
        mean[j] = (double)m->sum[j] * inv_n;
    const uint64_t products[9] = {m->bb, m->bg, m->br, m->bg, m->gg, m->gr, m->br, m->gr, m->rr};
    for (int j = 0; j < 9; j++)
        cov[j] = (double)products[j] * inv_n - mean[j / 3] * mean[j % 3];
    if (determinant(cov) <= SINGULAR)
        for (int j = 0; j < 9; j += 4)
            cov[j] += WHITE_NOISE;
}

int gc_gmm_learn(gc_gmm *gmm, const gc_moments *moments) {
    uint64_t total = 0;
    for (int c = 0; c < GC_COMPONENTS; c++)
        total += moments[c].count;
    empty_mixture(&gmm->mix);
    for (int c = 0; c < GC_COMPONENTS; c++) {
        weights(gmm)[c] = 0;
        if (moments[c].count == 0)
            continue;
        learn_component(gmm, c, &moments[c], total);
        if (!(determinant(covariance_of(gmm, c)) > UNUSABLE))
            return GRABCUT_EINTERNAL;
        append_component(gmm, c);
    }
    return GRABCUT_OK;
}
