/* k-means, its kernels and its sums of floats beside plain loops. */
#include "floatsums.h"
#include "flow.h"
#include "kmeans.h"
#include "select.h"

#include <criterion/criterion.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = 2, LENGTH = 1024, CASES = 120 };

static const gc_kernels *level(int i) {
    static const grabcut_simd level[] = {GRABCUT_SIMD_PORTABLE, GRABCUT_SIMD_AVX2};
    return gc_kernels_for(level[i]); /* NULL: not on this processor */
}

static uint32_t draw(uint32_t n) {
    static gc_rng rng = {12345};
    return gc_rng_next(&rng) % n;
}

/* Pixels of `colours` colours; few make for many ties. */
static void draw_pixels(uint32_t *px, int n, uint32_t colours) {
    uint32_t palette[64];
    for (uint32_t i = 0; i < 64; i++)
        palette[i] = draw(1u << 24);
    for (int i = 0; i < n; i++)
        px[i] = colours ? palette[draw(colours)] : draw(1u << 24);
}

static uint32_t channel(uint32_t px, int j) {
    return px >> (8 * j) & 255;
}

static uint64_t distance(uint32_t a, uint32_t b) {
    uint64_t sum = 0;
    for (int j = 0; j < 3; j++) {
        int64_t d = (int64_t)channel(a, j) - channel(b, j);
        sum += (uint64_t)(d * d);
    }
    return sum;
}

static void add_plainly(float (*acc)[3], const uint32_t *px, const uint8_t *labels, int n) {
    for (int i = 0; i < n; i++)
        for (int j = 0; j < 3; j++)
            acc[labels[i]][j] += (float)channel(px[i], j);
}

static uint8_t nearest_plainly(uint32_t px, const float (*centers)[3], int k) {
    float least = 0;
    int best = 0;
    for (int c = 0; c < k; c++) {
        float d = 0;
        for (int j = 0; j < 3; j++) {
            float t = (float)channel(px, j) - centers[c][j];
            d += t * t;
        }
        best = c == 0 || d < least ? c : best;
        least = c == best ? d : least;
    }
    return (uint8_t)best;
}

static void count_plainly(gc_moments *m, uint32_t px) {
    uint64_t b = channel(px, 0), g = channel(px, 1), r = channel(px, 2);
    gc_moments_add(m, &(gc_moments){1, {b, g, r}, b * b, b * g, b * r, g * g, g * r, r * r});
}

/* ---- sums of floats ----------------------------------------------------------------------------
 */

enum { MOST = 4 * 1024 * 1024 };

typedef struct labelled {
    uint32_t *px;
    uint8_t *labels;
    gc_tally *tallies;
    int32_t *count;
    int n, blocks;
} labelled;

static labelled new_labelled(int n) {
    labelled l = {.n = n, .blocks = (n + LENGTH - 1) / LENGTH};
    size_t room = (size_t)l.blocks * LENGTH;
    l.px = calloc(room, sizeof *l.px);
    l.labels = calloc(room, 1);
    l.tallies = calloc((size_t)l.blocks, sizeof *l.tallies);
    l.count = calloc((size_t)l.blocks, sizeof *l.count);
    cr_assert(l.px && l.labels && l.tallies && l.count);
    return l;
}

static void drop_labelled(labelled *l) {
    free(l->px);
    free(l->labels);
    free(l->tallies);
    free(l->count);
}

static void tally(labelled *l) {
    memset(l->tallies, 0, (size_t)l->blocks * sizeof *l->tallies);
    for (int b = 0; b < l->blocks; b++)
        l->count[b] = b + 1 < l->blocks ? LENGTH : l->n - b * LENGTH;
    for (int i = 0; i < l->n; i++) {
        gc_cluster *c = &l->tallies[i / LENGTH].sum[l->labels[i]];
        c->count++;
        for (int j = 0; j < 3; j++)
            c->sum[j] += channel(l->px[i], j);
    }
}

