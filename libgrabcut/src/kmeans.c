/*
 * k-means that keeps nothing a pixel but, where there is room, the pixels themselves in order. Distances are
 * functions of colour and centres and are computed again in each pass; labels likewise, except for the few
 * pixels that were moved into an empty cluster. Squared distances between pixels and sums of them are
 * integers, exact in the reference's doubles, so the sums may be split into blocks; the sums of a cluster's
 * pixels are floats that round, so these are added pixel by pixel in the reference's order.
 */
#include "kmeans.h"

#include <float.h>
#include <string.h>

enum { ITERATIONS = 10 };

/* The samples in blocks: of a fixed length if they are stored, else the rows of the picture. */
typedef struct run {
    const gc_view *view;
    const gc_kernels *kernels;
    gc_pool *pool;
    gc_row *rows; /* one a thread */
    int foreground, k;

    uint32_t *stored; /* NULL: rows */
    uint8_t *labels;  /* of the stored samples */
    size_t n;
    int blocks, length;

    uint64_t (*sums)[GC_TRIALS]; /* a block: candidate distances */
    uint64_t *sum;               /* a block: distances to the nearest chosen centre */
    int32_t *count;              /* a block: samples */
    int32_t *row_count;

    uint32_t chosen[GC_COMPONENTS];
    const uint32_t *candidate;
    int chosen_count, candidates;
    const float (*centers)[3];
} run;

/* A pixel moved into an empty cluster. */
typedef struct moved {
    int block, i;
    uint32_t px;
    uint8_t label;
} moved;

