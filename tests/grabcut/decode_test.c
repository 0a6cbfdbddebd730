/* Decoding of each image format, of damaged files and of files over a limit. */
#include <grabcut/grabcut.h>

#include "files.h"

#include <criterion/criterion.h>
#include <string.h>

#define PICTURES "tests/grabcut/pictures/"

typedef struct expected {
    char name[64];
    int32_t width, height, orientation;
    uint64_t hash;
} expected;

/* The lines of expected.txt. */
static size_t read_expected(expected *out, size_t room) {
    size_t len, n = 0;
    char *text = (char *)read_source_file(PICTURES "expected.txt", &len), *line = text, *end;
    for (; n < room && (end = memchr(line, '\n', len - (size_t)(line - text))); line = end + 1) {
        expected *e = &out[n++];
        unsigned long long hash;
        *end = '\0';
        cr_assert_eq(sscanf(line, "%63s %d %d %d %llx", e->name, &e->width, &e->height,
                            &e->orientation, &hash),
                     5, "%s", line);
        e->hash = hash;
    }
    free(text);
    cr_assert(n > 90 && n < room);
    return n;
}

static uint8_t *read_good(const char *name, size_t *len) {
    char path[128];
    snprintf(path, sizeof(path), PICTURES "good/%.64s", name);
    return read_source_file(path, len);
}

static uint64_t fnv1a(const grabcut_image *image) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (int32_t y = 0; y < image->height; y++) {
        const uint8_t *row = image->data + (size_t)y * image->stride;
        for (int32_t i = 0; i < image->width * image->channels; i++) {
            h = (h ^ row[i]) * UINT64_C(0x100000001b3);
        }
    }
    return h;
}

/* Bytes in memory that ends where they end, so that reading beyond is seen. */
static uint8_t *exactly(const uint8_t *bytes, size_t len) {
    uint8_t *p = malloc(len ? len : 1);
    cr_assert_not_null(p);
    memcpy(p, bytes, len);
    return p;
}

Test(decode, every_kind_of_file_gives_the_pixels_of_cv_imdecode) {
    static expected all[256];
    size_t n = read_expected(all, 256);
    for (size_t i = 0; i < n; i++) {
        size_t len;
        uint8_t *bytes = read_good(all[i].name, &len);
        grabcut_image image;
        grabcut_errbuf err;
        int rc = grabcut_decode(&image, bytes, len, NULL, &err);
        cr_expect_eq(rc, GRABCUT_OK, "%s: %s", all[i].name, err.text);
        cr_expect_str_empty(err.text);
        cr_expect(image.width == all[i].width && image.height == all[i].height &&
                      image.channels == 3,
                  "%s: %dx%d", all[i].name, image.width, image.height);
        cr_expect_eq(fnv1a(&image), all[i].hash, "%s: other pixels", all[i].name);
        grabcut_image_free(&image);
        free(bytes);
    }
}

Test(decode, the_orientation_can_be_ignored) {
    grabcut_decode_options opts = GRABCUT_DECODE_OPTIONS_INIT;
    grabcut_image stored, upright;
    size_t len;
    uint8_t *bytes = read_good("exif-6.jpg", &len);
    opts.ignore_orientation = 1;
    cr_assert_eq(grabcut_decode(&stored, bytes, len, &opts, NULL), GRABCUT_OK);
    cr_assert_eq(grabcut_decode(&upright, bytes, len, NULL, NULL), GRABCUT_OK);
    cr_assert(stored.width == 19 && stored.height == 13);
    cr_assert(upright.width == 13 && upright.height == 19);
    /* A quarter turn clockwise: the stored bottom left pixel is the upright top left one. */
    cr_assert_arr_eq(upright.data, stored.data + 12 * stored.stride, 3);
    grabcut_image_free(&stored);
    grabcut_image_free(&upright);
    free(bytes);
}

Test(decode, a_file_cut_at_any_byte_is_refused, .timeout = 240) {
    static expected all[256];
    size_t n = read_expected(all, 256);
    for (size_t i = 0; i < n; i++) {
        size_t len;
        uint8_t *bytes = read_good(all[i].name, &len);
        /* Bytes behind the picture's end do not count. */
        size_t whole = strcmp(all[i].name, "trailing.jpg") == 0 ? len - 33 : len;
        for (size_t cut = 0; cut < whole; cut++) {
            grabcut_image image;
            grabcut_errbuf err;
            uint8_t *part = exactly(bytes, cut);
            int rc = grabcut_decode(&image, part, cut, NULL, &err);
            cr_assert(rc == GRABCUT_EDECODE || (cut < 12 && rc == GRABCUT_EFORMAT),
                      "%s cut to %zu of %zu bytes: %d", all[i].name, cut, len, rc);
            cr_assert(err.text[0] != '\0' && image.data == NULL && image.width == 0);
            free(part);
        }
        free(bytes);
    }
}

