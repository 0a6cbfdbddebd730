/*
 * Raises all terminal links a little after a cut. Nearly every background pixel then has a
 * neighbour with room for so little, or one that has such a neighbour: two passes over the pixels,
 * forwards and backwards, move it there, each pixel asking for more than it needs, so that the next
 * one can ask it. A forest reaches those that are left, and the few for which that is not enough
 * search for a path each. Where those are many, push-relabel goes on as after any other change.
 */
#include "doubt.h"

#include "maxflow.h"

enum {
    RESERVE = 4096,     /* units that a pixel asks for besides what it needs */
    LEAST_DEFICIT = 64, /* of a pixel that is asked */
    RAISED_WINDOW = 64, /* of the search, in levels: excess is everywhere */
    PATH_COST = 16,     /* pixels that a search for a path may visit, an image's pixel; in 1/256 */
};

typedef struct rise {
    gc_flow *flow;
    const gc_kernels *kernels;
    gc_pool *pool;
    gc_course course;
    int32_t amount;
} rise;

static const uint8_t *color_of(const gc_flow *f, const gc_course *c, size_t pixel) {
    const ptrdiff_t tile = (ptrdiff_t)(pixel / 64), across = f->tiles_x;
    return f->bgr + (tile / across * 8 - 8) * (ptrdiff_t)f->bgr_stride +
           (tile % across * 8 - 8) * 3 + c->place[pixel % 64];
}

/* Sends up to `amount` from pixel p in direction d; returns what went. */
static int32_t send_on(const rise *r, size_t p, unsigned d, int32_t amount, const uint8_t *color) {
    const gc_flow *f = r->flow;
    const size_t q = (size_t)((ptrdiff_t)p + r->course.pixel[p % 64][d]);
    unsigned full;
    const int32_t sent = gc_use_link(f, &r->course, p, color, d, amount, &full);
    f->excess[p] -= sent;
    f->excess[q] += sent;
    f->open[p] &= (uint8_t) ~(full << d);
    f->open[q] |= (uint8_t)(128 >> d);
    return sent;
}

/* The pixels of a tile that have excess ask their neighbours; `open`: directions that may be used
 * by the pixels of the first row and of the last. */
static void drain_tile(const rise *r, size_t tile, const uint8_t *color, unsigned first_open,
                       unsigned last_open) {
    const gc_flow *f = r->flow;
    uint64_t negative, positive;
    r->kernels->signs(&negative, &positive, f->excess + tile * 64);
    for (uint64_t rest = positive & f->tile[tile].alive; rest; rest &= rest - 1) {
        const int k = __builtin_ctzll(rest);
        const size_t p = tile * 64 + (size_t)k;
        unsigned open = f->open[p];
        open &= k < 8 ? first_open : 255;
        open &= k >= 56 ? last_open : 255;
        /* East and south first: there the room is kept, and need not be worked out from colours. */
        for (unsigned d; open && f->excess[p] > 0; open ^= 1u << d) {
            d = 31 - (unsigned)__builtin_clz(open);
            const int32_t there = -f->excess[(size_t)((ptrdiff_t)p + r->course.pixel[k][d])];
            if (there < LEAST_DEFICIT)
                continue;
            const int32_t most = f->excess[p] + RESERVE;
            send_on(r, p, d, most < there / 2 ? most : there / 2, color + r->course.place[k]);
        }
    }
}

static void raise_tile(const rise *r, size_t i) {
    gc_flow *f = r->flow;
    gc_tile *tile = &f->tile[i];
    int32_t *excess = f->excess + i * 64;
    tile->doubtful = tile->alive;
    tile->active = tile->deficit = tile->next = 0;
    f->frontier[i] = 0;
    f->stale[i] = 1;
    if (tile->alive == ~UINT64_C(0))
        for (int k = 0; k < 64; k++)
            excess[k] += r->amount;
    else
        for (uint64_t rest = tile->alive; rest; rest &= rest - 1)
            excess[__builtin_ctzll(rest)] += r->amount;
}

/* A pass of a thread over its rows of tiles, whose pixels ask only each other. */
static void drain_rows(const rise *r, int index, int top, int bottom, int back) {
    gc_flow *f = r->flow;
    const int across = f->tiles_x - 2;
    for (int n = 0; n < bottom - top && !gc_pool_halt(r->pool, index, (size_t)f->tiles_x * 128);
         n++) {
        const int ty = back ? bottom - 1 - n : top + n;
        for (int m = 0; m < across; m++) {
            const int tx = back ? across - m : m + 1;
            const size_t i = (size_t)ty * (size_t)f->tiles_x + (size_t)tx;
            if (!back)
                raise_tile(r, i);
            if (f->tile[i].alive)
                drain_tile(r, i,
                           f->bgr + (ptrdiff_t)(ty * 8 - 8) * (ptrdiff_t)f->bgr_stride +
                               (ptrdiff_t)(tx * 8 - 8) * 3,
                           ty == top ? 0xf8 : 0xff, ty == bottom - 1 ? 0x1f : 0xff);
        }
    }
}

