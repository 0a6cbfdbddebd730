/* Encodes baseline JPEG with libjpeg-turbo. */
#include "jpeg_encode.h"

#include "fail.h"
#include "sink.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

/* In this order: each uses what the one before declares. */
#include <jpeglib.h>

#include <jerror.h>

typedef struct jpeg_writer {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr destination;
    grabcut_sink sink;
    jmp_buf failed;
    int code;
    char text[JMSG_LENGTH_MAX];
} jpeg_writer;

/* 255 segments of at most 65,519 bytes of the profile (ICC.1:2022, B.4). */
enum { JPEG_STEP = 65536, MOST_ICC = 255 * 65519 };

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
    if (!grabcut_sink_reserve(&w->sink, JPEG_STEP)) {
        snprintf(w->text, sizeof(w->text), "out of memory");
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
    /* libjpeg calls this when its buffer is full, and ignores free_in_buffer. */
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
static int jpeg_run(jpeg_writer *w, const grabcut_image *image, int quality, grabcut_range icc) {
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
    if (icc.len > 0) {
        jpeg_write_icc_profile(&w->jpeg, icc.p, (unsigned int)icc.len);
    }
    while (w->jpeg.next_scanline < w->jpeg.image_height) {
        JSAMPROW row = image->data + w->jpeg.next_scanline * image->stride;
        jpeg_write_scanlines(&w->jpeg, &row, 1);
    }
    jpeg_finish_compress(&w->jpeg);
    return GRABCUT_OK;
}

int grabcut_write_jpeg(uint8_t **out, size_t *out_len, const grabcut_image *image, int quality,
                       grabcut_range icc, grabcut_errbuf *err) {
    if (quality < 1 || quality > 100 || image->channels == 4) {
        return grabcut_fail(err, GRABCUT_EINVAL,
                            "JPEG takes a quality of 1 to 100 and 1 or 3 channels");
    }
    if (icc.len > MOST_ICC) {
        return grabcut_fail(err, GRABCUT_EINVAL, "the ICC profile is too long for a JPEG");
    }
    jpeg_writer *w = calloc(1, sizeof(*w));
    if (!w) {
        return grabcut_fail(err, GRABCUT_ENOMEM, "out of memory for the JPEG encoder");
    }
    w->jpeg.err = jpeg_std_error(&w->errors);
    w->errors.error_exit = jpeg_on_error;
    w->errors.emit_message = jpeg_on_message;
    w->jpeg.client_data = w;
    int rc = jpeg_run(w, image, quality, icc);
    if (rc) {
        free(w->sink.p);
        grabcut_fail(err, rc, "JPEG: %s", w->text);
    } else {
        grabcut_sink_give(&w->sink, out, out_len);
    }
    jpeg_destroy_compress(&w->jpeg);
    free(w);
    return rc;
}