Test(decode, a_file_with_any_byte_changed_is_survived, .timeout = 240) {
    static expected all[256];
    size_t n = read_expected(all, 256);
    const grabcut_decode_options opts = {.version = GRABCUT_DECODE_OPTIONS_VERSION,
                                         .max_pixels = 1 << 20};
    const uint8_t changes[] = {0xff, 0x01, 0x80};
    for (size_t i = 0; i < n; i++) {
        size_t len;
        uint8_t *bytes = read_good(all[i].name, &len);
        for (size_t at = 0; at < len * sizeof(changes); at++) {
            grabcut_image image;
            grabcut_errbuf err;
            uint8_t *changed = exactly(bytes, len);
            changed[at / sizeof(changes)] ^= changes[at % sizeof(changes)];
            int rc = grabcut_decode(&image, changed, len, &opts, &err);
            cr_assert((rc == GRABCUT_OK) == (image.data != NULL));
            cr_assert((rc == GRABCUT_OK) == (err.text[0] == '\0'));
            cr_assert(rc == GRABCUT_OK || rc == GRABCUT_EDECODE || rc == GRABCUT_EFORMAT ||
                          rc == GRABCUT_EUNSUPPORTED || rc == GRABCUT_ETOOBIG,
                      "%s with byte %zu changed: %d %s", all[i].name, at, rc, err.text);
            grabcut_image_free(&image);
            free(changed);
        }
        free(bytes);
    }
}

/* Answers 1 from the call number `at` on; 0: never. */
typedef struct canceller {
    int calls, at;
} canceller;

static int cancels(void *ctx) {
    canceller *c = ctx;
    c->calls++;
    return c->at > 0 && c->calls >= c->at;
}

static int decode_with(canceller *c, grabcut_image *out, const uint8_t *bytes, size_t len,
                       unsigned version, grabcut_errbuf *err) {
    grabcut_decode_options opts = GRABCUT_DECODE_OPTIONS_INIT;
    opts.version = version;
    opts.cancel = cancels;
    opts.cancel_ctx = c;
    return grabcut_decode(out, bytes, len, &opts, err);
}

Test(decode, it_stops_wherever_it_is_cancelled, .timeout = 240) {
    static expected all[256];
    size_t n = read_expected(all, 256);
    for (size_t i = 0; i < n; i++) {
        size_t len;
        uint8_t *bytes = read_good(all[i].name, &len);
        canceller never = {0, 0};
        grabcut_image image;
        grabcut_errbuf err;
        cr_assert_eq(decode_with(&never, &image, bytes, len, 3, &err), GRABCUT_OK);
        cr_expect_eq(fnv1a(&image), all[i].hash, "%s: other pixels", all[i].name);
        bool is_webp = strstr(all[i].name, ".webp") != NULL,
             has_runs = strstr(all[i].name, "rle") != NULL;
        int rows =
            image.width > image.height && strncmp(all[i].name, "exif", 4) != 0 ? image.height : 1;
        grabcut_image_free(&image);
        cr_expect(never.calls >= (is_webp || has_runs ? 1 : rows), "%s: %d calls", all[i].name,
                  never.calls);
        for (int at = 1; at <= never.calls; at++) {
            canceller once = {0, at};
            cr_assert_eq(decode_with(&once, &image, bytes, len, 3, &err), GRABCUT_ECANCELED);
            cr_assert(once.calls == at && image.data == NULL && err.text[0] != '\0');
        }
        free(bytes);
    }
}

Test(decode, options_of_version_2_have_no_callback) {
    size_t len;
    uint8_t *bytes = read_good("420.jpg", &len);
    canceller first = {0, 1};
    grabcut_image image;
    cr_assert_eq(decode_with(&first, &image, bytes, len, 2, NULL), GRABCUT_OK);
    cr_assert_eq(first.calls, 0);
    grabcut_image_free(&image);
    free(bytes);
}

/* Each scan is a pass over the image, and the rows of all of them are interrupted. */
Test(decode, the_scans_of_a_progressive_jpeg_are_interrupted) {
    size_t len;
    uint8_t *bytes = read_good("progressive.jpg", &len);
    canceller never = {0, 0};
    grabcut_image image;
    cr_assert_eq(decode_with(&never, &image, bytes, len, 3, NULL), GRABCUT_OK);
    cr_assert_gt(never.calls, image.height + 1);
    grabcut_image_free(&image);
    free(bytes);
}

Test(decode, arguments_are_checked) {
    grabcut_decode_options opts = GRABCUT_DECODE_OPTIONS_INIT;
    grabcut_image image;
    grabcut_errbuf err;
    const char text[] = "hello";
    cr_assert_eq(grabcut_decode(NULL, text, 5, NULL, &err), GRABCUT_EINVAL);
    cr_assert_eq(grabcut_decode(&image, NULL, 5, NULL, &err), GRABCUT_EINVAL);
    cr_assert_eq(grabcut_decode(&image, text, 0, NULL, NULL), GRABCUT_EFORMAT);
    cr_assert_eq(grabcut_decode(&image, text, 5, NULL, NULL), GRABCUT_EFORMAT);
    opts.version = 7;
    cr_assert_eq(grabcut_decode(&image, text, 5, &opts, &err), GRABCUT_EINVAL);
    cr_assert_null(image.data);
}

Test(decode, the_pixel_limit_is_of_the_product) {
    grabcut_decode_options opts = GRABCUT_DECODE_OPTIONS_INIT;
    grabcut_image image;
    grabcut_errbuf err;
    const char *names[] = {"420.jpg", "rgb-8.png", "lossless.webp", "bgr-24.bmp"};
    for (size_t i = 0; i < 4; i++) {
        size_t len;
        uint8_t *bytes = read_good(names[i], &len);
        opts.max_pixels = 19 * 13 - 1;
        cr_assert_eq(grabcut_decode(&image, bytes, len, &opts, &err), GRABCUT_ETOOBIG);
        cr_assert_not_null(strstr(err.text, "19x13"), "%s", err.text);
        opts.max_pixels = 19 * 13;
        cr_assert_eq(grabcut_decode(&image, bytes, len, &opts, &err), GRABCUT_OK);
        grabcut_image_free(&image);
        free(bytes);
    }
}
