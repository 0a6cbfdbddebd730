/* Decodes a file of any format: checks the limits, reads the pixels, turns them upright. */
#include "bmp_decode.h"
#include "decode_memory.h"
#include "fail.h"
#include "image.h"
#include "jpeg_decode.h"
#include "orient.h"
#include "png_decode.h"
#include "webp_decode.h"

#include <inttypes.h>

/* The limits of cv::imdecode, which always apply. */
static const uint64_t MOST_PIXELS = UINT64_C(1) << 30;
enum { LONGEST_SIDE = 1 << 20 };

static int check_size(const grabcut_probe *probe, uint64_t max_pixels, grabcut_errbuf *err) {
    uint64_t pixels = (uint64_t)probe->width * (uint64_t)probe->height;
    uint64_t limit = max_pixels && max_pixels < MOST_PIXELS ? max_pixels : MOST_PIXELS;
    if (pixels > limit) {
        return grabcut_fail(err, GRABCUT_ETOOBIG,
                            "the image is %dx%d = %" PRIu64 " pixels, the limit is %" PRIu64,
                            (int)probe->width, (int)probe->height, pixels, limit);
    }
    if (probe->width > LONGEST_SIDE || probe->height > LONGEST_SIDE) {
        return grabcut_fail(err, GRABCUT_ETOOBIG, "the image is %dx%d, the longest side is %d",
                            (int)probe->width, (int)probe->height, (int)LONGEST_SIDE);
    }
    return GRABCUT_OK;
}

/* What a decoder may take if the caller sets no limit: more than any file of the usual encoders
 * needs (a JPEG's 8 bytes a pixel; the 2,600 groups of prefix codes, 13 to 20 KiB each, that
 * libwebp's own encoder writes at most), and far less than the formats allow. */
static uint64_t default_limit(const grabcut_probe *probe) {
    return (UINT64_C(64) << 20) + 16 * (uint64_t)probe->width * (uint64_t)probe->height;
}

/* Reads the size of the image, and estimates what decoding it allocates. */
static int reckon(uint64_t *out_bytes, grabcut_probe *probe, grabcut_range file,
                  const grabcut_decode_options *opts, grabcut_errbuf *err) {
    int rc = grabcut_probe_header(probe, file.p, file.len, err);
    if (rc || (rc = check_size(probe, opts->max_pixels, err))) {
        return rc;
    }
    const uint64_t channels = opts->alpha ? 4 : 3;
    int turns = !opts->ignore_orientation && probe->orientation >= 5;
    rc = grabcut_decoder_bytes(out_bytes, probe, turns, channels, file, err);
    *out_bytes += rc ? 0 : channels * (uint64_t)probe->width * (uint64_t)probe->height;
    return rc;
}

/* Options of an earlier version lack the members that were added later. */
static int take_options(grabcut_decode_options *out, const grabcut_decode_options *given,
                        grabcut_errbuf *err) {
    static const grabcut_decode_options defaults = GRABCUT_DECODE_OPTIONS_INIT;
    given = given ? given : &defaults;
    if (given->version < 1 || given->version > GRABCUT_DECODE_OPTIONS_VERSION) {
        return grabcut_fail(err, GRABCUT_EINVAL, "the options have an unknown version");
    }
    *out = defaults;
    out->max_pixels = given->max_pixels;
    out->ignore_orientation = given->ignore_orientation;
    out->max_bytes = given->version >= 2 ? given->max_bytes : 0;
    out->cancel = given->version >= 3 ? given->cancel : NULL;
    out->cancel_ctx = given->version >= 3 ? given->cancel_ctx : NULL;
    out->alpha = given->version >= 4 ? given->alpha : 0;
    out->allow_truncated = given->version >= 4 ? given->allow_truncated : 0;
    return GRABCUT_OK;
}

int grabcut_decode_estimate(uint64_t *out_bytes, const void *bytes, size_t len,
                            const grabcut_decode_options *opts, grabcut_errbuf *err) {
    grabcut_decode_options options;
    grabcut_probe probe = GRABCUT_PROBE_INIT;
    grabcut_clear(err);
    if (!out_bytes) {
        return grabcut_fail(err, GRABCUT_EINVAL, "out_bytes is NULL");
    }
    *out_bytes = 0;
    int rc = take_options(&options, opts, err);
    return rc ? rc : reckon(out_bytes, &probe, (grabcut_range){bytes, len}, &options, err);
}

static int read_pixels(const grabcut_image *image, grabcut_format format, grabcut_range file,
                       const grabcut_decode_options *opts, grabcut_errbuf *err) {
    static int (*const readers[])(const grabcut_image *, grabcut_range,
                                  const grabcut_decode_options *, grabcut_errbuf *) = {
        [GRABCUT_FORMAT_JPEG] = grabcut_read_jpeg,
        [GRABCUT_FORMAT_PNG] = grabcut_read_png,
        [GRABCUT_FORMAT_WEBP] = grabcut_read_webp,
        [GRABCUT_FORMAT_BMP] = grabcut_read_bmp,
    };
    return readers[format](image, file, opts, err);
}

int grabcut_decode(grabcut_image *out, const void *bytes, size_t len,
                   const grabcut_decode_options *opts, grabcut_errbuf *err) {
    grabcut_decode_options options;
    grabcut_range file = {bytes, len};
    grabcut_probe probe = GRABCUT_PROBE_INIT;
    grabcut_image image;
    uint64_t need = 0;
    grabcut_clear(err);
    if (!out) {
        return grabcut_fail(err, GRABCUT_EINVAL, "out is NULL");
    }
    *out = (grabcut_image){NULL, 0, 0, 0, 0};
    int rc = take_options(&options, opts, err);
    if (rc || (rc = reckon(&need, &probe, file, &options, err))) {
        return rc;
    }
    uint64_t limit = options.max_bytes ? options.max_bytes : default_limit(&probe);
    if (need > limit) {
        return grabcut_fail(
            err, GRABCUT_ENOMEM,
            "decoding the image takes up to %" PRIu64 " bytes, the limit is %" PRIu64, need, limit);
    }
    if (grabcut_image_alloc(&image, probe.width, probe.height, options.alpha ? 4 : 3)) {
        return grabcut_fail(err, GRABCUT_ENOMEM, "out of memory for %dx%d pixels", (int)probe.width,
                            (int)probe.height);
    }
    rc = read_pixels(&image, probe.format, file, &options, err);
    if (!rc && !options.ignore_orientation && grabcut_turn_upright(&image, probe.orientation)) {
        rc = grabcut_fail(err, GRABCUT_ENOMEM, "out of memory to turn the image upright");
    }
    if (rc) {
        grabcut_image_free(&image);
        return rc;
    }
    *out = image;
    return GRABCUT_OK;
}
