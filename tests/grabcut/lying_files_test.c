/* Files that claim, or unpack to, far more than they are: refused from the header or passed over,
 * with memory flat. */
#define _GNU_SOURCE /* memmem */
#include <grabcut/grabcut.h>

#include "files.h"
#include "memory.h"

#include <criterion/criterion.h>
#include <string.h>
#include <zlib.h>

/* Room for code that runs for the first time, and for a sanitizer's own books. */
enum { FLAT_KIB = 3072 };

typedef struct bytes {
    uint8_t *p;
    size_t len;
} bytes;

static void append(bytes *b, const void *p, size_t len) {
    b->p = realloc(b->p, b->len + len + 1);
    cr_assert_not_null(b->p);
    memcpy(b->p + b->len, p, len);
    b->len += len;
}

static void append_be32(bytes *b, uint32_t n) {
    const uint8_t p[4] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    append(b, p, 4);
}

static void append_chunk(bytes *b, const char *type, const void *p, size_t len) {
    append_be32(b, (uint32_t)len);
    size_t from = b->len;
    append(b, type, 4);
    append(b, p, len);
    append_be32(b, (uint32_t)crc32(0, b->p + from, (uInt)(b->len - from)));
}

static bytes png_header(uint32_t width, uint32_t height, int interlaced) {
    bytes b = {NULL, 0}, ihdr = {NULL, 0};
    append_be32(&ihdr, width);
    append_be32(&ihdr, height);
    append(&ihdr, (const uint8_t[]){8, 2, 0, 0, (uint8_t)interlaced}, 5);
    append(&b, "\x89PNG\r\n\x1a\n", 8);
    append_chunk(&b, "IHDR", ihdr.p, ihdr.len);
    free(ihdr.p);
    return b;
}

/* n zeros, compressed, behind a prefix. */
static bytes deflated_zeros(const void *prefix, size_t prefix_len, size_t n) {
    static uint8_t zeros[65536];
    uint8_t out[4096];
    bytes b = {NULL, 0};
    z_stream z;
    memset(&z, 0, sizeof(z));
    append(&b, prefix, prefix_len);
    cr_assert_eq(deflateInit(&z, 9), Z_OK);
    int rc = Z_OK;
    while (rc != Z_STREAM_END) {
        if (z.avail_in == 0 && n > 0) {
            z.next_in = zeros;
            z.avail_in = (uInt)(n < sizeof(zeros) ? n : sizeof(zeros));
            n -= z.avail_in;
        }
        z.next_out = out;
        z.avail_out = sizeof(out);
        rc = deflate(&z, n == 0 ? Z_FINISH : Z_NO_FLUSH);
        append(&b, out, sizeof(out) - z.avail_out);
    }
    deflateEnd(&z);
    return b;
}

/* Decodes, and says by how much the process has grown at most. */
static long growth_of(int *rc, bytes file, uint64_t max_pixels, grabcut_errbuf *err) {
    grabcut_decode_options opts = GRABCUT_DECODE_OPTIONS_INIT;
    grabcut_image image;
    opts.max_pixels = max_pixels;
    reset_peak();
    long before = peak_kib();
    *rc = grabcut_decode(&image, file.p, file.len, &opts, err);
    long growth = peak_kib() - before;
    grabcut_image_free(&image);
    return growth;
}

static void refused(bytes file, uint64_t max_pixels, int code) {
    int rc;
    grabcut_errbuf err;
    long growth = growth_of(&rc, file, max_pixels, &err);
    cr_assert_eq(rc, code, "%d: %s", rc, err.text);
    cr_assert(err.text[0] != '\0');
    cr_assert(growth < FLAT_KIB, "grew by %ld KiB", growth);
    free(file.p);
}

static void passed(bytes file) {
    int rc;
    grabcut_errbuf err;
    long growth = growth_of(&rc, file, 0, &err);
    cr_assert_eq(rc, GRABCUT_OK, "%d: %s", rc, err.text);
    cr_assert(growth < FLAT_KIB, "grew by %ld KiB", growth);
    free(file.p);
}

static bytes read_bytes(const char *name) {
    bytes b;
    b.p = read_source_file(name, &b.len);
    return b;
}

