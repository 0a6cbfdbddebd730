/* Descriptors watched by libuv. */
#include "backend.h"

#include <stdlib.h>
#include <unistd.h>

#include <uv.h>

struct sv_backend {
    uv_loop_t loop;
};

struct sv_watch {
    uv_poll_t poll;
    int fd;
    sv_watch_fn on_ready;
    void *ctx;
    unsigned events;
    bool closed;
};

sv_backend *sv_backend_new(void) {
    sv_backend *backend = malloc(sizeof(*backend));
    if (backend == NULL || uv_loop_init(&backend->loop) != 0) {
        free(backend);
        return NULL;
    }
    return backend;
}

void sv_backend_free(sv_backend *backend) {
    while (uv_loop_close(&backend->loop) != 0)
        uv_run(&backend->loop, UV_RUN_NOWAIT); /* frees what was closed */
    free(backend);
}

void sv_backend_run(sv_backend *backend, bool wait) {
    uv_run(&backend->loop, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
}

static void on_uv_poll(uv_poll_t *poll, int status, int ready);

static void update_poll(sv_watch *watch) {
    int events =
        (watch->events & SV_READ ? UV_READABLE : 0) | (watch->events & SV_WRITE ? UV_WRITABLE : 0);
    if (events != 0)
        uv_poll_start(&watch->poll, events, on_uv_poll);
    else
        uv_poll_stop(&watch->poll);
}

static void on_uv_poll(uv_poll_t *poll, int status, int ready) {
    sv_watch *watch = poll->data;
    unsigned events = watch->events;
    bool read = (events & SV_READ) && (status != 0 || (ready & UV_READABLE));
    bool write = (events & SV_WRITE) && (status != 0 || (ready & UV_WRITABLE));
    if (write) {
        watch->events &= ~(unsigned)SV_WRITE;
        update_poll(watch);
    }
    if (read)
        watch->on_ready(watch->ctx, SV_READ);
    if (write && !watch->closed)
        watch->on_ready(watch->ctx, SV_WRITE);
    /* libuv stops a handle whose descriptor has an error. What came before it is read first, and
     * only the next read reports it. */
    if (status != 0 && !watch->closed)
        update_poll(watch);
}

static void on_uv_closed(uv_handle_t *handle) {
    sv_watch *watch = handle->data;
    free(watch);
}

sv_watch *sv_backend_watch(sv_backend *backend, int fd, sv_watch_fn on_ready, void *ctx) {
    sv_watch *watch = malloc(sizeof(*watch));
    if (watch == NULL)
        return NULL;
    *watch = (sv_watch){.fd = fd, .on_ready = on_ready, .ctx = ctx};
    if (uv_poll_init(&backend->loop, &watch->poll, fd) != 0) {
        free(watch);
        return NULL;
    }
    watch->poll.data = watch;
    return watch;
}

void sv_watch_set(sv_watch *watch, unsigned events) {
    if (watch->events == events)
        return;
    watch->events = events;
    update_poll(watch);
}

void sv_watch_close(sv_watch *watch) {
    if (watch == NULL)
        return;
    watch->closed = true;
    watch->events = 0;
    uv_poll_stop(&watch->poll);
    close(watch->fd);
    uv_close((uv_handle_t *)&watch->poll, on_uv_closed);
}
