#include "codec.h"
#include "fail.h"

#include <inttypes.h>

/* Of every decoded picture, whatever the caller allows: cv::imdecode's own limits. */
static const uint64_t MOST_PIXELS = UINT64_C(1) << 30;
enum { LONGEST_SIDE = 1 << 20 };

static int check_size(const grabcut_probe *probe, uint64_t max_pixels, grabcut_errbuf *err) {
    uint64_t pixels = (uint64_t)probe->width * (uint64_t)probe->height;
    uint64_t limit = max_pixels && max_pixels < MOST_PIXELS ? max_pixels : MOST_PIXELS;
    if (pixels > limit) {
        return grabcut_fail(err, GRABCUT_ETOOBIG,
                            "the picture is %dx%d = %" PRIu64 " pixels, the limit is %" PRIu64,
                            (int)probe->width, (int)probe->height, pixels, limit);
    }
    if (probe->width > LONGEST_SIDE || probe->height > LONGEST_SIDE) {
        return grabcut_fail(err, GRABCUT_ETOOBIG, "the picture is %dx%d, the longest side is %d",
                            (int)probe->width, (int)probe->height, (int)LONGEST_SIDE);
    }
    return GRABCUT_OK;
}

static int read_pixels(const grabcut_image *image, grabcut_format format, grabcut_range file,
                       grabcut_errbuf *err) {
    static int (*const readers[])(const grabcut_image *, grabcut_range, grabcut_errbuf *) = {
        [GRABCUT_FORMAT_JPEG] = grabcut_read_jpeg,
        [GRABCUT_FORMAT_PNG] = grabcut_read_png,
        [GRABCUT_FORMAT_WEBP] = grabcut_read_webp,
        [GRABCUT_FORMAT_BMP] = grabcut_read_bmp,
    };
    return readers[format](image, file, err);
}

int grabcut_decode(grabcut_image *out, const void *bytes, size_t len,
                   const grabcut_decode_options *opts, grabcut_errbuf *err) {
    static const grabcut_decode_options defaults = GRABCUT_DECODE_OPTIONS_INIT;
    grabcut_probe probe;
    grabcut_image image;
    grabcut_clear(err);
    if (!out) {
        return grabcut_fail(err, GRABCUT_EINVAL, "out is NULL");
    }
    *out = (grabcut_image){NULL, 0, 0, 0, 0};
    opts = opts ? opts : &defaults;
    if (opts->version != GRABCUT_DECODE_OPTIONS_VERSION) {
        return grabcut_fail(err, GRABCUT_EINVAL, "the options are of another version");
    }
    int rc = grabcut_probe_header(&probe, bytes, len, err);
    if (rc || (rc = check_size(&probe, opts->max_pixels, err))) {
        return rc;
    }
    if (grabcut_image_alloc(&image, probe.width, probe.height, 3)) {
        return grabcut_fail(err, GRABCUT_ENOMEM, "no memory for %dx%d pixels", (int)probe.width,
                            (int)probe.height);
    }
    rc = read_pixels(&image, probe.format, (grabcut_range){bytes, len}, err);
    if (!rc && !opts->ignore_orientation && grabcut_turn_upright(&image, probe.orientation)) {
        rc = grabcut_fail(err, GRABCUT_ENOMEM, "no memory to turn the picture upright");
    }
    if (rc) {
        grabcut_image_free(&image);
        return rc;
    }
    *out = image;
    return GRABCUT_OK;
}
