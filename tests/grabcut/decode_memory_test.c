/* What a decoder allocates is never more than grabcut_decode_estimate says, for files of every kind
 * and shape: each allocation is counted by its usable size, and the most that were held together is
 * compared. */
#include <grabcut/grabcut.h>

#include "files.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <inttypes.h>
#include <malloc.h>
#include <png.h>
#include <string.h>
#include <webp/encode.h>

#include <jpeglib.h>

/* The C library's own functions, behind the ones below (glibc exports them for this). */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_memalign(size_t alignment, size_t n);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static int watching;
static size_t held, most;

static void *came(void *p) {
    if (watching && p) {
        held += malloc_usable_size(p);
        most = held > most ? held : most;
    }
    return p;
}

static void went(void *p) {
    if (watching && p) {
        held -= malloc_usable_size(p);
    }
}

/* Seen by the shared libraries too. */
#pragma GCC visibility push(default)
void *malloc(size_t n) {
    return came(__libc_malloc(n));
}
void *calloc(size_t n, size_t size) {
    return came(__libc_calloc(n, size));
}
void *aligned_alloc(size_t alignment, size_t n) {
    return came(__libc_memalign(alignment, n));
}
void *realloc(void *p, size_t n) {
    went(p);
    return came(__libc_realloc(p, n));
}
void free(void *p) {
    went(p);
    __libc_free(p);
}
#pragma GCC visibility pop

typedef struct file {
    uint8_t *p;
    size_t len;
} file;

/* Decodes the file, which must succeed, and compares. `most_above`: by how much of the real use,
 * beside fixed 256 KiB, the estimate may be above it, so that it stays one; 0: any. */
static void holds_with(const char *what, file f, double most_above, int lenient) {
    grabcut_decode_options opts = GRABCUT_DECODE_OPTIONS_INIT;
    grabcut_image image;
    opts.alpha = opts.allow_truncated = lenient;
    grabcut_errbuf err;
    uint64_t estimate = 0;
    opts.max_bytes = UINT64_MAX;
    cr_assert_eq(grabcut_decode_estimate(&estimate, f.p, f.len, &opts, &err), GRABCUT_OK, "%s: %s",
                 what, err.text);
    held = most = 0;
    watching = 1;
    int rc = grabcut_decode(&image, f.p, f.len, &opts, &err);
    watching = 0;
    cr_assert_eq(rc, GRABCUT_OK, "%s: %s", what, err.text);
    cr_assert_gt(most, image.stride * (size_t)image.height, "%s: the allocations are not seen",
                 what);
    grabcut_image_free(&image);
    if (getenv("GRABCUT_TEST_SHOW"))
        fprintf(stderr, "%-40s used %10zu estimated %10" PRIu64 " (%.2f)\n", what, most, estimate,
                (double)estimate / (double)most);
    cr_expect(most <= estimate, "%s: %zu bytes were held, the estimate is %" PRIu64, what, most,
              estimate);
    cr_expect(most_above == 0 || (double)estimate <= (double)most * most_above + (256 << 10),
              "%s: %zu bytes were held, the estimate is %" PRIu64, what, most, estimate);
    /* One byte less is refused, with nothing allocated. */
    opts.max_bytes = estimate - 1;
    held = most = 0;
    watching = 1;
    rc = grabcut_decode(&image, f.p, f.len, &opts, &err);
    watching = 0;
    cr_expect_eq(rc, GRABCUT_ENOMEM, "%s: %d", what, rc);
    cr_expect_eq(most, 0, "%s: %zu bytes were held", what, most);
}

/* So it is with alpha, and where truncated files are allowed. */
static void holds(const char *what, file f, double most_above) {
    holds_with(what, f, most_above, 0);
    holds_with(what, f, most_above, 1);
    free(f.p);
}

static void folder_holds(const char *folder, double most_above) {
    char path[2048];
    snprintf(path, sizeof(path), "%s/%s", HR_SOURCE_DIR, folder);
    DIR *dir = opendir(path);
    cr_assert_not_null(dir, "%s", path);
    int n = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.' || strstr(e->d_name, ".md")) {
            continue;
        }
        file f;
        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        f.p = read_source_file(path, &f.len);
        holds(path, f, most_above);
        n++;
    }
    closedir(dir);
    cr_assert_gt(n, 0);
}

Test(decode_memory, of_every_kind_of_file) {
    folder_holds("tests/grabcut/pictures/good", 1.5);
}

