/* The likelihoods of a colour, with the operations of the reference one for one. */
#include "mixture.h"

#include <math.h>

/* Likelihood of a colour in component i of the mixture, its weight aside. */
static double likelihood(const gc_mixture *mix, int i, uint32_t px) {
    const double *v = mix->inv[i];
    double d0 = (double)(px & 255) - mix->mean[i][0];
    double d1 = (double)(px >> 8 & 255) - mix->mean[i][1];
    double d2 = (double)(px >> 16 & 255) - mix->mean[i][2];
    double m = d0 * (d0 * v[0] + d1 * v[3] + d2 * v[6]) + d1 * (d0 * v[1] + d1 * v[4] + d2 * v[7]) +
               d2 * (d0 * v[2] + d1 * v[5] + d2 * v[8]);
    return 1.0 / sqrt(mix->det[i]) * exp(-0.5 * m);
}

int gc_mixture_component(const gc_mixture *mix, uint32_t px) {
    int best = 0; /* if all likelihoods underflow: component 0, in use or not */
    double top = 0;
    for (int i = 0; i < mix->used; i++) {
        double p = likelihood(mix, i, px);
        if (p > top) {
            top = p;
            best = mix->index[i];
        }
    }
    return best;
}

static double mixture_likelihood(const gc_mixture *mix, uint32_t px) {
    double sum = 0;
    for (int i = 0; i < mix->used; i++)
        sum += mix->coef[i] * likelihood(mix, i, px);
    return sum;
}

int64_t gc_mixture_tlink(const gc_mixture *bgd, const gc_mixture *fgd, uint32_t px, double scale,
                         double limit) {
    double from_source = -log(mixture_likelihood(bgd, px));
    double to_sink = -log(mixture_likelihood(fgd, px));
    double t = (from_source - to_sink) * scale;
    if (isnan(t) || t >= limit) /* both likelihoods 0: the reference treats it as foreground */
        return (int64_t)limit;
    return t <= -limit ? (int64_t)-limit : (int64_t)llrint(t);
}
