/* Body routing: reads the values of --body-header before a request is routed. */
#include "look_ahead.h"

#include <string.h>

#include "body_in.h"
#include "reply.h"
#include "route.h"

static size_t bytes_to_look_at(const gw_request *r) {
    size_t limit = (size_t)r->loop->gateway->options.body_look_ahead, len = r->ex->body.len;
    return len < limit ? len : limit;
}

/* True if the rest of the body can say nothing more. */
static bool read_on(gw_request *r) {
    const sv_exchange *ex = r->ex;
    size_t end = bytes_to_look_at(r);
    bool whole = ex->body_done && end == ex->body.len;
    bool last =
        whole || end == (size_t)r->loop->gateway->options.body_look_ahead || sv_body_is_full(ex);
    if (!sv_body_reader_read(r->reader, ex->body.p, end, last))
        return true;
    if (whole)
        sv_body_reader_end(r->reader);
    return last;
}

static void take_values(gw_request *r) {
    const gateway *g = r->loop->gateway;
    for (size_t i = 0; i < g->n_body_rules; i++)
        if (!g->body_rules[i].model_name)
            r->body_values[i] = sv_body_reader_value(r->reader, i);
}

static void take_model_of_path(gw_request *r) {
    const gateway *g = r->loop->gateway;
    char name[SV_BODY_MAX_VALUE];
    hr_str model = sv_body_model_of_path(r->ex->request.path, name, sizeof(name));
    for (size_t i = 0; i < g->n_body_rules; i++)
        if (g->body_rules[i].model_name && model.p != NULL)
            r->body_values[i] = sv_pool_copy(r->ex->pool, model);
}

static bool asks_for_body(const gateway *g) {
    for (size_t i = 0; i < g->n_body_rules; i++)
        if (!g->body_rules[i].model_name)
            return true;
    return false;
}

static void free_reader(void *reader) {
    sv_body_reader_free(reader);
}

static void on_more_to_read(sv_exchange *ex) {
    gw_request *r = ex->data;
    if (!read_on(r))
        return;
    ex->on_body = NULL;
    take_values(r);
    gw_route(r);
}

/* What retries will need is held from the beginning. */
static void wait_for_body(gw_request *r) {
    const gw_options *options = &r->loop->gateway->options;
    int64_t hold = options->body_look_ahead > options->body_buffer_bytes
                       ? options->body_look_ahead
                       : options->body_buffer_bytes;
    r->ex->on_body = on_more_to_read;
    sv_body_stream(r->ex, (size_t)hold);
}

static void look_ahead_read_body(gw_request *r) {
    const gateway *g = r->loop->gateway;
    r->reader = sv_body_reader_new(g->body_rules, g->n_body_rules);
    if (r->reader == NULL) {
        gw_end(r, GW_NO_MEMORY);
        return;
    }
    sv_pool_on_free(r->ex->pool, free_reader, r->reader);
    if (!read_on(r)) {
        wait_for_body(r);
        return;
    }
    take_values(r);
    gw_route(r);
}

void gw_look_ahead(gw_request *r) {
    const gateway *g = r->loop->gateway;
    size_t size = g->n_body_rules * sizeof(hr_str);
    if (size > 0)
        r->body_values = memset(sv_pool_alloc(r->ex->pool, size), 0, size);
    take_model_of_path(r);
    if (asks_for_body(g) && r->ex->has_body)
        look_ahead_read_body(r);
    else
        gw_route(r);
}
