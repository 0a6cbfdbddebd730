/* A turn is announced under the lock and counted down by the threads that take part in it. */
#include "pool.h"

#include <time.h>

enum { PATIENCE_NS = 10000000 }; /* the caller waits so long for the others until it asks whether to stop */

static void *work(void *arg) {
    gc_pool *pool = arg;
    unsigned seen = 0;
    pthread_mutex_lock(&pool->lock);
    int index = pool->busy++; /* numbered in the order of their start */
    pthread_cond_signal(&pool->done);
    for (;;) {
        while (pool->turn == seen && !pool->quit)
            pthread_cond_wait(&pool->work, &pool->lock);
        if (pool->quit)
            break;
        seen = pool->turn;
        pthread_mutex_unlock(&pool->lock);
        pool->part(pool->ctx, index, pool->parts);
        pthread_mutex_lock(&pool->lock);
        if (--pool->busy == 0)
            pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

void gc_pool_start(gc_pool *pool, int threads) {
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->done, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pool->parts = 1;
    pool->turn = 0;
    pool->busy = 1;
    pool->quit = 0;
    pool->pixels = 0;
    atomic_init(&pool->stopped, 0);
    if (threads > GC_MAX_THREADS)
        threads = GC_MAX_THREADS;
    while (pool->parts < threads && pthread_create(&pool->thread[pool->parts], NULL, work, pool) == 0)
        pool->parts++;
    pthread_mutex_lock(&pool->lock);
    while (pool->busy < pool->parts)
        pthread_cond_wait(&pool->done, &pool->lock);
    pool->busy = 0;
    pthread_mutex_unlock(&pool->lock);
}

void gc_pool_stop(gc_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    pool->quit = 1;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 1; i < pool->parts; i++)
        pthread_join(pool->thread[i], NULL);
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->lock);
}

/* A while, or until the others are done. */
static void wait_for_others(gc_pool *pool) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += PATIENCE_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    while (pool->busy > 0)
        if (pthread_cond_timedwait(&pool->done, &pool->lock, &until))
            return;
}

void gc_pool_run(gc_pool *pool, gc_part *part, void *ctx) {
    if (pool->parts == 1) {
        part(ctx, 0, 1);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->part = part;
    pool->ctx = ctx;
    pool->busy = pool->parts - 1;
    pool->turn++;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    part(ctx, 0, pool->parts);
    pthread_mutex_lock(&pool->lock);
    for (wait_for_others(pool); pool->busy > 0; wait_for_others(pool)) {
        /* The part of another thread may be the one that takes long. */
        pthread_mutex_unlock(&pool->lock);
        gc_pool_ask(pool);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
}
