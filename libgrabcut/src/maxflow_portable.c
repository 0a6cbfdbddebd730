/* The minimum cut for any processor. */
#include "maxflow.h"

#include <limits.h>
#include <string.h>

/* Of the open arcs, the one to the neighbour with the lowest label: its direction, and in *gap how much
 * the own label must rise to be one above that neighbour's. `open` is not 0. */
static inline int lowest_neighbour(const uint8_t *label, size_t stride, unsigned own, unsigned open,
                                   unsigned *gap) {
    const uint8_t *up = label - stride - 1, *down = label + stride - 1;
    const uint8_t around[8] = {up[0], up[1], up[2], label[-1], label[1], down[0], down[1], down[2]};
    unsigned best = 256, direction = 0;
    for (unsigned rest = open; rest; rest &= rest - 1) {
        unsigned d = (unsigned)__builtin_ctz(rest);
        unsigned g = (uint8_t)(around[d] - own + 1);
        direction = g < best ? d : direction;
        best = g < best ? g : best;
    }
    *gap = best;
    return (int)direction;
}

/* 8x8 bits: rows become columns (Warren, Hacker's Delight, 7-3). */
static inline uint64_t transpose(uint64_t x) {
    uint64_t t = (x ^ (x >> 7)) & 0x00aa00aa00aa00aau;
    x ^= t ^ (t << 7);
    t = (x ^ (x >> 14)) & 0x0000cccc0000ccccu;
    x ^= t ^ (t << 14);
    t = (x ^ (x >> 28)) & 0x00000000f0f0f0f0u;
    return x ^ t ^ (t << 28);
}

/* planes[d] = bit d of 8x8 bytes. `rows` bounds the rows that may be read. */
static inline void split_planes(uint64_t *planes, const uint8_t *open, size_t stride, int rows) {
    memset(planes, 0, 8 * sizeof *planes);
    for (int j = 0; j < rows; j++) {
        uint64_t v;
        memcpy(&v, open + (size_t)j * stride, sizeof v);
        v = transpose(v);
        for (int d = 0; d < 8; d++)
            planes[d] |= (v >> (8 * d) & 255) << (8 * j);
    }
}

/* Byte i is 255 where bit i is set. */
static inline uint64_t spread(uint64_t bits) {
    uint64_t low = (bits & 0x7f) * 0x0002040810204081u & 0x0001010101010101u; /* bits 0 to 6 */
    return (low | bits >> 7 << 56) * 255;
}

/* Squared distance of two colours. */
static inline uint32_t color_distance(const uint8_t *a, const uint8_t *b) {
    int db = a[0] - b[0], dg = a[1] - b[1], dr = a[2] - b[2];
    return (uint32_t)(db * db + dg * dg + dr * dr);
}

#define GC_SOLVE gc_flow_solve_portable
#include "maxflow.inc"
