/*
 * Lowers the terminal links of the foreground a little after a cut. Nearly every pixel of it can be
 * given what it then lacks, over a few links with ample room, by one with ample excess. A search of
 * 64 pixels at a time finds these ways, a forest of so few levels that what all its pixels get goes
 * through: then nothing has to be sent. For the few pixels that are left each searches for a path
 * from the forest on its own. Where those are many, push-relabel goes on with the foreground as
 * after any other change.
 */
#include "doubt.h"

#include "maxflow.h"

enum {
    UNIT = 65536,        /* of the least room of a link of the forest */
    FIRST_LEVELS = 30,   /* of the forest; twice as many need links with four times the room */
    FORESTS = 3,         /* tries */
    LOWERED_WINDOW = 64, /* of the solver's search, in levels: deficits are everywhere */
    SETTLED = INT32_MIN  /* excess of a pixel that was background before */
};

#define WEST_COLUMN UINT64_C(0x0101010101010101)
#define EAST_COLUMN UINT64_C(0x8080808080808080)

/* The foreground, as far as it is undecided, is in the bits `unreached` of the tiles, the forest in
 * the frontier. */
typedef struct fall {
    gc_flow *flow;
    const gc_kernels *kernels;
    gc_pool *pool;
    gc_course course;
    int32_t amount;
    int32_t ample;  /* units, of a room or an excess; the forest may take all of it */
    uint32_t *left; /* tiles with pixels that are not in the forest */
    size_t tiles_left;
    uint32_t *queue; /* of a search */
    size_t room, end;
    size_t doubtful;
} fall;

static int has_bit(uint64_t bits, size_t pixel) {
    return bits >> pixel % 64 & 1;
}

static const uint8_t *color_of(const gc_flow *f, const gc_course *c, size_t pixel) {
    const ptrdiff_t tile = (ptrdiff_t)(pixel / 64), across = f->tiles_x;
    return f->bgr + (tile / across * 8 - 8) * (ptrdiff_t)f->bgr_stride +
           (tile % across * 8 - 8) * 3 + c->place[pixel % 64];
}

static size_t beside(const fall *r, size_t p, unsigned d) {
    return (size_t)((ptrdiff_t)p + r->course.pixel[p % 64][d]);
}

/* What pixel p can still get from its neighbour in direction d. */
static int32_t room_into(const fall *r, size_t p, unsigned d) {
    const gc_flow *f = r->flow;
    const int32_t kept = gc_room(f, (size_t)((ptrdiff_t)p * 4 + r->course.link[p % 64][d]));
    if (d < 4)
        return kept;
    const uint8_t *color = color_of(f, &r->course, p);
    const uint32_t distance = gc_color_distance(color, color + r->course.color[d]);
    return 2 * gc_nlinks_capacity(f->links, distance, d == 4 || d == 6) - kept;
}

/* ---- the forest -------------------------------------------------------------------------------
 */

/* Its roots. The planes 4 to 7 of a tile become the links with ample room. */
static void plant_rows(void *ctx, int index, int parts) {
    const fall *r = ctx;
    gc_flow *f = r->flow;
    const int rows = f->tiles_y - 2, bottom = 1 + gc_part_start(rows, index + 1, parts);
    for (int ty = 1 + gc_part_start(rows, index, parts);
         ty < bottom && !gc_pool_halt(r->pool, index, (size_t)f->tiles_x * 4); ty++)
        for (int tx = 1; tx < f->tiles_x - 1; tx++) {
            const size_t i = (size_t)ty * (size_t)f->tiles_x + (size_t)tx;
            gc_tile *tile = &f->tile[i];
            tile->next = tile->active = 0;
            f->frontier[i] = 0;
            f->stale[i] = 0;
            memset(tile->open + 4, 0, 4 * sizeof *tile->open);
            if (!tile->unreached)
                continue;
            f->frontier[i] = tile->unreached & ~r->kernels->below(f->excess + i * 64, r->ample);
            r->kernels->ample(tile->open + 4, f->room_high + i * 256, (unsigned)(r->ample / UNIT));
        }
}

/* Bits of a tile's row by row neighbours, from its own and those of the tile beside it. */
static uint64_t at_east(uint64_t own, uint64_t right) {
    return (own & ~WEST_COLUMN) >> 1 | (right & WEST_COLUMN) << 7;
}

