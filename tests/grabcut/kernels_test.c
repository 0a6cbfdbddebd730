/* The inner loops of every SIMD level that this processor has, against plain loops or the portable
 * level. */
#include "gmm.h"
#include "mixture.h"
#include "nlinks.h"
#include "select.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 3000, ROUNDS = 300 };

static uint64_t state = 20061127;

static uint32_t draw(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}

static int below(int n) {
    return (int)(draw() % (uint32_t)n);
}

/* All levels, portable first. */
static int levels(const gc_kernels *to[2]) {
    static const grabcut_simd all[] = {GRABCUT_SIMD_PORTABLE, GRABCUT_SIMD_AVX2};
    int n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (gc_kernels_for(all[i]))
            to[n++] = gc_kernels_for(all[i]);
    return n;
}

static const char *name(const gc_kernels *k) {
    return k->level == GRABCUT_SIMD_PORTABLE ? "portable" : "AVX2";
}

/* Pixels of a few clusters, or of all colours; n of them and what stands behind. */
static int random_pixels(uint32_t *px) {
    int n = 1 + below(below(3) ? 100 : MOST), spread = 1 + below(256), centre[3];
    for (int j = 0; j < 3; j++)
        centre[j] = below(257 - spread);
    for (int i = 0; i < MOST + 2 * GC_PAD; i++) {
        px[i] = 0;
        for (int j = 0; j < 3; j++)
            px[i] |= (uint32_t)(centre[j] + below(spread)) << (8 * j);
    }
    return n;
}

static int square(uint32_t a, uint32_t b, int shift) {
    int d = (int)(a >> shift & 255) - (int)(b >> shift & 255);
    return d * d;
}

/* Whether the kernel lists all of these flags; for x86 processors. */
#if defined(__x86_64__)
static int has_flags(const char *const *flags) {
    char line[8192] = "";
    FILE *in = fopen("/proc/cpuinfo", "r");
    while (in && fgets(line, sizeof line, in) && strncmp(line, "flags", 5) != 0)
        line[0] = '\0';
    if (in)
        fclose(in);
    line[strcspn(line, "\n")] = ' ';
    for (; *flags; flags++)
        if (!strstr(line, *flags))
            return 0;
    return 1;
}
#else /* under an emulator, /proc/cpuinfo is that of the machine underneath */
static int has_flags(const char *const *flags) {
    (void)flags;
    return 0;
}
#endif

Test(grabcut_kernels, levels_are_those_of_the_processor) {
    static const char *const avx2[] = {" avx2 ", " fma ", " bmi1 ", " bmi2 ", " abm ", NULL};
    const gc_kernels *k[2];
    int n = levels(k);
    cr_assert_eq(gc_kernels_for(GRABCUT_SIMD_AVX2) != NULL, has_flags(avx2));
    printf("levels of this processor:");
    for (int i = 0; i < n; i++)
        printf(" %s,", name(k[i]));
    cr_assert_not_null(gc_kernels_for(GRABCUT_SIMD_AUTO));
    printf(" AUTO is %s\n", name(gc_kernels_for(GRABCUT_SIMD_AUTO)));
}

Test(grabcut_kernels, pixels_are_unpacked) {
    const gc_kernels *k[2];
    for (int l = 0, n_levels = levels(k); l < n_levels; l++)
        for (int n = 0; n < 200; n++) {
            uint8_t *bgr = malloc((size_t)n * 3 +
                                  1); /* of just that length: the sanitizer sees more being read */
            uint32_t px[200 + GC_PAD];
            for (int i = 0; i < n * 3; i++)
                bgr[i] = (uint8_t)draw();
            k[l]->unpack(px, bgr, n);
            for (int i = 0; i < n; i++)
                cr_assert_eq(px[i],
                             bgr[3 * i] | (uint32_t)bgr[3 * i + 1] << 8 |
                                 (uint32_t)bgr[3 * i + 2] << 16,
                             "%s, %d of %d", name(k[l]), i, n);
            free(bgr);
        }
}

Test(grabcut_kernels, distances_are_summed) {
    static uint32_t a[MOST + 2 * GC_PAD], b[MOST + 2 * GC_PAD];
    const gc_kernels *k[2];
    int n_levels = levels(k);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t sum = 0;
        int n = random_pixels(a);
        random_pixels(b);
        for (int i = 0; i < n; i++)
            sum +=
                (uint64_t)(square(a[i], b[i], 0) + square(a[i], b[i], 8) + square(a[i], b[i], 16));
        for (int l = 0; l < n_levels; l++)
            cr_assert_eq(k[l]->distance_sum(a, b, n), sum, "%s, %d pixels", name(k[l]), n);
    }
}

