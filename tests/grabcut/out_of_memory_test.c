/* Every allocation of a call fails once, in turn: the call says so, and gives back what it had. And
 * a segmentation makes one allocation, of no more than was estimated, or none where a workspace has
 * the memory. */
#include <grabcut/grabcut.h>

#include "files.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

/* The C library's own functions, behind the ones below (glibc exports them for this). */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_memalign(size_t alignment, size_t n);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

/* While it watches: how many allocations go well before one fails (-1: all do), and how many are
 * held. */
static int watching, until_failure = -1, failed;
static long held, allocations;
static size_t largest;

static int must_fail(size_t bytes) {
    if (watching) {
        allocations++;
        largest = bytes > largest ? bytes : largest;
    }
    if (!watching || until_failure < 0 || until_failure-- > 0) {
        return 0;
    }
    failed = 1;
    errno = ENOMEM;
    return 1;
}

static void *counted(void *p) {
    held += watching && p;
    return p;
}

/* Seen by the shared libraries too. */
#pragma GCC visibility push(default)
void *malloc(size_t n) {
    return must_fail(n) ? NULL : counted(__libc_malloc(n));
}
void *calloc(size_t n, size_t size) {
    return must_fail(n * size) ? NULL : counted(__libc_calloc(n, size));
}
void *aligned_alloc(size_t alignment, size_t n) {
    return must_fail(n) ? NULL : counted(__libc_memalign(alignment, n));
}
void *realloc(void *p, size_t n) {
    if (must_fail(n)) {
        return NULL;
    }
    return p ? __libc_realloc(p, n) : counted(__libc_realloc(NULL, n));
}
void free(void *p) {
    held -= watching && p;
    __libc_free(p);
}
#pragma GCC visibility pop

typedef struct work {
    const uint8_t *bytes;
    size_t len;
    grabcut_image image;
} work;

static int decode(work *w) {
    grabcut_image image;
    int rc = grabcut_decode(&image, w->bytes, w->len, NULL, NULL);
    cr_assert((rc == GRABCUT_OK) == (image.data != NULL));
    grabcut_image_free(&image);
    return rc;
}

static int encode_png(work *w) {
    uint8_t *out;
    size_t len;
    int rc = grabcut_encode_png(&out, &len, &w->image, -1, NULL);
    cr_assert((rc == GRABCUT_OK) == (out != NULL));
    grabcut_free(out);
    return rc;
}

static int encode_jpeg(work *w) {
    uint8_t *out;
    size_t len;
    int rc = grabcut_encode_jpeg(&out, &len, &w->image, 90, NULL);
    cr_assert((rc == GRABCUT_OK) == (out != NULL));
    grabcut_free(out);
    return rc;
}

/* Fails the first, the second, ... allocation of `call`, until it needs no more. */
static void starve(int (*call)(work *), work *w, const char *name) {
    int n = 0, rc;
    do {
        held = 0;
        failed = 0;
        until_failure = n++;
        watching = 1;
        rc = call(w);
        watching = 0;
        /* A realloc that only gives room back may fail without harm. */
        cr_assert(rc == (failed ? GRABCUT_ENOMEM : GRABCUT_OK) || (failed && rc == GRABCUT_OK),
                  "%s, allocation %d: %d", name, n, rc);
        cr_assert_eq(held, 0, "%s, allocation %d: %ld blocks leaked", name, n, held);
    } while (failed && n < 10000);
    cr_log_info("%s: %d allocations", name, n - 1);
    cr_assert(!failed && n > 1);
}

Test(out_of_memory, every_failing_allocation_of_a_decode_is_told_and_nothing_leaks) {
    /* No lossless WebP: there libwebp 1.2.4 itself reads through a null pointer. */
    const char *names[] = {
        "420.jpg",    "progressive.jpg", "cmyk.jpg",    "exif-6.jpg",
        "rgb-8.png",  "metadata.png",    "rgba-16.png", "palette-4-interlaced.png",
        "lossy.webp", "alpha.webp",      "rle-8.bmp",   "bgr-24.bmp"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[128];
        work w = {NULL, 0, {NULL, 0, 0, 0, 0}};
        snprintf(path, sizeof(path), "tests/grabcut/pictures/good/%s", names[i]);
        uint8_t *bytes = read_source_file(path, &w.len);
        w.bytes = bytes;
        starve(decode, &w, names[i]);
        free(bytes);
    }
}

