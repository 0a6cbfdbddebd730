/*
 * The exact cut where rounding decides. The energy is defined on capacities that are whole
 * multiples of 2^-40: terminal links from the double-precision likelihoods of the reference, links
 * between neighbours from their formula in doubles. The fast cut has its capacities in units of 1 /
 * GC_SCALE, which is all that fits 20 bytes a pixel, and is made for terminal links that are a
 * little too high (GC_DOUBT units), then changed to a little too low (doubt.h). By submodularity, a
 * pixel that is background in the first is background in every exact minimum cut, one that is
 * foreground in the second is foreground in every one:
 *
 * Let e(p) be the rounding error of a pixel's terminal link and of its links to neighbours
 * together, less than GC_DOUBT units. Let Y be the foreground of the second cut and X that of an
 * exact one. The rounded energy of X united with Y is at most that of X, since Y is minimal. The
 * exact energies differ from it by less than GC_DOUBT for each pixel of Y outside of X. So if there
 * were such a pixel, the exact energy of the union would be below that of X.
 *
 * The pixels between the two, mostly none, are cut once more with the exact capacities, and the
 * others around them fixed.
 */
#ifndef GRABCUT_ENGINE_REFINE_H
#define GRABCUT_ENGINE_REFINE_H

#include "flow.h"
#include "gmm.h"
#include "pool.h"
#include "view.h"

/* Half a unit and what the polynomials of the kernels err for the terminal link, and half a unit
 * and a hundredth for each of eight neighbours; with a margin. */
enum { GC_DOUBT = 8 };

/* Capacities of links as in gc_nlinks, in units of 2^-40: products of two doubles, off by a
 * fiftieth of a unit before they are rounded. */
typedef struct gc_fine_links {
    double low[2][GC_LOW]; /* diagonal, straight */
    double high[GC_HIGH];
} gc_fine_links;

void gc_fine_links_init(gc_fine_links *links, double beta);

/* In units of 2^-40. */
int64_t gc_fine_links_capacity(const gc_fine_links *links, uint32_t distance, int straight);

/* Bytes that gc_refine takes for this many doubtful pixels. */
size_t gc_refine_bytes(size_t pixels);

typedef struct gc_refine_case {
    const gc_view *view;
    const gc_gmm *bgd, *fgd;
    const gc_fine_links *links;
    gc_flow *flow; /* of which the tiles and colours are used; open arcs are lost */
    gc_pool *pool;
    void *memory; /* gc_refine_bytes, aligned to 64 */
} gc_refine_case;

/* Cuts the doubtful pixels of the flow: those that can reach the sink become alive. Of several
 * minimum cuts it is the one with the fewest background pixels. Returns GRABCUT_ECANCELED if the
 * pool stops. */
int gc_refine(const gc_refine_case *c, size_t pixels);

/* Cuts all undecided pixels of a region of one row or column, by the same rule. The flow needs
 * nothing but its memory before; `memory` is for as many pixels as the region has. Returns
 * GRABCUT_ECANCELED if the pool stops. */
int gc_refine_chain(const gc_refine_case *c);

#endif
