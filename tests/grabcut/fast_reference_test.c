/* The fast engine against cv::grabCut, live. */
#include "fast_compare.h"
#include "files.h"
#include "select.h"

#include <criterion/criterion.h>
#include <grabcut/opencv.h>
#include <stdlib.h>
#include <string.h>

static uint32_t draw(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static void load(compare_case *c, const char *name) {
    size_t len;
    uint8_t *bytes = read_source_file(name, &len);
    memset(c, 0, sizeof *c);
    c->opts = (grabcut_options)GRABCUT_OPTIONS_INIT;
    cr_assert_eq(grabcut_decode(&c->image, bytes, len, NULL, NULL), GRABCUT_OK);
    free(bytes);
    cr_assert_eq(grabcut_image_alloc(&c->mask, c->image.width, c->image.height, 1), GRABCUT_OK);
    c->opts.rect = grabcut_rect_inset(c->image.width, c->image.height, 5);
}

/* Photos allow no tie. */
static void check_photo(const char *name, int iterations, grabcut_simd simd, int threads) {
    compare_case c;
    compare_report report;
    load(&c, name);
    c.opts.iterations = iterations;
    c.opts.seed = (uint64_t)iterations;
    c.opts.simd = simd;
    c.opts.threads = threads;
    compare_result result = compare_engines(&c, &report);
    compare_case_free(&c);
    cr_assert_eq(result, COMPARE_SAME, "%s, %d iterations, %d threads: %d pixels differ; %s", name,
                 iterations, threads, report.differing, report.why);
}

Test(fast_reference, portrait_at_every_count_of_iterations) {
    for (int i = 1; i <= 10; i++)
        check_photo("photos/portrait.jpg", i, GRABCUT_SIMD_AUTO, 1);
}

Test(fast_reference, photos) {
    static const char *const names[] = {"photos/astronaut.jpg", "photos/chelsea.png",
                                        "photos/coffee.jpg"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        check_photo(names[i], 1, GRABCUT_SIMD_AUTO, 1);
        check_photo(names[i], 3, GRABCUT_SIMD_AUTO, 2);
    }
}

Test(fast_reference, every_simd_level_and_number_of_threads) {
    for (int simd = GRABCUT_SIMD_PORTABLE; simd <= GRABCUT_SIMD_AVX2; simd++)
        for (int threads = 1; threads <= 3; threads++)
            if (gc_kernels_for((grabcut_simd)simd))
                check_photo("photos/portrait.jpg", 2, (grabcut_simd)simd, threads);
}

/* ---- carrying on --------------------------------------------------------------------------------
 */

static void check_carried_on(grabcut_mode mode, int iterations) {
    compare_case c;
    compare_report report;
    load(&c, "photos/portrait.jpg");
    c.opts.iterations = 1;
    c.opts.models = &c.models;
    cr_assert_eq(grabcut_segment(grabcut_engine_opencv(), &c.mask, &c.image, &c.opts, NULL),
                 GRABCUT_OK);
    /* What a user paints over the first result. */
    for (int y = 100; y < 130; y++)
        memset(c.mask.data + (size_t)y * c.mask.stride + 60, y < 115 ? GRABCUT_FGD : GRABCUT_BGD,
               40);
    c.opts.mode = mode;
    c.opts.iterations = iterations;
    compare_result result = compare_engines(&c, &report);
    compare_case_free(&c);
    cr_assert_eq(result, COMPARE_SAME, "%d pixels differ; %s", report.differing, report.why);
}

Test(fast_reference, carried_on_from_models_and_a_painted_mask) {
    check_carried_on(GRABCUT_EVAL, 1);
    check_carried_on(GRABCUT_EVAL, 4);
    check_carried_on(GRABCUT_INIT_WITH_MASK, 3);
}

Test(fast_reference, with_frozen_models) {
    check_carried_on(GRABCUT_EVAL_FREEZE_MODEL, 1);
}

/* ---- degenerate pictures ------------------------------------------------------------------------
 */

typedef struct shape {
    int w, h, colors; /* 0: all different */
    grabcut_rect rect;
    int probable; /* 1: mask start, all pixels probable, halves */
} shape;

Test(fast_reference, degenerate_pictures) {
    static const shape shapes[] = {
        {20, 20, 1, {5, 5, 10, 10}, 0}, {20, 20, 2, {5, 5, 10, 10}, 0},
        {50, 1, 0, {5, 0, 30, 1}, 0},   {1, 50, 0, {0, 5, 1, 30}, 0},
        {2, 2, 0, {0, 0, 1, 1}, 0},     {2, 2, 1, {1, 1, 1, 1}, 0},
        {9, 9, 0, {0, 0, 9, 8}, 0},     {3, 2, 0, {0, 0, 3, 1}, 0},
        {30, 30, 0, {0, 0, 1, 1}, 1},   {30, 30, 1, {0, 0, 1, 1}, 1},
        {1, 1, 0, {0, 0, 1, 1}, 0},     {2, 1, 0, {0, 0, 1, 1}, 0},
        {65, 9, 2, {1, 1, 63, 7}, 0},   {2000, 2, 0, {1, 0, 1998, 2}, 0}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const shape *s = &shapes[i];
        compare_case c;
        compare_report report;
        uint64_t state = i;
        memset(&c, 0, sizeof c);
        c.opts = (grabcut_options)GRABCUT_OPTIONS_INIT;
        c.opts.rect = s->rect;
        c.opts.iterations = 3;
        cr_assert_eq(grabcut_image_alloc(&c.image, s->w, s->h, 3), GRABCUT_OK);
        cr_assert_eq(grabcut_image_alloc(&c.mask, s->w, s->h, 1), GRABCUT_OK);
        for (int y = 0; y < s->h; y++)
            for (int x = 0; x < s->w; x++) {
                uint8_t *p = c.image.data + (size_t)y * c.image.stride + (size_t)x * 3;
                for (int k = 0; k < 3; k++)
                    p[k] = s->colors ? (uint8_t)(s->colors == 2 && x > s->w / 2 ? 200 : 40)
                                     : (uint8_t)draw(&state);
                c.mask.data[(size_t)y * c.mask.stride + (size_t)x] =
                    x < s->w / 2 ? GRABCUT_PR_BGD : GRABCUT_PR_FGD;
            }
        if (s->probable)
            c.opts.mode = GRABCUT_INIT_WITH_MASK;
        compare_result result = compare_engines(&c, &report);
        compare_case_free(&c);
        cr_assert_neq(result, COMPARE_DIFFERS, "shape %zu: %s", i, report.why);
    }
}

/* ---- checkerboards ---------------------------------------------------------------------------
 */

static void checkerboard(compare_case *c, int w, int h, int field, uint64_t seed) {
    memset(c, 0, sizeof *c);
    c->opts = (grabcut_options)GRABCUT_OPTIONS_INIT;
    c->opts.mode = GRABCUT_INIT_WITH_MASK;
    c->opts.iterations = 1;
    c->opts.seed = seed;
    cr_assert_eq(grabcut_image_alloc(&c->image, w, h, 3), GRABCUT_OK);
    cr_assert_eq(grabcut_image_alloc(&c->mask, w, h, 1), GRABCUT_OK);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            memset(c->image.data + (size_t)y * c->image.stride + (size_t)x * 3,
                   (x / field + y / field) % 2 ? 255 : 0, 3);
            c->mask.data[(size_t)y * c->mask.stride + (size_t)x] = GRABCUT_PR_BGD;
        }
}

