/* Tries a request upstream: waits for a connection, relays the answer, and tries again. */
#include "try.h"

#include <string.h>

#include "body_in.h"
#include "cors.h"
#include "decimal.h"
#include "grpc.h"
#include "loop.h"
#include "outlier.h"
#include "pick.h"
#include "reply.h"
#include "retry.h"
#include "upgrade.h"

/* Envoy appends the transport's own words to the details, too. */
static const char *with_sentence(gw_request *r, const char *sentence) {
    static const char before[] =
        "upstream_reset_before_response_started{remote_connection_failure|";
    return SV_JOIN(r->ex->pool, HR_STR(before), sv_str(sentence), HR_STR("}")).p;
}

static void end_by_error(gw_request *r, sv_up_error error, const char *sentence) {
    gw_outcome outcome = gw_outcome_of_error(error);
    int route_has_time = r->deadline_at == 0 || sv_timers_now() < r->deadline_at;
    if (error == SV_UP_DEADLINE && route_has_time)
        outcome = GW_TRY_TIMEOUT;
    if (sentence != NULL)
        r->details = with_sentence(r, sentence);
    gw_end(r, outcome);
}

/* ---- endpoints ---- */

static void serve_waiting(gw_loop_config *lc, size_t c);
static void on_turn(sv_timer *timer);

/* The try is over, however it ended. */
static void leave_endpoint(gw_request *r) {
    gw_endpoint *e = r->endpoint;
    gw_shared *shared = r->lc->config->clusters[r->cluster].shared;
    if (r->retrying)
        atomic_fetch_sub_explicit(&shared->retries, 1, memory_order_relaxed);
    r->retrying = 0;
    if (e == NULL)
        return;
    r->endpoint = NULL;
    uint32_t left = atomic_fetch_sub_explicit(&e->active, 1, memory_order_relaxed) - 1;
    r->lc->clusters[r->cluster].states[r->index].active = left;
    if (!r->counted)
        return;
    r->counted = 0;
    r->lc->clusters[r->cluster].active--;
    atomic_fetch_sub_explicit(&shared->requests, 1, memory_order_relaxed);
}

/* ---- connectionPool ---- */

/* Ends the try, and lets one that waits have the connection. */
static void gw_finish(gw_request *r) {
    size_t c = r->cluster;
    int had = r->counted;
    leave_endpoint(r);
    if (had && r->lc->clusters[c].waiting != NULL)
        serve_waiting(r->lc, c);
}

static void unlink_waiting(gw_request *r) {
    gw_loop_cluster *own = &r->lc->clusters[r->cluster];
    gw_request **slot = &own->waiting;
    while (*slot != r)
        slot = &(*slot)->next_waiting;
    *slot = r->next_waiting;
    if (*slot == NULL)
        own->last_waiting = slot;
    r->waiting = 0;
    atomic_fetch_sub_explicit(&r->lc->config->clusters[r->cluster].shared->pending, 1,
                              memory_order_relaxed);
}

/* Removes the request from the queue. If it had its turn, the next request gets the turn. */
static void gw_stop_waiting(gw_request *r) {
    if (!r->waiting)
        return;
    unlink_waiting(r);
    if (r->has_turn)
        serve_waiting(r->lc, r->cluster);
    r->has_turn = 0;
}

/* Gives the turn to the first waiting request once the request that freed the connection has ended.
 * Until then it keeps its place in the queue, so that no other request overtakes it. */
static void serve_waiting(gw_loop_config *lc, size_t c) {
    gw_request *r = lc->clusters[c].waiting;
    while (r != NULL && r->has_turn)
        r = r->next_waiting;
    if (r == NULL)
        return;
    r->has_turn = 1;
    sv_timer_set(r->loop->timers, &r->timer, 0, on_turn);
}

static void on_wait_over(sv_timer *timer) {
    gw_request *r = SV_CONTAINER(gw_request, timer, timer);
    gw_stop_waiting(r);
    gw_end(r, GW_TIMEOUT);
}

