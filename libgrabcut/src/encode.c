#include "fail.h"
#include "image.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In this order: each uses what the one before declares. */
#include <jpeglib.h>

#include <jerror.h>

/* Bytes that grow. */
typedef struct sink {
    uint8_t *p;
    size_t len, capacity;
} sink;

static int sink_reserve(sink *s, size_t more) {
    if (more <= s->capacity - s->len) {
        return 1;
    }
    size_t capacity = s->capacity + s->capacity / 2 + more + 4096;
    uint8_t *p = realloc(s->p, capacity);
    if (!p) {
        return 0;
    }
    s->p = p;
    s->capacity = capacity;
    return 1;
}

/* Hands the bytes over, without the room that was not needed. */
static void sink_give(sink *s, uint8_t **out, size_t *out_len) {
    uint8_t *exact = realloc(s->p, s->len);
    *out = exact ? exact : s->p;
    *out_len = s->len;
}

static int check_arguments(uint8_t **out, size_t *out_len, const grabcut_image *image,
                           grabcut_errbuf *err) {
    grabcut_clear(err);
    if (out) {
        *out = NULL;
    }
    if (out_len) {
        *out_len = 0;
    }
    if (!out || !out_len) {
        return grabcut_fail(err, GRABCUT_EINVAL, "out or out_len is NULL");
    }
    if (!grabcut_image_valid(image)) {
        return grabcut_fail(err, GRABCUT_EINVAL, "the picture has no pixels to encode");
    }
    return GRABCUT_OK;
}

/* ---- PNG --------------------------------------------------------------------------------- */

typedef struct png_writer {
    png_structp png;
    png_infop info;
    sink sink;
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

/* libpng tells lack of memory by a text only. */
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
    if (!sink_reserve(&w->sink, n)) {
        w->code = GRABCUT_ENOMEM;
        png_error(png, "no memory");
    }
    memcpy(w->sink.p + w->sink.len, bytes, n);
    w->sink.len += n;
}

static void png_on_flush(png_structp png) {
    (void)png;
}

/* Of the library's choice: as fast as zlib goes on photos, and small on a plain background. */
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
static int png_run(png_writer *w, const grabcut_image *image, int level) {
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
    png_write_info(w->png, w->info);
    png_set_bgr(w->png);
    for (size_t y = 0; y < (size_t)image->height; y++) {
        png_write_row(w->png, image->data + y * image->stride);
    }
    png_write_end(w->png, w->info);
    return GRABCUT_OK;
}

int grabcut_encode_png(uint8_t **out, size_t *out_len, const grabcut_image *image, int level,
                       grabcut_errbuf *err) {
    int rc = check_arguments(out, out_len, image, err);
    if (rc) {
        return rc;
    }
    if (level < -1 || level > 9) {
        return grabcut_fail(err, GRABCUT_EINVAL, "level is %d, it must be -1 to 9", level);
    }
    png_writer w = {NULL, NULL, {NULL, 0, 0}, GRABCUT_EENCODE, ""};
    w.png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &w, png_on_error, png_on_warning, &w,
                                      png_on_malloc, png_on_free);
    w.info = w.png ? png_create_info_struct(w.png) : NULL;
    if (!w.info) {
        png_destroy_write_struct(&w.png, NULL);
        return grabcut_fail(err, GRABCUT_ENOMEM, "no memory for the PNG writer");
    }
    rc = png_run(&w, image, level);
    png_destroy_write_struct(&w.png, &w.info);
    if (rc) {
        free(w.sink.p);
        return grabcut_fail(err, rc, "PNG: %s", w.text);
    }
    sink_give(&w.sink, out, out_len);
    return GRABCUT_OK;
}

/* ---- JPEG -------------------------------------------------------------------------------- */

typedef struct jpeg_writer {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr destination;
    sink sink;
    jmp_buf failed;
    int code;
    char text[JMSG_LENGTH_MAX];
} jpeg_writer;

enum { JPEG_STEP = 65536 };

