/*
 * Where there is room, k-means keeps the pixels of a side in order, with their labels; else it
 * takes them from the image in each pass. Squared distances between pixels and sums of them are
 * integers, exact in the reference's doubles, so they may be summed in any order. The sums of a
 * cluster's pixels are floats in the reference; floatsums.c explains when their order matters and
 * how threads can share them all the same.
 */
#include "kmeans.h"

#include "floatsums.h"

#include <float.h>
#include <string.h>

enum { ITERATIONS = 10 };

enum { BLOCK = 1024 }; /* samples, at least */

/* A pixel moved into an empty cluster. */
typedef struct moved {
    int block, i;
    uint32_t px;
    uint8_t label;
} moved;

/* The samples in blocks: of a fixed length if they are stored, else the rows of the image. */
typedef struct run {
    const gc_view *view;
    gc_pool *pool;
    gc_row *rows; /* one a thread */
    int foreground, k;

    const int32_t *row_foreground; /* samples */
    uint32_t *stored;              /* NULL: rows */
    uint8_t *labels;               /* of the stored samples */
    gc_tally *tallies;             /* of their blocks */
    size_t n;
    int blocks, length;

    uint64_t (*sums)[GC_TRIALS]; /* a block: candidate distances */
    uint64_t *sum;               /* a block: distances to the nearest chosen centre */
    int32_t *count;              /* a block: samples */

    uint32_t chosen[GC_COMPONENTS];
    const uint32_t *candidate;
    int chosen_count, candidates;
    const float (*centers)[3];
    moved moves[GC_COMPONENTS];
    int move_count;
    gc_moments (*moments)[2][GC_COMPONENTS]; /* one a thread */
} run;

typedef struct pass {
    float centers[GC_COMPONENTS][3]; /* that the labels come from */
    float acc[GC_COMPONENTS][3];
    uint64_t counts[GC_COMPONENTS];
} pass;

static int clusters(uint64_t n) {
    return n < GC_COMPONENTS ? (int)n : GC_COMPONENTS;
}

void gc_kmeans_draw(gc_kmeans_draws *out, gc_rng *rng, uint64_t n) {
    out->first = gc_rng_next(rng) % (uint32_t)n;
    for (int k = 1; k < clusters(n); k++)
        for (int j = 0; j < GC_TRIALS; j++)
            out->trial[k - 1][j] = gc_rng_double(rng);
}

/* ---- samples -----------------------------------------------------------------------------------
 */

/* A block is not shorter than a row, so there are no more blocks than rows, and one. */
size_t gc_kmeans_scratch(int height) {
    return ((size_t)height + 1) * (sizeof(uint64_t) * (GC_TRIALS + 1) + sizeof(int32_t));
}

static int row_count(const run *r, int y) {
    return r->foreground ? r->row_foreground[y] : r->view->width - r->row_foreground[y];
}

static void store_rows(void *ctx, int index, int parts) {
    run *r = ctx;
    int start = gc_part_start(r->view->height, index, parts);
    int end = gc_part_start(r->view->height, index + 1, parts);
    gc_row row = r->rows[index];
    uint32_t *to = r->stored;
    for (int y = 0; y < start; y++)
        to += row_count(r, y);
    for (int y = start; y < end && !gc_pool_halt(r->pool, index, (size_t)r->view->width); y++) {
        if (row_count(r, y) == 0)
            continue;
        row.px = to;
        to += gc_view_samples(r->view, y, r->foreground, &row);
    }
}

/* 0 if it was stopped. */
static int prepare_kmeans(run *r, const gc_kmeans_memory *memory) {
    int height = r->view->height;
    r->sums = memory->scratch;
    r->sum = (uint64_t *)(r->sums + height + 1);
    r->count = (int32_t *)(r->sum + height + 1);
    r->row_foreground = memory->row_foreground;
    r->moments = memory->moments;
    /* Kernels read and write whole vectors, so the blocks consist of such. */
    r->length = ((r->view->width > BLOCK ? r->view->width : BLOCK) + GC_PAD - 1) / GC_PAD * GC_PAD;
    r->blocks = (int)((r->n + (size_t)r->length - 1) / (size_t)r->length);
    size_t room = (size_t)r->blocks * (size_t)r->length;
    if ((size_t)r->blocks * sizeof(gc_tally) + room * (sizeof *r->stored + sizeof *r->labels) >
        memory->store_bytes) {
        r->blocks = height;
        for (int y = 0; y < height; y++)
            r->count[y] = row_count(r, y);
        return 1;
    }
    r->tallies = memory->store;
    r->stored = (uint32_t *)(r->tallies + r->blocks);
    r->labels = (uint8_t *)(r->stored + room);
    gc_pool_run(r->pool, store_rows, r);
    memset(r->stored + r->n, 0, (room - r->n) * sizeof *r->stored);
    for (int b = 0; b < r->blocks; b++) {
        size_t left = r->n - (size_t)b * (size_t)r->length;
        r->count[b] = left < (size_t)r->length ? (int32_t)left : r->length;
    }
    return !gc_pool_halt(r->pool, 0, 0);
}

