/*
 * The random numbers that cv::kmeans draws: a multiply-with-carry generator (Marsaglia 2003,
 * "Random number generators", J. Mod. Appl. Stat. Methods 2) with OpenCV's multiplier. The same
 * seed must give the same draws as cv::setRNGSeed, else the first colour models differ.
 */
#ifndef GRABCUT_ENGINE_RNG_H
#define GRABCUT_ENGINE_RNG_H

#include <stdint.h>

typedef struct gc_rng {
    uint64_t state; /* low half: last number; high half: carry */
} gc_rng;

/* cv::setRNGSeed takes an int, which is sign-extended; state 0 would stay 0 and is replaced. */
static inline void gc_rng_seed(gc_rng *rng, uint64_t seed) {
    rng->state = (uint64_t)(int64_t)(int32_t)(uint32_t)seed;
    if (rng->state == 0)
        rng->state = 0xffffffffu;
}

static inline uint32_t gc_rng_next(gc_rng *rng) {
    rng->state = (uint64_t)(uint32_t)rng->state * 4164903690u + (rng->state >> 32);
    return (uint32_t)rng->state;
}

/* In [0, 1]: 64 bits, rounded to a double before the scaling, so 1 is possible. */
static inline double gc_rng_double(gc_rng *rng) {
    uint64_t high = gc_rng_next(rng);
    uint64_t bits = high << 32 | gc_rng_next(rng);
    return (double)bits * 5.4210108624275221700372640043497e-20;
}

#endif
