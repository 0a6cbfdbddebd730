/* The prefix of a lossless WebP bitstream: how much memory its decoder needs (RFC 9649, section 3).
 */
#ifndef GRABCUT_CODEC_VP8L_H
#define GRABCUT_CODEC_VP8L_H

#include "bytes.h"

#include <stdint.h>

typedef struct grabcut_vp8l {
    int32_t width, height;
    uint64_t subimage_pixels; /* of the transforms and of the entropy image */
    uint32_t groups;          /* groups of five prefix codes, 1 to 65536 */
    uint32_t cache_bits;      /* log2 of the size of the colour cache; 0 if there is none */
} grabcut_vp8l;

/* Reads the data of a VP8L chunk up to the prefix codes of the image itself. Allocates nothing;
 * takes time in proportion to the transforms and the entropy image, which have at most a 16th of
 * the image's pixels each. Returns 0 if the data are damaged or truncated there. */
int grabcut_vp8l_read(grabcut_vp8l *out, grabcut_range data);

/* The same of the alpha of a lossy WebP, which has no size of its own. */
int grabcut_vp8l_read_alpha(grabcut_vp8l *out, grabcut_range data, int32_t width, int32_t height);

#endif