static const uint32_t *samples(const run *r, int block, gc_row *row) {
    if (r->stored)
        return r->stored + (size_t)block * (size_t)r->length;
    gc_view_samples(r->view, block, r->foreground, row);
    return row->px;
}

/* ---- k-means++ ---------------------------------------------------------------------------------
 */

static uint32_t sample_at(const run *r, uint64_t i) {
    int block = 0;
    for (; i >= (uint64_t)r->count[block]; block++)
        i -= (uint64_t)r->count[block];
    return samples(r, block, r->rows)[i];
}

/* Of `n` samples, whose distances to the nearest chosen centre add up to more than p less `sum`,
 * the first at which the running sum reaches p. */
static uint32_t reaches(const run *r, const uint32_t *px, int n, uint64_t sum, double p, int k) {
    while (n > 1) {
        uint64_t half[GC_TRIALS] = {0};
        r->view->kernels->pp_sums(half, px, n / 2, r->chosen, k, r->chosen, 1);
        if ((double)(sum + half[0]) >= p) {
            n /= 2;
        } else {
            sum += half[0];
            px += n / 2;
            n -= n / 2;
        }
    }
    return *px;
}

/* The first sample at which the running sum of distances reaches p, else the last sample. */
static uint32_t sample_by_sum(const run *r, double p, int k) {
    uint64_t sum = 0;
    for (int block = 0; block < r->blocks; block++) {
        if ((double)(sum + r->sum[block]) >= p && r->count[block] > 0)
            return reaches(r, samples(r, block, r->rows), r->count[block], sum, p, k);
        sum += r->sum[block];
    }
    return sample_at(r, r->n - 1);
}

static void sum_blocks(void *ctx, int index, int parts) {
    run *r = ctx;
    int end = gc_part_start(r->blocks, index + 1, parts);
    for (int b = gc_part_start(r->blocks, index, parts); b < end; b++) {
        if (gc_pool_halt(r->pool, index, (size_t)r->count[b]))
            return;
        memset(r->sums[b], 0, sizeof r->sums[b]);
        if (r->count[b])
            r->view->kernels->pp_sums(r->sums[b], samples(r, b, &r->rows[index]), r->count[b],
                                      r->chosen, r->chosen_count, r->candidate, r->candidates);
    }
}

/* For each block, the distances to the nearest of the first k centres or a candidate, summed. */
static void try_candidates(run *r, int k, const uint32_t *candidate, int candidates) {
    r->chosen_count = k;
    r->candidate = candidate;
    r->candidates = candidates;
    gc_pool_run(r->pool, sum_blocks, r);
}

/* Takes over candidate j as a centre; returns the new sum of distances. */
static uint64_t choose_centre(run *r, int k, uint32_t candidate, int j) {
    uint64_t total = 0;
    r->chosen[k] = candidate;
    for (int b = 0; b < r->blocks; b++)
        total += r->sum[b] = r->sums[b][j];
    return total;
}

static int best_candidate(const run *r) {
    uint64_t total[GC_TRIALS] = {0};
    int best = 0;
    for (int b = 0; b < r->blocks; b++)
        for (int j = 0; j < GC_TRIALS; j++)
            total[j] += r->sums[b][j];
    for (int j = 1; j < GC_TRIALS; j++)
        best = total[j] < total[best] ? j : best;
    return best;
}

