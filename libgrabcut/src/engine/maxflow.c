/*
 * Push-relabel (Goldberg, Tarjan, "A new approach to the maximum-flow problem", JACM 1988) on
 * images.
 *
 * Rounds of two steps until no excess is left that could reach the sink:
 *  - A search backwards from the sink labels pixels with their exact distance (global relabelling,
 *    Cherkassky, Goldberg 1997). It is breadth-first on bits, 64 pixels a step, and goes only a
 * little beyond the nearest active pixel. The far side of a bottleneck holds far more excess than
 * can come through; what is near is enough to fill it, and what is far need not be moved. The
 * window grows from round to round.
 *  - Sweeps over the tiles discharge the active pixels in the window: excess goes to neighbours
 * with the label one less, or the label rises, until it leaves the window. In a tile, 8x8 pixels,
 * the arcs to lower labels are found for all pixels at once; excess runs over them until it is
 * stuck; then all labels that have to rise do at the same time. A search that goes to the end
 * leaves those pixels unreached that are foreground for good; they leave the graph.
 *
 * Labels are kept modulo 256. That is enough: along an open arc they fall by at most one, and a
 * push up a step of 255 or more, which would be mistaken for one down, costs time but not
 * correctness. So that it costs no more than some time, the number of rounds is bounded; what is
 * left then goes along augmenting paths.
 */
#include "maxflow.h"

#include "flow_memory.h"

#include <limits.h>
#include <string.h>

enum {
    REST_WINDOW = 32, /* after bands: little is left, and searches take most of the time */
    SWEEPS = 8,       /* over the tiles, a round */
    BAND_RISES = 3    /* of labels, a pixel; a band that takes more has its sinks elsewhere */
};

static const int DX[8] = {-1, 0, 1, -1, 1, -1, 0, 1};
static const int DY[8] = {-1, -1, -1, 0, 0, 1, 1, 1};

#define WEST_COLUMN UINT64_C(0x0101010101010101)
#define EAST_COLUMN UINT64_C(0x8080808080808080)

/* Tile rows [top, bottom) and what is known of them. */
typedef struct band {
    gc_flow *f;
    const gc_course *c;
    const gc_kernels *kernels;
    gc_pool *pool;
    int index; /* of the part of the pool */
    int top, bottom;
    int closed;        /* other threads work on the other bands: arcs to them are closed */
    uint32_t *list[2]; /* tiles at the front of the search */
    int level;         /* labels from here on are only lower bounds */
    int complete;      /* the last search went to the end: there are no such labels */
    uint64_t pixels, rises;
} band;

/* Counts work, a unit about a tenth of a microsecond; from time to time checks for a stop request.
 * Returns 1 to stop. */
static int halt_band(const band *b, size_t work) {
    return gc_pool_halt(b->pool, b->index, work * 8);
}

void gc_flow_course(gc_course *c, const gc_flow *f) {
    const ptrdiff_t line = (ptrdiff_t)f->bgr_stride;
    for (int d = 0; d < 8; d++)
        c->color[d] = DY[d] * line + DX[d] * 3;
    for (int k = 0; k < 64; k++) {
        c->place[k] = k / 8 * line + k % 8 * 3;
        for (int d = 0; d < 8; d++) {
            int x = k % 8 + DX[d] + 8, y = k / 8 + DY[d] + 8;
            int tile = (y / 8 - 1) * f->tiles_x + x / 8 - 1;
            c->pixel[k][d] = tile * 64 + (y % 8 * 8 + x % 8) - k;
            c->link[k][d] = d >= 4 ? d - 4 : c->pixel[k][d] * 4 + 3 - d;
        }
    }
}

/* ---- the search
 * -------------------------------------------------------------------------------------- */

typedef struct front {
    uint32_t *tiles;
    size_t n;
} front;

/* Without branches, which would be unpredictable: the list's entry is written in any case and
 * counts if the tile is new to it. */
static inline void reach_pixels(const gc_flow *f, front *to, gc_tile *tile, uint64_t bits) {
    bits &= tile->unreached;
    to->tiles[to->n] = (uint32_t)(tile - f->tile);
    to->n += (bits != 0) & (tile->next == 0);
    tile->next |= bits;
}

