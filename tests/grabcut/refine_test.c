/* Exact cuts alone, against a second, simple maximum flow on the same integers. */
#include "refine.h"

#include "flow_memory.h"
#include "mixture.h"
#include "select.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double UNITS = 1099511627776.0; /* 2^40 */
static const int DX[8] = {-1, 0, 1, -1, 1, -1, 0, 1}, DY[8] = {-1, -1, -1, 0, 0, 1, 1, 1};

static uint32_t draw(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static int below(uint64_t *state, int n) {
    return (int)(draw(state) % (uint32_t)n);
}

typedef struct problem {
    int w, h;
    uint8_t *bgr, *mask; /* w * h pixels */
    gc_gmm bgd, fgd;
    gc_fine_links links;
} problem;

static void learn(gc_gmm *gmm, const problem *p, uint64_t *s) {
    gc_moments m[GC_COMPONENTS];
    memset(gmm, 0, sizeof *gmm);
    memset(m, 0, sizeof m);
    for (int i = 0; i < 60; i++) {
        const uint8_t *c = p->bgr + below(s, p->w * p->h) * 3;
        gc_moments *to = &m[below(s, GC_COMPONENTS)];
        to->count++;
        for (int k = 0; k < 3; k++)
            to->sum[k] += c[k];
        to->bb += (uint64_t)c[0] * c[0];
        to->bg += (uint64_t)c[0] * c[1];
        to->br += (uint64_t)c[0] * c[2];
        to->gg += (uint64_t)c[1] * c[1];
        to->gr += (uint64_t)c[1] * c[2];
        to->rr += (uint64_t)c[2] * c[2];
    }
    cr_assert_eq(gc_gmm_learn(gmm, m), GRABCUT_OK);
}

/* One colour and few colours give ties; equal models give terminal links of 0. */
static void random_problem(problem *p, uint64_t seed, int w, int h) {
    uint64_t s = seed * 2654435761u + 11;
    const size_t n = (size_t)w * (size_t)h;
    p->w = w;
    p->h = h;
    p->bgr = malloc(n * 3);
    p->mask = malloc(n);
    const int spread = 1 + below(&s, 4) * below(&s, 80), holes = below(&s, 2);
    for (size_t i = 0; i < n * 3; i++)
        p->bgr[i] = (uint8_t)(below(&s, spread) + 20);
    for (size_t i = 0; i < n; i++)
        p->mask[i] = (uint8_t)(holes && below(&s, 4) == 0 ? below(&s, 2) : 2 + below(&s, 2));
    learn(&p->bgd, p, &s);
    p->fgd = p->bgd;
    if (below(&s, 3))
        learn(&p->fgd, p, &s);
    gc_fine_links_init(&p->links, (1 + below(&s, 100)) / 10000.0);
}

static void free_problem(problem *p) {
    free(p->bgr);
    free(p->mask);
}

static int neighbour_of(const problem *p, int i, int d) {
    const int x = i % p->w + DX[d], y = i / p->w + DY[d];
    return x < 0 || y < 0 || x >= p->w || y >= p->h ? -1 : y * p->w + x;
}

static int64_t capacity(const problem *p, int i, int j, int d) {
    return gc_fine_links_capacity(&p->links, gc_color_distance(p->bgr + i * 3, p->bgr + j * 3),
                                  DX[d] == 0 || DY[d] == 0);
}

typedef struct simple {
    int64_t *terminal, (*room)[8];
    int *queue;
    int8_t *via; /* direction towards the sink; 8: a deficit; -1: not reached */
} simple;

/* Backwards from the deficits; returns a pixel with excess that reaches one, or -1. */
static int find_excess(const problem *p, simple *g) {
    int end = 0, found = -1;
    for (int i = 0; i < p->w * p->h; i++) {
        g->via[i] = p->mask[i] & 2 && g->terminal[i] < 0 ? 8 : -1;
        if (g->via[i] == 8)
            g->queue[end++] = i;
    }
    for (int at = 0; at < end; at++)
        for (int d = 0; d < 8; d++) {
            const int i = g->queue[at], j = neighbour_of(p, i, d);
            if (j < 0 || !(p->mask[j] & 2) || g->via[j] >= 0 || g->room[j][7 - d] == 0)
                continue;
            g->via[j] = (int8_t)(7 - d);
            g->queue[end++] = j;
            if (g->terminal[j] > 0 && found < 0)
                found = j;
        }
    return found;
}

static void send(const problem *p, simple *g, int from) {
    int64_t amount = g->terminal[from];
    int at = from;
    for (; g->via[at] != 8; at = neighbour_of(p, at, g->via[at]))
        amount = g->room[at][g->via[at]] < amount ? g->room[at][g->via[at]] : amount;
    amount = -g->terminal[at] < amount ? -g->terminal[at] : amount;
    g->terminal[at] += amount;
    g->terminal[from] -= amount;
    for (at = from; g->via[at] != 8;) {
        const int d = g->via[at], next = neighbour_of(p, at, d);
        g->room[at][d] -= amount;
        g->room[next][7 - d] += amount;
        at = next;
    }
}

/* Shortest augmenting paths (Edmonds, Karp 1972); the smallest sink side. */
static void simple_cut(const problem *p, uint8_t *sink_side) {
    const size_t n = (size_t)p->w * (size_t)p->h;
    simple g = {malloc(n * sizeof *g.terminal), calloc(n, sizeof *g.room),
                malloc(n * sizeof *g.queue), malloc(n)};
    for (int i = 0; i < (int)n; i++) {
        const uint32_t color = gc_pixel(p->bgr + i * 3);
        g.terminal[i] = gc_mixture_tlink(&p->bgd.mix, &p->fgd.mix, color, UNITS, 345 * UNITS);
        for (int d = 0; d < 8; d++) {
            const int j = neighbour_of(p, i, d);
            if (j < 0)
                continue;
            if (p->mask[j] & 2)
                g.room[i][d] = capacity(p, i, j, d);
            else
                g.terminal[i] += p->mask[j] ? capacity(p, i, j, d) : -capacity(p, i, j, d);
        }
    }
    for (int from; (from = find_excess(p, &g)) >= 0;)
        send(p, &g, from);
    for (size_t i = 0; i < n; i++)
        sink_side[i] = g.via[i] >= 0;
    free(g.terminal);
    free(g.room);
    free(g.queue);
    free(g.via);
}

/* All undecided pixels are in doubt. */
static void exact_cut(const problem *p, uint8_t *sink_side) {
    const size_t n = (size_t)p->w * (size_t)p->h;
    gc_flow f;
    void *memory = aligned_alloc(64, gc_flow_bytes(p->w, p->h));
    void *more = aligned_alloc(64, gc_refine_bytes(n));
    gc_pool pool = {.stop = NULL};
    gc_pool_start(&pool, 1);
    gc_flow_init(&f, p->w, p->h, memory);
    gc_flow_clear(&f, &pool);
    f.bgr = p->bgr;
    f.bgr_stride = (size_t)p->w * 3;
    const gc_view view = {.bgr = p->bgr,
                          .stride = f.bgr_stride,
                          .width = p->w,
                          .height = p->h,
                          .mask = p->mask,
                          .mask_stride = (size_t)p->w,
                          .region = {0, 0, p->w, p->h}};
    const gc_refine_case c = {&view, &p->bgd, &p->fgd, &p->links, &f, &pool, more};
    size_t count = 0;
    for (int i = 0; i < (int)n; i++)
        if (p->mask[i] & 2) {
            f.tile[gc_flow_tile(&f, i % p->w, i / p->w)].unreached |=
                gc_flow_bit(i % p->w, i / p->w);
            count++;
        }
    cr_assert_eq(p->w == 1 || p->h == 1 ? gc_refine_chain(&c) : gc_refine(&c, count), GRABCUT_OK);
    gc_pool_stop(&pool);
    for (int i = 0; i < (int)n; i++)
        sink_side[i] = (f.tile[gc_flow_tile(&f, i % p->w, i / p->w)].alive &
                        gc_flow_bit(i % p->w, i / p->w)) != 0;
    free(memory);
    free(more);
}

static void check(const problem *p, uint64_t seed, int *mixed) {
    const size_t n = (size_t)p->w * (size_t)p->h;
    uint8_t *simple = malloc(n), *exact = malloc(n);
    simple_cut(p, simple);
    exact_cut(p, exact);
    cr_assert_arr_eq(exact, simple, n, "seed %llu, %dx%d", (unsigned long long)seed, p->w, p->h);
    *mixed += memchr(simple, 0, n) && memchr(simple, 1, n);
    free(simple);
    free(exact);
}

Test(refine, exact_cuts_are_minimal_with_the_least_background) {
    int mixed = 0;
    for (uint64_t seed = 0; seed < 1500; seed++) {
        problem p;
        uint64_t s = seed + 5;
        random_problem(&p, seed, 2 + below(&s, 18), 2 + below(&s, 18));
        check(&p, seed, &mixed);
        free_problem(&p);
    }
    cr_assert_geq(mixed, 500, "only %d cuts had two sides", mixed);
}

Test(refine, so_are_those_of_one_row_or_column) {
    int mixed = 0;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        problem p;
        uint64_t s = seed + 6;
        const int length = 1 + below(&s, 60);
        random_problem(&p, seed, seed % 2 ? length : 1, seed % 2 ? 1 : length);
        check(&p, seed, &mixed);
        free_problem(&p);
    }
    cr_assert_geq(mixed, 500, "only %d cuts had two sides", mixed);
}