Test(decode_memory, of_photos) {
    folder_holds("photos", 1.25);
}

Test(decode_memory, of_files_made_to_take_much) {
    folder_holds("tests/grabcut/pictures/bombs", 1.25);
}

/* ---- JPEG ---- */

typedef enum coding {
    BASELINE,
    MULTISCAN,
    PROGRESSIVE,
    ARITHMETIC,
    ARITHMETIC_PROGRESSIVE,
    CODINGS
} coding;

typedef struct sampling {
    int components;
    int h[4], v[4];
} sampling;

static file jpeg_file(int width, int height, const sampling *s, coding how) {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    jpeg_scan_info scans[4];
    unsigned char *bytes = NULL;
    unsigned long len = 0;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &len);
    jpeg.image_width = (JDIMENSION)width;
    jpeg.image_height = (JDIMENSION)height;
    jpeg.input_components = s->components;
    jpeg.in_color_space = s->components == 1   ? JCS_GRAYSCALE
                          : s->components == 3 ? JCS_YCbCr
                                               : JCS_CMYK;
    jpeg_set_defaults(&jpeg);
    for (int i = 0; i < s->components; i++) {
        jpeg.comp_info[i].h_samp_factor = s->h[i];
        jpeg.comp_info[i].v_samp_factor = s->v[i];
        scans[i] = (jpeg_scan_info){1, {i, 0, 0, 0}, 0, 63, 0, 0};
    }
    jpeg.arith_code = how == ARITHMETIC || how == ARITHMETIC_PROGRESSIVE;
    if (how == PROGRESSIVE || how == ARITHMETIC_PROGRESSIVE) {
        jpeg_simple_progression(&jpeg);
    } else if (how == MULTISCAN) {
        jpeg.scan_info = scans;
        jpeg.num_scans = s->components;
    }
    jpeg_start_compress(&jpeg, TRUE);
    uint8_t *row = malloc((size_t)width * 4);
    for (size_t i = 0; i < (size_t)width * 4; i++) {
        row[i] = (uint8_t)(i * 37);
    }
    while (jpeg.next_scanline < jpeg.image_height) {
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    free(row);
    return (file){bytes, len};
}

/* libjpeg writes and reads at most 10 blocks an MCU where components share a scan. */
static int fits_a_scan(const sampling *s) {
    int blocks = 0;
    for (int i = 0; i < s->components; i++) {
        blocks += s->h[i] * s->v[i];
    }
    return blocks <= 10;
}

static void jpegs_hold(int width, int height) {
    static const sampling all[] = {{1, {1}, {1}},
                                   {1, {4}, {4}},
                                   {1, {2}, {3}},
                                   {3, {1, 1, 1}, {1, 1, 1}},
                                   {3, {2, 1, 1}, {2, 1, 1}},
                                   {3, {2, 1, 1}, {1, 1, 1}},
                                   {3, {4, 1, 1}, {1, 1, 1}},
                                   {3, {1, 1, 1}, {4, 1, 1}},
                                   {3, {1, 2, 2}, {1, 2, 2}},
                                   {3, {4, 4, 4}, {4, 4, 4}},
                                   {3, {4, 4, 1}, {4, 4, 1}},
                                   {3, {4, 2, 1}, {1, 2, 4}},
                                   {3, {1, 4, 4}, {4, 1, 4}},
                                   {4, {1, 1, 1, 1}, {1, 1, 1, 1}},
                                   {4, {4, 4, 4, 4}, {4, 4, 4, 4}},
                                   {4, {2, 1, 1, 2}, {2, 1, 1, 2}}};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        for (int how = 0; how < CODINGS; how++) {
            char what[100];
            if (how != MULTISCAN && !fits_a_scan(&all[i])) {
                continue;
            }
            snprintf(what, sizeof(what), "JPEG %dx%d, sampling %zu, coding %d", width, height, i,
                     how);
            holds(what, jpeg_file(width, height, &all[i], (coding)how), 2);
        }
    }
}

Test(decode_memory, of_jpegs_with_any_sampling) {
    jpegs_hold(1, 1);
    jpegs_hold(67, 35);
    jpegs_hold(640, 480);
}

Test(decode_memory, of_jpegs_that_are_strips) {
    jpegs_hold(1, 65500);
    jpegs_hold(9, 20001);
    jpegs_hold(65500, 1);
    jpegs_hold(20001, 33);
}