static void jpeg_on_error(j_common_ptr jpeg) {
    jpeg_writer *w = jpeg->client_data;
    jpeg->err->format_message(jpeg, w->text);
    w->code = jpeg->err->msg_code == JERR_OUT_OF_MEMORY ? GRABCUT_ENOMEM : GRABCUT_EENCODE;
    longjmp(w->failed, 1);
}

static void jpeg_on_message(j_common_ptr jpeg, int level) {
    (void)jpeg;
    (void)level;
}

static void jpeg_room(jpeg_writer *w) {
    if (!sink_reserve(&w->sink, JPEG_STEP)) {
        snprintf(w->text, sizeof(w->text), "no memory");
        w->code = GRABCUT_ENOMEM;
        longjmp(w->failed, 1);
    }
    w->destination.next_output_byte = w->sink.p + w->sink.len;
    w->destination.free_in_buffer = w->sink.capacity - w->sink.len;
}

static void jpeg_begin(j_compress_ptr jpeg) {
    jpeg_room(jpeg->client_data);
}

static boolean jpeg_more(j_compress_ptr jpeg) {
    /* libjpeg calls when its room is full, whatever free_in_buffer says. */
    jpeg_writer *w = jpeg->client_data;
    w->sink.len = w->sink.capacity;
    jpeg_room(w);
    return TRUE;
}

static void jpeg_end(j_compress_ptr jpeg) {
    jpeg_writer *w = jpeg->client_data;
    w->sink.len = w->sink.capacity - w->destination.free_in_buffer;
}

/* Everything that may jump out. Nothing of this frame is used after a jump. */
static int jpeg_run(jpeg_writer *w, const grabcut_image *image, int quality) {
    if (setjmp(w->failed)) {
        return w->code;
    }
    jpeg_create_compress(&w->jpeg);
    w->destination.init_destination = jpeg_begin;
    w->destination.empty_output_buffer = jpeg_more;
    w->destination.term_destination = jpeg_end;
    w->jpeg.dest = &w->destination;
    w->jpeg.image_width = (JDIMENSION)image->width;
    w->jpeg.image_height = (JDIMENSION)image->height;
    w->jpeg.input_components = image->channels;
    w->jpeg.in_color_space = image->channels == 1 ? JCS_GRAYSCALE : JCS_EXT_BGR;
    jpeg_set_defaults(&w->jpeg);
    jpeg_set_quality(&w->jpeg, quality, TRUE);
    jpeg_start_compress(&w->jpeg, TRUE);
    while (w->jpeg.next_scanline < w->jpeg.image_height) {
        JSAMPROW row = image->data + w->jpeg.next_scanline * image->stride;
        jpeg_write_scanlines(&w->jpeg, &row, 1);
    }
    jpeg_finish_compress(&w->jpeg);
    return GRABCUT_OK;
}

int grabcut_encode_jpeg(uint8_t **out, size_t *out_len, const grabcut_image *image, int quality,
                        grabcut_errbuf *err) {
    int rc = check_arguments(out, out_len, image, err);
    if (rc) {
        return rc;
    }
    if (quality < 1 || quality > 100 || image->channels == 4) {
        return grabcut_fail(err, GRABCUT_EINVAL,
                            "JPEG takes a quality of 1 to 100 and 1 or 3 channels");
    }
    jpeg_writer *w = calloc(1, sizeof(*w));
    if (!w) {
        return grabcut_fail(err, GRABCUT_ENOMEM, "no memory for the JPEG writer");
    }
    w->jpeg.err = jpeg_std_error(&w->errors);
    w->errors.error_exit = jpeg_on_error;
    w->errors.emit_message = jpeg_on_message;
    w->jpeg.client_data = w;
    rc = jpeg_run(w, image, quality);
    if (rc) {
        free(w->sink.p);
        grabcut_fail(err, rc, "JPEG: %s", w->text);
    } else {
        sink_give(&w->sink, out, out_len);
    }
    jpeg_destroy_compress(&w->jpeg);
    free(w);
    return rc;
}