/* The reference's energy is 120.5 here, and the least -36.9. */
Test(fast_reference, a_checkerboard_whose_cut_by_the_reference_is_not_minimal) {
    compare_case c;
    compare_report report;
    checkerboard(&c, 2, 3, 1, 1);
    for (int y = 0; y < 3; y++)
        c.mask.data[(size_t)y * c.mask.stride + 1] = GRABCUT_PR_FGD;
    compare_result result = compare_engines(&c, &report);
    compare_case_free(&c);
    cr_assert_eq(result, COMPARE_LOWER, "%s", report.why);
}

/* All of it is foreground or all background, and the energies differ by 3.8e-4: less than what
 * capacities of 1/163,840 resolve. */
Test(fast_reference, a_checkerboard_whose_cuts_differ_by_less_than_the_first_rounding) {
    static const uint8_t from[49] = {35, 31, 29, 27, 25, 24, 22, 21, 20, 19, 18, 17, 17,
                                     16, 16, 15, 15, 14, 14, 14, 13, 13, 13, 13, 13, 13,
                                     13, 13, 13, 14, 14, 14, 15, 15, 16, 16, 17, 17, 18,
                                     19, 20, 21, 22, 24, 25, 27, 29, 31, 35};
    compare_case c;
    compare_report report;
    checkerboard(&c, 81, 74, 3, 53443560);
    for (int i = 0; i < 49; i++) {
        int to = 80 - from[i] + (i == 3 || i == 45);
        memset(c.mask.data + (size_t)(13 + i) * c.mask.stride + from[i], GRABCUT_PR_FGD,
               (size_t)(to - from[i] + 1));
    }
    compare_result result = compare_engines(&c, &report);
    compare_case_free(&c);
    cr_assert_eq(result, COMPARE_SAME, "%d pixels differ; %s", report.differing, report.why);
}

