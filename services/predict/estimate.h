/* The memory that a picture takes, and the largest picture that memory suffices for. */
#ifndef SV_PREDICT_ESTIMATE_H
#define SV_PREDICT_ESTIMATE_H

#include "request.h"

/* Sets what a request says about where its segmentation starts, and its iterations and seed. */
void sv_predict_set_start(grabcut_options *options, const sv_predict_request *request,
                          int32_t width, int32_t height);

/* The bytes that an image of this size takes while it is processed: the most of decoding,
 * segmenting and encoding, one after the other. `decoding` is grabcut_decode_estimate, 0 for pixels
 * that need no decoder; `mask_decoding` the same for the mask, while the image is held; `answer` is
 * what the answer takes besides a PNG in base64. */
int64_t sv_predict_bytes(const sv_predict *predict, int32_t width, int32_t height,
                         const sv_predict_request *request, int64_t decoding, int64_t mask_decoding,
                         int64_t answer);
/* The most pixels that `bytes` suffice for with the server's own rect. */
int64_t sv_predict_pixels(const sv_predict *predict, int64_t bytes);

#endif
