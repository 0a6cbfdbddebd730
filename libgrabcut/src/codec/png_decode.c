/* Decodes PNG with libpng and the settings of cv::imdecode: 16 bits are cut to 8, palettes and grey
 * are spread to three channels, alpha is dropped, colour spaces are left alone. */
#include "png_decode.h"

#include "fail.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reader {
    png_structp png;
    png_infop info;
    grabcut_range rest;
    int code; /* of the next failure */
    const grabcut_cancel *cancel;
    char text[128];
} reader;

static void on_png_error(png_structp png, png_const_charp text) {
    reader *r = png_get_error_ptr(png);
    snprintf(r->text, sizeof(r->text), "%s", text);
    png_longjmp(png, 1);
}

static void on_png_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

/* libpng reports an allocation failure only as a text. */
static png_voidp on_png_malloc(png_structp png, png_alloc_size_t n) {
    void *p = malloc(n);
    if (!p) {
        ((reader *)png_get_mem_ptr(png))->code = GRABCUT_ENOMEM;
    }
    return p;
}

static void on_png_free(png_structp png, png_voidp p) {
    (void)png;
    free(p);
}

static void on_png_read(png_structp png, png_bytep out, size_t n) {
    reader *r = png_get_io_ptr(png);
    if (n > r->rest.len) {
        png_error(png, "the file is truncated");
    }
    memcpy(out, r->rest.p, n);
    r->rest.p += n;
    r->rest.len -= n;
}

/* Chunks that no pixel depends on are skipped: profiles and texts may be of any size,
 * and unpack to any size. tRNS is among them, as alpha is dropped anyway. */
static void ignore_png_metadata(png_structp png) {
    static const png_byte transparency[] = "tRNS";
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, transparency, 1);
}

static void set_png_output(reader *r) {
    png_set_strip_16(r->png);
    png_set_expand(r->png);
    png_set_gray_to_rgb(r->png);
    png_set_strip_alpha(r->png);
    png_set_bgr(r->png);
}

static void read_png_rows(reader *r, const grabcut_image *out) {
    for (int pass = png_set_interlace_handling(r->png); pass > 0; pass--) {
        /* Rows of an interlaced image are filled pass by pass. */
        for (size_t y = 0; y < (size_t)out->height; y++) {
            if (grabcut_is_cancelled(r->cancel)) {
                r->code = GRABCUT_ECANCELED;
                png_error(r->png, "decoding was cancelled");
            }
            png_read_row(r->png, out->data + y * out->stride, NULL);
        }
    }
}

/* Everything that may jump out. Nothing of this frame is used after a jump. */
static int run_png_reader(reader *r, const grabcut_image *out) {
    if (setjmp(png_jmpbuf(r->png))) {
        return r->code;
    }
    png_set_read_fn(r->png, r, on_png_read);
    png_set_user_limits(r->png, 0x7fffffff, 0x7fffffff);
    ignore_png_metadata(r->png);
    png_read_info(r->png, r->info);
    if (png_get_image_width(r->png, r->info) != (png_uint_32)out->width ||
        png_get_image_height(r->png, r->info) != (png_uint_32)out->height) {
        png_error(r->png, "its headers contradict each other");
    }
    set_png_output(r);
    read_png_rows(r, out);
    png_read_end(r->png, NULL);
    return GRABCUT_OK;
}

int grabcut_read_png(const grabcut_image *out, grabcut_range file, const grabcut_cancel *cancel,
                     grabcut_errbuf *err) {
    reader r = {NULL, NULL, file, GRABCUT_EDECODE, cancel, ""};
    r.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &r, on_png_error, on_png_warning, &r,
                                     on_png_malloc, on_png_free);
    r.info = r.png ? png_create_info_struct(r.png) : NULL;
    if (!r.info) {
        png_destroy_read_struct(&r.png, NULL, NULL);
        return grabcut_fail(err, GRABCUT_ENOMEM, "out of memory for the PNG decoder");
    }
    int rc = run_png_reader(&r, out);
    if (rc) {
        grabcut_fail(err, rc, "PNG: %s", r.text);
    }
    png_destroy_read_struct(&r.png, &r.info, NULL);
    return rc;
}