/* ---- more pixels in doubt than memory is there for ---- */

/* A run on one colour, whose models differ in the weight of the component: each pixel is better
 * background, by -log(weight). Returns the pixels that are foreground. */
static size_t run_on_one_colour(int32_t width, int32_t height, double weight) {
    grabcut_image image, mask;
    grabcut_models models = {{1}, {weight}};
    grabcut_options opts = GRABCUT_OPTIONS_INIT;
    size_t foreground = 0;
    for (int i = 0; i < 9; i += 4)
        models.background[20 + i] = models.foreground[20 + i] = 25;
    cr_assert_eq(grabcut_image_alloc(&image, width, height, 3), GRABCUT_OK);
    cr_assert_eq(grabcut_image_alloc(&mask, width, height, 1), GRABCUT_OK);
    const size_t n = (size_t)width * (size_t)height;
    memset(mask.data, GRABCUT_PR_FGD, n);
    opts.mode = GRABCUT_EVAL_FREEZE_MODEL;
    opts.models = &models;
    cr_assert_eq(grabcut_segment(grabcut_engine_fast(), &mask, &image, &opts, NULL), GRABCUT_OK);
    for (size_t i = 0; i < n; i++)
        foreground += mask.data[i] & 1;
    grabcut_image_free(&image);
    grabcut_image_free(&mask);
    return foreground;
}

/* docs/grabcut.md states both: up to 460,000 pixels all can be in doubt, and beyond that those that
 * memory is not enough for stay foreground, by which the energy is at most 1.5e-4 a pixel too high.
 */
Test(refine, too_many_doubts_cost_at_most_a_stated_energy) {
    static const double bound = 1.5e-4, in_doubt[] = {1e-9, 1e-6, 2e-5, 4e-5};
    const int32_t small[2] = {920, 500}, large[2] = {1400, 1100};
    for (size_t i = 0; i < sizeof(in_doubt) / sizeof(in_doubt[0]); i++) {
        cr_expect_eq(run_on_one_colour(small[0], small[1], exp(-in_doubt[i])), 0, "%g",
                     in_doubt[i]);
        cr_expect_eq(run_on_one_colour(large[0], large[1], exp(-in_doubt[i])),
                     (size_t)large[0] * (size_t)large[1], "%g", in_doubt[i]);
    }
    for (double above = bound; above < 1; above *= 4)
        cr_expect_eq(run_on_one_colour(large[0], large[1], exp(-above)), 0, "%g", above);
}
