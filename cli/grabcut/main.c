/* The command `grabcut`: workers take one image after the other until all are done or a signal asks
 * to stop. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cut.h"
#include "files.h"
#include "jobs.h"
#include "options.h"
#include "processors.h"
#include "progress.h"

/* The signal that asked to stop; 0: none. */
static atomic_int stop_signal;

static void request_stop(int signal_number) {
    stop_signal = signal_number;
}

static void catch_signals(void) {
    struct sigaction action = {.sa_handler = request_stop}; /* no SA_RESTART: read() returns */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

typedef struct cut_run {
    const cut_setup *setup;
    cut_jobs jobs;
    cut_progress *progress;
    pthread_mutex_t lock;
    size_t next; /* the first job that no worker has taken */
} cut_run;

typedef struct cut_worker {
    cut_run *run;
    int index;
    pthread_t thread;
} cut_worker;

static int on_progress(void *ctx, const grabcut_progress *now) {
    cut_worker *w = ctx;
    cut_progress_part(w->run->progress, w->index, now->done);
    return stop_signal != 0;
}

/* Returns NULL, or why the job failed. */
static const char *do_job(cut_worker *w, const cut_job *job, grabcut_workspace *workspace,
                          grabcut_errbuf *err) {
    if (job->why != NULL)
        return job->why;
    uint8_t *bytes, *png = NULL;
    size_t len, png_len = 0;
    int error = cut_read(&bytes, &len, job->in);
    if (error != 0)
        return strerror(error);
    int failed =
        cut_bytes(&png, &png_len, bytes, len, w->run->setup, workspace, on_progress, w, err);
    free(bytes);
    if (failed == GRABCUT_OK && (error = cut_write(job->out, png, png_len)) != 0)
        snprintf(err->text, sizeof(err->text), "cannot write %s: %s",
                 job->out == NULL ? "standard output" : job->out, strerror(error));
    grabcut_free(png);
    return failed != GRABCUT_OK || error != 0 ? err->text : NULL;
}

static const cut_job *take_job(cut_run *run) {
    pthread_mutex_lock(&run->lock);
    bool more = run->next < run->jobs.n && stop_signal == 0;
    const cut_job *job = more ? &run->jobs.v[run->next++] : NULL;
    pthread_mutex_unlock(&run->lock);
    return job;
}

static void *work(void *arg) {
    cut_worker *w = arg;
    grabcut_workspace *workspace = NULL; /* without one, each image takes memory anew */
    grabcut_errbuf err;
    const cut_job *job;
    grabcut_workspace_new(&workspace);
    while ((job = take_job(w->run)) != NULL) {
        const char *why = do_job(w, job, workspace, &err);
        if (stop_signal == 0)
            cut_progress_end_image(w->run->progress, w->index, job->in, why);
    }
    grabcut_workspace_free(workspace);
    return NULL;
}

/* Returns false if out of memory. Fewer threads than asked for still do all the work. */
static bool run_workers(cut_run *run, int n) {
    cut_worker *workers = calloc((size_t)n, sizeof(*workers));
    if (workers == NULL)
        return false;
    int started = 0;
    for (int i = 1; i < n; i++) {
        workers[i] = (cut_worker){.run = run, .index = i};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            break;
        started = i;
    }
    workers[0] = (cut_worker){.run = run, .index = 0};
    work(&workers[0]);
    for (int i = 1; i <= started; i++)
        pthread_join(workers[i].thread, NULL);
    free(workers);
    return true;
}

static int smaller(int a, int b) {
    return a < b ? a : b;
}

static int cut_all(cut_run *run, const cut_options *o) {
    int processors = cut_processors();
    int n = run->jobs.n < 1024 ? (int)run->jobs.n : 1024;
    int workers = smaller(o->jobs != 0 ? o->jobs : processors, n < 1 ? 1 : n);
    int threads = o->threads != 0 ? o->threads : processors / workers;
    cut_setup setup;
    if (!cut_setup_init(&setup, o, threads < 1 ? 1 : threads))
        return CUT_FAILED;
    run->setup = &setup;
    run->progress = cut_progress_new(run->jobs.n, workers, o->progress);
    bool ran = run->progress != NULL && run_workers(run, workers);
    if (!ran)
        fputs("grabcut: out of memory\n", stderr);
    size_t failed = run->progress == NULL ? 1 : cut_progress_finish(run->progress);
    cut_setup_free(&setup);
    return ran && failed == 0 ? CUT_OK : CUT_FAILED;
}

int main(int argc, char **argv) {
    cut_options options;
    int code = cut_options_parse(&options, argc, argv);
    if (code != -1)
        return code;
    catch_signals();
    cut_run run = {.lock = PTHREAD_MUTEX_INITIALIZER};
    code = cut_jobs_collect(&run.jobs, &options);
    if (code == -1)
        code = cut_all(&run, &options);
    cut_jobs_free(&run.jobs);
    if (stop_signal != 0) {
        signal(stop_signal, SIG_DFL);
        raise(stop_signal); /* so that the caller sees which signal ended the program */
    }
    return code;
}
