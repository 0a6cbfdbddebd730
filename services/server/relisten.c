/* Opens and closes listeners of a running server: by messages to its loops. */
#include "relisten.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conn_accept.h"
#include "listen.h"
#include "server_internal.h"

typedef struct listen_message {
    sv_server_message super;
    const sv_listener *listener;
    int fd; /* to accept on; -1: stop */
} listen_message;

static void run_listen_message(sv_server_loop *loop, sv_server_message *message) {
    listen_message *m = SV_CONTAINER(listen_message, super, message);
    if (m->fd < 0)
        sv_conn_stop_listener(loop, m->listener);
    else if (loop->draining)
        close(m->fd);
    else if (!sv_conn_listen(loop, m->listener, m->fd))
        sv_log(SV_LOG_ERROR, "a loop cannot listen on %s: %s", m->listener->address,
               strerror(errno));
    free(m);
}

/* False: memory is short. The descriptor is the message's. */
static bool post_listen(sv_server_loop *loop, const sv_listener *listener, int fd) {
    listen_message *m = calloc(1, sizeof(*m));
    bool posted = false;
    if (m != NULL) {
        *m = (listen_message){.super.run = run_listen_message, .listener = listener, .fd = fd};
        posted = sv_server_post(loop, &m->super);
    }
    if (posted)
        return true;
    bool is_short = m == NULL;
    free(m);
    if (fd >= 0)
        close(fd);
    return !is_short; /* else the loop has ended */
}

bool sv_listener_is_open(const sv_server *server, size_t index) {
    return server->fds[index] >= 0;
}

int sv_listener_bind(const sv_server *server, size_t index, char *why, size_t why_size) {
    return sv_listen(server->listeners[index].address, server->options->stall_timeout_ms, why,
                     why_size);
}

bool sv_listener_open(sv_server *server, size_t index, int fd) {
    bool ok = true;
    char address[80];
    server->fds[index] = fd;
    for (size_t i = 0; i < server->n_loops; ++i) {
        int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        ok &= own >= 0 && post_listen(&server->loops[i], &server->listeners[index], own);
    }
    sv_local_address(address, sizeof(address), fd);
    if (ok)
        sv_log(SV_LOG_INFO, "%s listens on %s with %zu threads", server->options->name, address,
               server->n_loops);
    else
        sv_log(SV_LOG_ERROR, "not every loop can listen on %s: descriptors or memory are short",
               address);
    return ok;
}

void sv_listener_close(sv_server *server, size_t index) {
    close(server->fds[index]);
    server->fds[index] = -1;
    for (size_t i = 0; i < server->n_loops; ++i)
        if (!post_listen(&server->loops[i], &server->listeners[index], -1))
            sv_log(SV_LOG_ERROR, "memory is short: a loop still listens on %s",
                   server->listeners[index].address);
    sv_log(SV_LOG_INFO, "%s no longer listens on %s", server->options->name,
           server->listeners[index].address);
}
