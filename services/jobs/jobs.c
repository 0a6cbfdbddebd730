/* Runs jobs on worker threads from a bounded queue and returns the results to the loops. */
#include "jobs.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answer.h"

/* A job passes through these in order. QUEUED to READING happens under the pool's lock, so that
 * either the worker or the loop takes it off the queue. */
enum { STAGE_QUEUED, STAGE_READING, STAGE_DETACHED };

/* Weight of the newest job in the measured pace. */
#define PACE_WEIGHT 0.1

/* How often a loop looks whether its jobs are still wanted. */
#define TICK_MS 100

/* A job is admitted only if its estimated time, multiplied by this factor, ends before its
 * deadline. The estimate is uncertain because images differ and the load of the machine changes. A
 * job that is cancelled half done has wasted worker time. */
#define DEADLINE_MARGIN 1.2

/* How long a worker that waits for memory sleeps before it looks whether its job is still wanted.
 */
#define MEMORY_WAIT_NS (50 * 1000000)

typedef struct loop_jobs {
    sv_jobs *jobs;
    sv_server_loop *loop;
    sv_job *pending;
    sv_timer tick;
} loop_jobs;

struct sv_jobs {
    sv_jobs_options options;
    sv_worker *workers;
    pthread_t *threads;
    sv_metrics *metrics;
    sv_metric waited, ran, done, refused;
    sv_metric cancelled[SV_CANCEL_DRAIN + 1];

    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t work, memory_free;
    sv_job *head, *tail;
    size_t queued, running, alive;
    int64_t memory_used;
    double pace_ns; /* of one job on one worker, smoothed; 0: none measured */
    bool started, stop;

    _Atomic bool draining, cancelling;
    loop_jobs loops[256];
};

static double read_queued(void *ctx) {
    sv_jobs *jobs = ctx;
    pthread_mutex_lock(&jobs->mutex);
    double value = (double)jobs->queued;
    pthread_mutex_unlock(&jobs->mutex);
    return value;
}

static double read_running(void *ctx) {
    sv_jobs *jobs = ctx;
    pthread_mutex_lock(&jobs->mutex);
    double value = (double)jobs->running;
    pthread_mutex_unlock(&jobs->mutex);
    return value;
}

static double read_memory(void *ctx) {
    sv_jobs *jobs = ctx;
    pthread_mutex_lock(&jobs->mutex);
    double value = (double)jobs->memory_used;
    pthread_mutex_unlock(&jobs->mutex);
    return value;
}

static double read_capacity(void *ctx) {
    return (double)((sv_jobs *)ctx)->options.capacity;
}

static double read_workers(void *ctx) {
    return (double)((sv_jobs *)ctx)->options.workers;
}

static void jobs_define_metrics(sv_jobs *jobs, sv_metrics *m) {
    static const char cancelled[] = "headerroute_jobs_cancelled_total";
    static const char cancelled_help[] = "Jobs cancelled before they completed, by reason.";
    sv_metrics_read(m, SV_GAUGE, "headerroute_jobs_queued", NULL, "Jobs waiting for a worker.",
                    read_queued, jobs);
    sv_metrics_read(m, SV_GAUGE, "headerroute_jobs_queue_capacity", NULL, "Jobs that may wait.",
                    read_capacity, jobs);
    sv_metrics_read(m, SV_GAUGE, "headerroute_jobs_running", NULL, "Jobs that a worker is at.",
                    read_running, jobs);
    sv_metrics_read(m, SV_GAUGE, "headerroute_workers", NULL, "Worker threads.", read_workers,
                    jobs);
    sv_metrics_read(m, SV_GAUGE, "headerroute_work_memory_bytes", NULL,
                    "Memory set aside for the pictures being worked on.", read_memory, jobs);
    jobs->waited = sv_metrics_histogram(m, "headerroute_job_wait_seconds", NULL,
                                        "Time from queueing to a worker.", sv_seconds_buckets,
                                        sv_seconds_buckets_count);
    jobs->ran = sv_metrics_histogram(m, "headerroute_job_run_seconds", NULL, "Time on a worker.",
                                     sv_seconds_buckets, sv_seconds_buckets_count);
    jobs->done =
        sv_metrics_counter(m, "headerroute_jobs_done_total", NULL, "Jobs that a worker finished.");
    jobs->cancelled[SV_CANCEL_GONE] =
        sv_metrics_counter(m, cancelled, "reason=\"client_gone\"", cancelled_help);
    jobs->cancelled[SV_CANCEL_DEADLINE] =
        sv_metrics_counter(m, cancelled, "reason=\"deadline\"", cancelled_help);
    jobs->cancelled[SV_CANCEL_DRAIN] =
        sv_metrics_counter(m, cancelled, "reason=\"drain\"", cancelled_help);
    jobs->refused = sv_metrics_counter(
        m, "headerroute_jobs_refused_total", NULL,
        "Jobs refused because the queue was full or too slow for their deadline.");
}

