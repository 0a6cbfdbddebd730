/* Alpha taken apart and brought back, starts from a rect, models from outside, and options of older
 * versions. */
#include <grabcut/grabcut.h>

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { WIDTH = 7, HEIGHT = 5 };

static grabcut_image image_of(int32_t channels) {
    grabcut_image image;
    cr_assert_eq(grabcut_image_alloc(&image, WIDTH, HEIGHT, channels), GRABCUT_OK);
    for (size_t i = 0; i < image.stride * HEIGHT; i++)
        image.data[i] = (uint8_t)(i * 37 + 1);
    return image;
}

Test(alpha, split_keeps_every_value) {
    grabcut_image image = image_of(4), before = image_of(4), alpha;
    cr_assert_eq(grabcut_split_alpha(&alpha, &image), GRABCUT_OK);
    cr_assert(image.channels == 3 && image.stride == 3 * WIDTH && image.width == WIDTH);
    cr_assert(alpha.channels == 1 && alpha.width == WIDTH && alpha.height == HEIGHT);
    for (size_t i = 0; i < WIDTH * HEIGHT; i++) {
        cr_expect_arr_eq(image.data + 3 * i, before.data + 4 * i, 3);
        cr_expect_eq(alpha.data[i], before.data[4 * i + 3]);
    }
    cr_expect_eq(grabcut_split_alpha(&alpha, NULL), GRABCUT_EINVAL);
    cr_expect_null(alpha.data);
    cr_expect_eq(grabcut_split_alpha(&alpha, &image), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_split_alpha(NULL, &before), GRABCUT_EINVAL);
    grabcut_image_free(&image);
    grabcut_image_free(&before);
}

Test(alpha, transparent_pixels_of_a_mask_are_background) {
    grabcut_image mask = image_of(1), alpha = image_of(1), four = image_of(4);
    for (size_t i = 0; i < WIDTH * HEIGHT; i++) {
        mask.data[i] = (uint8_t)(i & 3);
        alpha.data[i] = (uint8_t)(i % 3); /* 1 is almost transparent, and counts as opaque */
    }
    cr_assert_eq(grabcut_mask_from_alpha(&mask, &alpha), GRABCUT_OK);
    for (size_t i = 0; i < WIDTH * HEIGHT; i++)
        cr_expect_eq(mask.data[i], i % 3 == 0 ? GRABCUT_BGD : (int)(i & 3));
    cr_expect_eq(grabcut_mask_from_alpha(&mask, &four), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_mask_from_alpha(&four, &alpha), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_mask_from_alpha(&mask, NULL), GRABCUT_EINVAL);
    alpha.width--;
    cr_expect_eq(grabcut_mask_from_alpha(&mask, &alpha), GRABCUT_EINVAL);
    grabcut_image_free(&mask);
    grabcut_image_free(&alpha);
    grabcut_image_free(&four);
}

Test(alpha, products_are_rounded_and_transparent_pixels_lose_their_colour) {
    grabcut_image cutout, alpha;
    cr_assert_eq(grabcut_image_alloc(&cutout, 256, 256, 4), GRABCUT_OK);
    cr_assert_eq(grabcut_image_alloc(&alpha, 256, 256, 1), GRABCUT_OK);
    for (size_t i = 0; i < 65536; i++) {
        memset(cutout.data + 4 * i, 9, 3);
        cutout.data[4 * i + 3] = (uint8_t)(i >> 8);
        alpha.data[i] = (uint8_t)i;
    }
    cr_assert_eq(grabcut_multiply_alpha(&cutout, &alpha), GRABCUT_OK);
    for (size_t i = 0; i < 65536; i++) {
        long product = lround((double)(i >> 8) * (double)(i & 255) / 255);
        cr_assert_eq(cutout.data[4 * i + 3], product, "%zu * %zu", i >> 8, i & 255);
        cr_assert_eq(cutout.data[4 * i], product ? 9 : 0);
    }
    cr_expect_eq(grabcut_multiply_alpha(&alpha, &alpha), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_multiply_alpha(&cutout, &cutout), GRABCUT_EINVAL);
    grabcut_image_free(&cutout);
    grabcut_image_free(&alpha);
}

