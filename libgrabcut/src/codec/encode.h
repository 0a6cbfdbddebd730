/* Encodes an image as a file: what the formats share, and their encoders. */
#ifndef GRABCUT_CODEC_ENCODE_H
#define GRABCUT_CODEC_ENCODE_H

#include "bytes.h"

#include <grabcut/grabcut.h>

/* Bytes that grow. */
typedef struct grabcut_sink {
    uint8_t *p;
    size_t len, capacity;
} grabcut_sink;

/* Reserves `more` bytes behind the first `len`. Returns 0 if it is out of memory; the bytes
 * are kept. */
int grabcut_sink_reserve(grabcut_sink *s, size_t more);

/* Gives the bytes to the caller, without the unused capacity. */
void grabcut_sink_give(grabcut_sink *s, uint8_t **out, size_t *out_len);

/* The encoders, a file each. `image` is valid; options out of range are GRABCUT_EINVAL. An empty
 * `icc` is no profile. */
int grabcut_write_png(uint8_t **out, size_t *out_len, const grabcut_image *image, int level,
                      grabcut_range icc, grabcut_errbuf *err);
int grabcut_write_jpeg(uint8_t **out, size_t *out_len, const grabcut_image *image, int quality,
                       grabcut_range icc, grabcut_errbuf *err);
int grabcut_write_webp(uint8_t **out, size_t *out_len, const grabcut_image *image, int quality,
                       grabcut_range icc, grabcut_errbuf *err);

#endif
