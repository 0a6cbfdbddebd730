/* The orientation that EXIF metadata gives. */
#ifndef GRABCUT_CODEC_EXIF_H
#define GRABCUT_CODEC_EXIF_H

#include <stddef.h>
#include <stdint.h>

/* EXIF tag 0x0112 of IFD0 in a TIFF structure (a leading "Exif\0\0" is skipped): 1 to 8; 1 if it is
 * absent or invalid. Reads only inside of [p, p + len). */
int32_t grabcut_exif_orientation(const uint8_t *p, size_t len);

#endif
