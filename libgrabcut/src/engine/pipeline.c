/*
 * The engine `fast`: GrabCut (Rother, Kolmogorov, Blake 2004) with the results of OpenCV.
 *
 *     labels ─► k-means ─► models ─► [components ─► models ─► graph ─► minimum cut ─► labels] x
 * iterations
 *
 * One block of memory holds everything that grows with the image.
 */
#include "pipeline.h"

#include "doubt.h"
#include "fail.h"
#include "flow_memory.h"
#include "gmm.h"
#include "graph.h"
#include "kmeans.h"
#include "maxflow.h"
#include "nlinks.h"
#include "rect.h"
#include "refine.h"
#include "select.h"
#include "workspace.h"

#include <string.h>

typedef struct job {
    const grabcut_options *opts;
    gc_view view;
    gc_flow flow;
    gc_nlinks links;
    gc_fine_links fine_links;
    double beta;
    int fine;            /* 1: fine_links are those of beta */
    int fresh;           /* the flow of the last cut is lost, or there is none */
    void *refine_memory; /* directly before that of the flow */
    size_t refine_bytes;
    gc_gmm models[2]; /* background, foreground */
    gc_pool pool;
    gc_row *rows; /* one a thread */
    gc_moments (*moments)[2][GC_COMPONENTS];
    uint64_t *counts;        /* one a thread */
    int32_t *row_foreground; /* pixels of each row, at the start */
    void *kmeans_scratch;
    grabcut_image *mask;
    grabcut_progress progress;
    int stopped;
} job;

/* ---- memory ------------------------------------------------------------------------------------
 */

/* Hands out aligned pieces of a block; with base NULL it only counts. */
typedef struct block {
    uint8_t *base;
    size_t used;
} block;

static void *piece(block *b, size_t bytes) {
    void *p = b->base ? b->base + b->used : NULL;
    b->used += (bytes + 63) / 64 * 64;
    return p;
}

/* No more threads than have enough work: starting one costs as much as some thousand pixels, a pass
 * on it as much as some dozen. */
static int thread_count(const grabcut_engine *self, const grabcut_options *opts, int width,
                        int height) {
    size_t useful =
        (size_t)width * (size_t)height / ((const gc_fast_engine *)self)->pixels_per_thread;
    size_t most = useful < GC_MAX_THREADS ? useful : GC_MAX_THREADS;
    return most < 1 ? 1 : (size_t)opts->threads < most ? opts->threads : (int)most;
}

static void row_buffers(block *b, gc_row *row, int width) {
    size_t n = (size_t)width + GC_PAD;
    row->bits = piece(b, gc_words(width) * sizeof *row->bits);
    row->more = piece(b, gc_words(width) * sizeof *row->more);
    row->px = piece(b, n * sizeof *row->px);
    row->below = piece(b, n * sizeof *row->below);
    row->number = piece(b, n * sizeof *row->number);
    row->labels = piece(b, n);
}

/* For the pixels that are cut once more, besides the excess and the rooms of the flow, whose
 * content is lost if they are used, too. Together they are enough for all pixels of an image of up
 * to 460,000. It falls by less than what the flow grows by, so that memory for an image is enough
 * for a part. */
static size_t refine_reserve(int width, int height) {
    const size_t most = 16 << 20, least = 1 << 20, spare = gc_flow_spare(width, height);
    const size_t pixels = spare / 16, all = gc_refine_bytes(pixels) - spare;
    if (all <= most)
        return (all + 63) / 64 * 64;
    const size_t less = 2 * (pixels - most / 36);
    return less < most - least ? (most - less) / 64 * 64 : least;
}

/* All the memory of a run; k-means needs its scratch only before the graph is there. */
static size_t lay_out(job *j, void *base, int width, int height, const grabcut_rect *region,
                      int threads) {
    block b = {base, 0};
    size_t flow = gc_flow_bytes(region->width, region->height);
    size_t scratch = gc_kmeans_scratch(height);
    j->refine_bytes = refine_reserve(region->width, region->height);
    j->refine_memory = piece(&b, j->refine_bytes);
    void *flow_memory = piece(&b, flow);
    j->kmeans_scratch = piece(&b, scratch);
    j->moments = piece(&b, (size_t)threads * sizeof *j->moments);
    j->row_foreground = piece(&b, (size_t)height * sizeof *j->row_foreground);
    j->counts = piece(&b, (size_t)threads * sizeof *j->counts);
    j->rows = piece(&b, (size_t)threads * sizeof *j->rows);
    gc_row counted;
    for (int i = 0; i < threads; i++)
        row_buffers(&b, base ? &j->rows[i] : &counted, width);
    if (base)
        gc_flow_init(&j->flow, region->width, region->height, flow_memory);
    return b.used;
}

