/*
 * k-means in a constant amount of memory: nothing is kept a pixel. Distances are functions of colour and
 * centres and are computed again in each pass; labels likewise, except for the few pixels that were moved
 * into an empty cluster. Squared distances between pixels and sums of them are integers, exact in the
 * reference's doubles, so the sums may be split by rows; the sums of a cluster's pixels are floats that
 * round, so these are added pixel by pixel in the reference's order.
 */
#include "kmeans.h"

#include <float.h>
#include <string.h>

enum { ITERATIONS = 10 };

typedef struct run {
    const gc_view *view;
    const gc_kernels *kernels;
    gc_pool *pool;
    gc_row *rows; /* one a thread */
    gc_row *row;  /* the first of them, for what runs on one thread */
    int foreground, k;
    const uint32_t *candidate;
    int chosen_count, candidates;
    uint64_t (*sums)[GC_TRIALS]; /* a row: candidate distances */
    uint64_t *row_sum;           /* a row: distances to the nearest chosen centre */
    int32_t *row_count;
    uint32_t chosen[GC_COMPONENTS];
} run;

/* A pixel moved into an empty cluster. */
typedef struct moved {
    int y, i; /* row, number among the row's samples */
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
    /* A single sample is taken for a row of three numbers by cv::kmeans; the draw is one all the same. */
    out->first = gc_rng_next(rng) % (uint32_t)n;
    for (int k = 1; k < clusters(n); k++)
        for (int j = 0; j < GC_TRIALS; j++)
            out->trial[k - 1][j] = gc_rng_double(rng);
}

size_t gc_kmeans_scratch(int height) {
    return (size_t)height * (sizeof(uint64_t) * (GC_TRIALS + 1) + sizeof(int32_t)) + 64;
}

static int samples(run *r, int y) {
    return gc_view_samples(r->view, y, r->foreground, r->row);
}

static void count_rows(void *ctx, int index, int parts) {
    run *r = ctx;
    int end = gc_part_start(r->view->height, index + 1, parts);
    for (int y = gc_part_start(r->view->height, index, parts); y < end; y++)
        r->row_count[y] = gc_view_samples(r->view, y, r->foreground, &r->rows[index]);
}

static uint32_t sample_at(run *r, uint64_t i) {
    int y = 0;
    for (; i >= (uint64_t)r->row_count[y]; y++)
        i -= (uint64_t)r->row_count[y];
    samples(r, y);
    return r->row->px[i];
}

static int channel_difference(uint32_t a, uint32_t b, int shift) {
    return (int)(a >> shift & 255) - (int)(b >> shift & 255);
}

static uint32_t distance(uint32_t a, uint32_t b) {
    int db = channel_difference(a, b, 0), dg = channel_difference(a, b, 8);
    int dr = channel_difference(a, b, 16);
    return (uint32_t)(db * db + dg * dg + dr * dr);
}

/* The first sample at which the running sum of distances reaches p, else the last sample. */
static uint32_t sample_by_sum(run *r, double p, int k) {
    uint64_t sum = 0;
    int last = 0;
    for (int y = 0; y < r->view->height; y++) {
        if (r->row_count[y] == 0)
            continue;
        last = y;
        if ((double)(sum + r->row_sum[y]) < p) {
            sum += r->row_sum[y];
            continue;
        }
        int n = samples(r, y);
        for (int i = 0; i < n; i++) {
            uint32_t nearest = UINT32_MAX;
            for (int c = 0; c < k; c++) {
                uint32_t d = distance(r->row->px[i], r->chosen[c]);
                nearest = d < nearest ? d : nearest;
            }
            sum += nearest;
            if ((double)sum >= p)
                return r->row->px[i];
        }
    }
    return r->row->px[samples(r, last) - 1];
}

static void sum_rows(void *ctx, int index, int parts) {
    run *r = ctx;
    gc_row *row = &r->rows[index];
    int end = gc_part_start(r->view->height, index + 1, parts);
    for (int y = gc_part_start(r->view->height, index, parts); y < end; y++) {
        memset(r->sums[y], 0, sizeof r->sums[y]);
        if (r->row_count[y] == 0)
            continue;
        int n = gc_view_samples(r->view, y, r->foreground, row);
        r->kernels->pp_sums(r->sums[y], row->px, n, r->chosen, r->chosen_count, r->candidate,
                            r->candidates);
    }
}

/* For each row, the distances to the nearest of the first k centres or a candidate, summed. */
static void try_candidates(run *r, int k, const uint32_t *candidate, int candidates) {
    r->chosen_count = k;
    r->candidate = candidate;
    r->candidates = candidates;
    gc_pool_run(r->pool, sum_rows, r);
}

