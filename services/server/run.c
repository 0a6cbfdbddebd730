/* Runs a server: loops and their threads, signals, drain. */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <headerroute/version.h>

#include "check.h"
#include "conn_accept.h"
#include "conn_buffer.h"
#include "conn_http2.h"
#include "conn_sweep.h"
#include "exchange_life.h"
#include "listen.h"
#include "server_internal.h"

#define DRAIN_TURN_MS 50
#define CANCEL_MS 500
#define MIN_LOG_PATIENCE_MS 500

/* Buffers beyond this size come from mmap and go back to the system at once; smaller ones are kept,
 * as fresh pages for every body would cost more than reading it. */
#define MMAP_THRESHOLD (1 << 20)
#define TRIM_THRESHOLD (8 << 20)
#define MAX_ARENAS 4
/* Connections and requests of a loop from which on it gives memory back when they have ended. */
#define CROWD 16

#define TICK_MS 1000

/* ---- signals ---- */

/* How often the main thread checks for a signal that was delivered to another thread. */
#define SIGNAL_LOOK_NS (100 * 1000000)

static _Atomic bool stop_wanted;

static void on_signal(int signal_number) {
    (void)signal_number;
    atomic_store(&stop_wanted, true);
}

/* Blocks the signals for this thread and those to come: wait_for_stop takes them. The handler is
 * for the threads that libraries underneath start before main (OpenCV's BLAS does): a signal that
 * one of these took would end the process at once. */
static void catch_signals(sigset_t *signals) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void wait_for_stop(const sigset_t *signals) {
    const struct timespec look = {0, SIGNAL_LOOK_NS};
    while (!atomic_load(&stop_wanted) && sigtimedwait(signals, NULL, &look) < 0)
        ;
}

/* ---- one loop ---- */

/* What is written may end exchanges, and what ends has more to be written. */
static void end_turn(sv_server_loop *loop) {
    sv_http2_flush(loop);
    sv_exchange_end_turn(loop);
    sv_http2_flush(loop);
}

/* One turn, and what is over after it. */
static void turn(sv_server_loop *loop, bool wait) {
    sv_loop_run(loop->net, wait && loop->over == NULL);
    end_turn(loop);
}

/* Once half of a crowd has been gone for a whole tick: by then all that it held has been freed. It
 * lies between what stays, where free() alone returns nothing to the system. */
static void give_memory_back(sv_server_loop *loop) {
    size_t peak = loop->load_peak;
    loop->load_peak = sv_server_load(loop);
    if (peak > loop->crowd_peak)
        loop->crowd_peak = peak;
    if (loop->crowd_peak < CROWD || peak > loop->crowd_peak / 2)
        return;
    loop->crowd_peak = peak;
    sv_trim_memory();
}

static void server_set_tick(sv_server_loop *loop, uint64_t ms);

static void server_on_tick(sv_timer *timer) {
    sv_server_loop *loop = SV_CONTAINER(sv_server_loop, tick, timer);
    sv_conn_sweep(loop);
    give_memory_back(loop);
    server_set_tick(loop, loop->draining ? DRAIN_TURN_MS : TICK_MS);
}

static void server_set_tick(sv_server_loop *loop, uint64_t ms) {
    sv_timer_set(sv_loop_timers(loop->net), &loop->tick, sv_timers_now() + ms, server_on_tick);
}

static bool loop_init(sv_server_loop *loop) {
    sv_server *server = loop->server;
    loop->net = sv_loop_new();
    if (loop->net == NULL) {
        sv_log(SV_LOG_ERROR, "an event loop cannot be made: %s", strerror(errno));
        return false;
    }
    server_set_tick(loop, TICK_MS);
    pthread_mutex_lock(&server->mutex);
    server->alive[loop->index] = true;
    pthread_mutex_unlock(&server->mutex);
    if (server->service->loop_start != NULL &&
        server->service->loop_start(loop, server->service->ctx) != 0)
        return false;
    for (size_t i = 0; i < server->n_listeners; ++i) {
        if (server->fds[i] < 0)
            continue;
        int fd = fcntl(server->fds[i], F_DUPFD_CLOEXEC, 3);
        if (fd < 0 || !sv_conn_listen(loop, &server->listeners[i], fd)) {
            sv_log(SV_LOG_ERROR, "cannot listen: %s", strerror(errno));
            return false;
        }
    }
    return true;
}

/* Turns until no connection is left or the time is up. */
static void run_until_quiet(sv_server_loop *loop, uint64_t ms) {
    uint64_t deadline = sv_now_ns() + ms * 1000000;
    while (loop->connections + loop->n_lingering > 0 && sv_now_ns() < deadline)
        turn(loop, true);
}

