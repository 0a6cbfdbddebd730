/* Reads and writes colour models. */
#include "models.h"

#include <stdio.h>
#include <string.h>

static int read_model(double *out, const char *name, sv_bytes bytes, char *why, size_t why_size) {
    if (bytes.len != SV_MODEL_BYTES) {
        snprintf(why, why_size, "%s must be %d doubles, %zu bytes, not %zu bytes", name,
                 GRABCUT_MODEL_DOUBLES, SV_MODEL_BYTES, bytes.len);
        return -1;
    }
    for (size_t i = 0; i < GRABCUT_MODEL_DOUBLES; ++i) {
        uint64_t bits = 0;
        for (size_t k = 8; k-- > 0;)
            bits = bits << 8 | (uint8_t)bytes.p[8 * i + k];
        memcpy(&out[i], &bits, sizeof(bits));
    }
    return 0;
}

int sv_models_read(grabcut_models *out, const sv_predict_request *request, char *why,
                   size_t why_size) {
    grabcut_models models;
    grabcut_errbuf err = {""};
    if (read_model(models.background, "bgd_model", request->bgd_model, why, why_size) != 0 ||
        read_model(models.foreground, "fgd_model", request->fgd_model, why, why_size) != 0)
        return -1;
    if (grabcut_models_check(&models, &err) != GRABCUT_OK) {
        snprintf(why, why_size, "bgd_model or fgd_model: %s", err.text);
        return -1;
    }
    if (out != NULL)
        *out = models;
    return 0;
}

void sv_model_write(uint8_t *out, const double *model) {
    for (size_t i = 0; i < GRABCUT_MODEL_DOUBLES; ++i) {
        uint64_t bits;
        memcpy(&bits, &model[i], sizeof(bits));
        for (size_t k = 0; k < 8; ++k)
            out[8 * i + k] = (uint8_t)(bits >> 8 * k);
    }
}
