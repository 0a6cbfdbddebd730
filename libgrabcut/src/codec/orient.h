/* Turning an image upright. */
#ifndef GRABCUT_CODEC_ORIENT_H
#define GRABCUT_CODEC_ORIENT_H

#include <grabcut/grabcut.h>

/* Turns an image with EXIF orientation 2 to 8 upright. Orientations from 5 on swap width and height
 * and need a second image meanwhile. On GRABCUT_ENOMEM *image is unchanged. */
int grabcut_turn_upright(grabcut_image *image, int32_t orientation);

#endif
