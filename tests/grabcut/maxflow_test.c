/* The minimum cut alone, against a second, simple maximum flow. */
#include "maxflow.h"

#include "doubt.h"
#include "flow_memory.h"
#include "nlinks.h"
#include "select.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static uint32_t draw(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static int below(uint64_t *state, int n) {
    return (int)(draw(state) % (uint32_t)n);
}

static const int DX[8] = {-1, 0, 1, -1, 1, -1, 0, 1}, DY[8] = {-1, -1, -1, 0, 0, 1, 1, 1};

typedef struct problem {
    int w, h;
    uint8_t *bgr;      /* w * h * 3 */
    int32_t *terminal; /* > 0: from the source, < 0: to the sink */
    uint8_t *decided;  /* 1: no part of the graph */
    gc_nlinks links;
} problem;

static void random_problem(problem *p, uint64_t seed) {
    uint64_t s = seed * 2654435761u + 7;
    p->w = 1 + below(&s, 30);
    p->h = 1 + below(&s, 30);
    size_t n = (size_t)p->w * (size_t)p->h;
    p->bgr = malloc(n * 3);
    p->terminal = malloc(n * sizeof *p->terminal);
    p->decided = calloc(n, 1);
    int spread = 1 + below(&s, 255), holes = below(&s, 3) == 0, reach = 1 << (10 + below(&s, 15));
    for (size_t i = 0; i < n * 3; i++)
        p->bgr[i] = (uint8_t)below(&s, spread);
    for (size_t i = 0; i < n; i++) {
        int side =
            below(&s, 4) ? (i % (size_t)p->w * 2 < (size_t)p->w ? 1 : -1) : (below(&s, 2) ? 1 : -1);
        p->terminal[i] = below(&s, 3) ? side * below(&s, reach) : 0;
        p->decided[i] = holes && below(&s, 5) == 0;
    }
    gc_nlinks_init(&p->links, (1 + below(&s, 100)) / 10000.0);
}

static void free_problem(problem *p) {
    free(p->bgr);
    free(p->terminal);
    free(p->decided);
}

/* Capacity between two neighbours; 0 beyond the border. */
static int32_t capacity(const problem *p, int x, int y, int d) {
    int nx = x + DX[d], ny = y + DY[d];
    if (nx < 0 || ny < 0 || nx >= p->w || ny >= p->h || p->decided[y * p->w + x] ||
        p->decided[ny * p->w + nx])
        return 0;
    const uint8_t *a = p->bgr + (y * p->w + x) * 3, *b = p->bgr + (ny * p->w + nx) * 3;
    int db = a[0] - b[0], dg = a[1] - b[1], dr = a[2] - b[2];
    int straight = DX[d] == 0 || DY[d] == 0;
    return gc_nlinks_capacity(&p->links, (uint32_t)(db * db + dg * dg + dr * dr), straight);
}

/* Shortest augmenting paths (Edmonds, Karp 1972). Sets `sink_side` for the pixels that can
 * still reach the sink. */
static int64_t simple_flow(const problem *p, uint8_t *sink_side) {
    int n = p->w * p->h;
    int32_t(*room)[8] = malloc((size_t)n * sizeof *room),
    *terminal = malloc((size_t)n * sizeof *terminal);
    int *queue = malloc((size_t)n * sizeof *queue);
    int8_t *via = malloc((size_t)n);
    int64_t flow = 0;
    for (int i = 0; i < n; i++) {
        terminal[i] = p->decided[i] ? 0 : p->terminal[i];
        for (int d = 0; d < 8; d++)
            room[i][d] = capacity(p, i % p->w, i / p->w, d);
    }
    for (;;) {
        /* Backwards from the sink: via[i] is the direction to go from i, 8 is the sink itself. */
        int head = 0, tail = 0, found = -1;
        for (int i = 0; i < n; i++) {
            via[i] = terminal[i] < 0 ? 8 : -1;
            if (via[i] == 8)
                queue[tail++] = i;
        }
        while (head < tail && found < 0) {
            int v = queue[head++];
            for (int d = 0; d < 8 && found < 0; d++) {
                int x = v % p->w + DX[d], y = v / p->w + DY[d], u = y * p->w + x;
                if (x < 0 || y < 0 || x >= p->w || y >= p->h || via[u] >= 0 || room[u][7 - d] == 0)
                    continue;
                via[u] = (int8_t)(7 - d);
                queue[tail++] = u;
                if (terminal[u] > 0)
                    found = u;
            }
        }
        if (found < 0)
            break;
        int32_t amount = terminal[found];
        int at = found;
        for (; via[at] != 8; at += DY[via[at]] * p->w + DX[via[at]])
            amount = room[at][via[at]] < amount ? room[at][via[at]] : amount;
        amount = -terminal[at] < amount ? -terminal[at] : amount;
        terminal[at] += amount;
        for (at = found; via[at] != 8;) {
            int d = via[at], next = at + DY[d] * p->w + DX[d];
            room[at][d] -= amount;
            room[next][7 - d] += amount;
            at = next;
        }
        terminal[found] -= amount;
        flow += amount;
    }
    for (int i = 0; i < n; i++)
        sink_side[i] = via[i] >= 0;
    free(room);
    free(terminal);
    free(queue);
    free(via);
    return flow;
}

