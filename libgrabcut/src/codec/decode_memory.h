/* Estimates the memory that decoding a file takes. */
#ifndef GRABCUT_CODEC_DECODE_MEMORY_H
#define GRABCUT_CODEC_DECODE_MEMORY_H

#include "bytes.h"

#include <grabcut/grabcut.h>

/* Writes the most bytes that decoding this file, and turning the image upright afterwards, allocate
 * in addition to the image itself. `probe` is that of the file,
 * `channels` the image's (3 or 4). Returns GRABCUT_EDECODE if the
 * file's own decoder would fail before it reaches the pixels. */
int grabcut_decoder_bytes(uint64_t *out, const grabcut_probe *probe, int turns, uint64_t channels,
                          grabcut_range file, grabcut_errbuf *err);

#endif
