/* The likelihoods of one colour in a mixture, for pixels where rounding decides. */
#ifndef GRABCUT_SIMD_MIXTURE_H
#define GRABCUT_SIMD_MIXTURE_H

#include "kernels.h"

/* As kernels->components and kernels->tlinks, one pixel at a time; the scale is up to 2^52. */
int gc_mixture_component(const gc_mixture *mix, uint32_t px);
int64_t gc_mixture_tlink(const gc_mixture *bgd, const gc_mixture *fgd, uint32_t px, double scale,
                         double limit);

#endif
