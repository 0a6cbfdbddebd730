/* Decodes JPEG with libjpeg-turbo and the settings of cv::imdecode: the accurate integer DCT,
 * smooth upsampling, and CMYK as Adobe's programs store it, inverted. */
#include "jpeg_decode.h"

#include "fail.h"
#include "jpeg_header.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

/* In this order: each uses what the one before declares. */
#include <jpeglib.h>

#include <jerror.h>

/* A progressive file may carry a full pass over the image in each of its few bytes; ordinary ones
 * have about ten. */
enum { MOST_SCANS = 100 };

typedef struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf failed;
    int code;
    int cut_off; /* the file ended before its image */
    char text[JMSG_LENGTH_MAX];
    uint8_t *cmyk; /* one row */
    const grabcut_decode_options *opts;
} reader;

static reader *jpeg_reader_of(j_common_ptr jpeg) {
    return (reader *)jpeg->client_data;
}

_Noreturn static void stop_jpeg_reader(reader *r, int code, const char *text) {
    r->code = code;
    snprintf(r->text, sizeof(r->text), "%s", text);
    longjmp(r->failed, 1);
}

static void on_jpeg_error(j_common_ptr jpeg) {
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    stop_jpeg_reader(jpeg_reader_of(jpeg),
                     jpeg->err->msg_code == JERR_OUT_OF_MEMORY ? GRABCUT_ENOMEM : GRABCUT_EDECODE,
                     text);
}

static void stop_if_cancelled(reader *r) {
    if (grabcut_is_cancelled(r->opts)) {
        stop_jpeg_reader(r, GRABCUT_ECANCELED, "decoding was cancelled");
    }
}

/* Whether pixels are lost because the file ends, and may be: libjpeg makes them of coefficients of
 * zero. */
static int may_be_cut_off(reader *r) {
    r->cut_off |= r->jpeg.unread_marker == JPEG_EOI;
    return r->opts->allow_truncated && r->cut_off;
}

/* Warnings that mean lost pixels are errors here; the rest are about things that no pixel depends
 * on. */
static void on_jpeg_message(j_common_ptr jpeg, int level) {
    if (level >= 0) {
        return;
    }
    switch (jpeg->err->msg_code) {
    case JWRN_ARITH_BAD_CODE:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_JPEG_EOF:
    case JWRN_MUST_RESYNC:
        if (!may_be_cut_off(jpeg_reader_of(jpeg))) {
            on_jpeg_error(jpeg);
        }
        break;
    default:
        break;
    }
}

static void on_jpeg_progress(j_common_ptr jpeg) {
    if (((j_decompress_ptr)jpeg)->input_scan_number > MOST_SCANS) {
        stop_jpeg_reader(jpeg_reader_of(jpeg), GRABCUT_EDECODE, "too many scans");
    }
    stop_if_cancelled(jpeg_reader_of(jpeg));
}

static void source_nothing(j_decompress_ptr jpeg) {
    (void)jpeg;
}

/* The whole file is in memory: if more is requested, it is truncated, and ends here. */
static boolean source_fill(j_decompress_ptr jpeg) {
    static const JOCTET end[2] = {0xff, JPEG_EOI};
    reader *r = jpeg_reader_of((j_common_ptr)jpeg);
    if (!r->opts->allow_truncated) {
        stop_jpeg_reader(r, GRABCUT_EDECODE, "the file is truncated");
    }
    r->cut_off = 1;
    jpeg->src->next_input_byte = end;
    jpeg->src->bytes_in_buffer = sizeof(end);
    return TRUE;
}

static void source_skip(j_decompress_ptr jpeg, long n) {
    if (n <= 0) {
        return;
    }
    if ((size_t)n > jpeg->src->bytes_in_buffer) {
        source_fill(jpeg);
        return;
    }
    jpeg->src->next_input_byte += n;
    jpeg->src->bytes_in_buffer -= (size_t)n;
}

