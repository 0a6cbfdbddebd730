/* Turning an image upright. */
#ifndef GRABCUT_CODEC_ORIENT_H
#define GRABCUT_CODEC_ORIENT_H

#include <grabcut/grabcut.h>

/* Turns an image upright: EXIF orientation 2 to 8. Those of 5 and more swap width and height and
 * need a second image while they work: GRABCUT_ENOMEM leaves *image as it was. */
int grabcut_turn_upright(grabcut_image *image, int32_t orientation);

#endif
