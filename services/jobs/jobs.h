/*
 * Long work off the loops: a bounded queue, worker threads, and the way back to the loop that owns
 * the request. A job is cancelled when its client disconnects, when its deadline passes, or when
 * the drain times out.
 *
 * Order: first come, first served. An HTTP/1.1 connection has one request under way at a time, so
 * this is a round robin over connections: who asks again waits behind all who asked before.
 */
#ifndef HR_SERVICES_JOBS_H
#define HR_SERVICES_JOBS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server.h"

typedef struct hr_jobs hr_jobs;
typedef struct hr_job hr_job;

/* Why a job is cancelled. */
typedef enum hr_cancel {
    HR_CANCEL_NONE = 0,
    HR_CANCEL_GONE,     /* the client left */
    HR_CANCEL_DEADLINE, /* 504 */
    HR_CANCEL_DRAIN     /* 503: the time to drain is over */
} hr_cancel;

/* What a worker brings along. */
typedef struct hr_worker {
    hr_jobs *jobs;
    unsigned index;
    void *data;             /* the service's, kept from job to job */
    hr_metric_cells *cells; /* for counting on this thread */
} hr_worker;

/* Embedded in the service's own struct, which `release` frees. */
struct hr_job {
    /* filled by the service before hr_jobs_submit */
    void (*run)(hr_job *job, hr_worker *worker); /* on a worker */
    /* Answers the request. Called on the loop, exactly once, if the request still waits. `cancel`
     * is the reason why a result may be missing. */
    void (*answer)(hr_job *job, hr_exchange *ex, hr_cancel cancel);
    void (*release)(hr_job *job); /* any thread, after the last use of the job */
    uint64_t deadline_ns;         /* CLOCK_MONOTONIC; 0: none */

    /* read by the service */
    uint64_t queued_ns, started_ns, ended_ns;

    /* the pool's own */
    hr_message message;
    hr_jobs *jobs;
    hr_loop *loop;
    hr_exchange *ex;    /* loop only; NULL once it is answered */
    _Atomic int cancel; /* hr_cancel */
    _Atomic int stage;
    hr_job *next_queued, *prev_queued;
    hr_job *next_pending, **link_pending; /* the loop's list */
};

typedef enum hr_submit {
    HR_SUBMIT_OK = 0,
    HR_SUBMIT_FULL,
    HR_SUBMIT_LATE,
    HR_SUBMIT_DRAINING
} hr_submit;

/* `capacity` jobs may wait; `memory` bytes may be taken by hr_jobs_memory_take at the same time.
 * worker_start and worker_stop (NULL allowed) run on each worker's thread. */
typedef struct hr_jobs_options {
    size_t workers, capacity;
    int64_t memory;
    void (*worker_start)(hr_worker *worker, void *ctx);
    void (*worker_stop)(hr_worker *worker, void *ctx);
    void *ctx;
} hr_jobs_options;

/* Defines its metrics; threads start with the first hr_jobs_start. */
hr_jobs *hr_jobs_new(const hr_jobs_options *options, hr_metrics *metrics);
/* After signals are blocked (in loop_start, say). Idempotent, any thread. */
void hr_jobs_start(hr_jobs *jobs);
/* Per loop, in loop_start and loop_stop. */
void hr_jobs_loop_start(hr_jobs *jobs, hr_loop *loop);
void hr_jobs_loop_stop(hr_jobs *jobs, hr_loop *loop);
/* hr_service's on_drain and on_cancel. */
void hr_jobs_drain(hr_jobs *jobs);
void hr_jobs_cancel(hr_jobs *jobs);
/* Ends the workers and frees. False if one is still at work after `wait_ms`: then nothing is freed,
 * and the process should leave by _exit. */
bool hr_jobs_free(hr_jobs *jobs, uint64_t wait_ms);

/* On the loop. OK: the job is the pool's, ex->data and ex->may_end too. Otherwise it is still the
 * caller's: FULL; LATE (it could not begin before its deadline, by the measured pace); DRAINING. */
hr_submit hr_jobs_submit(hr_jobs *jobs, hr_exchange *ex, hr_job *job);

/* Seconds after which a place will be free, by the measured pace: for Retry-After. At least 1. */
int hr_jobs_retry_after(hr_jobs *jobs);

/* ---- on the worker, within run ---- */

/* The job no longer needs the request's memory: from here on the request may be answered and end
 * while the job is still running. Before it, the request's body may be read and written by the
 * worker alone. */
void hr_job_detach(hr_job *job);
/* Not HR_CANCEL_NONE: stop as soon as possible. */
hr_cancel hr_job_cancelled(const hr_job *job);
/* Waits until `bytes` are free. False if the job is cancelled while waiting, or if they can never
 * be. */
bool hr_jobs_memory_take(hr_jobs *jobs, const hr_job *job, int64_t bytes);
/* Any thread. */
void hr_jobs_memory_give(hr_jobs *jobs, int64_t bytes);

#endif
