/* The links of whole rows of tiles, eight pixels at a time: the inner loop of graph.c. */
#ifndef GRABCUT_LINKS_H
#define GRABCUT_LINKS_H

#include "maxflow.h"

/* Joins n pixels, eights of tiles that begin with number p, to their neighbours in directions 4 to 7, all of
 * them undecided. Number q is below p. px[-1 .. n] and below[-1 .. n] are the colours of the row and of the one
 * below. Fresh: no flow yet, all that a link can take is its room; else the rooms are those that the last cut
 * left, and the flow that they tell of moves the excess. All levels do the same. */
typedef void gc_linker(gc_flow *flow, size_t p, size_t q, const uint32_t *px, const uint32_t *below, int n,
                       int fresh);
gc_linker gc_link_portable, gc_link_avx2;

#endif