/* Reaches the pixels whose open arcs lead into the frontier bits of a tile. */
static inline void expand_tile(const band *b, front *to, size_t i) {
    const gc_flow *f = b->f;
    const ptrdiff_t row = f->tiles_x;
    gc_tile *tile = &f->tile[i];
    const uint64_t at = f->frontier[i], *own = tile->open;
    uint64_t west = (at & ~WEST_COLUMN) >> 1, east = (at & ~EAST_COLUMN) << 1;
    reach_pixels(f, to, tile,
                 (own[4] & west) | (own[3] & east) | (own[6] & at >> 8) | (own[1] & at << 8) |
                     (own[7] & west >> 8) | (own[5] & east >> 8) | (own[2] & west << 8) |
                     (own[0] & east << 8));
    if (at & 0xff && i >= (size_t)(b->top + 1) * (size_t)row) {
        gc_tile *up = tile - row;
        reach_pixels(f, to, up,
                     (up->open[6] & at << 56) | (up->open[7] & west << 56) |
                         (up->open[5] & east << 56));
        if (at & 0x01)
            reach_pixels(f, to, up - 1, up[-1].open[7] & UINT64_C(1) << 63);
        if (at & 0x80)
            reach_pixels(f, to, up + 1, up[1].open[5] & UINT64_C(1) << 56);
    }
    if (at >> 56 && i < (size_t)(b->bottom - 1) * (size_t)row) {
        gc_tile *down = tile + row;
        reach_pixels(f, to, down,
                     (down->open[1] & at >> 56) | (down->open[2] & west >> 56) |
                         (down->open[0] & east >> 56));
        if (at >> 56 & 0x01)
            reach_pixels(f, to, down - 1, down[-1].open[2] & UINT64_C(0x80));
        if (at >> 56 & 0x80)
            reach_pixels(f, to, down + 1, down[1].open[0] & UINT64_C(0x01));
    }
    if (at & WEST_COLUMN) {
        gc_tile *left = tile - 1;
        uint64_t column = (at & WEST_COLUMN) << 7;
        reach_pixels(f, to, left,
                     (left->open[4] & column) | (left->open[7] & column >> 8) |
                         (left->open[2] & column << 8));
    }
    if (at & EAST_COLUMN) {
        gc_tile *right = tile + 1;
        uint64_t column = (at & EAST_COLUMN) >> 7;
        reach_pixels(f, to, right,
                     (right->open[3] & column) | (right->open[5] & column >> 8) |
                         (right->open[0] & column << 8));
    }
}

/* Prepares all alive tiles for the search; the first front is the deficits. */
static void begin_search(band *b, front *first) {
    gc_flow *f = b->f;
    first->n = 0;
    for (int ty = b->top; ty < b->bottom && !halt_band(b, (size_t)f->tiles_x / 2); ty++)
        for (int tx = 1; tx < f->tiles_x - 1; tx++) {
            size_t i = (size_t)ty * (size_t)f->tiles_x + (size_t)tx;
            gc_tile *tile = &f->tile[i];
            tile->active |= f->frontier[i];
            tile->deficit &= ~f->frontier[i];
            tile->unreached = tile->alive;
            tile->next = tile->deficit & tile->alive;
            if (!tile->alive)
                continue;
            if (f->stale[i]) {
                f->stale[i] = 0;
                b->kernels->split_planes(tile->open, f->open + i * 64);
            }
            if (tile->next)
                first->tiles[first->n++] = (uint32_t)i;
        }
}

/* Labels the next front. Returns 1 if it contains active pixels. */
static int settle_front(const band *b, const front *now, int level) {
    gc_flow *f = b->f;
    uint64_t active = 0;
    for (size_t i = 0; i < now->n; i++) {
        gc_tile *tile = &f->tile[now->tiles[i]];
        uint64_t bits = tile->next;
        f->frontier[now->tiles[i]] = bits;
        tile->next = 0;
        tile->unreached &= ~bits;
        active |= bits & tile->active;
        b->kernels->set_bytes(f->label + (size_t)now->tiles[i] * 64, bits, (uint8_t)level);
    }
    return active != 0;
}