Test(lying_files, a_png_of_60000_by_60000_is_refused_from_its_header) {
    refused(png_header(60000, 60000, 0), 12000000, GRABCUT_ETOOBIG);
    refused(png_header(60000, 60000, 1), 12000000, GRABCUT_ETOOBIG);
    /* The reader's own limit, where the caller sets none. */
    refused(png_header(60000, 60000, 0), 0, GRABCUT_ETOOBIG);
    refused(png_header(INT32_MAX, INT32_MAX, 0), 0, GRABCUT_ETOOBIG);
    refused(png_header(1, 2000000, 0), 0, GRABCUT_ETOOBIG);
}

Test(lying_files, a_jpeg_of_65500_by_65500_is_refused_from_its_header) {
    bytes file = read_bytes("tests/grabcut/pictures/good/progressive.jpg");
    /* SOF2: length, precision, height, width. */
    uint8_t *sof = memmem(file.p, file.len, "\xff\xc2", 2);
    cr_assert_not_null(sof);
    memcpy(sof + 5, "\xff\xdc\xff\xdc", 4);
    refused(file, 12000000, GRABCUT_ETOOBIG);
}

Test(lying_files, a_webp_of_16384_by_16384_is_refused_from_its_header) {
    bytes file = {NULL, 0};
    append(&file, "RIFF\x16\0\0\0WEBPVP8L\x0a\0\0\0\x2f\xff\xff\xff\x0f\0\0\0\0\0", 30);
    refused(file, 12000000, GRABCUT_ETOOBIG);
    bytes canvas = {NULL, 0};
    append(&canvas, "RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\xff\xff\0\xfe\xff\0", 30);
    refused(canvas, 12000000, GRABCUT_ETOOBIG);
}

Test(lying_files, a_bmp_of_any_size_is_refused_from_its_header) {
    bytes file = read_bytes("tests/grabcut/pictures/good/bgr-24.bmp");
    memcpy(file.p + 18, "\xff\xff\xff\x7f\x01\0\0\0", 8);
    refused(file, 0, GRABCUT_ETOOBIG);
}

Test(lying_files, a_jpeg_may_carry_megabytes_of_exif) {
    static uint8_t segment[65537] = {0xff, 0xe1, 0xff, 0xff, 'E', 'x', 'i', 'f', 0, 0};
    bytes photo = read_bytes("photos/portrait.jpg"), file = {NULL, 0};
    append(&file, photo.p, 2);
    for (int i = 0; i < 300; i++) {
        append(&file, segment, sizeof(segment));
    }
    append(&file, photo.p + 2, photo.len - 2);
    free(photo.p);
    passed(file);
}

Test(lying_files, texts_and_profiles_in_a_png_are_not_unpacked) {
    static const struct {
        const char *type, *prefix;
        size_t prefix_len;
    } chunks[] = {
        {"zTXt", "Comment\0", 9}, {"iTXt", "Comment\0\1\0\0\0", 12}, {"iCCP", "profile\0", 9}};
    for (size_t i = 0; i < 3; i++) {
        bytes photo = read_bytes("tests/grabcut/pictures/good/rgb-8.png"), file = {NULL, 0};
        bytes bomb = deflated_zeros(chunks[i].prefix, chunks[i].prefix_len, 200 << 20);
        append(&file, photo.p, 33);
        append_chunk(&file, chunks[i].type, bomb.p, bomb.len);
        append(&file, photo.p + 33, photo.len - 33);
        free(bomb.p);
        free(photo.p);
        passed(file);
    }
}

Test(lying_files, more_pixels_than_a_png_needs_are_not_unpacked) {
    bytes file = png_header(4, 4, 0), bomb = deflated_zeros("", 0, 200 << 20);
    append_chunk(&file, "IDAT", bomb.p, bomb.len);
    append_chunk(&file, "IEND", "", 0);
    free(bomb.p);
    passed(file);
}

Test(lying_files, fewer_pixels_than_a_png_claims_is_an_error) {
    bytes file = png_header(40, 40, 0), part = deflated_zeros("", 0, 40 * 121 - 1);
    append_chunk(&file, "IDAT", part.p, part.len);
    append_chunk(&file, "IEND", "", 0);
    free(part.p);
    refused(file, 0, GRABCUT_EDECODE);
}

