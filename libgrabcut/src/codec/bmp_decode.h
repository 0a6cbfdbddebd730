/* The pixels of a BMP. */
#ifndef GRABCUT_CODEC_BMP_DECODE_H
#define GRABCUT_CODEC_BMP_DECODE_H

#include "bytes.h"
#include "cancel.h"

#include <grabcut/grabcut.h>

/* Fills every pixel of `out`, which has 3 channels, memory, and the size that the header gives; or
 * returns GRABCUT_EDECODE or GRABCUT_ENOMEM. */
int grabcut_read_bmp(const grabcut_image *out, grabcut_range file, const grabcut_cancel *cancel,
                     grabcut_errbuf *err);

#endif
