/* The loop: a backend, timers, and messages from other threads. */
#include "net.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backend.h"

struct sv_loop {
    sv_backend *backend;
    sv_timers timers;
    pthread_mutex_t mutex; /* of the messages */
    sv_message *first, **last;
    sv_watch *wake;
    int wake_fd;     /* the watch's */
    sv_watch *clock; /* of the timers */
    sv_task *tasks;
};

sv_backend *sv_loop_backend(sv_loop *loop) {
    return loop->backend;
}

sv_timers *sv_loop_timers(sv_loop *loop) {
    return &loop->timers;
}

static sv_message *take_messages(sv_loop *loop) {
    pthread_mutex_lock(&loop->mutex);
    sv_message *first = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    pthread_mutex_unlock(&loop->mutex);
    return first;
}

static void on_wake(void *ctx, unsigned ready) {
    sv_loop *loop = ctx;
    uint64_t count;
    (void)ready;
    if (read(loop->wake_fd, &count, sizeof(count)) < 0)
        return;
    for (sv_message *message = take_messages(loop), *next; message != NULL; message = next) {
        next = message->next;
        message->run(message);
    }
}

void sv_loop_post(sv_loop *loop, sv_message *message) {
    const uint64_t one = 1;
    if (message != NULL) {
        message->next = NULL;
        pthread_mutex_lock(&loop->mutex);
        *loop->last = message;
        loop->last = &message->next;
        pthread_mutex_unlock(&loop->mutex);
    }
    while (write(loop->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

static int open_wake(sv_loop *loop) {
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wake_fd < 0)
        return -1;
    loop->wake = sv_watch_new(loop, loop->wake_fd, on_wake, loop);
    if (loop->wake == NULL)
        return -1;
    sv_watch_set(loop->wake, SV_READ);
    return 0;
}

static void on_clock(void *ctx, unsigned ready) {
    (void)ready;
    sv_timers_fire(ctx);
}

static int open_clock(sv_loop *loop) {
    if (sv_timers_init(&loop->timers) != 0)
        return -1;
    loop->clock = sv_watch_new(loop, loop->timers.fd, on_clock, &loop->timers);
    if (loop->clock == NULL)
        return -1;
    sv_watch_set(loop->clock, SV_READ);
    return 0;
}

sv_loop *sv_loop_new(void) {
    sv_loop *loop = calloc(1, sizeof(*loop));
    if (loop == NULL || (loop->backend = sv_backend_new()) == NULL) {
        free(loop);
        return NULL;
    }
    pthread_mutex_init(&loop->mutex, NULL);
    loop->last = &loop->first;
    if (open_wake(loop) != 0 || open_clock(loop) != 0) {
        sv_watch_close(loop->wake);
        sv_backend_free(loop->backend);
        free(loop);
        return NULL;
    }
    return loop;
}

void sv_loop_free(sv_loop *loop) {
    sv_timers_dispose(&loop->timers);
    sv_watch_close(loop->clock);
    sv_watch_close(loop->wake);
    sv_backend_free(loop->backend);
    pthread_mutex_destroy(&loop->mutex);
    free(loop);
}

/* ---- tasks ---- */

void sv_task_set(sv_loop *loop, sv_task *task, void (*run)(sv_task *task)) {
    if (task->link != NULL)
        return;
    task->run = run;
    task->next = loop->tasks;
    task->link = &loop->tasks;
    if (task->next != NULL)
        task->next->link = &task->next;
    loop->tasks = task;
}

void sv_task_unset(sv_task *task) {
    if (task->link == NULL)
        return;
    *task->link = task->next;
    if (task->next != NULL)
        task->next->link = task->link;
    task->link = NULL;
}

/* What these tasks set is left for the next turn. */
static bool run_tasks(sv_loop *loop) {
    sv_task *tasks = loop->tasks, *task;
    bool any = tasks != NULL;
    loop->tasks = NULL;
    if (any)
        tasks->link = &tasks;
    while ((task = tasks) != NULL) {
        sv_task_unset(task);
        task->run(task);
    }
    return any;
}

/* Tasks may have made work for others, which must not wait for the next event. */
void sv_loop_run(sv_loop *loop, bool wait) {
    bool any = run_tasks(loop);
    sv_backend_run(loop->backend, wait && !any);
    run_tasks(loop);
}

sv_watch *sv_watch_new(sv_loop *loop, int fd, sv_watch_fn on_ready, void *ctx) {
    sv_watch *watch = sv_backend_watch(loop->backend, fd, on_ready, ctx);
    if (watch == NULL)
        close(fd);
    return watch;
}