sv_jobs *sv_jobs_new(const sv_jobs_options *options, sv_metrics *metrics) {
    pthread_condattr_t monotonic;
    sv_jobs *jobs = sv_alloc(sizeof(*jobs));
    memset(jobs, 0, sizeof(*jobs));
    jobs->options = *options;
    jobs->metrics = metrics;
    pthread_mutex_init(&jobs->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&jobs->work, NULL);
    pthread_cond_init(&jobs->memory_free, &monotonic);
    pthread_condattr_destroy(&monotonic);
    jobs_define_metrics(jobs, metrics);
    return jobs;
}

/* ---- the queue, under the lock ---- */

static void push(sv_jobs *jobs, sv_job *job) {
    job->next_queued = NULL;
    job->prev_queued = jobs->tail;
    if (jobs->tail != NULL)
        jobs->tail->next_queued = job;
    else
        jobs->head = job;
    jobs->tail = job;
    ++jobs->queued;
}

static void take_off(sv_jobs *jobs, sv_job *job) {
    if (job->prev_queued != NULL)
        job->prev_queued->next_queued = job->next_queued;
    else
        jobs->head = job->next_queued;
    if (job->next_queued != NULL)
        job->next_queued->prev_queued = job->prev_queued;
    else
        jobs->tail = job->prev_queued;
    --jobs->queued;
}

/* ---- workers ---- */

static void on_finished(sv_server_loop *loop, sv_server_message *message);

static void run_one(sv_worker *worker, sv_job *job) {
    sv_jobs *jobs = worker->jobs;
    job->started_ns = sv_now_ns();
    sv_metric_observe(worker->cells, jobs->waited,
                      (double)(job->started_ns - job->queued_ns) / 1e9);
    job->run(job, worker);
    job->ended_ns = sv_now_ns();
    double ran_ns = (double)(job->ended_ns - job->started_ns);
    sv_metric_observe(worker->cells, jobs->ran, ran_ns / 1e9);
    atomic_store(&job->stage, STAGE_DETACHED);
    if (sv_job_cancelled(job) == SV_CANCEL_NONE)
        sv_metric_add(worker->cells, jobs->done, 1);

    pthread_mutex_lock(&jobs->mutex);
    --jobs->running;
    if (sv_job_cancelled(job) == SV_CANCEL_NONE)
        jobs->pace_ns =
            jobs->pace_ns == 0 ? ran_ns : jobs->pace_ns * (1 - PACE_WEIGHT) + ran_ns * PACE_WEIGHT;
    pthread_mutex_unlock(&jobs->mutex);
    /* From here on the job is the loop's. */
    if (!sv_server_post(job->loop, &job->message))
        job->release(job);
}

