/* The memory that decoding a file takes. */
#ifndef GRABCUT_CODEC_DECODE_MEMORY_H
#define GRABCUT_CODEC_DECODE_MEMORY_H

#include "bytes.h"

#include <grabcut/grabcut.h>

/* The most bytes that the reader of this file, and turning the image upright afterwards, allocate
 * beside the image itself. The probe is that of the file. GRABCUT_EDECODE if the file's own decoder
 * would fail before it has read what settles them. */
int grabcut_decoder_bytes(uint64_t *out, const grabcut_probe *probe, int turns, grabcut_range file,
                          grabcut_errbuf *err);

#endif