/* ---- small random pictures ----------------------------------------------------------------------
 */

static int below(uint64_t *state, int n) {
    return (int)(draw(state) % (uint32_t)n);
}

/* What the pixels of a random picture are made of. */
enum { NOISE, FEW_COLORS, GRADIENT, BLOCKS, GREY, ONE_COLOR, STYLES };

/* The same for structured ones, which have many cuts of equal or almost equal energy. */
enum {
    STRIPES = STYLES,
    ROWS,
    CHECKERS,
    LARGE_CHECKERS,
    TILES,
    PLAIN,
    PLAIN_WITH_SPOTS,
    ALL_STYLES
};

static uint8_t component(uint64_t *s, int style, int x, int y, int channel,
                         const uint8_t *palette) {
    switch (style) {
    case NOISE:
        return (uint8_t)draw(s);
    case FEW_COLORS:
        return palette[below(s, 4) * 3 + channel];
    case GRADIENT:
        return (uint8_t)(x * 9 + y * 5 * (channel + 1) + below(s, 20));
    case BLOCKS:
        return (uint8_t)(palette[(x / 3 + y / 4) % 4 * 3 + channel] + below(s, 12));
    case GREY: /* covariances that are all but singular */
        return (uint8_t)(x * 11 + y * 7 + x * y % 13 * 4);
    case STRIPES:
        return palette[x % 2 * 3 + channel];
    case ROWS:
        return palette[y / 2 % 3 * 3 + channel];
    case CHECKERS:
        return palette[(x + y) % 2 * 3 + channel];
    case LARGE_CHECKERS:
        return palette[(x / 3 + y / 2) % 2 * 3 + channel];
    case TILES:
        return palette[(x % 4 < 2 ? 0 : 1) * 3 + (y % 6 < 3 ? 0 : 6) + channel];
    case PLAIN_WITH_SPOTS:
        return palette[(x % 7 == 3 && y % 5 == 2 ? 3 : 0) + channel];
    default:
        return palette[channel];
    }
}

static void random_case(compare_case *c, uint64_t seed, int structured) {
    uint64_t s = seed * 2654435761u + 1;
    memset(c, 0, sizeof *c);
    c->opts = (grabcut_options)GRABCUT_OPTIONS_INIT;
    int w = 1 + below(&s, below(&s, 4) ? 12 : 40), h = 1 + below(&s, below(&s, 4) ? 12 : 40);
    cr_assert_eq(grabcut_image_alloc(&c->image, w, h, 3), GRABCUT_OK);
    cr_assert_eq(grabcut_image_alloc(&c->mask, w, h, 1), GRABCUT_OK);
    uint8_t palette[12];
    for (int i = 0; i < 12; i++)
        palette[i] = (uint8_t)draw(&s);
    int style = structured ? STYLES + below(&s, ALL_STYLES - STYLES) : below(&s, STYLES);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w * 3; x++)
            c->image.data[(size_t)y * c->image.stride + (size_t)x] =
                component(&s, style, x / 3, y, x % 3, palette);
    c->opts.seed = draw(&s);
    c->opts.iterations = 1 + below(&s, 4);
    c->opts.threads = 1 + below(&s, 3);
    c->opts.simd = below(&s, 2) ? GRABCUT_SIMD_AUTO : GRABCUT_SIMD_PORTABLE;
    c->opts.rect = (grabcut_rect){below(&s, w + 2) - 1, below(&s, h + 2) - 1, 1 + below(&s, w + 1),
                                  1 + below(&s, h + 1)};
    if (structured || below(&s, 2)) {
        c->opts.mode = GRABCUT_INIT_WITH_MASK;
        int values = 2 + below(&s, 3); /* of them sure ones, or all four */
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++)
                c->mask.data[(size_t)y * c->mask.stride + (size_t)x] =
                    (uint8_t)(3 - below(&s, values));
    }
}

