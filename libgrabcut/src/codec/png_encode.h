/* Writes a PNG. */
#ifndef GRABCUT_CODEC_PNG_ENCODE_H
#define GRABCUT_CODEC_PNG_ENCODE_H

#include "bytes.h"

#include <grabcut/grabcut.h>

/* As grabcut_encode; `image` is valid, and without a profile `icc` is empty. */
int grabcut_write_png(uint8_t **out, size_t *out_len, const grabcut_image *image, int level,
                      grabcut_range icc, grabcut_errbuf *err);

#endif
