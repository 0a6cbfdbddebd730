/*
 * Minimum cut on a grid of pixels with eight neighbours, capacities in scaled integers:
 * push-relabel (Goldberg, Tarjan 1988) made for images. maxflow.c explains how.
 */
#ifndef GRABCUT_ENGINE_MAXFLOW_H
#define GRABCUT_ENGINE_MAXFLOW_H

#include "flow.h"
#include "kernels.h"
#include "pool.h"

/* After the caller has set residual, excess, open and alive: finds a minimum cut. Afterwards the
 * pixels that are still alive are those that can reach the sink, that is background; of several
 * minimum cuts it is the one with the fewest background pixels. Returns GRABCUT_ECANCELED if the
 * pool stops. */
int gc_flow_solve(gc_flow *flow, const gc_kernels *kernels, gc_pool *pool);

/* The distances to neighbours in this flow's arrays. */
void gc_flow_course(gc_course *course, const gc_flow *flow);

#endif