/* Cuts rows and columns off while the case still fails. */
static void cut(compare_case *c, int w, int h) {
    c->image.width = c->mask.width = w;
    c->image.height = c->mask.height = h;
}

static void shrink(compare_case *c) {
    compare_report report;
    for (int again = 1; again;) {
        int w = c->image.width, h = c->image.height;
        again = 0;
        for (int side = 0; side < 2 && !again; side++) {
            if ((side ? h : w) == 1)
                continue;
            cut(c, side ? w : w - 1, side ? h - 1 : h);
            again = compare_engines(c, &report) == COMPARE_DIFFERS;
            if (!again)
                cut(c, w, h);
        }
    }
}

/* A failing case stays behind in a file that names all of it. */
static void keep_case(const compare_case *c, uint64_t seed) {
    char path[512];
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/grabcut-case-%llu.txt", folder ? folder : "/tmp",
             (unsigned long long)seed);
    FILE *out = fopen(path, "w");
    if (!out) {
        perror(path);
        return;
    }
    fprintf(out, "%dx%d mode %d rect %d,%d,%d,%d iterations %d seed %llu; bgr:mask\n",
            c->image.width, c->image.height, (int)c->opts.mode, c->opts.rect.x, c->opts.rect.y,
            c->opts.rect.width, c->opts.rect.height, c->opts.iterations,
            (unsigned long long)c->opts.seed);
    for (int y = 0; y < c->image.height; y++) {
        for (int x = 0; x < c->image.width; x++) {
            const uint8_t *p = c->image.data + (size_t)y * c->image.stride + (size_t)x * 3;
            fprintf(out, "%02x%02x%02x:%d ", p[0], p[1], p[2],
                    c->mask.data[(size_t)y * c->mask.stride + (size_t)x]);
        }
        fprintf(out, "\n");
    }
    fclose(out);
    fprintf(stderr, "the shrunk case of seed %llu is in %s\n", (unsigned long long)seed, path);
}

/* Where the pictures begin: 0, or what GRABCUT_TEST_SEED says, so that others can be had. */
static uint64_t first_seed(void) {
    const char *text = getenv("GRABCUT_TEST_SEED");
    return text ? strtoull(text, NULL, 0) : 0;
}

static void check_random(uint64_t first, uint64_t count, int structured) {
    int ties = 0, same = 0, lower = 0;
    first += first_seed();
    for (uint64_t seed = first; seed < first + count; seed++) {
        compare_case c;
        compare_report report;
        random_case(&c, seed, structured);
        compare_result result = compare_engines(&c, &report);
        if (result == COMPARE_DIFFERS) {
            shrink(&c);
            compare_engines(&c, &report);
            keep_case(&c, seed);
        }
        compare_case_free(&c);
        cr_assert_neq(result, COMPARE_DIFFERS, "seed %llu: %s", (unsigned long long)seed,
                      report.why);
        ties += result == COMPARE_TIE;
        same += result == COMPARE_SAME;
        lower += result == COMPARE_LOWER;
        if (result == COMPARE_LOWER)
            fprintf(stderr, "seed %llu: the reference's cut is not minimal\n",
                    (unsigned long long)seed);
    }
    fprintf(stderr, "%s pictures from %llu on: %d the same, %d ties, %d lower\n",
            structured ? "structured" : "random", (unsigned long long)first, same, ties, lower);
}

Test(fast_reference, random_pictures_1) {
    check_random(0, 2500, 0);
}
Test(fast_reference, random_pictures_2) {
    check_random(2500, 2500, 0);
}
Test(fast_reference, random_pictures_3) {
    check_random(5000, 2500, 0);
}
Test(fast_reference, random_pictures_4) {
    check_random(7500, 2500, 0);
}
Test(fast_reference, structured_pictures_1) {
    check_random(0, 2500, 1);
}
Test(fast_reference, structured_pictures_2) {
    check_random(2500, 2500, 1);
}
