#include <arpa/inet.h>
#include <string.h>

#include "request.h"
#include "ui.h"

/* A request in flight for so long is looked after: is its client still there? */
#define LONG_NS (250 * 1000000ull)

/* ---- life ---- */

static void link_request(gw_request *r) {
    gw_loop *loop = r->loop;
    r->older = loop->newest;
    *(loop->newest != NULL ? &loop->newest->newer : &loop->oldest) = r;
    loop->newest = r;
}

static void unlink_request(gw_request *r) {
    gw_loop *loop = r->loop;
    *(r->older != NULL ? &r->older->newer : &loop->oldest) = r->newer;
    *(r->newer != NULL ? &r->newer->older : &loop->newest) = r->older;
}

static void on_end(hr_exchange *ex) {
    gw_request *r = ex->data;
    gw_upgrade_end(r);
    gw_cancel(r);
    hr_timer_unset(&r->loop->timers, &r->timer);
    unlink_request(r);
    gw_scratch_give(r->loop, r->scratch, ex->head_len);
    gw_loop_config_unref(r->lc);
}

void gw_sweep(hr_timer *timer) {
    gw_loop *loop = H2O_STRUCT_FROM_MEMBER(gw_loop, sweep, timer);
    uint64_t now = hr_now_ns();
    for (gw_request *r = loop->oldest, *next; r != NULL && now - r->start_ns > LONG_NS; r = next) {
        next = r->newer;
        if (r->relay.started || !hr_exchange_peer_gone(r->ex))
            continue; /* once the answer has begun, writing it finds out */
        gw_cancel(r);
        hr_timer_unset(&loop->timers, &r->timer);
        r->ex->req->http1_is_persistent = 0;
        gw_reply(r, 503, "DC", "downstream_remote_disconnect", HR_STR(""));
    }
    gw_loop_free_retired(loop);
    if (loop->loop->index == 0)
        gw_outlier_sweep(loop->current->config);
    hr_timer_set(&loop->timers, timer, hr_timers_now() + 250, gw_sweep);
}

h2o_iovec_t gw_refusal_body(hr_exchange *ex, int status, const char *detail,
                            const char **content_type) {
    if (ex->response_flags == NULL && status != 413)
        ex->response_flags = "DPE";
    ex->details = status == 413 ? "request_payload_too_large" : NULL;
    *content_type = "text/plain";
    return h2o_strdup(&ex->req->pool, detail, SIZE_MAX);
}

/* ---- the request as it is routed ---- */

static int name_is(const hr_pair *field, const char *name) {
    return field->name.len == strlen(name) && memcmp(field->name.p, name, field->name.len) == 0;
}

static int value_is(hr_str value, const char *text) {
    return value.len == strlen(text) && memcmp(value.p, text, value.len) == 0;
}

/* Controls of Envoy that a client must not have: Envoy drops them at the edge of a mesh, and so do
 * we. */
static int is_control(const hr_pair *field) {
    static const char *const names[] = {
        "x-envoy-attempt-count",
        "x-envoy-decorator-operation",
        "x-envoy-downstream-service-cluster",
        "x-envoy-downstream-service-node",
        "x-envoy-expected-rq-timeout-ms",
        "x-envoy-external-address",
        "x-envoy-force-trace",
        "x-envoy-hedge-on-per-try-timeout",
        "x-envoy-internal",
        "x-envoy-ip-tags",
        "x-envoy-is-timeout-retry",
        "x-envoy-max-retries",
        "x-envoy-original-host",
        "x-envoy-original-path",
        "x-envoy-original-url",
        "x-envoy-overloaded",
        "x-envoy-retriable-header-names",
        "x-envoy-retriable-status-codes",
        "x-envoy-retry-grpc-on",
        "x-envoy-retry-on",
        "x-envoy-upstream-alt-stat-name",
        "x-envoy-upstream-rq-per-try-timeout-ms",
        "x-envoy-upstream-rq-timeout-alt-response",
        "x-envoy-upstream-rq-timeout-ms",
        "x-envoy-upstream-service-time",
        "x-envoy-upstream-stream-duration-ms",
    };
    if (field->name.len < 8 || memcmp(field->name.p, "x-envoy-", 8) != 0)
        return 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (name_is(field, names[i]))
            return 1;
    return 0;
}

hr_str gw_peer_address(gw_request *r) {
    return hr_str_of(hr_exchange_peer_address(r->ex));
}

#define FIELDS_ADDED (4 + GW_UPGRADE_FIELDS)

