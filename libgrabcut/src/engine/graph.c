/*
 * Builds the graph row by row. Decided pixels are not part of it: each of their links adds to what
 * their neighbour gets from the terminal. That is exact, since the terminal link of a decided pixel
 * in the reference (9 gamma) is more than its links to all neighbours can carry (4 gamma + 4 gamma
 * / sqrt 2).
 *
 * All terminal links are GC_DOUBT units too high: refine.h says why.
 */
#include "graph.h"

#include "flow_memory.h"
#include "refine.h"

#include <string.h>

/* A terminal link beyond all the links to the neighbours together settles its pixel; larger values
 * need not be distinguished. */
static const double TERMINAL_LIMIT = 345 * GC_SCALE;

static inline uint32_t color_at(const gc_view *v, int x, int y) {
    return gc_pixel(v->bgr + (size_t)(v->region.y + y) * v->stride + (size_t)(v->region.x + x) * 3);
}

/* The link between undecided pixels p and q, q in direction 4 + slot of p. */
static inline void join_pixels(gc_flow *f, size_t p, size_t q, int slot, int32_t cap, int fresh) {
    const size_t link = p * 4 + (size_t)slot;
    int32_t room = cap;
    if (fresh) {
        gc_set_room(f, link, cap);
    } else {
        room = gc_room(f, link);
        f->excess[p] -= cap - room;
        f->excess[q] += cap - room;
    }
    f->open[p] |= (uint8_t)((room > 0) << (4 + slot));
    f->open[q] |= (uint8_t)((2 * cap - room > 0) << (3 - slot));
}

/* The links of (x, y) in direction 4 + slot, for any two pixels. */
static void link_any(const gc_graph *g, int x, int y, int slot) {
    static const int dx[4] = {1, -1, 0, 1}, dy[4] = {0, 1, 1, 1};
    int a = gc_view_state(g->view, x, y), b = gc_view_state(g->view, x + dx[slot], y + dy[slot]);
    if ((a | b) & GC_OUTSIDE || !((a | b) & GC_UNDECIDED))
        return;
    gc_flow *f = g->flow;
    int32_t cap =
        gc_nlinks_between(f->links, color_at(g->view, x, y),
                          color_at(g->view, x + dx[slot], y + dy[slot]), slot == 0 || slot == 2);
    size_t p = gc_flow_pixel(f, x, y), q = gc_flow_pixel(f, x + dx[slot], y + dy[slot]);
    if (a == GC_UNDECIDED && b == GC_UNDECIDED)
        join_pixels(f, p, q, slot, cap, g->fresh);
    else if (a == GC_UNDECIDED)
        f->excess[p] += b == GRABCUT_FGD ? cap : -cap;
    else
        f->excess[q] += a == GRABCUT_FGD ? cap : -cap;
}

/* ---- rows
 * -------------------------------------------------------------------------------------------- */

static int all_set(const uint64_t *bits, int n) {
    for (int x = 0; x < n; x += 64) {
        uint64_t all = n - x >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << (n - x)) - 1;
        if (bits[x / 64] != all)
            return 0;
    }
    return 1;
}

/* The links of the pixels [x, end) of row y, where all around is undecided. */
static void link_each(const gc_graph *g, int x, int end, int y, const gc_row *row) {
    gc_flow *f = g->flow;
    for (; x < end; x++) {
        size_t p = gc_flow_pixel(f, x, y), east = gc_flow_pixel(f, x + 1, y),
               q = gc_flow_pixel(f, x, y + 1);
        size_t southwest = gc_flow_pixel(f, x - 1, y + 1),
               southeast = gc_flow_pixel(f, x + 1, y + 1);
        uint32_t c = row->px[x];
        join_pixels(f, p, east, 0, gc_nlinks_between(f->links, c, row->px[x + 1], 1), g->fresh);
        join_pixels(f, p, southwest, 1, gc_nlinks_between(f->links, c, row->below[x - 1], 0),
                    g->fresh);
        join_pixels(f, p, q, 2, gc_nlinks_between(f->links, c, row->below[x], 1), g->fresh);
        join_pixels(f, p, southeast, 3, gc_nlinks_between(f->links, c, row->below[x + 1], 0),
                    g->fresh);
    }
}

