/* Reads the chunk headers of a WebP. Stays inside `file`, decodes nothing and
 * allocates nothing. */
#ifndef GRABCUT_CODEC_WEBP_HEADER_H
#define GRABCUT_CODEC_WEBP_HEADER_H

#include "bytes.h"

#include <grabcut/grabcut.h>

/* The canvas, and the place of the (first) image. */
typedef struct grabcut_webp {
    int32_t width, height;
    int cut_off; /* the file is shorter than its container declares */
    int32_t orientation;
    grabcut_rect frame;  /* place on the canvas; all of it unless the file is an animation */
    grabcut_range alpha; /* data of the ALPH chunk before a VP8 chunk; p is NULL if there is none */
    grabcut_range icc;   /* data of the ICCP chunk; p is NULL if the file has none */
    grabcut_range bitstream; /* a whole VP8 or VP8L chunk; p is NULL if the file has none */
} grabcut_webp;
int grabcut_webp_header(grabcut_webp *out, grabcut_range file, grabcut_errbuf *err);

#endif