Test(out_of_memory, every_failing_allocation_of_an_encode_is_told_and_nothing_leaks) {
    work w = {NULL, 0, {NULL, 0, 0, 0, 0}};
    cr_assert_eq(grabcut_image_alloc(&w.image, 300, 200, 3), GRABCUT_OK);
    for (size_t i = 0; i < 200 * w.image.stride; i++) {
        w.image.data[i] = (uint8_t)(i * i >> 7);
    }
    starve(encode_png, &w, "PNG");
    starve(encode_jpeg, &w, "JPEG");
    grabcut_image_free(&w.image);
}

/* The same count on calls that fail for other reasons. */
Test(out_of_memory, damaged_files_leak_nothing) {
    const char *names[] = {"420.jpg",    "progressive.jpg", "rgb-8-interlaced.png",
                           "lossy.webp", "animated.webp",   "rle-8.bmp"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[128];
        work w = {NULL, 0, {NULL, 0, 0, 0, 0}};
        snprintf(path, sizeof(path), "tests/grabcut/pictures/good/%s", names[i]);
        uint8_t *bytes = read_source_file(path, &w.len);
        size_t whole = w.len;
        w.bytes = bytes;
        for (w.len = 0; w.len < whole; w.len++) {
            held = 0;
            until_failure = -1;
            watching = 1;
            int rc = decode(&w);
            watching = 0;
            cr_assert(rc != GRABCUT_OK && held == 0, "%s cut at %zu", names[i], w.len);
        }
        free(bytes);
    }
}

/* ---- segmentation
 * -------------------------------------------------------------------------------- */

typedef struct segmentation {
    grabcut_image image, mask;
    grabcut_options opts;
} segmentation;

static segmentation photo(void) {
    segmentation s = {.opts = GRABCUT_OPTIONS_INIT};
    size_t len;
    uint8_t *bytes = read_source_file("photos/portrait.jpg", &len);
    cr_assert_eq(grabcut_decode(&s.image, bytes, len, NULL, NULL), GRABCUT_OK);
    free(bytes);
    cr_assert_eq(grabcut_image_alloc(&s.mask, s.image.width, s.image.height, 1), GRABCUT_OK);
    s.opts.rect = grabcut_rect_inset(s.image.width, s.image.height, 5);
    s.opts.iterations = 2;
    return s;
}

static void free_segmentation(segmentation *s) {
    grabcut_image_free(&s->image);
    grabcut_image_free(&s->mask);
}

/* How many allocations a call makes; `until` of them go well. */
static long allocations_of(segmentation *s, int until, int expected) {
    held = allocations = 0;
    largest = 0;
    until_failure = until;
    watching = 1;
    int rc = grabcut_segment(grabcut_engine_fast(), &s->mask, &s->image, &s->opts, NULL);
    watching = 0;
    until_failure = -1;
    cr_assert_eq(rc, expected);
    return allocations;
}

Test(out_of_memory, a_segmentation_makes_one_allocation_within_the_estimate) {
    segmentation s = photo();
    uint64_t estimate;
    cr_assert_eq(
        grabcut_estimate(grabcut_engine_fast(), &estimate, s.image.width, s.image.height, &s.opts),
        0);
    cr_assert_eq(allocations_of(&s, -1, GRABCUT_OK), 1);
    cr_assert_eq(held, 0);
    cr_assert_leq(largest, estimate);
    cr_assert_eq(allocations_of(&s, 0, GRABCUT_ENOMEM), 1);
    cr_assert_eq(held, 0);
    free_segmentation(&s);
}

Test(out_of_memory, a_workspace_with_the_memory_needs_no_allocation_at_all) {
    segmentation s = photo();
    grabcut_workspace *workspace;
    cr_assert_eq(grabcut_workspace_new(&workspace), GRABCUT_OK);
    s.opts.workspace = workspace;
    cr_assert_eq(allocations_of(&s, -1, GRABCUT_OK), 1);
    for (int inset = 5; inset < 30; inset += 8) { /* what is smaller fits, too */
        s.opts.rect = grabcut_rect_inset(s.image.width, s.image.height, inset);
        cr_assert_eq(allocations_of(&s, 0, GRABCUT_OK), 0, "inset %d", inset);
    }
    grabcut_workspace_free(workspace);
    free_segmentation(&s);
}