typedef struct pass {
    float centers[GC_COMPONENTS][3]; /* that the labels come from */
    float acc[GC_COMPONENTS][3];
    uint64_t counts[GC_COMPONENTS];
    moved moves[GC_COMPONENTS];
    int move_count;
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

/* ---- samples ----------------------------------------------------------------------------------- */

/* A block is not shorter than a row, so there are no more blocks than rows, and one. */
size_t gc_kmeans_scratch(int height) {
    return ((size_t)height + 1) * (sizeof(uint64_t) * (GC_TRIALS + 1) + 2 * sizeof(int32_t));
}

static void count_rows(void *ctx, int index, int parts) {
    run *r = ctx;
    int end = gc_part_start(r->view->height, index + 1, parts);
    for (int y = gc_part_start(r->view->height, index, parts);
         y < end && !gc_pool_halt(r->pool, index, (size_t)r->view->width); y++) {
        int n = gc_view_foreground(r->view, y, &r->rows[index]);
        r->row_count[y] = r->foreground ? n : r->view->width - n;
    }
}

static void store_rows(void *ctx, int index, int parts) {
    run *r = ctx;
    int start = gc_part_start(r->view->height, index, parts);
    int end = gc_part_start(r->view->height, index + 1, parts);
    uint32_t *to = r->stored;
    for (int y = 0; y < start; y++)
        to += r->row_count[y];
    for (int y = start; y < end && !gc_pool_halt(r->pool, index, (size_t)r->view->width); y++) {
        if (r->row_count[y] == 0)
            continue;
        gc_view_samples(r->view, y, r->foreground, &r->rows[index]);
        memcpy(to, r->rows[index].px, (size_t)r->row_count[y] * sizeof *to);
        to += r->row_count[y];
    }
}

/* 0 if it was stopped. */
static int prepare(run *r, const gc_kmeans_memory *memory) {
    int height = r->view->height;
    r->sums = memory->scratch;
    r->sum = (uint64_t *)(r->sums + height + 1);
    r->count = (int32_t *)(r->sum + height + 1);
    r->row_count = r->count + height + 1;
    gc_pool_run(r->pool, count_rows, r);
    if (gc_pool_halt(r->pool, 0, 0))
        return 0;
    /* Behind the last label, too, kernels may read and write. */
    if ((r->n + GC_PAD) * (sizeof *r->stored + sizeof *r->labels) > memory->store_bytes) {
        r->blocks = height;
        memcpy(r->count, r->row_count, (size_t)height * sizeof *r->count);
        return 1;
    }
    r->stored = memory->store;
    r->labels = (uint8_t *)(r->stored + r->n + GC_PAD);
    r->length = gc_block(r->view->width);
    r->blocks = (int)((r->n + (size_t)r->length - 1) / (size_t)r->length);
    gc_pool_run(r->pool, store_rows, r);
    memset(r->stored + r->n, 0, GC_PAD * sizeof *r->stored);
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

/* ---- k-means++ --------------------------------------------------------------------------------- */

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
        r->kernels->pp_sums(half, px, n / 2, r->chosen, k, r->chosen, 1);
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
            r->kernels->pp_sums(r->sums[b], samples(r, b, &r->rows[index]), r->count[b], r->chosen,
                                r->chosen_count, r->candidate, r->candidates);
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
static uint64_t choose(run *r, int k, uint32_t candidate, int j) {
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
static int choose_centers(run *r, const gc_kmeans_draws *draws, int (*stop)(void *), void *stop_ctx) {
    uint32_t candidate[GC_TRIALS] = {sample_at(r, draws->first)};
    try_candidates(r, 0, candidate, 1);
    uint64_t sum = choose(r, 0, candidate[0], 0);
    for (int k = 1; k < r->k; k++) {
        if (stop(stop_ctx))
            return GRABCUT_ECANCELED;
        for (int j = 0; j < GC_TRIALS; j++)
            candidate[j] = sample_by_sum(r, draws->trial[k - 1][j] * (double)sum, k);
        try_candidates(r, k, candidate, GC_TRIALS);
        int best = best_candidate(r);
        sum = choose(r, k, candidate[best], best);
    }
    return GRABCUT_OK;
}

/* ---- Lloyd's iterations ------------------------------------------------------------------------ */

static void label_blocks(void *ctx, int index, int parts) {
    run *r = ctx;
    int end = gc_part_start(r->blocks, index + 1, parts);
    for (int b = gc_part_start(r->blocks, index, parts); b < end; b++) {
        if (gc_pool_halt(r->pool, index, (size_t)r->count[b]))
            return;
        /* The kernel writes beyond the block's end, where another thread may be at work. */
        gc_row *row = &r->rows[index];
        r->kernels->nearest(row->labels, samples(r, b, row), r->count[b], r->centers, r->k);
        memcpy(r->labels + (size_t)b * (size_t)r->length, row->labels, (size_t)r->count[b]);
    }
}

/* Labels of a block by the centres of a pass, and the samples. */
static const uint8_t *label_block(const run *r, const pass *p, int block, const uint32_t **px) {
    *px = samples(r, block, r->rows);
    r->kernels->nearest(r->rows->labels, *px, r->count[block], (const float(*)[3])p->centers, r->k);
    return r->rows->labels;
}

/* Whether the sums of floats stay integers that a float holds, n pixels on: then the order does not
 * matter. */
static int stays_exact(const pass *p, int n) {
    for (int k = 0; k < GC_COMPONENTS; k++)
        for (int j = 0; j < 3; j++)
            if (p->acc[k][j] + 255.f * (float)n > 16777216.f)
                return 0;
    return 1;
}

static void add_exactly(const run *r, pass *p, int block) {
    gc_cluster sums[GC_COMPONENTS] = {{0, {0, 0, 0}}};
    r->kernels->nearest_sums(sums, samples(r, block, r->rows), r->count[block],
                             (const float(*)[3])p->centers, r->k);
    for (int k = 0; k < GC_COMPONENTS; k++) {
        p->counts[k] += sums[k].count;
        for (int j = 0; j < 3; j++)
            p->acc[k][j] += (float)sums[k].sum[j];
    }
}

static void add_in_order(const run *r, pass *p, const uint32_t *px, const uint8_t *labels, int n) {
    r->kernels->accumulate(p->acc, px, labels, n);
    for (int i = 0; i < n; i++)
        p->counts[labels[i]]++;
}

/* Each sample to its nearest centre; sums and sizes of the clusters. */
static void assign(run *r, pass *p) {
    int beforehand = r->stored && r->pool->parts > 1;
    memset(p->acc, 0, sizeof p->acc);
    memset(p->counts, 0, sizeof p->counts);
    p->move_count = 0;
    if (beforehand) {
        r->centers = (const float(*)[3])p->centers;
        gc_pool_run(r->pool, label_blocks, r);
        if (gc_pool_halt(r->pool, 0, 0))
            return;
        for (int b = 0; b < r->blocks && !gc_pool_halt(r->pool, 0, (size_t)r->count[b]); b++)
            add_in_order(r, p, samples(r, b, r->rows), r->labels + (size_t)b * (size_t)r->length,
                         r->count[b]);
        return;
    }
    for (int b = 0; b < r->blocks; b++) {
        const uint32_t *px;
        if (gc_pool_halt(r->pool, 0, (size_t)r->count[b]))
            return;
        if (r->count[b] == 0)
            continue;
        if (stays_exact(p, r->count[b])) {
            add_exactly(r, p, b);
            continue;
        }
        const uint8_t *labels = label_block(r, p, b, &px);
        add_in_order(r, p, px, labels, r->count[b]);
    }
}

static int was_moved(const pass *p, int block, int i) {
    for (int m = 0; m < p->move_count; m++)
        if (p->moves[m].block == block && p->moves[m].i == i)
            return 1;
    return 0;
}

/* The last of the pixels of cluster c that are farthest from its mean. */
static moved farthest(const run *r, const pass *p, int c, const float *mean) {
    moved far = {0, 0, 0, 0};
    double max = 0;
    for (int b = 0; b < r->blocks; b++) {
        const uint32_t *px;
        if (r->count[b] == 0)
            continue;
        const uint8_t *labels = label_block(r, p, b, &px);
        for (int i = 0; i < r->count[b]; i++) {
            if (labels[i] != c || was_moved(p, b, i))
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
static void fill_empty(const run *r, pass *p) {
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
        moved far = farthest(r, p, big, mean);
        far.label = (uint8_t)k;
        p->counts[big]--;
        p->counts[k]++;
        for (int j = 0; j < 3; j++) {
            float x = (float)(far.px >> (8 * j) & 255);
            p->acc[big][j] -= x;
            p->acc[k][j] += x;
        }
        p->moves[p->move_count++] = far;
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
static void cluster_moments(run *r, const pass *p, gc_moments *out) {
    memset(out, 0, GC_COMPONENTS * sizeof *out);
    for (int b = 0; b < r->blocks; b++) {
        const uint32_t *px;
        if (gc_pool_halt(r->pool, 0, (size_t)r->count[b]))
            return;
        if (r->count[b] == 0)
            continue;
        label_block(r, p, b, &px);
        for (int m = 0; m < p->move_count; m++)
            if (p->moves[m].block == b)
                r->rows->labels[p->moves[m].i] = p->moves[m].label;
        r->kernels->moments(out, px, r->rows->labels, r->count[b]);
    }
}

int gc_kmeans(gc_moments *out, const gc_kmeans_memory *memory, const gc_view *view, const gc_kernels *kernels,
              gc_pool *pool, gc_row *rows, int foreground, uint64_t n, const gc_kmeans_draws *draws,
              int (*stop)(void *), void *stop_ctx) {
    run r = {.view = view, .kernels = kernels, .pool = pool, .rows = rows, .foreground = foreground};
    r.n = n;
    r.k = clusters(n);
    if (!prepare(&r, memory) || choose_centers(&r, draws, stop, stop_ctx) != GRABCUT_OK)
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
        /* The reference stops here without labelling anew: the labels are those of the old centres. */
        if (iteration == last || shift <= (double)FLT_EPSILON * FLT_EPSILON)
            break;
        memcpy(p.centers, p.acc, sizeof p.centers);
    }
    cluster_moments(&r, &p, out);
    return gc_pool_halt(pool, 0, 0) ? GRABCUT_ECANCELED : GRABCUT_OK;
}
