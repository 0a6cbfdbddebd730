/* Reads a JPEG up to its first scan. Stays inside `file`, decodes nothing and
 * allocates nothing. */
#ifndef GRABCUT_CODEC_JPEG_HEADER_H
#define GRABCUT_CODEC_JPEG_HEADER_H

#include "bytes.h"

#include <grabcut/grabcut.h>

enum { GRABCUT_JPEG_COMPONENTS = 10 }; /* libjpeg's MAX_COMPONENTS */

/* JPEG: the frame header and the first scan. */
typedef struct grabcut_jpeg {
    int32_t width, height;
    int32_t orientation;
    int progressive;
    int components; /* listed in the frame header; 0 if there are none or too many */
    struct {
        uint8_t across, down; /* sampling factors; 1 to 4 are valid */
    } sampling[GRABCUT_JPEG_COMPONENTS];
    int in_first_scan; /* components of the first scan */
} grabcut_jpeg;
int grabcut_jpeg_header(grabcut_jpeg *out, grabcut_range file, grabcut_errbuf *err);

enum {
    GRABCUT_JPEG_FIRST = 2, /* where segments begin, behind SOI */
    GRABCUT_JPEG_APP2 = 0xe2,
    GRABCUT_JPEG_SOS = 0xda
};

/* The segment at or behind *at, which becomes its end: its marker, and its data without the length.
 * Returns 0 at the end of the file, at EOI, or if the segment is truncated. */
int grabcut_jpeg_segment(grabcut_range *out, int *marker, grabcut_range file, size_t *at);

#endif
