/* Encoding to PNG, JPEG and WebP, compared with what the decoder reads back. */
#include <grabcut/grabcut.h>

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* Noise, in rows that are longer than their pixels. */
static grabcut_image noise(int32_t width, int32_t height, int32_t channels, uint32_t seed) {
    grabcut_image image = {NULL, width, height, channels, (size_t)width * (size_t)channels + 5};
    image.data = malloc(image.stride * (size_t)height);
    cr_assert_not_null(image.data);
    for (size_t i = 0; i < image.stride * (size_t)height; i++) {
        seed = seed * 1664525 + 1013904223;
        image.data[i] = (uint8_t)(seed >> 24);
    }
    return image;
}

/* Channel c of pixel x,y as BGR has it: grey stands for all three. */
static int sample(const grabcut_image *image, int32_t x, int32_t y, int32_t c) {
    c = image->channels == 1 ? 0 : c;
    return image->data[(size_t)y * image->stride + (size_t)(x * image->channels + c)];
}

static int largest_difference(const grabcut_image *a, const grabcut_image *b) {
    int largest = 0;
    cr_assert(a->width == b->width && a->height == b->height);
    for (int32_t y = 0; y < a->height; y++) {
        for (int32_t x = 0; x < a->width; x++) {
            for (int32_t c = 0; c < 3; c++) {
                int d = abs(sample(a, x, y, c) - sample(b, x, y, c));
                largest = d > largest ? d : largest;
            }
        }
    }
    return largest;
}

Test(encode, png_gives_the_same_pixels_back_at_every_level) {
    for (int level = -1; level <= 9; level++) {
        for (int channels = 1; channels <= 4; channels += channels == 1 ? 2 : 1) {
            grabcut_image in = noise(37, 21, channels, 1), out;
            uint8_t *bytes;
            size_t len;
            grabcut_errbuf err;
            cr_assert_eq(grabcut_encode_png(&bytes, &len, &in, level, &err), GRABCUT_OK, "%s",
                         err.text);
            cr_assert_eq(grabcut_decode(&out, bytes, len, NULL, &err), GRABCUT_OK, "%s", err.text);
            cr_assert_eq(largest_difference(&in, &out), 0);
            grabcut_free(bytes);
            grabcut_image_free(&out);
            free(in.data);
        }
    }
}

Test(encode, png_takes_the_smallest_and_long_thin_pictures) {
    const int32_t sizes[][2] = {{1, 1}, {1, 70000}, {70000, 1}};
    for (size_t i = 0; i < 3; i++) {
        grabcut_image in = noise(sizes[i][0], sizes[i][1], 3, 2), out;
        uint8_t *bytes;
        size_t len;
        cr_assert_eq(grabcut_encode_png(&bytes, &len, &in, -1, NULL), GRABCUT_OK);
        cr_assert_eq(grabcut_decode(&out, bytes, len, NULL, NULL), GRABCUT_OK);
        cr_assert_eq(largest_difference(&in, &out), 0);
        grabcut_free(bytes);
        grabcut_image_free(&out);
        free(in.data);
    }
}

Test(encode, a_plain_background_makes_a_small_png) {
    grabcut_image black;
    uint8_t *bytes;
    size_t len;
    cr_assert_eq(grabcut_image_alloc(&black, 1000, 1000, 3), GRABCUT_OK);
    cr_assert_eq(grabcut_encode_png(&bytes, &len, &black, -1, NULL), GRABCUT_OK);
    cr_assert(len < 40000, "%zu bytes", len);
    grabcut_free(bytes);
    grabcut_image_free(&black);
}

Test(encode, jpeg_comes_near_to_the_pixels) {
    for (int channels = 1; channels <= 3; channels += 2) {
        grabcut_image in, out;
        uint8_t *bytes;
        size_t len;
        cr_assert_eq(grabcut_image_alloc(&in, 64, 48, channels), GRABCUT_OK);
        for (int32_t y = 0; y < 48; y++) {
            for (int32_t x = 0; x < 64 * channels; x++) {
                in.data[(size_t)y * in.stride + (size_t)x] = (uint8_t)((x + 2 * y) / 2);
            }
        }
        cr_assert_eq(grabcut_encode_jpeg(&bytes, &len, &in, 95, NULL), GRABCUT_OK);
        cr_assert_eq(grabcut_decode(&out, bytes, len, NULL, NULL), GRABCUT_OK);
        cr_assert(largest_difference(&in, &out) <= 8, "%d", largest_difference(&in, &out));
        grabcut_free(bytes);
        grabcut_image_free(&in);
        grabcut_image_free(&out);
    }
}

Test(encode, a_lower_jpeg_quality_is_a_smaller_file) {
    grabcut_image in = noise(100, 100, 3, 3);
    size_t previous = 0;
    for (int quality = 1; quality <= 100; quality += 33) {
        uint8_t *bytes;
        size_t len;
        cr_assert_eq(grabcut_encode_jpeg(&bytes, &len, &in, quality, NULL), GRABCUT_OK);
        cr_assert(len > previous);
        previous = len;
        grabcut_free(bytes);
    }
    free(in.data);
}

