/* Starts and stops what each event loop of the gateway keeps. */
#include "loop_life.h"

#include <stdlib.h>
#include <sys/random.h>

#include "loop.h"
#include "mirror.h"
#include "reload.h"
#include "sweep.h"

int gw_loop_start(sv_server_loop *server_loop, void *ctx) {
    gateway *g = ctx;
    gw_loop *loop = calloc(1, sizeof(*loop));
    if (loop == NULL)
        return -1;
    loop->gateway = g;
    loop->loop = server_loop;
    loop->timers = sv_loop_timers(server_loop->net);
    loop->up = sv_up_loop_new(server_loop->net, &g->upstreams.loops[server_loop->index],
                              sv_server_uploads(server_loop->server));
    if (loop->up == NULL ||
        getrandom(loop->random, sizeof(loop->random), 0) != sizeof(loop->random)) {
        sv_up_loop_free(loop->up);
        free(loop);
        return -1;
    }
    loop->random[0] |= 1; /* all zero is the one state that xoshiro cannot leave */
    server_loop->data = loop;
    pthread_mutex_lock(&g->mutex);
    gw_loop_use(loop, g->config);
    if (server_loop->index == 0)
        g->server = server_loop->server;
    g->loops[server_loop->index] = server_loop;
    pthread_mutex_unlock(&g->mutex);
    gw_sweep_start(loop);
    return server_loop->index == 0 ? gw_reload_start(g) : 0;
}

void gw_loop_stop(sv_server_loop *server_loop, void *ctx) {
    gateway *g = ctx;
    gw_loop *loop = server_loop->data;
    if (loop == NULL)
        return;
    pthread_mutex_lock(&g->mutex);
    g->loops[server_loop->index] = NULL;
    pthread_mutex_unlock(&g->mutex);
    gw_sweep_stop(loop);
    gw_mirrors_stop(loop);
    gw_loop_config_unref(loop->current);
    gw_loop_free_retired(loop);
    gw_scratches_free(loop);
    sv_up_loop_free(loop->up);
    free(loop);
    server_loop->data = NULL;
}
