/*
 * The inner loops that run once a pixel, as a table of functions, so that the instructions can be
 * chosen at run time. All levels give the same labels and sums; a terminal link may differ in its
 * last unit from level to level.
 *
 * Pixels come as packed words (blue | green << 8 | red << 16) in row buffers whose length is
 * rounded up to GC_PAD words; the words behind the n-th pixel may have any value.
 */
#ifndef GRABCUT_SIMD_KERNELS_H
#define GRABCUT_SIMD_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include <grabcut/grabcut.h>

#include "flow.h"

enum {
    GC_COMPONENTS = 5, /* of each colour model */
    GC_PAD = 16,       /* row buffers are a multiple of this many pixels */
    GC_TRIALS = 3      /* candidates a k-means++ centre is chosen from */
};

/* What the kernels need of a mixture: only the components with a weight, in their order. */
typedef struct gc_mixture {
    int used;                 /* 0: no component, every likelihood is 0 */
    int index[GC_COMPONENTS]; /* their numbers in the model */
    double mean[GC_COMPONENTS][3];
    double inv[GC_COMPONENTS][9]; /* inverse covariance, row by row */
    /* Exponents are those of 2. -1/2 of the Mahalanobis distance as a form in the differences to
     * the mean: bb, bg, br, gg, gr, rr. */
    double form[GC_COMPONENTS][6];
    double blur; /* two components whose exponents differ by less are compared by their exact
                    likelihoods */
    double log_weight[GC_COMPONENTS]; /* log2(weight / sqrt(det)) */
    double log_norm[GC_COMPONENTS];   /* log2(1 / sqrt(det)) */
    double coef[GC_COMPONENTS];
    double det[GC_COMPONENTS];
} gc_mixture;

/* Moments of the pixels of one component; sums of integers, so exact in any order. */
typedef struct gc_moments {
    uint64_t count, sum[3];
    uint64_t bb, bg, br, gg, gr, rr;
} gc_moments;

/* Pixels of one cluster. */
typedef struct gc_cluster {
    uint64_t count, sum[3];
} gc_cluster;

static inline uint32_t gc_pixel(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

typedef struct gc_kernels {
    grabcut_simd level;

    /* px[i] = the i-th of n pixels of three bytes each. */
    void (*unpack)(uint32_t *px, const uint8_t *bgr, int n);
    /* For k-means++: sums[j] += over pixels min(distance to the nearest of chosen[0..k), distance
     * to candidate[j]), squared distances. k may be 0. */
    void (*pp_sums)(uint64_t *sums, const uint32_t *px, int n, const uint32_t *chosen, int k,
                    const uint32_t *candidate, int candidates);
    /* labels[i] = first nearest of `k` centres, in float as cv::kmeans computes; out[label] += the
     * number of pixels and their sum. */
    void (*nearest_sums)(gc_cluster *out, uint8_t *labels, const uint32_t *px, int n,
                         const float (*centers)[3], int k);
    /* acc[label] += pixel, float, one after the other: the order of the additions is the result. */
    void (*accumulate)(float (*acc)[3], const uint32_t *px, const uint8_t *labels, int n);
    /* The same to two sets of sums. */
    void (*accumulate_both)(float (*one)[3], float (*other)[3], const uint32_t *px,
                            const uint8_t *labels, int n);
    void (*moments)(gc_moments *out, const uint32_t *px, const uint8_t *labels, int n);
    /* labels[i] = number of the component with the greatest likelihood, weights aside. */
    void (*components)(uint8_t *labels, const uint32_t *px, int n, const gc_mixture *mix);
    /* out[i] = round(scale * (log P_fgd - log P_bgd)), cut to +-limit: positive pulls to
     * foreground. */
    void (*tlinks)(int32_t *out, const uint32_t *px, int n, const gc_mixture *bgd,
                   const gc_mixture *fgd, double scale, double limit);
    /* Sum of the squared distances of a[i] and b[i]. */
    uint64_t (*distance_sum)(const uint32_t *a, const uint32_t *b, int n);
    /* Joins n pixels, eights of tiles that begin with number p, to their neighbours in directions 4
     * to 7, all of them undecided. Number q is below p. px[-1 .. n] and below[-1 .. n] are the
     * colours of the row and of the one below. Fresh: no flow yet, all that a link can take is its
     * room; else the rooms are those that the last cut left, and the flow that they imply moves the
     * excess. */
    void (*link)(gc_flow *flow, size_t p, size_t q, const uint32_t *px, const uint32_t *below,
                 int n, int fresh);
    /* Discharges the pixels of a tile that are in the frontier, for some time. Returns how many
     * labels rose. */
    uint64_t (*discharge)(const gc_flow *flow, const gc_course *course, const gc_visit *visit);
    /* planes[d] = bit d of each of 64 bytes. */
    void (*split_planes)(uint64_t *planes, const uint8_t *open);
    /* The bits of 64 numbers that are below 0, and of those that are above. */
    void (*signs)(uint64_t *negative, uint64_t *positive, const int32_t *excess);
    /* The bits of 64 numbers that are below `limit`. */
    uint64_t (*below)(const int32_t *excess, int32_t limit);
    /* planes[s]: the bits of 64 pixels whose room in slot s is at least `least` times 2^16. */
    void (*ample)(uint64_t planes[4], const uint8_t *room_high, unsigned least);
    /* Sets those of 64 bytes whose bit is set. */
    void (*set_bytes)(uint8_t *bytes, uint64_t bits, uint8_t value);
} gc_kernels;

/* The table of a level whose functions have the names of the members. */
#define GC_KERNELS(of_level)                                                                       \
    {                                                                                              \
        .level = (of_level), .unpack = unpack, .pp_sums = pp_sums, .nearest_sums = nearest_sums,   \
        .accumulate = accumulate, .accumulate_both = accumulate_both, .moments = moments,          \
        .components = components, .tlinks = tlinks, .distance_sum = distance_sum,                  \
        .link = link_eights, .discharge = discharge, .split_planes = split_planes, .signs = signs, \
        .below = below, .ample = ample, .set_bytes = set_bytes,                                    \
    }

extern const gc_kernels gc_kernels_portable;
extern const gc_kernels gc_kernels_avx2; /* only where the build is for x86-64 */

#endif
