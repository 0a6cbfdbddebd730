/* The capacity of a link between two neighbouring pixels as a function of their colours, from two
 * tables. */
#ifndef GRABCUT_SIMD_LINK_TABLE_H
#define GRABCUT_SIMD_LINK_TABLE_H

#include <stdint.h>

/* Integer units in a unit of the reference's energy. The two residuals of a link add up to at most
 * 2 * 50 * GC_SCALE, which fits 24 bits. */
#define GC_SCALE 163840.0

/* exp(-beta (512 i + j)) = exp(-512 beta i) exp(-beta j): two small tables instead of one that
 * would not fit the first cache. In fixed point: `high` has 31 bits after the point, the others 8.
 */
enum { GC_LOW_BITS = 9, GC_LOW = 1 << GC_LOW_BITS, GC_HIGH = 3 * 255 * 255 / GC_LOW + 1 };

typedef struct gc_nlinks {
    uint32_t low[2][GC_LOW]; /* diagonal, straight */
    uint32_t high[GC_HIGH];
} gc_nlinks;

/* Of the squared distance of two colours. */
static inline int32_t gc_nlinks_capacity(const gc_nlinks *links, uint32_t distance, int straight) {
    uint64_t low = links->low[straight][distance % GC_LOW];
    return (int32_t)((links->high[distance >> GC_LOW_BITS] * low + (UINT64_C(1) << 38)) >> 39);
}

/* The same of two pixels. */
static inline int32_t gc_nlinks_between(const gc_nlinks *links, uint32_t a, uint32_t b,
                                        int straight) {
    int db = (int)(a & 255) - (int)(b & 255), dg = (int)(a >> 8 & 255) - (int)(b >> 8 & 255);
    int dr = (int)(a >> 16) - (int)(b >> 16);
    return gc_nlinks_capacity(links, (uint32_t)(db * db + dg * dg + dr * dr), straight);
}

#endif