static void close_arcs_to(gc_flow *f, const gc_course *c, size_t tile, uint64_t dead) {
    for (; dead; dead &= dead - 1) {
        int k = __builtin_ctzll(dead);
        uint8_t *open = f->open + tile * 64 + k;
        for (int d = 0; d < 8; d++)
            open[c->pixel[k][d]] &= (uint8_t) ~(128 >> d);
    }
}

static void mark_stale(const band *b, size_t tile) {
    const size_t row = (size_t)b->f->tiles_x;
    uint8_t *stale = b->f->stale + tile;
    stale[-1] = stale[0] = stale[1] = 1;
    if (tile >= (size_t)(b->top + 1) * row)
        stale[-(ptrdiff_t)row - 1] = stale[-(ptrdiff_t)row] = stale[-(ptrdiff_t)row + 1] = 1;
    if (tile < (size_t)(b->bottom - 1) * row)
        stale[row - 1] = stale[row] = stale[row + 1] = 1;
}

/* Whether a tile or one around it has a bit of `member`. */
#define AROUND(tile, row, member)                                                                  \
    ((tile)[0].member | (tile)[-1].member | (tile)[1].member | (tile)[-(row)-1].member |           \
     (tile)[-(row)].member | (tile)[-(row) + 1].member | (tile)[(row)-1].member |                  \
     (tile)[row].member | (tile)[(row) + 1].member)

/* What the search has not reached: foreground for good if it is complete, else too far away in this
 * round. */
static void end_search(band *b) {
    gc_flow *f = b->f;
    const ptrdiff_t row = f->tiles_x;
    for (int ty = b->top; ty < b->bottom && !halt_band(b, (size_t)row / 2); ty++)
        for (int tx = 1; tx < f->tiles_x - 1; tx++) {
            size_t i = (size_t)ty * (size_t)row + (size_t)tx;
            gc_tile *tile = &f->tile[i];
            uint64_t far = tile->unreached;
            f->frontier[i] = tile->active & ~far;
            if (!far)
                continue;
            if (!b->complete) {
                b->kernels->set_bytes(f->label + i * 64, far, (uint8_t)b->level);
                continue;
            }
            tile->alive &= ~far;
            tile->active &= ~far;
            if (AROUND(tile, row, alive)) {
                close_arcs_to(f, b->c, i, far);
                mark_stale(b, i);
            }
        }
}

/* Labels what is up to `window` levels beyond the nearest active pixel; returns 0 if none can reach
 * the sink. */
static int search_levels(band *b, int window) {
    front now = {b->list[0], 0}, then = {b->list[1], 0};
    int last = INT_MAX, any = 0;
    begin_search(b, &now);
    int level = 1;
    for (; now.n && level <= last; level++) {
        if (settle_front(b, &now, level) && !any) {
            any = 1;
            last = level + window;
        }
        if (halt_band(b, now.n))
            return 0;
        then.n = 0;
        for (size_t i = 0; i < now.n; i++)
            expand_tile(b, &then, now.tiles[i]);
        front swap = now;
        now = then;
        then = swap;
    }
    b->level = level;
    b->complete = now.n == 0 && !b->closed;
    end_search(b);
    return any;
}

/* ---- the sweeps
 * -------------------------------------------------------------------------------------- */

/* Discharges what is in the frontier of a tile, for some time. */
static void discharge_tile(band *b, int tx, int ty) {
    const gc_flow *f = b->f;
    const size_t i = (size_t)ty * (size_t)f->tiles_x + (size_t)tx, row = (size_t)f->tiles_x * 64;
    /* Labels of another thread's pixels are not used, so any others will do. */
    const uint8_t *label = f->label + i * 64;
    const gc_visit visit = {
        .tile = i,
        .up = b->closed && ty == b->top ? label : label - row,
        .down = b->closed && ty == b->bottom - 1 ? label : label + row,
        .color = f->bgr + (size_t)(ty * 8 - 8) * f->bgr_stride + (size_t)(tx * 8 - 8) * 3,
        .level = (uint8_t)b->level,
        .complete = b->complete,
    };
    b->rises += b->kernels->discharge(f, b->c, &visit);
}