static void check_sums(labelled *l, const float (*from)[3], const char *what) {
    float plain[GC_COMPONENTS][3];
    memcpy(plain, from, sizeof plain);
    add_plainly(plain, l->px, l->labels, l->n);
    for (int i = 0; i < LEVELS; i++)
        for (int threads = 1; threads <= 3 && level(i); threads++) {
            float acc[GC_COMPONENTS][3];
            gc_pool pool = {.stop = NULL};
            gc_floatsums f = {level(i), &pool,     l->px,  l->labels, l->tallies,
                              l->count, l->blocks, LENGTH, 0};
            memcpy(acc, from, sizeof acc);
            gc_pool_start(&pool, threads);
            gc_floatsums_run(acc, &f);
            gc_pool_stop(&pool);
            cr_expect_arr_eq(acc, plain, sizeof acc, "%s, level %d, %d threads", what, i, threads);
        }
}

/* Starts anywhere between 2^20 and 2^31, some just below a power of two. */
Test(kmeans, float_sums_are_those_of_the_order_whatever_they_start_from) {
    labelled l = new_labelled(20 * LENGTH + 77);
    for (int c = 0; c < CASES; c++) {
        float from[GC_COMPONENTS][3];
        for (int k = 0; k < GC_COMPONENTS; k++)
            for (int j = 0; j < 3; j++) {
                float power = (float)(1u << (20 + draw(11)));
                from[k][j] = power + (float)draw(1u << 20) * power / (1 << 20);
                if (draw(2))
                    from[k][j] = 2 * power - (float)draw(100000);
            }
        draw_pixels(l.px, l.n, c % 4 == 0 ? 1 + draw(3) : 0);
        for (int i = 0; i < l.n; i++)
            l.labels[i] =
                (uint8_t)(c % 3 ? draw(GC_COMPONENTS) : (uint32_t)i / 5000 % GC_COMPONENTS);
        tally(&l);
        check_sums(&l, (const float(*)[3])from, "random starts");
    }
    drop_labelled(&l);
}

Test(kmeans, float_sums_of_millions_of_bright_pixels) {
    static const float ZERO[GC_COMPONENTS][3];
    labelled l = new_labelled(MOST);
    for (int i = 0; i < l.n; i++) {
        l.px[i] = draw(1u << 24) | 0x8080c0;
        l.labels[i] = draw(16) == 0 ? (uint8_t)draw(GC_COMPONENTS) : 2;
    }
    tally(&l);
    check_sums(&l, ZERO, "from 0 to 2^29");
    drop_labelled(&l);
}

/* ---- kernels -----------------------------------------------------------------------------------
 */

