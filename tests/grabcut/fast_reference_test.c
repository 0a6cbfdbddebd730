/* The fast engine against cv::grabCut, live. */
#include "fast_compare.h"
#include "files.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

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
    static const char *const names[] = {"photos/astronaut.jpg", "photos/chelsea.png", "photos/coffee.jpg"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        check_photo(names[i], 1, GRABCUT_SIMD_AUTO, 1);
        check_photo(names[i], 3, GRABCUT_SIMD_AUTO, 2);
    }
}

Test(fast_reference, every_simd_level_and_number_of_threads) {
    for (int threads = 1; threads <= 3; threads++)
        check_photo("photos/portrait.jpg", 2, GRABCUT_SIMD_PORTABLE, threads);
    for (int threads = 2; threads <= 3; threads++)
        check_photo("photos/portrait.jpg", 2, GRABCUT_SIMD_AUTO, threads);
}

/* ---- small random pictures ---------------------------------------------------------------------- */

static uint32_t draw(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static int below(uint64_t *state, int n) {
    return (int)(draw(state) % (uint32_t)n);
}

/* What the pixels of a random picture are made of. */
enum { NOISE, FEW_COLORS, GRADIENT, BLOCKS, ONE_COLOR, STYLES };

static uint8_t component(uint64_t *s, int style, int x, int y, int channel, const uint8_t *palette) {
    switch (style) {
    case NOISE:
        return (uint8_t)draw(s);
    case FEW_COLORS:
        return palette[below(s, 4) * 3 + channel];
    case GRADIENT:
        return (uint8_t)(x * 9 + y * 5 * (channel + 1) + below(s, 20));
    case BLOCKS:
        return (uint8_t)(palette[(x / 3 + y / 4) % 4 * 3 + channel] + below(s, 12));
    default:
        return palette[channel];
    }
}

static void random_case(compare_case *c, uint64_t seed) {
    uint64_t s = seed * 2654435761u + 1;
    memset(c, 0, sizeof *c);
    c->opts = (grabcut_options)GRABCUT_OPTIONS_INIT;
    int w = 1 + below(&s, below(&s, 4) ? 12 : 40), h = 1 + below(&s, below(&s, 4) ? 12 : 40);
    cr_assert_eq(grabcut_image_alloc(&c->image, w, h, 3), GRABCUT_OK);
    cr_assert_eq(grabcut_image_alloc(&c->mask, w, h, 1), GRABCUT_OK);
    uint8_t palette[12];
    for (int i = 0; i < 12; i++)
        palette[i] = (uint8_t)draw(&s);
    int style = below(&s, STYLES);
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
    if (below(&s, 2)) {
        c->opts.mode = GRABCUT_INIT_WITH_MASK;
        int values = 2 + below(&s, 3); /* of them sure ones, or all four */
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++)
                c->mask.data[(size_t)y * c->mask.stride + (size_t)x] = (uint8_t)(3 - below(&s, values));
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

static void print_case(const compare_case *c) {
    fprintf(stderr, "%dx%d mode %d rect %d,%d,%d,%d iterations %d seed %llu; bgr:mask\n", c->image.width,
            c->image.height, (int)c->opts.mode, c->opts.rect.x, c->opts.rect.y, c->opts.rect.width,
            c->opts.rect.height, c->opts.iterations, (unsigned long long)c->opts.seed);
    for (int y = 0; y < c->image.height; y++) {
        for (int x = 0; x < c->image.width; x++) {
            const uint8_t *p = c->image.data + (size_t)y * c->image.stride + (size_t)x * 3;
            fprintf(stderr, "%02x%02x%02x:%d ", p[0], p[1], p[2],
                    c->mask.data[(size_t)y * c->mask.stride + (size_t)x]);
        }
        fprintf(stderr, "\n");
    }
}

static void check_random(uint64_t first, uint64_t count) {
    int ties = 0, same = 0, lower = 0;
    for (uint64_t seed = first; seed < first + count; seed++) {
        compare_case c;
        compare_report report;
        random_case(&c, seed);
        compare_result result = compare_engines(&c, &report);
        if (result == COMPARE_DIFFERS) {
            shrink(&c);
            compare_engines(&c, &report);
            print_case(&c);
        }
        compare_case_free(&c);
        cr_assert_neq(result, COMPARE_DIFFERS, "seed %llu: %s", (unsigned long long)seed, report.why);
        ties += result == COMPARE_TIE;
        same += result == COMPARE_SAME;
        lower += result == COMPARE_LOWER;
        if (result == COMPARE_LOWER)
            fprintf(stderr, "seed %llu: the reference's cut is no minimum\n", (unsigned long long)seed);
    }
    fprintf(stderr, "random pictures from %llu on: %d the same, %d ties, %d lower\n",
            (unsigned long long)first, same, ties, lower);
    cr_assert_geq(same, (int)count * 9 / 10, "only %d of %llu are the same", same,
                  (unsigned long long)count);
}

Test(fast_reference, random_pictures_1) {
    check_random(0, 2500);
}
Test(fast_reference, random_pictures_2) {
    check_random(2500, 2500);
}
Test(fast_reference, random_pictures_3) {
    check_random(5000, 2500);
}
Test(fast_reference, random_pictures_4) {
    check_random(7500, 2500);
}
