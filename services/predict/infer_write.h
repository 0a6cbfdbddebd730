/* Writes the body of an answer to an inference request. */
#ifndef SV_PREDICT_INFER_WRITE_H
#define SV_PREDICT_INFER_WRITE_H

#include "infer.h"

/* What sv_infer_write and sv_infer_write_message allocate at most, for an image of this many
 * pixels.
 */
int64_t sv_infer_answer_bytes(const sv_infer *infer, int64_t pixels);

/* Writes the answer: malloc'ed, *len bytes, the first *json_len of them JSON; *json_len is *len
 * where nothing is binary. NULL if memory ran out. */
char *sv_infer_write(size_t *len, size_t *json_len, const sv_infer *infer,
                     const sv_infer_result *result);

#endif