static void *run_worker(void *arg) {
    sv_worker *worker = arg;
    sv_jobs *jobs = worker->jobs;
    char name[16];
    snprintf(name, sizeof(name), "worker-%u", worker->index);
    pthread_setname_np(pthread_self(), name);
    if (jobs->options.worker_start != NULL)
        jobs->options.worker_start(worker, jobs->options.ctx);
    pthread_mutex_lock(&jobs->mutex);
    while (!jobs->stop) {
        sv_job *job = jobs->head;
        if (job == NULL) {
            pthread_cond_wait(&jobs->work, &jobs->mutex);
            continue;
        }
        take_off(jobs, job);
        ++jobs->running;
        atomic_store(&job->stage, STAGE_READING);
        pthread_mutex_unlock(&jobs->mutex);
        run_one(worker, job);
        pthread_mutex_lock(&jobs->mutex);
    }
    pthread_mutex_unlock(&jobs->mutex);
    if (jobs->options.worker_stop != NULL)
        jobs->options.worker_stop(worker, jobs->options.ctx);
    pthread_mutex_lock(&jobs->mutex);
    --jobs->alive;
    pthread_mutex_unlock(&jobs->mutex);
    return NULL;
}

static void start_worker(pthread_t *thread, sv_worker *worker) {
    int error = pthread_create(thread, NULL, run_worker, worker);
    if (error == 0)
        return;
    fprintf(stderr, "no worker can be started: %s\n", strerror(error));
    abort();
}

void sv_jobs_start(sv_jobs *jobs) {
    pthread_mutex_lock(&jobs->mutex);
    if (!jobs->started) {
        jobs->started = true;
        jobs->alive = jobs->options.workers;
        jobs->workers = sv_alloc(sizeof(sv_worker) * jobs->options.workers);
        jobs->threads = sv_alloc(sizeof(pthread_t) * jobs->options.workers);
        for (size_t i = 0; i < jobs->options.workers; ++i) {
            jobs->workers[i] =
                (sv_worker){jobs, (unsigned)i, NULL, sv_metrics_cells(jobs->metrics)};
            start_worker(&jobs->threads[i], &jobs->workers[i]);
        }
    }
    pthread_mutex_unlock(&jobs->mutex);
}

bool sv_jobs_free(sv_jobs *jobs, uint64_t wait_ms) {
    uint64_t deadline = sv_now_ns() + wait_ms * 1000000;
    const struct timespec pause = {0, 5 * 1000000};
    size_t alive;
    pthread_mutex_lock(&jobs->mutex);
    jobs->stop = true;
    atomic_store(&jobs->cancelling, true);
    pthread_cond_broadcast(&jobs->work);
    pthread_cond_broadcast(&jobs->memory_free);
    while ((alive = jobs->alive) > 0 && sv_now_ns() < deadline) {
        pthread_mutex_unlock(&jobs->mutex);
        nanosleep(&pause, NULL);
        pthread_mutex_lock(&jobs->mutex);
    }
    pthread_mutex_unlock(&jobs->mutex);
    if (alive > 0)
        return false;
    for (size_t i = 0; jobs->started && i < jobs->options.workers; ++i)
        pthread_join(jobs->threads[i], NULL);
    while (jobs->head != NULL) {
        sv_job *job = jobs->head;
        take_off(jobs, job);
        job->release(job);
    }
    pthread_mutex_destroy(&jobs->mutex);
    pthread_cond_destroy(&jobs->work);
    pthread_cond_destroy(&jobs->memory_free);
    free(jobs->workers);
    free(jobs->threads);
    free(jobs);
    return true;
}

void sv_job_detach(sv_job *job) {
    atomic_store(&job->stage, STAGE_DETACHED);
}

sv_cancel sv_job_cancelled(const sv_job *job) {
    int cancel = atomic_load_explicit(&job->cancel, memory_order_relaxed);
    if (cancel == SV_CANCEL_NONE &&
        atomic_load_explicit(&job->jobs->cancelling, memory_order_relaxed))
        cancel = SV_CANCEL_DRAIN;
    return (sv_cancel)cancel;
}

