/* JPEG: the marker segments before the first scan (ITU-T T.81, Annex B). */
#include "jpeg_header.h"

#include "exif.h"
#include "fail.h"

#include <string.h>

enum {
    M_SOF0 = 0xc0,
    M_SOF2 = 0xc2,
    M_SOF3 = 0xc3,
    M_DHT = 0xc4,
    M_JPG = 0xc8,
    M_SOF9 = 0xc9,
    M_SOF10 = 0xca,
    M_DAC = 0xcc,
    M_SOF15 = 0xcf,
    M_RST0 = 0xd0,
    M_SOI = 0xd8,
    M_EOI = 0xd9,
    M_TEM = 0x01,
    M_APP1 = 0xe1
};

static int is_jpeg_frame(int marker) {
    return marker >= M_SOF0 && marker <= M_SOF15 && marker != M_DHT && marker != M_JPG &&
           marker != M_DAC;
}

static int is_bare_marker(int marker) {
    return marker == M_TEM || (marker >= M_RST0 && marker <= M_SOI);
}

static int jpeg_header_cut_off(grabcut_errbuf *err) {
    return grabcut_fail(err, GRABCUT_EDECODE, "the JPEG header is truncated");
}

/* The next marker at or after *at, -1 at the end. Fill bytes and stray bytes are skipped, as
 * libjpeg does. */
static int next_marker(grabcut_range file, size_t *at) {
    while (*at < file.len) {
        const uint8_t *ff = memchr(file.p + *at, 0xff, file.len - *at);
        if (!ff) {
            break;
        }
        *at = (size_t)(ff - file.p);
        while (*at < file.len && file.p[*at] == 0xff) {
            ++*at;
        }
        if (*at < file.len && file.p[*at] != 0) {
            return file.p[(*at)++];
        }
    }
    *at = file.len;
    return -1;
}

/* Sampling factors, of one component in three bytes each. */
static void read_jpeg_components(grabcut_jpeg *out, grabcut_range segment) {
    size_t n = segment.p[5];
    if (n > GRABCUT_JPEG_COMPONENTS || segment.len < 6 + 3 * n) {
        return;
    }
    out->components = (int)n;
    for (size_t i = 0; i < n; i++) {
        out->sampling[i].across = segment.p[6 + 3 * i + 1] >> 4;
        out->sampling[i].down = segment.p[6 + 3 * i + 1] & 15;
    }
}

/* libjpeg-turbo decodes baseline, extended and progressive frames of 8 bits, with Huffman (SOF0 to
 * SOF2) or arithmetic coding (SOF9, SOF10). */
static int check_jpeg_process(int marker, unsigned precision, grabcut_errbuf *err) {
    if (marker >= M_SOF3 && marker != M_SOF9 && marker != M_SOF10) {
        return grabcut_fail(err, GRABCUT_EUNSUPPORTED,
                            "the JPEG is lossless or hierarchical, which is not supported");
    }
    if (precision == 12) {
        return grabcut_fail(err, GRABCUT_EUNSUPPORTED,
                            "the JPEG has 12 bits a sample, which is not supported");
    }
    return GRABCUT_OK;
}

/* Frame header: precision, height, width, components. */
static int read_jpeg_frame(grabcut_jpeg *out, int marker, grabcut_range segment,
                           grabcut_errbuf *err) {
    if (out->width != 0) {
        return grabcut_fail(err, GRABCUT_EDECODE, "the JPEG has two frame headers");
    }
    if (segment.len < 6) {
        return grabcut_fail(err, GRABCUT_EDECODE, "the JPEG's frame header is too short");
    }
    int rc = check_jpeg_process(marker, segment.p[0], err);
    if (rc) {
        return rc;
    }
    out->height = (int32_t)grabcut_be16(segment.p + 1);
    out->width = (int32_t)grabcut_be16(segment.p + 3);
    if (out->width == 0 || out->height == 0) {
        return grabcut_fail(err, GRABCUT_EDECODE, "the JPEG's frame header has no size");
    }
    out->progressive = marker == M_SOF2 || marker == M_SOF10;
    read_jpeg_components(out, segment);
    return GRABCUT_OK;
}

int grabcut_jpeg_segment(grabcut_range *out, int *marker, grabcut_range file, size_t *at) {
    do {
        *marker = next_marker(file, at);
    } while (is_bare_marker(*marker));
    if (*marker < 0 || *marker == M_EOI || file.len - *at < 2) {
        return 0;
    }
    size_t length = grabcut_be16(file.p + *at);
    /* A length counts its own two bytes. libjpeg takes a shorter one for an empty segment, and
     * refuses those of the frame, the tables and the scan itself. */
    length = length < 2 ? 2 : length;
    if (length > file.len - *at) {
        return 0;
    }
    *out = (grabcut_range){file.p + *at + 2, length - 2};
    *at += length;
    return 1;
}

int grabcut_jpeg_header(grabcut_jpeg *out, grabcut_range file, grabcut_errbuf *err) {
    size_t at = GRABCUT_JPEG_FIRST;
    grabcut_range segment;
    int marker;
    memset(out, 0, sizeof(*out));
    do {
        if (!grabcut_jpeg_segment(&segment, &marker, file, &at)) {
            return jpeg_header_cut_off(err);
        }
        int rc = is_jpeg_frame(marker) ? read_jpeg_frame(out, marker, segment, err) : GRABCUT_OK;
        if (rc) {
            return rc;
        }
        /* XMP uses APP1, too; the first EXIF segment counts. */
        if (marker == M_APP1 && out->orientation == 0 && segment.len > 6 &&
            memcmp(segment.p, "Exif\0\0", 6) == 0) {
            out->orientation = grabcut_exif_orientation(segment.p, segment.len);
        }
    } while (marker != GRABCUT_JPEG_SOS);
    out->in_first_scan = segment.len > 0 ? segment.p[0] : 0;
    if (out->width == 0) {
        return grabcut_fail(err, GRABCUT_EDECODE, "the JPEG has no frame header");
    }
    out->orientation = out->orientation ? out->orientation : 1;
    return GRABCUT_OK;
}
