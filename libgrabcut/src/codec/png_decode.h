/* The pixels of a PNG. */
#ifndef GRABCUT_CODEC_PNG_DECODE_H
#define GRABCUT_CODEC_PNG_DECODE_H

#include "bytes.h"
#include "cancel.h"

#include <grabcut/grabcut.h>

/* Fills every pixel of `out`, which has 3 or 4 channels, zeroed memory, and the size that the
 * header gives; or returns GRABCUT_EDECODE or GRABCUT_ENOMEM. Of the options, `cancel` and
 * `allow_truncated` count. */
int grabcut_read_png(const grabcut_image *out, grabcut_range file,
                     const grabcut_decode_options *opts, grabcut_errbuf *err);

#endif
