/* A turn is announced under the lock and counted down by the threads that take part in it. A
 * waiting thread spins for a while and then sleeps. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "pool.h"

#include <sched.h>
#include <time.h>
#include <unistd.h>

enum {
    PATIENCE_NS = 10000000, /* how long the caller waits for the others before it calls `stop` */
    MOST_SPINS = 2500,      /* some 50 us, about what it takes to wake a thread whose core sleeps */
    LEAST_SPINS = 40
};

/* The number of cores that this process may run on. */
#if defined(__linux__)
static int usable_cores(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}
#else
static int usable_cores(void) {
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}
#endif

#if defined(__x86_64__)
static inline void relax_core(void) {
    __builtin_ia32_pause();
}
#else
static inline void relax_core(void) {
}
#endif

/* How long the next wait may spin. Spinning is useless for a thread without a core of its own. */
static int next_spins(int spins, int in_vain) {
    if (spins == 0)
        return 0;
    if (in_vain)
        return spins / 2 > LEAST_SPINS ? spins / 2 : LEAST_SPINS;
    return spins * 4 < MOST_SPINS ? spins * 4 : MOST_SPINS;
}

/* Between two passes there is often less to do than it takes to fall asleep and be woken up. */
static int spin_until_turn(gc_pool *pool, unsigned seen, int spins) {
    for (; spins > 0 && atomic_load_explicit(&pool->turn, memory_order_acquire) == seen; spins--)
        relax_core();
    return spins > 0;
}

static int spin_until_done(gc_pool *pool, int spins) {
    for (; spins > 0 && atomic_load_explicit(&pool->busy, memory_order_acquire) > 0; spins--)
        relax_core();
    return spins > 0;
}

static void sleep_until_turn(gc_pool *pool, unsigned seen) {
    pthread_mutex_lock(&pool->lock);
    while (atomic_load_explicit(&pool->turn, memory_order_relaxed) == seen)
        pthread_cond_wait(&pool->work, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

static void *run_thread(void *arg) {
    gc_pool *pool = arg;
    int index = atomic_fetch_add_explicit(&pool->started, 1, memory_order_relaxed),
        spins = pool->spins;
    for (unsigned seen = 0;; seen++) {
        int asleep = !spin_until_turn(pool, seen, spins);
        if (asleep)
            sleep_until_turn(pool, seen);
        spins = next_spins(spins, asleep);
        if (!pool->part)
            return NULL;
        pool->part(pool->ctx, index, pool->parts);
        if (atomic_fetch_sub_explicit(&pool->busy, 1, memory_order_acq_rel) == 1) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_signal(&pool->done);
            pthread_mutex_unlock(&pool->lock);
        }
    }
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
    atomic_init(&pool->turn, 0);
    atomic_init(&pool->busy, 0);
    atomic_init(&pool->started, 1);
    pool->pixels = 0;
    atomic_init(&pool->stopped, 0);
    if (threads > GC_MAX_THREADS)
        threads = GC_MAX_THREADS;
    pool->spins = threads > 1 && threads <= usable_cores() ? MOST_SPINS : 0;
    pool->callers_spins = pool->spins;
    while (pool->parts < threads &&
           pthread_create(&pool->thread[pool->parts], NULL, run_thread, pool) == 0)
        pool->parts++;
}

/* Gives the other threads their part. */
static void announce_turn(gc_pool *pool, gc_part *part, void *ctx) {
    pthread_mutex_lock(&pool->lock);
    pool->part = part;
    pool->ctx = ctx;
    atomic_store_explicit(&pool->busy, pool->parts - 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&pool->turn, 1, memory_order_release);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
}

void gc_pool_stop(gc_pool *pool) {
    announce_turn(pool, NULL, NULL);
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
    while (atomic_load_explicit(&pool->busy, memory_order_acquire) > 0)
        if (pthread_cond_timedwait(&pool->done, &pool->lock, &until))
            return;
}

void gc_pool_run(gc_pool *pool, gc_part *part, void *ctx) {
    if (pool->parts == 1) {
        part(ctx, 0, 1);
        return;
    }
    announce_turn(pool, part, ctx);
    part(ctx, 0, pool->parts);
    pool->callers_spins =
        next_spins(pool->callers_spins, !spin_until_done(pool, pool->callers_spins));
    while (atomic_load_explicit(&pool->busy, memory_order_acquire) > 0) {
        /* The part of another thread may be the one that takes long. */
        pthread_mutex_lock(&pool->lock);
        wait_for_others(pool);
        pthread_mutex_unlock(&pool->lock);
        if (atomic_load_explicit(&pool->busy, memory_order_acquire) > 0)
            gc_pool_ask(pool);
    }
}
