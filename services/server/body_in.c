/* The body of a request on its way in: held whole, or handed on piece by piece. */
#include "body_in.h"

#include <stdlib.h>
#include <string.h>

#include "dispatch.h"
#include "exchange_internal.h"
#include "server.h"

/* A body that is not held passes through a buffer of this size, that of the blocks in which answers
 * come back (SV_UP_BLOCK). */
#define WINDOW ((size_t)128 << 10)
/* The first room for a body of unknown length, and for one that is held whole: a client that
 * announces much and sends nothing must not take what others need. */
#define FIRST_ROOM ((size_t)32 << 10)

#define GROWTH 4

static const char too_large[] = "the body is larger than this server takes";

static uint64_t max_body(const sv_exchange *ex) {
    return (uint64_t)sv_server_options_of(ex->loop->server)->max_body_bytes;
}

static size_t body_at_most(uint64_t a, size_t b) {
    return a < b ? (size_t)a : b;
}

void sv_body_expect(sv_exchange *ex, uint64_t length) {
    ex->in.length = length;
    ex->has_body = true;
}

void sv_body_expect_tunnel(sv_exchange *ex) {
    ex->in.length = SV_UNKNOWN_LENGTH;
    ex->in.tunnel = true;
}

uint64_t sv_body_received(const sv_exchange *ex) {
    return ex->body_offset + ex->body.len;
}

/* ---- the store ---- */

static bool reserve_room(sv_exchange *ex, size_t bytes) {
    if (!sv_exchange_reserve(ex, bytes))
        return false;
    ex->in.reserved += bytes;
    return true;
}

/* Moves what is held to a store of this size. */
static void resize_store(sv_exchange *ex, size_t size) {
    char *store = sv_realloc(ex->in.store, size);
    if (ex->in.store == NULL && ex->body.len > 0)
        memcpy(store, ex->body.p, ex->body.len);
    ex->in.store = ex->body.p = store;
    ex->in.size = size;
}

/* Where bodies are streamed, the first FIRST_ROOM bytes are not taken from the budget: like the
 * first buffers of connections, they are limited by the number of those. */
static bool body_begin_store(sv_exchange *ex, size_t limit) {
    bool grows = ex->in.length == SV_UNKNOWN_LENGTH || !ex->in.streams;
    size_t at_first = grows ? body_at_most(limit, FIRST_ROOM) : limit;
    size_t size = ex->body.len > at_first ? ex->body.len : at_first;
    size_t free_of_charge = ex->in.streams || ex->listener->streams ? FIRST_ROOM : 0;
    ex->in.limit = limit > size ? limit : size;
    if (size > free_of_charge && !reserve_room(ex, size - free_of_charge))
        return false;
    resize_store(ex, size);
    return true;
}

/* A body of exactly the limit is taken: the byte beyond shows that it is larger. */
bool sv_body_hold_all(sv_exchange *ex) {
    if (body_begin_store(ex, body_at_most(ex->in.length, (size_t)max_body(ex) + 1)))
        return true;
    sv_exchange_refuse_busy(ex);
    return false;
}

/* The budget allows no more: no more is held. */
static void stop_growing(sv_exchange *ex) {
    ex->in.limit = ex->in.size;
    if (!ex->in.streams)
        sv_exchange_refuse_busy(ex);
    else if (ex->on_body != NULL)
        ex->on_body(ex);
}

/* What is being sent must stay where it is. */
static void grow(sv_exchange *ex) {
    sv_body_in *in = &ex->in;
    size_t size = body_at_most((uint64_t)in->size * GROWTH, in->limit);
    if (size == in->size || in->lent > 0)
        return;
    if (reserve_room(ex, size - in->size))
        resize_store(ex, size);
    else
        stop_growing(ex);
}

/* What was taken makes room for the next. */
static void drop_taken(sv_exchange *ex) {
    sv_body_in *in = &ex->in;
    if (!in->streams || in->lent > 0 || in->taken < sv_body_received(ex))
        return;
    ex->body_offset = in->taken;
    ex->body.len = 0;
}

bool sv_body_is_full(const sv_exchange *ex) {
    return ex->in.store != NULL && ex->in.size == ex->in.limit && ex->body.len == ex->in.size;
}

char *sv_body_room(sv_exchange *ex, size_t *size) {
    sv_body_in *in = &ex->in;
    if (in->store != NULL && ex->body.len == in->size)
        grow(ex);
    if (in->store != NULL && ex->body.len == in->size)
        drop_taken(ex);
    in->starved = in->store == NULL || ex->body.len == in->size;
    if (in->starved)
        return NULL;
    *size = in->size - ex->body.len;
    return in->store + ex->body.len;
}

size_t sv_body_make_room(sv_exchange *ex) {
    size_t size;
    if (ex->body_offset > 0 || ex->in.tunnel)
        drop_taken(ex);
    return sv_body_room(ex, &size) != NULL ? size : 0;
}

bool sv_body_arrived(sv_exchange *ex, size_t n, bool done) {
    ex->body.len += n;
    ex->body_done = done;
    if (!ex->in.tunnel && sv_body_received(ex) > max_body(ex)) {
        sv_body_fail(ex, 413, too_large);
        return false;
    }
    if (ex->dispatched && ex->on_body != NULL && !ex->over)
        ex->on_body(ex);
    return true;
}

void sv_body_fail(sv_exchange *ex, int status, const char *detail) {
    bool was_refused = ex->refusal.status != 0;
    sv_exchange_refuse(ex, status, detail, status == 503 ? 1 : 0);
    if (status == 400)
        ex->response_flags = "DPE";
    else if (status == 503)
        ex->response_flags = "UO";
    if (!ex->dispatched || was_refused || ex->over)
        return;
    if (ex->on_cancel != NULL)
        ex->on_cancel(ex);
    if (ex->answered)
        ex->carrier->abort(ex);
    else
        sv_exchange_dispatch(ex, 0);
}

/* ---- for handlers ---- */

void sv_body_stream(sv_exchange *ex, size_t hold) {
    if (ex->in.streams)
        return;
    ex->in.streams = true;
    if (!body_begin_store(ex, body_at_most(ex->in.length, hold > WINDOW ? hold : WINDOW)))
        (void)body_begin_store(ex, body_at_most(ex->in.length, FIRST_ROOM));
    ex->carrier->resume_body(ex);
}

hr_str sv_body_next(sv_exchange *ex) {
    sv_body_in *in = &ex->in;
    size_t done = (size_t)(in->taken - ex->body_offset);
    in->lent = ex->body.len - done;
    return (hr_str){ex->body.p + done, in->lent};
}

void sv_body_taken(sv_exchange *ex) {
    sv_body_in *in = &ex->in;
    in->taken += in->lent;
    in->lent = 0;
    if (in->starved && !ex->body_done)
        ex->carrier->resume_body(ex);
}

bool sv_body_is_taken(const sv_exchange *ex) {
    return ex->body_done && ex->in.taken == sv_body_received(ex);
}

bool sv_body_rewind(sv_exchange *ex) {
    if (ex->body_offset > 0)
        return false;
    ex->in.taken = 0;
    ex->in.lent = 0;
    return true;
}
