/* Decodes PNG with libpng and the settings of cv::imdecode: 16 bits are cut to 8, palettes and grey
 * are spread to three channels, colour spaces are left alone, alpha is dropped unless it is asked
 * for. */
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
    int code;    /* of the next failure */
    int in_rows; /* the header has been read */
    const grabcut_decode_options *opts;
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

/* libpng reads 4096 bytes of pixels at a time and drops them if the file ends in between. */
static void read_end_byte_by_byte(reader *r) {
    enum { END = 16384 };
    if (r->in_rows && r->opts->allow_truncated && r->rest.len < END) {
        png_set_compression_buffer_size(r->png, 1);
    }
}

static void on_png_read(png_structp png, png_bytep out, size_t n) {
    reader *r = png_get_io_ptr(png);
    if (n > r->rest.len) {
        r->code = r->in_rows && r->opts->allow_truncated ? GRABCUT_OK : r->code;
        png_error(png, "the file is truncated");
    }
    memcpy(out, r->rest.p, n);
    r->rest.p += n;
    r->rest.len -= n;
    read_end_byte_by_byte(r);
}

/* Chunks that no pixel depends on are skipped: profiles and texts may be of any size,
 * and unpack to any size. tRNS is among them if alpha is dropped. */
static void ignore_png_metadata(png_structp png, int alpha) {
    static const png_byte transparency[] = "tRNS";
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    if (!alpha) {
        png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, transparency, 1);
    }
}

static void set_png_output(reader *r, int alpha) {
    png_set_strip_16(r->png);
    png_set_expand(r->png);
    png_set_gray_to_rgb(r->png);
    if (alpha) {
        png_set_add_alpha(r->png, 255, PNG_FILLER_AFTER); /* where the file has none */
    } else {
        png_set_strip_alpha(r->png);
    }
    png_set_bgr(r->png);
}

static void read_png_rows(reader *r, const grabcut_image *out) {
    for (int pass = png_set_interlace_handling(r->png); pass > 0; pass--) {
        /* Rows of an interlaced image are filled pass by pass. */
        for (size_t y = 0; y < (size_t)out->height; y++) {
            if (grabcut_is_cancelled(r->opts)) {
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
    ignore_png_metadata(r->png, out->channels == 4);
    png_read_info(r->png, r->info);
    if (png_get_image_width(r->png, r->info) != (png_uint_32)out->width ||
        png_get_image_height(r->png, r->info) != (png_uint_32)out->height) {
        png_error(r->png, "its headers contradict each other");
    }
    set_png_output(r, out->channels == 4);
    r->in_rows = 1;
    read_end_byte_by_byte(r);
    read_png_rows(r, out);
    png_read_end(r->png, NULL);
    return GRABCUT_OK;
}

int grabcut_read_png(const grabcut_image *out, grabcut_range file,
                     const grabcut_decode_options *opts, grabcut_errbuf *err) {
    reader r = {NULL, NULL, file, GRABCUT_EDECODE, 0, opts, ""};
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