/* Larger than the first piece of memory that the writer takes. */
Test(encode, a_large_jpeg_is_whole) {
    grabcut_image in = noise(700, 500, 3, 4), out;
    uint8_t *bytes;
    size_t len;
    cr_assert_eq(grabcut_encode_jpeg(&bytes, &len, &in, 100, NULL), GRABCUT_OK);
    cr_assert(len > 300000);
    cr_assert_eq(memcmp(bytes + len - 2, "\xff\xd9", 2), 0);
    cr_assert_eq(grabcut_decode(&out, bytes, len, NULL, NULL), GRABCUT_OK);
    cr_assert(out.width == 700 && out.height == 500);
    grabcut_free(bytes);
    grabcut_image_free(&out);
    free(in.data);
}

Test(encode, what_a_format_cannot_hold_is_refused) {
    grabcut_image wide = noise(65501, 1, 3, 5);
    uint8_t *bytes = (uint8_t *)1;
    size_t len = 1;
    grabcut_errbuf err;
    cr_assert_eq(grabcut_encode_jpeg(&bytes, &len, &wide, 90, &err), GRABCUT_EENCODE);
    cr_assert(bytes == NULL && len == 0 && err.text[0] != '\0');
    free(wide.data);
}

Test(encode, arguments_are_checked) {
    grabcut_image in = noise(4, 4, 3, 6), four = noise(4, 4, 4, 6);
    const grabcut_image wrong[] = {
        {NULL, 4, 4, 3, 12},    {in.data, 0, 4, 3, 12}, {in.data, 4, -1, 3, 12},
        {in.data, 4, 4, 2, 12}, {in.data, 4, 4, 3, 11},
    };
    uint8_t *bytes;
    size_t len;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        cr_expect_eq(grabcut_encode_png(&bytes, &len, &wrong[i], -1, NULL), GRABCUT_EINVAL);
        cr_expect_eq(grabcut_encode_jpeg(&bytes, &len, &wrong[i], 90, NULL), GRABCUT_EINVAL);
    }
    cr_expect_eq(grabcut_encode_png(&bytes, &len, NULL, -1, NULL), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_encode_png(NULL, &len, &in, -1, NULL), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_encode_png(&bytes, NULL, &in, -1, NULL), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_encode_png(&bytes, &len, &in, -2, NULL), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_encode_png(&bytes, &len, &in, 10, NULL), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_encode_jpeg(&bytes, &len, &in, 0, NULL), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_encode_jpeg(&bytes, &len, &in, 101, NULL), GRABCUT_EINVAL);
    cr_expect_eq(grabcut_encode_jpeg(&bytes, &len, &four, 90, NULL), GRABCUT_EINVAL);
    free(in.data);
    free(four.data);
}

/* ---- WebP, and profiles ---- */

typedef struct profile_bytes {
    const uint8_t *p;
    size_t len;
} profile_bytes;

static int webp_and_back(int32_t channels, int32_t quality, profile_bytes icc) {
    grabcut_image image = noise(61, 47, channels, 3), back;
    grabcut_encode_options options = GRABCUT_ENCODE_OPTIONS_INIT;
    uint8_t *file;
    size_t len;
    options.format = GRABCUT_FORMAT_WEBP;
    options.quality = quality;
    options.icc = icc.p;
    options.icc_len = icc.len;
    cr_assert_eq(grabcut_encode(&file, &len, &image, &options, NULL), GRABCUT_OK);
    cr_assert_eq(grabcut_decode(&back, file, len, NULL, NULL), GRABCUT_OK);
    int difference = largest_difference(&image, &back);
    grabcut_image_free(&back);
    grabcut_free(file);
    free(image.data);
    return difference;
}

Test(encode, webp_is_exact_for_grey_and_at_quality_0) {
    static const uint8_t profile[131] = {1, 2, 3};
    static const profile_bytes none = {NULL, 0}, odd = {profile, sizeof(profile)},
                               even = {profile, 130};
    cr_expect_eq(webp_and_back(1, 50, none), 0);
    cr_expect_eq(webp_and_back(3, 0, none), 0);
    cr_expect_eq(webp_and_back(4, 0, none), 0);
    cr_expect_eq(webp_and_back(1, 50, odd), 0);
    cr_expect_eq(webp_and_back(3, 0, even), 0);
    cr_expect_eq(webp_and_back(4, 0, odd), 0);
    cr_expect_gt(webp_and_back(3, 50, none), 0);
    cr_expect_gt(webp_and_back(4, 50, even), 0);
}

Test(encode, options_are_checked) {
    grabcut_image image = noise(4, 4, 3, 1);
    grabcut_encode_options options = GRABCUT_ENCODE_OPTIONS_INIT;
    uint8_t *file;
    size_t len;
    cr_expect_eq(grabcut_encode(&file, &len, &image, NULL, NULL), GRABCUT_EINVAL);
    options.format = GRABCUT_FORMAT_BMP;
    cr_expect_eq(grabcut_encode(&file, &len, &image, &options, NULL), GRABCUT_EINVAL);
    options.format = GRABCUT_FORMAT_WEBP;
    options.quality = 101;
    cr_expect_eq(grabcut_encode(&file, &len, &image, &options, NULL), GRABCUT_EINVAL);
    options.quality = -1;
    cr_expect_eq(grabcut_encode(&file, &len, &image, &options, NULL), GRABCUT_EINVAL);
    options.version = 0;
    cr_expect_eq(grabcut_encode(&file, &len, &image, &options, NULL), GRABCUT_EINVAL);
    cr_expect_null(file);
    free(image.data);
}
