/* PNG: the IHDR chunk, and the eXIf chunk at any place (W3C PNG, third
 * edition, 11.2.1, 11.3.4.5); chunks by their type. */
#include "png_header.h"

#include "exif.h"
#include "fail.h"

#include <string.h>
#include <zlib.h>

enum { SIGNATURE = 8, LENGTH_AND_TYPE = 8, CRC = 4, IHDR_BYTES = 13, LONGEST_EXIF = 65536 };

/* Bit depths that a colour type allows, as a set of bits. */
static unsigned depths_of(unsigned colour_type) {
    switch (colour_type) {
    case 0: /* grey */
        return 1 | 2 | 4 | 8 | 16;
    case 3: /* palette */
        return 1 | 2 | 4 | 8;
    case 2: /* RGB */
    case 4: /* grey with alpha */
    case 6: /* RGB with alpha */
        return 8 | 16;
    default:
        return 0;
    }
}

static int is_power_of_two(unsigned n) {
    return n != 0 && (n & (n - 1)) == 0;
}

int grabcut_png_chunk(grabcut_range *out, grabcut_range file, const char *type,
                      const char *before) {
    size_t at = SIGNATURE;
    while (file.len - at >= LENGTH_AND_TYPE + CRC) {
        size_t length = grabcut_be32(file.p + at);
        const uint8_t *name = file.p + at + 4;
        at += LENGTH_AND_TYPE;
        if (length > file.len - at - CRC || memcmp(name, before, 4) == 0) {
            break;
        }
        if (memcmp(name, type, 4) == 0) {
            *out = (grabcut_range){file.p + at, length};
            /* Annex D: of the type and the data. */
            return crc32(0, name, (uInt)(4 + length)) == grabcut_be32(file.p + at + length);
        }
        at += length + CRC;
    }
    return 0;
}

static int32_t find_orientation(grabcut_range file) {
    grabcut_range exif;
    if (!grabcut_png_chunk(&exif, file, "eXIf", "IEND") || exif.len > LONGEST_EXIF) {
        return 1;
    }
    return grabcut_exif_orientation(exif.p, exif.len);
}

int grabcut_png_header(grabcut_probe *out, grabcut_range file, grabcut_errbuf *err) {
    if (file.len < SIGNATURE + LENGTH_AND_TYPE + IHDR_BYTES + CRC) {
        return grabcut_fail(err, GRABCUT_EDECODE, "the PNG header is truncated");
    }
    const uint8_t *chunk = file.p + SIGNATURE;
    if (grabcut_be32(chunk) != IHDR_BYTES || memcmp(chunk + 4, "IHDR", 4) != 0) {
        return grabcut_fail(err, GRABCUT_EDECODE, "the PNG does not begin with its header chunk");
    }
    const uint8_t *ihdr = chunk + LENGTH_AND_TYPE;
    uint32_t width = grabcut_be32(ihdr), height = grabcut_be32(ihdr + 4);
    if (width < 1 || height < 1 || width > INT32_MAX || height > INT32_MAX) {
        return grabcut_fail(err, GRABCUT_EDECODE, "the PNG header has no valid size");
    }
    if (!is_power_of_two(ihdr[8]) || !(ihdr[8] & depths_of(ihdr[9])) || ihdr[10] != 0 ||
        ihdr[11] != 0 || ihdr[12] > 1) {
        return grabcut_fail(err, GRABCUT_EDECODE,
                            "the PNG header has an unknown bit depth, colour type or method");
    }
    out->width = (int32_t)width;
    out->height = (int32_t)height;
    out->orientation = find_orientation(file);
    return GRABCUT_OK;
}
