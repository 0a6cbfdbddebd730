/*
 * Gaussian mixture colour models of GrabCut (Rother, Kolmogorov, Blake 2004, section 3), five
 * components of full covariance, with the results of OpenCV.
 */
#ifndef GRABCUT_ENGINE_GMM_H
#define GRABCUT_ENGINE_GMM_H

#include "kernels.h"

typedef struct gc_gmm {
    double model[GRABCUT_MODEL_DOUBLES]; /* weights, means, covariances as in grabcut_models */
    gc_mixture mix;                      /* what the kernels read, derived from model */
} gc_gmm;

/* Uses a given model, whose components have been checked to have positive determinants. */
void gc_gmm_load(gc_gmm *gmm, const double *model);

void gc_moments_add(gc_moments *sum, const gc_moments *more);

/* Learns from the moments of each component. Components without pixels get weight 0 and keep their
 * mean and covariance. GRABCUT_EINTERNAL if a covariance stays singular. */
int gc_gmm_learn(gc_gmm *gmm, const gc_moments *moments);

#endif
