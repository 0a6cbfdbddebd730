/* What a WebP says in its chunk headers. Reads inside of `file` only, decodes nothing and
 * allocates nothing. */
#ifndef GRABCUT_CODEC_WEBP_HEADER_H
#define GRABCUT_CODEC_WEBP_HEADER_H

#include "bytes.h"

#include <grabcut/grabcut.h>

/* WebP: the canvas, and where its (first) image is. */
typedef struct grabcut_webp {
    int32_t width, height;
    int cut_off; /* the file is shorter than its container says */
    int32_t orientation;
    grabcut_rect frame;      /* place on the canvas; all of it unless the file is an animation */
    grabcut_range bitstream; /* a whole VP8 or VP8L chunk; p is NULL where the file has none */
} grabcut_webp;
int grabcut_webp_header(grabcut_webp *out, grabcut_range file, grabcut_errbuf *err);

#endif
