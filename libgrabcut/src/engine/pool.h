/* Threads of one run, which wait between the passes. */
#ifndef GRABCUT_ENGINE_POOL_H
#define GRABCUT_ENGINE_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

enum { GC_MAX_THREADS = 64 };

/* Part `index` of `parts` of a pass. */
typedef void gc_part(void *ctx, int index, int parts);

typedef struct gc_pool {
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    pthread_t thread[GC_MAX_THREADS];
    int parts; /* threads, the caller's included */
    int spins; /* before a thread that waits falls asleep, at first; 0 if there are more threads
                  than cores */
    int callers_spins;
    atomic_uint turn;
    atomic_int busy, started;
    gc_part *part; /* of this turn; NULL ends the threads */
    void *ctx;

    /* Set before the start; NULL: never stops. Called on the calling thread only. */
    int (*stop)(void *);
    void *stop_ctx;
    size_t pixels; /* since it was asked */
    atomic_int stopped;
} gc_pool;

/* Starts threads - 1 threads; fewer if the system refuses more. */
void gc_pool_start(gc_pool *pool, int threads);
void gc_pool_stop(gc_pool *pool);

/* Runs all parts, one of them on the calling thread, and returns when the last one is done. While
 * it waits for the others it calls `stop` from time to time. */
void gc_pool_run(gc_pool *pool, gc_part *part, void *ctx);

/* Calls `stop`, on the calling thread, unless it has requested a stop before. */
static inline void gc_pool_ask(gc_pool *pool) {
    pool->pixels = 0;
    if (pool->stop && !atomic_load_explicit(&pool->stopped, memory_order_relaxed) &&
        pool->stop(pool->stop_ctx))
        atomic_store_explicit(&pool->stopped, 1, memory_order_relaxed);
}

/* Returns 1 if the run must stop. Passes call this after every row or block, with the number of its
 * pixels; the part on the calling thread, which has the index 0, calls `stop` about once a
 * millisecond. */
static inline int gc_pool_halt(gc_pool *pool, int index, size_t pixels) {
    if (index == 0 && (pool->pixels += pixels) >= 65536)
        gc_pool_ask(pool);
    return atomic_load_explicit(&pool->stopped, memory_order_relaxed);
}

/* The share of `count` items that starts part `index`: parts cover [start(i), start(i + 1)). */
static inline int gc_part_start(int count, int index, int parts) {
    return (int)((long long)count * index / parts);
}

#endif
