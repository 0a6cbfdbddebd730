/* What `grabcut` prints while it works: a bar on a terminal, and errors. Any thread may call these
 * functions. */
#ifndef GRABCUT_CLI_PROGRESS_H
#define GRABCUT_CLI_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct cut_progress cut_progress;

/* `workers` are numbered from 0. The bar is drawn if it is `wanted` and standard error is a
 * terminal. Returns NULL if out of memory. */
cut_progress *cut_progress_new(size_t images, int workers, bool wanted);

/* The part of its image that a worker has done, 0 to 1. */
void cut_progress_part(cut_progress *p, int worker, double done);

/* A worker has finished an image. `why` is NULL if it was cut, else the sentence to print. */
void cut_progress_end_image(cut_progress *p, int worker, const char *name, const char *why);

/* Removes the bar, prints a summary if there was more than one image, and frees. Returns the number
 * of images that were not cut. */
size_t cut_progress_finish(cut_progress *p);

#endif
