/* Reads the headers of a BMP. Stays inside `file`, decodes nothing and
 * allocates nothing. */
#ifndef GRABCUT_CODEC_BMP_HEADER_H
#define GRABCUT_CODEC_BMP_HEADER_H

#include "bytes.h"

#include <grabcut/grabcut.h>

typedef enum grabcut_bmp_packing {
    GRABCUT_BMP_RGB = 0,
    GRABCUT_BMP_RLE8 = 1,
    GRABCUT_BMP_RLE4 = 2,
    GRABCUT_BMP_BITFIELDS = 3,
    GRABCUT_BMP_ALPHABITFIELDS = 6 /* of Windows CE: a fourth mask follows */
} grabcut_bmp_packing;

typedef struct grabcut_bmp {
    int32_t width, height;
    int bottom_up;
    int32_t bits; /* a pixel: 1, 4, 8, 16, 24, 32 */
    grabcut_bmp_packing packing;
    uint32_t
        masks[4]; /* blue, green, red, alpha; for 16 and 32 bits. Each is a run of bits, or 0 */
    const uint8_t *palette;
    int32_t palette_entries, palette_entry_bytes; /* entries that the file has; 3 or 4 bytes each */
    size_t pixels;                                /* offset of the rows */
} grabcut_bmp;
int grabcut_bmp_header(grabcut_bmp *out, grabcut_range file, grabcut_errbuf *err);

#endif
