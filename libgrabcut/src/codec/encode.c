/* Encodes an image as a file of any format. */
#include "fail.h"
#include "image.h"
#include "jpeg_encode.h"
#include "png_encode.h"
#include "webp_encode.h"

static int check_encode(uint8_t **out, size_t *out_len, const grabcut_image *image,
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
        return grabcut_fail(err, GRABCUT_EINVAL, "the image has no pixels to encode");
    }
    return GRABCUT_OK;
}

static int write_format(uint8_t **out, size_t *out_len, const grabcut_image *image,
                        const grabcut_encode_options *o, grabcut_errbuf *err) {
    grabcut_range icc = {o->icc, o->icc ? o->icc_len : 0};
    switch (o->format) {
    case GRABCUT_FORMAT_PNG:
        return grabcut_write_png(out, out_len, image, o->level, icc, err);
    case GRABCUT_FORMAT_JPEG:
        return grabcut_write_jpeg(out, out_len, image, o->quality, icc, err);
    case GRABCUT_FORMAT_WEBP:
        return grabcut_write_webp(out, out_len, image, o->quality, icc, err);
    default:
        return grabcut_fail(err, GRABCUT_EINVAL, "the format must be PNG, JPEG or WebP");
    }
}

int grabcut_encode(uint8_t **out, size_t *out_len, const grabcut_image *image,
                   const grabcut_encode_options *opts, grabcut_errbuf *err) {
    int rc = check_encode(out, out_len, image, err);
    if (rc) {
        return rc;
    }
    if (!opts || opts->version != GRABCUT_ENCODE_OPTIONS_VERSION) {
        return grabcut_fail(err, GRABCUT_EINVAL, "opts is NULL or has an unknown version");
    }
    return write_format(out, out_len, image, opts, err);
}

int grabcut_encode_png(uint8_t **out, size_t *out_len, const grabcut_image *image, int level,
                       grabcut_errbuf *err) {
    grabcut_encode_options options = GRABCUT_ENCODE_OPTIONS_INIT;
    options.level = level;
    return grabcut_encode(out, out_len, image, &options, err);
}

int grabcut_encode_jpeg(uint8_t **out, size_t *out_len, const grabcut_image *image, int quality,
                        grabcut_errbuf *err) {
    grabcut_encode_options options = GRABCUT_ENCODE_OPTIONS_INIT;
    options.format = GRABCUT_FORMAT_JPEG;
    options.quality = quality;
    return grabcut_encode(out, out_len, image, &options, err);
}
