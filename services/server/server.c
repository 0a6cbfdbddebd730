/* What the parts of a running server ask of it. */
#include "server_internal.h"

#include <time.h>

bool sv_server_draining(const sv_server *server) {
    return atomic_load(&server->draining);
}
bool sv_server_ready(const sv_server *server) {
    return atomic_load(&server->n_accepting) == server->n_loops;
}
const sv_server_options *sv_server_options_of(const sv_server *server) {
    return server->options;
}
const sv_service *sv_server_service(const sv_server *server) {
    return server->service;
}
sv_metrics *sv_server_metrics_of(const sv_server *server) {
    return server->metrics;
}
sv_budget *sv_server_uploads(sv_server *server) {
    return &server->uploads;
}
hr_str sv_server_via(const sv_server *server) {
    return sv_str(server->via);
}
size_t sv_server_loops(const sv_server *server) {
    return server->n_loops;
}
sv_server_loop *sv_server_nth_loop(sv_server *server, size_t index) {
    return &server->loops[index];
}

hr_str sv_server_date(sv_server_loop *loop) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if ((uint64_t)now.tv_sec != loop->date_second) {
        struct tm utc;
        gmtime_r(&now.tv_sec, &utc);
        strftime(loop->date, sizeof(loop->date), "%a, %d %b %Y %H:%M:%S GMT", &utc);
        loop->date_second = (uint64_t)now.tv_sec;
    }
    return (hr_str){loop->date, SV_DATE_SIZE};
}

static void run_message(sv_message *super) {
    sv_server_message *message = SV_CONTAINER(sv_server_message, super, super);
    message->run(message->loop, message);
}

bool sv_server_post(sv_server_loop *loop, sv_server_message *message) {
    sv_server *server = loop->server;
    message->super.run = run_message;
    message->loop = loop;
    /* The loop may be ending: hence the lock. */
    pthread_mutex_lock(&server->mutex);
    bool alive = server->alive[loop->index];
    if (alive)
        sv_loop_post(loop->net, &message->super);
    pthread_mutex_unlock(&server->mutex);
    return alive;
}

void sv_server_note_load(sv_server_loop *loop) {
    size_t load = sv_server_load(loop);
    if (load > loop->load_peak)
        loop->load_peak = load;
}
