/* The heap in use does not grow with the number of calls: by mallinfo2, which also counts what a
 * library keeps for itself. Needs glibc.malloc.tcache_count=0: a thread's cache of freed blocks
 * would count as well. */
#include "files.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <grabcut/grabcut.h>
#include <malloc.h>
#include <string.h>

enum { FILES = 256, LONGEST = 20000 };

typedef struct file {
    uint8_t *bytes;
    size_t len;
} file;

static size_t heap_in_use(void) {
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

/* The small ones of the test pictures, so that 10,000 calls take seconds. */
static int load_files(file *files) {
    static const char folder[] = "tests/grabcut/pictures/good";
    char path[512];
    int n = 0;
    snprintf(path, sizeof path, "%s/%s", HR_SOURCE_DIR, folder);
    DIR *dir = opendir(path);
    cr_assert_not_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) && n < FILES;) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        files[n].bytes = read_source_file(path, &files[n].len);
        if (files[n].len <= LONGEST)
            n++;
        else
            free(files[n].bytes);
    }
    closedir(dir);
    return n;
}

static void cut_and_encode(const grabcut_image *image, unsigned call) {
    grabcut_image mask, cut;
    grabcut_options opts = GRABCUT_OPTIONS_INIT;
    grabcut_encode_options encode = GRABCUT_ENCODE_OPTIONS_INIT;
    uint8_t *out = NULL;
    size_t len = 0;
    opts.rect = grabcut_rect_inset(image->width, image->height, 5);
    opts.iterations = 1;
    opts.threads = 1 + (int)(call % 2);
    cr_assert_eq(grabcut_image_alloc(&mask, image->width, image->height, 1), GRABCUT_OK);
    int rc = grabcut_segment(grabcut_engine_fast(), &mask, image, &opts, NULL);
    if (rc == GRABCUT_OK &&
        grabcut_cutout(&cut, image, &mask, (grabcut_cutout_kind)(call % 3)) == GRABCUT_OK) {
        encode.format = call % 5 == 4   ? GRABCUT_FORMAT_WEBP
                        : call % 3 != 1 ? (call % 2 ? GRABCUT_FORMAT_JPEG : GRABCUT_FORMAT_PNG)
                                        : GRABCUT_FORMAT_PNG;
        if (grabcut_encode(&out, &len, &cut, &encode, NULL) == GRABCUT_OK)
            grabcut_free(out);
        grabcut_image_free(&cut);
    }
    grabcut_image_free(&mask);
}

/* Whole files, truncated files, files with a wrong byte, and more pixels than allowed. */
static void one_call(const file *files, int n, unsigned call) {
    const file *f = &files[call % (unsigned)n];
    grabcut_decode_options opts = GRABCUT_DECODE_OPTIONS_INIT;
    grabcut_errbuf err;
    grabcut_image image;
    uint8_t *bytes = malloc(f->len);
    size_t len = f->len;
    memcpy(bytes, f->bytes, len);
    switch (call / (unsigned)n % 4) {
    case 1:
        len = len * (call % 97) / 97;
        break;
    case 2:
        bytes[call * 7919u % len] ^= 0x55;
        break;
    case 3:
        opts.max_pixels = 1 + call % 500;
        break;
    default:
        break;
    }
    if (grabcut_decode(&image, bytes, len, &opts, &err) == GRABCUT_OK) {
        if ((int64_t)image.width * image.height <= 10000)
            cut_and_encode(&image, call);
        grabcut_image_free(&image);
    }
    free(bytes);
}

Test(heap, as_much_is_in_use_after_10000_mixed_calls_as_after_1000) {
    static file files[FILES + 1];
    const int n = load_files(files);
    cr_assert_geq(n, 10, "only %d files", n);
    unsigned call = 0;
    for (; call < 1000; call++)
        one_call(files, n, call);
    const size_t then = heap_in_use();
    for (; call < 10000; call++)
        one_call(files, n, call);
    const size_t now = heap_in_use();
    cr_assert_eq(now, then, "%zu bytes after 1,000 calls, %zu after 10,000", then, now);
    for (int i = 0; i < n; i++)
        free(files[i].bytes);
}