/* The greatest distance of all, often: no lane overflows. */
Test(grabcut_kernels, long_rows_of_great_distances_are_summed) {
    enum { N = 300001 };
    uint32_t *black = calloc(N + GC_PAD, sizeof *black),
             *white = malloc((N + GC_PAD) * sizeof *white);
    const gc_kernels *k[2];
    for (int i = 0; i < N + GC_PAD; i++)
        white[i] = 0xffffff;
    for (int l = 0, n = levels(k); l < n; l++)
        cr_assert_eq(k[l]->distance_sum(black, white, N), UINT64_C(195075) * N, "%s", name(k[l]));
    free(black);
    free(white);
}

static void random_mixture(gc_gmm *gmm) {
    gc_moments m[GC_COMPONENTS];
    memset(m, 0, sizeof m);
    for (int c = 0; c < GC_COMPONENTS; c++) {
        int n = below(6) ? 1 + below(200) : 0, spread = 1 + below(120), centre[3];
        for (int j = 0; j < 3; j++)
            centre[j] = below(257 - spread);
        for (int i = 0; i < n; i++) {
            uint64_t p[3];
            for (int j = 0; j < 3; j++)
                m[c].sum[j] += p[j] = (uint64_t)(centre[j] + below(spread));
            m[c].bb += p[0] * p[0];
            m[c].bg += p[0] * p[1];
            m[c].br += p[0] * p[2];
            m[c].gg += p[1] * p[1];
            m[c].gr += p[1] * p[2];
            m[c].rr += p[2] * p[2];
        }
        m[c].count = (uint64_t)n;
    }
    m[0].count += m[0].count == 0;
    cr_assert_eq(gc_gmm_learn(gmm, m), GRABCUT_OK);
}

Test(grabcut_kernels, components_are_those_of_the_formula) {
    static uint32_t px[MOST + 2 * GC_PAD];
    uint8_t labels[MOST + 2 * GC_PAD];
    const gc_kernels *k[2];
    int n_levels = levels(k);
    for (int round = 0; round < ROUNDS; round++) {
        gc_gmm gmm;
        int n = random_pixels(px);
        random_mixture(&gmm);
        for (int l = 0; l < n_levels; l++) {
            k[l]->components(labels, px, n, &gmm.mix);
            for (int i = 0; i < n; i++)
                cr_assert_eq(labels[i], gc_mixture_component(&gmm.mix, px[i]), "%s, round %d",
                             name(k[l]), round);
        }
    }
}

/* Two units of 6e-6 off the formula in doubles, but for how the level rounds. */
Test(grabcut_kernels, terminal_links_are_those_of_the_formula) {
    static uint32_t px[MOST + 2 * GC_PAD];
    static int32_t out[MOST + 2 * GC_PAD];
    const double limit = 345 * GC_SCALE;
    const gc_kernels *k[2];
    int n_levels = levels(k);
    for (int round = 0; round < ROUNDS; round++) {
        gc_gmm bgd, fgd;
        int n = random_pixels(px);
        random_mixture(&bgd);
        random_mixture(&fgd);
        for (int l = 0; l < n_levels; l++) {
            k[l]->tlinks(out, px, n, &bgd.mix, &fgd.mix, GC_SCALE, limit);
            for (int i = 0; i < n; i++) {
                int32_t right = gc_mixture_tlink(&bgd.mix, &fgd.mix, px[i], GC_SCALE, limit);
                cr_assert_leq(abs(out[i] - right), 2, "%s, round %d: %d, not %d", name(k[l]), round,
                              out[i], right);
            }
        }
    }
}

Test(grabcut_kernels, sums_by_label_are_exact) {
    static uint32_t px[MOST + 2 * GC_PAD];
    static uint8_t labels[MOST + 2 * GC_PAD], other[MOST + 2 * GC_PAD];
    float centers[GC_COMPONENTS][3];
    const gc_kernels *k[2];
    int n_levels = levels(k);
    for (int round = 0; round < ROUNDS; round++) {
        int n = random_pixels(px), clusters = 1 + below(GC_COMPONENTS);
        for (int c = 0; c < GC_COMPONENTS; c++)
            for (int j = 0; j < 3; j++)
                centers[c][j] = (float)below(25500) / 100;
        for (int l = 0; l < n_levels; l++) {
            gc_moments right[GC_COMPONENTS], sums[GC_COMPONENTS];
            gc_cluster own[GC_COMPONENTS] = {{0, {0, 0, 0}}};
            memset(right, 0, sizeof right);
            memset(sums, 0, sizeof sums);
            k[l]->nearest_sums(own, l ? other : labels, px, n, (const float(*)[3])centers,
                               clusters);
            cr_assert(l == 0 || memcmp(labels, other, (size_t)n) == 0, "%s, round %d", name(k[l]),
                      round);
            for (int i = 0; i < n; i++) {
                uint64_t p[3] = {px[i] & 255, px[i] >> 8 & 255, px[i] >> 16 & 255};
                gc_moments one = {1,           {p[0], p[1], p[2]}, p[0] * p[0], p[0] * p[1],
                                  p[0] * p[2], p[1] * p[1],        p[1] * p[2], p[2] * p[2]};
                gc_moments_add(&right[labels[i]], &one);
            }
            k[l]->moments(sums, px, labels, n);
            cr_assert_arr_eq(sums, right, sizeof right, "%s, round %d", name(k[l]), round);
        }
    }
}

