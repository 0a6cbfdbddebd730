/* The state of a running server. Inside services/server only. */
#ifndef SV_SERVER_INTERNAL_H
#define SV_SERVER_INTERNAL_H

#include <pthread.h>

#include "server.h"

#define SV_MAX_LISTENERS 96

struct sv_server {
    const sv_service *service;
    const sv_listener *listeners;
    size_t n_listeners;
    const sv_server_options *options;
    sv_metrics *metrics;
    sv_budget uploads;
    char via[sizeof("1.1 ") + 256];
    int fds[SV_MAX_LISTENERS]; /* -1: is not open */
    sv_server_loop *loops;
    pthread_t *threads;
    size_t n_loops;
    _Atomic bool draining;
    _Atomic size_t n_begun, n_accepting, n_ended;
    _Atomic bool failed;
    pthread_mutex_t mutex; /* of `alive` */
    bool *alive;           /* the loop takes messages */
};

/* Connections and requests of the loop. */
static inline size_t sv_server_load(const sv_server_loop *loop) {
    return loop->connections + loop->active;
}
/* Is called when a connection or a request has been added to the loop: a crowd that comes and
 * leaves between two ticks counts, too. */
void sv_server_note_load(sv_server_loop *loop);

#endif