/* Takes over candidate j as a centre; returns the new sum of distances. */
static uint64_t choose(run *r, int k, uint32_t candidate, int j) {
    uint64_t total = 0;
    r->chosen[k] = candidate;
    for (int y = 0; y < r->view->height; y++)
        total += r->row_sum[y] = r->sums[y][j];
    return total;
}

/* k-means++: each centre is the best of three drawn with a probability by their squared distance. */
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
        uint64_t total[GC_TRIALS] = {0};
        for (int y = 0; y < r->view->height; y++)
            for (int j = 0; j < GC_TRIALS; j++)
                total[j] += r->sums[y][j];
        int best = 0;
        for (int j = 1; j < GC_TRIALS; j++)
            if (total[j] < total[best])
                best = j;
        sum = choose(r, k, candidate[best], best);
    }
    return GRABCUT_OK;
}

static void assign(run *r, pass *p) {
    memset(p->acc, 0, sizeof p->acc);
    memset(p->counts, 0, sizeof p->counts);
    p->move_count = 0;
    for (int y = 0; y < r->view->height; y++) {
        if (r->row_count[y] == 0)
            continue;
        int n = samples(r, y);
        r->kernels->nearest(r->row->labels, p->counts, r->row->px, n,
                            (const float(*)[3])p->centers, r->k);
        r->kernels->accumulate(p->acc, r->row->px, r->row->labels, n);
    }
}

static int was_moved(const pass *p, int y, int i) {
    for (int m = 0; m < p->move_count; m++)
        if (p->moves[m].y == y && p->moves[m].i == i)
            return 1;
    return 0;
}

/* The last of the pixels of cluster c that are farthest from its mean. */
static moved farthest(run *r, const pass *p, int c, const float *mean) {
    moved far = {0, 0, 0, 0};
    double max = 0;
    for (int y = 0; y < r->view->height; y++) {
        if (r->row_count[y] == 0)
            continue;
        uint64_t ignored[GC_COMPONENTS] = {0};
        int n = samples(r, y);
        r->kernels->nearest(r->row->labels, ignored, r->row->px, n, (const float(*)[3])p->centers, r->k);
        for (int i = 0; i < n; i++) {
            if (r->row->labels[i] != c || was_moved(p, y, i))
                continue;
            float d = 0;
            for (int j = 0; j < 3; j++) {
                float t = (float)(r->row->px[i] >> (8 * j) & 255) - mean[j];
                d += t * t;
            }
            if (max <= d) {
                max = d;
                far = (moved){y, i, r->row->px[i], 0};
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

/* Moves the centres to the means of their pixels; returns the greatest squared shift. */
static double move_centers(run *r, pass *p) {
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
    for (int y = 0; y < r->view->height; y++) {
        if (r->row_count[y] == 0)
            continue;
        uint64_t ignored[GC_COMPONENTS] = {0};
        int n = samples(r, y);
        r->kernels->nearest(r->row->labels, ignored, r->row->px, n, (const float(*)[3])p->centers, r->k);
        for (int m = 0; m < p->move_count; m++)
            if (p->moves[m].y == y)
                r->row->labels[p->moves[m].i] = p->moves[m].label;
        r->kernels->moments(out, r->row->px, r->row->labels, n);
    }
}

int gc_kmeans(gc_moments *out, const gc_view *view, const gc_kernels *kernels, gc_pool *pool, gc_row *rows,
              void *scratch, int foreground, uint64_t n, const gc_kmeans_draws *draws, int (*stop)(void *),
              void *stop_ctx) {
    run r = {.view = view, .kernels = kernels, .pool = pool, .rows = rows, .row = rows};
    r.foreground = foreground;
    r.k = clusters(n);
    r.sums = scratch;
    r.row_sum = (uint64_t *)(r.sums + view->height);
    r.row_count = (int32_t *)(r.row_sum + view->height);
    gc_pool_run(pool, count_rows, &r);
    if (choose_centers(&r, draws, stop, stop_ctx) != GRABCUT_OK)
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
        fill_empty(&r, &p);
        double shift = move_centers(&r, &p);
        /* The reference stops here without labelling anew: the labels are those of the old centres. */
        if (iteration == last || shift <= (double)FLT_EPSILON * FLT_EPSILON)
            break;
        memcpy(p.centers, p.acc, sizeof p.centers);
    }
    cluster_moments(&r, &p, out);
    return GRABCUT_OK;
}
