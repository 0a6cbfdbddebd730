/* Handlers of the proxy: forwards requests to predict and answers health checks. */
#include "handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer_grpc.h"
#include "calls.h"
#include "docs.h"

/* How often a request that takes long looks whether its client is still there. */
#define GONE_PROBE_MS 250

/* One request on its way to predict. In the request's pool. */
typedef struct call {
    sv_exchange *ex;
    proxy_loop *loop;
    sv_relay relay;
    sv_timer probe;
    uint64_t start_ns;
    int answered;
    int is_health;
} call;

static void proxy_on_end(sv_exchange *ex) {
    call *c = ex->data;
    sv_timer_unset(c->loop->timers, &c->probe);
    sv_up_free(c->relay.up);
    c->relay.up = NULL;
}

static void on_probe(sv_timer *timer) {
    call *c = SV_CONTAINER(call, probe, timer);
    if (!sv_exchange_peer_gone(c->ex)) {
        sv_timer_set(c->loop->timers, &c->probe, sv_timers_now() + GONE_PROBE_MS, on_probe);
        return;
    }
    sv_up_free(c->relay.up);
    c->relay.up = NULL;
    c->ex->response_flags = "DC";
    if (c->relay.started)
        return; /* a write will fail, or the stall timeout comes */
    c->ex->keep_alive = false;
    sv_answer_error(c->ex, 503, "the client has gone");
}

static void note_upstream_time(call *c) {
    uint64_t ns = sv_now_ns() - c->start_ns;
    c->ex->upstream_ns = ns;
    sv_metric_observe(c->ex->loop->cells, c->loop->proxy->upstream_seconds, (double)ns / 1e9);
}

static void proxy_on_error(void *ctx, sv_up_exchange *up, sv_up_error error, const char *why) {
    call *c = ctx;
    sv_exchange *ex = c->ex;
    const char *name = sv_up_endpoint_name(c->loop->predict);
    (void)up;
    sv_timer_unset(c->loop->timers, &c->probe);
    ex->details = sv_up_error_name(error);
    if (c->relay.started) {
        ex->response_flags = error == SV_UP_PROTOCOL ? "UPE" : error == SV_UP_RESET ? "UC" : "UT";
        sv_relay_abort(&c->relay);
        return;
    }
    switch (error) {
    case SV_UP_FIRST_BYTE_TIMEOUT:
    case SV_UP_IDLE_TIMEOUT:
    case SV_UP_DEADLINE:
        ex->response_flags = "UT";
        sv_answer_errorf(ex, 504, "the predict server %s did not answer in time", name);
        return;
    case SV_UP_PROTOCOL:
        ex->response_flags = "UPE";
        sv_answer_errorf(ex, 502, "the predict server %s gave a malformed answer: %s", name, why);
        return;
    case SV_UP_RESET:
    case SV_UP_CLOSED:
        ex->response_flags = "UC";
        break;
    default:
        ex->response_flags = "UF";
        break;
    }
    sv_answer_errorf(ex, 502, "the predict server %s is unreachable: %s", name, why);
}

/* No bytes of --max-upload-bytes are left for it. */
static void refuse_answer(call *c) {
    sv_timer_unset(c->loop->timers, &c->probe);
    sv_up_free(c->relay.up);
    c->relay.up = NULL;
    c->ex->response_flags = "UO";
    sv_answer_busy(c->ex, 1, "too much is being held at the moment");
}

static void proxy_on_data(void *ctx, sv_up_exchange *up, const char *bytes, size_t n, int final) {
    call *c = ctx;
    if (!c->relay.started) {
        const sv_http1_response *head = sv_up_head(up);
        if (!sv_relay_charge(c->ex, head->fields, head->n_fields, false)) {
            refuse_answer(c);
            return;
        }
        note_upstream_time(c);
        c->ex->details = "via_upstream";
        sv_relay_begin(&c->relay, head->status, head->fields, head->n_fields,
                       head->has_content_length ? (size_t)head->content_length : SIZE_MAX);
    }
    if (final)
        sv_timer_unset(c->loop->timers, &c->probe);
    sv_relay_send(&c->relay, bytes, n, final);
}

/* ---- /health ------------------------------------------------------------------------------ */

static void proxy_answer_health(call *c, int ok) {
    sv_timer_unset(c->loop->timers, &c->probe);
    sv_answer_json(
        c->ex, 200,
        ok ? "{\"proxy_server\":{\"health\":\"ok\"},\"predict_server\":{\"health\":\"ok\"}}"
           : "{\"proxy_server\":{\"health\":\"ok\"},\"predict_server\":{\"health\":\"ng\"}}");
}

static void on_health_error(void *ctx, sv_up_exchange *up, sv_up_error error, const char *why) {
    call *c = ctx;
    (void)up;
    (void)why;
    c->ex->details = sv_up_error_name(error);
    proxy_answer_health(c, 0);
}

static void on_health_data(void *ctx, sv_up_exchange *up, const char *bytes, size_t n, int final) {
    call *c = ctx;
    (void)bytes;
    (void)n;
    if (!c->answered)
        c->answered = sv_up_head(up)->status; /* the head is gone after sv_up_continue */
    if (!final)
        sv_up_continue(up);
    else
        proxy_answer_health(c, c->answered == 200);
}

/* ---- requests ----------------------------------------------------------------------------- */