/* The rect that can change its labels, as far as the options determine it. */
static int region_of(grabcut_rect *region, const grabcut_options *opts, int32_t width,
                     int32_t height) {
    if (opts->mode == GRABCUT_INIT_WITH_RECT)
        return grabcut_rect_effective(region, &opts->rect, width, height);
    *region = (grabcut_rect){0, 0, width, height};
    return GRABCUT_OK;
}

/* Cuts the region to the undecided pixels of the mask; at least one pixel stays. */
static void shrink_region(grabcut_rect *r, const gc_view *v, uint64_t *bits) {
    int left = v->width, right = 0, top = v->height, bottom = 0;
    for (int y = 0; y < v->height; y++) {
        gc_view_mask_bits(bits, v->mask + (size_t)y * v->mask_stride, v->width, 1);
        for (int x = 0; x < v->width; x += 64) {
            uint64_t word = bits[x / 64];
            if (!word)
                continue;
            int first = x + __builtin_ctzll(word), last = x + 63 - __builtin_clzll(word);
            left = first < left ? first : left;
            right = last > right ? last : right;
            top = y < top ? y : top;
            bottom = y;
        }
    }
    *r = left > right ? (grabcut_rect){0, 0, 1, 1}
                      : (grabcut_rect){left, top, right - left + 1, bottom - top + 1};
}

/* ---- progress ----------------------------------------------------------------------------------
 */

static int ask_to_stop(void *ctx) {
    job *j = ctx;
    if (!j->stopped && j->opts->progress)
        j->stopped = j->opts->progress(j->opts->progress_ctx, &j->progress) != 0;
    return j->stopped;
}

/* The time of a cut is unknown, so each of its reports goes a part of the way that is left. */
static int stop_cutting(void *ctx) {
    job *j = ctx;
    grabcut_progress *p = &j->progress;
    double end = 0.2 + 0.8 * (p->iteration + 1) / p->iterations;
    p->done += (end - p->done) / 16;
    return ask_to_stop(j);
}

static int begin_phase(job *j, grabcut_phase phase, int iteration) {
    grabcut_progress *p = &j->progress;
    double at = phase == GRABCUT_PHASE_INIT ? 0 : 0.2 + 0.8 * iteration / p->iterations;
    p->phase = phase;
    p->iteration = iteration;
    p->done = at > p->done ? at : p->done;
    return ask_to_stop(j) ? GRABCUT_ECANCELED : GRABCUT_OK;
}

/* ---- models ------------------------------------------------------------------------------------
 */

static void count_labels(void *ctx, int index, int parts) {
    job *j = ctx;
    int end = gc_part_start(j->view.height, index + 1, parts);
    j->counts[index] = 0;
    for (int y = gc_part_start(j->view.height, index, parts);
         y < end && !gc_pool_halt(&j->pool, index, (size_t)j->view.width); y++) {
        j->row_foreground[y] = gc_view_foreground(&j->view, y, &j->rows[index]);
        j->counts[index] += (uint64_t)j->row_foreground[y];
    }
}

static int singular(grabcut_errbuf *err) {
    return grabcut_fail(err, GRABCUT_EINTERNAL,
                        "the covariance of a colour model cannot be inverted");
}

static int first_models(job *j, grabcut_errbuf *err) {
    static const int no_pixel[2] = {GRABCUT_ENOBACKGROUND, GRABCUT_ENOFOREGROUND};
    uint64_t n[2] = {0, 0};
    gc_kmeans_draws draws[2];
    gc_rng rng;
    gc_pool_run(&j->pool, count_labels, j);
    if (j->stopped)
        return GRABCUT_ECANCELED;
    for (int i = 0; i < j->pool.parts; i++)
        n[1] += j->counts[i];
    n[0] = (uint64_t)j->view.width * (uint64_t)j->view.height - n[1];
    for (int side = 0; side < 2; side++)
        if (n[side] == 0)
            return grabcut_fail(err, no_pixel[side], "no pixel is %s at the start",
                                side ? "foreground" : "background");
    gc_rng_seed(&rng, j->opts->seed);
    for (int side = 0; side < 2; side++)
        gc_kmeans_draw(&draws[side], &rng, n[side]);
    /* The graph is not in use yet. */
    gc_kmeans_memory memory = {j->kmeans_scratch, j->flow.excess,
                               gc_flow_spare(j->flow.width, j->flow.height), j->row_foreground,
                               j->moments};
    for (int side = 0; side < 2; side++) {
        gc_moments m[GC_COMPONENTS];
        int rc = gc_kmeans(m, &memory, &j->view, &j->pool, j->rows, side, n[side], &draws[side],
                           ask_to_stop, j);
        if (rc)
            return rc;
        if (gc_gmm_learn(&j->models[side], m))
            return singular(err);
    }
    return GRABCUT_OK;
}

