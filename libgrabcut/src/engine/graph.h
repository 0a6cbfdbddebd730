/*
 * The graph of one iteration: links to the terminals from the colour models, links between
 * neighbours, and what pixels that are decided pull (Rother, Kolmogorov, Blake 2004, section 2).
 */
#ifndef GRABCUT_ENGINE_GRAPH_H
#define GRABCUT_ENGINE_GRAPH_H

#include "flow.h"
#include "gmm.h"
#include "pool.h"
#include "view.h"

typedef struct gc_graph {
    const gc_view *view;
    const gc_gmm *bgd, *fgd;
    gc_flow *flow;
    gc_pool *pool;
    gc_row *rows; /* one a thread of the pool */
    int fresh; /* 1: no flow yet; 0: the flow of the last iteration is kept and excess follows from
                  it (Kohli, Torr, "Efficiently solving dynamic Markov random fields", ICCV 2005) */
} gc_graph;

/* Leaves half of a graph if the pool stops. */
void gc_graph_build(gc_graph *graph);

#endif
