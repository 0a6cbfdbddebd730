/*
 * As long as the float sums of pixels are below 2^24 they are integers, and the order of the pixels
 * does not matter. From there on each addition rounds. Yet threads can share the work, block by
 * block:
 *
 * Between 2^k and 2^(k+1) a float is m u, u = 2^(k-23), and adding x makes m + round(x / u) of m,
 * where a half goes to the even sum. So two rows of the same additions that start from an m of the
 * same parity stay as far apart as they start, if both stay between the same powers of two. For
 * each block whose sums round, a thread adds the pixels to an even and an odd m of about the right
 * size, as the sum of integers gives it; afterwards the one of the right parity gives how far the
 * block moves the true sum. As the bits of floats between two powers of two count their m, this is
 * a matter of integers. Where a power of two is passed, or the size was not right, the block is
 * added pixel by pixel.
 */
#include "floatsums.h"

#include <string.h>

static const float INEXACT = 16777216; /* smaller integers are floats */

int gc_floatsums_exact(float (*acc)[3], const gc_cluster *sum) {
    for (int k = 0; k < GC_COMPONENTS; k++)
        for (int j = 0; j < 3; j++)
            if (acc[k][j] + (float)sum[k].sum[j] >= INEXACT)
                return 0;
    for (int k = 0; k < GC_COMPONENTS; k++)
        for (int j = 0; j < 3; j++)
            acc[k][j] += (float)sum[k].sum[j];
    return 1;
}

static inline uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Whether two floats lie between the same powers of two. */
static int same_binade(uint32_t a, uint32_t b) {
    return a >> 23 == b >> 23;
}

static const uint32_t *pixels_of_block(const gc_floatsums *f, int block) {
    return f->px + (size_t)block * (size_t)f->length;
}

static const uint8_t *labels(const gc_floatsums *f, int block) {
    return f->labels + (size_t)block * (size_t)f->length;
}

static void add_twice(void *ctx, int index, int parts) {
    const gc_floatsums *f = ctx;
    int end = f->first + gc_part_start(f->blocks - f->first, index + 1, parts);
    for (int b = f->first + gc_part_start(f->blocks - f->first, index, parts); b < end; b++) {
        gc_tally *t = &f->tallies[b];
        if (gc_pool_halt(f->pool, index, (size_t)f->count[b]))
            return;
        for (int k = 0; k < GC_COMPONENTS; k++)
            for (int j = 0; j < 3; j++) {
                t->even[k][j] = t->start[k][j];
                t->odd[k][j] = float_of(bits_of(t->start[k][j]) + 1);
            }
        f->kernels->accumulate_both(t->even, t->odd, pixels_of_block(f, b), labels(f, b),
                                    f->count[b]);
    }
}

/* The float sums of the blocks from `first` on, each for about the start that it will have. */
static void run_ahead(const float (*acc)[3], gc_floatsums *f) {
    uint64_t sum[GC_COMPONENTS][3];
    for (int k = 0; k < GC_COMPONENTS; k++)
        for (int j = 0; j < 3; j++)
            sum[k][j] = (uint64_t)acc[k][j];
    for (int b = f->first; b < f->blocks; b++)
        for (int k = 0; k < GC_COMPONENTS; k++)
            for (int j = 0; j < 3; j++) {
                f->tallies[b].start[k][j] = float_of(bits_of((float)sum[k][j]) & ~1u);
                sum[k][j] += f->tallies[b].sum[k].sum[j];
            }
    gc_pool_run(f->pool, add_twice, f);
}

/* Adds a block that has been added ahead; returns 0 if its sums do not follow from that. */
static int add_known(float (*acc)[3], const gc_tally *t) {
    float sum[GC_COMPONENTS][3];
    for (int k = 0; k < GC_COMPONENTS; k++)
        for (int j = 0; j < 3; j++) {
            sum[k][j] = acc[k][j] + (float)t->sum[k].sum[j];
            if (sum[k][j] < INEXACT)
                continue;
            uint32_t from = bits_of(acc[k][j]), odd = from & 1;
            uint32_t start = bits_of(t->start[k][j]) + odd,
                     end = bits_of(odd ? t->odd[k][j] : t->even[k][j]);
            uint32_t to = from + (end - start);
            if (!same_binade(from, start) || !same_binade(start, end) || !same_binade(from, to))
                return 0;
            sum[k][j] = float_of(to);
        }
    memcpy(acc, sum, sizeof sum);
    return 1;
}

void gc_floatsums_run(float (*acc)[3], gc_floatsums *f) {
    int ahead = 0;
    for (int b = 0; b < f->blocks; b++) {
        if (gc_floatsums_exact(acc, f->tallies[b].sum))
            continue;
        if (!ahead) {
            ahead = 1;
            f->first = b;
            run_ahead((const float(*)[3])acc, f);
        }
        if (gc_pool_halt(f->pool, 0, (size_t)f->count[b]))
            return;
        if (!add_known(acc, &f->tallies[b]))
            f->kernels->accumulate(acc, pixels_of_block(f, b), labels(f, b), f->count[b]);
    }
}