/* Each centre is the best of three drawn with a probability by their squared distance. */
static int choose_centers(run *r, const gc_kmeans_draws *draws, int (*stop)(void *),
                          void *stop_ctx) {
    uint32_t candidate[GC_TRIALS] = {sample_at(r, draws->first)};
    try_candidates(r, 0, candidate, 1);
    uint64_t sum = choose_centre(r, 0, candidate[0], 0);
    for (int k = 1; k < r->k; k++) {
        if (stop(stop_ctx))
            return GRABCUT_ECANCELED;
        for (int j = 0; j < GC_TRIALS; j++)
            candidate[j] = sample_by_sum(r, draws->trial[k - 1][j] * (double)sum, k);
        try_candidates(r, k, candidate, GC_TRIALS);
        int best = best_candidate(r);
        sum = choose_centre(r, k, candidate[best], best);
    }
    return GRABCUT_OK;
}

/* ---- Lloyd's iterations ------------------------------------------------------------------------
 */

static uint8_t *block_labels(const run *r, int block, const gc_row *row) {
    return r->stored ? r->labels + (size_t)block * (size_t)r->length : row->labels;
}

/* Labels a block by the centres; returns the samples. */
static const uint32_t *label_block(const run *r, gc_cluster *sums, int block, gc_row *row) {
    const uint32_t *px = samples(r, block, row);
    memset(sums, 0, GC_COMPONENTS * sizeof *sums);
    r->view->kernels->nearest_sums(sums, block_labels(r, block, row), px, r->count[block],
                                   r->centers, r->k);
    return px;
}

/* The labels of a block in the pass, those of moved pixels too, and the samples. */
static const uint8_t *labelled(const run *r, int block, gc_row *row, const uint32_t **px) {
    gc_cluster sums[GC_COMPONENTS];
    *px = r->stored ? samples(r, block, row) : label_block(r, sums, block, row);
    uint8_t *labels = block_labels(r, block, row);
    for (int m = 0; m < r->move_count; m++)
        if (r->moves[m].block == block)
            labels[r->moves[m].i] = r->moves[m].label;
    return labels;
}

static void label_blocks(void *ctx, int index, int parts) {
    run *r = ctx;
    int end = gc_part_start(r->blocks, index + 1, parts);
    for (int b = gc_part_start(r->blocks, index, parts); b < end; b++) {
        if (gc_pool_halt(r->pool, index, (size_t)r->count[b]))
            return;
        label_block(r, r->tallies[b].sum, b, &r->rows[index]);
    }
}

/* The sums of the pass, all threads at work. */
static void sum_shared(run *r, pass *p) {
    gc_floatsums f = {r->view->kernels, r->pool,   r->stored, r->labels, r->tallies,
                      r->count,         r->blocks, r->length, 0};
    gc_pool_run(r->pool, label_blocks, r);
    if (gc_pool_halt(r->pool, 0, 0))
        return;
    gc_floatsums_run(p->acc, &f);
    for (int b = 0; b < r->blocks; b++)
        for (int k = 0; k < GC_COMPONENTS; k++)
            p->counts[k] += r->tallies[b].sum[k].count;
}

/* The same on this thread, block after block. */
static void sum_alone(run *r, pass *p) {
    for (int b = 0; b < r->blocks; b++) {
        gc_cluster sum[GC_COMPONENTS];
        if (gc_pool_halt(r->pool, 0, (size_t)r->count[b]))
            return;
        if (r->count[b] == 0)
            continue;
        const uint32_t *px = label_block(r, sum, b, r->rows);
        for (int k = 0; k < GC_COMPONENTS; k++)
            p->counts[k] += sum[k].count;
        if (!gc_floatsums_exact(p->acc, sum))
            r->view->kernels->accumulate(p->acc, px, block_labels(r, b, r->rows), r->count[b]);
    }
}

/* Each sample to its nearest centre; sums and sizes of the clusters. */
static void assign(run *r, pass *p) {
    r->centers = (const float(*)[3])p->centers;
    r->move_count = 0;
    memset(p->acc, 0, sizeof p->acc);
    memset(p->counts, 0, sizeof p->counts);
    if (r->stored && r->pool->parts > 1)
        sum_shared(r, p);
    else
        sum_alone(r, p);
}

/* The last of the pixels of cluster c that are farthest from its mean. */
static moved farthest(const run *r, int c, const float *mean) {
    moved far = {0, 0, 0, 0};
    double max = 0;
    for (int b = 0; b < r->blocks; b++) {
        const uint32_t *px;
        if (r->count[b] == 0)
            continue;
        const uint8_t *labels = labelled(r, b, r->rows, &px);
        for (int i = 0; i < r->count[b]; i++) {
            if (labels[i] != c)
                continue;
            float d = 0;
            for (int j = 0; j < 3; j++) {
                float t = (float)(px[i] >> (8 * j) & 255) - mean[j];
                d += t * t;
            }
            if (max <= d) {
                max = d;
                far = (moved){b, i, px[i], 0};
            }
        }
    }
    return far;
}

