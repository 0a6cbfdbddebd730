/* Writes a JPEG. */
#ifndef GRABCUT_CODEC_JPEG_ENCODE_H
#define GRABCUT_CODEC_JPEG_ENCODE_H

#include "bytes.h"

#include <grabcut/grabcut.h>

/* As grabcut_encode; `image` is valid, and without a profile `icc` is empty. */
int grabcut_write_jpeg(uint8_t **out, size_t *out_len, const grabcut_image *image, int quality,
                       grabcut_range icc, grabcut_errbuf *err);

#endif
