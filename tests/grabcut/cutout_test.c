/* Cut-outs and masks as images, the allocation of images, and rectangles. */
#include <grabcut/grabcut.h>

#include <criterion/criterion.h>
#include <limits.h>

/* Two rows of four pixels, and a mask with every value, both with rows longer than needed. */
static uint8_t pixels[2][15] = {{10, 20, 30, 11, 21, 31, 12, 22, 32, 13, 23, 33, 99, 99, 99},
                                {40, 50, 60, 41, 51, 61, 42, 52, 62, 43, 53, 63, 99, 99, 99}};
static uint8_t values[2][6] = {{GRABCUT_BGD, GRABCUT_FGD, GRABCUT_PR_BGD, GRABCUT_PR_FGD, 77, 77},
                               {GRABCUT_PR_FGD, GRABCUT_PR_BGD, GRABCUT_FGD, GRABCUT_BGD, 77, 77}};
static const grabcut_image IMAGE = {pixels[0], 4, 2, 3, 15};
static const grabcut_image MASK = {values[0], 4, 2, 1, 6};

Test(cutout, black_keeps_the_foreground_and_blackens_the_rest) {
    static const uint8_t expected[] = {0,  0,  0,  11, 21, 31, 0,  0,  0,  13, 23, 33,
                                       40, 50, 60, 0,  0,  0,  42, 52, 62, 0,  0,  0};
    grabcut_image out;
    cr_assert_eq(grabcut_cutout(&out, &IMAGE, &MASK, GRABCUT_CUTOUT_BLACK), GRABCUT_OK);
    cr_assert(out.width == 4 && out.height == 2 && out.channels == 3);
    cr_assert_arr_eq(out.data, expected, sizeof(expected));
    grabcut_image_free(&out);
}

Test(cutout, alpha_makes_the_rest_transparent_and_leaves_no_colour_there) {
    static const uint8_t expected[] = {0, 0,  0,  0,  11,  21,  31, 255, 0,   0, 0,
                                       0, 13, 23, 33, 255, 40,  50, 60,  255, 0, 0,
                                       0, 0,  42, 52, 62,  255, 0,  0,   0,   0};
    grabcut_image out;
    cr_assert_eq(grabcut_cutout(&out, &IMAGE, &MASK, GRABCUT_CUTOUT_ALPHA), GRABCUT_OK);
    cr_assert_eq(out.channels, 4);
    cr_assert_arr_eq(out.data, expected, sizeof(expected));
    grabcut_image_free(&out);
}

Test(cutout, mask_is_white_on_black) {
    static const uint8_t expected[] = {0, 255, 0, 255, 255, 0, 255, 0};
    grabcut_image out;
    cr_assert_eq(grabcut_cutout(&out, &IMAGE, &MASK, GRABCUT_CUTOUT_MASK), GRABCUT_OK);
    cr_assert_eq(out.channels, 1);
    cr_assert_arr_eq(out.data, expected, sizeof(expected));
    grabcut_image_free(&out);
}

Test(cutout, arguments_are_checked) {
    grabcut_image out = {pixels[0], 1, 1, 1, 1}, small = MASK;
    small.width = 3;
    cr_expect_eq(grabcut_cutout(NULL, &IMAGE, &MASK, GRABCUT_CUTOUT_MASK), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_cutout(&out, NULL, &MASK, GRABCUT_CUTOUT_MASK), GRABCUT_EINVAL);
    cr_expect_null(out.data);
    cr_expect_eq(grabcut_cutout(&out, &IMAGE, NULL, GRABCUT_CUTOUT_MASK), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_cutout(&out, &IMAGE, &IMAGE, GRABCUT_CUTOUT_MASK), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_cutout(&out, &MASK, &MASK, GRABCUT_CUTOUT_MASK), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_cutout(&out, &IMAGE, &small, GRABCUT_CUTOUT_MASK), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_cutout(&out, &IMAGE, &MASK, (grabcut_cutout_kind)3), GRABCUT_EINVAL);
}

Test(image, alloc_gives_zeroed_pixels_and_free_empties) {
    grabcut_image image;
    cr_assert_eq(grabcut_image_alloc(&image, 5, 3, 4), GRABCUT_OK);
    cr_assert(image.width == 5 && image.height == 3 && image.channels == 4 && image.stride == 20);
    for (int i = 0; i < 60; i++) {
        cr_assert_eq(image.data[i], 0);
    }
    grabcut_image_free(&image);
    cr_assert(image.data == NULL && image.width == 0 && image.stride == 0);
    grabcut_image_free(&image);
    grabcut_image_free(NULL);
    grabcut_free(NULL);
}

Test(image, alloc_refuses_what_is_no_size) {
    const int32_t sizes[][3] = {{0, 1, 3}, {1, 0, 3}, {-1, 1, 3}, {1, INT_MIN, 3},
                                {1, 1, 0}, {1, 1, 2}, {1, 1, 5}};
    grabcut_image image;
    cr_expect_eq(grabcut_image_alloc(NULL, 1, 1, 1), GRABCUT_EINVAL);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        cr_expect_eq(grabcut_image_alloc(&image, sizes[i][0], sizes[i][1], sizes[i][2]),
                     GRABCUT_EINVAL);
        cr_expect_null(image.data);
    }
}

