/*
 * Long work off the loops: a bounded queue, worker threads, and the way back to the loop that owns
 * the request. A job is cancelled when its client disconnects, when its deadline passes, or when
 * the drain times out.
 *
 * Order: first come, first served. An HTTP/1.1 connection has one request under way at a time, so
 * this is a round robin over connections: who asks again waits behind all who asked before.
 */
#ifndef SV_JOBS_H
#define SV_JOBS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server.h"

typedef struct sv_jobs sv_jobs;
typedef struct sv_job sv_job;

/* Why a job is cancelled. */
typedef enum sv_cancel {
    SV_CANCEL_NONE = 0,
    SV_CANCEL_GONE,     /* the client left */
    SV_CANCEL_DEADLINE, /* 504 */
    SV_CANCEL_DRAIN     /* 503: the time to drain is over */
} sv_cancel;

/* What a worker brings along. */
typedef struct sv_worker {
    sv_jobs *jobs;
    unsigned index;
    void *data;             /* the service's, kept from job to job */
    sv_metric_cells *cells; /* for counting on this thread */
} sv_worker;

/* Embedded in the service's own struct, which `release` frees. */
struct sv_job {
    /* filled by the service before sv_jobs_submit */
    void (*run)(sv_job *job, sv_worker *worker); /* on a worker */
    /* Answers the request. Called on the loop, exactly once, if the request still waits. `cancel`
     * is the reason why a result may be missing. */
    void (*answer)(sv_job *job, sv_exchange *ex, sv_cancel cancel);
    void (*release)(sv_job *job); /* any thread, after the last use of the job */
    uint64_t deadline_ns;         /* CLOCK_MONOTONIC; 0: none */

    /* read by the service */
    uint64_t queued_ns, started_ns, ended_ns;

    /* the pool's own */
    sv_server_message message;
    sv_jobs *jobs;
    sv_server_loop *loop;
    sv_exchange *ex;    /* loop only; NULL once it is answered */
    _Atomic int cancel; /* sv_cancel */
    _Atomic int stage;
    sv_job *next_queued, *prev_queued;
    sv_job *next_pending, **link_pending; /* the loop's list */
};

typedef enum sv_submit {
    SV_SUBMIT_OK = 0,
    SV_SUBMIT_FULL,
    SV_SUBMIT_LATE,
    SV_SUBMIT_DRAINING
} sv_submit;

/* `capacity` jobs may wait; `memory` bytes may be taken by sv_jobs_memory_take at the same time.
 * worker_start and worker_stop (NULL allowed) run on each worker's thread. */
typedef struct sv_jobs_options {
    size_t workers, capacity;
    int64_t memory;
    void (*worker_start)(sv_worker *worker, void *ctx);
    void (*worker_stop)(sv_worker *worker, void *ctx);
    void *ctx;
} sv_jobs_options;

/* Defines its metrics; threads start with the first sv_jobs_start. */
sv_jobs *sv_jobs_new(const sv_jobs_options *options, sv_metrics *metrics);
/* After signals are blocked (in loop_start, say). Idempotent, any thread. */
void sv_jobs_start(sv_jobs *jobs);
/* Per loop, in loop_start and loop_stop. */
void sv_jobs_loop_start(sv_jobs *jobs, sv_server_loop *loop);
void sv_jobs_loop_stop(sv_jobs *jobs, sv_server_loop *loop);
/* sv_service's on_drain and on_cancel. */
void sv_jobs_drain(sv_jobs *jobs);
void sv_jobs_cancel(sv_jobs *jobs);
/* Ends the workers and frees. False if one is still at work after `wait_ms`: then nothing is freed,
 * and the process should leave by _exit. */
bool sv_jobs_free(sv_jobs *jobs, uint64_t wait_ms);

/* On the loop. OK: the job is the pool's, ex->data and ex->may_end too. Otherwise it is still the
 * caller's: FULL; LATE (it could not begin before its deadline, by the measured pace); DRAINING. */
sv_submit sv_jobs_submit(sv_jobs *jobs, sv_exchange *ex, sv_job *job);

/* Seconds after which a place will be free, by the measured pace: for Retry-After. At least 1. */
int sv_jobs_retry_after(sv_jobs *jobs);

/* ---- on the worker, within run ---- */

/* The job no longer needs the request's memory: from here on the request may be answered and end
 * while the job is still running. Before it, the request's body may be read and written by the
 * worker alone. */
void sv_job_detach(sv_job *job);
/* Not SV_CANCEL_NONE: stop as soon as possible. */
sv_cancel sv_job_cancelled(const sv_job *job);
/* Waits until `bytes` are free. False if the job is cancelled while waiting, or if they can never
 * be. */
bool sv_jobs_memory_take(sv_jobs *jobs, const sv_job *job, int64_t bytes);
/* Any thread. */
void sv_jobs_memory_give(sv_jobs *jobs, int64_t bytes);

#endif