static void component_moments(void *ctx, int index, int parts) {
    job *j = ctx;
    gc_row *row = &j->rows[index];
    int end = gc_part_start(j->view.height, index + 1, parts);
    memset(j->moments[index], 0, sizeof j->moments[index]);
    for (int y = gc_part_start(j->view.height, index, parts);
         y < end && !gc_pool_halt(&j->pool, index, (size_t)j->view.width * 4); y++)
        for (int side = 0; side < 2; side++) {
            int n = gc_view_samples(&j->view, y, side, row);
            if (n == 0)
                continue;
            j->view.kernels->components(row->labels, row->px, n, &j->models[side].mix);
            j->view.kernels->moments(j->moments[index][side], row->px, row->labels, n);
        }
}

/* Gives each pixel to the component that explains it best, and learns the components anew. */
static int learn_models(job *j, grabcut_errbuf *err) {
    gc_pool_run(&j->pool, component_moments, j);
    if (j->stopped)
        return GRABCUT_ECANCELED;
    for (int side = 0; side < 2; side++) {
        gc_moments *sum = j->moments[0][side];
        for (int i = 1; i < j->pool.parts; i++)
            for (int c = 0; c < GC_COMPONENTS; c++)
                gc_moments_add(&sum[c], &j->moments[i][side][c]);
        if (gc_gmm_learn(&j->models[side], sum))
            return singular(err);
    }
    return GRABCUT_OK;
}

static void sum_distances(void *ctx, int index, int parts) {
    job *j = ctx;
    gc_row *row = &j->rows[index];
    j->counts[index] = gc_nlinks_sum(&j->view, gc_part_start(j->view.height, index, parts),
                                     gc_part_start(j->view.height, index + 1, parts), row->below,
                                     row->px, &j->pool, index);
}

static void weigh_links(job *j) {
    uint64_t sum = 0;
    gc_pool_run(&j->pool, sum_distances, j);
    for (int i = 0; i < j->pool.parts; i++)
        sum += j->counts[i];
    j->beta = gc_nlinks_beta(sum, j->view.width, j->view.height);
    gc_nlinks_init(&j->links, j->beta);
}

/* ---- the run -----------------------------------------------------------------------------------
 */

/* Stores the labels of the start where the cut stores its own, as bits of the undecided background.
 */
static void first_labels(job *j) {
    const grabcut_rect *r = &j->view.region;
    gc_flow_clear_labels(&j->flow);
    if (!j->view.mask)
        return;
    for (int y = 0; y < r->height; y++) {
        const uint8_t *mask = j->view.mask + (size_t)(y + r->y) * j->view.mask_stride + r->x;
        for (int x = 0; x < r->width; x++)
            if (mask[x] == GRABCUT_PR_BGD)
                j->flow.tile[gc_flow_tile(&j->flow, x, y)].alive |= gc_flow_bit(x, y);
    }
}

/* Writes the labels of the undecided pixels into n mask bytes, up to eight. */
static inline void relabel_eight(uint8_t *at, size_t n, unsigned background) {
    const uint64_t ones = 0x0101010101010101u;
    uint64_t eight = 0, spread = (background * ones & 0x8040201008040201u) + 0x7f * ones;
    memcpy(&eight, at, n);
    uint64_t undecided = (eight >> 1 & ones) * 0xff;
    eight = (eight & ~undecided) | ((GRABCUT_PR_FGD * ones - (spread >> 7 & ones)) & undecided);
    memcpy(at, &eight, n);
}

static void relabel_row(const job *j, int y, uint8_t *line) {
    const gc_tile *tile = j->flow.tile + gc_flow_tile(&j->flow, 0, y);
    int width = j->view.region.width, shift = y % 8 * 8, x = 0;
    for (; x + 8 <= width; x += 8, tile++)
        relabel_eight(line + x, 8, tile->alive >> shift & 255);
    if (x < width)
        relabel_eight(line + x, (size_t)(width - x), tile->alive >> shift & 255);
}

