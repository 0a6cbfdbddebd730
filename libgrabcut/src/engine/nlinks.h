/*
 * Links between neighbouring pixels: capacity gamma / distance * exp(-beta * squared colour
 * distance) (Rother, Kolmogorov, Blake 2004, equations 4 and 11; eight neighbours), as scaled
 * integers.
 */
#ifndef GRABCUT_ENGINE_NLINKS_H
#define GRABCUT_ENGINE_NLINKS_H

#include "link_table.h"
#include "pool.h"
#include "view.h"

/* Sum of the squared distances of all neighbours in rows [y0, y1) and to the rows above them. Two
 * row buffers. The sum is invalid if the pool stops part `index`. */
uint64_t gc_nlinks_sum(const gc_view *view, int y0, int y1, uint32_t *above, uint32_t *line,
                       gc_pool *pool, int index);

/* beta of the whole image from that sum. */
double gc_nlinks_beta(uint64_t sum, int width, int height);

void gc_nlinks_init(gc_nlinks *links, double beta);

#endif