Test(alpha, a_rect_drawn_into_a_mask_starts_like_a_rect) {
    static const grabcut_rect rects[] = {{2, 1, 3, 2}, {-1, -2, 4, 3}, {5, 3, 90, 90}};
    grabcut_image image = image_of(3), mask = image_of(1), other = image_of(1);
    for (size_t i = 0; i < sizeof(rects) / sizeof(rects[0]); i++) {
        grabcut_options opts = GRABCUT_OPTIONS_INIT;
        opts.rect = rects[i];
        int rc = grabcut_segment(grabcut_engine_fast(), &mask, &image, &opts, NULL);
        cr_assert_eq(grabcut_mask_from_rect(&other, &rects[i]), GRABCUT_OK);
        opts.mode = GRABCUT_INIT_WITH_MASK;
        cr_assert_eq(grabcut_segment(grabcut_engine_fast(), &other, &image, &opts, NULL), rc);
        cr_assert_eq(rc, GRABCUT_OK);
        cr_expect_arr_eq(mask.data, other.data, WIDTH * HEIGHT);
    }
    const grabcut_rect outside = {7, 0, 3, 3};
    cr_expect_eq(grabcut_mask_from_rect(&mask, &outside), GRABCUT_ERECT);
    cr_expect_eq(grabcut_mask_from_rect(&image, &rects[0]), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_mask_from_rect(&mask, NULL), GRABCUT_EINVAL);
    grabcut_image_free(&image);
    grabcut_image_free(&mask);
    grabcut_image_free(&other);
}

Test(alpha, options_of_an_older_version_have_no_alpha) {
    grabcut_image four = image_of(4), decoded;
    uint8_t *png;
    size_t len;
    cr_assert_eq(grabcut_encode_png(&png, &len, &four, -1, NULL), GRABCUT_OK);
    for (unsigned version = 1; version <= GRABCUT_DECODE_OPTIONS_VERSION; version++) {
        grabcut_decode_options opts = GRABCUT_DECODE_OPTIONS_INIT;
        opts.version = version;
        opts.alpha = opts.allow_truncated = 1; /* what lies behind an older struct does not count */
        cr_assert_eq(grabcut_decode(&decoded, png, len, &opts, NULL), GRABCUT_OK);
        cr_expect_eq(decoded.channels, version < 4 ? 3 : 4);
        cr_expect(version < 4 || memcmp(decoded.data, four.data, four.stride * HEIGHT) == 0);
        grabcut_image_free(&decoded);
        int rc = grabcut_decode(&decoded, png, len - 20, &opts, NULL);
        cr_expect_eq(rc, version < 4 ? GRABCUT_EDECODE : GRABCUT_OK);
        grabcut_image_free(&decoded);
    }
    grabcut_free(png);
    grabcut_image_free(&four);
}

Test(alpha, models_from_outside_are_checked) {
    grabcut_models models = {{0}, {0}};
    grabcut_errbuf err;
    cr_expect_eq(grabcut_models_check(NULL, NULL), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_models_check(&models, &err), GRABCUT_EINVAL);
    double *sides[2] = {models.background, models.foreground};
    for (int side = 0; side < 2; side++) {
        sides[side][2] = 1;
        for (int i = 0; i < 9; i += 4)
            sides[side][20 + 9 * 2 + i] = 30;
    }
    cr_expect_eq(grabcut_models_check(&models, &err), GRABCUT_OK);
    cr_expect_str_empty(err.text);
    static const struct {
        int at;
        double value;
    } bad[] = {{0, -1e-9},     {0, 1.01},   {0, NAN},     {7, 256}, {8, -1},
               {19, INFINITY}, {20, 65026}, {64, -65026}, {38, 0}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        grabcut_models changed = models;
        changed.foreground[bad[i].at] = bad[i].value;
        cr_expect_eq(grabcut_models_check(&changed, &err), GRABCUT_EINVAL, "%zu", i);
        cr_expect(err.text[0] != '\0');
    }
}