/* ---- links
 * ------------------------------------------------------------------------------------------- */

enum { EIGHTS = 20 }; /* a row of tiles; the row of pixels below is one of theirs, too */

/* What joining the pixels of a tile row leaves behind. */
typedef struct joined {
    int32_t excess[(EIGHTS + 2) * 64];
    uint16_t room_low[(EIGHTS + 2) * 256];
    uint8_t room_high[(EIGHTS + 2) * 256], open[(EIGHTS + 2) * 64];
} joined;

static gc_flow flow_of(joined *j, const gc_nlinks *links) {
    gc_flow f;
    memset(&f, 0, sizeof f);
    f.excess = j->excess;
    f.room_low = j->room_low;
    f.room_high = j->room_high;
    f.open = j->open;
    f.links = links;
    return f;
}

Test(grabcut_kernels, links_are_the_same_at_all_levels) {
    static joined before, plain, other;
    static uint32_t px[MOST + 2 * GC_PAD], below_px[MOST + 2 * GC_PAD];
    gc_nlinks links;
    const gc_kernels *k[2];
    int n_levels = levels(k);
    for (int round = 0; round < ROUNDS; round++) {
        int n = 8 * (1 + below(EIGHTS - 1)), fresh = below(2);
        random_pixels(px);
        if (below(2))
            random_pixels(below_px);
        else
            for (int i = 0; i < MOST; i++)
                below_px[i] = px[i] ^ (draw() & 0x030303);
        gc_nlinks_init(&links, (1 + below(1000)) / (below(2) ? 100000.0 : 100.0));
        memset(&before, 0, sizeof before);
        for (int i = 0; i < (EIGHTS + 2) * 64; i++)
            before.excess[i] = below(1 << 20) - (1 << 19);
        plain = before;
        gc_flow f = flow_of(&plain, &links);
        gc_kernels_portable.link(&f, 64, 72, px + 1, below_px + 1, n, 1);
        if (!fresh) { /* some flow: each room between 0 and twice the capacity */
            for (int i = 0; i < (EIGHTS + 2) * 256; i++) {
                int32_t cap = plain.room_low[i] | plain.room_high[i] << 16;
                int32_t room = below(3) ? below(2 * cap + 1) : below(2) * 2 * cap;
                plain.room_low[i] = (uint16_t)room;
                plain.room_high[i] = (uint8_t)(room >> 16);
            }
            memset(plain.open, 0, sizeof plain.open);
            before = plain;
            gc_kernels_portable.link(&f, 64, 72, px + 1, below_px + 1, n, 0);
        }
        for (int l = 1; l < n_levels; l++) {
            other = before;
            f = flow_of(&other, &links);
            k[l]->link(&f, 64, 72, px + 1, below_px + 1, n, fresh);
            cr_assert_arr_eq(&other, &plain, sizeof plain, "%s, round %d", name(k[l]), round);
        }
    }
}

Test(grabcut_kernels, tiles_are_compared_at_all_levels) {
    static const unsigned least[] = {1, 4, 15, 255};
    const gc_kernels *k[2];
    int n_levels = levels(k);
    for (int round = 0; round < ROUNDS; round++) {
        int32_t excess[64], limit = below(3) ? below(2000) - 1000 : INT32_MAX;
        uint8_t high[256];
        uint64_t less = 0, planes[4] = {0};
        const unsigned at_least = least[below(4)];
        for (int i = 0; i < 64; i++) {
            excess[i] = below(4) ? below(2000) - 1000 : below(2) ? INT32_MIN : limit;
            less |= (uint64_t)(excess[i] < limit) << i;
        }
        for (int i = 0; i < 256; i++) {
            high[i] = (uint8_t)(below(2) ? below(256) : (int)at_least - below(2));
            planes[i % 4] |= (uint64_t)(high[i] >= at_least) << i / 4;
        }
        for (int l = 0; l < n_levels; l++) {
            uint64_t found[4];
            k[l]->ample(found, high, at_least);
            cr_assert_eq(k[l]->below(excess, limit), less, "%s, round %d", name(k[l]), round);
            cr_assert_arr_eq(found, planes, sizeof planes, "%s, round %d", name(k[l]), round);
        }
    }
}
