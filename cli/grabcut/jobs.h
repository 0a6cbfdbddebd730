/* What to do: one job an image, with the path of its result. */
#ifndef GRABCUT_CLI_JOBS_H
#define GRABCUT_CLI_JOBS_H

#include <stddef.h>

#include "options.h"

typedef struct cut_job {
    char *in;  /* "-": standard input */
    char *out; /* NULL: standard output */
    char *why; /* the reason why the job cannot be done, or NULL */
} cut_job;

typedef struct cut_jobs {
    cut_job *v;
    size_t n, capacity;
} cut_jobs;

/* Lists the images of all inputs, makes the output folder if one is needed, and finds results that
 * would overwrite each other or an input. Returns -1 to go on, or an exit code after it printed
 * what is wrong. */
int cut_jobs_collect(cut_jobs *out, const cut_options *options);

void cut_jobs_free(cut_jobs *jobs);

#endif
