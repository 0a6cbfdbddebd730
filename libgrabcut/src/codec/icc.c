/*
 * Copies the ICC profile out of a file: the iCCP chunk of a PNG, the APP2 segments of a JPEG
 * (ICC.1:2022, B.4), the ICCP chunk of a WebP. Only a profile that can describe the pixels of
 * grabcut_decode is of use: one of RGB.
 */
#include "fail.h"
#include "jpeg_header.h"
#include "png_header.h"
#include "webp_header.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { ICC_HEADER = 128, ICC_TAG = 12, ICC_LEAST = ICC_HEADER + 4, MOST_PARTS = 255 };

/* Where a profile is in its file. */
typedef struct icc_source {
    size_t len;                      /* of the whole profile, as the file declares it */
    grabcut_range parts[MOST_PARTS]; /* JPEG: by their sequence number */
    int n_parts;
    grabcut_range deflated; /* PNG: a zlib stream */
} icc_source;

/* ---- JPEG ---- */

static const char ICC_SIGNATURE[12] = "ICC_PROFILE"; /* with its zero */

/* Notes one part. Returns 0 if it contradicts the others. */
static int add_part(icc_source *out, grabcut_range segment) {
    enum { PART_HEADER = sizeof(ICC_SIGNATURE) + 2 };
    int number = segment.p[sizeof(ICC_SIGNATURE)], count = segment.p[sizeof(ICC_SIGNATURE) + 1];
    if (number < 1 || number > count || (out->n_parts != 0 && out->n_parts != count) ||
        out->parts[number - 1].p) {
        return 0;
    }
    out->n_parts = count;
    out->parts[number - 1] = (grabcut_range){segment.p + PART_HEADER, segment.len - PART_HEADER};
    out->len += segment.len - PART_HEADER;
    return 1;
}

static int find_jpeg_profile(icc_source *out, grabcut_range file) {
    size_t at = GRABCUT_JPEG_FIRST;
    grabcut_range segment;
    int marker;
    while (grabcut_jpeg_segment(&segment, &marker, file, &at) && marker != GRABCUT_JPEG_SOS) {
        if (marker == GRABCUT_JPEG_APP2 && segment.len >= sizeof(ICC_SIGNATURE) + 2 &&
            memcmp(segment.p, ICC_SIGNATURE, sizeof(ICC_SIGNATURE)) == 0 &&
            !add_part(out, segment)) {
            return 0;
        }
    }
    for (int i = 0; i < out->n_parts; i++) {
        if (!out->parts[i].p) {
            return 0;
        }
    }
    return out->n_parts > 0;
}

/* ---- PNG ---- */

/* Inflates exactly `len` bytes; `whole`: the stream ends there. */
static int inflate_exactly(uint8_t *out, size_t len, grabcut_range from, int whole) {
    z_stream z;
    memset(&z, 0, sizeof(z));
    z.next_in = (z_const Bytef *)from.p;
    z.avail_in = (uInt)from.len;
    if (inflateInit(&z) != Z_OK) {
        return 0;
    }
    z.next_out = out;
    z.avail_out = (uInt)len;
    int rc = inflate(&z, Z_SYNC_FLUSH);
    uint8_t more;
    if (rc == Z_OK && z.avail_out == 0 && whole) { /* the checksum may be all that is left */
        z.next_out = &more;
        z.avail_out = 1;
        rc = inflate(&z, Z_SYNC_FLUSH);
        rc = z.avail_out == 1 ? rc : Z_DATA_ERROR;
    }
    size_t total = z.total_out;
    inflateEnd(&z);
    return total == len && (rc == Z_STREAM_END || (!whole && rc == Z_OK));
}

/* A name of 1 to 79 characters, a zero, the method 0, and the stream (W3C PNG, 11.3.2.3). The
 * profile begins with its length. */