/* The links of row y to its own pixels and to the row below. */
static void link_row(const gc_graph *g, int y, gc_row *row) {
    const gc_view *v = g->view;
    gc_flow *f = g->flow;
    int w = f->width, plain = y >= 0 && y + 1 < f->height;
    if (plain) {
        gc_view_undecided(v, y, row->bits);
        gc_view_undecided(v, y + 1, row->more);
        plain = all_set(row->bits, w) && all_set(row->more, w);
    }
    if (!plain) {
        for (int x = -1; x <= w; x++)
            for (int slot = 0; slot < 4; slot++)
                link_any(g, x, y, slot);
        return;
    }
    link_any(g, -1, y, 0);
    link_any(g, -1, y, 3);
    link_any(g, w, y, 1);
    for (int slot = 0; slot < 4; slot++)
        link_any(g, 0, y, slot);
    gc_view_pixels(v, v->region.x, v->region.y + y, w, row->px);
    gc_view_pixels(v, v->region.x, v->region.y + y + 1, w, row->below);
    const int from = w - 1 < 8 ? w - 1 : 8, to = from < 8 ? from : (w - 1) / 8 * 8;
    link_each(g, 1, from, y, row);
    v->kernels->link(f, gc_flow_pixel(f, from, y), gc_flow_pixel(f, from, y + 1), row->px + from,
                     row->below + from, to - from, g->fresh);
    link_each(g, to, w - 1, y, row);
    for (int slot = 0; slot < 4 && w > 1; slot++)
        link_any(g, w - 1, y, slot);
}

/* The links of row y to the terminals. */
static void link_terminals(const gc_graph *g, int y, gc_row *row) {
    const gc_view *v = g->view;
    gc_flow *f = g->flow;
    gc_view_pixels(v, v->region.x, v->region.y + y, f->width, row->px);
    v->kernels->tlinks(row->number, row->px, f->width, &g->bgd->mix, &g->fgd->mix, GC_SCALE,
                       TERMINAL_LIMIT);
    gc_view_undecided(v, y, row->bits);
    for (int x = 0; x < f->width; x += 8) {
        uint64_t bits = row->bits[x / 64] >> (x % 64) & 255;
        int32_t *excess = f->excess + gc_flow_pixel(f, x, y);
        f->tile[gc_flow_tile(f, x, y)].alive |= bits << (y % 8 * 8);
        for (int i = 0; i < 8; i++)
            excess[i] += bits >> i & 1 ? row->number[x + i] + GC_DOUBT : 0;
    }
}

/* Rows of tiles, so that no two threads share a word of bits. */
static void strip_of(const gc_graph *g, int index, int parts, int *start, int *end) {
    int tile_rows = (g->flow->height + 7) / 8;
    *start = gc_part_start(tile_rows, index, parts) * 8;
    *end = gc_part_start(tile_rows, index + 1, parts) * 8;
    *end = *end < g->flow->height ? *end : g->flow->height;
}

/* The last row of a strip also writes to the first one of the next: it is left to build_seams. */
static void build_strip(void *ctx, int index, int parts) {
    const gc_graph *g = ctx;
    int start, end;
    strip_of(g, index, parts, &start, &end);
    const size_t work = (size_t)g->flow->width * 2;
    for (int y = start; y < end && !gc_pool_halt(g->pool, index, work); y++)
        link_terminals(g, y, &g->rows[index]);
    for (int y = start; y < end - 1 && !gc_pool_halt(g->pool, index, work); y++)
        link_row(g, y, &g->rows[index]);
}

static void build_seams(const gc_graph *g) {
    link_row(g, -1, g->rows);
    for (int i = 0; i < g->pool->parts; i++) {
        int start, end;
        strip_of(g, i, g->pool->parts, &start, &end);
        if (end > start)
            link_row(g, end - 1, g->rows);
    }
}

void gc_graph_build(gc_graph *graph) {
    gc_flow_clear(graph->flow, graph->pool);
    gc_pool_run(graph->pool, build_strip, graph);
    if (gc_pool_halt(graph->pool, 0, 0))
        return;
    build_seams(graph);
}
