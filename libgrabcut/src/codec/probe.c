/* Reads the header of a file of any format. */
#include "bmp_header.h"
#include "fail.h"
#include "jpeg_header.h"
#include "png_header.h"
#include "webp_header.h"

#include <string.h>

static grabcut_format format_of(grabcut_range file) {
    static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    static const uint8_t jpeg[3] = {0xff, 0xd8, 0xff};
    if (file.len >= sizeof(jpeg) && memcmp(file.p, jpeg, sizeof(jpeg)) == 0) {
        return GRABCUT_FORMAT_JPEG;
    }
    if (file.len >= sizeof(png) && memcmp(file.p, png, sizeof(png)) == 0) {
        return GRABCUT_FORMAT_PNG;
    }
    if (file.len >= 12 && memcmp(file.p, "RIFF", 4) == 0 && memcmp(file.p + 8, "WEBP", 4) == 0) {
        return GRABCUT_FORMAT_WEBP;
    }
    if (file.len >= 2 && memcmp(file.p, "BM", 2) == 0) {
        return GRABCUT_FORMAT_BMP;
    }
    return GRABCUT_FORMAT_UNKNOWN;
}

static int probe_jpeg(grabcut_probe *out, grabcut_range file, grabcut_errbuf *err) {
    grabcut_jpeg jpeg;
    int rc = grabcut_jpeg_header(&jpeg, file, err);
    out->width = jpeg.width;
    out->height = jpeg.height;
    out->orientation = jpeg.orientation;
    return rc;
}

static int probe_webp(grabcut_probe *out, grabcut_range file, grabcut_errbuf *err) {
    grabcut_webp webp;
    int rc = grabcut_webp_header(&webp, file, err);
    out->width = webp.width;
    out->height = webp.height;
    out->orientation = webp.orientation;
    return rc;
}

static int probe_bmp(grabcut_probe *out, grabcut_range file, grabcut_errbuf *err) {
    grabcut_bmp bmp;
    int rc = grabcut_bmp_header(&bmp, file, err);
    out->width = bmp.width;
    out->height = bmp.height;
    out->orientation = 1;
    return rc;
}

const char *grabcut_format_mime(grabcut_format format) {
    switch (format) {
    case GRABCUT_FORMAT_JPEG:
        return "image/jpeg";
    case GRABCUT_FORMAT_PNG:
        return "image/png";
    case GRABCUT_FORMAT_WEBP:
        return "image/webp";
    case GRABCUT_FORMAT_BMP:
        return "image/bmp";
    case GRABCUT_FORMAT_UNKNOWN:
        break;
    }
    return NULL;
}

int grabcut_probe_header(grabcut_probe *out, const void *bytes, size_t len, grabcut_errbuf *err) {
    static int (*const readers[])(grabcut_probe *, grabcut_range, grabcut_errbuf *) = {
        [GRABCUT_FORMAT_JPEG] = probe_jpeg,
        [GRABCUT_FORMAT_PNG] = grabcut_png_header,
        [GRABCUT_FORMAT_WEBP] = probe_webp,
        [GRABCUT_FORMAT_BMP] = probe_bmp,
    };
    grabcut_probe probe = GRABCUT_PROBE_INIT;
    grabcut_clear(err);
    if (!out || out->version != GRABCUT_PROBE_VERSION) {
        return grabcut_fail(err, GRABCUT_EINVAL, "out is NULL or has an unknown version");
    }
    *out = probe;
    if (!bytes) {
        return grabcut_fail(err, GRABCUT_EINVAL, "bytes is NULL");
    }
    grabcut_range file = {bytes, len};
    probe.format = format_of(file);
    if (probe.format == GRABCUT_FORMAT_UNKNOWN) {
        return grabcut_fail(err, GRABCUT_EFORMAT, "the file is not a JPEG, PNG, WebP or BMP image");
    }
    int rc = readers[probe.format](&probe, file, err);
    if (!rc) {
        *out = probe;
    }
    return rc;
}