static void raise_rows(void *ctx, int index, int parts) {
    const rise *r = ctx;
    const int rows = r->flow->tiles_y - 2;
    const int top = 1 + gc_part_start(rows, index, parts),
              bottom = 1 + gc_part_start(rows, index + 1, parts);
    drain_rows(r, index, top, bottom, 0);
    drain_rows(r, index, top, bottom, 1);
}

/* ---- paths ------------------------------------------------------------------------------------
 */

typedef struct walk {
    const rise *r;
    uint32_t *queue;
    size_t room, visited; /* of all searches */
} walk;

static int has_bit(uint64_t bits, size_t pixel) {
    return bits >> pixel % 64 & 1;
}

/* Sends what can go along the directions by which the search came. */
static void send_along(const rise *r, size_t from, size_t to) {
    const gc_flow *f = r->flow;
    int32_t amount = f->excess[from] < -f->excess[to] ? f->excess[from] : -f->excess[to];
    for (size_t q = to; q != from;) {
        const unsigned d = f->label[q];
        const size_t p = (size_t)((ptrdiff_t)q + r->course.pixel[q % 64][7 - d]);
        const uint8_t *color = color_of(f, &r->course, p);
        const size_t link = (size_t)((ptrdiff_t)p * 4 + r->course.link[p % 64][d]);
        int32_t room = gc_room(f, link);
        if (d < 4)
            room = 2 * gc_nlinks_capacity(
                           f->links, gc_color_distance(color, color + r->course.color[d]), d & 1) -
                   room;
        amount = room < amount ? room : amount;
        q = p;
    }
    for (size_t q = to; q != from;) {
        const unsigned d = f->label[q];
        const size_t p = (size_t)((ptrdiff_t)q + r->course.pixel[q % 64][7 - d]);
        send_on(r, p, d, amount, color_of(f, &r->course, p));
        q = p;
    }
}

/* A search from a pixel with excess over open arcs, breadth first, for one with a deficit. Without
 * any, all that it has visited cannot reach the sink. Returns 0 if there is no memory for it. */
static int find_path(walk *w, size_t from) {
    const gc_flow *f = w->r->flow;
    size_t end = 0, found = from;
    w->queue[end++] = (uint32_t)from;
    f->tile[from / 64].next |= UINT64_C(1) << from % 64;
    for (size_t at = 0; at < end && found == from; at++) {
        const size_t p = w->queue[at];
        for (unsigned open = f->open[p]; open && found == from; open &= open - 1) {
            const unsigned d = (unsigned)__builtin_ctz(open);
            const size_t q = (size_t)((ptrdiff_t)p + w->r->course.pixel[p % 64][d]);
            gc_tile *tile = &f->tile[q / 64];
            if (!has_bit(tile->alive & ~tile->next, q) || end == w->room)
                continue;
            tile->next |= UINT64_C(1) << q % 64;
            f->label[q] = (uint8_t)d;
            w->queue[end++] = (uint32_t)q;
            if (f->excess[q] < 0)
                found = q;
        }
    }
    w->visited += end;
    for (size_t at = 0; at < end; at++)
        f->tile[w->queue[at] / 64].next &= ~(UINT64_C(1) << w->queue[at] % 64);
    if (found != from)
        send_along(w->r, from, found);
    else if (end < w->room)
        for (size_t at = 0; at < end; at++)
            f->tile[w->queue[at] / 64].alive &= ~(UINT64_C(1) << w->queue[at] % 64);
    return found != from || end < w->room;
}

/* Notes how pixel p, which has excess, sends it on. */
static void plant(walk *w, size_t *end, size_t p, unsigned d) {
    const gc_flow *f = w->r->flow;
    if (*end == w->room)
        return;
    f->tile[p / 64].next |= UINT64_C(1) << p % 64;
    f->label[p] = (uint8_t)d;
    w->queue[(*end)++] = (uint32_t)p;
}

/* Pixels with excess that have a neighbour with room. */
static void plant_roots(walk *w, size_t *end, size_t tile) {
    const gc_flow *f = w->r->flow;
    uint64_t negative, positive;
    w->r->kernels->signs(&negative, &positive, f->excess + tile * 64);
    for (uint64_t rest = positive & f->tile[tile].alive; rest; rest &= rest - 1) {
        const size_t p = tile * 64 + (size_t)__builtin_ctzll(rest);
        for (unsigned open = f->open[p]; open; open &= open - 1) {
            const unsigned d = (unsigned)__builtin_ctz(open);
            if (f->excess[(size_t)((ptrdiff_t)p + w->r->course.pixel[p % 64][d])] >= 0)
                continue;
            plant(w, end, p, d);
            break;
        }
    }
}