/* Discharges what the search has put into the frontier, tile by tile. Returns 0 if it was empty. */
static int sweep_tiles(band *b, uint64_t limit) {
    gc_flow *f = b->f;
    int any = 0;
    for (int ty = b->top; ty < b->bottom; ty++) {
        uint64_t before = b->rises;
        size_t visited = 0;
        for (int tx = 1; tx < f->tiles_x - 1; tx++) {
            size_t i = (size_t)ty * (size_t)f->tiles_x + (size_t)tx;
            if (!f->frontier[i])
                continue;
            if (b->rises >= limit)
                return 0;
            any = 1;
            visited++;
            mark_stale(b, i);
            discharge_tile(b, tx, ty);
        }
        if (halt_band(b, (size_t)(b->rises - before) + visited * 4 + (size_t)f->tiles_x / 16))
            return 0;
    }
    return any;
}

/* Bits for excess and deficits, from the cells. */
static void mark_signs(band *b) {
    gc_flow *f = b->f;
    b->pixels = 0;
    for (int ty = b->top; ty < b->bottom && !halt_band(b, (size_t)f->tiles_x * 2); ty++)
        for (int tx = 1; tx < f->tiles_x - 1; tx++) {
            size_t i = (size_t)ty * (size_t)f->tiles_x + (size_t)tx;
            gc_tile *tile = &f->tile[i];
            b->pixels += (uint64_t)__builtin_popcountll(tile->alive);
            if (!tile->alive)
                continue;
            uint64_t negative, positive;
            b->kernels->signs(&negative, &positive, f->excess + i * 64);
            tile->deficit |= negative & tile->alive;
            tile->active |= positive & tile->alive;
        }
}

/* ---- augmenting paths
 * -------------------------------------------------------------------------------- */

enum { ARRIVED = 8 }; /* in place of a direction: a deficit */

static int has_been_reached(const gc_flow *f, size_t p) {
    const gc_tile *tile = &f->tile[p / 64];
    return (tile->alive & ~tile->unreached) >> p % 64 & 1;
}

/* For each pixel that the front is about to reach, the direction of an open arc to one that the
 * search has reached before. In place of its label. */
static void note_directions(gc_flow *f, const gc_course *c, const front *now) {
    for (size_t i = 0; i < now->n; i++)
        for (uint64_t rest = f->tile[now->tiles[i]].next; rest; rest &= rest - 1) {
            unsigned k = (unsigned)__builtin_ctzll(rest);
            size_t p = (size_t)now->tiles[i] * 64 + k;
            unsigned open = f->open[p], d = (unsigned)__builtin_ctz(open);
            while (!has_been_reached(f, (size_t)((ptrdiff_t)p + c->pixel[k][d]))) {
                open &= open - 1;
                d = (unsigned)__builtin_ctz(open);
            }
            f->label[p] = (uint8_t)d;
        }
}

/* A breadth-first search backwards from all deficits, which leaves directions instead of labels. */
static int search_paths(band *b) {
    gc_flow *f = b->f;
    front now = {b->list[0], 0}, then = {b->list[1], 0};
    int any = 0;
    begin_search(b, &now);
    for (int first = 1; now.n; first = 0) {
        if (halt_band(b, now.n * 16))
            return 0;
        if (!first)
            note_directions(f, b->c, &now);
        for (size_t i = 0; i < now.n; i++) {
            gc_tile *tile = &f->tile[now.tiles[i]];
            uint64_t bits = tile->next;
            f->frontier[now.tiles[i]] = bits;
            tile->next = 0;
            tile->unreached &= ~bits;
            if (first)
                b->kernels->set_bytes(f->label + (size_t)now.tiles[i] * 64, bits, ARRIVED);
            any |= (bits & tile->active) != 0;
        }
        then.n = 0;
        for (size_t i = 0; i < now.n; i++)
            expand_tile(b, &then, now.tiles[i]);
        front swap = now;
        now = then;
        then = swap;
    }
    b->complete = 1;
    end_search(b);
    return any;
}

/* A pixel on a path. */
typedef struct place {
    size_t pixel;
    const uint8_t *color;
} place;