static void on_turn(sv_timer *timer) {
    gw_try(SV_CONTAINER(gw_request, timer, timer));
}

/* What a request may do now: 1 go on, 0 wait, -1 overflow. As in Envoy every loop may have one
 * connection, so that no loop starves. */
static int try_admit(gw_request *r, sv_up_endpoint *endpoint) {
    const gw_cluster *cluster = &r->lc->config->clusters[r->cluster];
    const hr_traffic_policy *p = cluster->cluster->policy;
    gw_shared *shared = cluster->shared;
    if (p->http2_max_requests >= 0 &&
        atomic_load_explicit(&shared->requests, memory_order_relaxed) >= p->http2_max_requests)
        return -1;
    const gw_loop_cluster *own = &r->lc->clusters[r->cluster];
    int room =
        p->max_connections < 0 || sv_up_endpoint_has_room(endpoint, r->out.http2) ||
        own->active == 0 ||
        atomic_load_explicit(&shared->connections, memory_order_relaxed) < p->max_connections;
    if (room && (r->has_turn || own->waiting == NULL))
        return 1;
    if (r->waiting)
        return 0;
    int64_t most = p->http1_max_pending_requests;
    return most < 0 || atomic_load_explicit(&shared->pending, memory_order_relaxed) < most ? 0 : -1;
}

static void wait_in_line(gw_request *r) {
    gw_loop_cluster *own = &r->lc->clusters[r->cluster];
    if (r->deadline_at != 0)
        sv_timer_set(r->loop->timers, &r->timer, r->deadline_at, on_wait_over);
    r->has_turn = 0;
    if (r->waiting) /* the room was taken after all: it is the first one still */
        return;
    if (own->waiting == NULL)
        own->last_waiting = &own->waiting;
    r->next_waiting = NULL;
    *own->last_waiting = r;
    own->last_waiting = &r->next_waiting;
    r->waiting = 1;
    atomic_fetch_add_explicit(&r->lc->config->clusters[r->cluster].shared->pending, 1,
                              memory_order_relaxed);
}

/* 1: the request has its place. Else it waits, or has been answered. */
static int try_take_place(gw_request *r, sv_up_endpoint *endpoint) {
    const gw_cluster *cluster = &r->lc->config->clusters[r->cluster];
    int admitted = cluster->limited ? try_admit(r, endpoint) : 1;
    if (admitted == 1) {
        if (r->waiting)
            unlink_waiting(r);
        r->has_turn = 0;
        r->counted = 1;
        r->lc->clusters[r->cluster].active++;
        atomic_fetch_add_explicit(&cluster->shared->requests, 1, memory_order_relaxed);
        return 1;
    }
    leave_endpoint(r);
    if (admitted == 0) {
        wait_in_line(r);
        return 0;
    }
    gw_stop_waiting(r);
    atomic_fetch_add_explicit(&cluster->shared->overflows, 1, memory_order_relaxed);
    gw_end(r, GW_OVERFLOW);
    return 0;
}

/* ---- answers ---- */

static void note_time(gw_request *r) {
    uint64_t ns = sv_now_ns() - r->forward_ns;
    r->ex->upstream_ns = ns;
    sv_metric_observe(r->ex->loop->cells, r->loop->gateway->upstream_seconds, (double)ns / 1e9);
}

