/*
 * What an inference request says, piece by piece as a reader finds it, and what the pieces mean
 * together. The readers of JSON (infer_read.c) and of protobuf (infer_message.c) share it, so that
 * both take the same requests and refuse the others with the same sentences.
 */
#ifndef SV_PREDICT_INFER_PARTS_H
#define SV_PREDICT_INFER_PARTS_H

#include "infer.h"

#define SV_INFER_MAX_RANK 8

extern const char *const sv_infer_output_names[SV_INFER_OUTPUTS];

typedef struct sv_infer_parts {
    sv_infer *out;
    char *why;
    size_t why_size;
    int n_inputs, n_outputs;
    char datatype[16];
    int64_t shape[SV_INFER_MAX_RANK];
    int rank;
    uint8_t *values; /* of the input's data, as bytes */
    size_t n_values, n_strings;
} sv_infer_parts;

/* Writes a sentence to `why`. Returns 0, the readers' value for "read no further". */
int sv_infer_stop(sv_infer_parts *parts, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The functions below return 1, or 0 with a sentence. */

/* Copies a text of `len` bytes to `to`, with a zero behind it; `name` is what the sentence calls
 * it. */
int sv_infer_copy(sv_infer_parts *parts, char *to, size_t size, const char *name, const char *p,
                  size_t len);
/* A parameter of the request that is none of its own format's: 0 if it is not known at all. */
int sv_infer_check_parameter(sv_infer_parts *parts, const char *name, size_t len);
int sv_infer_begin_input(sv_infer_parts *parts);
int sv_infer_name_input(sv_infer_parts *parts, const char *p, size_t len);
/* The output that is asked for, into *output. */
int sv_infer_name_output(sv_infer_parts *parts, int *output, const char *p, size_t len);
int sv_infer_add_dimension(sv_infer_parts *parts, int64_t size);

/* All pieces are there: 1 if there is an input of a datatype that is served, with a shape. *bytes
 * is true for BYTES, false for UINT8. */
int sv_infer_check(sv_infer_parts *parts, bool *bytes);
/* The input is these pixels. */
int sv_infer_take_pixels(sv_infer_parts *parts, uint8_t *pixels, size_t n);
/* The input is a BYTES tensor in binary form: one element, its length in 4 bytes, little-endian,
 * and itself. */
int sv_infer_take_element(sv_infer_parts *parts, char *data, size_t len);

#endif
