/* Draws the progress bar and prints the errors of single images between its states. */
#include "progress.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BAR_WIDTH = 30, REDRAW_MS = 100 };

struct cut_progress {
    pthread_mutex_t lock;
    bool draws;
    int64_t drawn_ms; /* when the bar was drawn last */
    size_t images, done, failed;
    int workers;
    double parts[]; /* of each worker's image */
};

cut_progress *cut_progress_new(size_t images, int workers, bool wanted) {
    cut_progress *p = calloc(1, sizeof(*p) + (size_t)workers * sizeof(p->parts[0]));
    if (p == NULL)
        return NULL;
    pthread_mutex_init(&p->lock, NULL);
    p->images = images;
    p->workers = workers;
    p->draws = wanted && isatty(STDERR_FILENO);
    return p;
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void draw_bar(cut_progress *p) {
    double sum = (double)p->done;
    for (int i = 0; i < p->workers; i++)
        sum += p->parts[i];
    double share = p->images == 0 ? 1 : sum / (double)p->images;
    int full = (int)(share * BAR_WIDTH);
    fprintf(stderr, "\r%3d %% [", (int)(share * 100));
    for (int i = 0; i < BAR_WIDTH; i++)
        fputc(i < full ? '#' : ' ', stderr);
    fprintf(stderr, "] %zu of %zu", p->done, p->images);
    p->drawn_ms = now_ms();
}

static void remove_bar(const cut_progress *p) {
    if (p->draws && p->drawn_ms != 0)
        fputs("\r\033[K", stderr);
}

void cut_progress_part(cut_progress *p, int worker, double done) {
    if (!p->draws)
        return;
    pthread_mutex_lock(&p->lock);
    p->parts[worker] = done;
    if (now_ms() - p->drawn_ms >= REDRAW_MS)
        draw_bar(p);
    pthread_mutex_unlock(&p->lock);
}

/* A file's name may hold bytes that a terminal obeys. */
static void print_name(const char *name) {
    for (; *name != '\0'; name++)
        fputc((unsigned char)*name < 0x20 || *name == 0x7f ? '?' : *name, stderr);
}

void cut_progress_end_image(cut_progress *p, int worker, const char *name, const char *why) {
    pthread_mutex_lock(&p->lock);
    p->parts[worker] = 0;
    p->done++;
    if (why != NULL) {
        p->failed++;
        remove_bar(p);
        fputs("grabcut: ", stderr);
        print_name(name);
        fprintf(stderr, ": %s\n", why);
    }
    if (p->draws)
        draw_bar(p);
    pthread_mutex_unlock(&p->lock);
}

size_t cut_progress_finish(cut_progress *p) {
    size_t failed = p->failed + (p->images - p->done);
    remove_bar(p);
    if (p->images > 1)
        fprintf(stderr, "%zu ok, %zu failed\n", p->images - failed, failed);
    pthread_mutex_destroy(&p->lock);
    free(p);
    return failed;
}
