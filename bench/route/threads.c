/* Measures how the rate of decisions grows with the number of threads that share one table. */
#include "threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MOST_THREADS 64
#define SECONDS 0.5

typedef struct crew {
    const hr_view *view;
    const bench_request *requests;
    size_t n;
    atomic_int start, stop;
} crew;

typedef struct worker {
    pthread_t thread;
    crew *crew;
    size_t first, done;
    double cpu;     /* seconds of its own */
    char apart[64]; /* no cache line is shared with the next one's counter */
} worker;

static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void *work(void *arg) {
    worker *w = arg;
    const crew *c = w->crew;
    hr_scratch *scratch;
    hr_decision d = HR_DECISION_INIT;
    size_t i = w->first, done = 0;
    if (hr_scratch_new(&scratch) != HR_OK)
        abort();
    while (!atomic_load(&c->start))
        ;
    double cpu = now(CLOCK_THREAD_CPUTIME_ID);
    while (!atomic_load_explicit(&c->stop, memory_order_relaxed))
        for (int k = 0; k < 64; k++, done++)
            if (hr_route(&d, c->view, &c->requests[i++ % c->n].request, scratch) != HR_OK)
                abort();
    w->cpu = now(CLOCK_THREAD_CPUTIME_ID) - cpu;
    w->done = done;
    hr_scratch_free(scratch);
    return NULL;
}

typedef struct rate {
    double each_second; /* decisions of all threads together */
    double cpu; /* seconds of a CPU for one: what waiting for another thread's cache lines adds
                 * shows here even where the machine has other work */
} rate;

static rate measure(const hr_view *view, const bench_request *requests, size_t n, size_t threads) {
    worker workers[MOST_THREADS];
    crew c = {.view = view, .requests = requests, .n = n};
    for (size_t i = 0; i < threads; i++) {
        workers[i] = (worker){.crew = &c, .first = i * n / threads};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            abort();
    }
    const struct timespec pause = {0, (long)(SECONDS * 1e9)};
    double from = now(CLOCK_MONOTONIC), cpu = 0;
    atomic_store(&c.start, 1);
    nanosleep(&pause, NULL);
    atomic_store(&c.stop, 1);
    double took = now(CLOCK_MONOTONIC) - from;
    size_t done = 0;
    for (size_t i = 0; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        done += workers[i].done;
        cpu += workers[i].cpu;
    }
    return (rate){(double)done / took, cpu / (double)done};
}

void bench_threads(const char *name, const hr_view *view, const bench_request *requests, size_t n,
                   size_t most) {
    rate alone = {0};
    printf("%-14s", name);
    for (size_t threads = 1; threads <= most && threads <= MOST_THREADS; threads *= 2) {
        rate best = {0};
        for (int round = 0; round < 3; round++) {
            rate r = measure(view, requests, n, threads);
            best = r.each_second > best.each_second ? r : best;
        }
        alone = threads == 1 ? best : alone;
        printf("  %zu: %.2f M/s (%.2fx), %.0f ns of CPU each (%.2fx)", threads,
               best.each_second / 1e6, best.each_second / alone.each_second, best.cpu * 1e9,
               best.cpu / alone.cpu);
    }
    printf("\n");
}
