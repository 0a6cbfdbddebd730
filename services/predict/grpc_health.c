/* grpc.health.v1.Health: whether the server serves, once or for as long as it changes. */
#include "grpc_health.h"

#include <stdlib.h>
#include <string.h>

#include <pb_encode.h>

#include "answer_grpc.h"
#include "descriptors.h"
#include "grpc.h"
#include "grpc/health/v1/health.pb.h"
#include "grpc_frame.h"
#include "grpc_message.h"

/* How often a change is looked for. */
#define TICK_MS 200

/* A response: a field of two bytes at most. */
#define MESSAGE_SIZE 2

typedef struct watch {
    sv_exchange *ex;
    bool known; /* the service that was asked for */
    int sent;   /* the status that the client knows; -1: none */
    bool sending;
    char message[SV_GRPC_PREFIX + MESSAGE_SIZE];
    struct watch *next, **link;
} watch;

typedef struct watches {
    watch *first;
    sv_timer tick;
    sv_server_loop *loop;
} watches;

bool sv_predict_is_ready(const sv_exchange *ex) {
    const sv_server *server = ex->loop->server;
    return sv_server_ready(server) && !sv_server_draining(server);
}

static int serving_status(const sv_exchange *ex) {
    return sv_predict_is_ready(ex) ? grpc_health_v1_HealthCheckResponse_ServingStatus_SERVING
                                   : grpc_health_v1_HealthCheckResponse_ServingStatus_NOT_SERVING;
}

/* Empty: the server as a whole. */
static bool is_known(const char *service) {
    for (size_t i = 0; i < sv_proto_services_count; i++)
        if (strcmp(service, sv_proto_services[i]) == 0)
            return true;
    return service[0] == '\0';
}

void sv_grpc_health_check(sv_predict *predict, sv_exchange *ex, sv_bytes message) {
    grpc_health_v1_HealthCheckRequest request;
    (void)predict;
    if (!sv_grpc_read_message(ex, message, grpc_health_v1_HealthCheckRequest_fields, &request))
        return;
    if (!is_known(request.service)) {
        sv_answer_grpc_status(ex, SV_GRPC_NOT_FOUND, "unknown service");
        return;
    }
    const grpc_health_v1_HealthCheckResponse response = {
        .status = (grpc_health_v1_HealthCheckResponse_ServingStatus)serving_status(ex)};
    sv_grpc_answer_message(ex, grpc_health_v1_HealthCheckResponse_fields, &response);
}

/* ---- watches ---- */

static void send_status(watch *w, int status) {
    const grpc_health_v1_HealthCheckResponse response = {
        .status = (grpc_health_v1_HealthCheckResponse_ServingStatus)status};
    pb_ostream_t stream =
        pb_ostream_from_buffer((pb_byte_t *)w->message + SV_GRPC_PREFIX, MESSAGE_SIZE);
    bool ok = pb_encode(&stream, grpc_health_v1_HealthCheckResponse_fields, &response);
    w->sent = status;
    w->sending = true;
    sv_grpc_write_prefix(w->message, ok ? stream.bytes_written : 0);
    sv_answer_grpc_send(w->ex, (hr_str){w->message, SV_GRPC_PREFIX + stream.bytes_written});
}

/* A drained server must not wait for clients that watch it: their calls end once they know. */
static void update(watch *w) {
    bool draining = sv_server_draining(w->ex->loop->server);
    int status = w->known ? serving_status(w->ex)
                          : grpc_health_v1_HealthCheckResponse_ServingStatus_SERVICE_UNKNOWN;
    if (w->sending || w->ex->final)
        return;
    if (status != w->sent)
        send_status(w, status);
    else if (draining)
        sv_answer_grpc_end(w->ex, SV_GRPC_UNAVAILABLE, "this server is shutting down");
}

static void on_status_sent(sv_exchange *ex) {
    watch *w = ex->data;
    w->sending = false;
    update(w);
}

static void on_watch_end(sv_exchange *ex) {
    watch *w = ex->data;
    *w->link = w->next;
    if (w->next != NULL)
        w->next->link = w->link;
}

static void set_tick(watches *all);

static void on_tick(sv_timer *timer) {
    watches *all = SV_CONTAINER(watches, tick, timer);
    for (watch *w = all->first, *next; w != NULL; w = next) {
        next = w->next;
        update(w);
    }
    set_tick(all);
}

static void set_tick(watches *all) {
    if (all->first != NULL && !sv_timer_is_set(&all->tick))
        sv_timer_set(sv_loop_timers(all->loop->net), &all->tick, sv_timers_now() + TICK_MS,
                     on_tick);
}

void sv_grpc_health_watch(sv_predict *predict, sv_exchange *ex, sv_bytes message) {
    watches *all = ex->loop->data;
    grpc_health_v1_HealthCheckRequest request;
    (void)predict;
    if (!sv_grpc_read_message(ex, message, grpc_health_v1_HealthCheckRequest_fields, &request))
        return;
    watch *w = sv_pool_alloc(ex->pool, sizeof(*w));
    *w = (watch){.ex = ex, .known = is_known(request.service), .sent = -1, .next = all->first};
    w->link = &all->first;
    if (w->next != NULL)
        w->next->link = &w->next;
    all->first = w;
    all->loop = ex->loop;
    ex->data = w;
    ex->on_end = on_watch_end;
    sv_answer_grpc_start(ex, on_status_sent);
    update(w);
    set_tick(all);
}

void *sv_grpc_watches_new(void) {
    return sv_alloc_zeroed(sizeof(watches));
}

void sv_grpc_watches_free(sv_server_loop *loop, void *memory) {
    watches *all = memory;
    sv_timer_unset(sv_loop_timers(loop->net), &all->tick);
    free(all);
}
