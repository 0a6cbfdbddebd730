/*
 * Push-relabel (Goldberg, Tarjan 1988) with a first-in, first-out queue and global relabelling
 * (Cherkassky, Goldberg 1997) on the doubtful pixels alone, with capacities of 64 bits. Pixels are
 * numbered in the order of their tiles; a neighbour's number follows from counting bits.
 */
#include "refine.h"

#include "flow_memory.h"
#include "mixture.h"

#include <math.h>

/* Units in a unit of the reference's energy. */
static const double UNITS = 1099511627776.0;
/* A terminal link beyond all the links to neighbours together settles its pixel. */
static const double MOST_TERMINAL = 345;

enum { UNREACHABLE = INT32_MAX };

static const int STEP_X[8] = {-1, 0, 1, -1, 1, -1, 0, 1};
static const int STEP_Y[8] = {-1, -1, -1, 0, 0, 1, 1, 1};

void gc_fine_links_init(gc_fine_links *links, double beta) {
    /* The reference divides by the float square root of 2. */
    const double gamma[2] = {50 / sqrtf(2.0f), 50};
    for (int straight = 0; straight < 2; straight++)
        for (int j = 0; j < GC_LOW; j++)
            links->low[straight][j] = gamma[straight] * exp(-beta * j) * UNITS;
    for (int i = 0; i < GC_HIGH; i++)
        links->high[i] = exp(-beta * GC_LOW * i);
}

int64_t gc_fine_links_capacity(const gc_fine_links *links, uint32_t distance, int straight) {
    return llrint(links->high[distance >> GC_LOW_BITS] * links->low[straight][distance % GC_LOW]);
}

/* The doubtful pixels as a graph. */
typedef struct fine {
    const gc_refine_case *c;
    int32_t n;
    int64_t *room;   /* by pixel and slot: what the link can still take eastwards and down */
    int64_t *excess; /* > 0: flow that waits here; < 0: room towards the sink */
    uint32_t *pixel; /* its number in the flow */
    int32_t *label;  /* distance to a deficit */
    int32_t *queue;  /* of the active pixels, or of a search */
    int32_t head, waiting;
} fine;

static size_t aligned(size_t bytes) {
    return (bytes + 63) / 64 * 64;
}

size_t gc_refine_bytes(size_t pixels) {
    return aligned(pixels * 4 * sizeof(int64_t)) + aligned(pixels * sizeof(int64_t)) +
           3 * aligned(pixels * sizeof(int32_t));
}

static void *take(uint8_t **at, size_t bytes) {
    void *piece = *at;
    *at += aligned(bytes);
    return piece;
}

/* Where a tile's first doubtful pixel has its number: planes that only the fast search reads. */
static uint64_t *first_of(const fine *g, size_t tile) {
    return &g->c->flow->tile[tile].open[0];
}

typedef struct spot {
    int x, y; /* in the region */
    const uint8_t *color;
} spot;

static spot spot_of(const fine *g, int32_t i) {
    const gc_flow *f = g->c->flow;
    const int tile = (int)(g->pixel[i] / 64), k = (int)(g->pixel[i] % 64);
    spot s = {(tile % f->tiles_x - 1) * 8 + k % 8, (tile / f->tiles_x - 1) * 8 + k / 8, NULL};
    s.color = f->bgr + (ptrdiff_t)s.y * (ptrdiff_t)f->bgr_stride + (ptrdiff_t)s.x * 3;
    return s;
}

/* The number of the neighbour in direction d, or -1 if that is not a doubtful pixel. */
static int32_t neighbour(const fine *g, const spot *s, int d) {
    const int x = s->x + STEP_X[d], y = s->y + STEP_Y[d];
    const size_t tile = gc_flow_tile(g->c->flow, x, y);
    const uint64_t bit = gc_flow_bit(x, y), doubtful = g->c->flow->tile[tile].unreached;
    if (!(doubtful & bit))
        return -1;
    return (int32_t)*first_of(g, tile) + __builtin_popcountll(doubtful & (bit - 1));
}

static int64_t capacity_towards(const fine *g, const spot *s, int d) {
    const uint8_t *other = s->color + (ptrdiff_t)STEP_Y[d] * (ptrdiff_t)g->c->flow->bgr_stride +
                           (ptrdiff_t)STEP_X[d] * 3;
    return gc_fine_links_capacity(g->c->links, gc_color_distance(s->color, other),
                                  STEP_X[d] == 0 || STEP_Y[d] == 0);
}