static void write_rows(void *ctx, int index, int parts) {
    const job *j = ctx;
    const grabcut_rect *r = &j->view.region;
    int end = gc_part_start(j->mask->height, index + 1, parts);
    for (int y = gc_part_start(j->mask->height, index, parts); y < end; y++) {
        uint8_t *line = j->mask->data + (size_t)y * j->mask->stride;
        int inside = y >= r->y && y < r->y + r->height;
        if (!j->view.mask)
            memset(line, GRABCUT_BGD, (size_t)j->mask->width);
        if (!j->view.mask && inside)
            memset(line + r->x, GRABCUT_PR_FGD, (size_t)r->width);
        if (inside)
            relabel_row(j, y - r->y, line + r->x);
    }
}

static gc_refine_case refine_case(job *j) {
    if (!j->fine)
        gc_fine_links_init(&j->fine_links, j->beta);
    j->fine = 1;
    return (gc_refine_case){&j->view, &j->models[0], &j->models[1],   &j->fine_links,
                            &j->flow, &j->pool,      j->refine_memory};
}

/* Notes which undecided pixels are foreground. */
static void mark_foreground(void *ctx, int index, int parts) {
    job *j = ctx;
    uint64_t *bits = j->rows[index].bits;
    const int rows = j->flow.tiles_y - 2, height = j->flow.height;
    const int end = gc_part_start(rows, index + 1, parts) * 8;
    for (int y = gc_part_start(rows, index, parts) * 8; y < end && y < height; y++) {
        gc_tile *tile = j->flow.tile + gc_flow_tile(&j->flow, 0, y);
        gc_view_undecided(&j->view, y, bits);
        for (int x = 0; x < j->flow.width; x += 8, tile++) {
            const int shift = y % 8 * 8;
            const uint64_t undecided = (bits[x / 64] >> x % 64 & 255) << shift;
            tile->unreached &= ~(UINT64_C(255) << shift);
            tile->unreached |= undecided & ~tile->alive;
        }
    }
}

/* Finds the pixels whose label the rounding of capacities may have changed, and cuts them exactly.
 * Where memory is not enough for them, they stay foreground. */
static int settle_doubts(job *j) {
    size_t count;
    gc_pool_run(&j->pool, mark_foreground, j);
    int rc = gc_flow_lower(&j->flow, j->view.kernels, &j->pool, 2 * GC_DOUBT, j->refine_memory,
                           j->refine_bytes / sizeof(uint32_t), &count);
    if (rc || count == 0)
        return rc;
    const size_t needed = gc_refine_bytes(count);
    if (needed > j->refine_bytes + gc_flow_spare(j->flow.width, j->flow.height))
        return GRABCUT_OK;
    j->fresh = needed > j->refine_bytes;
    const gc_refine_case again = refine_case(j);
    return gc_refine(&again, count);
}

static int cut_region(job *j) {
    gc_graph graph = {&j->view, &j->models[0], &j->models[1], &j->flow,
                      &j->pool, j->rows,       j->fresh};
    gc_graph_build(&graph);
    if (j->stopped)
        return GRABCUT_ECANCELED;
    j->fresh = 0;
    const int rc = gc_flow_solve(&j->flow, j->view.kernels, &j->pool);
    return rc ? rc : settle_doubts(j);
}

static int run_iteration(job *j, int iteration, grabcut_errbuf *err) {
    int rc = begin_phase(j, GRABCUT_PHASE_MODELS, iteration);
    if (!rc && j->opts->mode != GRABCUT_EVAL_FREEZE_MODEL)
        rc = learn_models(j, err);
    if (rc)
        return rc;
    rc = begin_phase(j, GRABCUT_PHASE_CUT, iteration);
    if (rc)
        return rc;
    j->pool.stop = stop_cutting;
    if (j->flow.width == 1 || j->flow.height == 1) {
        const gc_refine_case chain = refine_case(j);
        rc = gc_refine_chain(&chain);
    } else {
        rc = cut_region(j);
    }
    j->pool.stop = ask_to_stop;
    return rc;
}

static int run_job(job *j, grabcut_errbuf *err) {
    const grabcut_options *opts = j->opts;
    int starts = opts->mode == GRABCUT_INIT_WITH_RECT || opts->mode == GRABCUT_INIT_WITH_MASK;
    first_labels(j);
    j->fresh = 1;
    int rc = begin_phase(j, GRABCUT_PHASE_INIT, 0);
    if (!rc && starts)
        rc = first_models(j, err);
    if (rc)
        return rc;
    weigh_links(j);
    if (j->stopped)
        return GRABCUT_ECANCELED;
    for (int i = 0; i < j->progress.iterations && !rc; i++)
        rc = run_iteration(j, i, err);
    return rc;
}