bool sv_jobs_memory_take(sv_jobs *jobs, const sv_job *job, int64_t bytes) {
    bool taken = false;
    if (bytes > jobs->options.memory)
        return false;
    pthread_mutex_lock(&jobs->mutex);
    while (sv_job_cancelled(job) == SV_CANCEL_NONE) {
        taken = jobs->memory_used + bytes <= jobs->options.memory;
        if (taken)
            break;
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += MEMORY_WAIT_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&jobs->memory_free, &jobs->mutex, &until);
    }
    if (taken)
        jobs->memory_used += bytes;
    pthread_mutex_unlock(&jobs->mutex);
    return taken;
}

void sv_jobs_memory_give(sv_jobs *jobs, int64_t bytes) {
    pthread_mutex_lock(&jobs->mutex);
    jobs->memory_used -= bytes;
    pthread_cond_broadcast(&jobs->memory_free);
    pthread_mutex_unlock(&jobs->mutex);
}

/* ---- the loop's side ---- */

static void unlink_pending(sv_job *job) {
    *job->link_pending = job->next_pending;
    if (job->next_pending != NULL)
        job->next_pending->link_pending = job->link_pending;
}

/* Answers the request, which then belongs to the job no more. */
static void jobs_answer(sv_job *job, sv_cancel cancel) {
    sv_exchange *ex = job->ex;
    if (ex == NULL)
        return;
    unlink_pending(job);
    job->ex = NULL;
    ex->data = NULL;
    sv_exchange_let_end(ex);
    if (cancel != SV_CANCEL_NONE)
        sv_metric_add(job->loop->cells, job->jobs->cancelled[cancel], 1);
    if (cancel == SV_CANCEL_GONE)
        sv_exchange_abandon(ex);
    else
        job->answer(job, ex, cancel);
}

static void on_finished(sv_server_loop *loop, sv_server_message *message) {
    sv_job *job = SV_CONTAINER(sv_job, message, message);
    (void)loop;
    jobs_answer(job, sv_job_cancelled(job));
    job->release(job);
}

/* Still in the queue? Then it is taken off, and is the caller's. */
static bool take_back(sv_job *job) {
    sv_jobs *jobs = job->jobs;
    pthread_mutex_lock(&jobs->mutex);
    bool ours = atomic_load(&job->stage) == STAGE_QUEUED;
    if (ours)
        take_off(jobs, job);
    pthread_mutex_unlock(&jobs->mutex);
    return ours;
}

static void give_up(sv_job *job, sv_cancel why) {
    int none = SV_CANCEL_NONE;
    if (take_back(job)) {
        jobs_answer(job, why);
        job->release(job);
        return;
    }
    atomic_compare_exchange_strong(&job->cancel, &none, why);
    /* While the worker reads the request's memory, the request must wait for it. */
    if (atomic_load(&job->stage) == STAGE_DETACHED)
        jobs_answer(job, why);
}

static sv_cancel reason_to_give_up(const sv_job *job, uint64_t now) {
    if (atomic_load(&job->jobs->cancelling))
        return SV_CANCEL_DRAIN;
    if (job->ex->over || sv_exchange_peer_gone(job->ex))
        return SV_CANCEL_GONE;
    if (job->deadline_ns != 0 && now >= job->deadline_ns)
        return SV_CANCEL_DEADLINE;
    return SV_CANCEL_NONE;
}

static void jobs_set_tick(loop_jobs *mine);

static void jobs_on_tick(sv_timer *timer) {
    loop_jobs *mine = SV_CONTAINER(loop_jobs, tick, timer);
    uint64_t now = sv_now_ns();
    for (sv_job *job = mine->pending, *next; job != NULL; job = next) {
        next = job->next_pending;
        sv_cancel why = reason_to_give_up(job, now);
        if (why != SV_CANCEL_NONE)
            give_up(job, why);
    }
    if (mine->pending != NULL)
        jobs_set_tick(mine);
}

static void jobs_set_tick(loop_jobs *mine) {
    if (!sv_timer_is_set(&mine->tick))
        sv_timer_set(sv_loop_timers(mine->loop->net), &mine->tick, sv_timers_now() + TICK_MS,
                     jobs_on_tick);
}