static void step_along(place *p, const gc_course *c, unsigned d) {
    p->pixel = (size_t)((ptrdiff_t)p->pixel + c->pixel[p->pixel % 64][d]);
    p->color += c->color[d];
}

static int32_t room_of(const gc_flow *f, const gc_course *c, const place *p, unsigned d) {
    int32_t kept = gc_room(f, (size_t)((ptrdiff_t)p->pixel * 4 + c->link[p->pixel % 64][d]));
    uint32_t distance = gc_color_distance(p->color, p->color + c->color[d]);
    return d >= 4 ? kept : 2 * gc_nlinks_capacity(f->links, distance, d & 1) - kept;
}

/* Sends what a pixel's excess, the links of its path and the deficit at its end allow. */
static void augment(const band *b, const place from) {
    gc_flow *f = b->f;
    const gc_course *c = b->c;
    int32_t *excess = &f->excess[from.pixel], amount = *excess;
    place p = from;
    for (unsigned d; amount > 0 && (d = f->label[p.pixel]) != ARRIVED; step_along(&p, c, d)) {
        int32_t room = room_of(f, c, &p, d);
        amount = room < amount ? room : amount;
    }
    int32_t *deficit = &f->excess[p.pixel];
    amount = -*deficit < amount ? -*deficit : amount;
    *excess -= amount > 0 ? amount : 0;
    if (*excess == 0)
        f->tile[from.pixel / 64].active &= ~(UINT64_C(1) << from.pixel % 64);
    if (amount <= 0) /* earlier paths took it all */
        return;
    *deficit += amount;
    if (*deficit == 0)
        f->tile[p.pixel / 64].deficit &= ~(UINT64_C(1) << p.pixel % 64);
    for (p = from; f->label[p.pixel] != ARRIVED;) {
        unsigned full, d = f->label[p.pixel];
        place q = p;
        step_along(&q, c, d);
        gc_use_link(f, c, p.pixel, p.color, d, amount, &full);
        f->open[p.pixel] &= (uint8_t) ~(full << d);
        f->open[q.pixel] |= (uint8_t)(128 >> d);
        mark_stale(b, p.pixel / 64);
        p = q;
    }
}

/* Augmenting along shortest paths (Edmonds, Karp 1972), many between two searches. The first one
 * after a search always sends something, so this ends. */
static void augment_rest(band *b) {
    gc_flow *f = b->f;
    while (search_paths(b))
        for (int ty = b->top; ty < b->bottom; ty++)
            for (int tx = 1; tx < f->tiles_x - 1; tx++) {
                size_t i = (size_t)ty * (size_t)f->tiles_x + (size_t)tx;
                uint64_t rest = f->frontier[i];
                f->frontier[i] = 0; /* not all pixels in it stay active */
                for (; rest; rest &= rest - 1) {
                    unsigned k = (unsigned)__builtin_ctzll(rest);
                    size_t x = (size_t)tx * 8 - 8 + k % 8, y = (size_t)ty * 8 - 8 + k / 8;
                    augment(b, (place){i * 64 + k, f->bgr + y * f->bgr_stride + x * 3});
                    if (halt_band(b, 64))
                        return;
                }
            }
}

/* ---- all of it
 * --------------------------------------------------------------------------------------- */

/* Rounds until no excess can reach a deficit; returns 0 if there have been too many. */
static int run_rounds(band *b, int window) {
    int rounds = 0;
    for (; rounds < b->f->rounds && search_levels(b, window); rounds++, window += 1 + window / 10) {
        uint64_t limit = b->rises + b->pixels * 3 / 10 + 1;
        for (int i = 0; i < SWEEPS && sweep_tiles(b, limit); i++)
            continue;
        if (b->closed && b->rises > b->pixels * BAND_RISES)
            break;
    }
    return rounds < b->f->rounds;
}

/* One row of pixels: none of the arcs in `directions` is open. */
static void close_row(gc_flow *f, int ty, int row, unsigned directions) {
    uint8_t *open = f->open + (size_t)ty * (size_t)f->tiles_x * 64 + (size_t)row * 8;
    memset(f->stale + (size_t)ty * (size_t)f->tiles_x, 1, (size_t)f->tiles_x);
    for (int tx = 0; tx < f->tiles_x; tx++, open += 64)
        for (int x = 0; x < 8; x++)
            open[x] &= (uint8_t)~directions;
}

