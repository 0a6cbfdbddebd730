/* Mirrors: a copy of the request goes to another cluster, and its answer is thrown away. The copy
 * owns its memory and its budget, so that the request it was made from never waits for it. */
#include "mirror.h"

#include <stdlib.h>
#include <string.h>

#include "loop.h"
#include "pick.h"

#define MAX_MIRRORS 256 /* of one loop at a time */
/* What the kernel holds of a copy that its endpoint does not read. */
#define SENDING_COPY ((size_t)64 << 10)
#define MIRROR_TIMEOUT_MS 15000 /* where the route has none: Envoy's default */

struct gw_mirror {
    gw_loop *loop;
    gw_loop_config *lc;
    gw_mirror *next, **link;
    sv_up_exchange *up;
    gw_endpoint *endpoint;
    sv_up_request out;
    size_t bytes;
    hr_pair fields[]; /* then the text of names, values, path, authority, method and body */
};

static void mirror_end(gw_mirror *m) {
    gw_loop *loop = m->loop;
    sv_up_free(m->up);
    atomic_fetch_sub_explicit(&m->endpoint->active, 1, memory_order_relaxed);
    *m->link = m->next;
    if (m->next != NULL)
        m->next->link = m->link;
    loop->n_mirrors--;
    sv_budget_give(&loop->gateway->mirror_bytes, m->bytes);
    gw_loop_config_unref(m->lc);
    free(m);
}

void gw_mirrors_stop(gw_loop *loop) {
    while (loop->mirrors != NULL)
        mirror_end(loop->mirrors);
}

static void mirror_on_data(void *ctx, sv_up_exchange *up, const char *bytes, size_t n, int final) {
    (void)bytes;
    (void)n;
    if (final)
        mirror_end(ctx);
    else
        sv_up_continue(up);
}

static void mirror_on_error(void *ctx, sv_up_exchange *up, sv_up_error error, const char *why) {
    (void)up;
    (void)error;
    (void)why;
    mirror_end(ctx);
}

static hr_str mirror_copy(char **at, hr_str s) {
    hr_str made = {s.p == NULL ? NULL : *at, s.len};
    if (s.len > 0)
        memcpy(*at, s.p, s.len);
    *at += s.len;
    return made;
}

static gw_mirror *mirror_new(gw_request *r) {
    const sv_up_request *from = &r->out;
    gw_loop *loop = r->loop;
    hr_str body = sv_forward_body(r->ex);
    size_t text = from->method.len + from->authority.len + from->path.len + body.len;
    for (size_t i = 0; i < from->n_fields; i++)
        text += from->fields[i].name.len + from->fields[i].value.len;
    size_t size = sizeof(gw_mirror) + from->n_fields * sizeof(hr_pair) + text + 1;
    size_t bytes = size + (size < SENDING_COPY ? size : SENDING_COPY);
    if (!gw_can_send_again(r) || loop->n_mirrors >= MAX_MIRRORS ||
        !sv_budget_take(&loop->gateway->mirror_bytes, bytes))
        return NULL;
    gw_mirror *m = malloc(size);
    if (m == NULL) {
        sv_budget_give(&loop->gateway->mirror_bytes, bytes);
        return NULL;
    }
    char *at = (char *)&m->fields[from->n_fields];
    for (size_t i = 0; i < from->n_fields; i++) {
        m->fields[i].name = mirror_copy(&at, from->fields[i].name);
        m->fields[i].value = mirror_copy(&at, from->fields[i].value);
    }
    m->out = *from;
    m->out.fields = m->fields;
    m->out.method = mirror_copy(&at, from->method);
    m->out.authority = mirror_copy(&at, from->authority);
    m->out.path = mirror_copy(&at, from->path);
    m->out.body = mirror_copy(&at, body);
    m->out.source = NULL;
    /* These are for the request's own answer. */
    m->out.on_informed = NULL;
    m->out.charge = NULL;
    m->loop = loop;
    m->bytes = bytes;
    return m;
}

static void mirror_start(gw_request *r, const hr_cluster *cluster) {
    static const gw_avoid any = {NULL, 0, 0, 0};
    gw_loop *loop = r->loop;
    size_t index;
    size_t c = r->listener->clusters[cluster->index];
    gw_endpoint *endpoint = gw_pick(loop, r->lc, c, &any, &index);
    gw_mirror *m = endpoint != NULL ? mirror_new(r) : NULL;
    if (m == NULL) {
        if (endpoint != NULL)
            atomic_fetch_sub_explicit(&endpoint->active, 1, memory_order_relaxed);
        sv_metric_add(loop->loop->cells, loop->gateway->mirrors_dropped, 1);
        return;
    }
    int64_t timeout = r->decision.timeout_ms >= 0 ? r->decision.timeout_ms : MIRROR_TIMEOUT_MS;
    m->out.http2 = gw_speaks_http2(r, cluster);
    m->out.deadline_at = sv_timers_now() + (uint64_t)timeout;
    m->endpoint = endpoint;
    m->lc = gw_loop_config_ref(r->lc);
    m->next = loop->mirrors;
    m->link = &loop->mirrors;
    if (m->next != NULL)
        m->next->link = &m->next;
    loop->mirrors = m;
    loop->n_mirrors++;
    sv_metric_add(loop->loop->cells, loop->gateway->mirrors_sent, 1);
    m->up = sv_up_start(gw_loop_endpoint(loop, m->lc, c, index), &m->out, mirror_on_data,
                        mirror_on_error, m);
}

void gw_mirror_all(gw_request *r) {
    if (r->upgrade)
        return;
    for (size_t i = 0; i < r->decision.n_mirrors; i++) {
        const hr_mirror *mirror = &r->decision.mirrors[i];
        if (mirror->fires && mirror->cluster != NULL)
            mirror_start(r, mirror->cluster);
    }
}
