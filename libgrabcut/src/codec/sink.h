/* Memory that grows, for encoders. */
#ifndef GRABCUT_CODEC_SINK_H
#define GRABCUT_CODEC_SINK_H

#include <stddef.h>
#include <stdint.h>

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

#endif