static void loop_drain(sv_server_loop *loop) {
    loop->draining = true;
    loop->drain_ns = sv_now_ns();
    sv_conn_stop_listening(loop);
    sv_conn_sweep(loop);
    end_turn(loop);
    server_set_tick(loop, DRAIN_TURN_MS);
    run_until_quiet(loop, (uint64_t)loop->server->options->drain_ms);
    if (loop->active > 0)
        sv_log(SV_LOG_WARN, "the drain timed out: closing %zu unfinished requests", loop->active);
    /* What on_cancel gave up is answered now; then the rest goes without an answer. */
    run_until_quiet(loop, loop->active > 0 ? CANCEL_MS : 0);
    sv_conn_cut_all(loop);
    end_turn(loop);
    run_until_quiet(loop, CANCEL_MS);
}

static void loop_dispose(sv_server_loop *loop) {
    sv_server *server = loop->server;
    pthread_mutex_lock(&server->mutex);
    server->alive[loop->index] = false;
    pthread_mutex_unlock(&server->mutex);
    turn(loop, false); /* the last messages */
    if (server->service->loop_stop != NULL)
        server->service->loop_stop(loop, server->service->ctx);
    if (loop->connections > 0)
        return; /* a handler holds on to its request: the memory goes with the process */
    sv_text_free(&loop->log_line);
    sv_conn_free_buffers(loop);
    sv_pool_cache_free(&loop->pools);
    sv_loop_free(loop->net);
}

static void *run_loop(void *arg) {
    sv_server_loop *loop = arg;
    sv_server *server = loop->server;
    char name[16];
    snprintf(name, sizeof(name), "loop-%u", loop->index);
    pthread_setname_np(pthread_self(), name);
    bool accepting = loop_init(loop);
    atomic_fetch_add(&server->n_begun, 1);
    if (accepting) {
        atomic_fetch_add(&server->n_accepting, 1);
        while (!atomic_load(&server->draining))
            turn(loop, true);
    } else {
        atomic_store(&server->failed, true);
        atomic_store(&stop_wanted, true);
    }
    if (loop->net != NULL) {
        loop_drain(loop);
        loop_dispose(loop);
    }
    atomic_fetch_add(&server->n_ended, 1);
    return NULL;
}

/* ---- all of it ---- */

static void close_all(const sv_server *server, size_t n) {
    for (size_t i = 0; i < n; ++i)
        if (server->fds[i] >= 0)
            close(server->fds[i]);
}

static int open_listeners(sv_server *server) {
    char why[256];
    for (size_t i = 0; i < server->n_listeners; ++i) {
        server->fds[i] = -1;
        if (server->listeners[i].closed)
            continue;
        server->fds[i] = sv_listen(server->listeners[i].address, server->options->stall_timeout_ms,
                                   why, sizeof(why));
        if (server->fds[i] < 0) {
            fprintf(stderr, "%s: %s\n", server->service->program, why);
            close_all(server, i);
            return -1;
        }
    }
    return 0;
}

/* Once every loop has its own descriptors of them: the number of a closed one may soon be that of
 * another file. */
static void close_listeners(sv_server *server) {
    const struct timespec pause = {0, 1000000};
    while (atomic_load(&server->n_begun) < server->n_loops)
        nanosleep(&pause, NULL);
    close_all(server, server->n_listeners);
}

static void announce(const sv_server *server) {
    for (size_t i = 0; i < server->n_listeners; ++i) {
        char address[80];
        if (server->fds[i] < 0)
            continue;
        sv_local_address(address, sizeof(address), server->fds[i]);
        sv_log(SV_LOG_INFO, "%s listens on %s with %zu threads", server->options->name, address,
               server->n_loops);
    }
}

/* Of a client and, where there is one, of the upstream server for each connection; logs, timers and
 * the like need a few more. What the system allows at most is enough of a limit. */
