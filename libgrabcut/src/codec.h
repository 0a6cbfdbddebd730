/*
 * One reader a format. `out` is a picture of 3 channels, allocated, of the size that the header
 * told; a reader fills every pixel of it or fails: GRABCUT_EDECODE, GRABCUT_ENOMEM.
 */
#ifndef GRABCUT_SRC_CODEC_H
#define GRABCUT_SRC_CODEC_H

#include "bytes.h"

#include <grabcut/grabcut.h>

int grabcut_read_jpeg(const grabcut_image *out, grabcut_range file, grabcut_errbuf *err);
int grabcut_read_png(const grabcut_image *out, grabcut_range file, grabcut_errbuf *err);
int grabcut_read_webp(const grabcut_image *out, grabcut_range file, grabcut_errbuf *err);
int grabcut_read_bmp(const grabcut_image *out, grabcut_range file, grabcut_errbuf *err);

/* The most bytes that the reader of this file, and turning the image upright afterwards, allocate
 * beside the image itself. The probe is that of the file. GRABCUT_EDECODE if the file's own decoder
 * would fail before it has read what settles them. */
int grabcut_decoder_bytes(uint64_t *out, const grabcut_probe *probe, int turns, grabcut_range file,
                          grabcut_errbuf *err);

/* Turns a picture upright: EXIF orientation 2 to 8. Those of 5 and more swap width and height and
 * need a second picture while they work: GRABCUT_ENOMEM leaves *image as it was. */
int grabcut_turn_upright(grabcut_image *image, int32_t orientation);

#endif
