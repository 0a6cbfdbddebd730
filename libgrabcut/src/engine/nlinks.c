/* The weights between neighbours: Rother, Kolmogorov, Blake, "GrabCut", SIGGRAPH 2004. */
#include "nlinks.h"

#include <math.h>

static const double GAMMA = 50;

uint64_t gc_nlinks_sum(const gc_view *view, int y0, int y1, uint32_t *above, uint32_t *line,
                       gc_pool *pool, int index) {
    const gc_kernels *k = view->kernels;
    int n = view->width;
    uint64_t sum = 0;
    if (y0 > 0)
        gc_view_pixels(view, 0, y0 - 1, n, above);
    for (int y = y0; y < y1 && !gc_pool_halt(pool, index, (size_t)n); y++) {
        gc_view_pixels(view, 0, y, n, line);
        sum += k->distance_sum(line, line + 1, n - 1);
        if (y > 0)
            sum += k->distance_sum(line, above, n) + k->distance_sum(line + 1, above, n - 1) +
                   k->distance_sum(line, above + 1, n - 1);
        uint32_t *t = above;
        above = line;
        line = t;
    }
    return sum;
}

double gc_nlinks_beta(uint64_t sum, int width, int height) {
    if (sum == 0)
        return 0;
    int64_t w = width, h = height;
    return 1.f / (2 * (double)sum / (double)(4 * w * h - 3 * w - 3 * h + 2));
}

void gc_nlinks_init(gc_nlinks *links, double beta) {
    /* The reference divides by the float square root of 2. */
    const double diagonal = GAMMA / sqrtf(2.0f);
    for (int j = 0; j < GC_LOW; j++) {
        double low = exp(-beta * j) * GC_SCALE * 256;
        links->low[0][j] = (uint32_t)(diagonal * low + 0.5);
        links->low[1][j] = (uint32_t)(GAMMA * low + 0.5);
    }
    for (int i = 0; i < GC_HIGH; i++)
        links->high[i] = (uint32_t)(exp(-beta * GC_LOW * i) * 2147483648.0 + 0.5);
}