static void allow_files(const sv_server_options *options) {
    struct rlimit limit;
    rlim_t wanted = (rlim_t)options->max_connections * 2 + 256;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static double read_uploads(void *ctx) {
    return (double)sv_budget_used(&((sv_server *)ctx)->uploads);
}

static double read_dropped(void *ctx) {
    (void)ctx;
    return (double)sv_log_dropped();
}

static double read_one(void *ctx) {
    (void)ctx;
    return 1;
}

static void server_define_metrics(sv_server *server) {
    sv_metrics *m = server->metrics;
    sv_metrics_read(m, SV_GAUGE, "headerroute_upload_memory_bytes", NULL,
                    "Memory held by request bodies, of --max-upload-bytes.", read_uploads, server);
    sv_metrics_read(m, SV_COUNTER, "headerroute_log_lines_dropped_total", NULL,
                    "Access log lines dropped because the reader was too slow.", read_dropped,
                    NULL);
    sv_metrics_read(m, SV_GAUGE, "headerroute_build_info", "version=\"" HR_VERSION "\"",
                    "Always 1; the label holds the version.", read_one, NULL);
}

static void wake(sv_server_loop *loop) {
    sv_server *server = loop->server;
    pthread_mutex_lock(&server->mutex);
    if (server->alive[loop->index])
        sv_loop_post(loop->net, NULL);
    pthread_mutex_unlock(&server->mutex);
}

static void server_join(sv_server *server) {
    const sv_service *service = server->service;
    struct timespec pause = {0, 20 * 1000000};
    /* When the drain times out, cancels the work still running just before the loops abandon it. */
    uint64_t cancel_at = sv_now_ns() + (uint64_t)server->options->drain_ms * 1000000;
    bool cancelled = false;
    while (atomic_load(&server->n_ended) < server->n_loops) {
        if (!cancelled && sv_now_ns() >= cancel_at && service->on_cancel != NULL) {
            service->on_cancel(service->ctx);
            cancelled = true;
        }
        nanosleep(&pause, NULL);
    }
    for (size_t i = 0; i < server->n_loops; ++i)
        pthread_join(server->threads[i], NULL);
}

static void server_start_thread(pthread_t *thread, sv_server_loop *loop) {
    int error = pthread_create(thread, NULL, run_loop, loop);
    if (error == 0)
        return;
    fprintf(stderr, "%s: no thread can be started: %s\n", loop->server->service->program,
            strerror(error));
    _exit(1);
}

/* How long the reader of the log may still take, in milliseconds: what is left of the drain, and in
 * any case long enough for a reader that is there. */
static uint64_t log_patience(const sv_server *server, uint64_t stopped_at) {
    uint64_t gone = (sv_now_ns() - stopped_at) / 1000000,
             server_drain = (uint64_t)server->options->drain_ms;
    return server_drain > gone + MIN_LOG_PATIENCE_MS ? server_drain - gone : MIN_LOG_PATIENCE_MS;
}

/* 0, or the exit code after one line on stderr. */
static int check_listeners(const sv_service *service, const sv_listener *listeners,
                           size_t n_listeners) {
    if (n_listeners > SV_MAX_LISTENERS) {
        fprintf(stderr, "%s: more than %d listeners\n", service->program, SV_MAX_LISTENERS);
        return 1;
    }
    for (size_t i = 0; i < n_listeners; ++i) {
        struct sockaddr_storage parsed;
        socklen_t len;
        char why[256];
        if (sv_parse_address(&parsed, &len, listeners[i].address, why, sizeof(why)) != 0) {
            fprintf(stderr, "%s: --listen: %s\n", service->program, why);
            return 2;
        }
    }
    return 0;
}

static void start_loops(sv_server *server) {
    server->loops = sv_alloc_zeroed(sizeof(sv_server_loop) * server->n_loops);
    server->threads = sv_alloc_zeroed(sizeof(pthread_t) * server->n_loops);
    server->alive = sv_alloc_zeroed(sizeof(bool) * server->n_loops);
    for (size_t i = 0; i < server->n_loops; ++i) {
        server->loops[i].server = server;
        server->loops[i].index = (unsigned)i;
        server->loops[i].cells = sv_metrics_cells(server->metrics);
    }
    announce(server);
    for (size_t i = 0; i < server->n_loops; ++i)
        server_start_thread(&server->threads[i], &server->loops[i]);
}

/* From the signal to the end of the last loop. */
static void server_drain(sv_server *server) {
    const sv_service *service = server->service;
    if (service->before_drain != NULL)
        service->before_drain(service->ctx);
    /* First, so that the loops' own descriptors are the last: clients could connect to one that
     * outlived them, and would not be accepted. */
    close_listeners(server);
    atomic_store(&server->draining, true);
    if (!atomic_load(&server->failed))
        sv_log(SV_LOG_INFO, "draining");
    if (service->on_drain != NULL)
        service->on_drain(service->ctx);
    for (size_t i = 0; i < server->n_loops; ++i)
        wake(&server->loops[i]);
    server_join(server);
}

int sv_server_run(const sv_service *service, const sv_listener *listeners, size_t n_listeners,
                  const sv_server_options *options, sv_metrics *metrics) {
    sv_server server = {.service = service,
                        .listeners = listeners,
                        .n_listeners = n_listeners,
                        .options = options,
                        .metrics = metrics,
                        .n_loops = (size_t)options->threads,
                        .mutex = PTHREAD_MUTEX_INITIALIZER};
    sigset_t signals;
    int code = check_listeners(service, listeners, n_listeners);
    if (code != 0)
        return code;
    if (options->check)
        return sv_check_ready(service->program, listeners[0].address);
    allow_files(options);
    if (open_listeners(&server) != 0)
        return 1;
    mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
    mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD);
    mallopt(M_ARENA_MAX, MAX_ARENAS);
    catch_signals(&signals);
    sv_budget_init(&server.uploads, options->max_upload_bytes);
    sv_log_start(service->program, (sv_log_level)options->log_level);
    server_define_metrics(&server);
    snprintf(server.via, sizeof(server.via), "1.1 %s", options->name);

    start_loops(&server);
    wait_for_stop(&signals);
    uint64_t stopped_at = sv_now_ns();
    server_drain(&server);
    code = atomic_load(&server.failed) ? 1 : 0;
    if (service->on_stopped != NULL && !service->on_stopped(service->ctx)) {
        sv_log_stop(log_patience(&server, stopped_at));
        _exit(code);
    }
    free(server.loops);
    free(server.threads);
    free(server.alive);
    sv_log_stop(log_patience(&server, stopped_at));
    return code;
}