/* 18 KB of 256x256 pixels: each tile of 4x4 has its own group of prefix codes, and a colour cache
 * makes their tables larger (RFC 9649, 3.7.2.2). libwebp would take 81 MiB. */
Test(lying_files, a_webp_of_thousands_of_prefix_codes_is_refused) {
    refused(read_bytes("tests/grabcut/pictures/bombs/groups-cache-256x256.webp"), 0,
            GRABCUT_ENOMEM);
}

/* The alpha of a lossy file is compressed as a lossless image is, and is dropped without being
 * read. */
Test(lying_files, alpha_is_not_decoded) {
    bytes bomb = read_bytes("tests/grabcut/pictures/bombs/groups-cache-256x256.webp");
    bytes lossy = read_bytes("tests/grabcut/pictures/good/lossy.webp"), file = {NULL, 0};
    append(&file, "RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0\x12\0\0\x0c\0\0ALPH", 34);
    uint32_t len = (uint32_t)(bomb.len - 25) +
                   1; /* without the VP8L header, behind a byte that says: lossless */
    append(&file, &len, 4);
    append(&file, "\x01", 1);
    append(&file, bomb.p + 25, bomb.len - 25);
    append(&file, "", len & 1);
    append(&file, lossy.p + 12, lossy.len - 12);
    uint32_t riff = (uint32_t)file.len - 8;
    memcpy(file.p + 4, &riff, 4);
    free(bomb.p);
    free(lossy.p);
    passed(file);
}

Test(lying_files, the_callers_limit_counts_what_the_decoder_takes) {
    static const char *const names[] = {
        "groups-256x256.webp", "groups-extended-64x64.webp",   "groups-animated-128x128.webp",
        "padded-1x65500.jpg",  "padded-multiscan-1x65500.jpg", "padded-65500x1.jpg"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[200];
        grabcut_decode_options opts = GRABCUT_DECODE_OPTIONS_INIT;
        grabcut_image image;
        grabcut_errbuf err;
        snprintf(path, sizeof(path), "tests/grabcut/pictures/bombs/%s", names[i]);
        bytes file = read_bytes(path);
        opts.max_bytes = 2 << 20;
        reset_peak();
        long before = peak_kib();
        cr_expect_eq(grabcut_decode(&image, file.p, file.len, &opts, &err), GRABCUT_ENOMEM, "%s",
                     path);
        cr_expect(peak_kib() - before < FLAT_KIB, "%s", path);
        opts.version = 1; /* whose struct ends before max_bytes */
        cr_expect_eq(grabcut_decode(&image, file.p, file.len, &opts, &err), GRABCUT_OK, "%s: %s",
                     path, err.text);
        grabcut_image_free(&image);
        free(file.p);
    }
}

Test(lying_files, a_jpeg_with_thousands_of_scans_is_refused) {
    bytes photo = read_bytes("tests/grabcut/pictures/good/progressive.jpg"), file = {NULL, 0};
    /* The last scan, again and again. */
    uint8_t *scan = photo.p, *next = scan;
    while ((next = memmem(next + 1, photo.len - (size_t)(next + 1 - photo.p), "\xff\xda", 2))) {
        scan = next;
    }
    size_t before = (size_t)(scan - photo.p), length = photo.len - 2 - before;
    append(&file, photo.p, before);
    for (int i = 0; i < 5000; i++) {
        append(&file, scan, length);
    }
    append(&file, "\xff\xd9", 2);
    free(photo.p);
    refused(file, 0, GRABCUT_EDECODE);
}

/* A progressive file keeps 2 bytes a coefficient: with full colour 6 a pixel beside the
 * picture's 3. */
Test(lying_files, memory_of_a_progressive_jpeg_follows_from_its_pixels) {
    bytes photo = read_bytes("tests/grabcut/pictures/good/progressive-444.jpg");
    uint8_t *sof = memmem(photo.p, photo.len, "\xff\xc2", 2);
    cr_assert_not_null(sof);
    memcpy(sof + 5, "\x08\x00\x08\x00", 4);
    int rc;
    grabcut_errbuf err;
    long growth = growth_of(&rc, photo, 2048 * 2048, &err);
    cr_assert_eq(rc, GRABCUT_EDECODE);
    cr_assert(growth < 9 * 4096 + FLAT_KIB, "grew by %ld KiB", growth);
    free(photo.p);
}
