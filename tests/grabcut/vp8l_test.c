/* The reader of lossless WebP prefixes beside libwebp: what libwebp decodes, it reads, also in
 * damaged files. */
#include "vp8l.h"

#include "files.h"

#include <criterion/criterion.h>
#include <grabcut/grabcut.h>
#include <string.h>
#include <webp/decode.h>
#include <webp/encode.h>

enum { CHUNK_AT = 12, DATA_AT = 20 };

static grabcut_range data_of(const uint8_t *file, size_t len) {
    cr_assert_eq(memcmp(file + CHUNK_AT, "VP8L", 4), 0);
    return (grabcut_range){file + DATA_AT, len - DATA_AT};
}

/* An image of blocks in `colours` colours, 0: many, so that the encoder uses transforms, copies and
 * a cache. */
static uint8_t *encoded(size_t *len, int width, int height, int method, int colours) {
    WebPConfig config;
    WebPPicture picture;
    WebPMemoryWriter writer;
    cr_assert(WebPConfigInit(&config) && WebPPictureInit(&picture));
    config.lossless = 1;
    config.method = method;
    picture.width = width;
    picture.height = height;
    picture.use_argb = 1;
    cr_assert(WebPPictureAlloc(&picture));
    uint32_t state = 1;
    for (int i = 0; i < width * height; i++) {
        int x = i % width, y = i / width;
        state = state * 1664525 + 1013904223;
        uint32_t index = (uint32_t)(x / 9 * 7 + y / 7 * 13) + (state >> 30);
        picture.argb[y * picture.argb_stride + x] =
            0xff000000u |
            (colours ? index % (uint32_t)colours * 0x10507u : index * 0x30201u + (state >> 25));
    }
    WebPMemoryWriterInit(&writer);
    picture.writer = WebPMemoryWrite;
    picture.custom_ptr = &writer;
    cr_assert(WebPEncode(&config, &picture));
    WebPPictureFree(&picture);
    uint8_t *file = malloc(writer.size);
    memcpy(file, writer.mem, writer.size);
    *len = writer.size;
    WebPMemoryWriterClear(&writer);
    return file;
}

static int libwebp_decodes(const uint8_t *file, size_t len) {
    int width, height;
    if (!WebPGetInfo(file, len, &width, &height) || width * height > 1 << 16) {
        return 0;
    }
    uint8_t *pixels = WebPDecodeBGR(file, len, &width, &height);
    WebPFree(pixels);
    return pixels != NULL;
}

/* Changes each of the first bytes in some ways. Of these files libwebp decodes a good part. */
static void agrees(uint8_t *file, size_t len, unsigned *decoded, unsigned *refused) {
    size_t most = len < 1500 ? len : 1500;
    for (size_t at = DATA_AT; at < most; at++) {
        for (unsigned change = 1; change < 256; change = change * 2 + (at & 1)) {
            grabcut_vp8l vp8l;
            file[at] ^= (uint8_t)change;
            int read = grabcut_vp8l_read(&vp8l, data_of(file, len));
            int ok = libwebp_decodes(file, len);
            cr_assert(read || !ok, "byte %zu changed by %u: libwebp decodes it", at, change);
            *decoded += ok != 0;
            *refused += !read;
            file[at] ^= (uint8_t)change;
        }
    }
}

Test(vp8l, reads_what_libwebp_decodes, .timeout = 120) {
    static const int colours[] = {0, 2, 4, 16, 200};
    unsigned decoded = 0, refused = 0;
    for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++) {
        for (int method = 0; method <= 6; method += 6) {
            size_t len;
            uint8_t *file = encoded(&len, 61, 43, method, colours[i]);
            agrees(file, len, &decoded, &refused);
            free(file);
        }
    }
    cr_assert(decoded > 1000 && refused > 1000, "%u decoded, %u refused", decoded, refused);
}

Test(vp8l, a_file_that_ends_within_the_prefix_is_refused) {
    size_t len;
    uint8_t *file = encoded(&len, 61, 43, 4, 0);
    grabcut_vp8l vp8l;
    cr_assert(grabcut_vp8l_read(&vp8l, data_of(file, len)));
    cr_assert(vp8l.width == 61 && vp8l.height == 43 && vp8l.groups >= 1);
    for (size_t cut = DATA_AT; cut < DATA_AT + 20; cut++) {
        cr_assert_not(grabcut_vp8l_read(&vp8l, data_of(file, cut)), "%zu", cut);
    }
    free(file);
}

Test(vp8l, counts_the_groups) {
    static const struct {
        const char *name;
        size_t data_at;
        uint32_t groups, cache_bits;
    } all[] = {{"groups-256x256.webp", 20, 4096, 0},
               {"groups-cache-256x256.webp", 20, 4096, 11},
               {"groups-extended-64x64.webp", 38, 256, 0},
               {"groups-animated-128x128.webp", 76, 1024, 0}};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        char path[200];
        size_t len;
        grabcut_vp8l vp8l;
        snprintf(path, sizeof(path), "tests/grabcut/pictures/bombs/%s", all[i].name);
        uint8_t *file = read_source_file(path, &len);
        cr_assert(
            grabcut_vp8l_read(&vp8l, (grabcut_range){file + all[i].data_at, len - all[i].data_at}),
            "%s", path);
        cr_assert_eq(vp8l.groups, all[i].groups, "%s: %u", path, vp8l.groups);
        cr_assert_eq(vp8l.cache_bits, all[i].cache_bits);
        free(file);
    }
}

/* A predictor image whose five codes have one symbol each, so that its pixels take no bits; then no
 * cache, and one group. */
Test(vp8l, pixels_of_no_bits_are_not_gone_through) {
    static const uint8_t alpha[36] = {0x81, 0x88, 0x88, 0x00};
    const grabcut_range data = {alpha, sizeof(alpha)};
    grabcut_vp8l vp8l;
    cr_assert(grabcut_vp8l_read_alpha(&vp8l, data, 1 << 24, 1 << 24));
    cr_assert_eq(vp8l.groups, 1);
    cr_assert_eq(vp8l.subimage_pixels, UINT64_C(1) << 44, "%llu",
                 (unsigned long long)vp8l.subimage_pixels);
}

/* An animation whose frame of 2^24 by 2^24 pixels leaves a canvas of one. */
Test(vp8l, a_frame_beyond_the_canvas_is_refused_at_once) {
    static const uint8_t start[] = {
        'R', 'I', 'F', 'F', 110, 0,   0,   0,  'W', 'E', 'B', 'P', 'V',  'P',  '8',  'X', 10,
        0,   0,   0,   18,  0,   0,   0,   0,  0,   0,   0,   0,   0,    'A',  'N',  'M', 'F',
        80,  0,   0,   0,   0,   0,   0,   0,  0,   0,   255, 255, 255,  255,  255,  255, 0,
        0,   0,   0,   'A', 'L', 'P', 'H', 37, 0,   0,   0,   1,   0x81, 0x88, 0x88, 0x00};
    uint8_t file[118] = {0};
    grabcut_decode_options opts = GRABCUT_DECODE_OPTIONS_INIT;
    grabcut_image image;
    uint64_t bytes;
    memcpy(file, start, sizeof(start));
    memcpy(file + 100, "VP8 \x0a", 5);
    opts.alpha = 1;
    cr_assert_eq(grabcut_decode_estimate(&bytes, file, sizeof(file), &opts, NULL), GRABCUT_OK);
    cr_assert_lt(bytes, 1 << 20);
    cr_assert_eq(grabcut_decode(&image, file, sizeof(file), &opts, NULL), GRABCUT_EDECODE);
}
