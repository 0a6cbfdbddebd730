/* Where a segmentation starts: at a rect, or at a mask with strokes drawn over it. */
#ifndef SV_PREDICT_START_H
#define SV_PREDICT_START_H

#include "request.h"

/* True if the request starts from a mask: it has a mask or strokes, or respects alpha. */
bool sv_start_has_mask(const sv_predict_request *request);

/* The rect of a request within an image of this size; empty where it lies outside. */
grabcut_rect sv_start_rect(const sv_rect_choice *choice, int32_t width, int32_t height);

/* Checks the header of the mask file against the image's size. *decoding is what its decoder takes
 * of memory, 0 without a mask. 0, or the status to answer with and a sentence. */
int sv_start_probe(int64_t *decoding, const sv_predict_request *request, int32_t width,
                   int32_t height, char *why, size_t why_size);

/* Fills `mask`, which has the image's size, with the four values of GRABCUT_INIT_WITH_MASK: the
 * request's mask, else its rect; then its strokes; background where `alpha`, if it is not empty, is
 * 0. `stop` and `ctx` as in sv_strokes_draw; they stop the decoder of the mask, too. 0, or the
 * status to answer with and a sentence. */
int sv_start_fill(grabcut_image *mask, const sv_predict_request *request,
                  const grabcut_image *alpha, bool (*stop)(void *ctx), void *ctx, char *why,
                  size_t why_size);

#endif