/* Gives each empty cluster the farthest pixel of the biggest one. */
static void fill_empty(run *r, pass *p) {
    for (int k = 0; k < r->k; k++) {
        if (p->counts[k] != 0)
            continue;
        int big = 0;
        for (int c = 1; c < r->k; c++)
            if (p->counts[big] < p->counts[c])
                big = c;
        float mean[3], scale = 1.f / (float)(int)p->counts[big];
        for (int j = 0; j < 3; j++)
            mean[j] = p->acc[big][j] * scale;
        moved far = farthest(r, big, mean);
        far.label = (uint8_t)k;
        p->counts[big]--;
        p->counts[k]++;
        for (int j = 0; j < 3; j++) {
            float x = (float)(far.px >> (8 * j) & 255);
            p->acc[big][j] -= x;
            p->acc[k][j] += x;
        }
        r->moves[r->move_count++] = far;
    }
}

/* Makes means of the sums; returns the greatest squared shift of a centre. */
static double move_centers(const run *r, pass *p) {
    double shift = 0;
    for (int k = 0; k < r->k; k++) {
        float scale = 1.f / (float)(int)p->counts[k];
        double d = 0;
        for (int j = 0; j < 3; j++) {
            float mean = p->acc[k][j] * scale;
            double t = mean - p->centers[k][j];
            d += t * t;
            p->acc[k][j] = mean;
        }
        shift = d > shift ? d : shift;
    }
    return shift;
}

/* The moments of the clusters; a moved pixel counts where it was moved to. */
static void block_moments(void *ctx, int index, int parts) {
    run *r = ctx;
    int end = gc_part_start(r->blocks, index + 1, parts);
    gc_moments *out = r->moments[index][0];
    memset(out, 0, GC_COMPONENTS * sizeof *out);
    for (int b = gc_part_start(r->blocks, index, parts); b < end; b++) {
        const uint32_t *px;
        if (gc_pool_halt(r->pool, index, (size_t)r->count[b]))
            return;
        if (r->count[b] == 0)
            continue;
        const uint8_t *labels = labelled(r, b, &r->rows[index], &px);
        r->view->kernels->moments(out, px, labels, r->count[b]);
    }
}

static void cluster_moments(run *r, gc_moments *out) {
    gc_pool_run(r->pool, block_moments, r);
    memcpy(out, r->moments[0][0], GC_COMPONENTS * sizeof *out);
    for (int i = 1; i < r->pool->parts; i++)
        for (int c = 0; c < GC_COMPONENTS; c++)
            gc_moments_add(&out[c], &r->moments[i][0][c]);
}

int gc_kmeans(gc_moments *out, const gc_kmeans_memory *memory, const gc_view *view, gc_pool *pool,
              gc_row *rows, int foreground, uint64_t n, const gc_kmeans_draws *draws,
              int (*stop)(void *), void *stop_ctx) {
    run r = {.view = view, .pool = pool, .rows = rows, .foreground = foreground};
    r.n = n;
    r.k = clusters(n);
    if (!prepare_kmeans(&r, memory) || choose_centers(&r, draws, stop, stop_ctx) != GRABCUT_OK)
        return GRABCUT_ECANCELED;

    pass p;
    for (int k = 0; k < r.k; k++)
        for (int j = 0; j < 3; j++)
            p.centers[k][j] = (float)(r.chosen[k] >> (8 * j) & 255);
    int last = r.k == 1 ? 2 : ITERATIONS;
    for (int iteration = 2;; iteration++) {
        if (stop(stop_ctx))
            return GRABCUT_ECANCELED;
        assign(&r, &p);
        if (gc_pool_halt(pool, 0, 0))
            return GRABCUT_ECANCELED;
        fill_empty(&r, &p);
        double shift = move_centers(&r, &p);
        /* The reference stops here without labelling anew: the labels are those of the old centres.
         */
        if (iteration == last || shift <= (double)FLT_EPSILON * FLT_EPSILON)
            break;
        memcpy(p.centers, p.acc, sizeof p.centers);
    }
    cluster_moments(&r, out);
    return gc_pool_halt(pool, 0, 0) ? GRABCUT_ECANCELED : GRABCUT_OK;
}