static void take_models(job *j) {
    if (j->opts->mode != GRABCUT_EVAL && j->opts->mode != GRABCUT_EVAL_FREEZE_MODEL)
        return; /* learned from zeros */
    gc_gmm_load(&j->models[0], j->opts->models->background);
    gc_gmm_load(&j->models[1], j->opts->models->foreground);
}

static void give_models(const job *j) {
    grabcut_models *m = j->opts->models;
    if (!m)
        return;
    memcpy(m->background, j->models[0].model, sizeof m->background);
    memcpy(m->foreground, j->models[1].model, sizeof m->foreground);
}

static int segment_in(job *j, grabcut_image *mask, grabcut_workspace *workspace, int threads,
                      grabcut_errbuf *err) {
    gc_view *v = &j->view;
    size_t bytes = lay_out(j, NULL, v->width, v->height, &v->region, threads);
    if (!gc_workspace_grow(workspace, bytes))
        return grabcut_fail(err, GRABCUT_ENOMEM,
                            "out of memory: %zu bytes for an image of %dx%d pixels", bytes,
                            v->width, v->height);
    lay_out(j, workspace->memory, v->width, v->height, &v->region, threads);
    if (v->mask) {
        /* Memory for the whole image is also enough for a part of it. */
        shrink_region(&v->region, v, j->rows[0].bits);
        lay_out(j, workspace->memory, v->width, v->height, &v->region, threads);
    }
    v->tiles = j->flow.tile;
    v->tiles_x = j->flow.tiles_x;
    j->flow.bgr = v->bgr + (size_t)v->region.y * v->stride + (size_t)v->region.x * 3;
    j->flow.bgr_stride = v->stride;
    j->flow.links = &j->links;
    take_models(j);
    j->pool.stop = ask_to_stop;
    j->pool.stop_ctx = j;
    j->mask = mask;
    gc_pool_start(&j->pool, threads);
    int rc = run_job(j, err);
    if (!rc) {
        gc_pool_run(&j->pool, write_rows, j);
        give_models(j);
    }
    gc_pool_stop(&j->pool);
    return rc;
}

static int segment_fast(const grabcut_engine *self, grabcut_image *mask, const grabcut_image *image,
                        const grabcut_options *opts, grabcut_errbuf *err) {
    job j = {.opts = opts};
    grabcut_workspace own = {NULL, 0};
    j.view.kernels = gc_kernels_for(opts->simd);
    if (!j.view.kernels)
        return grabcut_fail(err, GRABCUT_EUNSUPPORTED,
                            "this processor or build does not support the requested SIMD level");
    j.view.bgr = image->data;
    j.view.stride = image->stride;
    j.view.width = image->width;
    j.view.height = image->height;
    if (opts->mode != GRABCUT_INIT_WITH_RECT) {
        j.view.mask = mask->data;
        j.view.mask_stride = mask->stride;
    }
    if (region_of(&j.view.region, opts, image->width, image->height))
        return grabcut_fail(err, GRABCUT_ERECT, "the rect is empty or outside the image");
    j.progress.iterations = opts->mode == GRABCUT_EVAL_FREEZE_MODEL ? 1 : opts->iterations;
    int threads = thread_count(self, opts, image->width, image->height);
    int rc = segment_in(&j, mask, opts->workspace ? opts->workspace : &own, threads, err);
    gc_workspace_drop(&own);
    if (rc == GRABCUT_ECANCELED)
        return grabcut_fail(err, rc, "the progress callback stopped the run");
    return rc;
}

static int estimate_fast(const grabcut_engine *self, uint64_t *out_bytes, int32_t width,
                         int32_t height, const grabcut_options *opts) {
    job j;
    grabcut_rect region;
    int rc = region_of(&region, opts, width, height);
    if (rc)
        return rc;
    *out_bytes = lay_out(&j, NULL, width, height, &region, thread_count(self, opts, width, height));
    return GRABCUT_OK;
}

enum { PIXELS_PER_THREAD = 16384 };

#define FAST_ENGINE(pixels)                                                                        \
    { {GRABCUT_ENGINE_VERSION, "fast", segment_fast, estimate_fast}, (pixels) }

gc_fast_engine gc_fast_engine_of(size_t pixels) {
    return (gc_fast_engine)FAST_ENGINE(pixels);
}

const grabcut_engine *grabcut_engine_fast(void) {
    static const gc_fast_engine engine = FAST_ENGINE(PIXELS_PER_THREAD);
    return &engine.super;
}
