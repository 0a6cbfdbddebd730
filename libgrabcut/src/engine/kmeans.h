/*
 * The first components of the colour models: k-means (Lloyd 1982) from centres chosen by k-means++
 * (Arthur, Vassilvitskii 2007), with the draws and the float arithmetic of cv::kmeans.
 */
#ifndef GRABCUT_ENGINE_KMEANS_H
#define GRABCUT_ENGINE_KMEANS_H

#include "gmm.h"
#include "pool.h"
#include "rng.h"
#include "view.h"

/* All random numbers of one call, drawn beforehand so that two calls may run at the same time. */
typedef struct gc_kmeans_draws {
    uint32_t first;
    double trial[GC_COMPONENTS - 1][GC_TRIALS];
} gc_kmeans_draws;

/* Draws for n > 0 samples. */
void gc_kmeans_draw(gc_kmeans_draws *out, gc_rng *rng, uint64_t n);

/* Memory of a call. `scratch` is of gc_kmeans_scratch(height) bytes. If the samples fit `store`,
 * they are taken from the image once instead of in every pass. */
typedef struct gc_kmeans_memory {
    void *scratch;
    void *store;
    size_t store_bytes;
    const int32_t *row_foreground;           /* pixels of each row that are foreground */
    gc_moments (*moments)[2][GC_COMPONENTS]; /* one a thread */
} gc_kmeans_memory;

size_t gc_kmeans_scratch(int height);

/* Clusters the n > 0 samples of one label and returns the moments of each cluster. `stop` is called
 * once a pass; returns GRABCUT_ECANCELED if it requests a stop. */
int gc_kmeans(gc_moments *out, const gc_kmeans_memory *memory, const gc_view *view, gc_pool *pool,
              gc_row *rows, int foreground, uint64_t n, const gc_kmeans_draws *draws,
              int (*stop)(void *), void *stop_ctx);

#endif
