/* Encodes PNG with libpng. */
#include "png_encode.h"

#include "fail.h"
#include "sink.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct png_writer {
    png_structp png;
    png_infop info;
    grabcut_sink sink;
    int code;
    char text[128];
} png_writer;

static void png_on_error(png_structp png, png_const_charp text) {
    png_writer *w = png_get_error_ptr(png);
    snprintf(w->text, sizeof(w->text), "%s", text);
    png_longjmp(png, 1);
}

static void png_on_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

/* libpng reports an allocation failure only as a text. */
static png_voidp png_on_malloc(png_structp png, png_alloc_size_t n) {
    void *p = malloc(n);
    if (!p) {
        ((png_writer *)png_get_mem_ptr(png))->code = GRABCUT_ENOMEM;
    }
    return p;
}

static void png_on_free(png_structp png, png_voidp p) {
    (void)png;
    free(p);
}

static void png_on_write(png_structp png, png_bytep bytes, size_t n) {
    png_writer *w = png_get_io_ptr(png);
    if (!grabcut_sink_reserve(&w->sink, n)) {
        w->code = GRABCUT_ENOMEM;
        png_error(png, "out of memory");
    }
    memcpy(w->sink.p + w->sink.len, bytes, n);
    w->sink.len += n;
}

static void png_on_flush(png_structp png) {
    (void)png;
}

/* The default: the fastest that zlib offers for photos, and small for a plain background. */
static void png_set_effort(png_structp png, int level) {
    if (level >= 0) {
        png_set_compression_level(png, level);
        return;
    }
    png_set_compression_level(png, 1);
    png_set_compression_strategy(png, 3 /* Z_RLE */);
    png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_SUB);
}

/* Everything that may jump out. Nothing of this frame is used after a jump. */
static int png_run(png_writer *w, const grabcut_image *image, int level, grabcut_range icc) {
    static const int types[] = {0, PNG_COLOR_TYPE_GRAY, 0, PNG_COLOR_TYPE_RGB,
                                PNG_COLOR_TYPE_RGB_ALPHA};
    if (setjmp(png_jmpbuf(w->png))) {
        return w->code;
    }
    png_set_write_fn(w->png, w, png_on_write, png_on_flush);
    png_set_user_limits(w->png, 0x7fffffff, 0x7fffffff);
    png_set_effort(w->png, level);
    png_set_IHDR(w->png, w->info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 types[image->channels], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (icc.len > 0) {
        png_set_option(w->png, PNG_SKIP_sRGB_CHECK_PROFILE, PNG_OPTION_ON);
        png_set_benign_errors(w->png, 1); /* a profile that libpng does not accept is left out */
        png_set_iCCP(w->png, w->info, "ICC profile", PNG_COMPRESSION_TYPE_BASE, icc.p,
                     (png_uint_32)icc.len);
    }
    png_write_info(w->png, w->info);
    png_set_bgr(w->png);
    for (size_t y = 0; y < (size_t)image->height; y++) {
        png_write_row(w->png, image->data + y * image->stride);
    }
    png_write_end(w->png, w->info);
    return GRABCUT_OK;
}

int grabcut_write_png(uint8_t **out, size_t *out_len, const grabcut_image *image, int level,
                      grabcut_range icc, grabcut_errbuf *err) {
    if (level < -1 || level > 9) {
        return grabcut_fail(err, GRABCUT_EINVAL, "level is %d, it must be -1 to 9", level);
    }
    png_writer w = {NULL, NULL, {NULL, 0, 0}, GRABCUT_EENCODE, ""};
    w.png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &w, png_on_error, png_on_warning, &w,
                                      png_on_malloc, png_on_free);
    w.info = w.png ? png_create_info_struct(w.png) : NULL;
    if (!w.info) {
        png_destroy_write_struct(&w.png, NULL);
        return grabcut_fail(err, GRABCUT_ENOMEM, "out of memory for the PNG encoder");
    }
    int rc = png_run(&w, image, level, icc);
    png_destroy_write_struct(&w.png, &w.info);
    if (rc) {
        free(w.sink.p);
        return grabcut_fail(err, rc, "PNG: %s", w.text);
    }
    grabcut_sink_give(&w.sink, out, out_len);
    return GRABCUT_OK;
}