static uint64_t at_west(uint64_t own, uint64_t left) {
    return (own & ~EAST_COLUMN) << 1 | (left & EAST_COLUMN) >> 7;
}

/* The pixels of a tile that the forest reaches over links eastwards and down. */
static uint64_t reach_onwards(const gc_flow *f, size_t i) {
    const ptrdiff_t row = f->tiles_x;
    const gc_tile *own = &f->tile[i], *up = own - row;
    const uint64_t *at = f->frontier + i, *above = at - row;
    const uint64_t southwest = at_east(at[0] & own->open[5], at[1] & own[1].open[5]),
                   southwest2 = at_east(above[0] & up->open[5], above[1] & up[1].open[5]),
                   southeast = at_west(at[0] & own->open[7], at[-1] & own[-1].open[7]),
                   southeast2 = at_west(above[0] & up->open[7], above[-1] & up[-1].open[7]);
    return at_west(at[0] & own->open[4], at[-1] & own[-1].open[4]) | (at[0] & own->open[6]) << 8 |
           (above[0] & up->open[6]) >> 56 | southwest << 8 | southwest2 >> 56 | southeast << 8 |
           southeast2 >> 56;
}

/* Those of `bits` that it reaches in another direction: rooms have to be worked out from colours.
 */
static uint64_t reach_backwards(const fall *r, size_t i, uint64_t bits) {
    const gc_flow *f = r->flow;
    const uint64_t *own = f->frontier + i, *down = own + f->tiles_x;
    const uint64_t east = at_east(own[0], own[1]), east2 = at_east(down[0], down[1]);
    uint64_t reached = 0;
    bits &= east | own[0] >> 8 | down[0] << 56 | east >> 8 | east2 << 56 |
            at_west(own[0], own[-1]) >> 8 | at_west(down[0], down[-1]) << 56;
    for (; bits; bits &= bits - 1) {
        const size_t p = i * 64 + (size_t)__builtin_ctzll(bits);
        for (unsigned d = 4; d < 8; d++) {
            const size_t q = beside(r, p, d);
            if (!has_bit(f->frontier[q / 64], q) || room_into(r, p, d) < r->ample)
                continue;
            reached |= bits & -bits;
            break;
        }
    }
    return reached;
}

/* Notes that the tiles around are to be looked at for the next level. */
static void note_around(const gc_flow *f, size_t tile, int level) {
    const ptrdiff_t row = f->tiles_x;
    for (ptrdiff_t y = -row; y <= row; y += row)
        memset(f->stale + (ptrdiff_t)tile + y - 1, level, 3);
}

/* Adds a level, from 1 on. Returns 0 if it has no pixels. */
static int grow_forest(fall *r, int level) {
    gc_flow *f = r->flow;
    uint64_t any = 0;
    size_t n = 0;
    for (size_t at = 0; at < r->tiles_left; at++) {
        const size_t i = r->left[at];
        gc_tile *tile = &f->tile[i];
        if (level > 1 && f->stale[i] != level)
            continue;
        const uint64_t bits = tile->unreached & ~f->frontier[i];
        tile->next = bits & reach_onwards(f, i);
        tile->next |= reach_backwards(r, i, bits & ~tile->next);
        any |= tile->next;
    }
    for (size_t at = 0; at < r->tiles_left; at++) {
        const uint32_t i = r->left[at];
        r->left[n] = i;
        n += (f->tile[i].unreached & ~(f->frontier[i] | f->tile[i].next)) != 0;
        if (!f->tile[i].next)
            continue;
        f->frontier[i] |= f->tile[i].next;
        f->tile[i].next = 0;
        note_around(f, i, level + 1);
    }
    r->tiles_left = n;
    return any != 0;
}

static size_t count_left(const fall *r) {
    size_t n = 0;
    for (size_t at = 0; at < r->tiles_left; at++) {
        const size_t i = r->left[at];
        n += (size_t)__builtin_popcountll(r->flow->tile[i].unreached & ~r->flow->frontier[i]);
    }
    return n;
}

/* A root gives to at most the pixels within as many steps as there are levels. Returns 1 if what it
 * has is then enough for all that are not in the forest, too. */
