/* WebP: a RIFF container around VP8, VP8L or, extended, any of them (RFC 9649, sections 2 and 3).
 */
#include "webp_header.h"

#include "exif.h"
#include "fail.h"

#include <string.h>

enum { RIFF_BYTES = 12, CHUNK_BYTES = 8, VP8X_BYTES = 10, ANMF_BYTES = 16, FLAG_ANIMATION = 0x02 };

typedef struct chunk {
    const uint8_t *type;
    grabcut_range data;
} chunk;

static int next_chunk(chunk *out, grabcut_range file, size_t *at) {
    if (file.len - *at < CHUNK_BYTES) {
        return 0;
    }
    size_t length = grabcut_le32(file.p + *at + 4);
    if (length > file.len - *at - CHUNK_BYTES) {
        return 0;
    }
    out->type = file.p + *at;
    out->data = (grabcut_range){file.p + *at + CHUNK_BYTES, length};
    /* Chunks are padded to an even length. */
    size_t step = CHUNK_BYTES + length + (length & 1);
    *at = step > file.len - *at ? file.len : *at + step;
    return 1;
}

static int is_chunk(const uint8_t *type, const char *name) {
    return memcmp(type, name, 4) == 0;
}

/* RFC 6386, 9.1: frame tag, start code, 14 bits of width and height. */
static int read_vp8(grabcut_webp *out, const uint8_t *p, size_t len, grabcut_errbuf *err) {
    if (len < 10) {
        return grabcut_fail(err, GRABCUT_EDECODE, "the WebP header is truncated");
    }
    if ((p[0] & 1) != 0 || p[3] != 0x9d || p[4] != 0x01 || p[5] != 0x2a) {
        return grabcut_fail(err, GRABCUT_EDECODE, "the WebP's frame is not a key frame");
    }
    out->width = (int32_t)(grabcut_le16(p + 6) & 0x3fff);
    out->height = (int32_t)(grabcut_le16(p + 8) & 0x3fff);
    if (out->width == 0 || out->height == 0) {
        return grabcut_fail(err, GRABCUT_EDECODE, "the WebP header has no size");
    }
    return GRABCUT_OK;
}

/* RFC 9649, 3.4: signature, 14 bits each of width - 1 and height - 1. */
static int read_vp8l(grabcut_webp *out, const uint8_t *p, size_t len, grabcut_errbuf *err) {
    if (len < 5) {
        return grabcut_fail(err, GRABCUT_EDECODE, "the WebP header is truncated");
    }
    if (p[0] != 0x2f) {
        return grabcut_fail(err, GRABCUT_EDECODE, "the WebP's lossless header is damaged");
    }
    uint32_t bits = grabcut_le32(p + 1);
    out->width = (int32_t)(bits & 0x3fff) + 1;
    out->height = (int32_t)(bits >> 14 & 0x3fff) + 1;
    return GRABCUT_OK;
}

static grabcut_range whole_chunk(const chunk *c) {
    return (grabcut_range){c->type, CHUNK_BYTES + c->data.len};
}

/* An image is a VP8L chunk, or a VP8 chunk that an ALPH chunk may precede. The first one counts. */
static void note_image(grabcut_webp *out, const chunk *c) {
    if (out->bitstream.p) {
        return;
    }
    if (is_chunk(c->type, "ALPH") && !out->alpha.p) {
        out->alpha = c->data;
    }
    if (is_chunk(c->type, "VP8L")) {
        out->alpha = (grabcut_range){NULL, 0};
    }
    if (is_chunk(c->type, "VP8 ") || is_chunk(c->type, "VP8L")) {
        out->bitstream = whole_chunk(c);
    }
}

/* RFC 9649, 2.7.1.1: where on the canvas the frame goes, then its own chunks. */
static void read_webp_frame(grabcut_webp *out, grabcut_range data) {
    if (data.len < ANMF_BYTES) {
        return;
    }
    out->frame = (grabcut_rect){
        (int32_t)grabcut_le24(data.p) * 2, (int32_t)grabcut_le24(data.p + 3) * 2,
        (int32_t)grabcut_le24(data.p + 6) + 1, (int32_t)grabcut_le24(data.p + 9) + 1};
    chunk c;
    for (size_t at = ANMF_BYTES; !out->bitstream.p && next_chunk(&c, data, &at);) {
        note_image(out, &c);
    }
}