/* A flow of the problem, in memory to free. */
static void *build_flow(gc_flow *f, const problem *p, int rounds, gc_pool *pool) {
    void *memory = aligned_alloc(64, gc_flow_bytes(p->w, p->h));
    gc_flow_init(f, p->w, p->h, memory);
    gc_flow_clear(f, pool);
    f->bgr = p->bgr;
    f->bgr_stride = (size_t)p->w * 3;
    f->links = &p->links;
    f->rounds = rounds;
    f->band_tiles = 1;
    f->window =
        p->w % 2 ? GC_FIRST_WINDOW : GC_LATER_WINDOW; /* the cut is the same whatever it is */
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++) {
            size_t at = gc_flow_pixel(f, x, y);
            if (p->decided[y * p->w + x])
                continue;
            f->tile[gc_flow_tile(f, x, y)].alive |= gc_flow_bit(x, y);
            f->excess[at] = p->terminal[y * p->w + x];
            for (int d = 0; d < 8; d++) {
                int32_t c = capacity(p, x, y, d);
                f->open[at] |= (uint8_t)((c > 0) << d);
                if (d >= 4)
                    gc_set_room(f, at * 4 + (size_t)d - 4, c);
            }
        }
    return memory;
}

/* The pixels that are still alive. */
static void read_sink_side(const gc_flow *f, uint8_t *sink_side) {
    for (int y = 0; y < f->height; y++)
        for (int x = 0; x < f->width; x++)
            sink_side[y * f->width + x] =
                (f->tile[gc_flow_tile(f, x, y)].alive & gc_flow_bit(x, y)) != 0;
}

static void fast_cut(const problem *p, const gc_kernels *kernels, int rounds, int threads,
                     uint8_t *sink_side) {
    gc_flow f;
    gc_pool pool = {.stop = NULL};
    gc_pool_start(&pool, threads);
    void *memory = build_flow(&f, p, rounds, &pool);
    cr_assert_eq(gc_flow_solve(&f, kernels, &pool), GRABCUT_OK);
    gc_pool_stop(&pool);
    read_sink_side(&f, sink_side);
    free(memory);
}

static int64_t cut_value(const problem *p, const uint8_t *sink_side) {
    int64_t sum = 0;
    for (int i = 0; i < p->w * p->h; i++) {
        int x = i % p->w, y = i / p->w;
        if (p->decided[i])
            continue;
        if (sink_side[i] ? p->terminal[i] > 0 : p->terminal[i] < 0)
            sum += llabs((long long)p->terminal[i]);
        for (int d = 4; d < 8; d++) {
            int32_t c = capacity(p, x, y, d);
            if (c && sink_side[i] != sink_side[i + DY[d] * p->w + DX[d]])
                sum += c;
        }
    }
    return sum;
}

static void check(grabcut_simd level, int rounds, int threads) {
    const gc_kernels *kernels = gc_kernels_for(level);
    if (!kernels)
        cr_skip_test("this processor lacks the level");
    int64_t flows = 0;
    for (uint64_t seed = 0; seed < 1500; seed++) {
        problem p;
        random_problem(&p, seed);
        size_t n = (size_t)p.w * (size_t)p.h;
        uint8_t *simple = malloc(n), *fast = malloc(n);
        int64_t flow = simple_flow(&p, simple);
        fast_cut(&p, kernels, rounds, threads, fast);
        cr_assert_eq(cut_value(&p, fast), flow, "seed %llu: cut %lld, flow %lld",
                     (unsigned long long)seed, (long long)cut_value(&p, fast), (long long)flow);
        /* Of all minimum cuts there is one smallest sink side, and both must have found it. */
        cr_assert_arr_eq(fast, simple, n, "seed %llu", (unsigned long long)seed);
        flows += flow > 0;
        free(simple);
        free(fast);
        free_problem(&p);
    }
    cr_assert_geq(flows, 1000, "only %lld problems had a flow", (long long)flows);
}

Test(maxflow, portable_cuts_are_minimal) {
    check(GRABCUT_SIMD_PORTABLE, GC_ROUNDS, 1);
}

Test(maxflow, avx2_cuts_are_minimal) {
    check(GRABCUT_SIMD_AVX2, GC_ROUNDS, 1);
}

/* What is left after the last round goes along augmenting paths. */
Test(maxflow, cuts_are_minimal_without_a_round) {
    check(GRABCUT_SIMD_AUTO, 0, 1);
    check(GRABCUT_SIMD_PORTABLE, 0, 1);
}

Test(maxflow, cuts_are_minimal_after_one_round_and_two) {
    check(GRABCUT_SIMD_AUTO, 1, 1);
    check(GRABCUT_SIMD_AUTO, 2, 1);
}