static void build_request(gw_request *r) {
    h2o_req_t *req = r->ex->req;
    size_t n, kept = 0;
    hr_pair *fields = hr_forward_fields(r->ex, &n, FIELDS_ADDED);
    int has_id = 0;
    for (size_t i = 0; i < n; i++) {
        if (is_control(&fields[i]) || name_is(&fields[i], "x-forwarded-proto"))
            continue;
        has_id |= name_is(&fields[i], "x-request-id") && fields[i].value.len > 0;
        fields[kept++] = fields[i];
    }
    n = kept;
    r->in.scheme = req->scheme == &H2O_URL_SCHEME_HTTPS ? HR_STR("https") : HR_STR("http");
    fields[n++] = (hr_pair){HR_STR("x-forwarded-proto"), r->in.scheme};
    hr_str peer = gw_peer_address(r);
    if (peer.p != NULL)
        n = hr_forward_append(r->ex, fields, n, HR_STR("x-forwarded-for"), peer);
    if (!has_id)
        fields[n++] = (hr_pair){HR_STR("x-request-id"), hr_str_of(r->ex->request_id)};
    if (r->upgrade) /* rules may ask for it, as Envoy leaves it to them */
        n = gw_upgrade_fields(fields, n);
    r->in.method = hr_str_of(req->input.method);
    r->in.authority = hr_str_of(req->input.authority);
    r->in.path = hr_str_of(req->input.path);
    r->in.headers = fields;
    r->in.n_headers = n;
    r->in.draws =
        (hr_draws){gw_draw(r->loop), gw_draw(r->loop), gw_draw(r->loop), gw_draw(r->loop)};
}

/* ---- what to do ---- */

static void note_route(gw_request *r) {
    const hr_decision *d = &r->decision;
    r->ex->route_name = hr_iovec_of(d->route_name);
    r->ex->upstream_cluster = hr_iovec_of(d->cluster_name);
}

/* Envoy's response code details for the answers that the decision itself asks for. */
static const char *local_details(const hr_local_reply *reply) {
    if (value_is(reply->flag, "NR"))
        return "route_not_found";
    if (value_is(reply->flag, "NC"))
        return "cluster_not_found";
    if (value_is(reply->flag, "UH"))
        return "no_healthy_upstream";
    return "direct_response";
}

static const char *local_flag(const hr_local_reply *reply) {
    static const char *const flags[] = {"NR", "NC", "UH"};
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        if (value_is(reply->flag, flags[i]))
            return flags[i];
    return NULL;
}

void gw_act(gw_request *r) {
    const hr_decision *d = &r->decision;
    if (d->cors_preflight) {
        gw_preflight(r);
        return;
    }
    if (d->local_reply.status != 0) {
        gw_reply(r, d->local_reply.status, local_flag(&d->local_reply),
                 local_details(&d->local_reply), d->local_reply.body);
        return;
    }
    switch (d->action) {
    case HR_ACTION_REDIRECT:
        gw_redirect(r);
        return;
    case HR_ACTION_DIRECT_RESPONSE:
        gw_direct_response(r);
        return;
    case HR_ACTION_ROUTE:
        gw_forward(r);
        return;
    case HR_ACTION_NO_ROUTE:
        gw_reply(r, 404, "NR", "route_not_found", HR_STR(""));
        return;
    case HR_ACTION_PASSTHROUGH:
        break;
    }
    /* An address that the configuration does not name is never connected to. */
    gw_reply(r, 502, NULL, "unknown_host", HR_STR(""));
}

static void route(gw_request *r) {
    int error = hr_route(&r->decision, r->lc->config->view, &r->in, r->scratch->scratch);
    if (error == HR_EREQUEST) {
        gw_reply(r, 400, NULL, "malformed_request", HR_STR(""));
        return;
    }
    if (error != HR_OK) {
        gw_reply(r, 500, NULL, "out_of_memory", HR_STR(""));
        return;
    }
    note_route(r);
    gw_filter(r);
}

void gw_on_request(hr_exchange *ex) {
    gw_loop *loop = ex->loop->data;
    if (loop->gateway->options.ui != NULL && gw_ui(ex))
        return;
    gw_request *r = h2o_mem_alloc_pool(&ex->req->pool, sizeof(*r));
    memset(r, 0, sizeof(*r));
    r->ex = ex;
    r->loop = loop;
    r->lc = gw_loop_config_ref(loop->current);
    r->scratch = gw_scratch_take(loop);
    r->relay.ex = ex;
    r->start_ns = ex->start_ns;
    link_request(r);
    ex->data = r;
    ex->on_end = on_end;
    if (r->scratch == NULL) {
        gw_reply(r, 500, NULL, "out_of_memory", HR_STR(""));
        return;
    }
    if (!ex->has_host) { /* HTTP/1.0; Envoy refuses it with these details */
        gw_reply(r, 400, NULL, "missing_host_header", HR_STR(""));
        return;
    }
    if (gw_upgrade_refused(r))
        return;
    build_request(r);
    route(r);
}
