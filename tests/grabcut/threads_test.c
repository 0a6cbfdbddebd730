/* The mask is the same for every number of threads and for concurrent calls with several threads
 * each. ThreadSanitizer requires a single process, so this program does not use Criterion's forks.
 */
#include "files.h"
#include "pipeline.h"

#include <grabcut/grabcut.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_THREADS = 4, CALLERS = 4 };

static int failures;

static void check(int truth, const char *what, int number) {
    if (truth)
        return;
    printf("not ok: %s (%d)\n", what, number);
    failures++;
}

static grabcut_image photo(void) {
    size_t len;
    grabcut_image image = {NULL, 0, 0, 0, 0};
    uint8_t *bytes = read_source_file("photos/portrait.jpg", &len);
    check(grabcut_decode(&image, bytes, len, NULL, NULL) == GRABCUT_OK, "the photo is decoded", 0);
    free(bytes);
    return image;
}

typedef struct call {
    const grabcut_engine *engine;
    const grabcut_image *image;
    grabcut_image mask;
    int threads, rc;
} call;

static void *segment(void *arg) {
    call *c = arg;
    grabcut_options opts = GRABCUT_OPTIONS_INIT;
    opts.rect = grabcut_rect_inset(c->image->width, c->image->height, 5);
    opts.iterations = 2;
    opts.seed = 3;
    opts.threads = c->threads;
    c->rc = grabcut_segment(c->engine, &c->mask, c->image, &opts, NULL);
    return NULL;
}

static call new_call(const grabcut_engine *engine, const grabcut_image *image, int threads) {
    call c = {engine, image, {NULL, 0, 0, 0, 0}, threads, -1};
    check(grabcut_image_alloc(&c.mask, image->width, image->height, 1) == GRABCUT_OK, "memory",
          threads);
    return c;
}

static int same(const call *a, const call *b) {
    return a->rc == GRABCUT_OK && b->rc == GRABCUT_OK &&
           memcmp(a->mask.data, b->mask.data, a->mask.stride * (size_t)a->mask.height) == 0;
}

int main(void) {
    const gc_fast_engine eager =
        gc_fast_engine_of(1); /* as many threads as it may, however small the image */
    grabcut_image image = photo();
    call first = new_call(&eager.super, &image, 1), calls[CALLERS];
    pthread_t callers[CALLERS];
    if (failures)
        return 1;
    segment(&first);
    for (int threads = 1; threads <= MOST_THREADS; threads++) {
        call other = new_call(&eager.super, &image, threads);
        segment(&other);
        check(same(&first, &other), "the mask is that of one thread", threads);
        grabcut_image_free(&other.mask);
    }
    for (int i = 0; i < CALLERS; i++) {
        calls[i] = new_call(&eager.super, &image, 1 + i % 3);
        check(pthread_create(&callers[i], NULL, segment, &calls[i]) == 0, "a caller is started", i);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(callers[i], NULL);
        check(same(&first, &calls[i]), "a call beside others gives the same mask", i);
        grabcut_image_free(&calls[i].mask);
    }
    grabcut_image_free(&first.mask);
    grabcut_image_free(&image);
    printf("%d checks failed of %d\n", failures, 2 + MOST_THREADS * 2 + CALLERS * 3);
    return failures != 0;
}