Test(kmeans, kernels_give_what_plain_loops_give) {
    enum { MOST_PIXELS = 20000 };
    uint32_t *px = calloc(MOST_PIXELS + GC_PAD, sizeof *px);
    uint8_t *labels = calloc(MOST_PIXELS + GC_PAD, 1), *plain = calloc(MOST_PIXELS, 1);
    cr_assert(px && labels && plain);
    for (int c = 0; c < 4 * CASES; c++) {
        int n = c % 8 ? 1 + (int)draw(200) : 1 + (int)draw(MOST_PIXELS),
            k = 1 + (int)draw(GC_COMPONENTS);
        int candidates = draw(2) ? 1 : GC_TRIALS, chosen = (int)draw(GC_COMPONENTS);
        uint32_t center[GC_COMPONENTS], candidate[GC_TRIALS];
        float centers[GC_COMPONENTS][3];
        uint64_t sums[GC_TRIALS] = {0};
        gc_cluster clusters[GC_COMPONENTS];
        gc_moments moments[GC_COMPONENTS];
        memset(clusters, 0, sizeof clusters);
        memset(moments, 0, sizeof moments);
        draw_pixels(px, n, c % 3 ? 0 : 1 + draw(6));
        for (int i = 0; i < GC_COMPONENTS; i++)
            center[i] = px[draw((uint32_t)n)];
        for (int i = 0; i < GC_TRIALS; i++)
            candidate[i] = px[draw((uint32_t)n)];
        for (int i = 0; i < GC_COMPONENTS; i++)
            for (int j = 0; j < 3; j++)
                centers[i][j] =
                    (float)channel(center[i], j) + (c % 2 ? 0 : (float)draw(1000) / 1000.f);
        for (int i = 0; i < n; i++) {
            gc_cluster *in =
                &clusters[plain[i] = nearest_plainly(px[i], (const float(*)[3])centers, k)];
            in->count++;
            count_plainly(&moments[plain[i]], px[i]);
            for (int j = 0; j < 3; j++)
                in->sum[j] += channel(px[i], j);
            for (int j = 0; j < candidates; j++) {
                uint64_t near = distance(px[i], candidate[j]);
                for (int m = 0; m < chosen; m++)
                    near = distance(px[i], center[m]) < near ? distance(px[i], center[m]) : near;
                sums[j] += near;
            }
        }
        for (int i = 0; i < LEVELS; i++) {
            const gc_kernels *kernels = level(i);
            uint64_t got[GC_TRIALS] = {0};
            gc_cluster own[GC_COMPONENTS];
            gc_moments own_moments[GC_COMPONENTS];
            if (!kernels)
                continue;
            memset(own, 0, sizeof own);
            memset(own_moments, 0, sizeof own_moments);
            kernels->pp_sums(got, px, n, center, chosen, candidate, candidates);
            kernels->nearest_sums(own, labels, px, n, (const float(*)[3])centers, k);
            kernels->moments(own_moments, px, labels, n);
            cr_expect_arr_eq(got, sums, sizeof sums, "case %d, level %d: distances", c, i);
            cr_expect_arr_eq(labels, plain, (size_t)n, "case %d, level %d: labels", c, i);
            cr_expect_arr_eq(own, clusters, sizeof own, "case %d, level %d: sums", c, i);
            cr_expect_arr_eq(own_moments, moments, sizeof moments, "case %d, level %d: moments", c,
                             i);
        }
    }
    free(px);
    free(labels);
    free(plain);
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

enum { WIDTH = 901, HEIGHT = 700 };

/* As in k-means++: of `n` distances the first at which the running sum reaches p, else the last. */
static int reached(const uint64_t *distances, int n, double p) {
    uint64_t sum = 0;
    for (int i = 0; i < n; i++)
        if ((double)(sum += distances[i]) >= p)
            return i;
    return n - 1;
}

static void choose_plainly(float (*centers)[3], const uint32_t *px, int n,
                           const gc_kmeans_draws *draws) {
    uint64_t *near = malloc((size_t)n * sizeof *near), sum = 0;
    uint32_t chosen = px[draws->first];
    cr_assert(near);
    for (int i = 0; i < n; i++)
        sum += near[i] = distance(px[i], chosen);
    for (int k = 0;; k++) {
        uint64_t least = UINT64_MAX;
        int best = 0;
        for (int j = 0; j < 3; j++)
            centers[k][j] = (float)channel(chosen, j);
        if (k == GC_COMPONENTS - 1)
            break;
        for (int t = 0; t < GC_TRIALS; t++) {
            int at = reached(near, n, draws->trial[k][t] * (double)sum);
            uint64_t total = 0;
            for (int i = 0; i < n; i++)
                total += distance(px[i], px[at]) < near[i] ? distance(px[i], px[at]) : near[i];
            best = total < least ? at : best;
            least = total < least ? total : least;
        }
        chosen = px[best];
        sum = least;
        for (int i = 0; i < n; i++)
            near[i] = distance(px[i], chosen) < near[i] ? distance(px[i], chosen) : near[i];
    }
    free(near);
}

/* Lloyd's iterations; no cluster may become empty. */
static void cluster_plainly(gc_moments *out, uint8_t *labels, const uint32_t *px, int n,
                            float (*centers)[3]) {
    for (int iteration = 2;; iteration++) {
        float acc[GC_COMPONENTS][3];
        int count[GC_COMPONENTS] = {0};
        double shift = 0;
        memset(acc, 0, sizeof acc);
        for (int i = 0; i < n; i++)
            count[labels[i] = nearest_plainly(px[i], (const float(*)[3])centers, GC_COMPONENTS)]++;
        add_plainly(acc, px, labels, n);
        for (int k = 0; k < GC_COMPONENTS; k++) {
            double d = 0;
            float scale = 1.f / (float)count[k];
            cr_assert_gt(count[k], 0);
            for (int j = 0; j < 3; j++) {
                double t = (acc[k][j] *= scale) - centers[k][j];
                d += t * t;
            }
            shift = d > shift ? d : shift;
        }
        if (iteration == 10 || shift <= (double)FLT_EPSILON * FLT_EPSILON)
            break;
        memcpy(centers, acc, sizeof acc);
    }
    memset(out, 0, GC_COMPONENTS * sizeof *out);
    for (int i = 0; i < n; i++)
        count_plainly(&out[labels[i]], px[i]);
}

static int never(void *ctx) {
    (void)ctx;
    return 0;
}

typedef struct picture {
    uint8_t bgr[WIDTH * HEIGHT * 3], mask[WIDTH * HEIGHT];
    int32_t row_foreground[HEIGHT];
    uint32_t samples[WIDTH * HEIGHT];
    uint8_t labels[WIDTH * HEIGHT];
    int n;
} picture;

/* Bright, so that the float sums round. */
static void draw_picture(picture *p) {
    memset(p->row_foreground, 0, sizeof p->row_foreground);
    p->n = 0;
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        for (int j = 0; j < 3; j++)
            p->bgr[3 * i + j] = (uint8_t)(i / 60000 % 2 ? 150 + draw(50) : 190 + draw(66));
        p->mask[i] = draw(9) ? GRABCUT_FGD : GRABCUT_BGD;
        if (p->mask[i] != GRABCUT_FGD)
            continue;
        p->row_foreground[i / WIDTH]++;
        p->samples[p->n++] = gc_pixel(p->bgr + 3 * i);
    }
}