static int grow_all(fall *r, int levels) {
    gc_flow *f = r->flow;
    const size_t row = (size_t)f->tiles_x, end = row * (size_t)(f->tiles_y - 1);
    const int32_t all = (2 * levels + 1) * (2 * levels + 1) * r->amount;
    r->ample = (all + UNIT - 1) / UNIT * UNIT;
    r->tiles_left = 0;
    gc_pool_run(r->pool, plant_rows, r);
    for (size_t i = row; i < end; i++) {
        r->left[r->tiles_left] = (uint32_t)i;
        r->tiles_left += (f->tile[i].unreached & ~f->frontier[i]) != 0;
    }
    for (int level = 1; level <= levels && r->tiles_left > 0; level++)
        if (gc_pool_halt(r->pool, 0, r->tiles_left * 16) || !grow_forest(r, level))
            break;
    return count_left(r) <= (size_t)((r->ample - all) / r->amount);
}

/* ---- paths ------------------------------------------------------------------------------------
 */

/* Gives pixel `to` what can come along the directions by which a search went: something. */
static void send_along(const fall *r, size_t to, size_t from) {
    const gc_flow *f = r->flow;
    int32_t amount = -f->excess[to];
    if (!has_bit(f->frontier[from / 64], from) && f->excess[from] < amount)
        amount = f->excess[from];
    for (size_t p = from; p != to;) {
        const unsigned d = f->label[p]; /* from p on to the one before it */
        p = beside(r, p, d);
        const int32_t room = room_into(r, p, 7 - d);
        amount = room < amount ? room : amount;
    }
    for (size_t p = from; p != to;) {
        const unsigned d = f->label[p];
        unsigned full;
        gc_use_link(f, &r->course, p, color_of(f, &r->course, p), d, amount, &full);
        p = beside(r, p, d);
    }
    f->excess[from] -= amount;
    f->excess[to] += amount;
}

/* A search from a pixel with a deficit, backwards and breadth first, for one of the forest or with
 * excess. Without any, all that it has visited is in doubt. Returns 0 if the memory is too small.
 */
static int find_path(fall *r, size_t to) {
    gc_flow *f = r->flow;
    size_t found = to;
    r->end = 0;
    r->queue[r->end++] = (uint32_t)to;
    f->tile[to / 64].next |= UINT64_C(1) << to % 64;
    for (size_t at = 0; at < r->end && found == to; at++) {
        const size_t p = r->queue[at];
        for (unsigned d = 0; d < 8 && found == to; d++) {
            const size_t q = beside(r, p, d);
            gc_tile *tile = &f->tile[q / 64];
            if (!has_bit(tile->unreached & ~tile->next, q) || room_into(r, p, d) == 0)
                continue;
            if (r->end == r->room)
                return 0;
            tile->next |= UINT64_C(1) << q % 64;
            f->label[q] = (uint8_t)(7 - d);
            r->queue[r->end++] = (uint32_t)q;
            if (f->excess[q] > 0 || has_bit(f->frontier[q / 64], q))
                found = q;
        }
    }
    for (size_t at = 0; at < r->end; at++)
        f->tile[r->queue[at] / 64].next &= ~(UINT64_C(1) << r->queue[at] % 64);
    if (found != to) {
        send_along(r, to, found);
        return 1;
    }
    for (size_t at = 0; at < r->end; at++) {
        f->tile[r->queue[at] / 64].unreached &= ~(UINT64_C(1) << r->queue[at] % 64);
        f->tile[r->queue[at] / 64].active |= UINT64_C(1) << r->queue[at] % 64;
    }
    r->doubtful += r->end;
    return 1;
}

static void lower_pixels(const fall *r, size_t tile, uint64_t bits) {
    for (; bits; bits &= bits - 1)
        r->flow->excess[tile * 64 + (size_t)__builtin_ctzll(bits)] -= r->amount;
}

/* Finds out what the pixels get that are not in the forest. Returns 0 if the memory is too small,
 * or to stop; what it has done holds. */
