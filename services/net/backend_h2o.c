/* Descriptors watched by libh2o's evloop, through its public functions only. */
#include "backend.h"

#include <stdint.h>
#include <stdlib.h>

#include <h2o.h>

/* The h2o_evloop_t itself. */
struct sv_backend;

struct sv_watch {
    h2o_socket_t *sock;
    sv_watch_fn on_ready;
    void *ctx;
    unsigned events;
    bool notified; /* a write notification is under way, which cannot be taken back */
};

static h2o_evloop_t *evloop_of(sv_backend *backend) {
    return (h2o_evloop_t *)backend;
}

sv_backend *sv_backend_new(void) {
    return (sv_backend *)h2o_evloop_create();
}

void sv_backend_free(sv_backend *backend) {
    h2o_evloop_run(evloop_of(backend), 0); /* frees what was closed */
    h2o_evloop_destroy(evloop_of(backend));
}

void sv_backend_run(sv_backend *backend, bool wait) {
    h2o_evloop_run(evloop_of(backend), wait ? INT32_MAX : 0);
}

static void on_h2o_readable(h2o_socket_t *sock, const char *err) {
    sv_watch *watch = sock->data;
    (void)err;
    if (watch->events & SV_READ)
        watch->on_ready(watch->ctx, SV_READ);
}

static void on_h2o_writable(h2o_socket_t *sock, const char *err) {
    sv_watch *watch = sock->data;
    (void)err;
    watch->notified = false;
    if (!(watch->events & SV_WRITE))
        return;
    watch->events &= ~(unsigned)SV_WRITE;
    watch->on_ready(watch->ctx, SV_WRITE);
}

sv_watch *sv_backend_watch(sv_backend *backend, int fd, sv_watch_fn on_ready, void *ctx) {
    sv_watch *watch = malloc(sizeof(*watch));
    if (watch == NULL)
        return NULL;
    *watch = (sv_watch){.on_ready = on_ready, .ctx = ctx};
    /* Otherwise libh2o reads until a read is short, tens of megabytes from a fast peer. */
    watch->sock = h2o_evloop_socket_create(evloop_of(backend), fd, H2O_SOCKET_FLAG_DONT_READ);
    watch->sock->data = watch;
    return watch;
}

void sv_watch_set(sv_watch *watch, unsigned events) {
    unsigned changed = watch->events ^ events;
    watch->events = events;
    if (changed & SV_READ) {
        if (events & SV_READ)
            h2o_socket_read_start(watch->sock, on_h2o_readable);
        else
            h2o_socket_read_stop(watch->sock);
    }
    if ((events & SV_WRITE) && !watch->notified) {
        watch->notified = true;
        h2o_socket_notify_write(watch->sock, on_h2o_writable);
    }
}

void sv_watch_close(sv_watch *watch) {
    if (watch == NULL)
        return;
    h2o_socket_close(watch->sock);
    free(watch);
}