/* Whole areas can be left that have room beside them only: a breadth-first forest reaches into them
 * from there, and what its pixels have goes down its branches, from the leaves on. */
static void drain_areas(walk *w) {
    const rise *r = w->r;
    const gc_flow *f = r->flow;
    size_t end = 0;
    for (int ty = 1; ty < f->tiles_y - 1 && !gc_pool_halt(r->pool, 0, (size_t)f->tiles_x * 32);
         ty++)
        for (int tx = 1; tx < f->tiles_x - 1; tx++) {
            const size_t i = (size_t)ty * (size_t)f->tiles_x + (size_t)tx;
            if (f->tile[i].alive)
                plant_roots(w, &end, i);
        }
    for (size_t at = 0; at < end && !gc_pool_halt(r->pool, 0, 8); at++) {
        const size_t p = w->queue[at];
        for (unsigned d = 0; d < 8; d++) {
            const size_t q = (size_t)((ptrdiff_t)p + r->course.pixel[p % 64][d]);
            const gc_tile *tile = &f->tile[q / 64];
            if (has_bit(tile->alive & ~tile->next, q) && f->excess[q] > 0 &&
                f->open[q] >> (7 - d) & 1)
                plant(w, &end, q, 7 - d);
        }
    }
    while (end > 0 && !gc_pool_halt(r->pool, 0, 8)) {
        const size_t p = w->queue[--end];
        f->tile[p / 64].next &= ~(UINT64_C(1) << p % 64);
        if (f->open[p] >> f->label[p] & 1)
            send_on(r, p, f->label[p], f->excess[p], color_of(f, &r->course, p));
    }
}

/* Returns 0 if the searches visit too many pixels; what they have done holds. */
static int walk_all(walk *w, size_t most) {
    const rise *r = w->r;
    const gc_flow *f = r->flow;
    for (int ty = 1; ty < f->tiles_y - 1 && !gc_pool_halt(r->pool, 0, (size_t)f->tiles_x * 32);
         ty++)
        for (int tx = 1; tx < f->tiles_x - 1; tx++) {
            const size_t i = (size_t)ty * (size_t)f->tiles_x + (size_t)tx;
            if (!f->tile[i].alive)
                continue;
            uint64_t negative, positive;
            r->kernels->signs(&negative, &positive, f->excess + i * 64);
            for (uint64_t rest = positive & f->tile[i].alive; rest; rest &= rest - 1) {
                const size_t p = i * 64 + (size_t)__builtin_ctzll(rest), before = w->visited;
                while (f->excess[p] > 0 && has_bit(f->tile[i].alive, p)) {
                    if (w->visited > most || !find_path(w, p))
                        return 0;
                    if (gc_pool_halt(r->pool, 0, (w->visited - before) * 8))
                        return 1;
                }
            }
        }
    return 1;
}

/* Closes the arcs to what is no longer alive, which the search of the solver relies on. */
static void close_dead_ends(const rise *r) {
    const gc_flow *f = r->flow;
    const size_t tiles = (size_t)f->tiles_x * (size_t)f->tiles_y;
    for (size_t i = 0; i < tiles; i++)
        for (uint64_t dead = f->tile[i].doubtful & ~f->tile[i].alive; dead; dead &= dead - 1) {
            const int k = __builtin_ctzll(dead);
            uint8_t *open = f->open + i * 64 + k;
            for (int d = 0; d < 8; d++)
                open[r->course.pixel[k][d]] &= (uint8_t) ~(128 >> d);
        }
}

int gc_flow_raise(gc_flow *f, const gc_kernels *kernels, gc_pool *pool, int32_t amount,
                  uint32_t *memory, size_t room, size_t *count) {
    rise r = {.flow = f, .kernels = kernels, .pool = pool, .amount = amount};
    walk w = {.r = &r, .queue = memory, .room = room};
    int rc = GRABCUT_OK;
    *count = 0;
    gc_flow_course(&r.course, f);
    gc_pool_run(pool, raise_rows, &r);
    if (gc_pool_halt(pool, 0, 0))
        return GRABCUT_ECANCELED;
    const size_t tiles = (size_t)f->tiles_x * (size_t)f->tiles_y;
    drain_areas(&w);
    if (gc_pool_halt(pool, 0, 0))
        return GRABCUT_ECANCELED;
    if (!walk_all(&w, tiles * 64 / 256 * PATH_COST + 4096)) {
        close_dead_ends(&r);
        f->window = RAISED_WINDOW;
        rc = gc_flow_solve(f, kernels, pool);
    }
    if (rc || gc_pool_halt(pool, 0, 0))
        return GRABCUT_ECANCELED;
    for (size_t i = 0; i < tiles; i++) {
        f->tile[i].doubtful &= ~f->tile[i].alive;
        *count += (size_t)__builtin_popcountll(f->tile[i].doubtful);
    }
    return GRABCUT_OK;
}