static void gw_begin_answer(gw_request *r, sv_up_exchange *up) {
    const sv_http1_response *head = sv_up_head(up);
    hr_pair with[SV_UP_MAX_FIELDS + 1];
    const hr_pair *fields = with;
    size_t n = head->n_fields;
    int status = head->status;
    char *time = sv_pool_alloc(r->ex->pool, SV_DECIMAL_MAX);
    note_time(r);
    r->outcome = GW_ANSWERED;
    r->ex->details = gw_ending_of(GW_ANSWERED)->details;
    memcpy(with, head->fields, n * sizeof(*with));
    size_t len = (size_t)(sv_put_uint(time, r->ex->upstream_ns / 1000000) - time);
    with[n++] = (hr_pair){HR_STR("x-envoy-upstream-service-time"), {time, len}};
    gw_response_ops(r, status, &fields, &n);
    if (r->decision.cors != NULL || r->set_cookie.p != NULL) {
        hr_pair *more = sv_pool_alloc(r->ex->pool, (n + GW_CORS_FIELDS + 1) * sizeof(*more));
        memcpy(more, fields, n * sizeof(*more));
        n = gw_cors_fields(r, more, n);
        if (r->set_cookie.p != NULL)
            more[n++] = (hr_pair){HR_STR("set-cookie"), r->set_cookie};
        fields = more;
    }
    /* Envoy ignores the timeout of a try whose answer has begun. */
    sv_up_set_deadline(up, r->deadline_at);
    if (sv_up_is_tunnel(up))
        gw_upgrade(r, fields, n);
    else
        sv_relay_begin(&r->relay, status, fields, n,
                       head->has_content_length ? (size_t)head->content_length : SIZE_MAX);
}

static void pass_trailers(gw_request *r, const sv_up_exchange *up) {
    size_t n;
    const hr_pair *trailers = sv_up_trailers(up, &n);
    if (n > 0)
        sv_answer_trailers(r->ex, sv_forward_trailers(r->ex, trailers, n), n);
}

static bool charge_answer(gw_request *r, const sv_up_exchange *up) {
    const sv_http1_response *head = sv_up_head(up);
    bool client_sends = !r->ex->body_done || sv_up_is_tunnel(up);
    return sv_relay_charge(r->ex, head->fields, head->n_fields, client_sends);
}

/* Envoy counts a gRPC answer whose status is in its head as the HTTP status that corresponds to it.
 */
static int status_for_outliers(const gw_request *r, const sv_http1_response *head) {
    int status;
    if (!sv_is_grpc_request(r->ex))
        return head->status;
    for (size_t i = 0; i < head->n_fields; i++)
        if (sv_str_is(head->fields[i].name, "grpc-status"))
            return sv_grpc_parse_status(&status, head->fields[i].value)
                       ? sv_grpc_http_of_status(status)
                       : 500;
    return head->status;
}

static void on_back_off(sv_timer *timer) {
    gw_request *r = SV_CONTAINER(gw_request, timer, timer);
    if (r->deadline_at != 0 && sv_timers_now() >= r->deadline_at)
        gw_end(r, GW_TIMEOUT);
    else
        gw_try(r);
}

/* After this error, or (error 0) this answer. False: the request is not tried again. */
static bool try_again(gw_request *r, sv_up_error error, const sv_http1_response *head) {
    if (!gw_retry(r, error, head))
        return false;
    gw_cancel(r);
    (void)sv_body_rewind(r->ex);
    gw_retry_count(r);
    sv_timer_set(r->loop->timers, &r->timer, gw_retry_at(r), on_back_off);
    return true;
}

static void try_on_data(void *ctx, sv_up_exchange *up, const char *bytes, size_t n, int final) {
    gw_request *r = ctx;
    if (!r->relay.started) {
        gw_outlier_note(&r->lc->config->clusters[r->cluster], r->endpoint,
                        status_for_outliers(r, sv_up_head(up)));
        if (try_again(r, 0, sv_up_head(up)))
            return;
        if (!charge_answer(r, up)) {
            gw_cancel(r);
            gw_end(r, GW_OVERLOADED);
            return;
        }
        if (gw_upgrade_is_malformed(r, up)) {
            gw_cancel(r);
            gw_end(r, GW_PROTOCOL_ERROR);
            return;
        }
        gw_begin_answer(r, up);
    }
    if (r->tunnel != NULL) {
        sv_tunnel_data(r->tunnel, bytes, n, final);
        return;
    }
    if (final) {
        pass_trailers(r, up);
        gw_finish(r);
    }
    sv_relay_send(&r->relay, bytes, n, final);
}

