/* Reads the body of an inference request. */
#ifndef SV_PREDICT_INFER_READ_H
#define SV_PREDICT_INFER_READ_H

#include "infer.h"

/*
 * Reads a request out of `body`, whose first `json_len` bytes are JSON and whose rest is binary
 * tensor data. Works in the body's own memory and overwrites it: numbers become bytes and base64
 * becomes a file where they stand, so nothing grows with the body, but for strings with escapes in
 * them: up to three times `json_len` is allocated then. 0, or -1 with a sentence in `why`; the
 * struct then owns nothing.
 */
int sv_infer_read(sv_infer *out, char *body, size_t len, size_t json_len, char *why,
                  size_t why_size);

#endif
