/* The request as it is sent upstream: the counterpart of incoming.c. */
#include "outgoing.h"

#include <string.h>

#include "affinity.h"
#include "decimal.h"
#include "reply.h"
#include "try.h"
#include "upgrade.h"
#include "upload.h"

/* Between two pieces of an answer: Envoy's default. */
#define ANSWER_IDLE_MS 300000

/* What goes upstream besides the route's own: at most this many fields. */
#define FIELDS_ADDED (5 + GW_UPGRADE_FIELDS)

/* 103 Early Hints (RFC 8297), for example. */
static void on_informed(void *ctx, const sv_http1_response *head) {
    gw_request *r = ctx;
    if (!r->relay.started)
        sv_answer_inform(r->ex, head->status, head->fields, head->n_fields);
}

static bool charge_trailers(void *ctx, size_t bytes) {
    return sv_exchange_reserve(((gw_request *)ctx)->ex, bytes);
}

static void build_out(gw_request *r) {
    const hr_decision *d = &r->decision;
    sv_pool *pool = r->ex->pool;
    const char *name = sv_server_options_of(r->ex->loop->server)->name;
    hr_pair *fields = sv_pool_alloc(pool, (r->up.n_headers + FIELDS_ADDED) * sizeof(*fields));
    memcpy(fields, r->up.headers, r->up.n_headers * sizeof(*fields));
    size_t n = sv_http_strip_hop_by_hop(fields, r->up.n_headers);
    if (r->up.path_rewritten)
        fields[n++] = (hr_pair){HR_STR("x-envoy-original-path"), r->in.path};
    if (r->up.authority.p != r->in.authority.p)
        fields[n++] = (hr_pair){HR_STR("x-envoy-original-host"), r->in.authority};
    if (d->timeout_ms >= 0) {
        char *end = sv_put_uint(r->timeout_text, (uint64_t)d->timeout_ms);
        fields[n++] = (hr_pair){HR_STR("x-envoy-expected-rq-timeout-ms"),
                                {r->timeout_text, (size_t)(end - r->timeout_text)}};
    }
    hr_str via = SV_JOIN(pool, HR_STR("1.1 "), sv_str(name));
    fields[n++] = (hr_pair){HR_STR("via"), via};
    if (r->upgrade)
        n = gw_upgrade_fields(fields, n);
    strcpy(r->attempt_text, "1");
    r->attempt_count = &fields[n];
    fields[n++] = (hr_pair){HR_STR("x-envoy-attempt-count"), {r->attempt_text, 1}};
    r->out = (sv_up_request){.http2 = gw_speaks_http2(r, d->cluster),
                             .te_trailers = sv_forward_te_trailers(r->ex),
                             .method = r->in.method,
                             .authority = r->up.authority,
                             .path = r->up.path,
                             .fields = fields,
                             .n_fields = n,
                             .upgrade = r->upgrade,
                             .on_informed = on_informed,
                             .charge = charge_trailers,
                             .idle_timeout_ms = ANSWER_IDLE_MS};
}

void gw_forward(gw_request *r) {
    const hr_decision *d = &r->decision;
    if (d->cluster == NULL) {
        gw_end(r, GW_NO_CLUSTER);
        return;
    }
    r->up.version = HR_UPSTREAM_VERSION;
    if (hr_upstream_request(&r->up, d, &r->in, r->scratch->scratch) != HR_OK) {
        gw_end(r, GW_NO_MEMORY);
        return;
    }
    r->forward_ns = sv_now_ns();
    r->cluster = r->listener->clusters[d->cluster->index];
    if (d->n_hash_policy > 0)
        gw_affinity(r);
    build_out(r);
    if (gw_upload(r))
        gw_try(r);
}