static int find_png_profile(icc_source *out, grabcut_range file) {
    enum { LONGEST_NAME = 79 };
    grabcut_range chunk;
    uint8_t length[4];
    if (!grabcut_png_chunk(&chunk, file, "iCCP", "IDAT")) {
        return 0;
    }
    size_t most = chunk.len < LONGEST_NAME + 1 ? chunk.len : LONGEST_NAME + 1;
    const uint8_t *zero = memchr(chunk.p, 0, most);
    size_t name = zero ? (size_t)(zero - chunk.p) : 0;
    if (name < 1 || chunk.len - name < 2 || zero[1] != 0) {
        return 0;
    }
    out->deflated = (grabcut_range){zero + 2, chunk.len - name - 2};
    if (!inflate_exactly(length, sizeof(length), out->deflated, 0)) {
        return 0;
    }
    out->len = grabcut_be32(length);
    return 1;
}

/* ---- WebP ---- */

static int find_webp_profile(icc_source *out, grabcut_range file) {
    grabcut_webp webp;
    if (grabcut_webp_header(&webp, file, NULL) || !webp.icc.p) {
        return 0;
    }
    out->parts[0] = webp.icc;
    out->n_parts = 1;
    out->len = webp.icc.len;
    return 1;
}

/* ---- any format ---- */

static int find_profile(icc_source *out, grabcut_format format, grabcut_range file) {
    memset(out, 0, sizeof(*out));
    int found = format == GRABCUT_FORMAT_JPEG   ? find_jpeg_profile(out, file)
                : format == GRABCUT_FORMAT_PNG  ? find_png_profile(out, file)
                : format == GRABCUT_FORMAT_WEBP ? find_webp_profile(out, file)
                                                : 0;
    return found && out->len >= ICC_LEAST && out->len <= GRABCUT_ICC_MOST;
}

/* Header and tag table (ICC.1:2022, 7.2 and 7.3). */
static int is_rgb_profile(const uint8_t *p, size_t len) {
    uint32_t tags = grabcut_be32(p + ICC_HEADER);
    if (grabcut_be32(p) != len || memcmp(p + 16, "RGB ", 4) != 0 ||
        memcmp(p + 36, "acsp", 4) != 0 || tags > (len - ICC_LEAST) / ICC_TAG) {
        return 0;
    }
    for (uint32_t i = 0; i < tags; i++) {
        const uint8_t *tag = p + ICC_LEAST + (size_t)i * ICC_TAG;
        uint32_t begin = grabcut_be32(tag + 4);
        if (begin > len || grabcut_be32(tag + 8) > len - begin) {
            return 0;
        }
    }
    return 1;
}

static int copy_profile(uint8_t *out, const icc_source *from) {
    if (from->deflated.p) {
        return inflate_exactly(out, from->len, from->deflated, 1);
    }
    for (int i = 0; i < from->n_parts; i++) {
        memcpy(out, from->parts[i].p, from->parts[i].len);
        out += from->parts[i].len;
    }
    return 1;
}

int grabcut_icc_profile(uint8_t **out, size_t *out_len, const void *bytes, size_t len,
                        grabcut_errbuf *err) {
    grabcut_probe probe = GRABCUT_PROBE_INIT;
    icc_source from;
    if (out) {
        *out = NULL;
    }
    if (!out_len) {
        return grabcut_fail(err, GRABCUT_EINVAL, "out_len is NULL");
    }
    *out_len = 0;
    int rc = grabcut_probe_header(&probe, bytes, len, err);
    if (rc || !find_profile(&from, probe.format, (grabcut_range){bytes, len})) {
        return rc;
    }
    if (!out) {
        *out_len = from.len;
        return GRABCUT_OK;
    }
    uint8_t *profile = malloc(from.len);
    if (!profile) {
        return grabcut_fail(err, GRABCUT_ENOMEM, "out of memory for the ICC profile");
    }
    if (!copy_profile(profile, &from) || !is_rgb_profile(profile, from.len)) {
        free(profile);
        return GRABCUT_OK;
    }
    *out = profile;
    *out_len = from.len;
    return GRABCUT_OK;
}
