/* The colour models of a run that is continued: 65 doubles each, little-endian. */
#ifndef SV_PREDICT_MODELS_H
#define SV_PREDICT_MODELS_H

#include "request.h"

/* The bytes of one model. */
#define SV_MODEL_BYTES ((size_t)8 * GRABCUT_MODEL_DOUBLES)

/* Reads bgd_model and fgd_model of a request, whatever the processor's byte order. If `out` is
 * NULL, they are only checked. Returns 0, or -1 with a sentence if one has another length or cannot
 * have been learned by a run. */
int sv_models_read(grabcut_models *out, const sv_predict_request *request, char *why,
                   size_t why_size);

/* Writes SV_MODEL_BYTES. */
void sv_model_write(uint8_t *out, const double *model);

#endif
