/* Threads of one run, which wait between the passes. */
#ifndef GRABCUT_POOL_H
#define GRABCUT_POOL_H

#include <pthread.h>

enum { GC_MAX_THREADS = 64 };

/* Part `index` of `parts` of a pass. */
typedef void gc_part(void *ctx, int index, int parts);

typedef struct gc_pool {
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    pthread_t thread[GC_MAX_THREADS];
    int parts; /* threads, the caller's included */
    unsigned turn;
    int busy, quit;
    gc_part *part;
    void *ctx;
} gc_pool;

/* Starts threads - 1 threads; fewer if the system gives no more. */
void gc_pool_start(gc_pool *pool, int threads);
void gc_pool_stop(gc_pool *pool);

/* Runs all parts, one of them on the calling thread, and returns when the last one is done. */
void gc_pool_run(gc_pool *pool, gc_part *part, void *ctx);

/* The share of `count` items that starts part `index`: parts cover [start(i), start(i + 1)). */
static inline int gc_part_start(int count, int index, int parts) {
    return (int)((long long)count * index / parts);
}

#endif
