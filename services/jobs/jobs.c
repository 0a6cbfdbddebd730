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
    hr_jobs *jobs;
    hr_loop *loop;
    hr_job *pending;
    hr_timer tick;
} loop_jobs;

struct hr_jobs {
    hr_jobs_options options;
    hr_worker *workers;
    pthread_t *threads;
    hr_metrics *metrics;
    hr_metric waited, ran, done, refused;
    hr_metric cancelled[HR_CANCEL_DRAIN + 1];

    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t work, memory_free;
    hr_job *head, *tail;
    size_t queued, running, alive;
    int64_t memory_used;
    double pace_ns; /* of one job on one worker, smoothed; 0: none measured */
    bool started, stop;

    _Atomic bool draining, cancelling;
    loop_jobs loops[256];
};

static double read_queued(void *ctx) {
    hr_jobs *jobs = ctx;
    pthread_mutex_lock(&jobs->mutex);
    double value = (double)jobs->queued;
    pthread_mutex_unlock(&jobs->mutex);
    return value;
}

static double read_running(void *ctx) {
    hr_jobs *jobs = ctx;
    pthread_mutex_lock(&jobs->mutex);
    double value = (double)jobs->running;
    pthread_mutex_unlock(&jobs->mutex);
    return value;
}

static double read_memory(void *ctx) {
    hr_jobs *jobs = ctx;
    pthread_mutex_lock(&jobs->mutex);
    double value = (double)jobs->memory_used;
    pthread_mutex_unlock(&jobs->mutex);
    return value;
}

static double read_capacity(void *ctx) {
    return (double)((hr_jobs *)ctx)->options.capacity;
}

static double read_workers(void *ctx) {
    return (double)((hr_jobs *)ctx)->options.workers;
}

static void jobs_define_metrics(hr_jobs *jobs, hr_metrics *m) {
    static const char cancelled[] = "headerroute_jobs_cancelled_total";
    static const char cancelled_help[] = "Jobs cancelled before they completed, by reason.";
    hr_metrics_read(m, HR_GAUGE, "headerroute_jobs_queued", NULL, "Jobs waiting for a worker.",
                    read_queued, jobs);
    hr_metrics_read(m, HR_GAUGE, "headerroute_jobs_queue_capacity", NULL, "Jobs that may wait.",
                    read_capacity, jobs);
    hr_metrics_read(m, HR_GAUGE, "headerroute_jobs_running", NULL, "Jobs that a worker is at.",
                    read_running, jobs);
    hr_metrics_read(m, HR_GAUGE, "headerroute_workers", NULL, "Worker threads.", read_workers,
                    jobs);
    hr_metrics_read(m, HR_GAUGE, "headerroute_work_memory_bytes", NULL,
                    "Memory set aside for the pictures being worked on.", read_memory, jobs);
    jobs->waited = hr_metrics_histogram(m, "headerroute_job_wait_seconds", NULL,
                                        "Time from queueing to a worker.", hr_seconds_buckets,
                                        hr_seconds_buckets_count);
    jobs->ran = hr_metrics_histogram(m, "headerroute_job_run_seconds", NULL, "Time on a worker.",
                                     hr_seconds_buckets, hr_seconds_buckets_count);
    jobs->done =
        hr_metrics_counter(m, "headerroute_jobs_done_total", NULL, "Jobs that a worker finished.");
    jobs->cancelled[HR_CANCEL_GONE] =
        hr_metrics_counter(m, cancelled, "reason=\"client_gone\"", cancelled_help);
    jobs->cancelled[HR_CANCEL_DEADLINE] =
        hr_metrics_counter(m, cancelled, "reason=\"deadline\"", cancelled_help);
    jobs->cancelled[HR_CANCEL_DRAIN] =
        hr_metrics_counter(m, cancelled, "reason=\"drain\"", cancelled_help);
    jobs->refused = hr_metrics_counter(
        m, "headerroute_jobs_refused_total", NULL,
        "Jobs refused because the queue was full or too slow for their deadline.");
}

