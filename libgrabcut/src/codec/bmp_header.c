/* BMP: BITMAPFILEHEADER with BITMAPCOREHEADER, BITMAPINFOHEADER or one of its successors ([MS-WMF]
 * 2.2.2; the file header and the OS/2 variant are documented by Win32's wingdi). */
#include "bmp_header.h"

#include "fail.h"

#include <string.h>

enum {
    FILE_HEADER = 14,
    CORE_HEADER = 12,
    INFO_HEADER = 40,
    BITFIELDS = FILE_HEADER + INFO_HEADER,
    V3_HEADER = 56 /* the first one with a mask for alpha */
};

static int bmp_header_cut_off(grabcut_errbuf *err) {
    return grabcut_fail(err, GRABCUT_EDECODE, "the BMP header is truncated");
}

static int bmp_unsupported(const grabcut_bmp *bmp, grabcut_errbuf *err) {
    return grabcut_fail(err, GRABCUT_EDECODE,
                        "BMP: %d bits a pixel with compression %d are not supported",
                        (int)bmp->bits, (int)bmp->packing);
}

static int read_bmp_core(grabcut_bmp *out, const uint8_t *dib) {
    out->width = (int32_t)grabcut_le16(dib + 4);
    out->height = (int32_t)grabcut_le16(dib + 6);
    out->bits = (int32_t)grabcut_le16(dib + 10);
    out->bottom_up = 1;
    out->palette_entry_bytes = 3;
    return GRABCUT_OK;
}

static int read_bmp_info(grabcut_bmp *out, const uint8_t *dib, grabcut_errbuf *err) {
    int32_t height = (int32_t)grabcut_le32(dib + 8);
    uint32_t packing = grabcut_le32(dib + 16), colours = grabcut_le32(dib + 32);
    if (height == INT32_MIN ||
        (packing > GRABCUT_BMP_BITFIELDS && packing != GRABCUT_BMP_ALPHABITFIELDS) ||
        colours > INT32_MAX) {
        return grabcut_fail(err, GRABCUT_EDECODE,
                            "the BMP header is damaged or has an unsupported compression");
    }
    out->width = (int32_t)grabcut_le32(dib + 4);
    out->height = height < 0 ? -height : height;
    out->bottom_up = height > 0;
    out->bits = (int32_t)grabcut_le16(dib + 14);
    out->packing = (grabcut_bmp_packing)packing;
    out->palette_entries = (int32_t)colours;
    out->palette_entry_bytes = 4;
    return GRABCUT_OK;
}

static int read_bmp_palette(grabcut_bmp *out, grabcut_range file, size_t at, grabcut_errbuf *err) {
    if (out->palette_entries == 0) {
        out->palette_entries = 1 << out->bits;
    }
    if (out->palette_entries > 256) {
        return grabcut_fail(err, GRABCUT_EDECODE, "the BMP's palette has more than 256 colours");
    }
    size_t bytes = (size_t)out->palette_entries * (size_t)out->palette_entry_bytes;
    if (at > file.len || bytes > file.len - at) {
        return bmp_header_cut_off(err);
    }
    out->palette = file.p + at;
    return GRABCUT_OK;
}

/* A run of bits within a pixel, or nothing. */
static int is_bmp_mask(uint32_t mask, int32_t bits) {
    uint32_t run = mask >> (mask ? __builtin_ctz(mask) : 0);
    return (run & (run + 1)) == 0 && (bits != 16 || mask <= UINT16_MAX);
}

/* Where the colours are in a pixel of 16 or 32 bits. A damaged mask of alpha is none, as alpha is
 * mostly ignored. */
static int read_bmp_masks(grabcut_bmp *out, grabcut_range file, grabcut_errbuf *err) {
    static const uint32_t standard[2][3] = {{0x1f, 0x3e0, 0x7c00}, {0xff, 0xff00, 0xff0000}};
    memcpy(out->masks, standard[out->bits == 32], sizeof(standard[0]));
    if (out->packing == GRABCUT_BMP_RGB) {
        return GRABCUT_OK;
    }
    /* Behind a BITMAPINFOHEADER, and at the same place inside of the longer headers. */
    if (file.len < BITFIELDS + 12) {
        return bmp_header_cut_off(err);
    }
    for (size_t i = 0; i < 3; i++) {
        uint32_t mask = grabcut_le32(file.p + BITFIELDS + 4 * i);
        if (!is_bmp_mask(mask, out->bits)) {
            return grabcut_fail(err, GRABCUT_EDECODE, "the BMP's colour masks are damaged");
        }
        out->masks[2 - i] = mask;
    }
    int has_alpha = out->packing == GRABCUT_BMP_ALPHABITFIELDS ||
                    grabcut_le32(file.p + FILE_HEADER) >= V3_HEADER;
    if (has_alpha && file.len >= BITFIELDS + 16) {
        uint32_t mask = grabcut_le32(file.p + BITFIELDS + 12);
        out->masks[3] = is_bmp_mask(mask, out->bits) ? mask : 0;
    }
    return GRABCUT_OK;
}

static int check_bmp_packing(const grabcut_bmp *bmp, grabcut_errbuf *err) {
    switch (bmp->packing) {
    case GRABCUT_BMP_RGB:
        return bmp->bits == 1 || bmp->bits == 4 || bmp->bits == 8 || bmp->bits == 16 ||
                       bmp->bits == 24 || bmp->bits == 32
                   ? GRABCUT_OK
                   : bmp_unsupported(bmp, err);
    case GRABCUT_BMP_RLE8:
        return bmp->bits == 8 ? GRABCUT_OK : bmp_unsupported(bmp, err);
    case GRABCUT_BMP_RLE4:
        return bmp->bits == 4 ? GRABCUT_OK : bmp_unsupported(bmp, err);
    case GRABCUT_BMP_BITFIELDS:
    case GRABCUT_BMP_ALPHABITFIELDS:
        return bmp->bits == 16 || bmp->bits == 32 ? GRABCUT_OK : bmp_unsupported(bmp, err);
    }
    return bmp_unsupported(bmp, err);
}

static int read_bmp_header(grabcut_bmp *out, grabcut_range file, grabcut_errbuf *err) {
    if (file.len < FILE_HEADER + CORE_HEADER) {
        return bmp_header_cut_off(err);
    }
    const uint8_t *dib = file.p + FILE_HEADER;
    uint32_t size = grabcut_le32(dib);
    out->pixels = grabcut_le32(file.p + 10);
    if (size == CORE_HEADER) {
        return read_bmp_core(out, dib);
    }
    if (size < INFO_HEADER) {
        return grabcut_fail(err, GRABCUT_EDECODE, "the BMP header has an unknown size");
    }
    if (size > file.len - FILE_HEADER) {
        return bmp_header_cut_off(err);
    }
    return read_bmp_info(out, dib, err);
}

int grabcut_bmp_header(grabcut_bmp *out, grabcut_range file, grabcut_errbuf *err) {
    memset(out, 0, sizeof(*out));
    int rc = read_bmp_header(out, file, err);
    if (rc) {
        return rc;
    }
    if (out->width < 1 || out->height < 1) {
        return grabcut_fail(err, GRABCUT_EDECODE, "the BMP header has no valid size");
    }
    if ((rc = check_bmp_packing(out, err))) {
        return rc;
    }
    if (out->bits > 8) {
        out->palette_entries = 0; /* meant for displays with few colours; no pixel refers to it */
        return read_bmp_masks(out, file, err);
    }
    return read_bmp_palette(out, file, FILE_HEADER + (size_t)grabcut_le32(file.p + FILE_HEADER),
                            err);
}