/* Everything behind the canvas: the profile, the first image, and EXIF at any place. */
static void read_webp_rest(grabcut_webp *out, grabcut_range file, size_t at, int animated) {
    int has_exif = 0, has_frame = 0;
    chunk c;
    while (next_chunk(&c, file, &at)) {
        if (!animated) {
            note_image(out, &c);
        }
        if (animated && !has_frame && is_chunk(c.type, "ANMF")) {
            read_webp_frame(out, c.data);
            has_frame = 1;
        }
        if (!out->icc.p && !out->bitstream.p && is_chunk(c.type, "ICCP")) {
            out->icc = c.data;
        }
        if (!has_exif && is_chunk(c.type, "EXIF")) {
            out->orientation = grabcut_exif_orientation(c.data.p, c.data.len);
            has_exif = 1;
        }
    }
}

static int read_vp8x(grabcut_webp *out, grabcut_range file, size_t at, grabcut_errbuf *err) {
    chunk c;
    if (!next_chunk(&c, file, &at) || c.data.len < VP8X_BYTES) {
        return grabcut_fail(err, GRABCUT_EDECODE, "the WebP header is truncated");
    }
    out->width = (int32_t)grabcut_le24(c.data.p + 4) + 1;
    out->height = (int32_t)grabcut_le24(c.data.p + 7) + 1;
    if ((uint64_t)out->width * (uint64_t)out->height > UINT32_MAX) {
        return grabcut_fail(err, GRABCUT_EDECODE, "the WebP's canvas is larger than WebP allows");
    }
    out->frame = (grabcut_rect){0, 0, out->width, out->height};
    read_webp_rest(out, file, at, (c.data.p[0] & FLAG_ANIMATION) != 0);
    return GRABCUT_OK;
}

/* The simple layout: one chunk, which is the image. */
static int read_simple_webp(grabcut_webp *out, grabcut_range file, grabcut_errbuf *err) {
    const uint8_t *type = file.p + RIFF_BYTES, *data = type + CHUNK_BYTES;
    size_t room = file.len - RIFF_BYTES - CHUNK_BYTES, at = RIFF_BYTES;
    int rc =
        is_chunk(type, "VP8L") ? read_vp8l(out, data, room, err) : read_vp8(out, data, room, err);
    chunk c;
    out->frame = (grabcut_rect){0, 0, out->width, out->height};
    if (next_chunk(&c, file, &at)) {
        out->bitstream = whole_chunk(&c);
    }
    return rc;
}

int grabcut_webp_header(grabcut_webp *out, grabcut_range file, grabcut_errbuf *err) {
    memset(out, 0, sizeof(*out));
    out->orientation = 1;
    if (file.len < RIFF_BYTES + CHUNK_BYTES) {
        return grabcut_fail(err, GRABCUT_EDECODE, "the WebP header is truncated");
    }
    /* Bytes behind the RIFF chunk do not belong to the WebP. */
    size_t end = (size_t)grabcut_le32(file.p + 4) + 8;
    out->cut_off = file.len < end;
    if (file.len > end) {
        file.len = end;
    }
    if (file.len < RIFF_BYTES + CHUNK_BYTES) {
        return grabcut_fail(err, GRABCUT_EDECODE, "the WebP's length is damaged");
    }
    const uint8_t *first = file.p + RIFF_BYTES;
    if (is_chunk(first, "VP8 ") || is_chunk(first, "VP8L")) {
        return read_simple_webp(out, file, err);
    }
    if (is_chunk(first, "VP8X")) {
        return read_vp8x(out, file, RIFF_BYTES, err);
    }
    return grabcut_fail(err, GRABCUT_EDECODE, "the WebP begins with an unknown chunk");
}