/* The arcs between the last row of pixels of the tiles in row ty and the next tiles' first one. */
static void open_seam(const band *b, int ty) {
    gc_flow *f = b->f;
    for (int tx = 1; tx < f->tiles_x - 1; tx++) {
        size_t i = (size_t)ty * (size_t)f->tiles_x + (size_t)tx;
        mark_stale(b, i);
        for (uint64_t rest = f->tile[i].alive & ~UINT64_C(0) << 56; rest; rest &= rest - 1) {
            unsigned k = (unsigned)__builtin_ctzll(rest);
            const uint8_t *color = f->bgr + ((ptrdiff_t)(ty * 8 - 8) * (ptrdiff_t)f->bgr_stride +
                                             (tx * 8 - 8) * 3 + b->c->place[k]);
            for (unsigned d = 5; d < 8; d++) {
                place p = {i * 64 + k, color}, q = p;
                step_along(&q, b->c, d);
                if (!(f->tile[q.pixel / 64].alive >> q.pixel % 64 & 1))
                    continue;
                f->open[p.pixel] |= (uint8_t)((room_of(f, b->c, &p, d) > 0) << d);
                f->open[q.pixel] |= (uint8_t)((room_of(f, b->c, &q, 7 - d) > 0) << (7 - d));
            }
        }
    }
}

typedef struct bands {
    int n;
    band band[GC_MAX_THREADS];
} bands;

static void run_band(void *ctx, int index, int parts) {
    bands *all = ctx;
    (void)parts;
    if (index >= all->n)
        return;
    band *b = &all->band[index];
    if (index > 0)
        close_row(b->f, b->top, 0, 0x07);
    if (index < all->n - 1)
        close_row(b->f, b->bottom - 1, 7, 0xe0);
    mark_signs(b);
    if (b->closed)
        run_rounds(b, b->f->window);
}

/* As many as have enough work for a thread. */
static void divide_into_bands(bands *all, const band *whole) {
    gc_flow *f = whole->f;
    gc_pool *pool = whole->pool;
    int rows = f->tiles_y - 2,
        most = (int)((size_t)rows * (size_t)f->tiles_x / (size_t)f->band_tiles);
    all->n = pool->parts < most ? pool->parts : most;
    all->n = all->n < rows ? all->n : rows;
    all->n = all->n > 1 && f->rounds > 0 ? all->n : 1;
    for (int i = 0; i < all->n; i++) {
        int top = 1 + gc_part_start(rows, i, all->n),
            bottom = 1 + gc_part_start(rows, i + 1, all->n);
        size_t first = (size_t)top * (size_t)f->tiles_x;
        all->band[i] = *whole;
        all->band[i].index = i;
        all->band[i].top = top;
        all->band[i].bottom = bottom;
        all->band[i].closed = all->n > 1;
        all->band[i].list[0] = f->list[0] + first;
        all->band[i].list[1] = f->list[1] + first;
    }
}

/* Most flow is local, so each thread first solves a band of its own. What has to cross a seam goes
 * on from there: any preflow will do to start from. */
int gc_flow_solve(gc_flow *f, const gc_kernels *kernels, gc_pool *pool) {
    gc_course c;
    bands all;
    band whole = {.f = f,
                  .c = &c,
                  .kernels = kernels,
                  .pool = pool,
                  .top = 1,
                  .bottom = f->tiles_y - 1,
                  .list = {f->list[0], f->list[1]}};
    gc_flow_course(&c, f);
    divide_into_bands(&all, &whole);
    gc_pool_run(pool, run_band, &all);
    for (int i = 0; i < all.n; i++) {
        whole.pixels += all.band[i].pixels;
        if (i > 0)
            open_seam(&whole, all.band[i].top - 1);
    }
    if (!run_rounds(&whole, all.n > 1 ? REST_WINDOW : f->window) && !halt_band(&whole, 0))
        augment_rest(&whole);
    f->window = GC_LATER_WINDOW;
    return halt_band(&whole, 0) ? GRABCUT_ECANCELED : GRABCUT_OK;
}
