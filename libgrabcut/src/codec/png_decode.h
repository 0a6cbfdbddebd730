/* The pixels of a PNG. */
#ifndef GRABCUT_CODEC_PNG_DECODE_H
#define GRABCUT_CODEC_PNG_DECODE_H

#include "bytes.h"
#include "cancel.h"

#include <grabcut/grabcut.h>

/* Fills every pixel of `out`, which has 3 channels, memory, and the size that the header gives; or
 * returns GRABCUT_EDECODE or GRABCUT_ENOMEM. */
int grabcut_read_png(const grabcut_image *out, grabcut_range file, const grabcut_cancel *cancel,
                     grabcut_errbuf *err);

#endif
