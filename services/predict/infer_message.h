/*
 * ModelInferRequest and ModelInferResponse: an inference as protobuf
 * (proto/open_inference_grpc.proto). What a request may hold, and what it is refused with, are
 * those of infer.h.
 */
#ifndef SV_PREDICT_INFER_MESSAGE_H
#define SV_PREDICT_INFER_MESSAGE_H

#include "infer.h"

/*
 * Reads a ModelInferRequest of `len` bytes. Allocates nothing, whatever the message holds: files
 * and pixels are taken where they lie, and uint_contents become bytes at the message's beginning,
 * which is overwritten. Returns 0, or the HTTP status of the refusal (400; 404 for
 * another model or version) with a sentence in `why`.
 */
int sv_infer_read_message(sv_infer *out, char *message, size_t len, char *why, size_t why_size);

/* Writes the ModelInferResponse: malloc'ed, *len bytes, at most sv_infer_answer_bytes. The tensors
 * are in raw_output_contents if those of the request were in raw_input_contents, else in contents.
 * NULL if memory ran out. */
char *sv_infer_write_message(size_t *len, const sv_infer *infer, const sv_infer_result *result);

#endif