/* Bands of one row of tiles or two, each solved alone before the seams are opened. */
Test(maxflow, cuts_are_minimal_from_bands) {
    check(GRABCUT_SIMD_AUTO, GC_ROUNDS, 2);
    check(GRABCUT_SIMD_PORTABLE, GC_ROUNDS, 3);
    check(GRABCUT_SIMD_AUTO, 1, 4);
}

/* ---- gc_flow_lower ---- */

typedef struct lowering {
    grabcut_simd level;
    int threads;
    size_t room; /* for the numbers of pixels that a search visits */
    int32_t amount;
} lowering;

/* Terminal links like those of photos are far from 0; these are near it, as in flat images. */
static void nearly_tied_problem(problem *p, uint64_t seed) {
    uint64_t s = seed * 7919 + 3;
    random_problem(p, seed);
    const int32_t most = 1 << below(&s, 12);
    for (int i = 0; i < p->w * p->h; i++)
        p->terminal[i] %= most;
}

/* Solves, lowers what is undecided in the foreground, and returns how many pixels are in doubt. */
static size_t lowered_cut(const problem *p, const lowering *how, uint8_t *sink_side,
                          uint8_t *doubtful) {
    gc_flow f;
    gc_pool pool = {.stop = NULL};
    const gc_kernels *kernels = gc_kernels_for(how->level);
    uint32_t *numbers = malloc(how->room * sizeof *numbers);
    size_t count = 0;
    gc_pool_start(&pool, how->threads);
    void *memory = build_flow(&f, p, GC_ROUNDS, &pool);
    cr_assert_eq(gc_flow_solve(&f, kernels, &pool), GRABCUT_OK);
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++) {
            gc_tile *tile = &f.tile[gc_flow_tile(&f, x, y)];
            tile->unreached &= ~gc_flow_bit(x, y);
            if (!p->decided[y * p->w + x] && !(tile->alive & gc_flow_bit(x, y)))
                tile->unreached |= gc_flow_bit(x, y);
        }
    cr_assert_eq(gc_flow_lower(&f, kernels, &pool, how->amount, numbers, how->room, &count),
                 GRABCUT_OK);
    gc_pool_stop(&pool);
    read_sink_side(&f, sink_side);
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++)
            doubtful[y * p->w + x] =
                (f.tile[gc_flow_tile(&f, x, y)].unreached & gc_flow_bit(x, y)) != 0;
    free(memory);
    free(numbers);
    return count;
}

/* The pixels in doubt are those of the foreground that a cut from scratch has as background once
 * their terminal links are lower; the background stays what it was. */
static void check_lowering(const lowering *how) {
    if (!gc_kernels_for(how->level))
        cr_skip_test("this processor lacks the level");
    int some = 0, not_all = 0;
    for (uint64_t seed = 0; seed < 1500; seed++) {
        problem p;
        nearly_tied_problem(&p, seed);
        const size_t n = (size_t)p.w * (size_t)p.h;
        uint8_t *before = malloc(n), *after = malloc(n), *sink_side = malloc(n),
                *doubtful = malloc(n);
        size_t expected = 0, foreground = 0;
        const size_t count = lowered_cut(&p, how, sink_side, doubtful);
        simple_flow(&p, before);
        for (size_t i = 0; i < n; i++)
            p.terminal[i] -= before[i] ? 0 : how->amount;
        simple_flow(&p, after);
        cr_assert_arr_eq(sink_side, before, n, "seed %llu", (unsigned long long)seed);
        for (size_t i = 0; i < n; i++) {
            foreground += !p.decided[i] && !before[i];
            expected += after[i] && !before[i];
            cr_assert_eq(doubtful[i], after[i] && !before[i], "seed %llu, pixel %zu",
                         (unsigned long long)seed, i);
        }
        cr_assert_eq(count, expected, "seed %llu", (unsigned long long)seed);
        some += expected > 0;
        not_all += expected > 0 && expected < foreground;
        free(before);
        free(after);
        free(sink_side);
        free(doubtful);
        free_problem(&p);
    }
    cr_assert(some >= 300 && not_all >= 100, "only %d problems had doubts, %d in a part", some,
              not_all);
}

Test(maxflow, lowered_terminal_links_leave_the_pixels_in_doubt) {
    check_lowering(&(lowering){GRABCUT_SIMD_AUTO, 1, 1000, 16});
    check_lowering(&(lowering){GRABCUT_SIMD_PORTABLE, 1, 1000, 16});
    check_lowering(&(lowering){GRABCUT_SIMD_AUTO, 1, 1000, 1});
    check_lowering(&(lowering){GRABCUT_SIMD_AUTO, 3, 1000, 16});
}

/* The foreground is then cut as a whole. */
Test(maxflow, so_they_do_without_memory_for_searches) {
    check_lowering(&(lowering){GRABCUT_SIMD_AUTO, 1, 1, 16});
    check_lowering(&(lowering){GRABCUT_SIMD_PORTABLE, 2, 3, 16});
}