static void inset(int32_t width, int32_t height, int percent, grabcut_rect e) {
    grabcut_rect r = grabcut_rect_inset(width, height, percent);
    cr_expect(r.x == e.x && r.y == e.y && r.width == e.width && r.height == e.height,
              "%dx%d, %d %%: %d,%d,%d,%d", width, height, percent, r.x, r.y, r.width, r.height);
}

Test(rect, inset_leaves_the_same_part_of_each_side_out) {
    inset(192, 256, 5, (grabcut_rect){9, 12, 174, 232});
    inset(100, 100, 0, (grabcut_rect){0, 0, 100, 100});
    inset(100, 50, 49, (grabcut_rect){49, 24, 2, 2});
    inset(1, 1, 49, (grabcut_rect){0, 0, 1, 1});
    inset(3, 2, 40, (grabcut_rect){1, 0, 1, 2});
    inset(100, 100, 75, (grabcut_rect){49, 49, 2, 2});
    inset(100, 100, -5, (grabcut_rect){0, 0, 100, 100});
    inset(INT_MAX, 10, 49, (grabcut_rect){1052266987, 4, 42949673, 2});
    inset(0, 10, 5, (grabcut_rect){0, 0, 0, 0});
}

Test(rect, inset_leaves_at_least_a_pixel_out) {
    inset(19, 19, 5, (grabcut_rect){1, 1, 17, 17});
    inset(3, 3, 1, (grabcut_rect){1, 1, 1, 1});
    inset(2, 2, 5, (grabcut_rect){0, 0, 1, 2});
    inset(1, 2, 5, (grabcut_rect){0, 0, 1, 1});
    inset(2, 1, 5, (grabcut_rect){0, 0, 1, 1});
    inset(1, 9, 5, (grabcut_rect){0, 1, 1, 7});
    inset(1, 1, 5, (grabcut_rect){0, 0, 1, 1});
    inset(9, 9, 0, (grabcut_rect){0, 0, 9, 9});
}

/* ---- starts ---- */

static void start(const uint8_t *grey, int channels, const uint8_t *expected, int code) {
    uint8_t values[4] = {9, 9, 9, 9};
    grabcut_image mask = {values, 4, 1, 1, 4};
    grabcut_image image = {(uint8_t *)(uintptr_t)grey, 4, 1, channels, 4 * (size_t)channels};
    grabcut_errbuf err = {""};
    cr_expect_eq(grabcut_mask_from_grey(&mask, &image, &err), code);
    cr_expect((code == GRABCUT_OK) == (err.text[0] == '\0'));
    if (code == GRABCUT_OK)
        cr_expect_arr_eq(values, expected, 4);
}

Test(mask_from_grey, greys_and_values_become_a_start) {
    static const uint8_t greys[] = {0, 127, 128, 255}, of_greys[] = {0, 2, 3, 1};
    static const uint8_t values[] = {3, 2, 1, 0}, near[] = {4, 1, 0, 254}, of_near[] = {2, 2, 0, 3};
    static const uint8_t three[] = {0, 0, 0, 255, 255, 255, 7, 7, 7, 200, 200, 200},
                         of_three[] = {0, 1, 2, 3};
    static const uint8_t colour[] = {0, 0, 0, 255, 255, 255, 7, 8, 7, 200, 200, 200};
    start(greys, 1, of_greys, GRABCUT_OK);
    start(values, 1, values, GRABCUT_OK);
    start(near, 1, of_near, GRABCUT_OK);
    start(three, 3, of_three, GRABCUT_OK);
    start(colour, 3, NULL, GRABCUT_EINVAL);
}

static void clamp(grabcut_rect r, int code, grabcut_rect e) {
    grabcut_rect was = r;
    cr_expect_eq(grabcut_rect_clamp(&r, 100, 80), code);
    cr_expect(r.x == e.x && r.y == e.y && r.width == e.width && r.height == e.height,
              "%d,%d,%d,%d: %d,%d,%d,%d", was.x, was.y, was.width, was.height, r.x, r.y, r.width,
              r.height);
}

Test(rect, clamp_cuts_to_the_picture) {
    clamp((grabcut_rect){10, 20, 30, 40}, GRABCUT_OK, (grabcut_rect){10, 20, 30, 40});
    clamp((grabcut_rect){-10, -20, 30, 40}, GRABCUT_OK, (grabcut_rect){0, 0, 20, 20});
    clamp((grabcut_rect){90, 70, 30, 40}, GRABCUT_OK, (grabcut_rect){90, 70, 10, 10});
    clamp((grabcut_rect){INT_MAX, 0, INT_MAX, 1}, GRABCUT_ERECT,
          (grabcut_rect){INT_MAX, 0, INT_MAX, 1});
    clamp((grabcut_rect){1, 1, INT_MAX, INT_MAX}, GRABCUT_OK, (grabcut_rect){1, 1, 99, 79});
    clamp((grabcut_rect){INT_MIN, 0, INT_MAX, 1}, GRABCUT_ERECT,
          (grabcut_rect){INT_MIN, 0, INT_MAX, 1});
    clamp((grabcut_rect){100, 0, 5, 5}, GRABCUT_ERECT, (grabcut_rect){100, 0, 5, 5});
    clamp((grabcut_rect){5, 5, 0, 5}, GRABCUT_ERECT, (grabcut_rect){5, 5, 0, 5});
    clamp((grabcut_rect){5, 5, 5, -5}, GRABCUT_ERECT, (grabcut_rect){5, 5, 5, -5});
    cr_expect_eq(grabcut_rect_clamp(NULL, 1, 1), GRABCUT_EINVAL);
}
