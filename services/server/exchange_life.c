/* The first and the last step of an exchange: its memory, counters and log line. */
#include "exchange_life.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "access_log.h"
#include "body_in.h"
#include "conn.h"
#include "exchange_internal.h"
#include "server_internal.h"

/* The client may have closed the connection while it read an answer that took longer than this.
 * Only then is checking for it worth a system call. */
#define SLOW_ANSWER_NS (100 * 1000000ull)

static uint64_t wall_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

sv_exchange *sv_exchange_begin(sv_conn *conn, const sv_carrier *carrier, void *stream,
                               const sv_http1_request *request) {
    sv_server_loop *loop = conn->loop;
    sv_pool *pool = sv_pool_new(&loop->pools);
    sv_exchange *ex = sv_pool_alloc(pool, sizeof(*ex));
    memset(ex, 0, sizeof(*ex));
    ex->pool = pool;
    ex->conn = conn;
    ex->carrier = carrier;
    ex->stream = stream;
    ex->loop = loop;
    ex->listener = conn->listener;
    ex->secure = sv_sock_ssl(conn->sock) != NULL;
    ex->start_ns = sv_now_ns();
    ex->start_wall_us = wall_us();
    ex->request = *request;
    ex->request.fields = sv_pool_alloc(pool, request->n_fields * sizeof(hr_pair));
    if (request->n_fields > 0)
        memcpy(ex->request.fields, request->fields, request->n_fields * sizeof(hr_pair));
    ex->keep_alive = request->keep_alive;
    ++loop->active;
    sv_server_note_load(loop);
    sv_metric_add(loop->cells,
                  sv_metrics_of_server(sv_server_metrics_of(loop->server))->requests_active, 1);
    return ex;
}

static void count(const sv_exchange *ex) {
    const sv_server_metrics *m = sv_metrics_of_server(sv_server_metrics_of(ex->loop->server));
    sv_metric_cells *cells = ex->loop->cells;
    hr_str method = ex->request.method;
    sv_metric_request(cells, sv_exchange_status(ex), method.p != NULL ? method.p : "-",
                      method.p != NULL ? method.len : 1);
    sv_metric_observe(cells, m->request_seconds, (double)(sv_now_ns() - ex->start_ns) / 1e9);
    sv_metric_add(cells, m->received_bytes, (int64_t)(sv_body_received(ex) + ex->tunnelled));
    sv_metric_add(cells, m->sent_bytes, (int64_t)ex->bytes_sent);
    sv_metric_add(cells, m->requests_active, -1);
}

/* The client left before it had its answer. */
static bool is_cut(const sv_exchange *ex) {
    bool slow = ex->answer_ns != 0 && sv_now_ns() - ex->answer_ns > SLOW_ANSWER_NS;
    return !ex->answered || ex->broken || (slow && sv_exchange_peer_gone(ex));
}

void sv_exchange_end(sv_exchange *ex) {
    if (ex->on_end != NULL)
        ex->on_end(ex);
    if (ex->response_flags == NULL && ex->answer.status != 101 && is_cut(ex))
        ex->response_flags = "DC";
    count(ex);
    sv_log_access(ex);
    sv_budget_give(sv_server_uploads(ex->loop->server), ex->reserved);
    --ex->loop->active;
    free(ex->in.store);
    sv_pool_free(ex->pool);
}

bool sv_exchange_end_turn(sv_server_loop *loop) {
    sv_exchange *over = loop->over;
    loop->over = NULL;
    for (sv_exchange *ex = over, *next; ex != NULL; ex = next) {
        next = ex->next_over;
        ex->kept = ex->may_end != NULL && !ex->may_end(ex);
        if (!ex->kept)
            ex->carrier->end(ex);
    }
    return loop->over != NULL;
}
