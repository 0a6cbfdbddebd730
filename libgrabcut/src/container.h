/*
 * What the four file formats say in their headers. Each function reads inside of its range only,
 * decodes nothing and allocates nothing.
 */
#ifndef GRABCUT_SRC_CONTAINER_H
#define GRABCUT_SRC_CONTAINER_H

#include "bytes.h"

#include <grabcut/grabcut.h>

enum { GRABCUT_JPEG_COMPONENTS = 10 }; /* libjpeg's MAX_COMPONENTS */

/* JPEG: the frame header and the first scan. */
typedef struct grabcut_jpeg {
    int32_t width, height;
    int32_t orientation;
    int progressive;
    int components; /* that the frame header lists whole; 0 if there are none or too many */
    struct {
        uint8_t across, down; /* sampling factors, 1 to 4 where they are valid */
    } sampling[GRABCUT_JPEG_COMPONENTS];
    int in_first_scan; /* components of the first scan */
} grabcut_jpeg;
int grabcut_jpeg_header(grabcut_jpeg *out, grabcut_range file, grabcut_errbuf *err);

int grabcut_png_header(grabcut_probe *out, grabcut_range file, grabcut_errbuf *err);

/* WebP: the canvas, and where its (first) picture is. */
typedef struct grabcut_webp {
    int32_t width, height;
    int cut_off; /* the file is shorter than its container says */
    int32_t orientation;
    grabcut_rect frame;    /* place on the canvas; all of it unless the file is an animation */
    grabcut_range picture; /* a whole VP8 or VP8L chunk; p is NULL where the file has none */
} grabcut_webp;
int grabcut_webp_header(grabcut_webp *out, grabcut_range file, grabcut_errbuf *err);

typedef enum grabcut_bmp_packing {
    GRABCUT_BMP_RGB = 0,
    GRABCUT_BMP_RLE8 = 1,
    GRABCUT_BMP_RLE4 = 2,
    GRABCUT_BMP_BITFIELDS = 3
} grabcut_bmp_packing;

typedef struct grabcut_bmp {
    int32_t width, height;
    int bottom_up;
    int32_t bits; /* a pixel: 1, 4, 8, 16, 24, 32 */
    grabcut_bmp_packing packing;
    uint32_t masks[3]; /* blue, green, red; of 16 and 32 bits */
    const uint8_t *palette;
    int32_t palette_entries, palette_entry_bytes; /* entries that the file has; 3 or 4 bytes each */
    size_t pixels;                                /* offset of the rows */
} grabcut_bmp;
int grabcut_bmp_header(grabcut_bmp *out, grabcut_range file, grabcut_errbuf *err);

#endif