hr_jobs *hr_jobs_new(const hr_jobs_options *options, hr_metrics *metrics) {
    pthread_condattr_t monotonic;
    hr_jobs *jobs = sv_alloc(sizeof(*jobs));
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

static void push(hr_jobs *jobs, hr_job *job) {
    job->next_queued = NULL;
    job->prev_queued = jobs->tail;
    if (jobs->tail != NULL)
        jobs->tail->next_queued = job;
    else
        jobs->head = job;
    jobs->tail = job;
    ++jobs->queued;
}

static void take_off(hr_jobs *jobs, hr_job *job) {
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

static void on_finished(hr_loop *loop, hr_message *message);

static void run_one(hr_worker *worker, hr_job *job) {
    hr_jobs *jobs = worker->jobs;
    job->started_ns = hr_now_ns();
    hr_metric_observe(worker->cells, jobs->waited,
                      (double)(job->started_ns - job->queued_ns) / 1e9);
    job->run(job, worker);
    job->ended_ns = hr_now_ns();
    double ran_ns = (double)(job->ended_ns - job->started_ns);
    hr_metric_observe(worker->cells, jobs->ran, ran_ns / 1e9);
    atomic_store(&job->stage, STAGE_DETACHED);
    if (hr_job_cancelled(job) == HR_CANCEL_NONE)
        hr_metric_add(worker->cells, jobs->done, 1);

    pthread_mutex_lock(&jobs->mutex);
    --jobs->running;
    if (hr_job_cancelled(job) == HR_CANCEL_NONE)
        jobs->pace_ns =
            jobs->pace_ns == 0 ? ran_ns : jobs->pace_ns * (1 - PACE_WEIGHT) + ran_ns * PACE_WEIGHT;
    pthread_mutex_unlock(&jobs->mutex);
    /* From here on the job is the loop's. */
    if (!hr_loop_post(job->loop, &job->message))
        job->release(job);
}

static void *run_worker(void *arg) {
    hr_worker *worker = arg;
    hr_jobs *jobs = worker->jobs;
    char name[16];
    snprintf(name, sizeof(name), "worker-%u", worker->index);
    pthread_setname_np(pthread_self(), name);
    if (jobs->options.worker_start != NULL)
        jobs->options.worker_start(worker, jobs->options.ctx);
    pthread_mutex_lock(&jobs->mutex);
    while (!jobs->stop) {
        hr_job *job = jobs->head;
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

static void start_worker(pthread_t *thread, hr_worker *worker) {
    int error = pthread_create(thread, NULL, run_worker, worker);
    if (error == 0)
        return;
    fprintf(stderr, "no worker can be started: %s\n", strerror(error));
    abort();
}

void hr_jobs_start(hr_jobs *jobs) {
    pthread_mutex_lock(&jobs->mutex);
    if (!jobs->started) {
        jobs->started = true;
        jobs->alive = jobs->options.workers;
        jobs->workers = sv_alloc(sizeof(hr_worker) * jobs->options.workers);
        jobs->threads = sv_alloc(sizeof(pthread_t) * jobs->options.workers);
        for (size_t i = 0; i < jobs->options.workers; ++i) {
            jobs->workers[i] =
                (hr_worker){jobs, (unsigned)i, NULL, hr_metrics_cells(jobs->metrics)};
            start_worker(&jobs->threads[i], &jobs->workers[i]);
        }
    }
    pthread_mutex_unlock(&jobs->mutex);
}

bool hr_jobs_free(hr_jobs *jobs, uint64_t wait_ms) {
    uint64_t deadline = hr_now_ns() + wait_ms * 1000000;
    const struct timespec pause = {0, 5 * 1000000};
    size_t alive;
    pthread_mutex_lock(&jobs->mutex);
    jobs->stop = true;
    atomic_store(&jobs->cancelling, true);
    pthread_cond_broadcast(&jobs->work);
    pthread_cond_broadcast(&jobs->memory_free);
    while ((alive = jobs->alive) > 0 && hr_now_ns() < deadline) {
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
        hr_job *job = jobs->head;
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

void hr_job_detach(hr_job *job) {
    atomic_store(&job->stage, STAGE_DETACHED);
}

hr_cancel hr_job_cancelled(const hr_job *job) {
    int cancel = atomic_load_explicit(&job->cancel, memory_order_relaxed);
    if (cancel == HR_CANCEL_NONE &&
        atomic_load_explicit(&job->jobs->cancelling, memory_order_relaxed))
        cancel = HR_CANCEL_DRAIN;
    return (hr_cancel)cancel;
}

bool hr_jobs_memory_take(hr_jobs *jobs, const hr_job *job, int64_t bytes) {
    bool taken = false;
    if (bytes > jobs->options.memory)
        return false;
    pthread_mutex_lock(&jobs->mutex);
    while (hr_job_cancelled(job) == HR_CANCEL_NONE) {
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

void hr_jobs_memory_give(hr_jobs *jobs, int64_t bytes) {
    pthread_mutex_lock(&jobs->mutex);
    jobs->memory_used -= bytes;
    pthread_cond_broadcast(&jobs->memory_free);
    pthread_mutex_unlock(&jobs->mutex);
}

/* ---- the loop's side ---- */

static void unlink_pending(hr_job *job) {
    *job->link_pending = job->next_pending;
    if (job->next_pending != NULL)
        job->next_pending->link_pending = job->link_pending;
}

/* Answers the request, which then belongs to the job no more. */
static void jobs_answer(hr_job *job, hr_cancel cancel) {
    hr_exchange *ex = job->ex;
    if (ex == NULL)
        return;
    unlink_pending(job);
    job->ex = NULL;
    ex->data = NULL;
    hr_exchange_let_end(ex);
    if (cancel != HR_CANCEL_NONE)
        hr_metric_add(job->loop->cells, job->jobs->cancelled[cancel], 1);
    if (cancel == HR_CANCEL_GONE)
        hr_exchange_abandon(ex);
    else
        job->answer(job, ex, cancel);
}

static void on_finished(hr_loop *loop, hr_message *message) {
    hr_job *job = SV_CONTAINER(hr_job, message, message);
    (void)loop;
    jobs_answer(job, hr_job_cancelled(job));
    job->release(job);
}

/* Still in the queue? Then it is taken off, and is the caller's. */
static bool take_back(hr_job *job) {
    hr_jobs *jobs = job->jobs;
    pthread_mutex_lock(&jobs->mutex);
    bool ours = atomic_load(&job->stage) == STAGE_QUEUED;
    if (ours)
        take_off(jobs, job);
    pthread_mutex_unlock(&jobs->mutex);
    return ours;
}

static void give_up(hr_job *job, hr_cancel why) {
    int none = HR_CANCEL_NONE;
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

static hr_cancel reason_to_give_up(const hr_job *job, uint64_t now) {
    if (atomic_load(&job->jobs->cancelling))
        return HR_CANCEL_DRAIN;
    if (job->ex->over || hr_exchange_peer_gone(job->ex))
        return HR_CANCEL_GONE;
    if (job->deadline_ns != 0 && now >= job->deadline_ns)
        return HR_CANCEL_DEADLINE;
    return HR_CANCEL_NONE;
}

static void jobs_set_tick(loop_jobs *mine);

static void jobs_on_tick(hr_timer *timer) {
    loop_jobs *mine = SV_CONTAINER(loop_jobs, tick, timer);
    uint64_t now = hr_now_ns();
    for (hr_job *job = mine->pending, *next; job != NULL; job = next) {
        next = job->next_pending;
        hr_cancel why = reason_to_give_up(job, now);
        if (why != HR_CANCEL_NONE)
            give_up(job, why);
    }
    if (mine->pending != NULL)
        jobs_set_tick(mine);
}

static void jobs_set_tick(loop_jobs *mine) {
    if (!hr_timer_is_set(&mine->tick))
        hr_timer_set(sv_loop_timers(mine->loop->net), &mine->tick, hr_timers_now() + TICK_MS,
                     jobs_on_tick);
}

/* The request is over without an answer of ours. A worker that reads its memory must not be left
 * with memory that is gone, and reading may take long: then the request waits. */
static bool request_may_end(hr_exchange *ex) {
    hr_job *job = ex->data;
    bool ours = take_back(job);
    if (!ours)
        atomic_store(&job->cancel, HR_CANCEL_GONE);
    if (!ours && atomic_load(&job->stage) == STAGE_READING)
        return false;
    unlink_pending(job);
    job->ex = NULL;
    if (ours)
        job->release(job);
    return true;
}

void hr_jobs_loop_start(hr_jobs *jobs, hr_loop *loop) {
    loop_jobs *mine = &jobs->loops[loop->index];
    mine->jobs = jobs;
    mine->loop = loop;
    hr_jobs_start(jobs);
}

void hr_jobs_loop_stop(hr_jobs *jobs, hr_loop *loop) {
    loop_jobs *mine = &jobs->loops[loop->index];
    hr_timer_unset(sv_loop_timers(loop->net), &mine->tick);
}

void hr_jobs_drain(hr_jobs *jobs) {
    atomic_store(&jobs->draining, true);
}

void hr_jobs_cancel(hr_jobs *jobs) {
    pthread_mutex_lock(&jobs->mutex);
    atomic_store(&jobs->cancelling, true);
    pthread_cond_broadcast(&jobs->memory_free);
    pthread_mutex_unlock(&jobs->mutex);
}

/* Until a job that is queued now would be begun, under the lock. */
static double wait_ns(const hr_jobs *jobs) {
    if (jobs->running < jobs->options.workers && jobs->queued == 0)
        return 0;
    return jobs->pace_ns * (double)(jobs->queued + 1) / (double)jobs->options.workers;
}

int hr_jobs_retry_after(hr_jobs *jobs) {
    pthread_mutex_lock(&jobs->mutex);
    double seconds = ceil(wait_ns(jobs) / 1e9);
    pthread_mutex_unlock(&jobs->mutex);
    return seconds < 1 ? 1 : seconds > 3600 ? 3600 : (int)seconds;
}

hr_submit hr_jobs_submit(hr_jobs *jobs, hr_exchange *ex, hr_job *job) {
    loop_jobs *mine = &jobs->loops[ex->loop->index];
    hr_submit result = HR_SUBMIT_OK;
    if (atomic_load(&jobs->draining))
        return HR_SUBMIT_DRAINING;
    job->jobs = jobs;
    job->loop = ex->loop;
    job->ex = ex;
    job->message.run = on_finished;
    job->queued_ns = hr_now_ns();
    atomic_init(&job->cancel, HR_CANCEL_NONE);
    atomic_init(&job->stage, STAGE_QUEUED);

    pthread_mutex_lock(&jobs->mutex);
    if (jobs->queued >= jobs->options.capacity)
        result = HR_SUBMIT_FULL;
    else if (job->deadline_ns != 0 && wait_ns(jobs) > 0 &&
             (double)job->queued_ns + DEADLINE_MARGIN * (wait_ns(jobs) + jobs->pace_ns) >
                 (double)job->deadline_ns)
        result = HR_SUBMIT_LATE;
    if (result == HR_SUBMIT_OK) {
        push(jobs, job);
        pthread_cond_signal(&jobs->work);
    }
    pthread_mutex_unlock(&jobs->mutex);
    if (result != HR_SUBMIT_OK) {
        hr_metric_add(ex->loop->cells, jobs->refused, 1);
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
    return HR_SUBMIT_OK;
}