/* What the arc from pixel i to its neighbour j in direction d can still take. */
static int64_t room_towards(const fine *g, int32_t i, int32_t j, const spot *s, int d) {
    return d >= 4 ? g->room[(size_t)i * 4 + (size_t)d - 4]
                  : 2 * capacity_towards(g, s, d) - g->room[(size_t)j * 4 + 3 - (size_t)d];
}

static void number_pixels(fine *g) {
    gc_flow *f = g->c->flow;
    const size_t tiles = (size_t)f->tiles_x * (size_t)f->tiles_y;
    for (size_t i = 0; i < tiles; i++) {
        *first_of(g, i) = (uint64_t)g->n;
        for (uint64_t rest = f->tile[i].unreached; rest; rest &= rest - 1)
            g->pixel[g->n++] = (uint32_t)(i * 64 + (size_t)__builtin_ctzll(rest));
    }
}

/* Links to the terminals, and what the pixels around pull that are settled. Returns 0 to stop. */
static int link_doubtful(fine *g) {
    const gc_view *v = g->c->view;
    const gc_flow *f = g->c->flow;
    for (int32_t i = 0; i < g->n; i++) {
        const spot s = spot_of(g, i);
        int64_t excess = gc_mixture_tlink(&g->c->bgd->mix, &g->c->fgd->mix, gc_pixel(s.color),
                                          UNITS, MOST_TERMINAL * UNITS);
        for (int d = 0; d < 8; d++) {
            const int x = s.x + STEP_X[d], y = s.y + STEP_Y[d], state = gc_view_state(v, x, y);
            int64_t *room = d >= 4 ? &g->room[(size_t)i * 4 + (size_t)d - 4] : NULL;
            if (room)
                *room = 0;
            if (state & GC_OUTSIDE)
                continue;
            const int64_t capacity = capacity_towards(g, &s, d);
            int foreground = state == GRABCUT_FGD;
            if (state == GC_UNDECIDED) {
                const gc_tile *tile = &f->tile[gc_flow_tile(f, x, y)];
                if (tile->unreached & gc_flow_bit(x, y)) {
                    if (room)
                        *room = capacity;
                    continue;
                }
                foreground = !(tile->alive & gc_flow_bit(x, y));
            }
            excess += foreground ? capacity : -capacity;
        }
        g->excess[i] = excess;
        if (gc_pool_halt(g->c->pool, 0, 64))
            return 0;
    }
    return 1;
}

/* Exact distances to the deficits, backwards and breadth first. Returns 0 to stop. */
static int label_all(fine *g) {
    int32_t end = 0;
    for (int32_t i = 0; i < g->n; i++) {
        g->label[i] = g->excess[i] < 0 ? 0 : UNREACHABLE;
        if (g->excess[i] < 0)
            g->queue[end++] = i;
    }
    for (int32_t at = 0; at < end; at++) {
        const int32_t i = g->queue[at];
        const spot s = spot_of(g, i);
        for (int d = 0; d < 8; d++) {
            const int32_t j = neighbour(g, &s, d);
            if (j < 0 || g->label[j] != UNREACHABLE)
                continue;
            /* The arc from j to i. */
            const int64_t room =
                d < 4 ? g->room[(size_t)j * 4 + 3 - (size_t)d]
                      : 2 * capacity_towards(g, &s, d) - g->room[(size_t)i * 4 + (size_t)d - 4];
            if (room <= 0)
                continue;
            g->label[j] = g->label[i] + 1;
            g->queue[end++] = j;
        }
        if (gc_pool_halt(g->c->pool, 0, 16))
            return 0;
    }
    g->head = 0;
    g->waiting = 0;
    for (int32_t i = 0; i < g->n; i++)
        if (g->excess[i] > 0 && g->label[i] != UNREACHABLE)
            g->queue[g->waiting++] = i;
    return 1;
}

static void enqueue(fine *g, int32_t i) {
    const int64_t at = (int64_t)g->head + g->waiting++;
    g->queue[at < g->n ? at : at - g->n] = i;
}