static void run_kmeans(gc_moments *out, const picture *p, const gc_kernels *kernels, int threads,
                       size_t store, const gc_kmeans_draws *draws) {
    enum { N = WIDTH + GC_PAD };
    static gc_tile tiles[9];
    static uint64_t bits[4][2][WIDTH / 64 + 2];
    static uint32_t px[4][N];
    static uint8_t labels[4][N];
    static gc_moments moments[4][2][GC_COMPONENTS];
    gc_view view = {kernels, p->bgr, WIDTH * 3,    WIDTH, HEIGHT,
                    p->mask, WIDTH,  {0, 0, 1, 1}, tiles, 3};
    gc_pool pool = {.stop = NULL};
    gc_row rows[4];
    for (int i = 0; i < 4; i++)
        rows[i] =
            (gc_row){.bits = bits[i][0], .more = bits[i][1], .px = px[i], .labels = labels[i]};
    void *scratch = malloc(gc_kmeans_scratch(HEIGHT)), *memory = malloc(store);
    cr_assert(scratch && memory);
    gc_kmeans_memory m = {scratch, memory, store, p->row_foreground, moments};
    gc_pool_start(&pool, threads);
    cr_expect_eq(gc_kmeans(out, &m, &view, &pool, rows, 1, (uint64_t)p->n, draws, never, NULL),
                 GRABCUT_OK);
    gc_pool_stop(&pool);
    free(scratch);
    free(memory);
}

Test(kmeans, clusters_are_those_of_plain_loops_with_and_without_room) {
    static picture p;
    gc_kmeans_draws draws;
    gc_rng rng = {77};
    gc_moments plain[GC_COMPONENTS], own[GC_COMPONENTS];
    float centers[GC_COMPONENTS][3];
    draw_picture(&p);
    gc_kmeans_draw(&draws, &rng, (uint64_t)p.n);
    choose_plainly(centers, p.samples, p.n, &draws);
    cluster_plainly(plain, p.labels, p.samples, p.n, centers);
    for (int i = 0; i < LEVELS; i++)
        for (int threads = 1; threads <= 3 && level(i); threads++)
            for (size_t store = 0; store <= (size_t)p.n * 6; store += (size_t)p.n * 6) {
                run_kmeans(own, &p, level(i), threads, store, &draws);
                cr_expect_arr_eq(own, plain, sizeof plain, "level %d, %d threads, %zu bytes", i,
                                 threads, store);
            }
}