/* The request is over without an answer of ours. A worker that reads its memory must not be left
 * with memory that is gone, and reading may take long: then the request waits. */
static bool request_may_end(sv_exchange *ex) {
    sv_job *job = ex->data;
    bool ours = take_back(job);
    if (!ours)
        atomic_store(&job->cancel, SV_CANCEL_GONE);
    if (!ours && atomic_load(&job->stage) == STAGE_READING)
        return false;
    unlink_pending(job);
    job->ex = NULL;
    if (ours)
        job->release(job);
    return true;
}

void sv_jobs_loop_start(sv_jobs *jobs, sv_server_loop *loop) {
    loop_jobs *mine = &jobs->loops[loop->index];
    mine->jobs = jobs;
    mine->loop = loop;
    sv_jobs_start(jobs);
}

void sv_jobs_loop_stop(sv_jobs *jobs, sv_server_loop *loop) {
    loop_jobs *mine = &jobs->loops[loop->index];
    sv_timer_unset(sv_loop_timers(loop->net), &mine->tick);
}

void sv_jobs_drain(sv_jobs *jobs) {
    atomic_store(&jobs->draining, true);
}

void sv_jobs_cancel(sv_jobs *jobs) {
    pthread_mutex_lock(&jobs->mutex);
    atomic_store(&jobs->cancelling, true);
    pthread_cond_broadcast(&jobs->memory_free);
    pthread_mutex_unlock(&jobs->mutex);
}

/* Until a job that is queued now would be begun, under the lock. */
static double wait_ns(const sv_jobs *jobs) {
    if (jobs->running < jobs->options.workers && jobs->queued == 0)
        return 0;
    return jobs->pace_ns * (double)(jobs->queued + 1) / (double)jobs->options.workers;
}

int sv_jobs_retry_after(sv_jobs *jobs) {
    pthread_mutex_lock(&jobs->mutex);
    double seconds = ceil(wait_ns(jobs) / 1e9);
    pthread_mutex_unlock(&jobs->mutex);
    return seconds < 1 ? 1 : seconds > 3600 ? 3600 : (int)seconds;
}

sv_submit sv_jobs_submit(sv_jobs *jobs, sv_exchange *ex, sv_job *job) {
    loop_jobs *mine = &jobs->loops[ex->loop->index];
    sv_submit result = SV_SUBMIT_OK;
    if (atomic_load(&jobs->draining))
        return SV_SUBMIT_DRAINING;
    job->jobs = jobs;
    job->loop = ex->loop;
    job->ex = ex;
    job->message.run = on_finished;
    job->queued_ns = sv_now_ns();
    atomic_init(&job->cancel, SV_CANCEL_NONE);
    atomic_init(&job->stage, STAGE_QUEUED);

    pthread_mutex_lock(&jobs->mutex);
    if (jobs->queued >= jobs->options.capacity)
        result = SV_SUBMIT_FULL;
    else if (job->deadline_ns != 0 && wait_ns(jobs) > 0 &&
             (double)job->queued_ns + DEADLINE_MARGIN * (wait_ns(jobs) + jobs->pace_ns) >
                 (double)job->deadline_ns)
        result = SV_SUBMIT_LATE;
    if (result == SV_SUBMIT_OK) {
        push(jobs, job);
        pthread_cond_signal(&jobs->work);
    }
    pthread_mutex_unlock(&jobs->mutex);
    if (result != SV_SUBMIT_OK) {
        sv_metric_add(ex->loop->cells, jobs->refused, 1);
        return result;
    }
    ex->data = job;
    ex->may_end = request_may_end;
    job->next_pending = mine->pending;
    job->link_pending = &mine->pending;
    if (job->next_pending != NULL)
        job->next_pending->link_pending = &job->next_pending;
    mine->pending = job;
    jobs_set_tick(mine);
    return SV_SUBMIT_OK;
}
