/* Memory that grows, for encoders. */
#include "sink.h"

#include <stdlib.h>

int grabcut_sink_reserve(grabcut_sink *s, size_t more) {
    if (more <= s->capacity - s->len) {
        return 1;
    }
    size_t capacity = s->capacity + s->capacity / 2 + more + 4096;
    uint8_t *p = realloc(s->p, capacity);
    if (!p) {
        return 0;
    }
    s->p = p;
    s->capacity = capacity;
    return 1;
}

void grabcut_sink_give(grabcut_sink *s, uint8_t **out, size_t *out_len) {
    uint8_t *exact = realloc(s->p, s->len);
    *out = exact ? exact : s->p;
    *out_len = s->len;
}
