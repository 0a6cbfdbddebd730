/*
 * Sums of floats that round, in the order in which cv::kmeans adds them, on several threads.
 */
#ifndef GRABCUT_ENGINE_FLOATSUMS_H
#define GRABCUT_ENGINE_FLOATSUMS_H

#include "kernels.h"
#include "pool.h"

/* Of a block of labelled pixels. */
typedef struct gc_tally {
    gc_cluster sum[GC_COMPONENTS]; /* the caller's */
    /* What the float sums of the block are if they start at `start`, and if at the float after it.
     */
    float start[GC_COMPONENTS][3];
    float even[GC_COMPONENTS][3], odd[GC_COMPONENTS][3];
} gc_tally;

/* Pixels in blocks of `length`, and what is known about them. */
typedef struct gc_floatsums {
    const gc_kernels *kernels;
    gc_pool *pool;
    const uint32_t *px;
    const uint8_t *labels;
    gc_tally *tallies;
    const int32_t *count; /* pixels of each block */
    int blocks, length;
    int first; /* block whose sums round */
} gc_floatsums;

/* acc[label] += pixel for all pixels, as if they were added one after the other. The sums are
 * invalid if the pool stops. */
void gc_floatsums_run(float (*acc)[3], gc_floatsums *f);

/* Adds the sums of pixels to acc and returns 1, if that is what adding the pixels in any order
 * makes; else 0. */
int gc_floatsums_exact(float (*acc)[3], const gc_cluster *sum);

#endif