/* The endpoint's. */
static void note_endpoint_failure(gw_request *r, sv_up_error error) {
    atomic_fetch_add_explicit(&r->endpoint->failures, 1, memory_order_relaxed);
    gw_outlier_note(&r->lc->config->clusters[r->cluster], r->endpoint,
                    error == SV_UP_PROTOCOL ? 502 : 0);
}

static void try_on_error(void *ctx, sv_up_exchange *up, sv_up_error error, const char *why) {
    gw_request *r = ctx;
    (void)up;
    if (error != SV_UP_OVERLOAD)
        note_endpoint_failure(r, error);
    if (r->tunnel != NULL) {
        sv_tunnel_error(r->tunnel);
        return;
    }
    if (r->relay.started) {
        gw_finish(r);
        gw_cut(r, gw_outcome_of_error(error));
        sv_relay_abort(&r->relay);
        return;
    }
    /* The sentence goes with the exchange. */
    const char *sentence =
        error == SV_UP_TLS ? sv_pool_copy(r->ex->pool, hr_str_from(why)).p : NULL;
    if (error != SV_UP_OVERLOAD && try_again(r, error, NULL))
        return;
    gw_cancel(r);
    end_by_error(r, error, sentence);
}

void gw_cancel(gw_request *r) {
    gw_stop_waiting(r);
    sv_up_free(r->relay.up);
    r->relay.up = NULL;
    gw_finish(r);
}

/* ---- requests ---- */

/* Of a try that begins now, or with the end of the request. */
static uint64_t deadline_of_try(const gw_request *r) {
    const hr_retry_policy *retries = r->decision.retries;
    bool whole = r->ex->body_done || r->upgrade;
    if (!whole || retries == NULL || retries->per_try_timeout_ms <= 0)
        return r->deadline_at;
    uint64_t per_try = sv_timers_now() + (uint64_t)retries->per_try_timeout_ms;
    return r->deadline_at == 0 || per_try < r->deadline_at ? per_try : r->deadline_at;
}

void gw_start_clock(gw_request *r) {
    if (r->decision.timeout_ms >= 0)
        r->deadline_at = sv_timers_now() + (uint64_t)r->decision.timeout_ms;
    if (r->relay.up != NULL)
        sv_up_set_deadline(r->relay.up, r->relay.started ? r->deadline_at : deadline_of_try(r));
    else if (r->waiting && !r->has_turn && r->deadline_at != 0)
        sv_timer_set(r->loop->timers, &r->timer, r->deadline_at, on_wait_over);
}

void gw_try(gw_request *r) {
    const hr_retry_policy *retries = r->decision.retries;
    size_t n_tried = retries != NULL && retries->ignore_previous_hosts ? r->tries : 0;
    gw_avoid avoid = {r->tried, n_tried < GW_MAX_TRIED ? n_tried : GW_MAX_TRIED, r->has_hash,
                      r->hash};
    r->endpoint = gw_pick(r->loop, r->lc, r->cluster, &avoid, &r->index);
    if (r->endpoint == NULL) {
        gw_stop_waiting(r);
        gw_end(r, GW_NO_ENDPOINT);
        return;
    }
    sv_up_endpoint *endpoint = gw_loop_endpoint(r->loop, r->lc, r->cluster, r->index);
    r->ex->upstream_host = sv_str(r->endpoint->name);
    if (!try_take_place(r, endpoint))
        return;
    if (r->tries++ > 0)
        sv_metric_add(r->ex->loop->cells, r->loop->gateway->retries, 1);
    r->attempt_count->value.len =
        (size_t)(sv_put_uint(r->attempt_text, r->tries) - r->attempt_text);
    r->out.deadline_at = deadline_of_try(r);
    r->relay.up = sv_up_start(endpoint, &r->out, try_on_data, try_on_error, r);
}
