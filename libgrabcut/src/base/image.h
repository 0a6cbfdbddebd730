/* Validates images that the caller passes. */
#ifndef GRABCUT_BASE_IMAGE_H
#define GRABCUT_BASE_IMAGE_H

#include <grabcut/grabcut.h>

/* Whether a caller's image is valid: it has pixels, a size, and rows that fit their stride. */
int grabcut_image_valid(const grabcut_image *image);

#endif