static int find_paths(fall *r) {
    const gc_flow *f = r->flow;
    for (size_t at = 0; at < r->tiles_left; at++) {
        const size_t i = r->left[at];
        for (uint64_t rest = f->tile[i].unreached & ~f->frontier[i]; rest; rest &= rest - 1) {
            const size_t p = i * 64 + (size_t)__builtin_ctzll(rest);
            while (f->excess[p] < 0 && has_bit(f->tile[i].unreached, p))
                if (!find_path(r, p) || gc_pool_halt(r->pool, 0, r->end * 8))
                    return 0;
        }
    }
    return 1;
}

/* ---- all of it --------------------------------------------------------------------------------
 */

/* The arcs of a pixel of the foreground to others of it. */
static unsigned open_arcs(const fall *r, size_t p) {
    const gc_flow *f = r->flow;
    unsigned open = 0;
    for (unsigned d = 0; d < 8; d++) {
        const size_t q = beside(r, p, d);
        if (has_bit(f->tile[q / 64].alive, q))
            open |= (unsigned)(room_into(r, q, 7 - d) > 0) << d;
    }
    return open;
}

/* The cut of the foreground alone, to which nothing can come from the background. The solver needs
 * all bits of the tiles, so excess marks what was background. */
static int cut_foreground(fall *r) {
    gc_flow *f = r->flow;
    const size_t row = (size_t)f->tiles_x, end = row * (size_t)(f->tiles_y - 1);
    for (size_t i = row; i < end; i++) {
        gc_tile *tile = &f->tile[i];
        for (uint64_t rest = tile->alive; rest; rest &= rest - 1)
            f->excess[i * 64 + (size_t)__builtin_ctzll(rest)] = SETTLED;
        lower_pixels(r, i, tile->unreached & f->frontier[i]);
        tile->alive = tile->unreached | tile->active;
    }
    for (size_t i = row; i < end; i++) {
        gc_tile *tile = &f->tile[i];
        memset(f->open + i * 64, 0, 64);
        for (uint64_t rest = tile->alive; rest; rest &= rest - 1) {
            const size_t p = i * 64 + (size_t)__builtin_ctzll(rest);
            f->open[p] = (uint8_t)open_arcs(r, p);
        }
        tile->active = tile->deficit = tile->next = 0;
        f->frontier[i] = 0;
        f->stale[i] = 1;
    }
    f->window = LOWERED_WINDOW;
    return gc_flow_solve(f, r->kernels, r->pool);
}

/* Of that cut the background is in doubt. */
static size_t restore_background(gc_flow *f) {
    const size_t row = (size_t)f->tiles_x, end = row * (size_t)(f->tiles_y - 1);
    size_t count = 0;
    for (size_t i = row; i < end; i++) {
        gc_tile *tile = &f->tile[i];
        tile->unreached = tile->alive;
        count += (size_t)__builtin_popcountll(tile->unreached);
        tile->alive = 0;
        for (int k = 0; k < 64; k++)
            tile->alive |= (uint64_t)(f->excess[i * 64 + (size_t)k] == SETTLED) << k;
    }
    return count;
}

int gc_flow_lower(gc_flow *f, const gc_kernels *kernels, gc_pool *pool, int32_t amount,
                  uint32_t *memory, size_t room, size_t *count) {
    fall r = {.flow = f,
              .kernels = kernels,
              .pool = pool,
              .amount = amount,
              .left = f->list[0],
              .queue = memory,
              .room = room};
    const size_t row = (size_t)f->tiles_x, end = row * (size_t)(f->tiles_y - 1);
    int enough = 0;
    *count = 0;
    gc_flow_course(&r.course, f);
    for (int i = 0; i < FORESTS && !enough; i++)
        enough = grow_all(&r, FIRST_LEVELS << i);
    if (gc_pool_halt(pool, 0, 0))
        return GRABCUT_ECANCELED;
    for (size_t at = 0; at < r.tiles_left; at++)
        lower_pixels(&r, r.left[at], f->tile[r.left[at]].unreached & ~f->frontier[r.left[at]]);
    if (!enough || !find_paths(&r)) {
        if (gc_pool_halt(pool, 0, 0) || cut_foreground(&r))
            return GRABCUT_ECANCELED;
        *count = restore_background(f);
        return GRABCUT_OK;
    }
    for (size_t i = row; i < end; i++)
        f->tile[i].unreached = f->tile[i].active;
    *count = r.doubtful;
    return GRABCUT_OK;
}