/* The file up to its end, or up to the beginning of a segment that it ends in. */
static grabcut_range whole_segments(grabcut_range file) {
    size_t at = GRABCUT_JPEG_FIRST;
    grabcut_range segment;
    int marker;
    while (grabcut_jpeg_segment(&segment, &marker, file, &at)) {
    }
    if (marker >= 0 && marker != JPEG_EOI) {
        file.len = at - 2; /* the marker's */
    }
    return file;
}

static void set_up_jpeg_reader(reader *r) {
    r->jpeg.err = jpeg_std_error(&r->errors);
    r->errors.error_exit = on_jpeg_error;
    r->errors.emit_message = on_jpeg_message;
    r->jpeg.client_data = r;
}

static void set_jpeg_source(reader *r, grabcut_range file) {
    r->source = (struct jpeg_source_mgr){
        .next_input_byte = file.p,
        .bytes_in_buffer = file.len,
        .init_source = source_nothing,
        .fill_input_buffer = source_fill,
        .skip_input_data = source_skip,
        .resync_to_restart = jpeg_resync_to_restart,
        .term_source = source_nothing,
    };
    r->progress.progress_monitor = on_jpeg_progress;
    r->jpeg.src = &r->source;
    r->jpeg.progress = &r->progress;
}

/* As cv::imdecode: the inks are stored inverted, black scales the other three. */
static void cmyk_to_bgr(uint8_t *out, const uint8_t *in, size_t n, int channels) {
    for (size_t i = 0; i < n; i++, in += 4, out += channels) {
        int k = in[3];
        out[2] = (uint8_t)(k - ((255 - in[0]) * k >> 8));
        out[1] = (uint8_t)(k - ((255 - in[1]) * k >> 8));
        out[0] = (uint8_t)(k - ((255 - in[2]) * k >> 8));
        if (channels == 4) {
            out[3] = 255;
        }
    }
}

static void read_jpeg_rows(reader *r, const grabcut_image *out) {
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *row = out->data + jpeg->output_scanline * out->stride;
        JSAMPROW into = r->cmyk ? r->cmyk : row;
        jpeg_read_scanlines(jpeg, &into, 1);
        if (r->cmyk) {
            cmyk_to_bgr(row, r->cmyk, (size_t)out->width, out->channels);
        }
    }
}

/* Everything that may jump out. Nothing of this frame is used after a jump. */
static int run_jpeg_reader(reader *r, const grabcut_image *out, grabcut_range file) {
    if (setjmp(r->failed)) {
        return r->code;
    }
    jpeg_create_decompress(&r->jpeg);
    set_jpeg_source(r, file);
    jpeg_read_header(&r->jpeg, TRUE);
    if (r->jpeg.image_width != (JDIMENSION)out->width ||
        r->jpeg.image_height != (JDIMENSION)out->height) {
        stop_jpeg_reader(r, GRABCUT_EDECODE, "its headers contradict each other");
    }
    r->jpeg.out_color_space = r->jpeg.num_components == 4 ? JCS_CMYK
                              : out->channels == 4        ? JCS_EXT_BGRA
                                                          : JCS_EXT_BGR;
    jpeg_start_decompress(&r->jpeg);
    if (r->jpeg.num_components == 4) {
        r->cmyk =
            r->jpeg.mem->alloc_small((j_common_ptr)&r->jpeg, JPOOL_IMAGE, (size_t)out->width * 4);
    }
    read_jpeg_rows(r, out);
    jpeg_finish_decompress(&r->jpeg);
    return GRABCUT_OK;
}

int grabcut_read_jpeg(const grabcut_image *out, grabcut_range file,
                      const grabcut_decode_options *opts, grabcut_errbuf *err) {
    reader *r = calloc(1, sizeof(*r));
    if (!r) {
        return grabcut_fail(err, GRABCUT_ENOMEM, "out of memory for the JPEG decoder");
    }
    set_up_jpeg_reader(r);
    r->opts = opts;
    int rc = run_jpeg_reader(r, out, opts->allow_truncated ? whole_segments(file) : file);
    if (rc) {
        grabcut_fail(err, rc, "JPEG: %s", r->text);
    }
    jpeg_destroy_decompress(&r->jpeg);
    free(r);
    return rc;
}