static call *call_new(sv_exchange *ex) {
    call *c = sv_pool_alloc(ex->pool, sizeof(*c));
    memset(c, 0, sizeof(*c));
    c->ex = ex;
    c->loop = ex->loop->data;
    c->relay.ex = ex;
    c->start_ns = sv_now_ns();
    ex->data = c;
    ex->on_end = proxy_on_end;
    return c;
}

static void call_start(call *c, hr_str path, int64_t timeout_ms, sv_up_data_fn data,
                       sv_up_error_fn error) {
    sv_exchange *ex = c->ex;
    const sv_predict_url *url = &c->loop->proxy->options.predict;
    const char *name = sv_up_endpoint_name(c->loop->predict);
    size_t n;
    hr_pair *fields = sv_forward_fields(ex, &n, SV_FORWARD_ADDS);
    n = sv_forward_add(ex, fields, n);
    sv_up_request request = {
        .method = c->is_health ? HR_STR("GET") : ex->request.method,
        .authority = url->authority,
        .path = SV_JOIN(ex->pool, url->base, path),
        .fields = fields,
        .n_fields = n,
        .body = c->is_health ? (hr_str){NULL, 0} : sv_forward_body(ex),
        .deadline_at = sv_timers_now() + (uint64_t)timeout_ms,
    };
    ex->upstream_host = sv_str(name);
    sv_timer_set(c->loop->timers, &c->probe, sv_timers_now() + GONE_PROBE_MS, on_probe);
    c->relay.up = sv_up_start(c->loop->predict, &request, data, error, c);
}

static void pass_on(sv_exchange *ex, hr_str path) {
    call *c = call_new(ex);
    call_start(c, path, c->loop->proxy->options.timeout_ms, proxy_on_data, proxy_on_error);
}

static int is_job_id(hr_str id) {
    if (id.len == 0 || id.len > 64)
        return 0;
    for (size_t i = 0; i < id.len; i++) {
        char c = id.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == '-'))
            return 0;
    }
    return 1;
}

static void predict(sv_exchange *ex) {
    hr_str path = ex->request.path, query = sv_request_query(ex), id;
    int given = sv_query_parameter(&id, ex, "job_id");
    if (given < 0 || (given > 0 && !is_job_id(id))) {
        sv_answer_error(
            ex, 400,
            "job_id must be given once, as 1 to 64 letters, digits, dots, underscores or hyphens");
        return;
    }
    if (!given) {
        char *text = sv_pool_alloc(ex->pool, 7);
        id = (hr_str){text, (size_t)snprintf(text, 7, "%06x", arc4random() & 0xffffff)};
        path = SV_JOIN(ex->pool, path,
                       query.p == NULL  ? HR_STR("?job_id=")
                       : query.len == 0 ? HR_STR("job_id=")
                                        : HR_STR("&job_id="),
                       id);
    }
    ex->job_id = id;
    pass_on(ex, path);
}

static void metadata(sv_exchange *ex) {
    pass_on(ex, ex->request.path);
}

static void health(sv_exchange *ex) {
    call *c = call_new(ex);
    c->is_health = 1;
    call_start(c, HR_STR("/health"), c->loop->proxy->options.health_timeout_ms, on_health_data,
               on_health_error);
}

static void hello(sv_exchange *ex) {
    sv_answer_json(ex, 200, "\"Hello Proxy Server!\\n\"");
}

static const struct resource {
    const char *path;
    int is_post;
    void (*answer)(sv_exchange *ex);
} resources[] = {
    {"/", 0, hello},
    {"/health", 0, health},
    {"/metadata", 0, metadata},
    {"/predict", 1, predict},
};

static int proxy_method_is(const sv_exchange *ex, const char *method) {
    return sv_str_is(ex->request.method, method);
}

/* The Open Inference Protocol: predict answers all of it, what does not exist as well. */
static int proxy_is_inference(hr_str path) {
    return sv_str_is(path, "/v2") || (path.len >= 4 && memcmp(path.p, "/v2/", 4) == 0);
}

/* A handshake of RFC 6455. RFC 9110 section 7.8 would have it passed over, and the client would
 * wonder at an ordinary answer. */
static int asks_for_websocket(const sv_exchange *ex) {
    hr_str upgrade = ex->request.upgrade;
    return proxy_method_is(ex, "GET") && sv_str_is_nocase(upgrade, "websocket");
}

void proxy_on_request(sv_exchange *ex) {
    hr_str path = sv_request_path(ex);
    if (sv_exchange_is_grpc(ex)) {
        proxy_on_grpc(ex);
        return;
    }
    if (asks_for_websocket(ex)) {
        ex->details = "upgrade_failed";
        sv_answer_error(ex, 403,
                        "there are no WebSockets here: a picture is sent by POST /predict");
        return;
    }
    if (sv_answer_common(ex) || sv_answer_docs(ex))
        return;
    if (proxy_is_inference(path)) {
        pass_on(ex, ex->request.path);
        return;
    }
    for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
        const struct resource *r = &resources[i];
        if (!sv_str_is(path, r->path))
            continue;
        if (r->is_post ? !proxy_method_is(ex, "POST")
                       : !(proxy_method_is(ex, "GET") || proxy_method_is(ex, "HEAD")))
            sv_answer_method(ex, r->is_post ? "POST" : "GET, HEAD");
        else
            r->answer(ex);
        return;
    }
    sv_answer_error(ex, 404, "there is nothing at this path");
}