/* ---- PNG ---- */

static file png_file(uint32_t width, uint32_t height, int type, int depth, int interlace) {
    file f = {NULL, 0};
    FILE *out = open_memstream((char **)&f.p, &f.len);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
    png_init_io(png, out);
    png_set_compression_level(png, 1);
    png_set_IHDR(png, info, width, height, depth, type, interlace, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (type == PNG_COLOR_TYPE_PALETTE) {
        static const png_color colours[256];
        png_set_PLTE(png, info, colours, 1 << depth);
    }
    png_write_info(png, info);
    uint8_t *row = calloc(1, png_get_rowbytes(png, info));
    for (int pass = png_set_interlace_handling(png); pass > 0; pass--) {
        for (uint32_t y = 0; y < height; y++) {
            png_write_row(png, row);
        }
    }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    fclose(out);
    free(row);
    return f;
}

Test(decode_memory, of_pngs_of_any_shape) {
    static const struct {
        int type, depth;
    } kinds[] = {{PNG_COLOR_TYPE_GRAY, 1},    {PNG_COLOR_TYPE_GRAY, 16},
                 {PNG_COLOR_TYPE_PALETTE, 2}, {PNG_COLOR_TYPE_RGB, 8},
                 {PNG_COLOR_TYPE_RGB, 16},    {PNG_COLOR_TYPE_RGB_ALPHA, 16}};
    static const uint32_t sizes[][2] = {{1, 1}, {640, 480}, {1000000, 1}, {1, 20000}, {200001, 3}};
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            for (int interlace = 0; interlace < 2; interlace++) {
                char what[100];
                snprintf(what, sizeof(what), "PNG %ux%u, type %d, %d bits, interlace %d",
                         sizes[i][0], sizes[i][1], kinds[k].type, kinds[k].depth, interlace);
                holds(what,
                      png_file(sizes[i][0], sizes[i][1], kinds[k].type, kinds[k].depth, interlace),
                      0);
            }
        }
    }
}

/* ---- WebP ---- */

static file webp_file(int width, int height, int lossless, int method, int colours) {
    WebPConfig config;
    WebPPicture picture;
    WebPMemoryWriter writer;
    cr_assert(WebPConfigInit(&config) && WebPPictureInit(&picture));
    config.lossless = lossless;
    config.method = method;
    config.alpha_compression = 1;
    picture.width = width;
    picture.height = height;
    picture.use_argb = 1;
    cr_assert(WebPPictureAlloc(&picture));
    uint32_t state = 1;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            state = state * 1664525 + 1013904223;
            uint32_t index = (uint32_t)(x / 16 * 7 + y / 16 * 13) + (state >> 30);
            uint32_t colour =
                colours ? index % (uint32_t)colours * 0x10507u : index * 0x30201u + (state >> 24);
            picture.argb[y * picture.argb_stride + x] = colour | 0xf0000000u;
        }
    }
    WebPMemoryWriterInit(&writer);
    picture.writer = WebPMemoryWrite;
    picture.custom_ptr = &writer;
    cr_assert(WebPEncode(&config, &picture), "%d", picture.error_code);
    WebPPictureFree(&picture);
    file f = {malloc(writer.size), writer.size};
    memcpy(f.p, writer.mem, writer.size);
    WebPMemoryWriterClear(&writer);
    return f;
}

Test(decode_memory, of_webps_by_its_own_encoder) {
    static const int sizes[][2] = {{1, 1},     {67, 35},   {640, 480}, {16383, 1},
                                   {1, 16383}, {3000, 40}, {800, 600}};
    static const int colours[] = {2, 4, 16, 200, 0};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (int method = 0; method <= 4; method += 4) {
            char what[100];
            snprintf(what, sizeof(what), "WebP %dx%d, lossy, method %d", sizes[i][0], sizes[i][1],
                     method);
            holds(what, webp_file(sizes[i][0], sizes[i][1], 0, method, 0), 2);
            for (size_t c = 0; c < sizeof(colours) / sizeof(colours[0]); c++) {
                snprintf(what, sizeof(what), "WebP %dx%d, lossless, method %d, %d colours",
                         sizes[i][0], sizes[i][1], method, colours[c]);
                holds(what, webp_file(sizes[i][0], sizes[i][1], 1, method, colours[c]), 3);
            }
        }
    }
}
