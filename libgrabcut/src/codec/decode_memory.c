/*
 * Estimates from a file's header how much memory its decoder takes in addition to the image. The
 * formulas follow the allocations of libjpeg-turbo 2.1, libpng 1.6 and libwebp 1.2 and are upper
 * bounds; tests/grabcut/decode_memory_test.c counts the allocations of crafted files against them.
 */
#include "decode_memory.h"

#include "fail.h"
#include "jpeg_header.h"
#include "vp8l.h"
#include "webp_header.h"

/* Structs and tables of a fixed size, and the rounding of small blocks: largest for a progressive
 * JPEG, whose memory pools grow in steps of 16,000 bytes. */
static const uint64_t FIXED_BYTES = UINT64_C(128) << 10;

static uint64_t divide_up(uint64_t n, uint64_t by) {
    return (n + by - 1) / by;
}

static uint64_t round_up_to(uint64_t n, uint64_t to) {
    return divide_up(n, to) * to;
}

/* ---- JPEG ---- */

/* Coefficients are kept if they come in more than one scan: 64 of 2 bytes a block, and blocks are
 * padded to whole MCUs even where the component has a scan of its own (jdcoefct.c). There is also a
 * pointer for each row of blocks. */
static uint64_t coefficient_bytes(uint64_t across, uint64_t down, uint64_t h, uint64_t v) {
    uint64_t rows = round_up_to(down, v);
    return round_up_to(across, h) * rows * 128 + rows * sizeof(void *);
}

/* Rows of samples before and after upsampling (jdmainct.c, jdsample.c): up to 10 rows of blocks for
 * the first, of which one sample row in `v` belongs together; widths are rounded up for vector
 * instructions. */
static uint64_t sample_bytes(uint64_t across, uint64_t width, uint64_t v, uint64_t tallest) {
    uint64_t row = round_up_to(across * 8, 64) + sizeof(void *),
             upsampled = round_up_to(width, 64) + 64;
    return (v * 12) * (row + 64) + tallest * (upsampled + 64);
}

static int jpeg_bytes(uint64_t *out, const grabcut_probe *probe, uint64_t channels,
                      grabcut_range file, grabcut_errbuf *err) {
    grabcut_jpeg jpeg;
    uint64_t widest = 1, tallest = 1;
    (void)channels;
    (void)probe;
    int rc = grabcut_jpeg_header(&jpeg, file, err);
    if (rc) {
        return rc;
    }
    int kept = jpeg.progressive || jpeg.in_first_scan < jpeg.components;
    for (int i = 0; i < jpeg.components; i++) {
        uint64_t h = jpeg.sampling[i].across, v = jpeg.sampling[i].down;
        if (h < 1 || h > 4 || v < 1 || v > 4) {
            return grabcut_fail(err, GRABCUT_EDECODE,
                                "JPEG: the sampling factors are out of range");
        }
        widest = h > widest ? h : widest;
        tallest = v > tallest ? v : tallest;
    }
    for (int i = 0; i < jpeg.components; i++) {
        uint64_t h = jpeg.sampling[i].across, v = jpeg.sampling[i].down;
        uint64_t across = divide_up((uint64_t)jpeg.width * h, widest * 8);
        uint64_t down = divide_up((uint64_t)jpeg.height * v, tallest * 8);
        *out += kept ? coefficient_bytes(across, down, h, v) : 0;
        *out += sample_bytes(across, (uint64_t)jpeg.width + widest, v, tallest);
    }
    *out += (uint64_t)jpeg.width * 4; /* a row of CMYK */
    return GRABCUT_OK;
}

/* ---- PNG ---- */

/* The row and the one before it, of up to 8 bytes a pixel; zlib's window is part of the fixed
 * bytes. Ancillary chunks are skipped. */
static int png_bytes(uint64_t *out, const grabcut_probe *probe, uint64_t channels,
                     grabcut_range file, grabcut_errbuf *err) {
    (void)channels;
    (void)file;
    (void)err;
    *out += 2 * 8 * round_up_to((uint64_t)probe->width, 8);
    return GRABCUT_OK;
}

/* ---- WebP ---- */

/* A group of prefix codes takes the tables of its five codes, which grow with the colour cache, at
 * 4 bytes an entry, and a struct of 64 shortcuts (VP8LHuffmanTables, HTreeGroup). The entries are
 * those of zlib's enough.c for 8 bits at the root and lengths of 15: 630 for each of three
 * alphabets of 256 symbols, 410 for the distances, 654 and a little more than the cache's size for
 * the green ones.
 */
static uint64_t group_bytes(uint32_t cache_bits) {
    uint64_t entries = 3 * 630 + 410 + 654 + (cache_bits ? (UINT64_C(1) << cache_bits) + 2 : 0);
    return entries * 4 + 640;
}

