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

#endif