/* Pushes over the arcs to labels one less; returns the label that pixel i must have to go on. */
static int32_t push_excess(fine *g, int32_t i, const spot *s) {
    int32_t lowest = UNREACHABLE;
    for (int d = 7; d >= 0 && g->excess[i] > 0; d--) {
        const int32_t j = neighbour(g, s, d);
        if (j < 0 || g->label[j] == UNREACHABLE)
            continue;
        int64_t room = room_towards(g, i, j, s, d);
        if (room <= 0)
            continue;
        if (g->label[j] == g->label[i] - 1) {
            const int64_t amount = room < g->excess[i] ? room : g->excess[i];
            int64_t *kept = d >= 4 ? &g->room[(size_t)i * 4 + (size_t)d - 4]
                                   : &g->room[(size_t)j * 4 + 3 - (size_t)d];
            *kept += d >= 4 ? -amount : amount;
            room -= amount;
            g->excess[i] -= amount;
            const int64_t before = g->excess[j];
            g->excess[j] += amount;
            if (before <= 0 && g->excess[j] > 0)
                enqueue(g, j);
        }
        if (room > 0 && g->label[j] < lowest)
            lowest = g->label[j];
    }
    return lowest == UNREACHABLE ? UNREACHABLE : lowest + 1;
}

/* Until no excess can reach a deficit. Returns 0 to stop. */
static int cut_exactly(fine *g) {
    if (!label_all(g))
        return 0;
    int32_t rises = 0;
    while (g->waiting > 0) {
        const int32_t i = g->queue[g->head];
        const spot s = spot_of(g, i);
        g->head = g->head + 1 < g->n ? g->head + 1 : 0;
        g->waiting--;
        while (g->excess[i] > 0 && g->label[i] < g->n) {
            const int32_t label = push_excess(g, i, &s);
            if (g->excess[i] <= 0)
                break;
            g->label[i] = label < g->n ? label : UNREACHABLE;
            rises++;
        }
        if (gc_pool_halt(g->c->pool, 0, 64))
            return 0;
        if (rises > g->n) {
            rises = 0;
            if (!label_all(g))
                return 0;
        }
    }
    return label_all(g);
}

/* Numbers the pixels and links them. Returns 0 to stop. */
static int begin_refining(fine *g, size_t pixels) {
    uint8_t *at = g->c->memory;
    g->room = take(&at, pixels * 4 * sizeof *g->room);
    g->excess = take(&at, pixels * sizeof *g->excess);
    g->pixel = take(&at, pixels * sizeof *g->pixel);
    g->label = take(&at, pixels * sizeof *g->label);
    g->queue = take(&at, pixels * sizeof *g->queue);
    number_pixels(g);
    return link_doubtful(g);
}

static void make_background(const fine *g, int32_t i) {
    g->c->flow->tile[g->pixel[i] / 64].alive |= UINT64_C(1) << g->pixel[i] % 64;
}

int gc_refine(const gc_refine_case *c, size_t pixels) {
    fine g = {.c = c};
    if (!begin_refining(&g, pixels) || !cut_exactly(&g))
        return GRABCUT_ECANCELED;
    for (int32_t i = 0; i < g.n; i++)
        if (g.label[i] != UNREACHABLE)
            make_background(&g, i);
    return GRABCUT_OK;
}

/* What a link passes on of how much more background costs than foreground, up to its pixel. */
static int64_t pass_on(int64_t difference, int64_t capacity) {
    return difference > capacity ? capacity : difference < -capacity ? -capacity : difference;
}

/* Dynamic programming (Bellman 1957): forwards, by how much the pixels up to one cost more if that
 * is background than if it is foreground; backwards, the labels, in doubt foreground. */
int gc_refine_chain(const gc_refine_case *c) {
    const gc_view *v = c->view;
    const int vertical = c->flow->width == 1, slot = vertical ? 2 : 0;
    const int length = vertical ? c->flow->height : c->flow->width;
    fine g = {.c = c};
    gc_flow_clear(c->flow, c->pool);
    for (int i = 0; i < length; i++) {
        const int x = vertical ? 0 : i, y = vertical ? i : 0;
        if (gc_view_state(v, x, y) == GC_UNDECIDED)
            c->flow->tile[gc_flow_tile(c->flow, x, y)].unreached |= gc_flow_bit(x, y);
    }
    if (!begin_refining(&g, (size_t)length))
        return GRABCUT_ECANCELED;
    for (int32_t i = 1; i < g.n; i++)
        g.excess[i] += pass_on(g.excess[i - 1], g.room[(size_t)(i - 1) * 4 + (size_t)slot]);
    int foreground = 1;
    for (int32_t i = g.n - 1; i >= 0; i--) {
        const int64_t link = g.room[(size_t)i * 4 + (size_t)slot];
        foreground = g.excess[i] >= (foreground ? -link : link);
        if (!foreground)
            make_background(&g, i);
    }
    return GRABCUT_OK;
}