/* Pixels and sixteen rows of them once more, at 4 bytes; images of transforms; codes; two caches.
 */
static uint64_t lossless_bytes(const grabcut_vp8l *vp8l) {
    uint64_t width = (uint64_t)vp8l->width, pixels = width * (uint64_t)vp8l->height;
    return (pixels + 17 * width + vp8l->subimage_pixels) * 4 +
           vp8l->groups * group_bytes(vp8l->cache_bits) + (UINT64_C(8) << vp8l->cache_bits);
}

/* A row of macroblocks: their coefficients, samples, modes, and the rows that the filter and
 * upsampling hold back. The partition of coefficients is read where it is. */
static uint64_t lossy_bytes(uint64_t width) {
    return divide_up(width, 16) * 2048 + 12 * width;
}

/* The plane itself, and the decoder of a compressed one, which is a lossless WebP without its
 * header (RFC 9649, 2.7.1.2). */
static int alpha_bytes(uint64_t *out, const grabcut_webp *webp, grabcut_errbuf *err) {
    enum { METHOD = 3, LOSSLESS = 1 };
    grabcut_vp8l vp8l;
    *out += (uint64_t)webp->frame.width * (uint64_t)webp->frame.height;
    if (webp->alpha.len < 1 || (webp->alpha.p[0] & METHOD) != LOSSLESS) {
        return GRABCUT_OK;
    }
    grabcut_range data = {webp->alpha.p + 1, webp->alpha.len - 1};
    if (!grabcut_vp8l_read_alpha(&vp8l, data, webp->frame.width, webp->frame.height)) {
        return grabcut_fail(err, GRABCUT_EDECODE, "WebP: the alpha is damaged or truncated");
    }
    *out += lossless_bytes(&vp8l);
    return GRABCUT_OK;
}

/* Else the decoder refuses it. */
static int frame_is_within(const grabcut_webp *webp) {
    return (int64_t)webp->frame.x + webp->frame.width <= webp->width &&
           (int64_t)webp->frame.y + webp->frame.height <= webp->height;
}

static int webp_bytes(uint64_t *out, const grabcut_probe *probe, uint64_t channels,
                      grabcut_range file, grabcut_errbuf *err) {
    enum { CHUNK_HEADER = 8 };
    grabcut_webp webp;
    grabcut_vp8l vp8l;
    int rc = grabcut_webp_header(&webp, file, err);
    if (rc || !webp.bitstream.p || webp.cut_off || !frame_is_within(&webp)) {
        return rc; /* the decoder refuses such files with its own message */
    }
    if (webp.bitstream.p[3] != 'L') {
        *out += lossy_bytes((uint64_t)probe->width);
        return channels == 4 && webp.alpha.p ? alpha_bytes(out, &webp, err) : GRABCUT_OK;
    }
    grabcut_range data = {webp.bitstream.p + CHUNK_HEADER, webp.bitstream.len - CHUNK_HEADER};
    if (!grabcut_vp8l_read(&vp8l, data)) {
        return grabcut_fail(err, GRABCUT_EDECODE, "WebP: the file is damaged or truncated");
    }
    if (vp8l.width == webp.frame.width && vp8l.height == webp.frame.height) { /* else refused */
        *out += lossless_bytes(&vp8l);
    }
    return GRABCUT_OK;
}

/* ---- BMP ---- */

static int bmp_bytes(uint64_t *out, const grabcut_probe *probe, uint64_t channels,
                     grabcut_range file, grabcut_errbuf *err) {
    (void)channels;
    (void)out;
    (void)probe;
    (void)file;
    (void)err;
    return GRABCUT_OK;
}

int grabcut_decoder_bytes(uint64_t *out, const grabcut_probe *probe, int turns, uint64_t channels,
                          grabcut_range file, grabcut_errbuf *err) {
    static int (*const of_format[])(uint64_t *, const grabcut_probe *, uint64_t, grabcut_range,
                                    grabcut_errbuf *) = {
        [GRABCUT_FORMAT_JPEG] = jpeg_bytes,
        [GRABCUT_FORMAT_PNG] = png_bytes,
        [GRABCUT_FORMAT_WEBP] = webp_bytes,
        [GRABCUT_FORMAT_BMP] = bmp_bytes,
    };
    *out = FIXED_BYTES;
    int rc = of_format[probe->format](out, probe, channels, file, err);
    if (rc) {
        *out = 0;
        return rc;
    }
    /* The decoder has freed its memory before the image is turned into a second one. */
    uint64_t second = (uint64_t)probe->width * (uint64_t)probe->height * channels;
    *out = turns && second > *out ? second : *out;
    return GRABCUT_OK;
}
